"""Objects without parts: None, numbers, text and bytes.

Each function writes one kind at the protocols that its name says (all, where it says none).
`ATOMS` are never memoized and therefore written before the memo is asked; `MEMOIZED` come after it.
"""

from __future__ import annotations

from pickle import PickleBuffer
from struct import Struct
from typing import TYPE_CHECKING, Any

from brinery import refusals
from brinery.errors import WriteError
from brinery.stream.opcodes import codes
from brinery.stream.text import encode_long, encode_unicode

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.engine.python.writing.writer import Writer

    #: Writes an object that has no parts.
    Leaf = Callable[[Writer, Any], None]

__all__ = ["ATOMS", "MEMOIZED"]

NONE, NEWTRUE, NEWFALSE, INT = codes("NONE", "NEWTRUE", "NEWFALSE", "INT")
BININT1, BININT2, BININT = codes("BININT1", "BININT2", "BININT")
LONG, LONG1, LONG4, FLOAT, BINFLOAT = codes("LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
UNICODE, SHORT_BINUNICODE, BINUNICODE, BINUNICODE8 = codes(
    "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"
)
SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8 = codes(
    "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"
)
NEXT_BUFFER, READONLY_BUFFER = codes("NEXT_BUFFER", "READONLY_BUFFER")

_BYTE = [bytes((number,)) for number in range(256)]
_SMALL_INT = [BININT1 + byte for byte in _BYTE]
_pack_int2 = Struct("<cH").pack
_pack_int4 = Struct("<ci").pack
_pack_size4 = Struct("<cI").pack
_pack_size8 = Struct("<cQ").pack
_pack_float = Struct(">cd").pack


def write_none(w: Writer, obj: None) -> None:
    w.buffer += NONE


def write_bool(w: Writer, value: bool) -> None:
    w.buffer += NEWTRUE if value else NEWFALSE


def write_bool_as_int(w: Writer, value: bool) -> None:
    """Protocols 0 and 1: an INT that readers older than bool take for a number (PEP 285)."""
    w.buffer += INT + (b"01\n" if value else b"00\n")


def write_int(w: Writer, value: int) -> None:
    if 0 <= value <= 0xFF:
        w.buffer += _SMALL_INT[value]
    elif 0 <= value <= 0xFFFF:
        w.buffer += _pack_int2(BININT2, value)
    elif -0x80000000 <= value <= 0x7FFFFFFF:
        w.buffer += _pack_int4(BININT, value)
    else:
        data = encode_long(value)
        size = len(data)
        if size <= 0xFF:
            w.buffer += LONG1 + _BYTE[size] + data
        elif size <= 0x7FFFFFFF:
            w.buffer += _pack_int4(LONG4, size) + data
        else:
            raise OverflowError("int too large to pickle")


def write_int_1(w: Writer, value: int) -> None:
    if -0x80000000 <= value <= 0x7FFFFFFF:
        write_int(w, value)
    else:
        w.buffer += b"%b%bL\n" % (LONG, repr(value).encode())


def write_int_0(w: Writer, value: int) -> None:
    if -0x80000000 <= value <= 0x7FFFFFFF:
        w.buffer += b"%b%d\n" % (INT, value)
    else:
        write_int_1(w, value)


def write_float(w: Writer, value: float) -> None:
    w.buffer += _pack_float(BINFLOAT, value)


def write_float_0(w: Writer, value: float) -> None:
    w.buffer += b"%b%b\n" % (FLOAT, repr(value).encode())


def write_str(w: Writer, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    size = len(data)
    if size <= 0xFF:
        w.buffer += SHORT_BINUNICODE + _BYTE[size] + data
    elif size <= 0xFFFFFFFF:
        w.add_payload(_pack_size4(BINUNICODE, size), data)
    else:
        w.add_payload(_pack_size8(BINUNICODE8, size), data)
    w.memoize(text)


def write_str_1_to_3(w: Writer, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > 0xFFFFFFFF:
        raise OverflowError("serializing a string larger than 4 GiB requires pickle protocol 4 or higher")
    w.add_payload(_pack_size4(BINUNICODE, len(data)), data)
    w.memoize(text)


def write_str_0(w: Writer, text: str) -> None:
    w.buffer += b"%b%b\n" % (UNICODE, encode_unicode(text))
    w.memoize(text)


def write_bytes(w: Writer, data: bytes) -> None:
    """Protocols 3 and up; below, bytes are a reduction."""
    _add_bytes(w, data)
    w.memoize(data)


def _add_bytes(w: Writer, data: bytes) -> None:
    size = len(data)
    if size <= 0xFF:
        w.buffer += SHORT_BINBYTES + _BYTE[size] + data
    elif size <= 0xFFFFFFFF:
        w.add_payload(_pack_size4(BINBYTES, size), data)
    elif w.protocol >= 4:
        w.add_payload(_pack_size8(BINBYTES8, size), data)
    else:
        raise OverflowError(
            "serializing a bytes object larger than 4 GiB requires pickle protocol 4 or higher"
        )


def write_bytearray(w: Writer, data: bytearray) -> None:
    """Protocol 5; below, a bytearray is a reduction."""
    w.add_payload(_pack_size8(BYTEARRAY8, len(data)), bytes(data))
    w.memoize(data)


def write_buffer(w: Writer, buffer: PickleBuffer) -> None:
    """A buffer in-band, as bytes or bytearray, or out-of-band (PEP 574)."""
    if w.protocol < 5:
        raise refusals.pickle_buffer()
    try:
        view = buffer.raw()
    except BufferError as refused:
        raise WriteError(
            "PickleBuffer can not be pickled when pointing to a non-contiguous buffer"
        ) from refused
    # The view holds the memory also where the callback releases the PickleBuffer.
    with view:
        in_band = w.buffer_callback is None or bool(w.buffer_callback(buffer))
        if not in_band:
            w.buffer += NEXT_BUFFER + READONLY_BUFFER if view.readonly else NEXT_BUFFER
            return
        if view.readonly:
            _add_bytes(w, bytes(view))
        else:
            w.add_payload(_pack_size8(BYTEARRAY8, len(view)), bytes(view))
    w.memoize(buffer)


_ATOMS: dict[type, Leaf] = {type(None): write_none, bool: write_bool, int: write_int, float: write_float}

#: By protocol: what is written without asking the memo.
ATOMS: tuple[dict[type, Leaf], ...] = (
    _ATOMS | {bool: write_bool_as_int, int: write_int_0, float: write_float_0},
    _ATOMS | {bool: write_bool_as_int, int: write_int_1},
    _ATOMS,
    _ATOMS,
    _ATOMS,
    _ATOMS,
)

#: By protocol: what is memoized and has no parts.
MEMOIZED: tuple[dict[type, Leaf], ...] = (
    {PickleBuffer: write_buffer, str: write_str_0},
    {PickleBuffer: write_buffer, str: write_str_1_to_3},
    {PickleBuffer: write_buffer, str: write_str_1_to_3},
    {PickleBuffer: write_buffer, str: write_str_1_to_3, bytes: write_bytes},
    {PickleBuffer: write_buffer, str: write_str, bytes: write_bytes},
    {PickleBuffer: write_buffer, str: write_str, bytes: write_bytes, bytearray: write_bytearray},
)
