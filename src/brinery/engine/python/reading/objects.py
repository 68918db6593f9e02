"""Globals, instances and persistent objects: everything that runs code from outside the engine."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from brinery import refusals
from brinery.building import set_state_by_attributes
from brinery.engine.globals import extension_name
from brinery.engine.hashing import check_call
from brinery.engine.python.reading.dispatch import Handlers
from brinery.engine.python.reading.scalars import argument_line
from brinery.errors import ReadError

if TYPE_CHECKING:
    from brinery.engine.python.reading.machine import Machine

__all__ = ["handles"]

handles = Handlers()

_int4 = struct.Struct("<i").unpack_from
_uint2 = struct.Struct("<H").unpack_from

_MISSING = object()

# Py_TPFLAGS_DISALLOW_INSTANTIATION: a type whose tp_new is NULL, although it inherits a __new__.
_NO_INSTANCES = 1 << 7


# Globals


@handles("GLOBAL")
def global_(machine: Machine, pos: int) -> int:
    module, qualname, end = global_name(machine, pos, "utf-8")
    machine.stand(end)
    machine.stack.append(machine.find_global(module, qualname))
    return end


@handles("STACK_GLOBAL")
def stack_global(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) < 2:
        raise machine.underflow()
    qualname = stack.pop()
    module = stack.pop()
    if type(module) is not str or type(qualname) is not str:
        raise ReadError("STACK_GLOBAL requires str")
    machine.stand(pos)
    stack.append(machine.find_global(module, qualname))
    return pos


@handles("EXT1")
def ext1(machine: Machine, pos: int) -> int:
    machine.stand(pos + 1)
    machine.stack.append(machine.find_global(*extension_name(machine.data[pos])))
    return pos + 1


@handles("EXT2")
def ext2(machine: Machine, pos: int) -> int:
    machine.stand(pos + 2)
    machine.stack.append(machine.find_global(*extension_name(_uint2(machine.data, pos)[0])))
    return pos + 2


@handles("EXT4")
def ext4(machine: Machine, pos: int) -> int:
    machine.stand(pos + 4)
    machine.stack.append(machine.find_global(*extension_name(_int4(machine.data, pos)[0])))
    return pos + 4


def global_name(machine: Machine, pos: int, encoding: str) -> tuple[str, str, int]:
    """The two lines that name a global, and the offset behind them."""
    line, pos = argument_line(machine, pos)
    module = line.decode(encoding)
    line, pos = argument_line(machine, pos)
    return module, line.decode(encoding), pos


# Calls


@handles("REDUCE")
def reduce(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) < 2:
        raise machine.underflow()
    machine.stand(pos)
    args: Any = stack.pop()
    function: Any = stack.pop()
    if not isinstance(args, tuple):
        raise refusals.no_tuple(args)
    if machine.shaping is not None:
        done, args = machine.shaping.make(function, args)
        if done:
            stack.append(args)
            return pos
    check_call(function, args)
    stack.append(function(*args))
    return pos


@handles("NEWOBJ")
def newobj(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) < 2:
        raise machine.underflow()
    machine.stand(pos)
    args: Any = stack.pop()
    cls: Any = stack.pop()
    if machine.shaping is not None and isinstance(args, tuple):
        done, args = machine.shaping.make(cls, args)
        if done:
            stack.append(args)
            return pos
    check_class("NEWOBJ", cls, args)
    try:
        instance = cls.__new__(cls, *args)
    except TypeError:
        check_instantiable("NEWOBJ", cls)
        raise
    stack.append(instance)
    return pos


@handles("NEWOBJ_EX")
def newobj_ex(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) < 3:
        raise machine.underflow()
    machine.stand(pos)
    kwargs: Any = stack.pop()
    args: Any = stack.pop()
    cls: Any = stack.pop()
    if machine.shaping is not None and isinstance(args, tuple) and isinstance(kwargs, dict):
        done, args = machine.shaping.make(cls, args, kwargs)
        if done:
            stack.append(args)
            return pos
    check_class("NEWOBJ_EX", cls, args)
    if not isinstance(kwargs, dict):
        raise refusals.new_argument("NEWOBJ_EX", "kwargs", "dict", kwargs)
    try:
        instance = cls.__new__(cls, *args, **kwargs)
    except TypeError:
        check_instantiable("NEWOBJ_EX", cls)
        raise
    stack.append(instance)
    return pos


def check_class(opcode: str, cls: object, args: object) -> None:
    """Raise UnpicklingError where these are not the class and the tuple that PEP 307 asks for."""
    if not issubclass(type(cls), type):
        raise refusals.new_argument(opcode, "class", "type", cls)
    if not isinstance(args, tuple):
        raise refusals.new_argument(opcode, "args", "tuple", args)


def check_instantiable(opcode: str, cls: type) -> None:
    """Raise UnpicklingError for a type that only the interpreter makes instances of."""
    if type.__dict__["__flags__"].__get__(cls) & _NO_INSTANCES:
        raise refusals.no_new(opcode, cls)


@handles("OBJ")
def obj(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    if not items:
        raise machine.underflow()
    machine.stand(pos)
    machine.stack.append(instantiate(machine, items[0], items[1:]))
    return pos


@handles("INST")
def inst(machine: Machine, pos: int) -> int:
    args = machine.pop_mark()
    module, qualname, end = global_name(machine, pos, "ascii")
    machine.stand(end)
    machine.stack.append(instantiate(machine, machine.find_global(module, qualname), args))
    return end


def instantiate(machine: Machine, cls: Any, args: list[object]) -> object:
    """Call `cls`; but a class without arguments and ``__getinitargs__`` only gets its ``__new__`` called.

    So did Python 2 with the classes of old that INST and OBJ were made for.
    """
    if machine.shaping is not None:
        done, made = machine.shaping.make(cls, tuple(args))
        if done:
            return made
        args = list(made)
    if not args and issubclass(type(cls), type) and getattr(cls, "__getinitargs__", _MISSING) is _MISSING:
        return cls.__new__(cls)
    check_call(cls, tuple(args))
    return cls(*args)


# State


@handles("BUILD")
def build(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) < 2:
        raise machine.underflow()
    machine.stand(pos)
    state: Any = stack.pop()
    instance: Any = stack[-1]
    if machine.shaping is not None:
        given = machine.shaping.build(instance, state)
        if given is None:
            return pos
        (state,) = given
    set_state: Any = getattr(instance, "__setstate__", _MISSING)
    if set_state is not _MISSING:
        shapes = machine.plan.shapes
        if (
            shapes is not None
            and shapes.slotted is not None
            and type(state) is tuple
            and len(state) == 2
            and state[0] is None
            and type(state[1]) is dict
        ):
            state = shapes.slotted(instance, state)
        set_state(state)
    else:
        set_state_by_attributes(instance, state)
    return pos


# Persistent IDs


@handles("PERSID")
def persid(machine: Machine, pos: int) -> int:
    line, end = machine.line(pos)
    if not line.isascii():
        raise ReadError("persistent IDs in protocol 0 must be ASCII strings")
    machine.stand(end)
    machine.stack.append(machine.find_persistent(line.decode("ascii"), pos))
    return end


@handles("BINPERSID")
def binpersid(machine: Machine, pos: int) -> int:
    if not machine.stack:
        raise machine.underflow()
    machine.stand(pos)
    machine.stack.append(machine.find_persistent(machine.stack.pop(), pos))
    return pos
