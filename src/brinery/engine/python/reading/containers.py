"""Lists, tuples, dicts and sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.cpython import EMPTY_BATCHES_ARE_GIVEN
from brinery.engine.hashing import check_hashable, check_key
from brinery.engine.python.reading.dispatch import Handlers
from brinery.errors import ReadError

if TYPE_CHECKING:
    from brinery.engine.python.reading.machine import Machine

__all__ = ["handles"]

handles = Handlers()


# list


@handles("EMPTY_LIST")
def empty_list(machine: Machine, pos: int) -> int:
    machine.stack.append([])
    return pos


@handles("LIST")
def list_(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    machine.stack.append(items)
    return pos


@handles("APPEND")
def append(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) < 2:
        raise machine.underflow()
    item = stack.pop()
    target = stack[-1]
    if type(target) is list:
        target.append(item)
    else:
        extend(target, [item])
    return pos


@handles("APPENDS")
def appends(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    if not machine.stack:
        raise machine.underflow()
    target = machine.stack[-1]
    if type(target) is list:
        target += items
    elif items or EMPTY_BATCHES_ARE_GIVEN:
        extend(target, items)
    return pos


def extend(target: Any, items: list[object]) -> None:
    """Append `items` to what need not be a list; PEP 307 asks for both methods, C pickle for either."""
    try:
        extend_it = target.extend
    except AttributeError:
        append_it = target.append
        for item in items:
            append_it(item)
    else:
        extend_it(items)


# tuple


@handles("EMPTY_TUPLE")
def empty_tuple(machine: Machine, pos: int) -> int:
    machine.stack.append(())
    return pos


@handles("TUPLE1")
def tuple1(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if not stack:
        raise machine.underflow()
    stack[-1] = (stack[-1],)
    return pos


@handles("TUPLE2")
def tuple2(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) < 2:
        raise machine.underflow()
    last = stack.pop()
    stack[-1] = (stack[-1], last)
    return pos


@handles("TUPLE3")
def tuple3(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) < 3:
        raise machine.underflow()
    stack[-3:] = [tuple(stack[-3:])]
    return pos


@handles("TUPLE")
def tuple_(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    machine.stack.append(tuple(items))
    return pos


# dict


@handles("EMPTY_DICT")
def empty_dict(machine: Machine, pos: int) -> int:
    machine.stack.append({})
    return pos


@handles("DICT")
def dict_(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    result: dict[object, object] = {}
    set_items(result, items, "DICT")
    machine.stack.append(result)
    return pos


@handles("SETITEM")
def setitem(machine: Machine, pos: int) -> int:
    stack = machine.stack
    if len(stack) < 3:
        raise machine.underflow()
    value = stack.pop()
    key = stack.pop()
    if isinstance(key, tuple):
        check_key(key)
    stack[-1][key] = value  # type: ignore[index]
    return pos


@handles("SETITEMS")
def setitems(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    if not machine.stack:
        raise machine.underflow()
    set_items(machine.stack[-1], items, "SETITEMS")
    return pos


def set_items(target: Any, items: list[object], opcode: str) -> None:
    """Set keys and values, which take turns in `items`, on whatever knows item assignment."""
    if len(items) % 2:
        raise ReadError(f"odd number of items for {opcode}")
    keys = items[::2]
    check_hashable(keys)
    if type(target) is dict:
        target.update(zip(keys, items[1::2], strict=True))
    else:
        for key, value in zip(keys, items[1::2], strict=True):
            target[key] = value


# set, frozenset


@handles("EMPTY_SET")
def empty_set(machine: Machine, pos: int) -> int:
    machine.stack.append(set())
    return pos


@handles("ADDITEMS")
def additems(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    if not machine.stack:
        raise machine.underflow()
    add_items(machine.stack[-1], items)
    return pos


def add_items(target: Any, items: list[object]) -> None:
    """Add `items` to a set, or to what has its method."""
    check_hashable(items)
    if isinstance(target, set):
        set.update(target, items)  # the type's own, as in C pickle
    elif items or EMPTY_BATCHES_ARE_GIVEN:
        add_it = target.add
        for item in items:
            add_it(item)


@handles("FROZENSET")
def frozenset_(machine: Machine, pos: int) -> int:
    items = machine.pop_mark()
    check_hashable(items)
    machine.stack.append(frozenset(items))
    return pos
