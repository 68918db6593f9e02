# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""How many bytes of a stream each object takes, as a tree that stays small however large the stream is.

An object's bytes are those from where its making begins to where the next one's does: its opcodes and
arguments, and the opcodes that store it in the memo. What is met again is a reference, of a few bytes: the
object counts where it is met first.

This file is also compiled, with the types in ``weights.pxd``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream.opcodes import BY_NAME, TABLE
from brinery.stream.parts import Kind, Parts, Reference, Weighed

if TYPE_CHECKING:
    from brinery.stream.raw_arrays import RawArray
    from brinery.stream.walk import Walk

__all__ = ["Weights"]

_LARGE = 256  # bytes: a smaller item without parts gets no place of its own in a list
_LABEL = 200  # characters of a key
_ROOTS = 100  # pickles that are told apart, and up to twice as many before the smallest are merged

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
_DICT = BY_NAME["EMPTY_DICT"].code[0]
_TUPLE = BY_NAME["EMPTY_TUPLE"].code[0]
_NONE = BY_NAME["NONE"].code[0]
_STACK_GLOBAL = BY_NAME["STACK_GLOBAL"].code[0]
_PERSID = BY_NAME["PERSID"].code[0]
_NO_TEXT = frozenset(
    ("none", "bool", "int", "float", "bytearray", "buffer", "list", "tuple", "dict", "set", "frozenset")
)
_MAKERS = frozenset(("_reconstructor", "_reconstruct", "__newobj__", "__newobj_ex__"))


class Weights(Parts):
    """Weighs what a stream would build.

    classes  of instances and what is called, by name; and all other globals
    roots    the objects of whole pickles, by their numbers
    others   what the smaller ones of many are merged into; or None
    """

    def __init__(self) -> None:
        super().__init__()
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
        # Of what was thrown away directly above a mark, the bytes, by the number of the mark. They count for
        # their own kinds, and lie in whatever will be made from the mark.
        self._pending: dict[int, int] = {}
        self.roots: dict[int, Weighed] = {}
        self.others: Weighed | None = None

    # The symbols: a str, an int or bytes that may be a key stands for itself; a Weighed is an object with
    # parts (its bytes are known when the next one begins); a Kind is a global; a Reference is anything else.

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
        made = self._new(kind)
        if self._pending:
            made.inside += self._dropped(walk)
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
            target = self._new(self._kind_of(symbol))
            target.inside = walk.size_of(first)  # the reference counts as one
        if self._pending:
            target.inside += self._dropped(walk)
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
            if maker.kind.is_global:
                kind = maker.kind
        made = self._new(kind)
        kind.objects += 1
        if not kind.is_global:
            made.inside = walk.size_from(first - 1)
        if self._pending:
            made.inside += self._dropped(walk)
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
        made = self._new(self._persistent)
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
        size = walk.size_from(first)
        if self._pending:
            size += self._dropped(walk)
        if walk.marks and walk.fence == first:
            if size:
                self._pending[walk.marks] = self._pending.get(walk.marks, 0) + size
        elif first and type(walk.stack[first - 1]) is Weighed:
            below: Weighed = walk.stack[first - 1]
            below.inside += size
        for i in range(first, len(walk.stack)):
            symbol = walk.stack[i]
            if type(symbol) is Weighed:
                self._weigh(symbol, walk, i)

    def _dropped(self, walk: Walk) -> int:
        """How many bytes were thrown away directly above the mark that the opcode at work has taken."""
        return self._pending.pop(walk.marks + 1, 0)

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

    def raw(self, walk: Walk, symbol: Any, array: RawArray, data: bytes, inner: Walk | None) -> Any:
        """Its bytes are the symbol's; a pickle's object counts for its kind."""
        top = inner.stack[len(inner.stack) - 1] if inner is not None else None
        if inner is not None and type(top) is Weighed and type(symbol) is Weighed:
            part: Weighed = top
            part.bytes = walk.scanner.end - inner.begin_of(len(inner.stack) - 1)
            symbol.inner += self._count(part)
        return symbol

    def root(self, walk: Walk, symbol: Any, end: int) -> Weighed:
        """The object of a whole pickle, which ends at `end`."""
        found: Weighed = symbol if type(symbol) is Weighed else self._new(self._kind_of(symbol))
        found.bytes = end - walk.begin_of(len(walk.stack) - 1)
        if type(symbol) is Weighed:
            self._count(found)
        return found

    def gather(self, number: int, root: Weighed) -> None:
        """Keep `root`, the object of the pickle `number`; of many the smaller ones are merged into one."""
        self._pending.clear()
        self.roots[number] = root
        if len(self.roots) > 2 * _ROOTS:
            largest = sorted(self.roots.items(), key=_smallest_last)
            self.roots = dict(largest[:_ROOTS])
            for _, small in largest[_ROOTS:]:
                if self.others is None:
                    self.others = small
                else:
                    self._merge(self.others, small)

    def describe(self, symbol: Any) -> str:
        """What it is."""
        return symbol.kind.name if type(symbol) is Weighed else ""

    # Parts

    def _kind_of(self, symbol: Any) -> Kind:
        if type(symbol) is Reference:
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
            elif type(label) is Kind or type(label) is Reference:
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


def _smallest_last(item: tuple[int, Weighed]) -> int:
    return -int(item[1].bytes)
