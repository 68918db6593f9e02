"""The opcodes of ``noload()``: walk a stream for its persistent IDs and build nothing but literals.

It is Python 2's cPickle's, which ZODB finds references with: a missed ID would make its packing lose
data. No global is looked up and no code called but ``persistent_load``; where an object would be lies the
machine's `hole` (None), and what is appended to a hole, set on it or built into it is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.engine.old_bytes import bytes_function, bytes_of_call
from brinery.engine.python.reading import containers
from brinery.engine.python.reading.dispatch import Handlers
from brinery.engine.python.reading.objects import global_name

if TYPE_CHECKING:
    from brinery.engine.python.reading.machine import Machine

__all__ = ["handles"]

handles = Handlers()


@handles("GLOBAL")
def global_(machine: Machine, pos: int) -> int:
    module, qualname, end = global_name(machine, pos, "utf-8")
    machine.stack.append(bytes_function(module, qualname) or machine.hole)
    return end


@handles("STACK_GLOBAL")
def stack_global(machine: Machine, pos: int) -> int:
    return _replace(machine, pos, 2)


@handles("EXT1")
def ext1(machine: Machine, pos: int) -> int:
    machine.stack.append(machine.hole)
    return pos + 1


@handles("EXT2")
def ext2(machine: Machine, pos: int) -> int:
    machine.stack.append(machine.hole)
    return pos + 2


@handles("EXT4")
def ext4(machine: Machine, pos: int) -> int:
    machine.stack.append(machine.hole)
    return pos + 4


@handles("REDUCE")
def reduce(machine: Machine, pos: int) -> int:
    called = bytes_of_call(*machine.stack[-2:]) if len(machine.stack) >= 2 else None
    _replace(machine, pos, 2)
    if called is not None:
        machine.stack[-1] = called
    return pos


@handles("NEWOBJ")
def newobj(machine: Machine, pos: int) -> int:
    return _replace(machine, pos, 2)


@handles("NEWOBJ_EX")
def newobj_ex(machine: Machine, pos: int) -> int:
    return _replace(machine, pos, 3)


@handles("OBJ")
def obj(machine: Machine, pos: int) -> int:
    if not machine.pop_mark():
        raise machine.underflow()
    machine.stack.append(machine.hole)
    return pos


@handles("INST")
def inst(machine: Machine, pos: int) -> int:
    machine.pop_mark()
    end = global_name(machine, pos, "ascii")[2]
    machine.stack.append(machine.hole)
    return end


@handles("BUILD")
def build(machine: Machine, pos: int) -> int:
    if len(machine.stack) < 2:
        raise machine.underflow()
    machine.stack.pop()
    return pos


@handles("APPEND")
def append(machine: Machine, pos: int) -> int:
    if len(machine.stack) >= 2 and machine.stack[-2] is machine.hole:
        machine.stack.pop()
        return pos
    return containers.append(machine, pos)


@handles("APPENDS")
def appends(machine: Machine, pos: int) -> int:
    return pos if _drop(machine) else containers.appends(machine, pos)


# A key may be hashable only as the object that it stands for: an ID that is a list, for one. Then
# the pair is dropped, as nobody will look for it, but never the walk.


@handles("SETITEM")
def setitem(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) >= 3 and stack[-3] is machine.hole:
        del stack[-2:]
        return pos
    try:
        return containers.setitem(machine, pos)
    except TypeError:
        return pos


@handles("SETITEMS")
def setitems(machine: Machine, pos: int) -> int:
    if _drop(machine):
        return pos
    try:
        return containers.setitems(machine, pos)
    except TypeError:
        return pos


@handles("DICT")
def dict_(machine: Machine, pos: int) -> int:
    try:
        return containers.dict_(machine, pos)
    except TypeError:
        machine.stack.append(machine.hole)
        return pos


@handles("ADDITEMS")
def additems(machine: Machine, pos: int) -> int:
    if _drop(machine):
        return pos
    try:
        return containers.additems(machine, pos)
    except TypeError:
        return pos


@handles("FROZENSET")
def frozenset_(machine: Machine, pos: int) -> int:
    try:
        return containers.frozenset_(machine, pos)
    except TypeError:
        machine.stack.append(machine.hole)
        return pos


@handles("NEXT_BUFFER")
def next_buffer(machine: Machine, pos: int) -> int:
    if machine.buffers is not None:
        next(machine.buffers, None)  # so that a load() that follows gets the right one
    machine.stack.append(machine.hole)
    return pos


@handles("READONLY_BUFFER")
def readonly_buffer(machine: Machine, pos: int) -> int:
    if not machine.stack:
        raise machine.underflow()
    return pos


def _replace(machine: Machine, pos: int, count: int) -> int:
    if len(machine.stack) < count:
        raise machine.underflow()
    machine.stack[-count:] = [machine.hole]
    return pos


def _drop(machine: Machine) -> bool:
    # Whether what lies below the last MARK is a hole; then everything above it goes.
    if not (machine.outer and machine.outer[-1] and machine.outer[-1][-1] is machine.hole):
        return False
    machine.pop_mark()
    return True
