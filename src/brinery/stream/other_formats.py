"""What is often taken for a pickle, told by how it begins; and what to do with it."""

from __future__ import annotations

import re

__all__ = ["was_converted", "what_it_is"]

_UNPACK = "unpack it first"

#: How files begin, and what they are. No pickle begins so.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "compressed with gzip: gzip.open(path) reads it, or gzip.decompress(data)"),
    (b"\x78\x01", "compressed with zlib: zlib.decompress(data)"),
    (b"\x78\x5e", "compressed with zlib: zlib.decompress(data)"),
    (b"\x78\x9c", "compressed with zlib: zlib.decompress(data)"),
    (b"\x78\xda", "compressed with zlib: zlib.decompress(data)"),
    (b"BZh", "compressed with bzip2: bz2.open(path) reads it, or bz2.decompress(data)"),
    (b"\xfd7zXZ\0", "compressed with xz: lzma.open(path) reads it, or lzma.decompress(data)"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: decompress it first, as with zstd -dc"),
    (b"\x04\x22\x4d\x18", "compressed with lz4: decompress it first"),
    (b"\xff\x06\0\0sNaPpY", "compressed with snappy: decompress it first"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7-Zip archive: {_UNPACK}"),
    (b"Rar!\x1a\x07", f"a RAR archive: {_UNPACK}"),
    (
        b"PK\x03\x04",
        "a zip archive: zipfile reads it. In one of PyTorch's the pickle is */data.pkl (torch.load); one of "
        "NumPy's holds arrays (numpy.load)",
    ),
    (b"\x93NUMPY", "a NumPy .npy file: numpy.load reads it"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file: h5py or pandas.read_hdf reads it"),
    (b"PAR1", "a Parquet file: pandas.read_parquet reads it"),
    (b"ARROW1", "an Arrow file: pyarrow reads it"),
    (b"FEA1", "a Feather file: pandas.read_feather reads it"),
    (
        b"SQLite format 3\0",
        "an SQLite database: sqlite3 reads it, or as a store profile.bind(name='sqlite:///…')",
    ),
    (b"GDBM", "a GDBM database, as shelve makes it: shelve.open or dbm.open reads it"),
    (b"\x13\x57\x9a\xce", "a GDBM database, as shelve makes it: shelve.open or dbm.open reads it"),
    (b"\xce\x9a\x57\x13", "a GDBM database, as shelve makes it: shelve.open or dbm.open reads it"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\x7fELF", "a program or library (ELF)"),
    (
        b"version https://git-lfs",
        "a Git LFS pointer, not the file that it stands for: git lfs pull fetches that",
    ),
    (
        b"\xef\xbf\xbd",
        "a pickle that was decoded as UTF-8 with errors='replace': what replacement characters stand for is "
        "lost. Read the original in binary mode ('rb')",
    ),
    (
        b"\xc2\x80",
        "a pickle that was taken for Latin-1 text and encoded as UTF-8: "
        "data.decode('utf-8').encode('latin-1') undoes it",
    ),
    (b"\xef\xbb\xbf", "text, with the byte order mark of UTF-8"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)

# Of texts: white space may come first.
_TEXTS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"<\?xml|<!--|<svg", re.IGNORECASE), "XML"),
    (
        re.compile(rb"<!doctype html|<html|<head|<body", re.IGNORECASE),
        "HTML, perhaps the page of an error or of a log-in that was saved in its place: download it again",
    ),
    (re.compile(rb"[bB]?['\"]\\x80[\\]"), "the repr of a pickle: ast.literal_eval(text) gives the bytes"),
    (re.compile(rb"data:[\w/+.-]+;base64,"), "a data URL: base64.b64decode what is behind the comma"),
    (
        re.compile(rb"gA[JNSW][A-Za-z0-9+/_=-]{2}"),
        "base64, of a pickle by how it begins: base64.b64decode(data)",
    ),
    (re.compile(rb"80(?:0[2-5])[0-9a-fA-F]{2}"), "hexadecimal digits: bytes.fromhex(text)"),
    (re.compile(rb"\{\s*(?:\"|\})|\[\s*(?:[\[{\"\d\]-]|true|false|null)"), "JSON: json.loads reads it"),
    (re.compile(rb"---\s|%YAML"), "YAML"),
    (re.compile(rb"[<=]{7} |diff --git "), "a text with conflict marks, or a diff"),
)


def what_it_is(beginning: bytes) -> str:
    """What begins so, where that is no pickle but something well known, and what to do with it; else ""."""
    for magic, meaning in _MAGIC:
        if beginning.startswith(magic):
            return meaning
    text = beginning.lstrip(b" \t\r\n")
    for pattern, meaning in _TEXTS:
        if pattern.match(text):
            return meaning
    if beginning[257:262] == b"ustar":
        return f"a tar archive: {_UNPACK} (tarfile reads it)"
    return ""


def was_converted(data: bytes) -> bool:
    """Whether every line end in `data` is CRLF, as after a transfer as text: in a pickle few are."""
    lines = data.count(b"\n")
    return lines > 0 and data.count(b"\r\n") == lines
