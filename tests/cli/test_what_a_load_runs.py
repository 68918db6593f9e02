"""What is looked at is what a load runs; of what could not be looked at, the exit code and a line tell."""

import dbm.dumb
import io
import os
import pickle
import signal
import sqlite3
import struct
import subprocess
import sys
import tarfile
import zipfile
from contextlib import closing

import pytest

from brinery.cli import main
from brinery.stream import pickles_in
from brinery.stream.kinds import is_tar
from brinery.stream.resolving import resolve

DATA = pickle.dumps({"name": ["a", "b"]}, 4)
EVIL = b"cos\nsystem\n(S'true'\ntR."


def tarred(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (("a.pkl", DATA), ("data.pkl", EVIL), ("z.pkl", DATA)):
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("pack", [bytes, __import__("gzip").compress])
def test_a_tar_archive_that_is_a_pickle_is_shown_as_both(pack, tmp_path, capsys):
    path = tmp_path / "both"
    path.write_bytes(pack(tarred({EVIL.decode(): DATA, "data.pkl": DATA})))
    assert [found.where for found in pickles_in(path)] == ["the file itself", EVIL.decode(), "data.pkl"]
    main(["refs", str(path)])
    out = capsys.readouterr().out
    assert "the file itself: 1 pickle" in out
    assert "os.system" in out
    assert "data.pkl: 1 pickle" in out
    main(["doctor", str(path)])
    assert "it names os.system" in capsys.readouterr().out


def test_a_name_that_calls_and_then_fails_is_shown_too(tmp_path):
    path = tmp_path / "both"
    path.write_bytes(tarred({EVIL[:-1].decode(): DATA}))
    assert next(pickles_in(path)).where == "the file itself"


@pytest.mark.parametrize("name", ["checkpoint/data.pkl", "Data.pkl", "input.pkl", "./data.pkl", "(a).pkl"])
def test_other_tar_archives_are_no_pickles(name, tmp_path):
    path = tmp_path / "archive"
    path.write_bytes(tarred({name: DATA + b"\n\n", "b.pkl": DATA}))
    assert [found.where for found in pickles_in(path)] == [name, "b.pkl"]


def test_a_pickle_with_the_word_of_a_tar_archive_is_a_pickle(tmp_path, capsys):
    data = pickle.dumps(["x" * 242 + "ustar"], 4)
    assert data[257:262] == b"ustar"
    path = tmp_path / "data.pickle"
    path.write_bytes(data + pickle.dumps("y" * 512))
    assert main(["refs", str(path)]) == 0
    assert "2 pickles" in capsys.readouterr().out


def test_a_tar_archive_is_known_by_the_sum_of_its_header():
    data = tarred({"\xe9.pkl": DATA})
    assert is_tar(data)
    assert not is_tar(data[:511])
    old = bytearray(tarred({"a": b""})[:512])
    old[257:265] = bytes(8)
    old[148:156] = b"%06o\0 " % (sum(old[:148]) + 256 + sum(old[156:]))
    assert is_tar(bytes(old))
    signed = bytearray(old)
    signed[0] = 0xE9
    signed[148:156] = b"%06o\0 " % (sum(signed[:148]) + 256 + sum(signed[156:]) - 256)
    assert is_tar(bytes(signed))
    assert tarfile.TarInfo.frombuf(bytes(signed), "latin-1", "strict").name == "\xe9"
    damaged = bytearray(data)
    damaged[0] ^= 1
    assert is_tar(bytes(damaged))


@pytest.mark.parametrize("command", ["dis", "refs", "sizes", "doctor"])
@pytest.mark.parametrize("change", ["header", "cut header", "cut end"])
def test_a_tar_archive_that_is_damaged_behind_its_first_member_is_said_to_be(
    command, change, tmp_path, capsys
):
    data = bytearray(tarred({"a.pkl": DATA, "b.pkl": EVIL}))
    if change == "header":
        data[1024] ^= 0x80
    else:
        del data[1024 + (300 if change == "cut header" else 0) :]
    path = tmp_path / "archive.tar"
    path.write_bytes(data)
    assert main([command, str(path)]) == 1
    out, err = capsys.readouterr()
    assert "a.pkl" in out
    assert ("damaged at offset 1,024" if change == "header" else "truncated") in out + err
    # A program that does not ask for it gets an error.
    with pytest.raises(ValueError, match="the archive is"):
        list(pickles_in(path))


def directory(data, name):
    """Where the entry of a name begins in the central directory."""
    return data.index(name, data.index(b"PK\x01\x02")) - 46


def encrypted(data):
    data[directory(data, b"data.pkl") + 8] |= 1


def patched(data):
    data[directory(data, b"data.pkl") + 8] |= 1 << 5


def other_method(data):
    at = directory(data, b"data.pkl")
    data[at + 10 : at + 12] = struct.pack("<H", 99)


def other_sum(data):
    data[directory(data, b"data.pkl") + 16] ^= 1


def other_name(data):
    data[directory(data, b"data.pkl") + 46] = ord("X")


@pytest.mark.parametrize("command", ["dis", "refs", "sizes", "doctor"])
@pytest.mark.parametrize("change", [encrypted, patched, other_method, other_sum, other_name])
def test_a_member_of_a_zip_archive_that_cannot_be_read_is_named(command, change, tmp_path, capsys):
    path = zipped(tmp_path / "model.pt")
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    assert main([command, str(path)]) == 1
    out, err = capsys.readouterr()
    assert "a.pkl" in out
    assert "z.pkl" in out
    name = "Xata.pkl" if change is other_name else "data.pkl"
    assert f"{path}, {name}: " in (out if command == "doctor" else err)
    assert "it could not be looked at: " in out + err
    assert "there is no pickle" not in err
    assert "nothing of it can be read" not in out


def test_of_an_archive_of_nothing_that_can_be_read_that_is_what_is_said(tmp_path, capsys):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", EVIL)
    data = bytearray(path.read_bytes())
    encrypted(data)
    path.write_bytes(data)
    assert main(["refs", str(path)]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        f"{path}, data.pkl: it could not be looked at: its entry says that it is encrypted\n",
    )


def test_a_file_beside_which_a_shelf_lies_is_shown_itself(tmp_path, capsys):
    with dbm.dumb.open(str(tmp_path / "model"), "n") as shelf:
        shelf["key"] = DATA
    (tmp_path / "model.db").write_bytes(EVIL)
    assert main(["refs", str(tmp_path / "model.db")]) == 0
    out = capsys.readouterr().out
    assert "os.system" in out
    assert "['key']" not in out
    for name in ("model", "model.dir", "model.dat"):
        assert [found.where for found in pickles_in(tmp_path / name)] == ["['key']"]


def test_a_file_of_a_shelf_that_begins_with_another_pickle_is_shown_too(tmp_path):
    (tmp_path / "model.dat").write_bytes(EVIL.ljust(512, b"\0") + DATA)
    (tmp_path / "model.dir").write_text(f"'key', (512, {len(DATA)})\n")
    found = {found.where: found.file.read(len(EVIL)) for found in pickles_in(tmp_path / "model.dat")}
    assert found == {"['key']": DATA[: len(EVIL)], "the file itself": EVIL}


@pytest.mark.parametrize("line", ["'a", "'a', x()", "'a'", "'a', (0, 5), 1"])
def test_a_shelf_with_an_index_that_says_nothing(line, tmp_path, capsys):
    (tmp_path / "shelf.dat").write_bytes(DATA)
    (tmp_path / "shelf.dir").write_text(f"{line}\n")
    assert main(["refs", str(tmp_path / "shelf")]) == 1
    assert "the index of the dbm file cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["('x', 5)", "(0, 'x')", "(-5, 5)", "(0, 5, 5)"])
def test_a_value_of_a_shelf_that_is_nowhere(place, tmp_path, capsys):
    (tmp_path / "shelf.dat").write_bytes(DATA)
    (tmp_path / "shelf.dir").write_text(f"'a', (0, {len(DATA)})\n'b', {place}\n'c', (0, {len(DATA)})\n")
    assert main(["refs", str(tmp_path / "shelf")]) == 1
    out, err = capsys.readouterr()
    assert "['a']: 1 pickle" in out
    assert "['c']: 1 pickle" in out
    assert "['b']: it could not be looked at: the value" in err


def test_of_tables_one_that_cannot_be_read_is_named(tmp_path, capsys):
    path = tmp_path / "data.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE a (data BLOB)")
        database.execute("CREATE TABLE z (data BLOB)")
        database.execute("INSERT INTO z VALUES (?)", [DATA])
        database.execute("PRAGMA writable_schema = 1")
        database.execute(
            "INSERT INTO sqlite_master VALUES ('table', 'm', 'm', 0, 'CREATE VIRTUAL TABLE m USING absent()')"
        )
    assert main(["refs", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "z.data[1]: 1 pickle" in out
    assert f"{path}, m: it could not be looked at: the table cannot be read: no such module: absent" in err


def test_columns_that_are_computed_are_read_one_by_one_and_not_without_end(tmp_path, capsys):
    path = tmp_path / "data.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE a (data BLOB, large BLOB GENERATED ALWAYS AS (zeroblob(900000000)), "
            "copy BLOB GENERATED ALWAYS AS (data))"
        )
        database.execute("INSERT INTO a VALUES (?)", [DATA])
    assert main(["refs", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "a.data[1]: 1 pickle" in out
    assert "a.copy[1]: 1 pickle" in out
    assert "a.large: it could not be looked at: it cannot be read: " in err


def test_of_a_database_with_a_url_a_column_that_cannot_be_read_is_named(tmp_path, capsys):
    pytest.importorskip("sqlalchemy")
    path = tmp_path / "data.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE a (large BLOB GENERATED ALWAYS AS (zeroblob(3)), b INT)")
        database.execute("CREATE TABLE z (data BLOB)")
        database.execute("INSERT INTO a VALUES (1)")
        database.execute("INSERT INTO z VALUES (?)", [DATA])
        database.execute("PRAGMA writable_schema = 1")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, '(3)', '(3000000000)')")
    assert main(["refs", f"sqlite:///{path}"]) == 1
    out, err = capsys.readouterr()
    assert "z.data[row 0]: 1 pickle" in out
    assert "a.large: it could not be looked at: the database says: string or blob too big" in err


def test_a_shelf_in_a_database_whose_keys_are_text(tmp_path, capsys):
    path = tmp_path / "shelf"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)")
        database.execute("INSERT INTO Dict VALUES ('key', ?), (5, 'text')", [DATA])
    assert main(["refs", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "['key']: 1 pickle" in out
    assert "['5']: this is no pickle" in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("command", ["dis", "refs", "sizes", "doctor", "diff"])
def test_an_output_that_takes_nothing_is_what_is_told(command, tmp_path):
    (tmp_path / "a").write_bytes(DATA)
    (tmp_path / "b").write_bytes(pickle.dumps([1] * 3000))
    files = ["a", "b"] if command == "diff" else ["b"]
    for unbuffered in ("", "1"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "brinery", command, *files],
                stdout=full,
                stderr=subprocess.PIPE,
                cwd=tmp_path,
                env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
                check=False,
                text=True,
            )
        words = os.strerror(28)
        assert done.stderr == f"brinery {command}: the output cannot be written: {words}\n"
        assert done.returncode == (2 if command == "diff" else 1)


def test_names_that_running_code_makes_are_not_said_to_be_missing(tmp_path):
    path = tmp_path / "signal.pickle"
    path.write_bytes(pickle.dumps(signal.SIGINT, 2))
    for command in ("doctor", "refs"):
        done = subprocess.run(
            [sys.executable, "-m", "brinery", command, str(path)], capture_output=True, check=False, text=True
        )
        assert "not found here" not in done.stdout
        assert done.returncode == 0


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("globals()['Thing'] = 5", "unknown"),
        ("exec('Thing = 5')", "unknown"),
        ("import sys; sys.modules[__name__] = object()", "unknown"),
        ("from enum import IntEnum\nIntEnum._convert_('T', __name__, bool)", "unknown"),
        ("vars()['Thing'] = 5", "unknown"),
        ("def __getattr__(name): return 5", "unknown"),
        ("import logging\nlog = logging.getLogger(__name__)\ndef f(x): return vars(x)", "no name"),
        ("Thing = 5", "found"),
    ],
)
def test_what_a_module_makes_by_running_is_not_known(source, status, tmp_path, monkeypatch):
    name = f"made_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve(name, "Thing").status == status


def test_of_a_loaded_module_what_a_function_gives_is_not_known(tmp_path, monkeypatch):
    package = tmp_path / "lazy_package"
    package.mkdir()
    (package / "__init__.py").write_text(
        "def __getattr__(name): return 5\n"
        "class Meta(type):\n    def __getattr__(cls, name): return 5\n"
        "class Thing(metaclass=Meta): pass\nclass Plain: pass\n"
    )
    (package / "inner.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("lazy_package")
    try:
        assert resolve("lazy_package", "inner").status == "unknown"
        assert resolve("lazy_package", "Thing.x").status == "unknown"
        assert resolve("lazy_package", "Plain.x").status == "no name"
    finally:
        del sys.modules["lazy_package"]
