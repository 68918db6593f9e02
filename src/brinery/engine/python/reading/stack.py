"""The stack and the memo."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from brinery.engine.python.reading.dispatch import Handlers
from brinery.engine.python.reading.scalars import argument_line
from brinery.stream.text import parse_index

if TYPE_CHECKING:
    from brinery.engine.python.reading.machine import Machine

__all__ = ["handles"]

handles = Handlers()

_uint4 = struct.Struct("<I").unpack_from


# Stack


@handles("MARK")
def mark(machine: Machine, pos: int) -> int:
    machine.outer.append(machine.stack)
    machine.stack = []
    return pos


@handles("POP")
def pop(machine: Machine, pos: int) -> int:
    if machine.stack:
        machine.stack.pop()
    elif machine.outer:
        machine.stack = machine.outer.pop()
    else:
        raise machine.underflow()
    return pos


@handles("POP_MARK")
def pop_mark(machine: Machine, pos: int) -> int:
    machine.pop_mark()
    return pos


@handles("DUP")
def dup(machine: Machine, pos: int) -> int:
    if not machine.stack:
        raise machine.underflow()
    machine.stack.append(machine.stack[-1])
    return pos


# Memo. Its dense part is used in place by the opcodes that are met for every other object.


@handles("MEMOIZE")
def memoize(machine: Machine, pos: int) -> int:
    if not machine.stack:
        raise machine.underflow()
    memo = machine.memo
    if memo.sparse:
        memo.put(len(memo), machine.stack[-1])
    else:
        memo.dense.append(machine.stack[-1])
    return pos


@handles("BINPUT")
def binput(machine: Machine, pos: int) -> int:
    if not machine.stack:
        raise machine.underflow()
    index = machine.data[pos]
    memo = machine.memo
    if index == len(memo.dense) and not memo.sparse:
        memo.dense.append(machine.stack[-1])
    else:
        memo.put(index, machine.stack[-1])
    return pos + 1


@handles("LONG_BINPUT")
def long_binput(machine: Machine, pos: int) -> int:
    if not machine.stack:
        raise machine.underflow()
    index = _uint4(machine.data, pos)[0]
    memo = machine.memo
    if index == len(memo.dense) and not memo.sparse:
        memo.dense.append(machine.stack[-1])
    else:
        memo.put(index, machine.stack[-1])
    return pos + 4


@handles("PUT")
def put(machine: Machine, pos: int) -> int:
    line, end = argument_line(machine, pos)
    if not machine.stack:
        raise machine.underflow()
    index = parse_index(line)
    if index < 0:
        raise ValueError("negative PUT argument")
    machine.memo.put(index, machine.stack[-1])
    return end


@handles("BINGET")
def binget(machine: Machine, pos: int) -> int:
    index = machine.data[pos]
    dense = machine.memo.dense
    machine.stack.append(dense[index] if index < len(dense) else machine.memo.get(index))
    return pos + 1


@handles("LONG_BINGET")
def long_binget(machine: Machine, pos: int) -> int:
    index = _uint4(machine.data, pos)[0]
    dense = machine.memo.dense
    machine.stack.append(dense[index] if index < len(dense) else machine.memo.get(index))
    return pos + 4


@handles("GET")
def get(machine: Machine, pos: int) -> int:
    line, end = argument_line(machine, pos)
    machine.stack.append(machine.memo.get(parse_index(line)))
    return end
