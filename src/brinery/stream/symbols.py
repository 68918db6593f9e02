# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""Symbols that know everything: what a stream would build, as a graph, without building it.

This file is also compiled, with the types in ``symbols.pxd``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream.feeds import Excerpt
from brinery.stream.globals import GlobalName
from brinery.stream.opcodes import BY_NAME, TABLE
from brinery.stream.showing import show
from brinery.stream.walk import Keeper

if TYPE_CHECKING:
    from brinery.stream.walk import Walk

__all__ = ["Symbol", "Symbols"]

# The strings of Python 2 are text to the one and bytes to the other: a kind of their own.
_STRINGS = ("STRING", "BINSTRING", "SHORT_BINSTRING")
_KINDS = [""] * 256
for _op in TABLE:
    if _op.after:
        _KINDS[_op.code[0]] = "string" if _op.name in _STRINGS else _op.after[0]
_FIXED: dict[int, object] = {BY_NAME["NEWTRUE"].code[0]: True, BY_NAME["NEWFALSE"].code[0]: False}
_BUFFER = BY_NAME["NEXT_BUFFER"].code[0]
_BUILD = BY_NAME["BUILD"].code[0]
_PERSID = BY_NAME["PERSID"].code[0]
_GLOBAL = BY_NAME["GLOBAL"].code[0]
_OF_TUPLE = {BY_NAME[name].code[0] for name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX")}
_NEW = {BY_NAME[name].code[0] for name in ("NEWOBJ", "NEWOBJ_EX")}
_NOT_TEXT = frozenset(
    ("none", "bool", "int", "float", "bytes", "bytearray", "list", "tuple", "dict", "set", "frozenset")
)


class Symbol:
    """What stands for one object of a stream.

    kind     ``none``, ``bool``, ``int``, ``float``, ``str``, ``string`` (Python 2's, text or bytes),
             ``bytes``, ``bytearray``, ``buffer`` (out of band), ``list``, ``tuple``, ``dict``, ``set``,
             ``frozenset``, ``global``, ``extension``, ``persistent``, ``call`` (what calling something
             gives) or ``new`` (what a class's ``__new__`` gives)
    content  a constant's value, as the scanner gives it; a GlobalName; an extension code; a buffer's number;
             the text of a persistent ID that is text
    parts    items; keys and values in turn; or arguments (for ``call`` and ``new``, the items of the tuple
             where that is what the stream gives)
    count    how many parts there are in truth, where only the first were kept
    links    other symbols that it stands on: what is called, and behind it NEWOBJ_EX's keyword arguments or
             what was given in the place of the tuple of arguments; the persistent ID that is no text
    changes  what was done to it afterwards, if it is not simply one of its parts: pairs of the opcode's byte
             and the list of symbols; None where nothing was
    code     the byte of the opcode that made it
    begin    the offset at which its making began
    """

    __slots__ = ("begin", "changes", "code", "content", "count", "kind", "links", "parts")

    def __init__(self, kind: str, content: Any, code: int, begin: int) -> None:
        self.kind = kind
        self.content = content
        self.parts: list[Symbol] | tuple[()] = ()
        self.count = 0
        # A tuple: the interpreter takes a chain of tuples apart without recursion, however long it is.
        self.links: tuple[Symbol, ...] = ()
        self.changes: list[tuple[int, list[Symbol]]] | None = None
        self.code = code
        self.begin = begin


class Symbols(Keeper):
    """Keeps everything, or of each container the first `limit` parts and of no object what happens to it."""

    def __init__(self, limit: int = -1) -> None:
        self.limit = limit

    def constant(self, walk: Walk, code: int) -> Symbol:
        """The value with its kind."""
        if code == _BUFFER:
            walk.buffers += 1
            return Symbol("buffer", walk.buffers - 1, code, walk.scanner.start)
        content = _FIXED.get(code)
        if content is None:
            content = walk.scanner.value()
        return Symbol(_KINDS[code], content, code, walk.scanner.start)

    def make(self, walk: Walk, code: int, first: int) -> Symbol:
        """A container with its parts."""
        symbol = Symbol(_KINDS[code], None, code, walk.scanner.start)
        self._add(symbol, walk, first)
        return symbol

    def change(self, walk: Walk, code: int, first: int) -> Symbol:
        """More parts for a container; for anything else, one more change."""
        symbol: Symbol = walk.stack[first]
        kind = symbol.kind
        if code != _BUILD and (kind == "list" or kind == "dict" or kind == "set") and kind == _KINDS[code]:
            self._add(symbol, walk, first + 1)
        elif self.limit < 0:
            if symbol.changes is None:
                symbol.changes = []
            symbol.changes.append((code, walk.stack[first + 1 :]))
        return symbol

    def _add(self, symbol: Symbol, walk: Walk, first: int) -> None:
        stack = walk.stack
        count = len(stack) - first
        symbol.count += count
        if not count:
            return
        if self.limit >= 0:
            room = self.limit - len(symbol.parts)
            if room <= 0:
                return
            items = stack[first : first + room]
        else:
            items = stack[first:]
        if symbol.parts:
            symbol.parts += items
        else:
            symbol.parts = items

    def call(self, walk: Walk, code: int, function: Symbol, first: int) -> Symbol:
        """What is called, and with what."""
        symbol = Symbol("new" if code in _NEW else "call", None, code, walk.scanner.start)
        symbol.links = (function,)
        if code not in _OF_TUPLE:
            self._add(symbol, walk, first)
            return symbol
        arguments: Symbol = walk.stack[first]
        if arguments.kind == "tuple":
            symbol.parts, symbol.count = arguments.parts, arguments.count
            if first + 1 < len(walk.stack):
                symbol.links = function, walk.stack[first + 1]
        else:
            symbol.links = function, arguments
        return symbol

    def name(self, walk: Walk, module: str, qualname: str) -> Symbol:
        """A global."""
        return Symbol("global", GlobalName(module, qualname), walk.scanner.code, walk.scanner.start)

    def text(self, walk: Walk, symbol: Symbol) -> str:
        """The text itself. A call may well give a str: what is not known is shown in <>."""
        if symbol.kind in _NOT_TEXT:
            raise ReadError("module and name of a global must be two str")
        content = symbol.content
        if isinstance(content, Excerpt):
            head = content.head
            return (head if isinstance(head, str) else head.decode("latin-1")) + "..."
        if symbol.kind == "str":
            return content  # type: ignore[no-any-return]
        if symbol.kind == "string":
            return content.decode("latin-1")  # type: ignore[no-any-return]
        return f"<{show(symbol)}>"

    def extension(self, walk: Walk, number: int) -> Symbol:
        """An extension code."""
        if number <= 0:
            raise ReadError(f"{number} is no extension code; they begin at 1")
        return Symbol("extension", number, walk.scanner.code, walk.scanner.start)

    def persistent(self, walk: Walk, code: int, first: int) -> Symbol:
        """A persistent object with its ID."""
        symbol = Symbol("persistent", None, code, walk.scanner.start)
        if code == _PERSID:
            symbol.content = walk.scanner.value()
        else:
            symbol.links = (walk.stack[first],)
        return symbol

    def describe(self, symbol: Symbol) -> str:
        """Containers and objects, as they are so far."""
        if symbol.kind in ("list", "dict", "set", "call", "new"):
            return show(symbol, 30)
        return ""
