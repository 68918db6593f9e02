# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""How many bytes of a stream each object takes, as a tree that stays small however large the stream is.

An object's bytes are those from where its making begins to where the next one's does: its opcodes and
arguments, and the opcodes that store it in the memo. What is met again is a reference, of a few bytes: the
object counts where it is met first.

Of the parts of one object only the largest keep a place of their own. The others are merged into one, and
so are their parts of the same name: the names of a million records are one part, ``rows[…]['name']``.

This file is also compiled, with the types in ``weights.pxd``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream.opcodes import BY_NAME, TABLE
from brinery.stream.walk import Keeper

if TYPE_CHECKING:
    from brinery.stream.walk import Walk

__all__ = ["Kind", "Weighed", "Weights"]

_MOST = 32  # parts with a place of their own; up to twice as many before the smallest are merged
_DEEPEST = 64  # steps below an object that are told apart
_LARGE = 256  # bytes: a smaller item without parts gets no place of its own in a list
_LABEL = 200  # characters of a key

_KINDS = [""] * 256
for _op in TABLE:
    if _op.after:
        _KINDS[_op.code[0]] = _op.after[0]
_SMALL = bytearray(256)  # constants that a key may be
for _op in TABLE:
    _SMALL[_op.code[0]] = _op.after in (("str",), ("int",), ("bytes",)) and not _op.before
_CHECKED = bytearray(256)  # constants of which the argument may be none
for _op in TABLE:
    _CHECKED[_op.code[0]] = not _op.before and (_op.argument.lines > 0 or _op.after == ("str",))
_PAIRED = bytearray(256)  # whether it gives keys and values
_OF_TUPLE = bytearray(256)  # whether it calls something with a tuple
for _name in ("SETITEM", "SETITEMS"):
    _PAIRED[BY_NAME[_name].code[0]] = 1
for _name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX"):
    _OF_TUPLE[BY_NAME[_name].code[0]] = 1
_BUILD = BY_NAME["BUILD"].code[0]
_LIST = BY_NAME["EMPTY_LIST"].code[0]
_SET = BY_NAME["EMPTY_SET"].code[0]
_DICT = BY_NAME["EMPTY_DICT"].code[0]
_TUPLE = BY_NAME["EMPTY_TUPLE"].code[0]
_NONE = BY_NAME["NONE"].code[0]
_STACK_GLOBAL = BY_NAME["STACK_GLOBAL"].code[0]
_PERSID = BY_NAME["PERSID"].code[0]
_NO_TEXT = frozenset(
    ("none", "bool", "int", "float", "bytearray", "buffer", "list", "tuple", "dict", "set", "frozenset")
)
_MAKERS = frozenset(("_reconstructor", "_reconstruct", "__newobj__", "__newobj_ex__"))


class Kind:
    """A class, or a kind of builtin, with what the stream has of it.

    objects  how many
    bytes    how many bytes they take; of a class, without the instances of other classes inside them, and of
             a kind of builtin without anything inside
    uses     of a global: how often it is named, or fetched from the memo
    naming   of a global: how many bytes that takes
    """

    __slots__ = ("bytes", "is_global", "makes_first", "name", "naming", "objects", "stub", "uses")

    def __init__(self, name: str, is_global: bool) -> None:
        self.name = name
        self.is_global = is_global
        self.objects = 0
        self.bytes = 0
        self.uses = 0
        self.naming = 0
        self.stub = _Reference(self)
        self.makes_first = False  # a function that makes an instance of its first argument


class _Reference:
    """Stands in the memo for an object, which is counted where it was met first."""

    __slots__ = ("kind",)

    def __init__(self, kind: Kind) -> None:
        self.kind = kind


class Leaf:
    """A part without parts, or several of the same label in one."""

    __slots__ = ("bytes", "kind")

    def __init__(self, kind: Kind, size: int) -> None:
        self.kind = kind
        self.bytes = size


class Weighed:
    """An object with parts, or several that were merged into one.

    kind       what it is
    bytes      how many bytes it takes, with everything in it
    objects    how many objects this is: 1, if none were merged
    count      how many items it holds, of a container
    parts      its parts that have parts themselves, by label: a key, an index, the name of an attribute; of
               an instance, a pair for what is no attribute: ``("item", 3)``, ``("key", "a")``
    leaves     its other parts, by label
    fresh      those before there are any others of the same label: label, kind and bytes in turn. Most
               objects are merged into others before a dictionary of their own were worth its making
    floor      nothing as small as that gets a place among `parts` any more
    arguments  of an instance, the tuple of what it was made with
    loose      the bytes of small parts that have no place of their own
    others     what all other parts are merged into; or None
    """

    __slots__ = (
        "arguments",
        "bytes",
        "count",
        "first",
        "floor",
        "fresh",
        "height",
        "inner",
        "inside",
        "kind",
        "leaves",
        "loose",
        "loose_kind",
        "loose_objects",
        "objects",
        "others",
        "parts",
    )

    kind: Kind
    bytes: int
    inner: int  # of these, the bytes of instances inside
    inside: int  # and the bytes of everything inside
    objects: int
    count: int
    parts: dict[Any, Weighed] | None
    leaves: dict[Any, Leaf] | None
    fresh: list[Any] | None
    floor: int
    arguments: Weighed | None
    loose: int
    loose_objects: int
    loose_kind: Kind | None
    others: Weighed | None
    height: int
    first: Kind | None  # of a tuple: its first item, if that is a global


def _weighed(kind: Kind) -> Weighed:
    """A new one. (Where this is compiled, a call of the class would cost as much as all the rest.)"""
    made = Weighed.__new__(Weighed)
    made.kind = kind
    made.bytes = made.inner = made.inside = made.count = made.loose = made.loose_objects = made.height = 0
    made.objects = 1
    made.floor = -1
    made.parts = made.leaves = made.fresh = None
    made.arguments = made.others = None
    made.first = made.loose_kind = None
    return made


class Weights(Keeper):
    """Weighs what a stream would build.

    kinds    of builtin objects, by name
    classes  of instances and what is called, by name; and all other globals
    """

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.classes: dict[tuple[str, str], Kind] = {}
        self._by_code = [self._kind(name or "object") for name in _KINDS]
        self._str = self._kind("str")
        self._int = self._kind("int")
        self._bytes = self._kind("bytes")
        self._global = self._kind("global")
        self._reference = self._kind("reference")
        self._persistent = self._kind("persistent object")
        self._extension = self._kind("extension code")
        self._called = self._kind("object")
        self.mixed = self._kind("…")

    def _kind(self, name: str) -> Kind:
        found = self.kinds.get(name)
        if found is None:
            found = self.kinds[name] = Kind(name, False)
        return found

    # The symbols: a str, an int or bytes that may be a key stands for itself; a Weighed is an object with
    # parts (its bytes are known when the next one begins); a Kind is a global; a _Reference is anything else.

    def constant(self, walk: Walk, code: int) -> Any:
        """Small ones as they are, for they may be keys."""
        scan = walk.scanner
        kind = self._by_code[code]
        kind.objects += 1
        kind.bytes += scan.end - scan.start
        if _SMALL[code] and scan.size <= _LABEL:
            return scan.value()
        if _CHECKED[code]:
            scan.value()  # it may be a fault
        return kind.stub

    def make(self, walk: Walk, code: int, first: int) -> Any:
        """A container."""
        kind = self._by_code[code]
        kind.objects += 1
        count = len(walk.stack) - first
        if not count and code == _TUPLE:
            kind.bytes += 1
            return kind.stub
        made = _weighed(kind)
        if count:
            if kind is self._by_code[_DICT]:
                self._take_pairs(made, walk, first)
            else:
                each = kind is self._by_code[_TUPLE] and count <= 8
                if each and type(walk.stack[first]) is Kind:
                    made.first = walk.stack[first]
                self._take_items(made, walk, first, each)
        return made

    def change(self, walk: Walk, code: int, first: int) -> Any:
        """A container or an object with more in it."""
        symbol = walk.stack[first]
        # What is changed through a reference: what it gets is counted here, where it stands.
        if type(symbol) is Weighed:
            target: Weighed = symbol
        else:
            target = _weighed(self._kind_of(symbol))
            target.inside = walk.size_of(first)  # the reference counts as one
        if code == _BUILD:
            self._take_state(target, walk, first + 1)
        elif _PAIRED[code]:
            self._take_pairs(target, walk, first + 1)
        else:
            self._take_items(target, walk, first + 1, False)
        return target

    def call(self, walk: Walk, code: int, function: Any, first: int) -> Any:
        """An instance, of the class that is called or that a constructor is given."""
        kind = self._called
        symbol = walk.stack[first] if first < len(walk.stack) else None
        arguments = None
        if _OF_TUPLE[code] and type(symbol) is Weighed:
            arguments = symbol
        if type(function) is Kind:
            kind = function
            if arguments is not None and arguments.first is not None and kind.makes_first:
                kind = arguments.first
        elif type(function) is Weighed:
            maker = function
            kind = maker.kind
        made = _weighed(kind)
        kind.objects += 1
        if not kind.is_global:
            made.inside = walk.size_from(first - 1)
        if type(function) is Weighed:
            made.inner = function.inner  # an instance that is called is part of what comes of it
        if arguments is not None:
            made.inner += self._weigh(arguments, walk, first)
            made.arguments = arguments
            made.height = arguments.height + 1
            first += 1
        elif _OF_TUPLE[code] and symbol is self._by_code[_TUPLE].stub:
            first += 1
        for i in range(first, len(walk.stack)):
            self._take(made, ("argument", i - first), walk, i)
        return made

    def name(self, walk: Walk, module: str, qualname: str) -> Kind:
        """A global."""
        found = self.classes.get((module, qualname))
        if found is None:
            found = Kind(f"{module}.{qualname}", True)
            found.makes_first = qualname in _MAKERS
            self.classes[module, qualname] = found
        found.uses += 1
        found.naming += walk.scanner.end - walk.scanner.start
        if walk.scanner.code == _STACK_GLOBAL:
            found.naming += walk.size_from(len(walk.stack) - 2)  # the two names; they count as text, too
        return found

    def text(self, walk: Walk, symbol: Any) -> str:
        """The text itself, or what is known of it."""
        if type(symbol) is str:
            return symbol
        if type(symbol) is bytes:
            return symbol.decode("latin-1")
        if self._kind_of(symbol).name in _NO_TEXT:
            raise ReadError("module and name of a global must be two str")
        return "<computed>"

    def extension(self, walk: Walk, number: int) -> Any:
        """An extension code."""
        if number <= 0:
            raise ReadError(f"{number} is no extension code; they begin at 1")
        self._extension.objects += 1
        self._extension.bytes += walk.scanner.end - walk.scanner.start
        return self._extension.stub

    def persistent(self, walk: Walk, code: int, first: int) -> Any:
        """A persistent object, with its ID as its part."""
        made = _weighed(self._persistent)
        self._persistent.objects += 1
        if code == _PERSID:
            walk.scanner.value()  # it may be a fault
        else:
            made.inside = walk.size_from(first)
            self._take(made, ("ID", 0), walk, first)
        return made

    def duplicate(self, walk: Walk, symbol: Any) -> Any:
        """A reference: an object counts once."""
        return self._kind_of(symbol).stub if type(symbol) is Weighed else symbol

    def drop(self, walk: Walk, first: int) -> None:
        """What is thrown away counts for its kind, and has no place."""
        if first and type(walk.stack[first - 1]) is Weighed:
            below: Weighed = walk.stack[first - 1]
            below.inside += walk.size_from(first)
        for i in range(first, len(walk.stack)):
            symbol = walk.stack[i]
            if type(symbol) is Weighed:
                self._weigh(symbol, walk, i)

    def store(self, walk: Walk, index: int, symbol: Any) -> Any:
        """Text that may be a key; of everything else, what it is."""
        kind = self._kind_of(symbol)
        if type(symbol) is Weighed:
            return kind.stub
        size = walk.scanner.end - walk.scanner.start
        if type(symbol) is Kind:
            named = symbol
            named.naming += size
        else:
            kind.bytes += size
        return symbol

    def fetch(self, walk: Walk, index: int, symbol: Any) -> Any:
        """A reference."""
        size = walk.scanner.end - walk.scanner.start
        kind = self._reference
        if type(symbol) is Kind:
            kind = symbol
            kind.uses += 1
            kind.naming += size
        else:
            kind.objects += 1
            kind.bytes += size
        return symbol

    def raw(self, walk: Walk, symbol: Any, data: bytes, inner: Walk | None) -> Any:
        """Its bytes are the symbol's; a pickle's object counts for its kind."""
        if inner is not None:
            self.drop(inner, len(inner.stack) - 1)
        return symbol

    def root(self, walk: Walk, symbol: Any, end: int) -> Weighed:
        """The object of a whole pickle, which ends at `end`."""
        found: Weighed = symbol if type(symbol) is Weighed else _weighed(self._kind_of(symbol))
        found.bytes = end - walk.begin_of(len(walk.stack) - 1)
        if type(symbol) is Weighed:
            self._count(found)
        return found

    def describe(self, symbol: Any) -> str:
        """What it is."""
        return symbol.kind.name if type(symbol) is Weighed else ""

    # Parts

    def _kind_of(self, symbol: Any) -> Kind:
        if type(symbol) is _Reference:
            reference = symbol
            return reference.kind
        if type(symbol) is str:
            return self._str
        if type(symbol) is int:
            return self._int
        if type(symbol) is bytes:
            return self._bytes
        if type(symbol) is Kind:
            return self._global
        if type(symbol) is Weighed:
            part = symbol
            return part.kind
        return self._called

    def _weigh(self, part: Weighed, walk: Walk, place: int) -> int:
        """Say how many bytes the object at `place` takes; how many of them are an instance's."""
        part.bytes = walk.size_of(place)
        return self._count(part)

    def _count(self, part: Weighed) -> int:
        """Count the object's bytes for its kind; how many of them are an instance's."""
        kind = part.kind
        if kind.is_global:
            kind.bytes += part.bytes - part.inner
            return part.bytes
        kind.bytes += part.bytes - part.inside
        return part.inner

    def _take(self, owner: Weighed, label: Any, walk: Walk, place: int) -> None:
        """Make the object at `place` a part of `owner`."""
        symbol = walk.stack[place]
        if type(symbol) is Weighed:
            part = symbol
            owner.inner += self._weigh(part, walk, place)
            self._add(owner, label, part)
        else:
            self._add_leaf(owner, label, self._kind_of(symbol), walk.size_of(place))

    def _take_items(self, owner: Weighed, walk: Walk, first: int, each: bool) -> None:
        """The items of a list, set, tuple or whatever takes items. With `each`, small leaves have places."""
        owner.inside += walk.size_from(first)
        stack = walk.stack
        index = owner.count
        count = len(stack) - first
        owner.count += count
        instance = owner.kind.is_global
        for i in range(first, first + count):
            symbol = stack[i]
            if type(symbol) is Weighed and not each:
                part = symbol
                owner.inner += self._weigh(part, walk, i)
                if part.bytes <= owner.floor:
                    self._put_aside(owner, part)
                else:
                    self._add(owner, ("item", index) if instance else index, part)
            elif each or walk.size_of(i) >= _LARGE:
                self._take(owner, ("item", index) if instance else index, walk, i)
            else:
                self._let_go(owner, self._kind_of(symbol), walk.size_of(i), 1)
            index += 1

    def _take_pairs(self, owner: Weighed, walk: Walk, first: int) -> None:
        """Keys and values. In the tree, a key's bytes are the owner's own."""
        owner.inside += walk.size_from(first)
        stack = walk.stack
        instance = owner.kind.is_global
        i = first
        while i + 1 < len(stack):
            label = stack[i]
            if type(label) is Weighed:
                owner.inner += self._weigh(label, walk, i)
                label = ("key", self._kind_of(label).name)
            elif type(label) is Kind or type(label) is _Reference:
                label = ("key", self._kind_of(label).name)
            elif instance:
                label = ("key", label)
            self._take(owner, label, walk, i + 1)
            owner.count += 1
            i += 2

    def _take_state(self, owner: Weighed, walk: Walk, place: int) -> None:
        """The state that BUILD gives: a dict's items become attributes, and so do those of (None, slots)."""
        symbol = walk.stack[place]
        owner.inside += walk.size_from(place)
        if type(symbol) is not Weighed:
            self._take(owner, ("state", 0), walk, place)
            return
        state = symbol
        owner.inner += self._weigh(state, walk, place)
        if state.kind is self._by_code[_DICT]:
            self._take_attributes(owner, state)
        elif state.kind is self._by_code[_TUPLE] and state.count == 2 and self._are_dicts(state):
            for part in (state.parts or {}).values():
                self._take_attributes(owner, part)
        else:
            self._add(owner, ("state", 0), state)

    def _are_dicts(self, state: Weighed) -> bool:
        """Whether a pair is one of two dicts, or of a dict and None."""
        parts = state.parts
        if parts is None:
            return False
        for part in parts.values():
            if part.kind is not self._by_code[_DICT]:
                return False
        return len(parts) == 2 or (state.fresh is not None and state.fresh[1] is self._by_code[_NONE])

    def _take_attributes(self, owner: Weighed, state: Weighed) -> None:
        if owner.parts is None and owner.leaves is None and owner.fresh is None:
            # Nobody else needs them.
            owner.parts, owner.floor = state.parts, state.floor
            owner.leaves, owner.fresh = state.leaves, state.fresh
            if owner.height < state.height:
                owner.height = state.height
        else:
            self._merge_parts(owner, state, False)
        if state.loose_objects:
            self._let_go(owner, state.loose_kind, state.loose, state.loose_objects)
        if state.others is not None:
            self._put_aside(owner, state.others)

    def _add(self, owner: Weighed, label: Any, part: Weighed) -> None:
        """Give `part` a place in `owner`, and merge small ones where there are too many."""
        self._lift(owner, part)
        parts = owner.parts
        if parts is None:
            parts = owner.parts = {}
        there = parts.get(label)
        if there is not None:
            self._merge(there, part)
        elif part.bytes <= owner.floor:
            self._put_aside(owner, part)
        else:
            parts[label] = part
            if len(parts) > 2 * _MOST:
                self._prune(owner)

    def _lift(self, owner: Weighed, part: Weighed) -> None:
        """Before `part` becomes one of `owner`: what lies deeper than that is told apart goes."""
        if part.height >= _DEEPEST:
            part.parts = part.leaves = part.fresh = part.others = part.arguments = None
            part.height = 0
        if owner.height <= part.height:
            owner.height = part.height + 1

    def _add_leaf(self, owner: Weighed, label: Any, kind: Kind, size: int) -> None:
        leaves = owner.leaves
        if leaves is None:
            fresh = owner.fresh
            if fresh is None:
                fresh = owner.fresh = []
            fresh.append(label)
            fresh.append(kind)
            fresh.append(size)
            if len(fresh) > 6 * _MOST:
                self.settle(owner)
            return
        there = leaves.get(label)
        if there is not None:
            leaf = there
            leaf.bytes += size
            if leaf.kind is not kind:
                leaf.kind = self.mixed
        else:
            leaves[label] = Leaf(kind, size)
            if len(leaves) > 2 * _MOST:
                self._prune_leaves(owner)

    def settle(self, owner: Weighed) -> None:
        """Give the leaves of `owner` their dictionary."""
        fresh, owner.fresh = owner.fresh, None
        if owner.leaves is None:
            owner.leaves = {}
        if fresh is not None:
            self._add_fresh(owner, fresh)

    def _add_fresh(self, owner: Weighed, fresh: list[Any]) -> None:
        """Leaves for an `owner` that has a dictionary of them."""
        for i in range(0, len(fresh), 3):
            self._add_leaf(owner, fresh[i], fresh[i + 1], fresh[i + 2])

    def _prune(self, owner: Weighed) -> None:
        """Merge all parts of `owner` but the largest."""
        parts = sorted((owner.parts or {}).items(), key=_weight_of)
        owner.parts = dict(parts[:_MOST])
        owner.floor = parts[_MOST - 1][1].bytes
        for _, part in parts[_MOST:]:
            self._put_aside(owner, part)

    def _prune_leaves(self, owner: Weighed) -> None:
        leaves = sorted((owner.leaves or {}).items(), key=_weight_of)
        owner.leaves = dict(leaves[:_MOST])
        for _, leaf in leaves[_MOST:]:
            self._let_go(owner, leaf.kind, leaf.bytes, 1)

    def _put_aside(self, owner: Weighed, part: Weighed) -> None:
        self._lift(owner, part)
        if owner.others is None:
            owner.others = part
        else:
            self._merge(owner.others, part)

    def _let_go(self, owner: Weighed, kind: Kind | None, size: int, objects: int) -> None:
        """Count a leaf that gets no place."""
        if owner.loose_kind is not kind:
            owner.loose_kind = kind if owner.loose_kind is None else self.mixed
        owner.loose += size
        owner.loose_objects += objects

    def _merge(self, into: Weighed, part: Weighed) -> None:
        """Make one of two."""
        into.bytes += part.bytes
        into.objects += part.objects
        into.count += part.count
        # The items of several lists have no places in common.
        apart = part.kind is self._by_code[_LIST] or part.kind is self._by_code[_SET]
        if into.kind is not part.kind:
            into.kind = self.mixed
        elif apart and (into.parts is not None or into.leaves is not None or into.fresh is not None):
            self._scatter(into)
        self._merge_parts(into, part, apart)
        if part.arguments is not None:
            if into.arguments is None:
                self._lift(into, part.arguments)
                into.arguments = part.arguments
            else:
                self._merge(into.arguments, part.arguments)
        if part.loose_objects:
            self._let_go(into, part.loose_kind, part.loose, part.loose_objects)
        if part.others is not None:
            self._put_aside(into, part.others)

    def _merge_parts(self, into: Weighed, part: Weighed, apart: bool) -> None:
        if part.parts is not None:
            for label, inner in part.parts.items():
                if apart:
                    self._put_aside(into, inner)
                else:
                    self._add(into, label, inner)
        if part.leaves is None and part.fresh is None:
            return
        if apart:
            self._let_all_go(into, part)
            return
        if into.leaves is None:
            self.settle(into)
        if part.fresh is not None:
            self._add_fresh(into, part.fresh)
        if part.leaves is not None:
            for label, leaf in part.leaves.items():
                self._add_leaf(into, label, leaf.kind, leaf.bytes)

    def _let_all_go(self, owner: Weighed, part: Weighed) -> None:
        """The leaves of `part` get no place in `owner`."""
        fresh = part.fresh
        if fresh is not None:
            for i in range(0, len(fresh), 3):
                self._let_go(owner, fresh[i + 1], fresh[i + 2], 1)
        if part.leaves is not None:
            for leaf in part.leaves.values():
                self._let_go(owner, leaf.kind, leaf.bytes, 1)

    def _scatter(self, part: Weighed) -> None:
        """Take its places from all parts."""
        parts, part.parts = part.parts, None
        if parts is not None:
            for inner in parts.values():
                self._put_aside(part, inner)
        self._let_all_go(part, part)
        part.leaves = part.fresh = None


def _weight_of(item: Any) -> int:
    return -int(item[1].bytes)
