"""What is no pickle is told by how it begins, and a pickle never is."""

import bz2
import gzip
import lzma
import pickle
import zlib
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "wire" / "python2" / "golden"


def test_no_pickle_is_taken_for_something_else(streams):
    sound = [path.read_bytes() for path in GOLDEN.iterdir()]
    objects = [{}, {"": 1}, [], None, "PK", b"BZh", 1.5, ("x",), b"x" * 300, {"a"}, 10**40]
    sound += [pickle.dumps(obj, protocol) for obj in objects for protocol in range(6)]
    sound += [b"PAR1\n.", b"PKing\n.", b"\x89."]
    for data in sound:
        assert streams.kinds.recognise(data) is None, data[:20]
        assert streams.kinds.could_begin(data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("gzip", gzip.compress(b"x")),
        ("bzip2", bz2.compress(b"x")),
        ("xz", lzma.compress(b"x")),
        ("lzma", lzma.compress(b"x", lzma.FORMAT_ALONE)),
        ("zlib", zlib.compress(b"x", 1)),
        ("zlib", zlib.compress(b"x", 6)),
        ("zlib", zlib.compress(b"x", 9)),
        ("git-lfs", b"version https://git-lfs.github.com/spec/v1\n"),
    ],
)
def test_what_real_compressors_write_is_recognised(streams, name, data):
    assert streams.kinds.recognise(data).name == name
