"""What a stream asks of an object that no such object can do: a load must fail there, whoever runs it.

Told is what follows from the opcodes alone, of what they make themselves: None, numbers, text, bytes, lists,
tuples, dicts and sets. What a call gives may do anything.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream.feeds import Excerpt
from brinery.stream.names import Made
from brinery.stream.opcodes import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Impossible", "check_call", "check_change", "check_digits", "check_hashable"]

_APPENDS = [BY_NAME[name].code[0] for name in ("APPEND", "APPENDS")]
_SETITEMS = [BY_NAME[name].code[0] for name in ("SETITEM", "SETITEMS")]
_ADDITEMS = BY_NAME["ADDITEMS"].code[0]
_BUILD = BY_NAME["BUILD"].code[0]
_LONG = BY_NAME["LONG"].code[0]
_WITH_TUPLE = [BY_NAME[name].code[0] for name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX")]
_NUMBERS_AND_TEXT = ("int", "float", "bool", "str", "bytes", "bytearray")
_KNOWN = {kind: kind for kind in (*_NUMBERS_AND_TEXT, "tuple", "list", "dict", "set", "frozenset")}
_LOOKED_AT = 1000  # objects within a key


class Impossible(ReadError):
    """An opcode asks of an object what it cannot do."""


def kind_of(symbol: Any) -> str:
    """What `symbol` of :class:`~brinery.stream.names.Names` is in a load; empty where that is not certain."""
    kind = type(symbol)
    if kind is Made:
        return _KNOWN.get(symbol.what, "")
    if kind is Excerpt:
        return "constant"
    return "None" if symbol is None else _KNOWN.get(kind.__name__, "")


def check_change(code: int, stack: list[Any], first: int) -> None:
    """Raise Impossible where ``stack[first]`` cannot take what lies above it, as `code` says."""
    kind = kind_of(stack[first])
    if not kind or len(stack) == first + 1:  # APPENDS and its like of nothing ask for nothing
        return
    if code in _APPENDS:
        if kind not in ("list", "bytearray"):
            raise Impossible(f"items are appended to {_a(kind)}, which takes none")
    elif code in _SETITEMS:
        if kind not in ("dict", "list", "bytearray"):
            raise Impossible(f"keys and values are put into {_a(kind)}, which takes none")
        if kind == "dict":
            check_hashable(stack[first + 1 :: 2], "a key of a dict")
    elif code == _ADDITEMS:
        if kind != "set":
            raise Impossible(f"members are added to {_a(kind)}, which takes none")
        check_hashable(stack[first + 1 :], "a member of a set")
    elif code == _BUILD:
        state = stack[first + 1]
        if state is not None and kind_of(state) != "tuple":
            raise Impossible(f"{_a(kind)} is given a state, and has none")


def check_call(code: int, function: Any, arguments: Any) -> None:
    """Raise Impossible where `function` cannot be called, or not with `arguments`, if one object has them."""
    kind = kind_of(function)
    if kind:
        raise Impossible(f"{_a(kind)} is called, which is no function or class")
    given = kind_of(arguments) if code in _WITH_TUPLE else ""
    if given not in ("", "tuple"):
        raise Impossible(f"the arguments of a call are {_a(given)}, and no tuple")


def check_hashable(symbols: Iterable[Any], role: str) -> None:
    """Raise Impossible where one of `symbols` is not hashable; `role` is what it is to be."""
    for symbol in symbols:
        kind = type(symbol)
        if kind is str or kind is int:
            continue
        waiting = [symbol]
        for _ in range(_LOOKED_AT):  # tuples may share tuples, and be endless to go through
            if not waiting:
                break
            at = waiting.pop()
            if type(at) is tuple:
                waiting += at
            elif kind_of(at) in ("list", "dict", "set", "bytearray"):
                within = "" if at is symbol else "in a tuple "
                raise Impossible(f"{_a(kind_of(at))} {within}is {role}, and cannot be hashed")


def check_digits(code: int, value: Any) -> None:
    """Raise ValueError, as a load does, where a number of which only the beginning is kept is too long."""
    if code != _LONG or type(value) is not Excerpt:
        return
    limit = sys.get_int_max_str_digits()
    digits = value.size - 1 - (value.head[:1] in (b"-", "-"))  # without the L
    if limit and digits > limit:
        raise ValueError(
            f"Exceeds the limit ({limit} digits) for integer string conversion: value has {digits} digits; "
            "use sys.set_int_max_str_digits() to increase the limit"
        )


def _a(kind: str) -> str:
    return kind if kind in ("None", "bytes") else f"an {kind}" if kind == "int" else f"a {kind}"
