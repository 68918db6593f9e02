"""`brinery upgrade`: files, folders, shelves and columns; dry runs, and rules that it learns."""

import dbm.dumb
import importlib.util
import json
import os
import pickle
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from terminals import terminal

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


@pytest.mark.slow
def test_a_terminal_shows_how_far_it_is_and_what_was_changed(tmp_path):
    folder = tmp_path / "many"
    for i in range(3000):
        (folder / f"{i % 20}").mkdir(parents=True, exist_ok=True)
        (folder / f"{i % 20}" / f"{i}.pickle").write_bytes(OLD)
    command = [sys.executable, "-m", "brinery", "upgrade", str(folder), "--encoding", "latin1"]
    shown = terminal([*command, "--to", str(tmp_path / "new")])
    lines = re.findall(r"\[([#.]{20})\] +(\d+) % of 3,000 files; changed 1 names, ([\d,]+) strings", shown)
    assert len(lines) > 2
    percents = [int(percent) for _, percent, _ in lines]
    strings = [int(count.replace(",", "")) for *_, count in lines]
    assert percents == sorted(percents)
    assert strings == sorted(strings)
    assert 0 <= percents[0] < percents[-1] <= 100
    assert all(abs(bar.count("#") - 0.2 * int(percent)) <= 1 for bar, percent, _ in lines)
    assert shown.endswith("\r" + " " * 78 + "\r")  # and nothing of it stays
    assert sum(len(files) for *_, files in os.walk(tmp_path / "new")) == 3000


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


@pytest.mark.parametrize(
    "arguments",
    [
        ["--encoding", "utf-9"],
        ["--errors", "lenient"],
        ["--text", "shop:Order.code=latin-7000"],
    ],
)
def test_what_nobody_knows_is_said_before_anything_is_read(folder, capsys, arguments):
    assert main(["upgrade", str(folder), "--in-place", *arguments]) == 1
    assert arguments[1].rpartition("=")[2] in capsys.readouterr().err
    assert (folder / "a.pickle").read_bytes() == OLD


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_number_of_processes_is_one(folder, capsys, count):
    with pytest.raises(SystemExit):
        main(["upgrade", str(folder), "--in-place", "--jobs", count])
    assert "number of processes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nothing", "nothing"),
        ("nobase://ada:secret@host/x", "nobase"),
        ("sqlite:////no/such/folder/x.db", "there is no database"),
        ("sqlite://", "t"),
    ],
)
def test_a_database_that_is_not_there_is_an_error_and_no_traceback(capsys, url, words):
    pytest.importorskip("sqlalchemy")
    assert main(["upgrade", url, "--column", "t.c", "--in-place"]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert "secret" not in error
    assert "Traceback" not in error


def test_every_run_names_what_nobody_knows(folder, capsys):
    (folder / "c.pickle").write_bytes(b"\x80\x02cnobody.knows\nThis\n.")
    assert main(["upgrade", str(folder), "--in-place", "--encoding", "latin1"]) == 0
    out = capsys.readouterr().out
    assert "1 names are not found here" in out
    assert "nobody.knows:This" in out


def test_damaged_rows_are_named(tmp_path, capsys):
    pytest.importorskip("sqlalchemy")
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, c BLOB)")
        rows = [(1, OLD), (2, OLD[:-1]), (3, OLD[:-3])]
        database.executemany("INSERT INTO t VALUES (?, ?)", rows)
    url = f"sqlite:///{tmp_path}/t.db"
    assert main(["upgrade", url, "--column", "t.c", "--in-place", "--encoding", "latin1"]) == 1
    error = capsys.readouterr().err
    assert "t.c[2]: " in error
    assert "t.c[3]: " in error


def test_what_wants_a_plugin_still_is_told_file_by_file(tmp_path, capsys, monkeypatch):
    for name, of in (("a", b"Basket"), ("b", b"Basket"), ("c", b"Plain"), ("d", b"Gone")):
        (tmp_path / f"{name}.pickle").write_bytes(b"\x80\x02cshop\n" + of + b"\n)\x81}b.")

    class Plugin:
        __name__ = "shopkit"

        @brinery.hookimpl
        def brinery_shapes(self):
            yield brinery.Shape("shop:Basket", create=lambda cls: cls())

        @brinery.hookimpl
        def brinery_name_tables(self):
            yield brinery.NameTable("shop", stand_ins={"shop:Gone": "brinery.engine.shaping:may_be_shaped"})

    profile = brinery.Profile([Plugin()])
    monkeypatch.setattr("brinery.upgrade.rules.default_profile", lambda: profile)
    monkeypatch.setattr("brinery.cli.upgrade.chosen_profile", lambda: profile)
    report = tmp_path / "report"
    assert main(["upgrade", str(tmp_path), "--in-place", "--report", str(report)]) == 0
    out = capsys.readouterr().out
    assert "3 files may want a plugin still" in out
    assert "2  shop:Basket: its objects may have been of another shape (plugin shopkit)" in out
    assert "1  shop:Gone: brinery.engine.shaping:may_be_shaped stands in for it" in out
    assert f"{tmp_path}/b.pickle: shop:Basket" in out
    lines = {
        os.path.basename(line["path"]): line for line in map(json.loads, report.read_text().splitlines())
    }
    assert set(lines["d.pickle"]["wants"]) == {"shop:Gone"}
    assert lines["c.pickle"]["wants"] == {}
    assert lines["c.pickle"]["state"] == "replaced"


ORDER = b"\x80\x02cshop\nOrder\n)\x81}(U\x04codeU\x01\xe9U\x04nameU\x02\xc3\xa9ub."


def test_rules_that_met_nothing_are_named(tmp_path, capsys):
    (tmp_path / "order.pickle").write_bytes(ORDER)
    rules = [
        "--text",
        "shop:Order.code=bytes",
        "--text",
        "shop:Order.cod=bytes",
        "--text",
        "shops:Order=bytes",
    ]
    command = ["upgrade", str(tmp_path), "--dry-run", "--encoding", "utf-8", *rules]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "--text rules that no string of Python 2 met" in out
    named = [line.strip() for line in out.splitlines() if line.startswith("          shop")]
    assert named == ["shop:Order.cod", "shops:Order"]
    assert main(command[:-4]) == 0
    assert "--text rules" not in capsys.readouterr().out


def test_a_rule_that_is_wrong_is_told_as_such(tmp_path, capsys):
    (tmp_path / "order.pickle").write_bytes(ORDER)
    command = ["upgrade", str(tmp_path), "--in-place", "--encoding", "latin-1", "--text"]
    assert main([*command, "shop:Order.code=utf-8"]) == 1
    assert (
        "is not utf-8: the rule for shop:Order.code says that it is, and is wrong" in capsys.readouterr().err
    )
    for encoding in ("hex", ""):
        assert main([*command, f"shop:Order.code={encoding}"]) == 1
        assert "--text" in capsys.readouterr().err
    assert (tmp_path / "order.pickle").read_bytes() == ORDER


def test_hard_links_are_told_in_words_that_say_what_to_do(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.pickle").write_bytes(OLD)
    os.link(tmp_path / "in" / "a.pickle", tmp_path / "b.pickle")
    assert main(["upgrade", str(tmp_path / "in"), "--in-place", "--encoding", "latin1"]) == 0
    said = capsys.readouterr().err
    assert "it had another name (hard links), and is a file of its own now" in said
    assert (tmp_path / "b.pickle").read_bytes() == OLD


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="Ctrl-C goes to a group of processes")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_says_what_was_done_and_how_to_go_on(tmp_path, jobs):
    for i in range(3000):
        (tmp_path / f"{i:04}.pickle").write_bytes(OLD)
    command = [
        sys.executable,
        "-m",
        "brinery",
        "upgrade",
        str(tmp_path),
        "--in-place",
        "--encoding",
        "latin1",
    ]
    with subprocess.Popen(
        [*command, "--jobs", jobs],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What is started in a script's background ignores it, and so do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        while running.poll() is None and not (tmp_path / ".0040.pickle.brinery-old").exists():
            time.sleep(0.01)
        time.sleep(0.1)
        os.killpg(running.pid, signal.SIGINT)
        out, error = running.communicate(timeout=60)
    assert running.returncode == 130, error
    assert not out
    assert "Traceback" not in error
    assert "interrupted: of files so far: " in error
    assert "The same command goes on" in error
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".brinery-lock")]
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "done before" in again.stdout
    assert len(os.listdir(tmp_path)) == 3000
    assert all(pickle.loads(path.read_bytes()) == MEANS for path in tmp_path.iterdir())
