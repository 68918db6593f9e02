# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""A number for each object of a graph, the same for equal ones: what need not be compared part by part.

Numbers are 62 bits of Python's own hashes, of text and bytes with the process's secret, of numbers through
their text: no stream can aim at a number. What has the same one is taken for equal, but where it is
in a cycle, or holds what is met in several places: which of these are one object is compared, too.

This file is also compiled, with the types in ``digests.pxd``.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

from brinery.stream.graph import ARRAY, BUILD, DICT, FROZENSET, GLOBAL, LIST, NEW, SET, TUPLE, Graph, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.stream.walk import Keeper, Walk

__all__ = ["Digests", "MetAgain"]

_LIST, _TUPLE, _DICT, _SET, _FROZENSET, _GLOBAL, _NEW, _BUILD, _ARRAY = (
    LIST,
    TUPLE,
    DICT,
    SET,
    FROZENSET,
    GLOBAL,
    NEW,
    BUILD,
    ARRAY,
)
_MASK = (1 << 62) - 1
# Where a node has no number yet, or is being looked at: these are no numbers.
_NEW_NODE, _OPEN_NODE = -1, -2
# In `form`, beside what Graph keeps there (which no GLOBAL takes part in): met again through the memo or DUP;
# holds such a thing, or a cycle, somewhere; holds a cycle.
_AGAIN, _UNCLEAN, _CYCLIC = 16, 32, 64

_pack = struct.Struct("<d").pack
_SALTS = [int.from_bytes(os.urandom(7), "little") for _ in range(8)]
_OF_NONE, _OF_TRUE, _OF_FALSE, _OF_INT, _OF_FLOAT, _OF_NAN, _OF_BYTES, _OF_OPEN = _SALTS
_NOTHING = hash(())
_NO_PAIRS = hash(frozenset())
_PLAIN = [hash((_OF_OPEN, kind)) for kind in range(16)]  # by kind


class MetAgain(Graph):
    """A graph that notes which nodes are met again: through the memo, or by DUP."""

    def fetch(self, walk: Walk, index: int, symbol: Any) -> Any:
        """As it is, and noted."""
        if type(symbol) is Node:
            node = symbol
            if node.kind != _GLOBAL:
                node.form |= _AGAIN
        return symbol

    def duplicate(self, walk: Walk, symbol: Any) -> Any:
        """As it is, and noted."""
        if type(symbol) is Node:
            node = symbol
            if node.kind != _GLOBAL:
                node.form |= _AGAIN
        return symbol

    def nested(self) -> Keeper:
        """A graph of the same kind."""
        inner = MetAgain(self.names, self.encoding, self.errors, self.late)
        inner.named = self.named
        return inner


class Digests:
    """Numbers, and what follows from them. They are kept in the nodes, in the place of their memo index."""

    def __init__(self, shape: Callable[[Node], Any]) -> None:
        """`shape` says of any node what it is, with its parts; see :mod:`brinery.stream.likeness`."""
        self._shape = shape

    def of(self, symbol: Any) -> int:
        """The number of `symbol`. No recursion: depth is free."""
        if type(symbol) is not Node:
            return self._constant(symbol)
        node: Node = symbol
        if node.memo == _NEW_NODE:
            self._look(node)
        return node.memo

    def same(self, left: Any, right: Any) -> bool:
        """Whether the two are known to be equal with all in them, and need not be compared."""
        if type(left) is not Node:
            return type(right) is not Node and self._constant(left) == self._constant(right)
        if type(right) is not Node:
            return False
        if self.of(left) != self.of(right):
            return False
        one: Node = left
        other: Node = right
        return one.kind == _GLOBAL or not (one.form | other.form) & _UNCLEAN

    def cyclic(self, node: Node) -> bool:
        """Whether the number says nothing for sure, since there is a cycle in it."""
        return node.memo == _OPEN_NODE or (node.kind != _GLOBAL and bool(node.form & _CYCLIC))

    def again(self, node: Node) -> bool:
        """Whether the stream meets it more than once."""
        return bool(node.form & _AGAIN)

    def _look(self, root: Node) -> None:
        """Give numbers to all nodes that `root` leads to, parts first."""
        waiting = [root]
        while waiting:
            node = waiting[-1]
            if node.memo == _OPEN_NODE:
                waiting.pop()
                self._finish(node)
            elif node.memo != _NEW_NODE:
                waiting.pop()
            else:
                node.memo = _OPEN_NODE
                self._wait_for(node, waiting)

    def _state(self, node: Node) -> Node | None:
        """The dict with the attributes of an instance that is made in the commonest way; None for others."""
        if node.kind != _NEW or len(node.parts) != 2 or node.changes is None or len(node.changes) != 1:
            return None
        if type(node.parts[0]) is not Node or type(node.parts[1]) is not Node:
            return None
        function: Node = node.parts[0]
        arguments: Node = node.parts[1]
        if function.kind != _GLOBAL or arguments.kind != _TUPLE or arguments.changes is not None:
            return None
        change = node.changes[0]
        if change[0] != _BUILD or type(change[1][0]) is not Node:
            return None
        state: Node = change[1][0]
        return state if state.kind == _DICT and state.changes is None else None

    def _wait_for(self, node: Node, waiting: list[Node]) -> None:
        state = self._state(node)
        if state is not None:
            arguments: Node = node.parts[1]
            self._add(node.parts[:1], waiting)
            self._add(arguments.parts, waiting)
            self._add(state.parts, waiting)
            return
        self._add(node.parts, waiting)
        if node.changes is not None:
            for _, items in node.changes:
                self._add(items, waiting)

    def _add(self, parts: list[Any], waiting: list[Node]) -> None:
        for part in parts:
            if type(part) is Node:
                node = part
                if node.memo == _NEW_NODE:
                    waiting.append(node)

    def _finish(self, node: Node) -> None:
        """Give `node` its number: all that it leads to has one, or is open, which closes a cycle."""
        kind = node.kind
        if kind == _GLOBAL:
            node.memo = hash((_PLAIN[kind], node.head)) & _MASK
            return
        flags = self._flags(node.parts)
        number: Any = None
        state = self._state(node)
        if state is not None:
            arguments: Node = node.parts[1]
            function: Node = node.parts[0]
            given = arguments.parts
            flags = self._flags(given) | self._flags(state.parts)
            attributes = self._pairs(state.parts)
            if attributes is not None:
                number = hash((function.memo, _NOTHING, self._sequence(given), attributes, _NO_PAIRS))
        elif node.changes is not None:
            for _, items in node.changes:
                flags |= self._flags(items)
        elif kind in (_LIST, _TUPLE):
            number = hash((_PLAIN[kind], self._sequence(node.parts), _NOTHING, _NO_PAIRS, _NO_PAIRS))
        elif kind == _DICT:
            pairs = self._pairs(node.parts)
            if pairs is not None:
                number = hash((_PLAIN[kind], _NOTHING, _NOTHING, _NO_PAIRS, pairs))
        if number is None:
            number = self._of_shape(node)
        mutable = node.changes is not None or kind in (_LIST, _DICT, _SET, _ARRAY)
        if mutable and node.form & _AGAIN:
            flags |= _UNCLEAN
        node.form |= flags
        node.memo = number & _MASK

    def _flags(self, parts: list[Any]) -> int:
        """What holds for whatever holds `parts`."""
        flags = 0
        for part in parts:
            if type(part) is Node:
                node = part
                if node.memo == _OPEN_NODE:
                    flags |= _UNCLEAN | _CYCLIC
                elif node.kind != _GLOBAL:
                    flags |= node.form & (_UNCLEAN | _CYCLIC)
        return flags

    def _of_shape(self, node: Node) -> int:
        """The number of what is made in any other way. Of the common ways, it is the same as theirs."""
        shape = self._shape(node)
        what: Any = shape.what
        if type(what) is int:
            what = _PLAIN[what]
        elif what[0] == _NEW and type(what[1]) is tuple:
            what = hash((_PLAIN[_GLOBAL], what[1])) & _MASK
        else:
            what = hash((_OF_OPEN, what))
        given: list[Any] = []
        others: list[Any] = []
        for name, part in shape.others.items():
            if name == f"argument {len(given)}":
                given.append(part)
            else:
                others.append((name, self._value(part)))
        told = self._sequence(given)
        if others:
            told = hash((told, tuple(others)))
        attributes = [(self._value(step[1]), self._value(part)) for step, part in shape.attributes.values()]
        pairs = [(self._value(step[1]), self._value(part)) for step, part in shape.pairs.values()]
        pairs_told = hash(tuple(pairs)) if shape.ordered else hash(frozenset(pairs))
        return hash((what, self._sequence(shape.items), told, hash(frozenset(attributes)), pairs_told))

    def _sequence(self, parts: list[Any]) -> Any:
        if not parts:
            return _NOTHING
        return hash(tuple([self._value(part) for part in parts]))

    def _pairs(self, parts: list[Any]) -> Any:
        """The number of keys and values in turn; None where a key is there twice, as the last one counts."""
        values = [self._value(part) for part in parts]
        found = dict(zip(values[::2], values[1::2], strict=False))
        if 2 * len(found) != len(values):
            return None
        return hash(frozenset(found.items()))

    def _value(self, symbol: Any) -> Any:
        if type(symbol) is not Node:
            return self._constant(symbol)
        node: Node = symbol
        if node.memo == _OPEN_NODE:
            return _OF_OPEN
        if node.memo == _NEW_NODE:
            self._look(node)  # what a shape has made of nodes that have numbers
        return node.memo

    def _constant(self, value: Any) -> int:
        """Its number, by type and value; the sign of zero counts, and all NaN are one."""
        kind = type(value)
        if kind is str:
            return hash(value)
        if kind is int:
            return hash(hex(value)) ^ _OF_INT  # decimal digits would cost quadratic time
        if kind is float:
            return _OF_NAN if value != value else hash(_pack(value)) ^ _OF_FLOAT
        if value is None:
            return _OF_NONE
        if kind is bytes:
            return hash(value) ^ _OF_BYTES
        return _OF_TRUE if value else _OF_FALSE
