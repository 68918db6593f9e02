"""`brinery dis` and `brinery refs`: what they print, and how they fail."""

import contextlib
import io
import json
import os
import pickle
import shelve
import sqlite3
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

import brinery
from brinery.cli import main


@pytest.fixture
def run(capsys):
    """Run a command line; its exit code, output and error output."""

    def call(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = stopped.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def file(tmp_path):
    """A file of the bytes that it is called with."""

    def write(data):
        path = tmp_path / "data.pickle"
        path.write_bytes(data)
        return path

    return write


def test_dis_shows_offset_stack_opcode_and_meaning(run, file):
    data = b"\x80\x02]q\x00(K\x05X\x01\x00\x00\x00aq\x01e."
    code, out, err = run("dis", file(data), "--width", "80")
    assert (code, err) == (0, "")
    assert out == (
        "  offset stack  opcode\n"
        "       0     0  PROTO                2\n"
        "       2     1  EMPTY_LIST           []\n"
        "       3     1  BINPUT               memo[0] = []\n"
        "       5     1  MARK\n"
        "       6     2    BININT1            5\n"
        "       8     3    BINUNICODE         'a'\n"
        "      14     3    BINPUT             memo[1] = 'a'\n"
        "      16     1  APPENDS              append 2 items\n"
        "      17     0  STOP                 the object is [5, 'a']\n"
    )


def test_dis_gives_every_pickle_of_a_file_its_heading(run, file):
    data = pickle.dumps(1) + pickle.dumps(2)
    _, out, _ = run("dis", file(data))
    assert f"pickle 2, at offset {len(pickle.dumps(1))}" in out
    assert out.count("STOP") == 2
    _, out, _ = run("dis", file(data), "--first")
    assert out.count("STOP") == 1


def test_dis_first_ignores_what_follows_the_pickle(run, file):
    code, _, err = run("dis", file(pickle.dumps(1) + b"\xff raw bytes"), "--first")
    assert (code, err) == (0, "")


def test_dis_prints_up_to_the_fault_and_then_says_where_it_is(run, file):
    path = file(b"\x80\x04]\x94K\x05a}\xff")
    code, out, err = run("dis", path)
    assert code == 1
    assert out.splitlines()[-1].split() == ["7", "2", "EMPTY_DICT", "{}"]
    assert err == (
        f"brinery dis: {path}: this byte is no opcode (at offset 8, opcode 0xff, while building [5] > {{}})\n"
    )


def test_dis_keeps_to_the_width(run, file):
    nested = "x" * 500
    for _ in range(30):
        nested = [nested, {"key": nested}]
    for width in (80, 100):
        _, out, _ = run("dis", file(pickle.dumps(nested)), "--width", width)
        assert max(len(line) for line in out.splitlines()) <= width


def test_refs_counts_globals_and_persistent_ids(run, file):
    class ByReference(pickle.Pickler):
        def persistent_id(self, obj):
            return ("shop", int(obj)) if type(obj) is float else None

    buffer = io.BytesIO()
    ByReference(buffer, 2).dump([2000.0, 2000.0, 3000.0, {1}, {2}, range(3)])
    code, out, err = run("refs", file(buffer.getvalue()))
    assert (code, err) == (0, "")
    assert out == (
        "1 pickle\n"
        "\n"
        "2 globals\n"
        "       2  __builtin__.set  →  builtins.set\n"
        "       1  __builtin__.xrange  →  builtins.range\n"
        "\n"
        "2 persistent IDs\n"
        "       2  ('shop', 2000)\n"
        "       1  ('shop', 3000)\n"
    )


def test_refs_shows_a_few_persistent_ids_and_all_of_them_when_asked(run, file):
    data = b"".join(b"P%d\n0" % i for i in range(50)) + b"N."
    _, out, _ = run("refs", file(data))
    assert "30 more; --all lists them" in out
    assert "'49'" not in out
    _, out, _ = run("refs", file(data), "--all")
    assert "'49'" in out
    assert "more" not in out


def test_names_of_python_2_are_such_only_up_to_protocol_2(run, file):
    _, out, _ = run("refs", file(b"\x80\x03c__builtin__\nxrange\n."))
    assert "       1  __builtin__.xrange  (not found here: no module __builtin__)\n" in out


def test_refs_counts_extension_codes(run, file):
    path = file(b"\x80\x02\x82\x07\x82\x07\x86.")
    _, out, _ = run("refs", path)
    assert out.endswith("\n1 extension code\n       2  7\n")
    _, out, _ = run("refs", path, "--json")
    assert json.loads(out)["extension_codes"] == [{"code": 7, "uses": 2}]


def test_refs_as_json_is_complete(run, file):
    _, out, _ = run("refs", file(b"(c__builtin__\nxrange\nP7\nl."), "--json")
    assert json.loads(out) == {
        "pickles": 1,
        "globals": [
            {
                "module": "__builtin__",
                "name": "xrange",
                "loads_as": "builtins.range",
                "status": "found",
                "reaches": "builtins.range",
                "stands_in": "",
                "reason": "",
                "uses": 1,
            }
        ],
        "persistent_ids": [{"id": "'7'", "uses": 1}],
        "extension_codes": [],
        "nested": [],
        "unlooked": 0,
        "fault": None,
    }


@pytest.mark.parametrize("command", ["dis", "refs"])
class TestWhatIsNoPickle:
    def test_a_file_that_is_not_there(self, run, tmp_path, command):
        path = tmp_path / "none"
        assert run(command, path) == (1, "", f"brinery {command}: {path}: No such file or directory\n")

    def test_a_directory(self, run, tmp_path, command):
        code, _, err = run(command, tmp_path)
        assert code == 1
        assert err.startswith(f"brinery {command}: {tmp_path}: ")

    def test_an_empty_file(self, run, file, command):
        code, _, err = run(command, file(b""))
        assert code == 1
        assert "the file is empty" in err

    def test_text(self, run, file, command):
        code, _, err = run(command, file(b"some text"))
        assert code == 1
        assert "this is no pickle but plain text" in err
        _, _, err = run(command, file(b'{"a": 1}'))
        assert "this is no pickle but JSON text; read it with json.load" in err

    @pytest.mark.parametrize(
        ("magic", "name"),
        [
            (b"PK\x03\x04", "a zip archive"),
            (b"\x1f\x8b\x08", "compressed with gzip"),
            (b"BZh9", "compressed with bzip2"),
            (b"\xfd7zXZ\x00", "compressed with xz"),
            (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
            (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
            (b"\x93NUMPY\x01\x00", "a NumPy .npy file"),
        ],
    )
    def test_other_kinds_of_file_are_named(self, run, file, command, magic, name):
        code, _, err = run(command, file(magic + bytes(100)))
        assert code == 1
        assert f"this is no pickle but {name}" in err

    def test_no_file_at_all_is_a_wrong_command_line(self, run, command):
        code, _, err = run(command)
        assert code == 2
        assert "FILE" in err


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zlib"])
@pytest.mark.parametrize("command", ["dis", "refs", "sizes"])
def test_what_is_compressed_is_read_as_it_is(run, tmp_path, command, suffix):
    data = pickle.dumps([io.BytesIO, "x" * 100_000])
    path = tmp_path / f"data{suffix}"
    if suffix == ".zlib":
        path.write_bytes(zlib.compress(data))
    else:
        brinery.dump_file([io.BytesIO, "x" * 100_000], path)
    code, out, err = run(command, path)
    assert (code, err) == (0, "")
    plain = tmp_path / "plain"
    brinery.dump_file([io.BytesIO, "x" * 100_000], plain)
    assert out == run(command, plain)[1]


class TestRefsLooksInside:
    DATA = pickle.dumps([io.BytesIO])

    def test_a_zip_archive(self, run, tmp_path):
        path = tmp_path / "model.pt"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model/data.pkl", self.DATA)
            archive.writestr("model/version", "3\n")
        _, out, _ = run("refs", path)
        assert out.startswith("model/data.pkl: 1 pickle\n\n1 global\n       1  _io.BytesIO")
        _, out, _ = run("refs", path, "--json")
        assert [found["where"] for found in json.loads(out)] == ["model/data.pkl"]

    def test_a_column_of_an_sqlite_database(self, run, tmp_path):
        path = tmp_path / "cache.db"
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute('CREATE TABLE "a ""table""" (key TEXT, value BLOB)')
            database.execute('INSERT INTO "a ""table""" VALUES (?, ?)', ("k", self.DATA))
            database.execute('INSERT INTO "a ""table""" VALUES (?, ?)', ("k", b"\x80no pickle"))
            database.commit()
        _, out, _ = run("refs", path)
        assert out.startswith('a "table".value[1]: 1 pickle\n')

    def test_a_shelf(self, run, tmp_path):
        with shelve.open(str(tmp_path / "shelf")) as shelf:
            shelf["one"] = io.BytesIO
            shelf["two"] = 2
        code, out, err = run("refs", tmp_path / "shelf")
        assert (code, err) == (0, "")
        assert "['one']: 1 pickle" in out
        assert "['two']: 1 pickle" in out

    def test_a_shelf_in_an_sqlite_database(self, run, tmp_path):
        path = tmp_path / "shelf.db"
        with contextlib.closing(sqlite3.connect(path)) as database:  # as dbm makes it from Python 3.13 on
            database.execute("CREATE TABLE Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)")
            database.execute("INSERT INTO Dict VALUES (?, ?)", (b"one", self.DATA))
            database.commit()
        _, out, _ = run("refs", path)
        assert out.startswith("['one']: 1 pickle\n")

    def test_a_table_of_that_name_with_something_else_in_it(self, run, tmp_path):
        path = tmp_path / "words.db"
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE Dict (word TEXT, meaning BLOB)")
            database.execute("INSERT INTO Dict VALUES (?, ?)", ("one", self.DATA))
            database.commit()
        _, out, _ = run("refs", path)
        assert out.startswith("Dict.meaning[1]: 1 pickle\n")

    def test_bytes(self, run, file):
        _, out, _ = run("refs", file(pickle.dumps(b"cos\nsystem\n.")))
        assert "a pickle in the 12 bytes at offset" in out
        assert "       1  os.system  =  posix.system\n" in out


class TestRefsResolvesNames:
    def test_without_importing(self, run, file, tmp_path, monkeypatch):
        (tmp_path / "never_run.py").write_text(
            "import os as renamed\nclass There:\n    x = 1\nraise SystemExit\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        data = b"".join(b"cnever_run\n" + name + b"\n0" for name in (b"There", b"Missing"))
        _, out, _ = run("refs", file(data + b"N."))
        assert "1  never_run.There\n" in out
        assert "1  never_run.Missing  (not found here: no name Missing)\n" in out
        dotted = b"\x80\x04\x8c\x09never_run\x8c\x0erenamed.system\x93."
        _, out, _ = run("refs", file(dotted))
        assert "1  never_run.renamed.system  =  posix.system\n" in out

    def test_a_module_that_is_not_there(self, run, file):
        _, out, _ = run("refs", file(b"cno_such.module\nname\n."))
        assert "(not found here: no module no_such.module)" in out

    def test_dots_reach_other_modules(self, run, file):
        _, out, _ = run("refs", file(b"\x80\x04\x8c\x06shutil\x8c\x09os.system\x93."))
        assert "shutil.os.system  =  posix.system" in out
        _, out, _ = run("refs", file(b"\x80\x02cfnmatch\nos.system\n."))  # no dots are walked here
        assert "(not found here: no name os.system)" in out


def python(*arguments, **environment):
    """The arguments of `subprocess` for a child Python that finds brinery."""
    source = str(Path(__file__).parents[2] / "src")
    return {
        "args": [sys.executable, *map(str, arguments)],
        "env": {**os.environ, "PYTHONPATH": source, **environment},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }


def test_standard_input_is_read_where_the_file_is_a_dash():
    done = subprocess.run(
        **python("-m", "brinery", "dis", "-"), input=pickle.dumps("from a pipe"), check=True
    )
    assert b"'from a pipe'" in done.stdout
    empty = subprocess.run(**python("-m", "brinery", "dis", "-"), stdin=subprocess.DEVNULL, check=False)
    assert empty.stderr.startswith(b"brinery dis: standard input: the file is empty")


def test_text_that_the_terminal_cannot_show_is_escaped():
    ascii_only = python("-m", "brinery", "dis", "-", PYTHONIOENCODING="ascii:strict")
    done = subprocess.run(**ascii_only, input=pickle.dumps("ü"), check=True)
    assert b"'\\xfc'" in done.stdout


def test_output_that_nobody_reads_to_the_end_is_no_traceback(file):
    path = file(pickle.dumps(list(range(100_000))))
    with subprocess.Popen(**python("-m", "brinery", "dis", path)) as child:
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 1


def test_looking_at_a_pickle_starts_neither_the_plugin_host_nor_a_store(file):
    path = file(pickle.dumps(1))
    code = f"import sys; from brinery.cli import main; main(['refs', {str(path)!r}]); print(*sys.modules)"
    done = subprocess.run(**python("-c", code), check=True)
    loaded = done.stdout.decode().splitlines()[-1].split()
    assert not {"pluggy", "sqlite3", "importlib.metadata", "brinery.plugin_host"} & set(loaded)


@pytest.mark.parametrize("data", [b"cos\nsystem\n(S'ls'\ntR.!", b"cos\nsystem\n(S'ls'\ntR!"])
def test_refs_shows_what_stands_before_a_fault(run, file, data):
    code, out, err = run("refs", path := file(data))
    assert code == 1
    assert "os.system  =  " in out
    assert f"{path}: this byte is no opcode" in err
    assert "offset" in err
    code, out, err = run("refs", path, "--json")
    assert code == 1
    found = json.loads(out)
    assert found["globals"][0]["name"] == "system"
    assert "no opcode" in found["fault"]
    assert "no opcode" in err


def test_refs_of_several_in_a_container_with_faults(run, tmp_path):
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.pkl", b"cos\nsystem\n.!")
        archive.writestr("b.pkl", b"no pickle")
        archive.writestr("c.pkl", b"cos\ngetcwd\n.")
    code, out, err = run("refs", path)
    assert code == 1
    assert "os.system" in out
    assert "os.getcwd" in out
    assert "a.pkl: this byte is no opcode" in err
    assert "b.pkl" in err


def test_refs_shows_faults_and_limits_of_what_is_nested(run, file):
    code, out, _ = run("refs", file(pickle.dumps([b"cos\nsystem\n(S'ls'\ntR!"])))
    assert code == 0
    assert "then, in these bytes: this byte is no opcode" in out
    data = b"cos\nsystem\n."
    for _ in range(40):
        data = pickle.dumps(data)
    assert "1 more byte string may hold a pickle" in run("refs", file(data))[1]
