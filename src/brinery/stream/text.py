"""The text forms of protocols 0 to 2: literals, escapes, old strings and long integers.

Writers and readers of both engines come here for what is not binary.
"""

from __future__ import annotations

import codecs
import re
from _codecs import raw_unicode_escape_decode, raw_unicode_escape_encode  # codecs looks them up in a module
from math import isinf

from brinery import refusals
from brinery.cpython import BOOLS_ARE_LITERAL, NUMBERS_ARE_DECIMAL
from brinery.errors import ReadError, WriteError

__all__ = [
    "NUMBER_TOO_LONG",
    "SHORT",
    "begin_of_string",
    "decode_long",
    "decode_string",
    "encode_global",
    "encode_long",
    "encode_persistent_id",
    "encode_unicode",
    "is_short",
    "parse_float",
    "parse_index",
    "parse_int",
    "parse_long",
    "parse_string",
    "parse_unicode",
]

#: How int() begins to say that a number has more digits than sys.get_int_max_str_digits().
NUMBER_TOO_LONG = "Exceeds the limit"
# What raw-unicode-escape leaves alone but a line of the stream cannot hold, or would read wrongly; the
# backslash first, for the others' escapes begin with it. One after another takes a fifth to four fifths of
# str.translate's time, which makes its result longer by one escape at a time.
_ESCAPES = [(c, f"\\u{ord(c):04x}") for c in "\\\0\n\r\x1a"]
# Compiled when they are needed: importing brinery is not to pay for what few streams have.
# What C's strtol reads to the end: in base 10, and when the base is left to it.
_STRTOL = rb"[ \t\n\v\f\r]*([+-]?)" + (
    rb"([0-9]+)" if NUMBERS_ARE_DECIMAL else rb"(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)"
)
# What float() takes and C's own parser does not.
_NO_FLOAT = rb"[\s_]"
_FLOAT_START = rb"[+-]?(?:(?P<digits>\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf|nan))"


def encode_unicode(text: str) -> bytes:
    r"""UNICODE's argument without newline: raw-unicode-escape, with \\, NUL, LF, CR and ^Z escaped too."""
    for plain, escape in _ESCAPES:
        if plain in text:
            text = text.replace(plain, escape)
    return raw_unicode_escape_encode(text)[0]


def parse_unicode(line: bytes) -> str:
    """The reverse of :func:`encode_unicode`."""
    return raw_unicode_escape_decode(line)[0]


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
            raise refusals.no_identifier(kind, text, protocol) from refused
        if b"\n" in line:
            raise WriteError(
                f"can't pickle {kind} identifier {text!r} using pickle protocol {protocol}, "
                "because it holds a newline; protocol 4 can"
            )
        lines += line + b"\n"
    return lines


#: How many bytes of UTF-8 a short text in a persistent ID has at most.
SHORT = 192


def is_short(pid: object, depth: int = 8) -> bool:
    """Whether `pid` is a tuple of three parts at most, each an int of 64 bits, a short text or such a tuple.

    In the place of an object that a store keeps, the tuples of such an ID are not memoized: nothing refers to
    them again, and a reader would keep them until the end, where they take more memory than many objects.
    """
    if type(pid) is not tuple or not 0 < len(pid) <= 3:
        return False
    for part in pid:
        kind = type(part)
        if kind is int:
            if not -(2**63) <= part < 2**63:
                return False
        elif kind is str:
            if len(part) > SHORT or not (part.isascii() or _is_short_text(part)):
                return False
        elif not depth or not is_short(part, depth - 1):
            return False
    return True


def _is_short_text(text: str) -> bool:
    try:
        return len(text.encode()) <= SHORT
    except UnicodeEncodeError:  # surrogates
        return False


def encode_persistent_id(pid: object) -> bytes:
    """PERSID's argument with its newline: the ID's ``str()``.

    Raises PicklingError where that is not ASCII or holds a newline, which would end the line early.
    """
    text = str(pid)
    if not text.isascii():
        raise WriteError("persistent IDs in protocol 0 must be ASCII strings")
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
    """INT's argument: a number, or 00 and 01 for False and True (PEP 285).

    C pickle asks C's ``strtol`` first and ``int()`` after that, each with base 0 before it became 10 (see
    :mod:`brinery.cpython`): the first takes a leading zero for octal and ends at a NUL.

    Raises ValueError where neither can read it.
    """
    text = line.partition(b"\0")[0]
    if not text and line:
        return False if len(line) == 2 and not BOOLS_ARE_LITERAL else 0
    literal = re.fullmatch(_STRTOL, text)
    if literal is None:
        return _converted(text)
    sign, digits = literal.groups()
    base = 10
    if digits[:1] == b"0" and not NUMBERS_ARE_DECIMAL:
        base = 16 if digits[:2] in (b"0x", b"0X") else 8
    # Leading zeros count towards int()'s limit of digits, and strtol has none.
    value = int(digits.lstrip(b"0")[:20] or b"0") if base == 10 else int(digits, base)
    if sign == b"-":
        value = -value
    if not -(2**63) <= value < 2**63:
        return _converted(text)
    if BOOLS_ARE_LITERAL:
        return bool(value) if line in (b"00", b"01") else value
    return bool(value) if len(line) == 2 and value in (0, 1) else value


def _converted(text: bytes) -> int:
    try:
        return int(text, 10 if NUMBERS_ARE_DECIMAL else 0)
    except ValueError:
        raise ValueError("could not convert string to int") from None


def parse_long(line: bytes) -> int:
    """LONG's argument: a number, with or without the L of Python 2.

    Raises ValueError where it is none.
    """
    return _integer(line[:-1] if line.endswith(b"L") else line + b"\n", 10 if NUMBERS_ARE_DECIMAL else 0)


def parse_float(line: bytes) -> float:
    """FLOAT's argument. Raises ValueError where it is none, and OverflowError where it is too large."""
    text = line.partition(b"\0")[0]
    number = None if re.search(_NO_FLOAT, text) else _float(text)
    if number is not None and (not isinf(number) or b"inf" in text.lower()):
        return number
    quoted = (line + b"\n").partition(b"\0")[0][:200]
    shown = f"'{quoted.decode('utf-8', 'replace')}'"
    start = re.match(_FLOAT_START, text)
    if start is None:
        raise ValueError(f"could not convert string to float: {shown}")
    if start["digits"] and isinf(float(start[0])):
        # C's own parser says so before it looks at what follows the number.
        raise OverflowError(f"value too large to convert to float: {shown}")
    raise ValueError("could not convert string to float")


def _float(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def parse_index(line: bytes) -> int:
    """GET's and PUT's argument.

    Raises ValueError where the line is no decimal number, and OverflowError where the number fits no
    ``Py_ssize_t``. Whether the memo takes the index is the reader's to judge.
    """
    index = _integer(line + b"\n", 10)
    if not -(2**63) <= index < 2**63:
        raise OverflowError("Python int too large to convert to C ssize_t")
    return index


def _integer(line: bytes, base: int) -> int:
    text = line.partition(b"\0")[0]
    try:
        return int(text, base)
    except ValueError as refused:
        if str(refused).startswith(NUMBER_TOO_LONG):
            raise  # in C pickle's words, and with what lifts it
        # C quotes that much in its message, and fails earlier where it is not UTF-8.
        shown = text[:200].decode()
    raise refusals.no_literal(shown, base or _base_of(shown))


def _base_of(text: str) -> int:
    # The base that C took from the prefix, for its message.
    digits = text.lstrip(" \t\n\v\f\r").removeprefix("-").removeprefix("+")
    prefixed = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2].lower())
    # A number in order that begins with 0 was read as decimal, and is none in Python.
    return prefixed or (0 if re.match(r"0(_?[0-9])*(?![_0-9])", digits) else 10)


def parse_string(line: bytes) -> bytes:
    """STRING's argument, a quoted Python 2 literal, as the bytes it stands for.

    Raises UnpicklingError where the quotes are missing, and ValueError for a bad escape.
    """
    if len(line) >= 2 and line[0] == line[-1] and line[0] in b"\"'":
        return codecs.escape_decode(line[1:-1])[0]
    raise ReadError("the STRING opcode argument must be quoted")


def begin_of_string(line: bytes) -> bytes:
    """What a quoted literal stands for as far as `line` goes, which is cut off somewhere; else `line`."""
    # An escape has at most four characters, and may be cut itself.
    for end in range(len(line), max(len(line) - 4, 0), -1):
        try:
            return codecs.escape_decode(line[1:end])[0]
        except ValueError:
            continue
    return line


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
