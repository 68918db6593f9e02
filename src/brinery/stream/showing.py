"""How a symbol is shown: much as Python would write the object, in bounded time and room.

That holds however large, deep or cyclic it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.stream.feeds import Excerpt
from brinery.stream.globals import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    text = ""
    for piece in _pieces(symbol, 0):
        text += piece
        if len(text) > limit:
            break
    return shorten(text, limit)


def show_constant(content: object) -> str:
    """A constant as Python would write it; what is long in part."""
    if isinstance(content, Excerpt):
        return f"{content.head[:40]!r}… ({content.size:,} bytes)"
    if type(content) is int and content.bit_length() > _LARGEST_SHOWN_BITS:
        return shorten(hex(content), 40) + f" ({content.bit_length():,} bits)"
    return repr(content)


def _pieces(symbol: Symbol, depth: int) -> Iterator[str]:
    kind = symbol.kind
    if kind in _BRACKETS:
        yield from _container(symbol, depth)
    elif kind == "global":
        yield str(symbol.content)
    elif kind in ("call", "new"):
        yield from _call(symbol, depth)
    elif kind == "persistent":
        yield "<persistent "
        yield from _part(symbol.links[0], depth + 1) if symbol.links else (show_constant(symbol.content),)
        yield ">"
    elif kind in ("buffer", "extension"):
        yield f"<{kind} {symbol.content}>"
    else:
        yield show_constant(symbol.content)


def _part(symbol: Symbol, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        yield "…"
    else:
        yield from _pieces(symbol, depth)


def _call(symbol: Symbol, depth: int) -> Iterator[str]:
    yield from _part(symbol.links[0], depth + 1)
    beside = symbol.links[1] if len(symbol.links) > 1 and not symbol.parts else None
    if beside is not None and (beside.kind != "dict" or beside.count):
        # Keyword arguments, or whatever was given in the place of a tuple of arguments.
        yield "(**" if beside.kind == "dict" else "(*"
        yield from _part(beside, depth + 1)
        yield ")"
    else:
        yield from _items(symbol, "(", ")", depth)


def _container(symbol: Symbol, depth: int) -> Iterator[str]:
    opening, closing = _BRACKETS[symbol.kind]
    if symbol.kind == "set" and not symbol.count:
        yield "set()"
    else:
        yield from _items(
            symbol, opening, ",)" if symbol.kind == "tuple" and symbol.count == 1 else closing, depth
        )


def _items(symbol: Symbol, opening: str, closing: str, depth: int) -> Iterator[str]:
    yield opening
    if depth == _DEEPEST and symbol.count:
        yield "…"
    else:
        shown = symbol.parts[:_REMEMBERED]
        for i, part in enumerate(shown):
            if i:
                yield ": " if symbol.kind == "dict" and i % 2 else ", "
            yield from _pieces(part, depth + 1)
        if symbol.count > len(shown):
            yield f", … {symbol.count // (2 if symbol.kind == 'dict' else 1)} in all"
    yield closing
