"""What ``noload()`` keeps of a stream: literals as they are, and a hole for everything else.

It is Python 2's cPickle's, which ZODB finds references with: a missed ID would make its packing lose
data. No global is looked up and no code called but ``persistent_load``; where an object would be lies a
hole, and what is appended to a hole, set on it or built into it is dropped.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from brinery.cpython import EMPTY_BATCHES_ARE_GIVEN
from brinery.engine.construction import names_of
from brinery.engine.hashing import check_hashable
from brinery.engine.python.reading import containers
from brinery.stream.old_bytes import bytes_function, bytes_of_call
from brinery.stream.opcodes import BY_CODE, BY_NAME
from brinery.stream.text import decode_string
from brinery.stream.walk import Keeper

if TYPE_CHECKING:
    from brinery.engine.python.reading.machine import Machine
    from brinery.stream.walk import Walk

__all__ = ["Literals"]

_FIXED = {BY_NAME["NONE"].code[0]: None, BY_NAME["NEWTRUE"].code[0]: True, BY_NAME["NEWFALSE"].code[0]: False}
_STRINGS = {BY_NAME[name].code[0] for name in ("STRING", "BINSTRING", "SHORT_BINSTRING")}
_BUFFER = BY_NAME["NEXT_BUFFER"].code[0]
_GLOBAL = BY_NAME["GLOBAL"].code[0]
_REDUCE = BY_NAME["REDUCE"].code[0]
_PERSID = BY_NAME["PERSID"].code[0]
_MAKERS = {
    **dict.fromkeys(("EMPTY_LIST", "LIST"), list),
    **dict.fromkeys(("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"), tuple),
    "EMPTY_SET": set,
    "FROZENSET": frozenset,
}


class Literals(Keeper):
    """Symbols that are the objects themselves where these are literals, and the machine's hole where not."""

    bounded = False  # a load takes the same memory

    def __init__(self, machine: Machine) -> None:
        """Decode strings, take buffers and resolve persistent IDs as `machine` says."""
        self.machine = machine
        self.hole = machine.hole

    def constant(self, walk: Walk, code: int) -> object:
        """The value; a Python 2 string is decoded."""
        if code in _FIXED:
            return _FIXED[code]
        if code == _BUFFER:
            if self.machine.buffers is not None:
                next(self.machine.buffers, None)  # so that a load() that follows gets the right one
            return self.hole
        value = walk.scanner.value()
        if code not in _STRINGS:
            return value
        return decode_string(value, self.machine.encoding, self.machine.errors)  # type: ignore[arg-type]

    # A key may be hashable only as the object that it stands for: an ID that is a list, for one. Then
    # the pair is dropped, as nobody will look for it, but never the walk.

    def make(self, walk: Walk, code: int, first: int) -> object:
        """The container; a hole for one whose keys cannot be hashed."""
        items = walk.stack[first:]
        name = BY_CODE[code].name
        maker = _MAKERS.get(name)
        try:
            if maker is None:
                made: dict[object, object] = {}
                containers.set_items(made, items, name)
                return made
            if maker is frozenset:
                check_hashable(items)
            return maker(items)
        except TypeError:
            return self.hole

    def change(self, walk: Walk, code: int, first: int) -> object:
        """The container with more in it."""
        target: Any = walk.stack[first]
        name = BY_CODE[code].name
        if target is self.hole or name == "BUILD":
            return target
        items = walk.stack[first + 1 :]
        if name in ("APPEND", "APPENDS"):
            if items or EMPTY_BATCHES_ARE_GIVEN:
                containers.extend(target, items)
        else:
            with suppress(TypeError):
                if name == "ADDITEMS":
                    containers.add_items(target, items)
                else:
                    containers.set_items(target, items, name)
        return target

    def call(self, walk: Walk, code: int, function: object, first: int) -> object:
        """Bytes, where they are written as a call."""
        called = bytes_of_call(function, walk.stack[first]) if code == _REDUCE else None
        return self.hole if called is None else called

    def name(self, walk: Walk, module: str, qualname: str) -> object:
        """A hole, or what stands for a function that bytes are written with."""
        known = bytes_function(module, qualname) if walk.scanner.code == _GLOBAL else None
        return known or self.hole

    def extension(self, walk: Walk, number: int) -> object:
        """A hole, and no registry is asked."""
        return self.hole

    def persistent(self, walk: Walk, code: int, first: int) -> object:
        """What ``persistent_load`` gives."""
        pid = walk.scanner.value() if code == _PERSID else walk.stack[first]
        return self.machine.find_persistent(pid, walk.scanner.start + 1)

    def describe(self, symbol: object) -> str:
        """The type of what is not finished, for an error."""
        return "".join(names_of([symbol]))
