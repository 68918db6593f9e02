"""The text forms of protocols 0 to 2: literals, escapes, old strings and long integers.

Writers and readers of both engines come here for what is not binary.
"""

from __future__ import annotations

import codecs

from brinery.errors import ReadError, WriteError

__all__ = [
    "decode_long",
    "decode_string",
    "encode_global",
    "encode_long",
    "encode_persistent_id",
    "encode_unicode",
    "parse_float",
    "parse_index",
    "parse_int",
    "parse_long",
    "parse_string",
    "parse_unicode",
]

# What raw-unicode-escape leaves alone but a line of the stream cannot hold, or would read wrongly.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "\\\0\n\r\x1a"}


def encode_unicode(text: str) -> bytes:
    r"""UNICODE's argument without newline: raw-unicode-escape, with \\, NUL, LF, CR and ^Z escaped too."""
    return text.translate(_ESCAPES).encode("raw-unicode-escape")


def parse_unicode(line: bytes) -> str:
    """The reverse of :func:`encode_unicode`."""
    return line.decode("raw-unicode-escape")


def encode_global(module: str, name: str, protocol: int) -> bytes:
    """GLOBAL's argument, both lines with their newlines, for protocols 0 to 3.

    The names are ASCII for Python 2 and UTF-8 at protocol 3. Raises PicklingError where they do not
    encode, and where one holds a newline, which would end its line early.
    """
    encoding = "utf-8" if protocol == 3 else "ascii"
    lines = b""
    for kind, text in (("module", module), ("global", name)):
        try:
            line = text.encode(encoding)
        except UnicodeEncodeError as refused:
            raise WriteError(
                f"can't pickle {kind} identifier {text!r} using pickle protocol {protocol}; protocol 4 can"
            ) from refused
        if b"\n" in line:
            raise WriteError(
                f"can't pickle {kind} identifier {text!r} using pickle protocol {protocol}, "
                "because it holds a newline; protocol 4 can"
            )
        lines += line + b"\n"
    return lines


def encode_persistent_id(pid: object) -> bytes:
    """PERSID's argument with its newline: the ID's ``str()``.

    Raises PicklingError where that is not ASCII or holds a newline, which would end the line early.
    """
    text = str(pid)
    if not text.isascii():
        raise WriteError(
            "persistent IDs in protocol 0 must be ASCII strings; protocol 1 and up take any object"
        )
    if "\n" in text:
        raise WriteError(
            "persistent IDs in protocol 0 must not hold newlines; protocol 1 and up take any object"
        )
    return text.encode("ascii") + b"\n"


def encode_long(value: int) -> bytes:
    """Two's complement, little-endian, as short as can be; zero is empty (PEP 307)."""
    if value == 0:
        return b""
    size = (value.bit_length() >> 3) + 1
    data = value.to_bytes(size, "little", signed=True)
    if value < 0 and size > 1 and data[-1] == 0xFF and data[-2] & 0x80:
        return data[:-1]
    return data


def decode_long(data: bytes) -> int:
    """The reverse of :func:`encode_long`."""
    return int.from_bytes(data, "little", signed=True)


def parse_int(line: bytes) -> int:
    """INT's argument: a literal in any base, or 00 and 01 for False and True (PEP 285)."""
    if line == b"00":
        return False
    if line == b"01":
        return True
    return int(line, 0)


def parse_long(line: bytes) -> int:
    """LONG's argument: a literal in any base, with or without the L of Python 2."""
    if line.endswith(b"L"):
        line = line[:-1]
    return int(line, 0)


def parse_float(line: bytes) -> float:
    """FLOAT's argument."""
    return float(line)


def parse_index(line: bytes) -> int:
    """GET's and PUT's argument. Raises ValueError where the line is no decimal number."""
    return int(line)


def parse_string(line: bytes) -> bytes:
    """STRING's argument, a quoted Python 2 literal, as the bytes it stands for.

    Raises UnpicklingError where the quotes are missing, and ValueError for a bad escape.
    """
    line = line.strip()
    if len(line) >= 2 and line[0] == line[-1] and line[0] in b"\"'":
        return codecs.escape_decode(line[1:-1])[0]
    raise ReadError("the STRING opcode argument must be quoted")


def decode_string(data: bytes, encoding: str, errors: str) -> str | bytes:
    """A Python 2 str as this load wants it.

    ``encoding="bytes"`` keeps bytes. ``errors="bytes"`` decodes, and keeps the bytes of a string
    that does not decode. Raises UnicodeDecodeError otherwise.
    """
    if encoding == "bytes":
        return data
    if errors == "bytes":
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            return data
    return data.decode(encoding, errors)
