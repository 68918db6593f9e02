"""What `brinery doctor` says of what is cut short or damaged holds, and what it advises gives the object."""

import bz2
import gzip
import json
import lzma
import pickle
import zipfile
import zlib

import pytest

import brinery
from brinery.cli import main
from brinery.stream import diagnose

MANY = {"rows": [[1, 2, 3], (4, "text", 2.5), {"a": b"x"}, None], "more": {"b": [1.5] * 3}, "s": {1, 2}}


def said(data):
    return " | ".join(f"{one.what}: {one.advice}" for one in diagnose(data).findings)


@pytest.mark.parametrize("obj", [MANY, [1, 2, 3], ([1],), {"a": {}}, "a text", 7])
@pytest.mark.parametrize("protocol", range(6))
def test_only_stop_is_missing_where_it_gives_the_object(obj, protocol):
    data = pickle.dumps(obj, protocol)
    told = []
    for size in range(1, len(data)):
        if "only STOP" in said(data[:size]):
            told.append(size)
            assert pickle.loads(data[:size] + b".") == obj
    framed = protocol >= 4 and b"\x95" in data[:3]
    assert told == ([len(data) - 1] if framed else [])


@pytest.mark.parametrize("protocol", range(4))
def test_without_frames_what_may_be_missing_is_said(protocol):
    data = pickle.dumps([1, 2, 3], protocol)
    for size in range(3, len(data)):
        words = said(data[:size])
        assert "cut short" in words
        if "data + b'.'" in words:
            assert "may be missing" in words
            pickle.loads(data[:size] + b".")
    assert "data + b'.'" in said(data[:-1])


BEYOND = b"\x80\x04\x95" + (2**60).to_bytes(8, "little") + b"N."


def test_a_frame_that_reaches_beyond_the_file_is_a_fault_of_its_own_pickle():
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(BEYOND)
    found = diagnose(BEYOND)
    assert found.what.startswith("no sound pickle")
    words = said(BEYOND)
    assert "offset 2, opcode FRAME" in words
    assert "pickle 2" not in words
    assert "load gives the first" not in words
    words = said(pickle.dumps([1], 4) + BEYOND)
    assert "pickle 2, from offset 9 on" in words or "pickle 2, from offset" in words
    assert diagnose(pickle.dumps([1], 4) + BEYOND).what.startswith("1 pickle ")


@pytest.mark.parametrize("length", [2**60, 2**62])
def test_a_length_that_no_file_has_is_damage(length):
    for data in (BEYOND, b"\x80\x04\x8e" + length.to_bytes(8, "little") + b"abc."):
        assert "cut short" not in said(data)
        assert "damaged" in said(data)
    assert "cut short" in said(b"\x80\x04\x8e" + (1 << 32).to_bytes(8, "little") + b"abc.")


def test_a_name_of_python_2_is_named_without_a_comma_too_many():
    words = said(b"\x80\x02c__builtin__\neval\n.")
    assert "it names __builtin__.eval (builtins.eval today), which " in words
    assert ",," not in words


PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zlib": zlib.compress}


def run_doctor(path, capsys):
    code = main(["doctor", str(path), "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert main(["doctor", str(path)]) == code
    assert "by how it begins" not in capsys.readouterr().err
    return code, found


@pytest.mark.parametrize("how", PACKED)
@pytest.mark.parametrize("size", [12, -4])
def test_a_compressed_file_that_is_cut_is_diagnosed(how, size, tmp_path, capsys):
    path = tmp_path / "cut"
    path.write_bytes(PACKED[how](pickle.dumps(list(range(300)), 4))[:size])
    code, found = run_doctor(path, capsys)
    assert (code, found["weight"]) == (1, "fails")
    assert "cut short" in found["findings"][0]["what"]
    assert "get it again" in found["findings"][0]["advice"]
    with pytest.raises(Exception):  # noqa: B017, PT011 - each decompressor has its own
        brinery.load_file(path)


@pytest.mark.parametrize("how", PACKED)
def test_a_compressed_file_that_is_damaged_is_diagnosed(how, tmp_path, capsys):
    path = tmp_path / "damaged"
    data = bytearray(PACKED[how](pickle.dumps(list(range(300)), 4)))
    data[-3 if how == "zlib" else -6 if how == "gz" else len(data) // 2] ^= 0x55
    path.write_bytes(data)
    code, found = run_doctor(path, capsys)
    assert (code, found["weight"]) == (1, "fails")
    first = found["findings"][0]["what"]
    assert "damaged" in first
    assert "brinery.load_file() reads it" not in first
    if how == "gz":  # all of it is there, and the check sum is another
        assert found["what"].startswith("1 pickle of protocol 4")
    if how != "bz2":
        with pytest.raises((OSError, ValueError, EOFError, zlib.error, lzma.LZMAError)):
            brinery.load_file(path)


def test_a_member_of_an_archive_that_is_damaged_is_diagnosed_beside_the_others(tmp_path, capsys):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps("x" * 5000))
        archive.writestr("other.pkl", pickle.dumps(1))
    data = bytearray(path.read_bytes())
    data[data.index(b"xxxx") + 100] = 0
    path.write_bytes(data)
    code, found = run_doctor(path, capsys)
    assert code == 1
    assert [(one["where"], one["weight"]) for one in found] == [("data.pkl", "fails"), ("other.pkl", "fine")]
    assert "what it lies in is damaged" in found[0]["findings"][0]["what"]
    path.write_bytes(bytes(data)[:-30])
    code, found = run_doctor(path, capsys)
    assert code == 1
    assert "a zip archive" in found["findings"][0]["what"]


def test_a_container_of_one_pickle_is_a_list_for_every_command(tmp_path, capsys):
    path = tmp_path / "one.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps([1]))
    for command in ("doctor", "sizes", "refs"):
        assert main([command, str(path), "--json"]) == 0
        (one,) = json.loads(capsys.readouterr().out)
        assert one["where"] == "data.pkl"


def test_what_is_not_there_or_cannot_be_decompressed_here_is_no_damage(tmp_path, capsys):
    assert main(["doctor", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err
    path = tmp_path / "data"
    path.write_bytes(pickle.dumps(1))
    assert main(["doctor", str(path), "--column", "a.b"]) == 1
    assert "no database" in capsys.readouterr().err


def test_sizes_takes_json_or_html(tmp_path, capsys):
    path = tmp_path / "data"
    path.write_bytes(pickle.dumps(1))
    with pytest.raises(SystemExit) as ended:
        main(["sizes", str(path), "--html", str(tmp_path / "q.html"), "--json"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
