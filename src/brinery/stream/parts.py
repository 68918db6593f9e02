# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""A tree of the parts of objects, with their bytes, that stays small however many there are.

Of the parts of one object only the largest keep a place of their own. The others are merged into one, and
so are their parts of the same name: the names of a million records are one part, ``rows[…]['name']``.

This file is also compiled, with the types in ``parts.pxd``.
"""

from __future__ import annotations

from typing import Any

from brinery.stream.walk import Keeper

__all__ = ["Kind", "Leaf", "Parts", "Reference", "Weighed"]

_MOST = 32  # parts with a place of their own; up to twice as many before the smallest are merged
_DEEPEST = 64  # steps below an object that are told apart


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
        self.stub = Reference(self)
        self.makes_first = False  # a function that makes an instance of its first argument


class Reference:
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


class Parts(Keeper):
    """Makes one tree of many parts.

    kinds  of builtin objects, by name
    mixed  the kind of several in one that are of different kinds
    """

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.mixed = self._kind("…")
        self._list = self._kind("list")
        self._set = self._kind("set")

    def _kind(self, name: str) -> Kind:
        found = self.kinds.get(name)
        if found is None:
            found = self.kinds[name] = Kind(name, False)
        return found

    def _new(self, kind: Kind) -> Weighed:
        """An object without parts. (A call of the class would cost as much as all the rest.)"""
        made = Weighed.__new__(Weighed)
        made.kind = kind
        made.bytes = made.inner = made.inside = made.count = made.loose = made.loose_objects = made.height = 0
        made.objects = 1
        made.floor = -1
        made.parts = made.leaves = made.fresh = None
        made.arguments = made.others = None
        made.first = made.loose_kind = None
        return made

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
        apart = part.kind is self._list or part.kind is self._set
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
