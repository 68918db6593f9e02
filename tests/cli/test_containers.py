"""Every command that looks into pickles finds them in the same containers."""

import bz2
import dbm.dumb
import gzip
import io
import json
import lzma
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
import zlib
from contextlib import closing

import pytest
from terminals import terminal

from brinery.cli import main

DATA = pickle.dumps({"name": ["a", "b"]}, 4)
OTHER = pickle.dumps([1, 2.5], 2)
COMMANDS = ["dis", "refs", "sizes", "doctor", "diff"]


def gzipped(path):
    path.write_bytes(gzip.compress(DATA))
    return "", path


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", DATA)
        archive.writestr("readme.txt", "no pickle")
    return "archive/data.pkl", path


def sqlite(path):
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY, data BLOB)")
        database.execute("INSERT INTO orders VALUES (7, ?), (8, NULL), (9, x'00')", [DATA])
    return "orders.data[7]", path


def shelf(path):
    with dbm.dumb.open(str(path), "n") as file:
        file["key"] = DATA
    return "['key']", path


def url(path):
    pytest.importorskip("sqlalchemy")
    return "orders.data[7]", f"sqlite:///{sqlite(path)[1]}"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("container", [gzipped, zipped, sqlite, shelf, url])
def test_each_command_looks_into_each(command, container, tmp_path, capsys):
    where, name = container(tmp_path / "data.db")
    (tmp_path / "other").write_bytes(OTHER)
    files = [str(name), str(tmp_path / "other")] if command == "diff" else [str(name)]
    assert main([command, *files]) == (command == "diff")
    out = capsys.readouterr().out
    assert where in out or command == "diff"
    expected = {
        "dis": "SHORT_BINUNICODE     'name'",
        "refs": "1 pickle",
        "sizes": "root['name']",
        "doctor": "protocol 4",
        "diff": "'name'",
    }[command]
    assert expected in out


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_of_many_a_malformed_one_is_named_and_the_exit_code_says_so(command, tmp_path, capsys):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.pkl", DATA)
        archive.writestr("bad.pkl", DATA[:-3])
        archive.writestr("last.pkl", OTHER)
    assert main([command, str(path)]) == 1
    out, err = capsys.readouterr()
    assert "good.pkl" in out
    assert "last.pkl" in out
    assert "bad.pkl" in (out if command == "doctor" else err)


def test_sizes_of_a_container_are_one_tree(tmp_path, capsys):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("small.pkl", pickle.dumps({"a": "x" * 1000}))
        archive.writestr("large.pkl", pickle.dumps({"b": "y" * 3000}))
    assert main(["sizes", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("2 pickles")
    paths = [line.split("  ")[-2] for line in lines[3:7]]
    assert paths == ["large.pkl", "root", "root['b']", "small.pkl"]
    assert main(["sizes", str(path), "--json"]) == 0
    assert [one["where"] for one in json.loads(capsys.readouterr().out)] == ["small.pkl", "large.pkl"]


def test_an_archive_on_standard_input(tmp_path):
    _, path = zipped(tmp_path / "data.zip")
    with open(path, "rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "brinery", "refs", "-"],
            input=file.read(),
            capture_output=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"archive/data.pkl: 1 pickle" in done.stdout


def test_one_column_with_what_does_not_begin_with_its_protocol(tmp_path, capsys):
    path = tmp_path / "data.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE a (data BLOB, other BLOB)")
        database.execute("INSERT INTO a VALUES (?, ?)", [pickle.dumps([1], 0), DATA])
    for name in (str(path), f"sqlite:///{path}"):
        if "://" in name:
            pytest.importorskip("sqlalchemy")
        assert main(["refs", name]) == 0
        assert "a.other" in capsys.readouterr().out
        assert main(["refs", name, "--column", "a.data"]) == 0
        out = capsys.readouterr().out
        assert "a.data[" in out
        assert "a.other" not in out


@pytest.mark.parametrize(
    ("name", "column", "words"),
    [
        ("file", "a.b", "no database"),
        ("database", "a.b", "no table a; its tables are orders"),
        ("database", "orders.b", "no column b"),
        ("database", "orders", "TABLE.COLUMN"),
        ("url", "a.b", "no table a"),
        ("url", "orders.b", "no column b; it has number, data"),
        ("nowhere", None, "there is no database"),
        ("dialect", None, "nosuch"),
    ],
)
def test_what_is_not_there_is_said(name, column, words, tmp_path, capsys):
    _, path = sqlite(tmp_path / "data.db")
    (tmp_path / "file").write_bytes(DATA)
    if name in ("url", "nowhere", "dialect"):
        pytest.importorskip("sqlalchemy")
    target = {
        "file": tmp_path / "file",
        "database": path,
        "url": f"sqlite:///{path}",
        "nowhere": f"sqlite:///{tmp_path}/no/such.db",
        "dialect": "nosuch://me:secret@host/db",
    }[name]
    assert main(["refs", str(target), *(["--column", column] if column else [])]) == 1
    err = capsys.readouterr().err
    assert words in err
    assert "secret" not in err


def places(capsys, *arguments):
    """Where refs finds pickles, and its exit code."""
    code = main(["refs", *map(str, arguments), "--json"])
    found = json.loads(capsys.readouterr().out)
    return code, [one["where"] for one in found] if isinstance(found, list) else [""]


PACKED = {"gzip": gzip.compress, "zlib": zlib.compress, "bz2": bz2.compress, "lzma": lzma.compress}


@pytest.fixture
def values(tmp_path):
    """An SQLite file with one row for each value."""

    def make(*given):
        path = tmp_path / "values.db"
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE t (number INTEGER PRIMARY KEY, data, note TEXT)")
            database.executemany("INSERT INTO t (data) VALUES (?)", [(value,) for value in given])
        return path

    return make


@pytest.mark.parametrize("protocol", [0, 1])
def test_old_protocols_in_columns_are_seen_unasked(protocol, values, capsys):
    old = pickle.dumps({"a": [1, 2.5]}, protocol)
    path = values(old, b"(not one", b"N", old + b"!", "N.", "I am text.\n.", "plain")
    assert places(capsys, path) == (0, ["t.data[1]"])
    if protocol == 0:  # it is text, and may lie in a column of text
        path.unlink()
        assert places(capsys, values(old.decode())) == (0, ["t.data[1]"])
        assert places(capsys, path, "--column", "t.data") == (0, ["t.data[1]"])


def test_old_protocols_by_a_url(values, capsys):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    path = values()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE old (id INTEGER PRIMARY KEY, data BLOB, text TEXT)")
        old = pickle.dumps([1], 0)
        database.execute("INSERT INTO old (data, text) VALUES (?, ?)", [old, old.decode()])
    assert sqlalchemy.__version__
    assert places(capsys, f"sqlite:///{path}") == (0, ["old.data[1]"])
    assert places(capsys, f"sqlite:///{path}", "--column", "old.text") == (0, ["old.text[1]"])


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize("url", [False, True])
def test_compressed_values_in_columns_are_looked_into(how, url, values, capsys):
    path = values(PACKED[how](DATA), PACKED[how](b"no pickle"), DATA, b"x\x9cnothing")
    name, column = path, ()
    if url:
        pytest.importorskip("sqlalchemy")
        name, column = f"sqlite:///{path}", ("--column", "t.data")
    _, found = places(capsys, name, *column)
    # Where the column is asked for by its name, what may begin a pickle is one.
    assert [where for where in found if where != "t.data[2]"] == ["t.data[1]", "t.data[3]"]


def test_one_damaged_value_does_not_end_the_others(values, capsys, tmp_path):
    cut = zlib.compress(DATA + os.urandom(5000))[:-20]
    path = values(DATA, cut, DATA[:-1], DATA)
    for command in ("refs", "sizes", "dis"):
        assert main([command, str(path)]) == 1
        out, err = capsys.readouterr()
        assert "t.data[4]" in out
        assert "t.data[2]" in err
        assert "t.data[3]" in err
    other = tmp_path / "other.db"
    shutil.copy(path, other)
    with closing(sqlite3.connect(other)) as database, database:
        database.execute("UPDATE t SET data = ? WHERE number = 4", [OTHER])
    assert main(["diff", str(path), str(other)]) == 2
    out, err = capsys.readouterr()
    assert "t.data[4]: root" in out
    assert "t.data[2]" in err
    assert "t.data[3]" in err
    assert main(["diff", str(path), str(other), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)


def test_a_database_that_is_not_there_is_not_made(tmp_path, capsys):
    pytest.importorskip("sqlalchemy")
    path = tmp_path / "nope.db"
    for command in COMMANDS:
        files = [f"sqlite:///{path}"] * (2 if command == "diff" else 1)
        assert main([command, *files]) in (1, 2)
        assert "there is no database" in capsys.readouterr().err
        assert not path.exists()


def test_a_name_that_is_misspelt_brings_the_one_that_is_meant(values, capsys):
    path = values(DATA)
    for name in (path, f"sqlite:///{path}"):
        if name != path:
            pytest.importorskip("sqlalchemy")
        for column, words in (
            ("t.dat", "the table t has no column dat; did you mean data?"),
            ("t.x", "it has number, data, note"),
            ("tt.data", "the database has no table tt; did you mean t?"),
        ):
            assert main(["refs", str(name), "--column", column]) == 1
            err = capsys.readouterr().err
            assert words in err
            assert "damaged" not in err
            assert "no pickle" not in err


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_archive(mode, tmp_path, capsys, monkeypatch):
    path = tmp_path / "some.tar"
    members = {
        "a/data.pkl": DATA,
        "b/old": pickle.dumps([1], 0),
        "c/readme": b"no pickle",
        "d/x.pkl.gz": gzip.compress(DATA),
        "e/long.bin": pickle.dumps(b"x" * 100_000, 4),
    }
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    expected = [name for name in members if name != "c/readme"]
    assert places(capsys, path) == (0, expected)
    assert main(["doctor", str(path)]) == 0
    capsys.readouterr()
    with open(path, "rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        assert places(capsys, "-") == (0, expected)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert main(["doctor", str(path)]) == 1


def test_members_of_a_zip_by_content(tmp_path, capsys):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("old", pickle.dumps({"a": 1}, 0))
        archive.writestr("packed", gzip.compress(DATA))
        archive.writestr("code.py", b"(a, b) = 1, 2\n")
        archive.writestr("text", b"In a text.")
    assert places(capsys, path) == (0, ["old", "packed"])


def test_a_column_of_postgresql(capsys):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg")
    address = os.environ.get("BRINERY_TEST_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1:5432/test")
    engine = sqlalchemy.create_engine(address)
    table = sqlalchemy.Table(
        f"pickles_{os.getpid()}",
        sqlalchemy.MetaData(),
        sqlalchemy.Column("shop", sqlalchemy.String, primary_key=True),
        sqlalchemy.Column("number", sqlalchemy.Integer, primary_key=True),
        sqlalchemy.Column("data", sqlalchemy.PickleType),
        sqlalchemy.Column("text", sqlalchemy.String),
    )
    try:
        table.create(engine)
    except sqlalchemy.exc.OperationalError as refused:
        pytest.skip(f"no PostgreSQL: {refused}")
    try:
        rows = [{"shop": f"s{i % 3}", "number": i, "data": range(i), "text": "x"} for i in range(1200)]
        with engine.begin() as connection:
            connection.execute(table.insert(), rows)
        assert main(["refs", address, "--column", f"{table.name}.data", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert len(found) == 1200
        assert {one["where"] for one in found} == {f"{table.name}.data[s{i % 3}, {i}]" for i in range(1200)}
        assert found[0]["globals"][0]["name"] in ("xrange", "range")
        assert main(["sizes", address, "--column", f"{table.name}.data"]) == 0
        assert "1,200 pickles" in capsys.readouterr().out
    finally:
        table.drop(engine)
        engine.dispose()


def test_a_member_of_another_compression_or_damaged_is_an_error_that_names_it(tmp_path, capsys):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps("x" * 5000))
    data = bytearray(path.read_bytes())
    data[data.index(b"xxxx") + 100] = 0
    path.write_bytes(data)
    assert main(["refs", str(path)]) == 1
    assert "data.pkl" in capsys.readouterr().err


def test_the_bar_of_a_compressed_file_ends_at_its_end(tmp_path):
    path = tmp_path / "long.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(10):
            pickle.dump(os.urandom(1_000_000), file)
        pickle.dump("x" * 30_000_000, file)
    shown = terminal([sys.executable, "-m", "brinery", "refs", str(path)])
    percents = [int(part.rpartition("]")[2]) for part in shown.split(" % of")[:-1]]
    assert percents
    assert max(percents) <= 100
