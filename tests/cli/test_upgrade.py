"""`brinery upgrade`: files, folders, shelves and columns; dry runs, and rules that it learns."""

import dbm.dumb
import importlib.util
import os
import pickle
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

import brinery
from brinery.cli import main

OLD = b"\x80\x02]q\x00(U\x04caf\xe9q\x01c__builtin__\nset\nq\x02]q\x03K\x01a\x85Re."
MEANS = ["café", {1}]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "archive"
    (path / "deep").mkdir(parents=True)
    for name in ("a.pickle", "deep/b.pickle"):
        (path / name).write_bytes(OLD)
    (path / "readme.txt").write_text("# no pickle")
    return path


def test_in_place(folder, capsys):
    assert main(["upgrade", str(folder), "--in-place", "--encoding", "latin1"]) == 0
    out = capsys.readouterr().out
    assert "3 files: 2 replaced, 1 no pickles" in out
    assert "2 pickles" in out
    assert "strings of Python 2: 2 became text, 0 bytes" in out
    assert "__builtin__:set → builtins:set" in out
    assert pickle.loads((folder / "deep" / "b.pickle").read_bytes()) == MEANS
    assert sorted(os.listdir(folder)) == ["a.pickle", "deep", "readme.txt"]


def test_what_fails_is_told_with_what_to_do(folder, capsys):
    assert main(["upgrade", str(folder), "--in-place"]) == 1
    error = capsys.readouterr().err
    assert f"{folder}/a.pickle: " in error
    assert "b'caf\\xe9', is not ASCII: give the encoding" in error
    assert (folder / "a.pickle").read_bytes() == OLD


def test_elsewhere_with_a_rule_for_text(tmp_path, capsys):
    source = tmp_path / "order.pickle"
    source.write_bytes(b"\x80\x02cshop\nOrder\n)\x81}(U\x04codeU\x01\xe9U\x04nameU\x02\xc3\xa9ub.")
    rule = ["--encoding", "utf-8", "--text", "shop:Order.code=bytes"]
    assert main(["upgrade", str(source), "--to", str(tmp_path / "new"), *rule]) == 0
    new = (tmp_path / "new" / "order.pickle").read_bytes()
    assert b"C\x01\xe9" in new
    assert "é".encode() in new
    assert main(["upgrade", str(source), "--to", "x", "--text", "nonsense"]) == 1


def test_a_dry_run_writes_nothing_and_names_what_nobody_knows(folder, capsys):
    (folder / "c.pickle").write_bytes(b"\x80\x02cnobody.knows\nThis\n.")
    assert main(["upgrade", str(folder), "--dry-run", "--encoding", "latin1"]) == 0
    out = capsys.readouterr().out
    assert "nobody.knows:This" in out
    assert "__builtin__:set → builtins:set" in out
    assert (folder / "a.pickle").read_bytes() == OLD


def test_learned_rules_are_a_plugin_that_works(tmp_path, capsys, monkeypatch):
    package = tmp_path / "movedshop"
    (package / "people").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('never imported')\n")
    (package / "people" / "__init__.py").write_text("")
    (package / "people" / "models.py").write_text("class Customer:\n    pass\n\n\nclass Twice:\n    pass\n")
    (package / "other.py").write_text("class Twice:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    old = tmp_path / "old.pickle"
    old.write_bytes(
        b"\x80\x02(cmovedshop.models\nCustomer\ncmovedshop.gone\nTwice\ncmovedshop.models\nNo\nt."
    )
    assert main(["upgrade", str(old), "--learn", str(tmp_path / "learned.py")]) == 0
    assert "1 rules for 3 names" in capsys.readouterr().out
    text = (tmp_path / "learned.py").read_text()
    assert "# 'movedshop.gone:Twice': 'movedshop.other:Twice'," in text
    spec = importlib.util.spec_from_file_location("learned", tmp_path / "learned.py")
    learned = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(learned)
    plan = brinery.Profile(plugins=[learned]).read_plan
    assert plan.names.apply("movedshop.models", "Customer") == ("movedshop.people.models", "Customer")
    assert "movedshop" not in sys.modules


def test_shelves_and_columns(tmp_path, capsys):
    pytest.importorskip("sqlalchemy")
    with dbm.dumb.open(str(tmp_path / "shelf"), "n") as shelf:
        shelf["a"] = OLD
    assert main(["upgrade", str(tmp_path / "shelf"), "--in-place", "--encoding", "latin1"]) == 0
    with dbm.dumb.open(str(tmp_path / "shelf"), "r") as shelf:
        assert pickle.loads(shelf["a"]) == MEANS
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, c BLOB)")
        database.execute("INSERT INTO t VALUES (1, ?)", (OLD,))
    url = f"sqlite:///{tmp_path}/t.db"
    assert main(["upgrade", url, "--column", "t.c", "--in-place", "--encoding", "latin1"]) == 0
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        assert pickle.loads(database.execute("SELECT c FROM t").fetchone()[0]) == MEANS
    assert main(["upgrade", url, "--column", "t.no", "--in-place"]) == 1
    assert "no column no" in capsys.readouterr().err


def test_nothing_is_imported(tmp_path):
    old = tmp_path / "old.pickle"
    old.write_bytes(b"cantigravity\nfly\n(tR.")
    program = f"import sys; from brinery.cli import main; main(['upgrade', {str(old)!r}, '--in-place'])"
    subprocess.run([sys.executable, "-c", f"{program}\nassert 'antigravity' not in sys.modules"], check=True)
    assert b"antigravity" in old.read_bytes()
    assert old.read_bytes().startswith(b"\x80\x05")
