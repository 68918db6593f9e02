"""What a file is, by how it begins: the one place that knows a pickle from what is often taken for one."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from brinery.stream.opcodes import BY_CODE
from brinery.stream.text import NUMBER_TOO_LONG

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LONGEST_MAGIC", "FileKind", "could_begin", "is_tar", "no_pickle", "only_text", "recognise"]


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


_PARQUET = "read it with pandas.read_parquet or pyarrow"

_MAGIC: tuple[tuple[bytes, FileKind], ...] = (
    (
        b"\x1f\x8b",
        FileKind(
            "gzip", "compressed with gzip", "brinery.load_file() reads it, or gzip.decompress(data)", True
        ),
    ),
    (
        b"BZh",
        FileKind(
            "bzip2", "compressed with bzip2", "brinery.load_file() reads it, or bz2.decompress(data)", True
        ),
    ),
    (
        b"\xfd7zXZ\x00",
        FileKind("xz", "compressed with xz", "brinery.load_file() reads it, or lzma.decompress(data)", True),
    ),
    (b"\x5d\x00\x00", FileKind("lzma", "compressed with lzma", "brinery.load_file() reads it", True)),
    (
        b"\x28\xb5\x2f\xfd",
        FileKind(
            "zstd",
            "compressed with zstd",
            "brinery.load_file() reads it from Python 3.14 on, or with the package backports.zstd",
            True,
        ),
    ),
    (
        b"\x04\x22\x4d\x18",
        FileKind(
            "lz4",
            "compressed with lz4",
            "brinery.load_file() reads it where the package lz4 is installed, or decompress it: lz4 -d FILE",
            True,
        ),
    ),
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
    *(
        (b"PAR1" + bytes((byte,)), FileKind("parquet", "a Parquet file", _PARQUET))
        for byte in range(32)
        if byte not in b"\t\n\r"
    ),
    (b"Obj\x01", FileKind("avro", "an Avro file", "read it with fastavro")),
    (b"ORC\n", FileKind("orc", "an ORC file", "read it with pyarrow.orc or pandas.read_orc")),
    (b"MATLAB 5.0", FileKind("mat", "a MATLAB file", "read it with scipy.io.loadmat")),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        FileKind("ole", "a document of Microsoft Office", "read it with pandas.read_excel, if it is a table"),
    ),
    (b"\xff\xd8\xff", FileKind("jpeg", "a JPEG image")),
    (b"RIFF", FileKind("riff", "a RIFF file: sound, video or an image")),
    (b"Salted__", FileKind("encrypted", "encrypted with openssl", "decrypt it first: openssl enc -d")),
    (b"-----BEGIN ", FileKind("pem", "a PEM file: a key, a certificate or a message of GnuPG")),
    (b"age-encryption.org/", FileKind("encrypted", "encrypted with age", "decrypt it first: age -d")),
    (b"\xca\xfe\xba\xbe", FileKind("java", "a class of Java, or a program for macOS")),
    (
        b"\xac\xed\x00\x05",
        FileKind("java", "an object that Java has serialized", "javaobj-py3 reads such files"),
    ),
    (b"ARROW1", FileKind("arrow", "an Arrow file", "read it with pyarrow")),
    (b"RDX", FileKind("rdata", "a file of R")),
    (b"\x89PNG\r\n\x1a\n", FileKind("png", "a PNG image")),
    (b"%PDF", FileKind("pdf", "a PDF document")),
    (
        b"version https://git-lfs",
        FileKind("git-lfs", "a pointer of Git LFS, not the file itself", "git lfs pull brings it"),
    ),
    (
        b"\x78\x9c",
        FileKind(
            "zlib", "compressed with zlib", "brinery.load_file() reads it, or zlib.decompress(data)", True
        ),
    ),
    (
        b"\x78\x01",
        FileKind(
            "zlib", "compressed with zlib", "brinery.load_file() reads it, or zlib.decompress(data)", True
        ),
    ),
    (
        b"\x78\xda",
        FileKind(
            "zlib", "compressed with zlib", "brinery.load_file() reads it, or zlib.decompress(data)", True
        ),
    ),
    (
        b"\x78\x5e",
        FileKind(
            "zlib", "compressed with zlib", "brinery.load_file() reads it, or zlib.decompress(data)", True
        ),
    ),
    (b"\xff\x06\0\0sNaPpY", FileKind("snappy", "compressed with snappy", "decompress it first")),
    (b"7z\xbc\xaf\x27\x1c", FileKind("7z", "a 7-Zip archive", "unpack it first")),
    (b"Rar!\x1a\x07", FileKind("rar", "a RAR archive", "unpack it first")),
    (b"FEA1", FileKind("feather", "a Feather file", "read it with pandas.read_feather")),
    *(
        # With offsets of 32 bits or 64, with synchronisation or not; in the order of the machine's bytes.
        (magic, FileKind("gdbm", "a GDBM database, as shelve makes it", "open it with shelve.open"))
        for last in range(0xCD, 0xD2)
        for magic in (bytes((0x13, 0x57, 0x9A, last)), bytes((last, 0x9A, 0x57, 0x13)))
    ),
    (b"\x7fELF", FileKind("elf", "a program or library (ELF)")),
    (
        b"\xef\xbf\xbd",
        FileKind(
            "replaced",
            "a pickle that was decoded as UTF-8 with errors='replace'",
            "what replacement characters stand for is lost: read the original in binary mode ('rb')",
        ),
    ),
    (
        b"\xc2\x80",
        FileKind(
            "latin1",
            "a pickle that was taken for Latin-1 text and encoded as UTF-8",
            "data.decode('utf-8').encode('latin-1') undoes it",
        ),
    ),
    (b"\xef\xbb\xbf", FileKind("text", "text, with the byte order mark of UTF-8")),
    (b"\xff\xfe", FileKind("text", "text in UTF-16")),
    (b"\xfe\xff", FileKind("text", "text in UTF-16")),
)

_PAGE = "perhaps of an error or a log-in, which was saved in the place of what was wanted: download it again"

# Texts, before which there may be blanks. Compiled where one is looked at.
_TEXTS: tuple[tuple[bytes, FileKind], ...] = (
    (rb"(?i)<!doctype html|<html|<head|<body", FileKind("html", "an HTML page", _PAGE)),
    (rb"(?i)<\?xml|<!--|<svg", FileKind("xml", "an XML document")),
    (
        rb"[bB]?['\"]\\x80[\\]",
        FileKind("repr", "the repr of a pickle", "ast.literal_eval(text) gives the bytes"),
    ),
    (
        rb"data:[\w/+.-]+;base64,",
        FileKind("base64", "a data URL", "base64.b64decode what is behind the comma"),
    ),
    (
        rb"gA[JNSW][A-Za-z0-9+/_=-]{2}",
        FileKind("base64", "base64, of a pickle by how it begins", "base64.b64decode(data)"),
    ),
    (rb"80(?:0[2-5])[0-9a-fA-F]{2}", FileKind("hex", "hexadecimal digits", "bytes.fromhex(text)")),
    (
        rb"\{\s*(?:\"|\})|\[\s*(?:[\[{\"\d\]-]|true|false|null)",
        FileKind("json", "JSON text", "read it with json.load"),
    ),
    (rb"---\s|%YAML", FileKind("yaml", "YAML")),
    (rb"[<=]{7} |diff --git ", FileKind("text", "text with conflict marks, or a diff")),
)

#: How many bytes of a file :func:`recognise` looks at.
LONGEST_MAGIC = 64


# What stands in a tar header's fields for numbers: its mode, its owners, its size and its time.
_TAR_NUMBERS = slice(100, 148)


def is_tar(beginning: bytes) -> bool:
    """Whether a file that begins with these bytes, at least 512, is a tar archive.

    Its first header's check sum says so, of signed or unsigned bytes, as tarfile takes both. One whose sum is
    wrong is a damaged archive if it has POSIX's mark, and numbers where they belong; with the mark alone, it
    may be any file with that word in it.
    """
    if len(beginning) < 512:
        return False
    digits = beginning[148:156].strip(b" \0")
    if digits and not digits.strip(b"01234567"):
        summed = beginning[:148] + b" " * 8 + beginning[156:512]
        unsigned = sum(summed)
        if int(digits, 8) in (unsigned, unsigned - 256 * sum(byte > 127 for byte in summed)):
            return True
    return beginning[257:262] == b"ustar" and not beginning[_TAR_NUMBERS].strip(b"01234567 \0")


def recognise(beginning: bytes) -> FileKind | None:
    """What a file is that begins with these bytes, if that is something that is known and no pickle.

    None says that it may be a pickle. None of the others' beginnings is that of a sound pickle, but for a
    persistent ID of protocol 0 with control characters in it.
    """
    for magic, kind in _MAGIC:
        if beginning.startswith(magic):
            return kind
    text = beginning[:LONGEST_MAGIC].lstrip(b" \t\r\n")
    for pattern, kind in _texts():
        if pattern.match(text):
            return kind
    return None


@cache
def _texts() -> list[tuple[re.Pattern[bytes], FileKind]]:
    return [(re.compile(pattern), kind) for pattern, kind in _TEXTS]


def no_pickle(beginning: bytes, failed_at: int | None = None, why: str = "") -> str:
    """What begins so and is no pickle, and what to do with it, in a sentence; empty where it may be one.

    Where reading it has failed at an offset, `failed_at`, with the text `why`, kinds of text are told, too.
    """
    kind = recognise(beginning)
    if kind is None and failed_at is not None and failed_at < LONGEST_MAGIC and NUMBER_TOO_LONG not in why:
        kind = _text_kind(beginning, failed_at, "truncated" in why or "ran out" in why.lower())
    if kind is None:
        return ""
    return f"this is no pickle but {kind.what}" + (f"; {kind.advice}" if kind.advice else "")


# What only looks like something else: a pickle of protocol 0 is text as well.
_NUMBER = rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"
_LOOKS: tuple[tuple[bytes, FileKind], ...] = (
    (
        rb"\s*(?:\"(?:[^\"\\\n]|\\.)*\"|true|false|null|NaN|-?Infinity|%b)\s*\Z" % _NUMBER,
        FileKind("json", "JSON text", "read it with json.load"),
    ),
    (
        rb"\s*(?:[\[{(].*[\]})]|None|True|False|'[^'\n]*')\s*\Z",
        FileKind("repr", "the repr of an object", "ast.literal_eval(text) reads it where it is plain data"),
    ),
    (
        rb"(?:#[^\n]*\n|\s*\n)*(?:[A-Za-z_][\w.-]*:(?: [^\n]*)?(?:\r?\n|\Z)|(?:- [^\n]*(?:\n|\Z)){2})",
        FileKind("yaml", "YAML", "read it with yaml.safe_load"),
    ),
    (
        rb"(?:[#;][^\n]*\n|\s*\n)*\[+[A-Za-z][\w. \"-]*\]+\s*\n",
        FileKind("ini", "an INI or TOML file", "read it with configparser, or tomllib"),
    ),
)
_TABLE = FileKind("csv", "CSV text", "read it with the csv module, or pandas.read_csv")
_PLAIN = FileKind("text", "plain text", "a pickle is what dump() wrote: look at where the data comes from")


def _text_kind(beginning: bytes, offset: int, ended: bool) -> FileKind | None:
    """What kind of text this is, if it is some, where a load failed at `offset`; None if it may be a pickle.

    `ended`: it failed because there was no more. It is for who knows that there is no sound pickle: of
    protocol 0, which is text too, damaged ones are not to be taken for something else.
    """
    if not _is_text(beginning) or (beginning[:1].isspace() and could_begin(beginning.lstrip())):
        return None
    first, _, rest = beginning.partition(b"\n")
    second = rest.partition(b"\n")[0]
    opcode = first[:1]
    if opcode in (b"c", b"i") and all(map(_is_name, (first[1:], second))):
        return None  # a global, which is not there
    if re.fullmatch(rb"p\d+\r?", second):
        return None  # the first value, and its number in the memo
    said = first.decode("utf-8", "replace")
    # Two words in a row, which are no str of protocol 0.
    if re.match(r"[^'\"]*\w\w[^\w'\"]* [^\w'\"]*\w", said) and opcode not in (b"S", b"V"):
        return _looks_like(beginning) or _PLAIN
    kind = _looks_like(beginning)
    if ended:
        if kind is not None and kind.name != "repr" and b"'" not in beginning:
            return kind
        # One word. Those of these four opcodes may be the beginning of a text or a name of protocol 0.
        is_word = re.fullmatch(r"[^\W\d_]{3,}\s*", beginning.decode("utf-8", "replace")) is not None
        return _PLAIN if is_word and offset == 0 and opcode not in (b"V", b"P", b"c", b"i") else None
    if kind is None and re.match(r"\w{3,}\s*\Z", said) and said.strip().isalpha():
        return _PLAIN
    # What fails where it begins is none, unless a persistent ID is not known or line ends were converted.
    if kind is None and offset == 0 and opcode != b"P" and not (first[-1:] == b"\r" and could_begin(first)):
        return _PLAIN
    return kind


def _looks_like(text: bytes) -> FileKind | None:
    kind = next((kind for pattern, kind in _LOOKS if re.match(pattern, text, re.DOTALL)), None)
    return kind or (_TABLE if _is_table(text) else None)


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        if wrong.start < len(data) - 3:  # else a character is cut off
            return False
        text = data[: wrong.start].decode("utf-8")
    return bool(text.strip()) and all(char.isprintable() or char in "\t\r\n\f" for char in text)


def _is_name(line: bytes) -> bool:
    return re.fullmatch(rb"[^\s,;|:]+", line.strip(b"\r")) is not None


def _is_table(text: bytes) -> bool:
    """Whether there are as many separators in each line, but for the last one, which may be cut off."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 2:
        del lines[-1]
    if len(lines) == 1:
        return (
            re.fullmatch(rb"[A-Za-z_]\w*(?:([,;\t|])[A-Za-z_]\w*)(?:\1[A-Za-z_]\w*)*", lines[0]) is not None
        )
    return any(
        len({line.count(separator) for line in lines}) == 1 and separator in lines[0]
        for separator in (b",", b";", b"\t", b"|")
    )


def could_begin(beginning: bytes) -> bool:
    """Whether a pickle can begin like this: with PROTO, or with an opcode that needs nothing on the stack."""
    opcode = BY_CODE.get(beginning[0]) if beginning else None
    return opcode is not None and (not opcode.before or opcode.name == "MARK")


# How a line of protocol 0 ends what it builds: with the number that the value has in the memo.
_MEMOIZED = re.compile(rb"(?m)^[()\]}ldtsauRbN.0-2]*[pg]\d+\r?$|^p\d*\Z")
# What begins with such a value, and may be cut off in it.
_VALUE = re.compile(
    rb"[(\]}ldt]*(?:[ILF]-?[\d.]+L?\s*(?:\Z|[.(a-u]?[ILFSVN.(a])|S(?:'[^'\n]*(?:'\s*(?:\Z|p)|\Z)|\"[^\"\n]*(?:\"\s*(?:\Z|p)|\Z))"
    rb"|V[^\n]*\np\d|[ci][A-Za-z_][\w.]*\r?\n[A-Za-z_][\w.]*(?:\r?\n(?:p\d|[(.]|\Z)|\Z))"
)
_NO_TEXT = re.compile(rb"[^\t\n\r\f\x20-\x7e\x80-\xff]")


def only_text(pieces: Iterable[bytes]) -> bool:
    """Whether what failed as a pickle before any STOP is a text, of which these are the pieces.

    A pickle of protocol 0 is text, too: with a line that puts a value into the memo, or where it begins with
    a whole value, it is taken for a damaged one.
    """
    seen = b""
    for piece in pieces:
        if _NO_TEXT.search(piece):
            return False
        if not seen and _VALUE.match(piece):
            return False
        seen = seen[-LONGEST_MAGIC:] + piece
        if _MEMOIZED.search(seen):
            return False
    return True
