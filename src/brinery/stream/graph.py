# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""What a stream would build, as a graph that is the same whichever protocol it was written at.

Where older protocols have no opcode for something, a Pickler writes a call in its place: a set is
``set([…])``, bytes are ``_codecs.encode(…, "latin1")``. Such calls become here what they stand for. Numbers,
text, bytes, None and bools are themselves; everything else is a :class:`Node`.

This file is also compiled, with the types in ``graph.pxd``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream.old_bytes import bytes_of_array, bytes_of_call
from brinery.stream.opcodes import BY_NAME, TABLE
from brinery.stream.text import decode_string
from brinery.stream.walk import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.stream.raw_arrays import RawArray
    from brinery.stream.walk import Walk

__all__ = [
    "ADD",
    "APPEND",
    "ARRAY",
    "BUFFER",
    "BUILD",
    "CALL",
    "DICT",
    "DROP",
    "EXTENSION",
    "FROZENSET",
    "GLOBAL",
    "LIST",
    "NESTED",
    "NEW",
    "NEW_EX",
    "OBJ",
    "OLD",
    "PERSISTENT",
    "RAW",
    "READONLY",
    "SET",
    "SETITEM",
    "TUPLE",
    "Graph",
    "Node",
]

# Characters of a name that calls of getattr spell: a chain of these could make each longer than the last.
_LONGEST_NAME = 1000

# What a node is.
(
    LIST,
    TUPLE,
    DICT,
    SET,
    FROZENSET,
    ARRAY,
    GLOBAL,
    EXTENSION,
    PERSISTENT,
    CALL,
    NEW,
    NEW_EX,
    OBJ,
    BUFFER,
    READONLY,
    OLD,
) = range(16)
_LIST, _TUPLE, _DICT, _SET, _FROZENSET, _ARRAY, _GLOBAL, _EXTENSION = range(8)
_PERSISTENT, _CALL, _NEW, _NEW_EX, _OBJ, _BUFFER, _READONLY, _OLD = range(8, 16)

# What is done to a node afterwards.
APPEND, SETITEM, ADD, BUILD, DROP, RAW, NESTED = range(7)
_APPEND, _SETITEM, _ADD, _BUILD, _DROP, _RAW, _NESTED = range(7)

_KIND = bytearray(256)
for _kind, _names in (
    (LIST, ("EMPTY_LIST", "LIST")),
    (TUPLE, ("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3")),
    (DICT, ("EMPTY_DICT", "DICT")),
    (SET, ("EMPTY_SET",)),
    (FROZENSET, ("FROZENSET",)),
    (CALL, ("REDUCE",)),
    (NEW, ("NEWOBJ",)),
    (NEW_EX, ("NEWOBJ_EX",)),
    (OBJ, ("OBJ", "INST")),
    (APPEND, ("APPEND", "APPENDS")),
    (SETITEM, ("SETITEM", "SETITEMS")),
    (ADD, ("ADDITEMS",)),
    (BUILD, ("BUILD",)),
):
    for _name in _names:
        _KIND[BY_NAME[_name].code[0]] = _kind

_GROWS = bytes((LIST, DICT, SET, 255, 255))  # what has such changes as its parts

_OLD_STRING = bytearray(256)
_NEW_BYTES = BY_NAME["BYTEARRAY8"].code[0]
for _op in TABLE:
    _OLD_STRING[_op.code[0]] = _op.name in ("STRING", "BINSTRING", "SHORT_BINSTRING")
_NONE_CODE = BY_NAME["NONE"].code[0]
_TRUE = BY_NAME["NEWTRUE"].code[0]
_FALSE = BY_NAME["NEWFALSE"].code[0]
_NEXT_BUFFER = BY_NAME["NEXT_BUFFER"].code[0]
_PERSID = BY_NAME["PERSID"].code[0]

# Calls in the place of what a protocol has no opcode for.
_AS_SET, _AS_FROZENSET, _AS_BYTES, _AS_ARRAY, _AS_NEW, _AS_NEW_EX, _AS_DOTTED = range(1, 8)
_FORMS = {
    ("_codecs", "encode"): _AS_BYTES,
    **{
        (module, name): form
        for module in ("__builtin__", "builtins")
        for name, form in (
            ("set", _AS_SET),
            ("frozenset", _AS_FROZENSET),
            ("bytes", _AS_BYTES),
            ("bytearray", _AS_ARRAY),
            ("getattr", _AS_DOTTED),
        )
    },
    **{
        (module, name): form
        for module in ("copy_reg", "copyreg")
        for name, form in (("__newobj__", _AS_NEW), ("__newobj_ex__", _AS_NEW_EX))
    },
}


class Node:
    """One object of a graph that is no constant.

    kind     LIST, TUPLE, DICT, SET, FROZENSET, ARRAY (a bytearray), GLOBAL, EXTENSION, PERSISTENT, CALL
             (REDUCE), NEW (NEWOBJ), NEW_EX, OBJ (OBJ and INST), BUFFER (out of band), READONLY or OLD (a
             string of Python 2 of which nobody has said yet whether it is text)
    head     of a GLOBAL, its module and qualified name; of an EXTENSION, its number; of an ARRAY, its bytes;
             of an OLD, its bytes; of a BUFFER, its number
    parts    items; keys and values in turn; what is called and the tuple of arguments, or for an OBJ the
             arguments one by one; a persistent ID; of an OLD, its offset and the byte of its opcode
    changes  what was done to it afterwards, if it is not simply one of its parts: pairs of APPEND, SETITEM,
             ADD, BUILD, DROP, RAW or NESTED and a list of symbols. DROP is a call whose result is thrown
             away. Behind RAW are the bytes that stand between the opcodes, and at a multiple of how many they
             begin, or 0; behind NESTED the object of a pickle that stands there, and the calls before it
    memo     the index under which a writer has stored it, -1 before that
    form     of a GLOBAL, what a call of it may stand for; of others, 1 if the stream stored them in its memo
    """

    __slots__ = ("changes", "form", "head", "kind", "memo", "parts")

    def __init__(self, kind: int, head: Any, parts: list[Any]) -> None:
        self.kind = kind
        self.head = head
        # A list: the interpreter takes a chain of lists apart without recursion, however long it is.
        self.parts = parts
        self.changes: list[tuple[int, list[Any]]] | None = None
        self.memo = -1
        self.form = 0


def _node(kind: int, head: Any, parts: list[Any]) -> Node:
    """A node, made without a call of its class: compiled, that would be a third of what a tuple costs."""
    made = Node.__new__(Node)
    made.kind = kind
    made.head = head
    made.parts = parts
    made.changes = None
    made.memo = -1
    made.form = 0
    return made


class Graph(Keeper):
    """Keeps everything.

    strings  how many strings of Python 2 there were
    named    every name that was met, and the one that it became
    before   calls whose results are thrown away before anything else is there
    """

    bounded = False  # it is as large as what it keeps

    def __init__(
        self,
        names: Callable[[str, str, bool], tuple[str, str]] | None = None,
        encoding: str = "ASCII",
        errors: str = "strict",
        late: bool = False,
    ) -> None:
        """`names` says what a name has become, with whether Python 2's tables count for it.

        Strings of Python 2 are decoded with `encoding` and `errors`, as for a load; with `late` they are kept
        as they are.
        """
        self.names = names
        self.encoding = encoding
        self.errors = errors
        self.late = late
        self.strings = 0
        self.named: dict[tuple[str, str], tuple[str, str]] = {}
        self.before: list[Any] = []
        self._globals: dict[Any, Node] = {}
        self._plain = encoding.lower() == "ascii" and errors == "strict"

    def begin(self) -> None:
        """To be called before each pickle."""
        self._globals = {}
        self.before = []

    def constant(self, walk: Walk, code: int) -> Any:
        """The value itself."""
        if code == _NONE_CODE:
            return None
        if code == _TRUE:
            return True
        if code == _FALSE:
            return False
        value: Any = walk.scanner.value()
        if _OLD_STRING[code]:
            self.strings += 1
            if self.late:
                return _node(_OLD, value, [walk.scanner.start, code])
            if self._plain:
                return value.decode("ascii")
            return decode_string(value, self.encoding, self.errors)
        if code == _NEW_BYTES:
            return _node(_ARRAY, bytes(value), [])
        if code == _NEXT_BUFFER:
            walk.buffers += 1
            return _node(_BUFFER, walk.buffers - 1, [])
        return value

    def make(self, walk: Walk, code: int, first: int) -> Any:
        """A container."""
        return _node(_KIND[code], None, walk.stack[first:])

    def change(self, walk: Walk, code: int, first: int) -> Any:
        """More parts for a container; for anything else, one more change."""
        stack = walk.stack
        symbol = stack[first]
        if type(symbol) is not Node:
            raise ReadError(f"{walk.scanner.name} changes what cannot be changed")
        node = symbol
        what = _KIND[code]
        if node.changes is None and node.kind == _GROWS[what]:
            if len(stack) - first == 2:
                node.parts.append(stack[first + 1])
            else:
                node.parts += stack[first + 1 :]
            return node
        items = stack[first + 1 :]
        if node.changes is None:
            node.changes = []
        elif what != _BUILD and node.changes[-1][0] == what:
            node.changes[-1][1].extend(items)
            return node
        node.changes.append((what, items))
        return node

    def call(self, walk: Walk, code: int, function: Any, first: int) -> Any:
        """What is called, and with what; or what such a call stands for."""
        kind = _KIND[code]
        stack = walk.stack
        parts = [function]
        parts += stack[first:]
        if kind == _CALL and type(function) is Node:
            node = function
            if node.kind == _GLOBAL and node.form:
                made = self._stands_for(node, stack[first])
                if made is not None:
                    return made
        return _node(kind, None, parts)

    def _stands_for(self, function: Node, arguments: Any) -> Any:
        if type(arguments) is not Node or arguments.kind != _TUPLE:
            return None
        given = arguments.parts
        count = len(given)
        form = function.form
        if self.late and form in (_AS_BYTES, _AS_ARRAY, _AS_DOTTED):
            given = [_plain(part) for part in given]
        if form == _AS_BYTES:
            return bytes_of_call(_BYTES_FUNCTIONS[function.head[1]], tuple(given))
        if form in (_AS_SET, _AS_FROZENSET):
            kind = _SET if form == _AS_SET else _FROZENSET
            if not count:
                return _node(kind, None, [])
            items = given[0]
            if count == 1 and type(items) is Node and items.kind == _LIST and items.changes is None:
                return _node(kind, None, list(items.parts))
        elif form == _AS_ARRAY:
            content = bytes_of_array(tuple(given))
            return None if content is None else _node(_ARRAY, content, [])
        elif form == _AS_NEW and count:
            return _node(_NEW, None, [given[0], _node(_TUPLE, None, given[1:])])
        elif form == _AS_NEW_EX and count == 3:
            return _node(_NEW_EX, None, list(given))
        elif form == _AS_DOTTED and count == 2 and type(given[1]) is str and given[1].isidentifier():
            owner = given[0]
            if (
                type(owner) is Node
                and owner.kind == _GLOBAL
                and owner.changes is None
                and len(owner.head[1]) + len(given[1]) < _LONGEST_NAME
            ):
                return self._global((owner.head[0], f"{owner.head[1]}.{given[1]}"))
        return None

    def name(self, walk: Walk, module: str, qualname: str) -> Any:
        """A global: one node for all places of a pickle that name it."""
        era = walk.protocol < 3
        key = module, qualname, era
        node = self._globals.get(key)
        if node is None:
            head = module, qualname
            if self.names is not None:
                head = self.names(module, qualname, era)
                self.named[module, qualname] = head
            if walk.protocol < 4 and "." in qualname:
                # Nobody walks its dots at these protocols, and everybody does at later ones.
                raise ReadError(f"no module can have a name with a dot in it: {qualname!r}")
            node = self._global(head)
            node.form = _FORMS.get((module, qualname), 0)
            self._globals[key] = node
        return node

    def _global(self, head: tuple[str, str]) -> Node:
        node = self._globals.get(head)
        if node is None:
            node = self._globals[head] = _node(_GLOBAL, head, [])
        return node

    def text(self, walk: Walk, symbol: Any) -> str:
        """The text itself. Raises UnpicklingError for a name that only loading would compute."""
        if type(symbol) is str:
            return symbol
        if type(symbol) is Node and symbol.kind == _OLD:
            return symbol.head.decode("utf-8")  # type: ignore[no-any-return]
        if type(symbol) is Node and symbol.kind >= _GLOBAL:
            raise ReadError("the name of a global is computed by the stream: only loading it would tell")
        raise ReadError("module and name of a global must be two str")

    def extension(self, walk: Walk, number: int) -> Any:
        """An extension code."""
        if number <= 0:
            raise ReadError(f"{number} is no extension code; they begin at 1")
        node = self._globals.get(number)
        if node is None:
            node = self._globals[number] = _node(_EXTENSION, number, [])
        return node

    def persistent(self, walk: Walk, code: int, first: int) -> Any:
        """A persistent object with its ID."""
        return _node(_PERSISTENT, None, [walk.scanner.value() if code == _PERSID else walk.stack[first]])

    def read_only(self, walk: Walk, symbol: Any) -> Any:
        """A read-only view."""
        return _node(_READONLY, None, [symbol])

    def store(self, walk: Walk, index: int, symbol: Any) -> Any:
        """As it is; note that it was stored."""
        if type(symbol) is Node:
            node = symbol
            if node.kind >= _EXTENSION:
                node.form = 1
        return symbol

    def drop(self, walk: Walk, first: int) -> None:
        """What calls have done stays: how a state setter is written, for one.

        A call in the memo is dropped where a tuple turns out to be in itself, and is there again.
        """
        stack = walk.stack
        for i in range(first, len(stack)):
            node = stack[i]
            if type(node) is Node and _CALL <= node.kind <= _OBJ and not node.form:
                below = stack[first - 1] if first else None
                if type(below) is Node:
                    if below.changes is None:
                        below.changes = []
                    below.changes.append((_DROP, [node]))
                else:
                    self.before.append(node)

    def raw(self, walk: Walk, symbol: Any, array: RawArray, data: bytes, inner: Walk | None) -> Any:
        """One more change: the bytes, or the pickle's object."""
        if inner is None:
            symbol.changes.append((_RAW, [data, array.alignment]))
        else:
            keeper: Any = inner.keeper
            symbol.changes.append((_NESTED, [inner.stack[len(inner.stack) - 1], *keeper.before]))
        return symbol

    def nested(self) -> Keeper:
        """A graph that counts and names together with this one, and has no node in common with it."""
        inner = Graph(self.names, self.encoding, self.errors, self.late)
        inner.named = self.named
        return inner

    def describe(self, symbol: Any) -> str:
        """Containers and calls."""
        if type(symbol) is Node:
            if symbol.kind <= _SET:
                return ("list", "tuple", "dict", "set")[symbol.kind]
            if _CALL <= symbol.kind <= _OBJ:
                called = symbol.parts[0]
                if type(called) is Node and called.kind == _GLOBAL:
                    return ".".join(called.head)[:60]
        return ""


def _plain(symbol: Any) -> Any:
    """A string of Python 2 that is ASCII, as text: what such calls are given as names."""
    if type(symbol) is Node and symbol.kind == _OLD and symbol.head.isascii():
        return symbol.head.decode("ascii")
    return symbol


def _functions() -> dict[str, Any]:
    from brinery.stream.old_bytes import bytes_function

    return {name: bytes_function(*pair) for pair in _FORMS for name in pair[1:] if bytes_function(*pair)}


_BYTES_FUNCTIONS = _functions()
