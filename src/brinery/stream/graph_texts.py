"""What is shown of a graph's values: much as Python would write them, in bounded time and room."""

from __future__ import annotations

from typing import Any

from brinery.stream.globals import printable, shorten
from brinery.stream.graph import (
    ARRAY,
    BUFFER,
    BUILD,
    CALL,
    DICT,
    EXTENSION,
    FROZENSET,
    GLOBAL,
    LIST,
    NEW,
    NEW_EX,
    OBJ,
    PERSISTENT,
    SET,
    TUPLE,
    Node,
)

__all__ = ["is_global", "show", "show_both"]

_SHOWN = 70  # characters of a value
_LARGEST_SHOWN_BITS = 1 << 10  # beyond that in hexadecimal: decimal digits cost quadratic time

_BRACKETS = {
    LIST: ("[", "]"),
    TUPLE: ("(", ")"),
    DICT: ("{", "}"),
    SET: ("{", "}"),
    FROZENSET: ("frozenset({", "})"),
}


def show_both(left: Any, right: Any) -> tuple[str, str]:
    """Two values; of two long texts, the places where they begin to differ."""
    if type(left) is type(right) and type(left) in (str, bytes) and max(len(left), len(right)) > _SHOWN - 10:
        at = _first_difference(left, right)
        begin = max(at - 15, 0)
        return _around(left, begin, at), _around(right, begin, at)
    return show(left), show(right)


def _first_difference(left: Any, right: Any) -> int:
    """Where two strings begin to differ."""
    low, high = 0, min(len(left), len(right))
    while low < high:  # in steps of half the rest: comparing slices is fast
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _around(value: Any, begin: int, at: int) -> str:
    piece = printable(repr(value[begin : begin + 45]))
    what = "characters" if type(value) is str else "bytes"
    before, after = "…" if begin else "", "…" if begin + 45 < len(value) else ""
    return f"{before}{piece}{after} ({len(value):,} {what}, from {at:,} on)"


def show(symbol: Any, limit: int = _SHOWN) -> str:
    """A value much as Python would write it, in about `limit` characters."""
    text = ""
    pieces: list[Any] = [symbol]
    while pieces and len(text) <= limit:
        piece = pieces.pop()
        if type(piece) is _Text:
            text += piece
        elif type(piece) is Node:
            pieces += reversed(_pieces(piece, limit // 3 + 1))
        else:
            text += _show_constant(piece)
    return shorten(printable(text), limit)


class _Text(str):
    """Text that is to be shown as it is; no str of a stream."""

    __slots__ = ()


def _pieces(node: Node, most: int) -> list[Any]:
    kind = node.kind
    if kind in _BRACKETS:
        opening, closing = _BRACKETS[kind]
        if kind == SET and not node.parts:
            opening, closing = "set(", ")"
        if kind == TUPLE and len(node.parts) == 1:
            closing = ",)"
        return [_Text(opening), *_separated(node.parts, most, kind == DICT), _Text(closing)]
    if kind == GLOBAL:
        return [_Text(".".join(node.head))]
    if kind == ARRAY:
        return [_Text("bytearray("), node.head[:100], _Text(")")]
    if kind == PERSISTENT:
        return [_Text("<persistent "), node.parts[0], _Text(">")]
    if kind in (CALL, NEW, NEW_EX, OBJ):
        return _show_call(node, most)
    if kind == EXTENSION:
        return [_Text(f"<extension {node.head}>")]
    return [_Text(f"<buffer {node.head if kind == BUFFER else node.parts[0].head}>")]


def _show_call(node: Node, most: int) -> list[Any]:
    function, *given = node.parts
    if node.kind != OBJ and type(given[0]) is Node and given[0].kind == TUPLE:
        given = given[0].parts + given[1:]
    if is_global(function, "copyreg", "_reconstructor") and len(given) == 3:
        function, given = given[0], []
    shown = [function, _Text("("), *_separated(given, most, False)]
    begun = bool(given)
    for what, items in node.changes or ():
        state = items[0] if what == BUILD else None
        if type(state) is Node and state.kind == DICT:
            for i in range(0, min(len(state.parts) - 1, most), 2):
                name = state.parts[i]
                shown += [
                    _Text((", " if begun else "") + (f"{name}=" if type(name) is str else "…=")),
                    state.parts[i + 1],
                ]
                begun = True
    return [*shown, _Text(")")]


def _separated(parts: list[Any], most: int, pairs: bool) -> list[Any]:
    found: list[Any] = []
    for i, part in enumerate(parts[:most]):
        if i:
            found.append(_Text(": " if pairs and i % 2 else ", "))
        found.append(part)
    return found


def _show_constant(value: Any) -> str:
    if type(value) is int and value.bit_length() > _LARGEST_SHOWN_BITS:
        return f"{shorten(hex(value), 40)} ({value.bit_length():,} bits)"
    if type(value) in (str, bytes) and len(value) > 200:
        return repr(value[:200])
    return repr(value)


def is_global(symbol: Any, module: str, name: str) -> bool:
    """Whether a symbol is the global of that name."""
    return type(symbol) is Node and symbol.kind == GLOBAL and symbol.head == (module, name)
