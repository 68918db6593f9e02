"""What the disassembler knows of an object that a stream would build, and how it is shown.

A symbolic value is a constant, a container of which the first items are remembered, a global, or
what some call would give. Showing one takes bounded time, however large, deep or cyclic it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from brinery.disassembly.scanner import Excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["GlobalName", "Value", "constant", "printable", "shorten", "show"]

#: How many items of a container are remembered, and how deep showing goes.
_REMEMBERED = 8
_DEEPEST = 5
_LARGEST_SHOWN_BITS = 1 << 10  # in decimal, beyond that in hexadecimal: decimal digits cost quadratic time

_BRACKETS = {
    "list": ("[", "]"),
    "tuple": ("(", ")"),
    "dict": ("{", "}"),
    "set": ("{", "}"),
    "frozenset": ("frozenset({", "})"),
}


class GlobalName(NamedTuple):
    """A class or function as a stream names it."""

    module: str
    qualname: str

    def __str__(self) -> str:
        return printable(f"{self.module}.{self.qualname}")


class Value:
    """One object on the symbolic stack.

    kind     as in the opcode table (``int``, ``str``, ``list``, …), or ``global``, ``object``,
             ``persistent``, ``extension``, ``buffer``
    content  a constant's value, a GlobalName, a persistent ID's text, an extension code, a buffer's number,
             or what was called to make an object
    parts    the first items of a container (keys and values in turn for a dict), or the arguments
    count    how many parts there are in truth
    """

    __slots__ = ("content", "count", "kind", "parts")

    def __init__(self, kind: str, content: object = None, parts: Sequence[Value] = ()) -> None:
        self.kind = kind
        self.content = content
        self.count = len(parts)
        self.parts: Sequence[Value] = parts[:_REMEMBERED]

    def extend(self, items: Sequence[Value]) -> None:
        """Add items to a container. (What an object does with items it is given is not known.)"""
        if self.kind not in _BRACKETS:
            return
        room = _REMEMBERED - len(self.parts)
        if room > 0:
            self.parts = [*self.parts, *items[:room]]
        self.count += len(items)


def constant(kind: str, content: object) -> Value:
    """A value that is known from its opcode alone."""
    return Value(kind, content)


def show(value: Value, limit: int = 60) -> str:
    """`value` much as Python would write it, in about `limit` characters."""
    text = ""
    for piece in _pieces(value, 0):
        text += piece
        if len(text) > limit:
            break
    return shorten(text, limit)


def shorten(text: str, limit: int) -> str:
    """`text`, with its middle end cut off at `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def printable(text: str) -> str:
    """`text` with everything escaped that could move a terminal's cursor or forge a line."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _pieces(value: Value, depth: int) -> Iterator[str]:
    if value.kind in _BRACKETS:
        yield from _container(value, depth)
    elif value.kind == "global":
        yield str(value.content)
    elif value.kind == "object":
        yield str(value.content)
        yield from _items(value, "(", ")", depth)
    elif value.kind == "persistent":
        yield f"<persistent {value.content}>"
    elif value.kind in ("buffer", "extension"):
        yield f"<{value.kind} {value.content}>"
    else:
        yield _constant(value.content)


def _container(value: Value, depth: int) -> Iterator[str]:
    opening, closing = _BRACKETS[value.kind]
    if value.kind == "set" and not value.count:
        yield "set()"
    else:
        yield from _items(
            value, opening, ",)" if value.kind == "tuple" and value.count == 1 else closing, depth
        )


def _items(value: Value, opening: str, closing: str, depth: int) -> Iterator[str]:
    yield opening
    if depth == _DEEPEST and value.count:
        yield "…"
    else:
        for i, part in enumerate(value.parts):
            if i:
                yield ": " if value.kind == "dict" and i % 2 else ", "
            yield from _pieces(part, depth + 1)
        if value.count > len(value.parts):
            yield f", … {value.count // (2 if value.kind == 'dict' else 1)} in all"
    yield closing


def _constant(content: object) -> str:
    if isinstance(content, Excerpt):
        return f"{content.head[:40]!r}… ({content.size:,} bytes)"
    if type(content) is int and content.bit_length() > _LARGEST_SHOWN_BITS:
        return shorten(hex(content), 40) + f" ({content.bit_length():,} bits)"
    return repr(content)
