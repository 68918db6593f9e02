"""What an object of a graph is, and its parts, however it was written: what two of them are compared by.

A Pickler writes the same value in other ways at other protocols: what :mod:`brinery.stream.reductions` knows
of that becomes one here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from brinery.stream.digests import Digests
from brinery.stream.graph import (
    ADD,
    APPEND,
    ARRAY,
    BUFFER,
    BUILD,
    CALL,
    DICT,
    EXTENSION,
    FROZENSET,
    GLOBAL,
    LIST,
    NESTED,
    NEW,
    NEW_EX,
    OBJ,
    PERSISTENT,
    RAW,
    SET,
    SETITEM,
    TUPLE,
    Node,
)
from brinery.stream.reductions import changes_of, made_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Likeness", "Shape", "Step", "constant"]

_BUDGET = 60  # objects that are looked at to tell keys apart that are in a cycle
_ORDERED = ("collections", "OrderedDict")  # equal only with the same order; a dict has one and does not mind

#: A step of a path: as it is written, or how a key is written into it.
Step: TypeAlias = "str | tuple[str, Any]"


class Shape:
    """What an object is, and its parts, in the terms of whoever looks at it.

    what        kind and class; what differs in it is not compared further
    items       in their order; of a list, tuple or what has items appended
    others      what has no name of its own, by what it is: arguments, state, an ID
    alternative a tuple whose items are the arguments, and which itself may be the only one
    attributes  by step
    pairs       by step: values of keys, members of sets
    """

    def __init__(self, node: Node, token: Callable[[Any], Any]) -> None:
        """`token` gives of a key what tells it apart; None where nothing does."""
        self._token = token
        self.what: Any = node.kind
        self.items: list[Any] = []
        self.step = "[{}]"
        self.others: dict[str, Any] = {}
        self.alternative: Node | None = None
        self.attributes: dict[Any, tuple[Step, Any]] = {}
        self.pairs: dict[Any, tuple[Step, Any]] = {}
        kind = node.kind
        if kind in (LIST, TUPLE):
            self.items = node.parts
        elif kind == DICT:
            self._add_pairs(node.parts)
        elif kind in (SET, FROZENSET):
            self._add_members(node.parts)
        elif kind in (CALL, NEW, NEW_EX, OBJ):
            self._add_call(node)
        elif kind == PERSISTENT:
            self.others["ID"] = node.parts[0]
        else:
            self.what = kind, node.head
            self.others = {f"buffer {i}": part for i, part in enumerate(node.parts)}
        for i, (change, items) in enumerate(changes_of(node)):
            if change == APPEND:
                self.items = self.items + items
            elif change == SETITEM:
                self._add_pairs(items)
            elif change == ADD:
                self._add_members(items)
            elif change in (BUILD, RAW, NESTED):
                self._add_state(items[0])
            else:
                self.others[f"call {i}"] = items[0]

    def _add_pairs(self, parts: list[Any]) -> None:
        for i in range(0, len(parts) - 1, 2):
            self._put(self.pairs, parts[i], "[{}]", parts[i + 1])

    def _add_members(self, parts: list[Any]) -> None:
        for part in parts:
            self._put(self.pairs, part, "<member {}>", part)

    def _add_call(self, node: Node) -> None:
        call = made_of(node)
        function = call.function
        kind = CALL if call.kind == CALL else NEW
        if type(function) is Node and function.kind in (GLOBAL, EXTENSION):
            self.what = kind, function.head
        else:
            self.what = kind, None
            self.others["class"] = function
        self._add_given(call.given)
        self.alternative = call.alternative
        self.items = call.items
        self._add_pairs(call.pairs)

    def _add_given(self, given: list[Any]) -> None:
        for i, part in enumerate(given):
            self.others[f"argument {i}"] = part

    def agree(self, other: Shape) -> None:
        """Where a tuple's content stands for either of two lists of arguments: take that of `other`."""
        if self.alternative is None or other.alternative is not None:
            return
        given = other.others.get("argument 0")
        content = self.alternative
        if type(given) is not Node or given.kind != TUPLE or "argument 1" in other.others:
            return
        if len(content.parts) != 1 or self._token(content) == self._token(given):
            for i in range(len(content.parts)):
                del self.others[f"argument {i}"]
            self._add_given([content])

    def _add_state(self, state: Any) -> None:
        whole = type(state) is Node and state.changes is None
        if whole and state.kind == DICT:
            self._add_attributes(state.parts)
            return
        if whole and state.kind == TUPLE and len(state.parts) == 2:
            first, second = state.parts
            if type(second) is Node and second.kind == DICT and (first is None or _is_dict(first)):
                self._add_attributes([] if first is None else first.parts)
                self._add_attributes(second.parts)
                return
        self.others[f"state {len(self.others)}" if "state" in self.others else "state"] = state

    def _add_attributes(self, parts: list[Any]) -> None:
        for i in range(0, len(parts) - 1, 2):
            self._put(self.attributes, parts[i], ".", parts[i + 1])

    def _put(self, into: dict[Any, tuple[Step, Any]], key: Any, form: str, symbol: Any) -> None:
        token = self._token(key)
        if token is None:  # the places in order tell it from others
            token = "place", len(into)
        while type(key) is Node and token in into:  # several objects that look the same
            token = token, 0
        into[token] = (form, key), symbol

    @property
    def ordered(self) -> bool:
        """Whether the order of the pairs counts."""
        return type(self.what) is tuple and self.what[1] == _ORDERED


def _is_dict(symbol: Any) -> bool:
    return type(symbol) is Node and symbol.kind == DICT and symbol.changes is None


class Likeness:
    """Shapes of objects, and their digests, which stand on each other: keys are told apart by digests."""

    def __init__(self) -> None:
        self.digests = Digests(self.shape)

    def shape(self, node: Node) -> Shape:
        """The shape of `node`."""
        return Shape(node, self.token)

    def token(self, key: Any) -> Any:
        """What tells `key` apart from any other; None for one of which no such thing is known."""
        if type(key) is not Node:
            return constant(key)
        number = self.digests.of(key)
        return _in_cycle(key) if self.digests.cyclic(key) else (Node, number)


def constant(value: Any) -> Any:
    """What tells constants apart, type and sign of zero included; all NaN are one."""
    return (float, repr(value)) if type(value) is float else (type(value), value)


def _in_cycle(symbol: Node) -> Any:
    """What tells a small graph apart from any other; None for one that is too large for that."""
    said: list[Any] = []
    seen: dict[int, int] = {}
    waiting: list[Any] = [symbol]
    while waiting:
        at = waiting.pop()
        if len(said) > _BUDGET or len(waiting) > _BUDGET:
            return None
        if type(at) is not Node:
            said.append(constant(at) if type(at) is not _End else at.what)
            continue
        if id(at) in seen:
            said.append(("again", seen[id(at)]))
            continue
        seen[id(at)] = len(seen)
        said.append((Node, at.kind, at.head if at.kind in (GLOBAL, EXTENSION, ARRAY, BUFFER) else None))
        for what, items in reversed(at.changes or ()):
            waiting += (_END, *items[: _BUDGET + 1], _End(what))
        waiting.append(_END)
        parts = at.parts[: _BUDGET + 1]
        if at.kind in (SET, FROZENSET) and not any(type(part) is Node for part in parts):
            parts = sorted(parts, key=_order)
        waiting += parts
    return tuple(said)


def _order(constant: Any) -> tuple[str, Any]:
    return type(constant).__name__, constant if constant is not None else 0


class _End:
    """Stands between parts that are still to be said."""

    __slots__ = ("what",)

    def __init__(self, what: int) -> None:
        self.what = what


_END = _End(-1)
