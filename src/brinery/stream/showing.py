# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""How a symbol is shown: much as Python would write the object, in bounded time and room.

That holds however large, deep or cyclic it is. This file is also compiled, with the types in ``showing.pxd``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.stream.feeds import Excerpt
from brinery.stream.globals import shorten

if TYPE_CHECKING:
    from brinery.stream.symbols import Symbol

__all__ = ["show", "show_constant"]

_REMEMBERED = 8  # parts of a container that are shown
_DEEPEST = 5
_LARGEST_SHOWN_BITS = 1 << 10  # in decimal, beyond that in hexadecimal: decimal digits cost quadratic time

_BRACKETS = {
    "list": ("[", "]"),
    "tuple": ("(", ")"),
    "dict": ("{", "}"),
    "set": ("{", "}"),
    "frozenset": ("frozenset({", "})"),
}


_OF_PIECES = frozenset((*_BRACKETS, "global", "call", "new", "persistent", "buffer", "extension"))


def show(symbol: Symbol, limit: int = 60) -> str:
    """`symbol` much as Python would write the object, in about `limit` characters."""
    if symbol.kind not in _OF_PIECES:
        return shorten(show_constant(symbol.content), limit)
    pieces: list[str] = []
    _add(pieces, symbol, 0, limit)
    return shorten("".join(pieces), limit)


def show_constant(content: object) -> str:
    """A constant as Python would write it; what is long in part."""
    if isinstance(content, Excerpt):
        return f"{content.head[:40]!r}… ({content.size:,} bytes)"
    if type(content) is int and content.bit_length() > _LARGEST_SHOWN_BITS:
        return shorten(hex(content), 40) + f" ({content.bit_length():,} bits)"
    return repr(content)


# Each of these adds what it has to say to `pieces`, in which there is room for `room` characters, and returns
# how much of that is left: where it is negative, all that is shown is said.


def _say(pieces: list[str], text: str, room: int) -> int:
    pieces.append(text)
    return room - len(text)


def _add(pieces: list[str], symbol: Symbol, depth: int, room: int) -> int:
    kind = symbol.kind
    content = symbol.content
    if kind in _BRACKETS:
        return _container(pieces, symbol, kind, depth, room)
    if kind == "global":
        return _say(pieces, str(content), room)
    if kind == "call" or kind == "new":
        return _call(pieces, symbol, depth, room)
    if kind == "persistent":
        room = _say(pieces, "<persistent ", room)
        if symbol.links:
            room = _part(pieces, symbol.links[0], depth + 1, room)
        else:
            room = _say(pieces, show_constant(content), room)
        return _say(pieces, ">", room)
    if kind == "buffer" or kind == "extension":
        return _say(pieces, f"<{kind} {content}>", room)
    return _say(pieces, show_constant(content), room)


def _part(pieces: list[str], symbol: Symbol, depth: int, room: int) -> int:
    if depth > _DEEPEST:
        return _say(pieces, "…", room)
    return _add(pieces, symbol, depth, room)


def _call(pieces: list[str], symbol: Symbol, depth: int, room: int) -> int:
    links = symbol.links
    room = _part(pieces, links[0], depth + 1, room)
    if room < 0:
        return room
    beside = links[1] if len(links) > 1 and not symbol.parts else None
    if beside is not None and (beside.kind != "dict" or beside.count):
        # Keyword arguments, or whatever was given in the place of a tuple of arguments.
        room = _say(pieces, "(**" if beside.kind == "dict" else "(*", room)
        room = _part(pieces, beside, depth + 1, room)
        return _say(pieces, ")", room)
    return _items(pieces, symbol, "(", ")", depth, room)


def _container(pieces: list[str], symbol: Symbol, kind: str, depth: int, room: int) -> int:
    opening, closing = _BRACKETS[kind]
    if kind == "set" and not symbol.count:
        return _say(pieces, "set()", room)
    if kind == "tuple" and symbol.count == 1:
        closing = ",)"
    return _items(pieces, symbol, opening, closing, depth, room)


def _items(pieces: list[str], symbol: Symbol, opening: str, closing: str, depth: int, room: int) -> int:
    count = symbol.count
    room = _say(pieces, opening, room)
    if depth == _DEEPEST and count:
        room = _say(pieces, "…", room)
    else:
        shown = symbol.parts[:_REMEMBERED]
        pairs = symbol.kind == "dict"
        for i, part in enumerate(shown):
            if room < 0:
                return room
            if i:
                room = _say(pieces, ": " if pairs and i % 2 else ", ", room)
            room = _add(pieces, part, depth + 1, room)
        if count > len(shown):
            room = _say(pieces, f", … {count // (2 if pairs else 1)} in all", room)
    return _say(pieces, closing, room)
