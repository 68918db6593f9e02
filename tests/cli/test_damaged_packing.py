"""Compressed files that are cut short, damaged or followed by other things: every command shows what can be
read of them, says what is wrong and how far it came, and exits with a code of trouble."""

import bz2
import gzip
import importlib
import io
import lzma
import os
import pickle
import sys
import zipfile
import zlib

import pytest

import brinery
from brinery.cli import main
from brinery.cli.streams import Stream

pytestmark = pytest.mark.slow

ONE = pickle.dumps([os.path.join, list(range(3000))], 2)
DATA = ONE + pickle.dumps({"second": [b"x%d" % i for i in range(30_000)]}, 2)


def zstd(data):
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    module = pytest.importorskip(name)
    return module.compress(data, options={module.CompressionParameter.checksum_flag: 1})


def lz4(data):
    return pytest.importorskip("lz4.frame").compress(data, content_checksum=True)


PACKERS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
    "zstd": zstd,
    "lz4": lz4,
}
COMMANDS = ("doctor", "refs", "sizes", "dis", "diff")
CHECKED = ("gzip", "bzip2", "xz", "zlib", "zstd", "lz4")  # lzma has no check sum


def flipped(data, place):
    return data[:place] + bytes((data[place] ^ 0x55,)) + data[place + 1 :]


@pytest.fixture
def run(tmp_path, capsys):
    def run(command, content):
        path = tmp_path / "data"
        path.write_bytes(content)
        paths = [str(path)]
        if command == "diff":
            (tmp_path / "whole").write_bytes(DATA)
            paths.append(str(tmp_path / "whole"))
        code = main([command, *paths])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", PACKERS)
def test_cut_short(name, command, run):
    packed = PACKERS[name](DATA)
    for size in (14, len(packed) // 2, len(packed) - 5):
        code, out, err = run(command, packed[:size])
        assert code == (2 if command == "diff" else 1)
        said = out if command == "doctor" else err
        assert f"compressed with {name}, by how it begins, and cut short" in said


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", CHECKED)
def test_the_check_sum_says_otherwise(name, command, run):
    code, out, err = run(command, flipped(PACKERS[name](DATA), -3))
    assert code == (2 if command == "diff" else 1)
    said = out if command == "doctor" else err
    assert f"compressed with {name}, by how it begins, and damaged" in said


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", PACKERS)
def test_damage_anywhere_is_told(name, command, run):
    packed = PACKERS[name](DATA)
    for place in range(20, len(packed), len(packed) // 5):
        code, out, err = run(command, flipped(packed, place))
        if name != "lzma":
            assert code
        assert out or err


@pytest.mark.parametrize("name", ["gzip", "zstd", "lz4"])
def test_what_stands_before_is_shown(name, run):
    """These read on behind what they compressed, and so does load_file()."""
    behind = PACKERS[name](DATA) + b"and something else"
    for command in COMMANDS:
        code, out, err = run(command, behind)
        assert code == (2 if command == "diff" else 1)
        assert f"damaged behind {len(DATA):,} readable bytes" in (out if command == "doctor" else err)
        shown = {
            "doctor": "2 pickles",
            "refs": "posixpath.join",
            "sizes": f"{len(DATA):,} bytes, 2 pickles",
            "dis": "pickle 2, at offset",
            "diff": "",
        }
        assert shown[command].replace("posixpath", os.path.__name__) in out


@pytest.mark.parametrize("name", ["bzip2", "xz", "lzma", "zlib"])
def test_these_end_where_they_end(name, run, tmp_path):
    behind = PACKERS[name](DATA) + b"and something else"
    for command in COMMANDS:
        code, _, err = run(command, behind)
        assert (code, err) == (0, "")
    assert brinery.load_file(tmp_path / "data")[1] == list(range(3000))


@pytest.mark.parametrize("name", ["gzip", "zlib", "lz4", "zstd"])
def test_sizes_of_the_pickles_before_the_damage(name, run):
    rest = os.urandom(600_000)
    packed = PACKERS[name](ONE + pickle.dumps(rest, 2))
    code, out, err = run("sizes", packed[: len(packed) * 2 // 3])
    assert code == 1
    assert out.startswith(f"{len(ONE):,} bytes, 1 pickle\n")
    assert "cut short behind" in err
    code, out, _ = run("refs", packed[: len(packed) * 2 // 3])
    assert code == 1
    assert f"{os.path.__name__}.join" in out


def test_where_the_content_breaks_before_the_check_sum_does_both_are_told(run):
    inner = bytearray(DATA)
    inner[len(ONE) + 500] ^= 0xFF
    whole = bytearray(zlib.compress(bytes(inner)))
    whole[-4:] = zlib.compress(DATA)[-4:]
    for command in ("refs", "dis"):
        code, _, err = run(command, bytes(whole))
        assert code == 1
        assert "compressed with zlib, by how it begins, and damaged" in err
        assert "What it is decompressed to breaks before: " in err


def test_damage_of_lz4_is_no_runtime_error(tmp_path):
    pytest.importorskip("lz4.frame")
    path = tmp_path / "data.lz4"
    brinery.dump_file(DATA, path)
    whole = path.read_bytes()
    assert brinery.load_file(path) == DATA
    path.write_bytes(flipped(whole, len(whole) // 2))
    with pytest.raises(ValueError, match="the lz4 stream is damaged"):
        brinery.load_file(path)


def test_in_an_archive_the_member_is_named(tmp_path, capsys):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bad.pkl", ONE)
        archive.writestr("good.pkl", pickle.dumps(list(range(3000)), 2))  # not too small to be shown
    data = path.read_bytes()
    path.write_bytes(data.replace(ONE, flipped(ONE, len(ONE) // 2), 1))
    assert main(["sizes", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "good.pkl" in out
    assert f"{path}, bad.pkl: what it lies in is damaged" in err


def test_a_stream_that_is_sought_reads_on_before_the_damage():
    packed = gzip.compress(os.urandom(300_000))
    stream = Stream(gzip.GzipFile(fileobj=io.BytesIO(packed[:200_000])))
    pieces = []
    while piece := stream.read(1 << 16):
        pieces.append(piece)
    assert isinstance(stream.damage, EOFError)
    assert stream.size == len(b"".join(pieces)) > 100_000
    assert stream.seek(10) == stream.tell() == 10
    assert stream.read(5) == b"".join(pieces)[10:15]
    assert stream.size == len(b"".join(pieces))


class Pipe(io.RawIOBase):
    """Gives its bytes in small pieces, and cannot be sought."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, target):
        data = self.file.read(min(len(target), 1000))
        target[: len(data)] = data
        return len(data)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zlib.compress])
@pytest.mark.parametrize("limit", [100, 1 << 23])
def test_a_pipe_is_read_again_where_that_is_needed(pack, limit, monkeypatch, capsys):
    monkeypatch.setattr("brinery.cli.streams._KEPT_IN_MEMORY", limit)
    nested = pickle.dumps([os.path.join, "x" * 9000], 4)
    for command, content, expected in (
        ("sizes", DATA + b"garbage", f"{len(DATA):,} bytes, 2 pickles"),
        ("refs", pickle.dumps([nested], 4), "a pickle in the"),
    ):
        pipe = io.BufferedReader(Pipe(pack(content)))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
        assert main([command, "-"]) == int(command == "sizes")
        out, err = capsys.readouterr()
        assert expected in out
        assert "could not be looked into" not in out
        if command == "sizes":
            assert f"from offset {len(DATA):,} on is no sound pickle, the 2 pickles before it are" in err


def test_joblib_arrays_of_a_pipe(monkeypatch, capsys, tmp_path):
    joblib = pytest.importorskip("joblib")
    numpy = importlib.import_module("numpy")
    joblib.dump({"a": numpy.arange(5000)}, tmp_path / "a.joblib")
    data = (tmp_path / "a.joblib").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(data))))
    assert main(["sizes", "-"]) == 0
    assert capsys.readouterr().out.startswith(f"{len(data):,} bytes, 1 pickle")
