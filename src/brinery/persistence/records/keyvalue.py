"""A whole store around "read many keys, write many items", for databases that keep bytes under keys.

A record is what pickle itself would keep of an object: its reduction (PEP 307), in two values. The first
makes the object, the second fills it: that way records may refer to each other in a circle. Objects of
claimed classes inside an object are references to records of their own, so a graph is stored as a graph:
shared objects stay one, and a chain of any length is read level by level, without recursion.
"""

from __future__ import annotations

import copyreg
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from brinery.building import build
from brinery.dotted import name_of_class
from brinery.errors import BrineryError, MissingReference, NotCommitted, NotStored, StoreError
from brinery.persistence.records.canonical import same
from brinery.persistence.records.closure import dependencies_first, fetch_closure
from brinery.persistence.records.known import KnownObjects
from brinery.persistence.records.values import Sharing, decode, encode, references
from brinery.persistence.stores import Dump, DumpContext, Load, LoadContext, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from brinery.persistent_ids import Key

__all__ = ["KeyValueStore"]

_LENGTH = 8


class _Record(NamedTuple):
    """What a database keeps of an object: how it is made, and what fills it."""

    making: bytes
    filling: bytes

    def as_bytes(self) -> bytes:
        return len(self.making).to_bytes(_LENGTH, "little") + self.making + self.filling

    @classmethod
    def of_bytes(cls, data: bytes) -> _Record:
        end = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
        return cls(data[_LENGTH:end], data[end:])

    def references(self) -> list[Key]:
        return [*references(self.making), *references(self.filling)]

    def same_as(self, other: _Record) -> bool:
        return same(self.making, other.making) and same(self.filling, other.filling)


class KeyValueStore(Store):
    """Objects as bytes under keys. A subclass brings :meth:`key_for`, :meth:`read` and :meth:`write`.

    claims   the classes whose objects have records of their own; objects of their subclasses too.
    on_new   an object whose key holds nothing: "refuse" it with NotStored, or "insert" it, and the new
             objects that it refers to, when the dump has succeeded.

    Where the key is made of the content, say ``identity = "value"``. Then a record refers to nothing: objects
    of claimed classes within an object are part of its content, as equal ones would come back as one.
    """

    def __init__(
        self, claims: Iterable[type | str], *, on_new: Literal["refuse", "insert"] = "refuse"
    ) -> None:
        if on_new not in ("refuse", "insert"):
            raise StoreError(f"on_new={on_new!r}; it is 'refuse' or 'insert'")
        self.claims = tuple(claims)
        self.on_new = on_new
        self._known: KnownObjects[tuple[Key, _Record]] = KnownObjects()

    @abstractmethod
    def key_for(self, obj: Any, /) -> Key:
        """The key under which `obj` lives; it never changes. Raises NotStored where it has none."""

    @abstractmethod
    def read(self, keys: Sequence[Key], /) -> Mapping[Key, bytes]:
        """What is kept under `keys`, with one request; what is missing is left out."""

    @abstractmethod
    def write(self, items: Mapping[Key, bytes], /, *, replace: bool) -> Iterable[Key]:
        """Keep all of `items`, or nothing. Called once for each dump.

        Without `replace`, nothing is written if any of the keys holds something by now; gives those keys.
        """

    # what a binding calls

    def begin_dump(self, context: DumpContext, /) -> Dump:
        """A dump meets the first object that is claimed."""
        return _KeyValueDump(self)

    def begin_load(self, context: LoadContext, /) -> Load:
        """A load has found a reference to the store."""
        return _KeyValueLoad(self, context.find_class)

    # what an application calls

    def save(self, *objects: object) -> None:
        """Store `objects` as they are now, whatever their keys hold, and what is new behind them."""
        dump = _KeyValueDump(self, saving=True)
        for obj in objects:
            dump.stage(obj)
        dump.write(replace=True)

    def load_many(
        self, keys: Iterable[Key], find_class: Callable[[str, str], object] | None = None
    ) -> dict[Key, Any]:
        """The objects under `keys`, with all that they refer to; what is missing is left out.

        Raises MissingReference where a record refers to one that is not there.
        """
        wanted = list(dict.fromkeys(keys))
        records, missing = fetch_closure(wanted, self._read, _Record.references)
        dangling = [(key, referrer) for key, referrer in missing.items() if referrer is not None]
        if dangling:
            raise MissingReference(
                f"the record {dangling[0][1]!r} refers to {dangling[0][0]!r}, which is not there",
                [(None, key, ()) for key, _ in dangling],
            )
        objects = _build(records, find_class)
        for key, obj in objects.items():
            self._known.add(obj, (key, records[key]))
        return {key: objects[key] for key in wanted if key in objects}

    def _read(self, keys: list[Key]) -> dict[Key, _Record]:
        return {key: _Record.of_bytes(data) for key, data in self.read(keys).items()}


class _KeyValueDump(Dump):
    def __init__(self, store: KeyValueStore, saving: bool = False) -> None:
        self._store = store
        self._saving = saving
        self._whole = store.identity == "value"
        self._claimed: dict[type, bool] = {}
        self._staged: dict[Key, tuple[object, _Record | None]] = {}
        self._pending: list[Key] = []
        self._sharing = Sharing()
        self._new: list[Key] = []

    def key_of(self, obj: Any, /) -> Key:
        """The key of an object of a claimed class; an object that is new is staged."""
        key = self._refer_to(obj)
        self._encode_pending()
        return key

    def prepare(self) -> None:
        """All keys are read at once, and compared with what they are to hold."""
        there = self._store._read(list(self._staged))
        for key, record in there.items():
            self._check(key, record)
        new = [key for key in self._staged if key not in there]
        if new and self._store.on_new == "refuse":
            obj = self._staged[new[0]][0]
            raise NotStored(
                f"there is nothing under the key {new[0]!r}, for an object of class"
                f" {type(obj).__qualname__}: save it"
                ' first, store.save(obj), or open the store with on_new="insert"'
            )
        self._new = new

    def commit(self) -> None:
        """The new records are written at once, all or none."""
        if self._new:
            self.write(replace=False)

    def stage(self, obj: object) -> None:
        """Take `obj` as it is now, whatever is there."""
        key = self._store.key_for(obj)
        self._staged[key] = obj, None
        self._pending.append(key)
        self._encode_pending()
        self._new = list(self._staged)

    def write(self, *, replace: bool) -> None:
        """Write what is staged and new. Raises NotCommitted where another writer was there first."""
        records = {key: self._staged[key][1] for key in self._new}
        items = {key: record.as_bytes() for key, record in records.items() if record is not None}
        taken = list(self._store.write(items, replace=replace))
        if taken:
            raise NotCommitted(
                f"the key {taken[0]!r} holds something by now: another writer was there first, and"
                " nothing was"
                " stored. Dump again"
            )
        for key, record in records.items():
            if record is not None:
                self._store._known.add(self._staged[key][0], (key, record))

    def _refer_to(self, obj: object) -> Key:
        key = self._store.key_for(obj)
        staged = self._staged.get(key)
        if staged is None:
            self._staged[key] = obj, None
            self._pending.append(key)
        elif staged[0] is not obj:
            # Where equal objects are two, each has places of its own for what it is made of.
            ours = self._encode(obj, f"{key!r} at {id(obj):#x}" if self._whole else None)
            if not ours.same_as(staged[1] or self._encode(staged[0])):
                raise NotStored(f"two objects of this dump have the key {key!r}, and differ")
        return key

    def _encode_pending(self) -> None:
        while self._pending:
            key = self._pending.pop()
            obj, _ = self._staged[key]
            self._staged[key] = obj, self._encode(obj, repr(key))

    def _refer(self, obj: object) -> Key | None:
        if self._whole:
            return None
        cls = type(obj)
        claimed = self._claimed.get(cls)
        if claimed is None:
            claims = self._store.claims
            claimed = any(base in claims or name_of_class(base) in claims for base in cls.__mro__)
            self._claimed[cls] = claimed
        return self._refer_to(obj) if claimed else None

    def _encode(self, obj: Any, place: str | None = None) -> _Record:
        making, filling = _parts_of(obj)
        if self._whole and place is not None:
            self._sharing.meet(obj, place)

        def refer(part: object) -> Key | None:
            key = self._refer(part)
            if key is None and place is not None and part is not filling and part is not making:
                self._sharing.meet(part, place)
            return key

        try:
            return _Record(encode(making, refer), encode(filling, refer))
        except BrineryError:
            raise
        except Exception as failed:
            raise NotStored(
                f"an object of class {type(obj).__qualname__} cannot be stored: {failed}"
            ) from failed

    def _check(self, key: Key, record: _Record) -> None:
        obj, ours = self._staged[key]
        assert ours is not None
        if not ours.same_as(record):
            known = self._store._known.find(obj)
            what = (
                "has changed since it was loaded or stored"
                if known is not None and known[0] == key
                else f"has the key {key!r}, and another object is stored there"
            )
            raise NotStored(
                f"an object of class {type(obj).__qualname__} {what}: the stream would refer to what is"
                " stored. Save"
                " it first: store.save(obj); or load it from the store"
            )


class _KeyValueLoad(Load):
    def __init__(self, store: KeyValueStore, find_class: Callable[[str, str], object] | None) -> None:
        self._store = store
        self._find_class = find_class

    def fetch(self, keys: list[Key], /) -> Mapping[Key, object]:
        """The objects, with all that they refer to: one request for each level."""
        return self._store.load_many(keys, self._find_class)


def _parts_of(obj: Any) -> tuple[Any, Any]:
    """What makes an object, and what fills it, out of its reduction."""
    reducer = copyreg.dispatch_table.get(type(obj))
    reduction = reducer(obj) if reducer is not None else obj.__reduce_ex__(4)
    if isinstance(reduction, str):
        raise NotStored(f"{type(obj).__qualname__} is pickled by a name, so there is nothing to store")
    parts: list[Any] = [*reduction, None, None, None, None]
    function, arguments, state, items, pairs, setter = parts[:6]
    if setter is not None:
        raise NotStored(
            f"{type(obj).__qualname__} sets its state by a function of its own (PEP 307's sixth item)"
        )
    return (function, arguments), (state, list(items or ()), list(pairs or ()))


def _build(records: Mapping[Key, _Record], find_class: Callable[[str, str], object] | None) -> dict[Key, Any]:
    objects: dict[Key, Any] = {}

    def resolve(key: Any) -> object:
        try:
            return objects[key]
        except KeyError:
            raise StoreError(
                f"records refer to each other in a circle through {key!r}, which cannot be made before"
                " what it is"
                " made of"
            ) from None

    for key in dependencies_first(records, lambda key: list(references(records[key].making))):
        made: Any = decode(records[key].making, resolve, find_class)
        function, arguments = made
        objects[key] = function(*arguments)
    for key in dependencies_first(records, lambda key: records[key].references()):
        filling: Any = decode(records[key].filling, resolve, find_class)
        _fill(objects[key], *filling)
    return objects


def _fill(obj: Any, state: Any, items: list[Any], pairs: list[Any]) -> None:
    """What pickle's APPENDS, SETITEMS and BUILD do (PEP 307)."""
    if items:
        extend = getattr(obj, "extend", None)
        if extend is not None:
            extend(items)
        else:
            for item in items:
                obj.append(item)
    for key, value in pairs:
        obj[key] = value
    if state is not None:
        build(obj, state)
