# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""From a graph back to a stream: the bytes that a Pickler would write of the objects that it stands for.

Memo and frames are made anew, and older forms become today's, or the other way round. Nothing recurses with
the graph. The graph is used up: its nodes remember the memo that was made for them.

This file is also compiled, with the types in ``rewriting.pxd``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from brinery.cpython import RESTS_STAND_ALONE
from brinery.errors import ReadError, WriteError
from brinery.stream import graph
from brinery.stream.faults import locate_at
from brinery.stream.graph import Node
from brinery.stream.leaves import Leaves
from brinery.stream.opcodes import BATCH, BY_NAME, FRAME_TARGET
from brinery.stream.places import Place, attribute_name, class_of, name_of
from brinery.stream.text import encode_global, encode_persistent_id

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Rewriter"]

_LIST, _TUPLE, _DICT, _SET = graph.LIST, graph.TUPLE, graph.DICT, graph.SET
_FROZENSET, _ARRAY, _GLOBAL, _EXTENSION = graph.FROZENSET, graph.ARRAY, graph.GLOBAL, graph.EXTENSION
_PERSISTENT, _CALL, _NEW, _NEW_EX = graph.PERSISTENT, graph.CALL, graph.NEW, graph.NEW_EX
_OBJ, _BUFFER, _READONLY, _OLD = graph.OBJ, graph.BUFFER, graph.READONLY, graph.OLD
_APPEND, _SETITEM, _ADD, _BUILD, _DROP = (graph.APPEND, graph.SETITEM, graph.ADD, graph.BUILD, graph.DROP)
_RAW, _NESTED = graph.RAW, graph.NESTED
_FIXED = 9  # the parts of what is closed as a whole

_FRAME_TARGET = FRAME_TARGET
_BATCH = BATCH
_DEEPEST = 200  # times that a tuple is begun before it is whole: as often as it is within itself
_LONE_RESTS = RESTS_STAND_ALONE


def _code(name: str) -> int:
    return BY_NAME[name].code[0]


_MARK, _POP, _POP_MARK, _STOP_CODE = _code("MARK"), _code("POP"), _code("POP_MARK"), _code("STOP")
_NONE_CODE, _TRUE, _FALSE = _code("NONE"), _code("NEWTRUE"), _code("NEWFALSE")
_FLOAT = _code("BINFLOAT")
_EMPTY_TUPLE, _TUPLE_CODE, _TUPLE1 = _code("EMPTY_TUPLE"), _code("TUPLE"), _code("TUPLE1")
_EMPTY_LIST, _LIST_CODE, _EMPTY_DICT, _DICT_CODE = (
    _code("EMPTY_LIST"),
    _code("LIST"),
    _code("EMPTY_DICT"),
    _code("DICT"),
)
_EMPTY_SET, _FROZENSET_CODE = _code("EMPTY_SET"), _code("FROZENSET")
_STACK_GLOBAL, _GLOBAL_CODE = _code("STACK_GLOBAL"), _code("GLOBAL")
_SHORT_BYTES, _BYTES4, _BYTES8, _ARRAY8 = (
    _code("SHORT_BINBYTES"),
    _code("BINBYTES"),
    _code("BINBYTES8"),
    _code("BYTEARRAY8"),
)
_REDUCE, _NEWOBJ, _NEWOBJ_EX, _OBJ_CODE, _INST = (
    _code("REDUCE"),
    _code("NEWOBJ"),
    _code("NEWOBJ_EX"),
    _code("OBJ"),
    _code("INST"),
)
_BUILD_CODE, _PERSID, _BINPERSID = _code("BUILD"), _code("PERSID"), _code("BINPERSID")
_NEXT_BUFFER, _READONLY_CODE = _code("NEXT_BUFFER"), _code("READONLY_BUFFER")
_ONE = bytes((_code("APPEND"), _code("SETITEM"), 0))  # by family, for one item
_MANY = bytes((_code("APPENDS"), _code("SETITEMS"), _code("ADDITEMS")))

_pack_double = struct.Struct(">d").pack
_pack_size4 = struct.Struct("<I").pack
_pack_size8 = struct.Struct("<Q").pack


class _Frame:
    """A node that is being written.

    items    what is being written of it: its own parts, then those of one change after the other
    family   what becomes of these: one of the changes' kinds, or FIXED
    place    how many of them are written
    segment  0 for its own parts, then which of its changes
    opened   whether a batch is
    lone     whether the batch is one item without a mark
    names    of a dict: 1 if its keys are attributes' names, 2 if they are slots'
    """

    __slots__ = ("family", "items", "lone", "names", "node", "opened", "place", "segment")

    node: Node
    items: list[Any]
    family: int
    place: int
    segment: int
    opened: bool
    lone: bool
    names: int


class Rewriter(Leaves):
    """Writes graphs as pickles of one protocol."""

    def __init__(
        self,
        protocol: int,
        write: Callable[[bytes], object],
        names: Callable[[str, str], tuple[str, str]] | None = None,
        text: Callable[[bytes, Place], str | bytes] | None = None,
    ) -> None:
        """`names` says under which name the readers of that protocol know what has a name of today.

        `text` decides what a string of Python 2 is, by where it stands.
        """
        super().__init__(protocol, write)
        self._names = names
        self._text = text
        self._dropping = False
        self._globals: dict[tuple[str, str], int] = {}
        self._frames: list[_Frame] = []

    def write(self, root: Any, before: list[Any]) -> None:
        """Write one pickle; `before` are calls whose results are thrown away.

        Raises PicklingError where this protocol cannot say something.
        """
        self._count = 0
        self._ids = {}
        self._texts = {}
        self._globals = {}
        self._kept = []
        self._frames = []
        if self.protocol >= 2:
            self._send(bytes((0x80, self.protocol)))
        self._dropping = True
        for call in before:
            self._drive(call)
            self._out.append(_POP)
        self._dropping = False
        self._drive(root)
        self._out.append(_STOP_CODE)
        self._end_frame()

    def _drive(self, obj: Any) -> None:
        self._put(obj)
        frames = self._frames
        while frames:
            self._go_on(frames[-1])

    # One object

    def _put(self, obj: Any) -> bool:
        """Write `obj`, or begin to: then true."""
        out = self._out
        if len(out) >= _FRAME_TARGET and self._framed:
            self._end_frame()
        if type(obj) is Node:
            node = obj
            if node.memo >= 0:
                self._get(node.memo)
                return False
            return self._open(node)
        if type(obj) is str:
            self._put_text(obj)
        elif obj is None:
            out.append(_NONE_CODE)
        elif type(obj) is bool:
            if self.protocol >= 2:
                out.append(_TRUE if obj else _FALSE)
            else:
                out += b"I01\n" if obj else b"I00\n"
        elif type(obj) is int:
            self._put_int(obj)
        elif type(obj) is float:
            if self.protocol:
                out.append(_FLOAT)
                out += _pack_double(obj)
            else:
                out += b"F%b\n" % repr(obj).encode()
        else:
            return self._put_bytes(obj)
        return False

    def _put_bytes(self, data: bytes) -> bool:
        index = self._ids.get(id(data))
        if index is not None:
            self._get(index)
            return False
        size = len(data)
        if self.protocol < 3:
            parts = [data.decode("latin-1"), "latin1"] if size else []
            name = ("_codecs", "encode") if size else ("builtins", "bytes")
            return self._open(self._stand_in(name, parts, data))
        if size <= 0xFF:
            self._out.append(_SHORT_BYTES)
            self._out.append(size)
            self._out += data
        elif size <= 0xFFFFFFFF:
            self._payload(_BYTES4, _pack_size4(size), data)
        elif self.protocol >= 4:
            self._payload(_BYTES8, _pack_size8(size), data)
        else:
            raise WriteError("bytes larger than 4 GiB need protocol 4 or higher")
        self._ids[id(data)] = self._count
        self._memoize()
        return False

    def _open(self, node: Node) -> bool:
        """Begin to write a node; true if there is more of it to come."""
        kind = node.kind
        out = self._out
        protocol = self.protocol
        if kind in (_LIST, _DICT):
            if protocol:
                out.append(_EMPTY_LIST if kind == _LIST else _EMPTY_DICT)
            else:
                out.append(_MARK)
                out.append(_LIST_CODE if kind == _LIST else _DICT_CODE)
            self._memoize_node(node)
            if not node.parts and node.changes is None:
                return False
            return self._push(node, node.parts, _APPEND if kind == _LIST else _SETITEM)
        if kind == _TUPLE:
            if not node.parts:
                if not protocol:
                    out.append(_MARK)
                out.append(_EMPTY_TUPLE if protocol else _TUPLE_CODE)
                return False
            node.form += 1
            if node.form > _DEEPEST:
                raise WriteError("a tuple that holds itself in hundreds of ways")
            if len(node.parts) > 3 or protocol < 2:
                out.append(_MARK)
            return self._push(node, node.parts, _FIXED)
        if kind == _GLOBAL:
            return self._open_global(node)
        if kind == _OLD:
            return self._put_old(node)
        if kind == _CALL or (kind == _NEW and protocol >= 2) or (kind == _NEW_EX and protocol >= 4):
            return self._push(node, node.parts, _FIXED)
        return self._open_rare(node, kind)

    def _open_rare(self, node: Node, kind: int) -> bool:
        out = self._out
        protocol = self.protocol
        if kind == _SET:
            if protocol < 4:
                items = Node(_LIST, None, node.parts)
                return self._open(self._stand_in(("builtins", "set"), [items], node))
            out.append(_EMPTY_SET)
            self._memoize_node(node)
            return self._push(node, node.parts, _ADD)
        if kind == _FROZENSET:
            if protocol < 4:
                return self._open(
                    self._stand_in(("builtins", "frozenset"), [Node(_LIST, None, node.parts)], node)
                )
            out.append(_MARK)
            return self._push(node, node.parts, _FIXED)
        if kind == _ARRAY:
            if protocol < 5:
                return self._open(
                    self._stand_in(("builtins", "bytearray"), [node.head] if node.head else [], node)
                )
            self._payload(_ARRAY8, _pack_size8(len(node.head)), node.head)
            self._memoize_node(node)
            return node.changes is not None and self._push(node, [], _APPEND)
        if kind == _NEW:
            cls, arguments = node.parts
            if type(arguments) is not Node or arguments.kind != _TUPLE:
                raise WriteError("NEWOBJ with computed arguments needs protocol 2 or higher")
            return self._open(self._stand_in(("copyreg", "__newobj__"), [cls, *arguments.parts], node))
        if kind == _NEW_EX:
            return self._open(self._stand_in(("copyreg", "__newobj_ex__"), node.parts, node))
        if kind == _OBJ:
            out.append(_MARK)
            if protocol:
                return self._push(node, node.parts, _FIXED)
            function = node.parts[0]
            if type(function) is not Node or function.kind != _GLOBAL:
                raise WriteError("an instance of a computed class needs protocol 1 or higher")
            return self._push(node, node.parts[1:], _FIXED)
        if kind == _PERSISTENT:
            if protocol:
                return self._push(node, node.parts, _FIXED)
            pid = node.parts[0]
            if type(pid) is Node and pid.kind == _OLD:
                pid = pid.head.decode("latin-1")
            if type(pid) is not str:
                raise WriteError(
                    "persistent IDs of protocol 0 must be text; protocol 1 and up take any object"
                )
            out.append(_PERSID)
            out += encode_persistent_id(pid)
            if node.form:
                self._memoize_node(node)
            return node.changes is not None and self._push(node, [], _APPEND)
        if kind == _EXTENSION:
            if protocol < 2:
                raise WriteError("extension codes need protocol 2 or higher")
            number = node.head
            out += (
                b"\x82%c" % number
                if number <= 0xFF
                else b"\x83" + number.to_bytes(2, "little")
                if number <= 0xFFFF
                else b"\x84" + number.to_bytes(4, "little")
            )
            return node.changes is not None and self._push(node, [], _APPEND)
        if protocol < 5:
            raise WriteError("out-of-band buffers need protocol 5")
        if kind == _BUFFER:
            out.append(_NEXT_BUFFER)
            if node.form:
                self._memoize_node(node)
            return False
        return self._push(node, node.parts, _FIXED)

    def _open_global(self, node: Node) -> bool:
        out = self._out
        index = self._globals.setdefault(node.head, self._count)
        if index < self._count:  # another node of the same name
            node.memo = index
            self._get(index)
            return node.changes is not None and self._push(node, [], _APPEND)
        module, qualname = node.head
        if self.protocol >= 4:
            self._put_name(module)
            self._put_name(qualname)
            out.append(_STACK_GLOBAL)
        else:
            if "." in qualname:
                del self._globals[node.head]
                owner, _, last = qualname.rpartition(".")
                inner = Node(_GLOBAL, (module, owner), [])
                return self._open(self._stand_in(("builtins", "getattr"), [inner, last], node))
            if self._names is not None:
                module, qualname = self._names(module, qualname)
            out.append(_GLOBAL_CODE)
            out += encode_global(module, qualname, self.protocol)
        self._globals[node.head] = self._count
        self._memoize_node(node)
        return node.changes is not None and self._push(node, [], _APPEND)

    # Strings of Python 2

    def _put_old(self, node: Node) -> bool:
        value = self._decided(node)
        self._kept.append(value)
        if len(value) > 1:
            self._ids.pop(id(value), None)
        else:
            # One object wherever a load makes it, as CPython has it, so it is written once.
            index = self._ids.get(id(value))
            if index is not None:
                node.memo = index
                self._get(index)
                return False
        if type(value) is str:
            self._ids[id(value)] = node.memo = self._count
            self._add_text(value)
            return False
        pushed = self._put_bytes(value)
        if not pushed:
            node.memo = self._ids[id(value)]
        else:
            self._ids.pop(id(value), None)
        return pushed

    def _decided(self, node: Node) -> Any:
        if self._text is None:
            raise WriteError("nobody says what strings of Python 2 are")
        try:
            return self._text(node.head, self._where())
        except ReadError as fault:
            offset, code = node.parts
            locate_at(fault, offset, code)
            raise

    def _where(self) -> Place:
        """For what the string is that is about to be written: the nearest attribute, state or argument."""
        frames = self._frames
        top = len(frames) - 1
        for i in range(top, -1, -1):
            frame = frames[i]
            kind = frame.node.kind
            at = frame.place - 1
            below = frames[i - 1] if i else None
            if frame.segment == 0 and kind == _DICT and frame.names:
                if at & 1:
                    other = frames[i - 1]
                    if not other.segment:
                        other = frames[i - 2]
                    name = frame.items[at - 1]
                    if type(name) is Node:
                        name = attribute_name(name.head) if name.kind == _OLD else None
                    return Place(class_of(other.node), "attribute", name, i == top)
            elif frame.segment and frame.family == _BUILD:
                return Place(class_of(frame.node), "state", None, i == top)
            elif frame.segment == 0 and kind == _TUPLE and below is not None:
                if below.segment and below.family == _BUILD:
                    return Place(class_of(below.node), "state", at, i == top)
                if below.segment == 0 and below.place == 2 and below.node.kind in (_CALL, _NEW, _NEW_EX):
                    return Place(name_of(below.node.parts[0]), "argument", at, i == top)
            elif frame.segment == 0 and kind == _OBJ:
                return Place(class_of(frame.node), "argument", at - 1, i == top)
            elif kind == _PERSISTENT:
                return Place("", "persistent ID", None, i == top)
        return Place("", "", None, True)

    # Nodes with parts

    def _push(self, node: Node, items: list[Any], family: int) -> bool:
        frame = _Frame.__new__(_Frame)  # a call of the class would cost as much again
        frame.node = node
        frame.items = items
        frame.family = family
        frame.place = frame.segment = frame.names = 0
        frame.opened = frame.lone = False
        frames = self._frames
        if family == _SETITEM and frames:
            below = frames[-1]
            if below.segment and below.family == _BUILD:
                frame.names = 1
            elif len(frames) > 1 and below.node.kind == _TUPLE and len(below.items) == 2:
                under = frames[-2]
                if under.segment and under.family == _BUILD:
                    frame.names = below.place
        frames.append(frame)
        return True

    def _go_on(self, frame: _Frame) -> None:
        """Write what is next of the topmost node, up to a part that has parts of its own."""
        items = frame.items
        place = frame.place
        count = len(items)
        family = frame.family
        if family <= _ADD:
            if self._items(frame):
                return
        elif family == _RAW:
            self._put_raw(items[0], items[1])
        elif family == _NESTED:
            self._put_nested(items)
        else:
            while place < count:
                item = items[place]
                place += 1
                frame.place = place
                if self._put(item):
                    return
            self._close(frame)
        self._next_segment(frame)

    def _put_nested(self, items: list[Any]) -> None:
        """A pickle between the opcodes, with a memo of its own: the object, and calls before it."""
        self._end_frame()
        inner = Rewriter(self.protocol, self.pass_on, self._names, self._text)
        inner.write(items[0], items[1:])

    def pass_on(self, data: bytes) -> None:
        """_send() as an object. Of that itself, Cython would make one that leaves out an argument in C."""
        self._send(data)

    def _items(self, frame: _Frame) -> bool:
        """Items in batches; true where one of them has parts."""
        items = frame.items
        out = self._out
        place = frame.place
        count = len(items)
        family = frame.family
        step = 2 if family == _SETITEM else 1
        batch = step * _BATCH if self.protocol else step
        while True:
            if frame.opened and (place == count or place % batch == 0):
                out.append(_ONE[family] if frame.lone else _MANY[family])
                frame.opened = False
            if place >= count:
                break
            if not frame.opened:
                frame.opened = True
                frame.lone = not self.protocol or (
                    count - place == step
                    and family != _ADD
                    and (count == step or frame.segment > 0 or _LONE_RESTS)
                )
                if not frame.lone:
                    out.append(_MARK)
            item = items[place]
            place += 1
            frame.place = place
            if self._put_key(item, frame.names) if frame.names and place & 1 else self._put(item):
                return True
        quirk = family != _APPEND and not frame.segment and self.protocol and not _LONE_RESTS
        if quirk and count > step and count % batch == 0:
            out.append(_MARK)  # an empty batch, as C pickle has it up to Python 3.14
            out.append(_MANY[family])
        return False

    def _put_key(self, key: Any, names: int) -> bool:
        """The name of an attribute: text, whatever the rules for strings say. True as for `_put`."""
        if type(key) is Node and key.kind == _OLD:
            if key.memo >= 0:
                self._get(key.memo)
                return False
            text = attribute_name(key.head)
            self._put_name(text)
            key.memo = self._texts.get(text, self._ids.get(id(text), -1))
        elif type(key) is str and names == 1:
            if len(self._out) >= _FRAME_TARGET and self._framed:
                self._end_frame()
            self._put_name(key)
        else:
            return self._put(key)
        return False

    def _next_segment(self, frame: _Frame) -> None:
        changes = frame.node.changes
        if changes is None or frame.segment == len(changes):
            self._frames.pop()
            return
        what, items = changes[frame.segment]
        if what == _ADD and self.protocol < 4:
            raise WriteError("items of what behaves as a set need protocol 4 or higher")
        frame.segment += 1
        frame.items = items
        frame.family = what
        frame.place = 0
        frame.opened = False
        frame.names = 0

    def _close(self, frame: _Frame) -> None:
        """All parts are written: what they make."""
        out = self._out
        if frame.segment:
            out.append(_BUILD_CODE if frame.family == _BUILD else _POP)
            return
        node = frame.node
        kind = node.kind
        count = len(frame.items)
        alias = node.head if kind == _CALL and type(node.head) is Node else node
        again = alias.memo  # by then its parts may have led back to it
        if kind == _TUPLE:
            if count <= 3 and self.protocol >= 2:
                if again < 0:
                    out.append(_TUPLE1 + count - 1)
                else:
                    out += b"0" * count
            elif again < 0:
                out.append(_TUPLE_CODE)
            elif self.protocol:
                out.append(_POP_MARK)
            else:
                out += b"0" * (count + 1)
        elif kind == _FROZENSET:
            out.append(_FROZENSET_CODE if again < 0 else _POP_MARK)
        elif kind == _PERSISTENT:
            out.append(_BINPERSID)
            if node.form:
                self._memoize_node(node)
            return
        elif kind == _READONLY:
            out.append(_READONLY_CODE)
            if node.form:
                self._memoize_node(node)
            return
        else:
            if kind == _OBJ:
                self._close_obj(node)
            else:
                out.append(_REDUCE if kind == _CALL else _NEWOBJ if kind == _NEW else _NEWOBJ_EX)
            if again >= 0:
                out.append(_POP)
        if again >= 0:
            self._get(again)
            # What was done to it is done where it was met first.
            frame.segment = len(node.changes) if node.changes is not None else 0
        elif not self._is_dropped(node):
            self._memoize_node(node)

    def _is_dropped(self, node: Node) -> bool:
        """Whether the topmost node is a call whose result is thrown away: a Pickler does not store it."""
        frames = self._frames
        if len(frames) == 1:
            return self._dropping
        below = frames[-2]
        return below.segment > 0 and below.family == _DROP

    def _close_obj(self, node: Node) -> None:
        if self.protocol:
            self._out.append(_OBJ_CODE)
            return
        module, qualname = node.parts[0].head
        if self._names is not None:
            module, qualname = self._names(module, qualname)
        self._out.append(_INST)
        self._out += encode_global(module, qualname, 0)

    def _stand_in(self, name: tuple[str, str], parts: list[Any], alias: Any) -> Node:
        """A call that stands for `alias`, where the protocol has no opcode for that."""
        made = Node(_CALL, alias, [Node(_GLOBAL, name, []), Node(_TUPLE, None, parts)])
        if type(alias) is Node:
            made.changes = alias.changes
        self._kept.append(made)  # what the memo knows by its identity has to stay
        return made

    # The memo

    def _memoize_node(self, node: Node) -> None:
        index = self._count
        node.memo = index
        if node.kind == _CALL and node.head is not None:
            if type(node.head) is Node:
                node.head.memo = index
            else:
                self._ids[id(node.head)] = index
        self._memoize()
