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
_PERSID = BY_NAME["PERSID"].code[0]
_MAKERS = frozenset(("_reconstructor", "_reconstruct", "__newobj__", "__newobj_ex__"))


class Kind:
    """A class, or a kind of builtin, with what the stream has of it.

    objects  how many
    bytes    how many bytes they take; of a class, without the instances of other classes inside them
    uses     of a global: how often it is named, or fetched from the memo
    naming   of a global: how many bytes that takes
    """

    __slots__ = ("bytes", "is_global", "makes_first", "name", "naming", "number", "objects", "stub", "uses")

    def __init__(self, name: str, is_global: bool, number: int) -> None:
        self.name = name
        self.is_global = is_global
        self.objects = 0
        self.bytes = 0
        self.uses = 0
        self.naming = 0
        self.number = number
        self.stub = _Reference(self)
        self.makes_first = False  # a function that makes an instance of its first argument


class _Reference:
    """Stands in the memo for an object, which is counted where it was met first."""

    __slots__ = ("kind",)

    def __init__(self, kind: Kind) -> None:
        self.kind = kind


class Weighed:
    """An object with parts, or several that were merged into one.

    kind       what it is
    bytes      how many bytes it takes, with everything in it
    objects    how many objects this is: 1, if none were merged
    count      how many items it holds, of a container
    parts      its parts that have parts themselves, by label: a key, an index, the name of an attribute; of
               an instance, a pair for what is no attribute: ``("item", 3)``, ``("key", "a")``
    leaves     its other parts, by label: 64 times their bytes, and the number of their kind
    arguments  of an instance, the tuple of what it was made with
    loose      the bytes of small parts that have no place of their own
    others     what all other parts are merged into; or None
    """

    __slots__ = (
        "arguments",
        "bytes",
        "count",
        "first",
        "height",
        "inner",
        "kind",
        "leaves",
        "loose",
        "loose_kind",
        "loose_objects",
        "objects",
        "others",
        "parts",
    )

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.bytes = 0
        self.inner = 0  # of these, the bytes of instances inside
        self.objects = 1
        self.count = 0
        self.parts: dict[Any, Weighed] | None = None
        self.leaves: dict[Any, int] | None = None
        self.arguments: Weighed | None = None
        self.loose = 0
        self.loose_objects = 0
        self.loose_kind: Kind | None = None
        self.others: Weighed | None = None
        self.height = 0
        self.first: Kind | None = None  # of a tuple: its first item, if that is a global


class Weights(Keeper):
    """Weighs what a stream would build.

    kinds    of builtin objects, by name
    classes  of instances and what is called, by name; and all other globals
    """

    def __init__(self) -> None:
        self.numbered: list[Kind] = []
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
            found = self.kinds[name] = Kind(name, False, len(self.numbered))
            self.numbered.append(found)
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
        return kind.stub

    def make(self, walk: Walk, code: int, first: int) -> Any:
        """A container."""
        kind = self._by_code[code]
        made = Weighed(kind)
        kind.objects += 1
        count = len(walk.stack) - first
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
        target: Weighed = symbol if type(symbol) is Weighed else Weighed(self._kind_of(symbol))
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
        made = Weighed(kind)
        kind.objects += 1
        if arguments is not None:
            made.inner = self._weigh(arguments, walk, first)
            made.arguments = arguments
            made.height = arguments.height + 1
            first += 1
        for i in range(first, len(walk.stack)):
            self._take(made, ("argument", i - first), walk, i)
        return made

    def name(self, walk: Walk, module: str, qualname: str) -> Kind:
        """A global."""
        found = self.classes.get((module, qualname))
        if found is None:
            found = Kind(f"{module}.{qualname}", True, len(self.numbered))
            found.makes_first = qualname in _MAKERS
            self.numbered.append(found)
            self.classes[module, qualname] = found
        found.uses += 1
        found.naming += walk.scanner.end - walk.scanner.start
        return found

    def text(self, walk: Walk, symbol: Any) -> str:
        """The text itself, or what is known of it."""
        if type(symbol) is str:
            return symbol
        if type(symbol) is bytes:
            return symbol.decode("latin-1")
        if type(symbol) is int:
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
        made = Weighed(self._persistent)
        self._persistent.objects += 1
        if code != _PERSID:
            self._take(made, ("ID", 0), walk, first)
        return made

    def duplicate(self, walk: Walk, symbol: Any) -> Any:
        """A reference: an object counts once."""
        return self._kind_of(symbol).stub if type(symbol) is Weighed else symbol

    def drop(self, walk: Walk, first: int) -> None:
        """What is thrown away counts for its kind, and has no place."""
        for i in range(first, len(walk.stack)):
            symbol = walk.stack[i]
            if type(symbol) is Weighed:
                self._weigh(symbol, walk, i)

    def store(self, walk: Walk, index: int, symbol: Any) -> Any:
        """Text that may be a key; of everything else, what it is."""
        if type(symbol) is Weighed:
            part = symbol
            return part.kind.stub
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

    def root(self, walk: Walk, symbol: Any, end: int) -> Weighed:
        """The object of a whole pickle, which ends at `end`."""
        found: Weighed = symbol if type(symbol) is Weighed else Weighed(self._kind_of(symbol))
        found.bytes = end - walk.begin_of(0)
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
        kind.bytes += part.bytes - part.inner
        return part.bytes if kind.is_global else part.inner

    def _take(self, owner: Weighed, label: Any, walk: Walk, place: int) -> None:
        """Make the object at `place` a part of `owner`."""
        symbol = walk.stack[place]
        if type(symbol) is Weighed:
            part = symbol
            owner.inner += self._weigh(part, walk, place)
            self._add(owner, label, part)
        else:
            self._add_leaf(owner, label, 64 * walk.size_of(place) + self._number(self._kind_of(symbol)))

    def _number(self, kind: Kind) -> int:
        return kind.number if kind.number < 64 else self.mixed.number

    def _take_items(self, owner: Weighed, walk: Walk, first: int, each: bool) -> None:
        """The items of a list, set, tuple or whatever takes items. With `each`, small leaves have places."""
        stack = walk.stack
        index = owner.count
        count = len(stack) - first
        owner.count += count
        instance = owner.kind.is_global
        for i in range(first, first + count):
            symbol = stack[i]
            if each or type(symbol) is Weighed or walk.size_of(i) >= _LARGE:
                self._take(owner, ("item", index) if instance else index, walk, i)
            else:
                self._let_go(owner, self._kind_of(symbol), walk.size_of(i), 1)
            index += 1

    def _take_pairs(self, owner: Weighed, walk: Walk, first: int) -> None:
        """Keys and values. A key's bytes are the owner's own."""
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
        if type(symbol) is not Weighed:
            self._take(owner, ("state", 0), walk, place)
            return
        state = symbol
        owner.inner += self._weigh(state, walk, place)
        if state.kind is self._by_code[_DICT]:
            self._take_attributes(owner, state)
        elif state.kind is self._by_code[_TUPLE] and state.count == 2 and state.parts is not None:
            for part in state.parts.values():
                if part.kind is self._by_code[_DICT]:
                    self._take_attributes(owner, part)
        else:
            self._add(owner, ("state", 0), state)

    def _take_attributes(self, owner: Weighed, state: Weighed) -> None:
        if owner.parts is None and owner.leaves is None:
            owner.parts, owner.leaves = state.parts, state.leaves  # nobody else needs them
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
        else:
            parts[label] = part
            if len(parts) > 2 * _MOST:
                self._prune(owner)

    def _lift(self, owner: Weighed, part: Weighed) -> None:
        """Before `part` becomes one of `owner`: what lies deeper than that is told apart goes."""
        if part.height >= _DEEPEST:
            part.parts = part.leaves = part.others = part.arguments = None
            part.height = 0
        if owner.height <= part.height:
            owner.height = part.height + 1

    def _add_leaf(self, owner: Weighed, label: Any, weight: int) -> None:
        leaves = owner.leaves
        if leaves is None:
            leaves = owner.leaves = {}
        there = leaves.get(label)
        if there is not None:
            leaves[label] = _sum(there, weight, self.mixed.number)
        else:
            leaves[label] = weight
            if len(leaves) > 2 * _MOST:
                self._prune_leaves(owner)

    def _prune(self, owner: Weighed) -> None:
        """Merge all parts of `owner` but the largest."""
        parts = sorted((owner.parts or {}).items(), key=_weight_of)
        owner.parts = dict(parts[:_MOST])
        for _, part in parts[_MOST:]:
            self._put_aside(owner, part)

    def _prune_leaves(self, owner: Weighed) -> None:
        leaves = sorted((owner.leaves or {}).items(), key=_size_of)
        owner.leaves = dict(leaves[:_MOST])
        for _, weight in leaves[_MOST:]:
            self._let_go(owner, self.numbered[weight & 63], weight >> 6, 1)

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
        elif apart and (into.parts is not None or into.leaves is not None):
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
        if part.leaves is not None:
            for label, weight in part.leaves.items():
                if apart:
                    self._let_go(into, self.numbered[weight & 63], weight >> 6, 1)
                else:
                    self._add_leaf(into, label, weight)

    def _scatter(self, part: Weighed) -> None:
        """Take its places from all parts."""
        parts, part.parts = part.parts, None
        leaves, part.leaves = part.leaves, None
        if parts is not None:
            for inner in parts.values():
                self._put_aside(part, inner)
        if leaves is not None:
            for weight in leaves.values():
                self._let_go(part, self.numbered[weight & 63], weight >> 6, 1)


def _sum(one: int, other: int, mixed: int) -> int:
    """The weight of two leaves of the same label."""
    number = one & 63 if (one ^ other) & 63 == 0 else mixed
    return ((one >> 6) + (other >> 6)) * 64 + number


def _weight_of(item: Any) -> int:
    return -int(item[1].bytes)


def _size_of(item: Any) -> int:
    return -int(item[1])
