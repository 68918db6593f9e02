"""`brinery doctor`: what stands in the way of a load is named, with what helps; and the help helps."""

import base64
import contextlib
import copyreg
import io
import json
import pathlib
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import brinery
from brinery.cli import main
from brinery.errors import ReadError
from brinery.stream import diagnose

GOLDEN = Path(__file__).parents[1] / "wire" / "python2" / "golden"
SOUND = pickle.dumps({"rows": [1, 2, 3], "text": "line\n"}, 2)
OLD = b"\x80\x02U\x04caf\xe9q\x00."
MIXED = b"\x80\x02U\x02\xc3\xa9U\x01\xffU\x01a\x87."  # ("é", b"\xff", "a"), the first in UTF-8
OLD_UTF8 = b"\x80\x02U\x05caf\xc3\xa9q\x00."


def texts(data):
    found = diagnose(data)
    return found.weight, " | ".join(f"{one.what}: {one.advice}" for one in found.findings)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["empty"]),
        (base64.b64encode(pickle.dumps(list(range(99)))), ["base64", "b64decode"]),
        (b"<html><body>404", ["HTML", "download it again"]),
        (SOUND[:-6], ["offset", "cut short"]),
        (SOUND[:-1], ["data + b'.'"]),
        (pickle.dumps([1.5, "a\n"], 0).replace(b"\n", b"\r\n"), ["\\r\\n", "text mode"]),
        (b"\n\n" + pickle.dumps([1], 0), ["lstrip"]),
        (b"\x80\x07N.", ["protocol 7", "newer Python"]),
        (b"\x80\x04]\xff.", ["offset 3", "damaged"]),
        (OLD, ["encoding='latin1'", "1 of 1 strings"]),
        (OLD_UTF8, ["encoding='utf-8'"]),
        (MIXED, ["2 of 3 strings", "1 are UTF-8", "encoding='utf-8', errors='bytes'"]),
        (b"\x80\x05\x97.", ["buffers="]),
        (b"\x80\x02X\x01\0\0\0aQ.", ["persistent_load", "'a'"]),
        (b"\x80\x02(X\x07\0\0\0storageq\x00NtQ.", ["torch.load"]),
        (b"\x80\x02\x82\xfa.", ["add_extension", "250"]),
        (b"\x80\x02cno_such_thing\nName\n.", ["no module", "pip install no_such_thing", "NameTable"]),
        (b"\x80\x02csklearn.tree.tree\nT\n.", ["scikit-learn", "brinery-science"]),
        (b"\x80\x02c__main__\nThing\n.", ["program that wrote it"]),
        (b"\x80\x02ctelnetlib9\nT\n.", ["no module"]),
        (b"\x80\x03ccollections\nNoSuchName\n.", ["no name", "another version of Python"]),
    ],
)
def test_what_makes_a_load_fail_is_told(data, words):
    weight, said = texts(data)
    assert weight == "fails"
    for word in words:
        assert word in said
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is, it does not load
        pickle.loads(data)


def test_the_advice_helps():
    """What it says is done, and the load goes well."""
    assert pickle.loads(OLD, encoding="latin1") == "café"
    assert pickle.loads(OLD_UTF8, encoding="utf-8") == "café"
    assert brinery.loads(MIXED, encoding="utf-8", errors="bytes") == ("é", b"\xff", "a")
    assert pickle.loads(SOUND[:-1] + b".") == pickle.loads(SOUND)
    text = pickle.dumps({"a\n": [1, 2]}, 0)
    assert pickle.loads(text.replace(b"\n", b"\r\n").replace(b"\r\n", b"\n")) == {"a\n": [1, 2]}
    code = b"\x80\x02\x82\xf9."
    copyreg.add_extension("collections", "OrderedDict", 249)
    try:
        assert texts(code)[0] == "fine"
    finally:
        copyreg.remove_extension("collections", "OrderedDict", 249)


@pytest.mark.parametrize("module", ["no\x1b[2J\a\u202e", "no.\x1b]0;x\a", "json.\x1b[2J", "no\x9b2J"])
@pytest.mark.parametrize("name", ["\x1b[2J", "X\u202e"])
def test_nothing_it_says_can_move_the_cursor(module, name, tmp_path, capsys):
    data = b"\x80\x04" + b"".join(
        b"\x8c" + bytes([len(one)]) + one for one in (module.encode(), name.encode())
    )
    assert texts(data + b"\x93)R.")[1].isprintable()
    (tmp_path / "a.pickle").write_bytes(data + b"\x93)R.")
    main(["doctor", str(tmp_path / "a.pickle")])
    assert capsys.readouterr().out.replace("\n", "").isprintable()


def test_modules_that_are_gone_name_the_last_python():
    for module, version in (("asyncore", "3.11"), ("telnetlib", "3.12")):
        if tuple(map(int, version.split("."))) < sys.version_info[:2]:
            assert f"Python {version} is the last" in texts(b"\x80\x02c%b\nX\n." % module.encode())[1]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="3.13 has it")
def test_modules_to_come_name_the_first_python():
    assert "Python 3.13, or the plugin brinery-paths" in texts(b"\x80\x04cpathlib._local\nPosixPath\n.")[1]


def test_a_name_of_python_2_is_looked_for_under_the_one_of_today():
    assert texts(b"\x80\x02cUserDict\nUserDict\n.")[0] == "fine"
    assert texts(b"\x80\x03cUserDict\nUserDict\n.")[0] == "fails"


@pytest.mark.parametrize("obj", [1, {"a": pathlib.PurePosixPath("/x")}, [{1, 2}, b"x"]])
@pytest.mark.parametrize("protocol", range(6))
def test_nothing_stands_against_what_loads(obj, protocol):
    assert diagnose(pickle.dumps(obj, protocol)).weight in ("fine", "unsure")


def test_what_the_golden_files_of_python_2_need():
    """Whatever it says fails does, and what it says is fine does not; but for names that it cannot know."""
    for path in GOLDEN.iterdir():
        data = path.read_bytes()
        found = diagnose(data)
        # Whether a class takes what it is given is not for a stream to tell.
        called = path.name.startswith(("string_io", "own_"))
        if called or any("people" in one.what for one in found.findings) or found.weight == "unsure":
            continue
        loaded = False
        with contextlib.suppress(Exception):
            pickle.loads(data)
            loaded = True
        assert loaded == (found.weight == "fine"), (path.name, found)


def test_several_pickles_and_what_stands_behind_them():
    assert "load_all" in texts(SOUND * 3)[1]
    weight, said = texts(SOUND + b"\xff\xff\xff")
    assert weight == "fine"
    assert "3 bytes that are none" in said


def test_what_runs_things_is_not_passed_over():
    weight, said = texts(b"\x80\x04cposix\nsystem\nX\x02\0\0\0ls\x85R.")
    assert weight != "fine"
    assert "do not load it" in said
    assert "posix.system" in texts(b"\x80\x04\x8c\x06shutil\x8c\x09os.system\x93.")[1]


REACHING = {
    "getattr": b"c__builtin__\ngetattr\n(cdatetime\ndate\nVtoday\ntR.",
    "attrgetter": b"\x80\x04\x8c\x08operator\x8c\x0aattrgetter\x93\x8c\x06system\x85R.",
    "methodcaller": b"\x80\x04\x8c\x08operator\x8c\x0cmethodcaller\x93\x8c\x06system\x8c\x02ls\x86R.",
    "pickle.loads": b"cpickle\nloads\n(c_codecs\nencode\n(VN.\nVlatin1\ntRtR.",
    "marshal.loads": b"cmarshal\nloads\n(c_codecs\nencode\n(VN\nVlatin1\ntRtR.",
    "import_module": b"cimportlib\nimport_module\n(Vantigravity\ntR.",
    "map": b"c__builtin__\nmap\n(c__builtin__\nprint\n(VN\nltR.",
    "open": b"c__builtin__\nopen\n(V/etc/passwd\ntR.",
    "socket": b"csocket\nsocket\n(tR.",
    "__globals__": b"\x80\x04\x8c\x0bcollections\x8c\x16namedtuple.__globals__\x93.",
    "__subclasses__": b"\x80\x04\x8c\x08builtins\x8c\x15object.__subclasses__\x93)R.",
}


@pytest.mark.parametrize("what", REACHING)
def test_what_reaches_any_function_is_not_called_fine(what):
    found = diagnose(REACHING[what])
    assert found.weight == "unsure"
    (finding,) = [one for one in found.findings if "do not load it" in one.advice]
    assert what.split(".")[-1] in finding.what


def test_what_it_is_given_is_told():
    (finding,) = [one for one in diagnose(REACHING["getattr"]).findings if one.weight == "unsure"]
    assert "it is called with (datetime.date, 'today')" in finding.what
    assert "any function is reached" in finding.what


def test_line_ends_that_a_load_does_not_notice():
    data = b"(lp0\r\nVabc\r\np1\r\naI1\r\na."
    assert pickle.loads(data) == ["abc\r", 1]
    weight, said = texts(data)
    assert weight == "fails"
    assert "each of its 4 lines ends in \\r\\n" in said
    assert pickle.loads(data.replace(b"\r\n", b"\n")) == ["abc", 1]
    assert "text mode" in texts(pickle.dumps(["long" * 2000], 0).replace(b"\n", b"\r\n"))[1]
    for name in (b"cos\r\nsystem\r\n.", b"cos\r\nsystem\r\np0\r\n."):
        weight, said = texts(name)
        assert weight == "fails"
        assert "text mode" in said
        assert "no module" not in said
    assert texts(b"Vabc\r\n0Vdef\n.")[0] == "fine"


@pytest.mark.parametrize("cut", range(4))
def test_a_long_line_that_is_not_ascii(cut):
    data = b"S'" + b"a" * cut + rb"\xf9" * 2000 + b"'\np0\n."
    weight, said = texts(data)
    assert weight == "fails"
    assert "encoding='latin1' reads all" in said


def test_a_second_pickle_that_was_cut_or_damaged():
    for second, word in ((SOUND[:-6], "cut short"), (SOUND[:2], "cut short"), (b"(lp0\nI1\na", "cut short")):
        weight, said = texts(SOUND + second)
        assert weight == "fails", second
        assert word in said
        assert f"from offset {len(SOUND)}" in said
    weight, said = texts(SOUND * 2 + b"\x80\x04\xff.")
    assert weight == "fails"
    assert "pickle 3" in said
    assert "is damaged" in said
    assert texts(SOUND + b"N")[0] == "fine"  # a byte that stands there is no pickle


@pytest.mark.parametrize(
    ("beginning", "word"),
    [
        (b"PAR1\x15\x04\x15\x10", "Parquet"),
        (b"PAR1\x18\x04", "Parquet"),
        (b"PAR1\x00\x04", "Parquet"),
        (b"Obj\x01\x04", "Avro"),
        (b"ORC\n\x03", "ORC"),
        (b"MATLAB 5.0 MAT-file", "MATLAB"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"RIFF\x24\x08\0\0WAVE", "RIFF"),
        (b"\xac\xed\x00\x05sr", "Java"),
        (b"Salted__\x01\x02", "openssl"),
        (b"-----BEGIN PGP MESSAGE-----", "PEM"),
    ],
)
def test_other_files_are_known_by_their_beginning(beginning, word):
    weight, said = texts(beginning + bytes(200))
    assert weight == "fails"
    assert word in said


def test_nothing_is_imported_or_run():
    program = (
        "import sys; from brinery.stream import diagnose; diagnose(b'N.'); before = set(sys.modules)\n"
        "diagnose(b'cantigravity\\nfly\\n(tR.'); assert 'antigravity' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_damage_of_every_kind_raises_nothing():
    for end in range(len(SOUND)):
        assert diagnose(SOUND[:end]).weight == "fails"
    for at in range(len(SOUND)):
        for byte in (0, 0x2E, 0x80, 0xFF):
            with contextlib.suppress(ReadError):
                diagnose(io.BytesIO(SOUND[:at] + bytes([byte]) + SOUND[at + 1 :]))


class TestTheCommand:
    def test_it_prints_findings_and_advice(self, tmp_path, capsys):
        file = tmp_path / "old.pickle"
        file.write_bytes(OLD_UTF8)
        assert main(["doctor", str(file)]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"{file}: 1 pickle of protocol 2, 12 bytes"
        assert lines[2].startswith("x 1 of 1 strings of Python 2")
        assert lines[3] == "    all are UTF-8: load it with encoding='utf-8'"

    def test_what_loads_has_nothing_against_it(self, tmp_path, capsys):
        file = tmp_path / "good.pickle"
        file.write_bytes(SOUND)
        assert main(["doctor", str(file)]) == 0
        said = capsys.readouterr().out
        assert "nothing keeps it from loading here" in said
        assert "trust" in said

    def test_json_and_archives(self, tmp_path, capsys):
        file = tmp_path / "two.zip"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.pkl", SOUND)
            archive.writestr("b.pkl", OLD)
        assert main(["doctor", str(file), "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert [(one["where"], one["weight"]) for one in found] == [("a.pkl", "fine"), ("b.pkl", "fails")]
