"""One value as bytes, with an address in the place of each object that has a place of its own.

Two kinds, told by a mark:

``brinery\\x00`` and a pickle
    a value that refers to nothing.
``brinery\\x01`` and two pickles
    the list of the addresses that the value refers to, then the value, in which a persistent ID stands for
    each of these objects. So what a record refers to is known without building it.

The pickles are plain ones: no plugin takes part, so that what is kept never depends on what is installed.
"""

from __future__ import annotations

import io
from functools import cache
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from brinery import engine
from brinery.errors import NotStored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from brinery.persistent_ids import Key

__all__ = ["ALONE", "MARKS", "REFERRING", "Sharing", "decode", "encode", "references"]

_PROTOCOL = 5
ALONE = b"brinery\x00"
REFERRING = b"brinery\x01"
MARKS = (ALONE, REFERRING)

# What cannot change, or is written by its name: two places may share it and nobody can tell.
_SHAREABLE = (
    str, bytes, int, float, complex, bool, tuple, frozenset, type(None), type, FunctionType,
    BuiltinFunctionType, ModuleType,
)  # fmt: skip


# Most of what a value is made of; no store can claim these.
_LEAVES = frozenset((str, bytes, int, float, bool, type(None)))


class Sharing:
    """Finds a list, dict or other object that can change, and that two places of what is stored would share.

    Each place is a pickle of its own, so one object would come back as two, and a change of the one would not
    be seen in the other.
    """

    def __init__(self) -> None:
        # The objects themselves, so that the identity of one stays its own.
        self._met: dict[int, tuple[object, object]] = {}

    def meet(self, obj: object, place: object) -> None:
        """`obj` is part of what is stored at `place`. Raises NotStored where another place has it."""
        if isinstance(obj, _SHAREABLE):
            return
        known = self._met.setdefault(id(obj), (obj, place))
        if known[1] != place and not _cannot_change(obj):
            raise NotStored(
                f"one {type(obj).__qualname__} is part of {known[1]} and of {place}, which are stored"
                " apart: it would"
                " come back as two. Give its class a place of its own in the store, or store a copy in each"
            )


def _spelled(place: object) -> str:
    return " ".join(map(str, place)) if isinstance(place, tuple) else str(place)


def _cannot_change(obj: object) -> bool:
    # An enum's member, a date, a Decimal: what is hashed by its value.
    kind = type(obj)
    return kind.__hash__ is not object.__hash__ and kind.__hash__ is not None


def encode(value: object, refer: Callable[[object], Key | None]) -> bytes:
    """`value` as bytes, with the address of each part that has a place of its own.

    `refer` is asked about every object in it but text, numbers and the like, which have none of their own;
    it gives the address of one that has, or None. Raises what pickling `value` raises.
    """
    pickler, _ = _picklers()
    addresses: dict[Key, None] = {}

    def persistent_id(obj: object) -> Key | None:
        if type(obj) in _LEAVES:
            return None
        address = refer(obj)
        if address is not None:
            addresses[address] = None
        return address

    file = io.BytesIO()
    writing = pickler(file, _PROTOCOL)
    writing.persistent_id = persistent_id
    writing.dump(value)
    if not addresses:
        return ALONE + file.getvalue()
    listing = io.BytesIO()
    pickler(listing, _PROTOCOL).dump(list(addresses))
    return REFERRING + listing.getvalue() + file.getvalue()


def references(data: bytes) -> Iterable[Key]:
    """The addresses that a value refers to. Imports nothing; raises what unpickling raises."""
    if not data.startswith(REFERRING):
        return ()
    _, unpickler = _picklers()
    reading = unpickler(io.BytesIO(data[len(REFERRING) :]))
    reading.find_class = _refuse
    return reading.load()  # type: ignore[no-any-return]


def decode(
    data: bytes,
    resolve: Callable[[Any], object],
    find_class: Callable[[str, str], object] | None = None,
) -> object:
    """The reverse of :func:`encode`; `resolve` gives the object at an address, `find_class` finds globals."""
    _, unpickler = _picklers()
    file = io.BytesIO(data)
    file.seek(len(ALONE))
    if data.startswith(REFERRING):
        unpickler(file).load()
    reading = unpickler(file)
    reading.persistent_load = resolve
    if find_class is not None:
        reading.find_class = find_class
    return reading.load()


# An address holds nothing but what a key may; two of its types are written as calls.
_OF_KEYS = {("uuid", "UUID"), ("datetime", "date")}


def _refuse(module: str, name: str) -> object:
    from importlib import import_module

    if (module, name) not in _OF_KEYS:
        raise NotStored(f"an address refers to {module}.{name}, which is no part of a key")
    return getattr(import_module(module), name)


@cache
def _picklers() -> tuple[Any, Any]:
    """The engine's classes, whose own plans are the empty ones."""
    module = engine.choose()
    return module.Pickler, module.Unpickler
