# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""What a stream refers to outside itself, and no more: globals, persistent IDs, extension codes.

Text, bytes, numbers, and small tuples and lists of them are kept as they are, for an ID or a name may be
made of them. Everything else is a mark that says what it would be.

This file is also compiled, with the types in ``names.pxd``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream.feeds import Excerpt
from brinery.stream.globals import BRIEF, GlobalName, printable, shorten
from brinery.stream.old_bytes import bytes_function, bytes_of_array, bytes_of_call
from brinery.stream.opcodes import BY_NAME, TABLE
from brinery.stream.walk import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.stream.walk import Walk

__all__ = ["Made", "Named", "Names", "write_id"]

_MOST = 64  # parts of a tuple or list that are kept
_DEEPEST = 32
_LONGEST = 1 << 10  # characters of an ID of several parts: a stream may share these among many IDs
_PLAIN: frozenset[type] = frozenset((str, int, bytes))

_KINDS = [""] * 256
for _op in TABLE:
    if _op.after:
        _KINDS[_op.code[0]] = _op.after[0]
_KEPT = bytearray(256)  # constants whose values are kept as they are
_BYTES = bytearray(256)  # those that a pickle may lie in
for _op in TABLE:
    _KEPT[_op.code[0]] = _op.after in (("str",), ("bytes",), ("int",), ("float",)) and not _op.before
    _BYTES[_op.code[0]] = _op.argument.name[:5] in ("bytes", "strin")
_BEGINS = bytearray(256)  # opcodes that a pickle may begin with
for _op in TABLE:
    _BEGINS[_op.code[0]] = not _op.before or _op.name == "MARK"
_TRUE = BY_NAME["NEWTRUE"].code[0]
_FALSE = BY_NAME["NEWFALSE"].code[0]
_NONE = BY_NAME["NONE"].code[0]
_BUFFER = BY_NAME["NEXT_BUFFER"].code[0]
_PERSID = BY_NAME["PERSID"].code[0]
_APPEND = BY_NAME["APPEND"].code[0]
_APPENDS = BY_NAME["APPENDS"].code[0]
_REDUCE = BY_NAME["REDUCE"].code[0]
_BYTEARRAY = BY_NAME["BYTEARRAY8"].code[0]
_ARRAYS = (("builtins", "bytearray"), ("__builtin__", "bytearray"))
_STRING_NAMES = ("STRING", "BINSTRING", "SHORT_BINSTRING")
_OLD = {BY_NAME[name].code[0] for name in _STRING_NAMES}


class Made:
    """Stands for an object of which only its kind is known, or what would be called to make it."""

    __slots__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what


class Named:
    """A global, and how often it is used, by its name or through the memo.

    `era` is whether a pickle of protocol 2 or lower names it; `dotted` whether one of protocol 4 or higher
    does. `made` stands for what calling it gives; `encodes` is which of the two functions it is that
    protocols 0 to 2 write bytes with, if it is one; `is_array` whether it makes bytearrays.
    """

    __slots__ = ("dotted", "encodes", "era", "is_array", "made", "name", "uses")

    def __init__(self, name: GlobalName) -> None:
        self.name = name
        self.uses = 0
        self.era = False
        self.dotted = False
        self.made = Made(f"{name.brief()}(…)")
        self.encodes = bytes_function(name.module, name.qualname)
        self.is_array = tuple(name) in _ARRAYS


class _Referred:
    """An object with a persistent ID, or one of an extension code; `key` is what it is counted under."""

    __slots__ = ("counts", "key")

    def __init__(self, counts: dict[Any, int], key: Any) -> None:
        self.counts = counts
        self.key = key


_MARKS = {kind: Made(kind) for kind in sorted(set(_KINDS)) if kind}
_MORE = Made("…")
_CALLED = Made("object")


class Names(Keeper):
    """Counts what a stream refers to.

    globals         by (module, qualname)
    persistent_ids  how often each is used: by itself where it is a str, an int, bytes or a tuple of these,
                    else by its text
    extensions      how often each code is used
    inside          called with the walk and bytes that may begin as a pickle does, or an Excerpt of them; or
                    None
    long_text       the last text that was too long to be kept: its Excerpt, where its opcode and where its
                    argument begin, and the opcode's byte. It may be bytes, as older protocols write them
    calls           how often something is called
    """

    def __init__(self, inside: Callable[[Walk, Any], None] | None = None) -> None:
        self.globals: dict[tuple[str, str], Named] = {}
        self.persistent_ids: dict[Any, int] = {}
        self.extensions: dict[int, int] = {}
        self.inside = inside
        self.long_text: tuple[Excerpt, int, int, int] | None = None
        self.calls = 0

    def constant(self, walk: Walk, code: int) -> Any:
        """The value, where an ID may hold it."""
        if _KEPT[code]:
            value = walk.scanner.value()
            if _BYTES[code]:
                self._look_inside(walk, value)
            elif walk.scanner.long and type(value) is Excerpt:
                begin = walk.scanner.end - walk.scanner.size
                self.long_text = (value, walk.scanner.start, begin, code)
            return value
        if code == _BYTEARRAY:
            self._look_inside(walk, walk.scanner.value())
        if code == _NONE:
            return None
        if code in (_TRUE, _FALSE):
            return code == _TRUE
        return _MARKS[_KINDS[code]]

    def _look_inside(self, walk: Walk, value: Any) -> None:
        if self.inside is not None and (walk.scanner.long or (len(value) >= 3 and _may_be(value))):
            self.inside(walk, value)

    def make(self, walk: Walk, code: int, first: int) -> Any:
        """A small tuple or list; else a mark."""
        kind = _KINDS[code]
        stack = walk.stack
        if len(stack) - first <= _MOST:
            if kind == "tuple":
                return tuple(stack[first:])
            if kind == "list":
                return stack[first:]
        return _MARKS[kind]

    def change(self, walk: Walk, code: int, first: int) -> Any:
        """A list grows, as long as it is small."""
        stack = walk.stack
        target = stack[first]
        if (code in (_APPEND, _APPENDS)) and type(target) is list and len(target) <= _MOST:
            if len(target) + len(stack) - first - 1 <= _MOST:
                target.extend(stack[first + 1 :])
            else:
                target.extend(stack[first + 1 : first + 2 + _MOST - len(target)])
                target.append(_MORE)
                target.extend([_MORE] * (_MOST + 1 - len(target)))
        return target

    def call(self, walk: Walk, code: int, function: Any, first: int) -> Any:
        """Bytes, where they are written as a call; else a mark."""
        self.calls += 1
        if type(function) is Named:
            named = function
            if code == _REDUCE and (named.is_array or named.encodes is not None):
                found = self._old_bytes(walk, named, walk.stack[first])
                if found is not None:
                    return found
            return named.made
        return _CALLED

    def _old_bytes(self, walk: Walk, function: Named, args: Any) -> Any:
        """The bytes that a call stands for, looked into; None for a bytearray, and what is no such call."""
        array = function.is_array
        found = bytes_of_array(args) if array else bytes_of_call(function.encodes, args)
        if self.inside is None:
            return None if array else found
        if found is None:
            if type(args) is tuple and len(args) == 2 and type(args[0]) is Excerpt:
                self.inside(walk, args[0])
            return None
        # Of a bytearray, bytes that are in the stream as such were looked into.
        if len(found) >= 3 and not (array and len(args) == 1) and _may_be(found):
            self.inside(walk, found)
        return None if array else found

    def name(self, walk: Walk, module: str, qualname: str) -> Named:
        """The one of that name, used once more."""
        named = self.globals.get((module, qualname))
        if named is None:
            named = self.globals[module, qualname] = Named(GlobalName(module, qualname))
        named.uses += 1
        if walk.protocol < 3:
            named.era = True
        elif walk.protocol > 3:
            named.dotted = True
        return named

    def text(self, walk: Walk, symbol: Any) -> str:
        """The text itself. A call may well give a str: what is not known is shown in <>."""
        if type(symbol) is str:
            return symbol
        if type(symbol) is bytes:
            # Of Python 2's strings; bytes proper are no text, but here nobody knows them apart any more.
            return symbol.decode("latin-1")
        if type(symbol) is Excerpt:
            head = symbol.head
            return (head if isinstance(head, str) else head.decode("latin-1")) + "..."
        if type(symbol) is Made and symbol.what not in _MARKS:
            return f"<{symbol.what}>"
        if type(symbol) in (Named, _Referred):
            return f"<{write_id(symbol, BRIEF)}>"
        raise ReadError("module and name of a global must be two str")

    def extension(self, walk: Walk, number: int) -> Any:
        """Counted."""
        if number <= 0:
            raise ReadError(f"{number} is no extension code; they begin at 1")
        self.extensions[number] = self.extensions.get(number, 0) + 1
        return _Referred(self.extensions, number)

    def persistent(self, walk: Walk, code: int, first: int) -> Any:
        """Counted."""
        pid = walk.scanner.value() if code == _PERSID else walk.stack[first]
        key = pid if _is_plain(pid) else _Written(write_id(pid))
        self.persistent_ids[key] = self.persistent_ids.get(key, 0) + 1
        return _Referred(self.persistent_ids, key)

    def fetch(self, walk: Walk, index: int, symbol: Any) -> Any:
        """A reference through the memo is one more."""
        if type(symbol) is Named:
            symbol.uses += 1
            if walk.protocol < 3:
                symbol.era = True
        elif type(symbol) is _Referred:
            symbol.counts[symbol.key] += 1
        return symbol

    def describe(self, symbol: Any) -> str:
        """Lists, and what is a mark."""
        if type(symbol) is list or (type(symbol) is Made and symbol.what != "str"):
            return write_id(symbol, 30)
        return ""


class _Written(str):
    """The text of an ID that is not made of plain values; no str that is an ID itself is equal to it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is _Written and str.__eq__(self, other)

    def __hash__(self) -> int:
        return hash((str(self), 1))


def _may_be(value: Any) -> bool:
    """Whether bytes are worth a look: a pickle begins with PROTO, or with an opcode that needs nothing before
    it, and has STOP, a global's lines or STACK_GLOBAL in it."""
    first: int = value[0]
    return first == 0x80 or (bool(_BEGINS[first]) and (46 in value or 10 in value or 0x93 in value))


def _is_plain(pid: Any) -> bool:
    if type(pid) is tuple:
        for part in pid:  # most are flat
            if type(part) is not str and type(part) is not int and type(part) is not bytes:
                # Not before: it imports datetime, and two interpreters of one process must not, up to 3.13.0.
                from brinery.persistent_ids import bounded

                return bool(bounded(pid, _PLAIN, _MOST))
        return True
    return type(pid) is str or type(pid) is int or type(pid) is bytes


def write_id(pid: Any, most: int = _LONGEST) -> str:
    """An ID as Python would write it, on one line; of one of several parts the first `most` characters."""
    if type(pid) is str or type(pid) is bytes:
        return printable(repr(pid)) if most == _LONGEST else shorten(printable(repr(pid[:most])), most)
    text = ""
    inside: list[tuple[Any, str]] = []  # what is still to come of each part that is begun, and what closes it
    value = pid
    while True:
        begun = True
        if type(value) is tuple or type(value) is list:
            opening, closing = ("(", ")") if type(value) is tuple else ("[", "]")
            if len(inside) >= _DEEPEST and value:
                text += f"{opening}…{closing}"
            else:
                text += opening
                inside.append((iter(value), ",)" if closing == ")" and len(value) == 1 else closing))
                begun = False
        elif type(value) is Excerpt:
            text += f"{value.head[:most]!r}… ({value.size:,} bytes)"
        elif type(value) is Named:
            text += value.name.brief(most)
        elif type(value) is Made:
            text += f"<{value.what}>"
        elif type(value) is _Referred:
            key = value.key
            text += "<extension " if type(key) is int else "<persistent "
            if type(key) is str:
                text += f"{key[: most + 1]}>"
            else:
                inside.append((iter((key,)), ">"))
                begun = False
        elif type(value) is _Written:
            text += str.__str__(value)
        elif type(value) is int and value.bit_length() > 10_000:
            # As many digits as are shown, and one more: the last of these tells that it goes on.
            text += hex(value >> max(value.bit_length() - 4 * most, 0) // 4 * 4)
        elif type(value) is str or type(value) is bytes:
            text += repr(value[: most + 1])
        else:
            text += repr(value)
        while inside:
            parts, closing = inside[-1]
            value = next(parts, _NOTHING)
            if value is not _NOTHING:
                text += ", " if begun else ""
                break
            text += closing
            begun = True
            inside.pop()
        if not inside or len(text) > most:
            return shorten(printable(shorten(text, most)), most)


_NOTHING = object()
