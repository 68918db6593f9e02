"""Numbers, text and bytes: what needs nothing but its argument."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from brinery import refusals
from brinery.engine.python.reading.dispatch import Handlers
from brinery.errors import ReadError
from brinery.stream.text import (
    decode_long,
    parse_float,
    parse_int,
    parse_long,
    parse_string,
    parse_unicode,
)

if TYPE_CHECKING:
    from brinery.engine.python.reading.machine import Machine

__all__ = ["MAX_SIZE", "handles"]

#: What C calls PY_SSIZE_T_MAX: eight-byte lengths above it are an OverflowError, as there.
MAX_SIZE = 2**63 - 1

handles = Handlers()

_int4 = struct.Struct("<i").unpack_from
_uint4 = struct.Struct("<I").unpack_from
_uint8 = struct.Struct("<Q").unpack_from
_float8 = struct.Struct(">d").unpack_from


# None, bool, int


@handles("NONE")
def none(machine: Machine, pos: int) -> int:
    machine.stack.append(None)
    return pos


@handles("NEWTRUE")
def newtrue(machine: Machine, pos: int) -> int:
    machine.stack.append(True)
    return pos


@handles("NEWFALSE")
def newfalse(machine: Machine, pos: int) -> int:
    machine.stack.append(False)
    return pos


@handles("BININT1")
def binint1(machine: Machine, pos: int) -> int:
    machine.stack.append(machine.data[pos])
    return pos + 1


@handles("BININT2")
def binint2(machine: Machine, pos: int) -> int:
    data = machine.data
    machine.stack.append(data[pos] | data[pos + 1] << 8)
    return pos + 2


@handles("BININT")
def binint(machine: Machine, pos: int) -> int:
    machine.stack.append(_int4(machine.data, pos)[0])
    return pos + 4


@handles("INT")
def int_line(machine: Machine, pos: int) -> int:
    line, end = argument_line(machine, pos)
    machine.stack.append(parse_int(line))
    return end


@handles("LONG")
def long_line(machine: Machine, pos: int) -> int:
    line, end = argument_line(machine, pos)
    machine.stack.append(parse_long(line))
    return end


@handles("LONG1")
def long1(machine: Machine, pos: int) -> int:
    data, end = machine.take(pos + 1, machine.data[pos])
    machine.stack.append(decode_long(data))
    return end


@handles("LONG4")
def long4(machine: Machine, pos: int) -> int:
    size = _int4(machine.data, pos)[0]
    if size < 0:
        raise refusals.negative_size("LONG")
    data, end = machine.take(pos + 4, size)
    machine.stack.append(decode_long(data))
    return end


# float


@handles("FLOAT")
def float_line(machine: Machine, pos: int) -> int:
    line, end = argument_line(machine, pos)
    machine.stack.append(parse_float(line))
    return end


@handles("BINFLOAT")
def binfloat(machine: Machine, pos: int) -> int:
    machine.stack.append(_float8(machine.data, pos)[0])
    return pos + 8


# str


@handles("SHORT_BINUNICODE")
def short_binunicode(machine: Machine, pos: int) -> int:
    data = machine.data
    start = pos + 1
    end = start + data[pos]
    if end <= machine.limit:
        text = data[start:end]
    else:
        text, end = machine.take(start, data[pos])
    machine.stack.append(text.decode("utf-8", "surrogatepass"))
    return end


@handles("BINUNICODE")
def binunicode(machine: Machine, pos: int) -> int:
    data = machine.data
    size: int = _uint4(data, pos)[0]
    start = pos + 4
    end = start + size
    if end <= machine.limit:
        text = data[start:end]
    else:
        text, end = machine.take(start, size)
    machine.stack.append(text.decode("utf-8", "surrogatepass"))
    return end


@handles("BINUNICODE8")
def binunicode8(machine: Machine, pos: int) -> int:
    text, end = machine.take(pos + 8, size8(machine, pos, "BINUNICODE8"))
    machine.stack.append(text.decode("utf-8", "surrogatepass"))
    return end


@handles("UNICODE")
def unicode_line(machine: Machine, pos: int) -> int:
    line, end = machine.line(pos)
    machine.stack.append(parse_unicode(line))
    return end


# The str of Python 2


@handles("SHORT_BINSTRING")
def short_binstring(machine: Machine, pos: int) -> int:
    data, end = machine.take(pos + 1, machine.data[pos])
    machine.stack.append(machine.old_string(data, pos, "SHORT_BINSTRING"))
    return end


@handles("BINSTRING")
def binstring(machine: Machine, pos: int) -> int:
    size = _int4(machine.data, pos)[0]
    if size < 0:
        raise refusals.negative_size("BINSTRING")
    data, end = machine.take(pos + 4, size)
    machine.stack.append(machine.old_string(data, pos, "BINSTRING"))
    return end


@handles("STRING")
def string_line(machine: Machine, pos: int) -> int:
    line, end = machine.line(pos)
    machine.stack.append(machine.old_string(parse_string(line), pos, "STRING"))
    return end


# bytes, bytearray


@handles("SHORT_BINBYTES")
def short_binbytes(machine: Machine, pos: int) -> int:
    data = machine.data
    start = pos + 1
    end = start + data[pos]
    if end < machine.limit:
        payload = data[start:end]
    else:
        payload, end = machine.take_bytes(start, data[pos])
    machine.stack.append(payload)
    return end


@handles("BINBYTES")
def binbytes(machine: Machine, pos: int) -> int:
    data, end = machine.take_bytes(pos + 4, _uint4(machine.data, pos)[0])
    machine.stack.append(data)
    return end


@handles("BINBYTES8")
def binbytes8(machine: Machine, pos: int) -> int:
    data, end = machine.take_bytes(pos + 8, size8(machine, pos, "BINBYTES8"))
    machine.stack.append(data)
    return end


@handles("BYTEARRAY8")
def bytearray8(machine: Machine, pos: int) -> int:
    data, end = machine.take_bytearray(pos + 8, size8(machine, pos, "BYTEARRAY8"))
    machine.stack.append(data)
    return end


# Arguments


def argument_line(machine: Machine, pos: int) -> tuple[bytes, int]:
    """A line that may not be empty, and the offset behind it."""
    line, end = machine.line(pos)
    if not line:
        raise ReadError("pickle data was truncated")
    return line, end


def size8(machine: Machine, pos: int, opcode: str) -> int:
    """The length of eight bytes that `opcode` has. Raises OverflowError where no object can be so large."""
    size: int = _uint8(machine.data, pos)[0]
    if size > MAX_SIZE:
        raise refusals.too_long(opcode)
    return size
