"""What a file is, by how it begins: the one place that knows a pickle from what is often taken for one."""

from __future__ import annotations

from typing import NamedTuple

from brinery.stream.opcodes import BY_CODE

__all__ = ["LONGEST_MAGIC", "FileKind", "recognise"]


class FileKind(NamedTuple):
    """A kind of file that is no pickle.

    name    in a word: ``"gzip"``, ``"zip"``, ``"sqlite"``, …
    what    in words that go on "this is …": ``"compressed with gzip"``
    advice  how to come to the pickle that may be inside; empty where there is no way
    packed  whether the whole file is one compressed stream, as :mod:`brinery.stream.packing` reads it
    """

    name: str
    what: str
    advice: str = ""
    packed: bool = False


_MAGIC: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x1f\x8b", FileKind("gzip", "compressed with gzip", "brinery.load_file() reads it", True)),
    (b"BZh", FileKind("bzip2", "compressed with bzip2", "brinery.load_file() reads it", True)),
    (b"\xfd7zXZ\x00", FileKind("xz", "compressed with xz", "brinery.load_file() reads it", True)),
    (b"\x5d\x00\x00", FileKind("lzma", "compressed with lzma", "brinery.load_file() reads it", True)),
    (
        b"\x28\xb5\x2f\xfd",
        FileKind("zstd", "compressed with zstd", "brinery.load_file() reads it, from Python 3.14 on", True),
    ),
    (b"\x04\x22\x4d\x18", FileKind("lz4", "compressed with lz4", "decompress it first: lz4 -d FILE")),
    (
        b"PK\x03\x04",
        FileKind(
            "zip",
            "a zip archive",
            "PyTorch keeps its pickle there, as */data.pkl: brinery refs looks inside",
        ),
    ),
    (b"PK\x05\x06", FileKind("zip", "an empty zip archive")),
    (b"SQLite format 3\x00", FileKind("sqlite", "an SQLite database", "brinery refs looks inside")),
    (
        b"\x89HDF\r\n\x1a\n",
        FileKind("hdf5", "an HDF5 file", "read it with h5py or pandas.read_hdf"),
    ),
    (b"\x93NUMPY", FileKind("npy", "a NumPy .npy file", "read it with numpy.load")),
    (b"PAR1\x15", FileKind("parquet", "a Parquet file", "read it with pandas.read_parquet or pyarrow")),
    (b"ARROW1", FileKind("arrow", "an Arrow file", "read it with pyarrow")),
    (b"RDX", FileKind("rdata", "a file of R")),
    (b"\x89PNG\r\n\x1a\n", FileKind("png", "a PNG image")),
    (b"%PDF", FileKind("pdf", "a PDF document")),
    (b"<!DOCTYPE", FileKind("html", "an HTML page", "perhaps a download failed, and this is what it said")),
    (b"<html", FileKind("html", "an HTML page", "perhaps a download failed, and this is what it said")),
    (b"<?xml", FileKind("xml", "an XML document")),
    (
        b"version https://git-lfs",
        FileKind("git-lfs", "a pointer of Git LFS, not the file itself", "git lfs pull brings it"),
    ),
    (b'{"', FileKind("json", "JSON text", "read it with json.load")),
    (b"\x78\x9c", FileKind("zlib", "compressed with zlib", "brinery.load_file() reads it", True)),
    (b"\x78\x01", FileKind("zlib", "compressed with zlib", "brinery.load_file() reads it", True)),
    (b"\x78\xda", FileKind("zlib", "compressed with zlib", "brinery.load_file() reads it", True)),
    (b"\x78\x5e", FileKind("zlib", "compressed with zlib", "brinery.load_file() reads it", True)),
)

#: How many bytes of a file :func:`recognise` looks at.
LONGEST_MAGIC = max(len(magic) for magic, _ in _MAGIC)


def recognise(beginning: bytes) -> FileKind | None:
    """What a file is that begins with these bytes, if that is something that is known and no pickle.

    None says that it may be a pickle. None of the others' beginnings is that of a sound pickle, but for a
    persistent ID of protocol 0 with control characters in it.
    """
    for magic, kind in _MAGIC:
        if beginning.startswith(magic):
            return kind
    return None


def could_begin(beginning: bytes) -> bool:
    """Whether a pickle can begin like this: with PROTO, or with an opcode that needs nothing on the stack."""
    opcode = BY_CODE.get(beginning[0]) if beginning else None
    return opcode is not None and (not opcode.before or opcode.name == "MARK")
