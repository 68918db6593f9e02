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
    def of_bytes(cls, data: bytes, key: Key) -> _Record:
        end = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
        if not _LENGTH < end < len(data):
            raise StoreError(
                f"what is kept under the key {key!r} is no record of a store: {bytes(data[:40])!r},"
                f" {len(data)} bytes. Something else wrote it: delete it, or give the store keys of its own"
            )
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

    def exchange(self, items: Mapping[Key, bytes], seen: Mapping[Key, bytes], /) -> Iterable[Key]:
        """Keep all of `items`, or nothing if any of the keys holds anything else by now than in `seen`.

        Called once for each :meth:`save`. In `seen` is what :meth:`read` gave, without what was missing.
        Gives the keys that hold something else. As it is here it reads and then writes, and a writer that
        comes between the two is overwritten: where the database can do both in one transaction, do so.
        """
        there = self.read(list(items))
        changed = [key for key in items if there.get(key) != seen.get(key)]
        return changed or self.write(items, replace=True)

    # what a binding calls

    def begin_dump(self, context: DumpContext, /) -> Dump:
        """A dump meets the first object that is claimed."""
        return _KeyValueDump(self)

    def begin_load(self, context: LoadContext, /) -> Load:
        """A load has found a reference to the store."""
        return _KeyValueLoad(self, context.find_class)

    # what an application calls

    def save(self, *objects: object, overwrite: bool = False) -> None:
        """Store `objects` as they are now, and the new objects that they refer to; all or none.

        **What is stored already behind them stays as it is**, also where it has changed: save it, too. An
        object is written only if its key still holds what it was loaded or stored as, so that no other
        writer's change is lost, and nothing that was deleted comes back: NotStored otherwise. With
        `overwrite`, `objects` are written in any case. Raises NotCommitted where another writer comes in
        between.
        """
        dump = _KeyValueDump(self, saving=True)
        for obj in objects:
            dump.take(obj)
        dump.save(overwrite)

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
        return {key: _Record.of_bytes(data, key) for key, data in self.read(keys).items()}


class _KeyValueDump(Dump):
    def __init__(self, store: KeyValueStore, saving: bool = False) -> None:
        self._store = store
        self._saving = saving
        self._whole = store.identity == "value"
        self._claimed: dict[type, bool] = {}
        self._staged: dict[Key, tuple[object, _Record | None]] = {}
        # Of a save: the keys of what was given to it, and what is behind that and known to be stored.
        self._given: set[Key] = set()
        self._behind: dict[Key, object] = {}
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
            self._write(self._new, lambda items: self._store.write(items, replace=False))

    def take(self, obj: object) -> None:
        """`obj` is to be saved as it is now."""
        key = self._store.key_for(obj)
        self._given.add(key)
        self._behind.pop(key, None)
        staged = self._staged.get(key)
        if staged is None:
            self._staged[key] = obj, None
            self._pending.append(key)
        elif staged[0] is not obj:
            self._check_twin(key, obj, staged)
        self._encode_pending()

    def save(self, overwrite: bool) -> None:
        """Write what was taken, and what is new behind it."""
        seen = self._store.read([*self._staged, *self._behind])
        for key, obj in self._behind.items():
            if key not in seen:
                raise self._stale(key, obj, "is gone")
        writing = []
        for key in self._staged:
            old = _Record.of_bytes(seen[key], key) if key in seen and not overwrite else None
            if key not in self._given:
                if key in seen:
                    self._check(key, old or _Record.of_bytes(seen[key], key))
                    continue
            elif not overwrite:
                self._check_may_replace(key, old)
            writing.append(key)
        before = {key: seen[key] for key in writing if key in seen}
        self._write(writing, lambda items: self._store.exchange(items, before))

    def _write(self, keys: list[Key], write: Callable[[dict[Key, bytes]], Iterable[Key]]) -> None:
        records = {key: self._staged[key][1] for key in keys}
        items = {key: record.as_bytes() for key, record in records.items() if record is not None}
        taken = list(write(items))
        if taken:
            raise NotCommitted(
                f"the key {taken[0]!r} holds something {'else ' if self._saving else ''}by now: another"
                " writer was there first, and nothing was stored."
                f" {'Load it, and save again' if self._saving else 'Dump again'}"
            )
        for key, record in records.items():
            if record is not None:
                self._store._known.add(self._staged[key][0], (key, record))

    def _known_at(self, key: Key, obj: object) -> _Record | None:
        known = self._store._known.find(obj)
        return known[1] if known is not None and known[0] == key else None

    def _check_may_replace(self, key: Key, old: _Record | None) -> None:
        if self._whole:
            return  # it is what its key says
        obj, ours = self._staged[key]
        known = self._known_at(key, obj)
        if known is not None:
            if old is None:
                raise self._stale(key, obj, "is gone")
            if not known.same_as(old):
                raise self._stale(key, obj, "was changed by another writer")
        elif old is not None and ours is not None and not ours.same_as(old):
            raise NotStored(
                f"another object is stored under the key {key!r}, and this {type(obj).__qualname__} is not"
                " known to be loaded from it; nothing was stored. Load it, and change that, or"
                " store.save(obj, overwrite=True)"
            )

    def _stale(self, key: Key, obj: object, what: str) -> NotStored:
        return NotStored(
            f"what is under the key {key!r} {what} since this {type(obj).__qualname__} was loaded or stored,"
            " and nothing was stored. Load it anew, or store.save(obj, overwrite=True)"
        )

    def _refer_to(self, obj: object) -> Key:
        key = self._store.key_for(obj)
        staged = self._staged.get(key)
        if staged is not None:
            if staged[0] is not obj:
                self._check_twin(key, obj, staged)
        elif self._saving and self._known_at(key, obj) is not None:
            self._behind[key] = obj
        else:
            self._staged[key] = obj, None
            self._pending.append(key)
        return key

    def _check_twin(self, key: Key, obj: object, staged: tuple[object, _Record | None]) -> None:
        # Where equal objects are two, each has places of its own for what it is made of.
        ours = self._encode(obj, f"{key!r} at {id(obj):#x}" if self._whole else None)
        if not ours.same_as(staged[1] or self._encode(staged[0])):
            raise NotStored(f"two objects of this dump have the key {key!r}, and differ")

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
            what, how = (
                ("has changed since it was loaded or stored", "")
                if self._known_at(key, obj) is not None
                else (f"has the key {key!r}, and another object is stored there", ", overwrite=True")
            )
            raise NotStored(
                f"an object of class {type(obj).__qualname__} {what}: a reference would be to what is stored."
                f" Save it first: store.save(obj{how}); or load it from the store"
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
