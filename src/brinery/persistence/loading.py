"""One load: every store is asked once, and each key becomes one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from brinery.errors import MissingReference, ReadError, StoreError
from brinery.persistent_ids import bounded, is_key, read_key, store_name, unbound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from brinery.persistence.stores import Store

__all__ = ["BoundReader", "Missing"]

#: What a reference becomes whose object its store does not hold: an error, None, or what a function
#: gives for the store's name (None for the bare store) and the key.
Missing: TypeAlias = "Literal['raise', 'none'] | Callable[[str | None, object], object]"


class BoundReader:
    """The bound stores as a ReadPlan has them."""

    def __init__(self, stores: Mapping[str, Store], bare: Store | None, missing: Missing) -> None:
        """Raises StoreError for a `missing` that is no policy."""
        if missing not in ("raise", "none") and not callable(missing):
            raise StoreError(
                f"missing={missing!r}; it is 'raise', 'none', or a function of store name and key"
            )
        self._stores = stores
        self._bare = bare
        self._missing = missing

    def begin_load(self, ids: Sequence[object], /) -> Callable[[object], object]:
        """Fetch what `ids` name from the stores that load many at once; what is returned resolves an ID."""
        shelves = {name: _Shelf(name, store, self._missing) for name, store in self._stores.items()}
        bare = _Shelf(None, self._bare, self._missing) if self._bare is not None else None

        def shelf_of(pid: object) -> tuple[_Shelf | None, object]:
            name = store_name(pid)
            shelf = shelves.get(name) if name is not None else None
            if shelf is not None:
                return shelf, read_key(pid)
            return bare, pid

        wanted: dict[_Shelf, dict[object, None]] = {}
        for pid in ids:
            # The walk that collected the IDs made no calls and imported nothing: an ID that
            # needs these is known only in part, and is loaded when it is met.
            if is_key(pid):
                try:
                    shelf, key = shelf_of(pid)
                except ReadError:  # raised again where the ID is met, which tells its place
                    continue
                if shelf is not None:
                    wanted.setdefault(shelf, {})[key] = None
        for shelf, keys in wanted.items():
            shelf.fetch(list(keys))

        def resolve(pid: object) -> object:
            shelf, key = shelf_of(pid)
            if shelf is None:
                raise unbound(pid)
            if shelf is bare and not _hashable(key):
                return shelf.ask(key)
            return shelf.get(key)

        return resolve


class _Shelf:
    """What one load has from one store."""

    def __init__(self, name: str | None, store: Store, missing: Missing) -> None:
        self._name = name
        self._load = store.persistent_load
        self._load_many = getattr(store, "persistent_load_many", None)
        self._missing = missing
        self._objects: dict[object, object] = {}
        self._absent: set[object] = set()

    def fetch(self, keys: list[object]) -> None:
        """Ask the store for all of `keys` at once, where it can."""
        if self._load_many is None:
            return
        found = self._load_many(keys)
        for key in keys:
            obj = found.get(key)
            if obj is None:
                self._absent.add(key)
            else:
                self._objects[key] = obj

    def get(self, key: object) -> object:
        """The object with that key: the same one each time."""
        if key in self._objects:
            return self._objects[key]
        obj = self._replace(key, None) if key in self._absent else self.ask(key)
        self._objects[key] = obj
        return obj

    def ask(self, key: object) -> object:
        """What the store has for that key, asked anew, or what stands for it where it is missing."""
        try:
            obj = self._load(key)  # type: ignore[arg-type]  # a bare store takes what its streams carry
        except LookupError as absent:
            return self._replace(key, absent)
        # No store claims None: one that returns it has not found the key.
        return obj if obj is not None else self._replace(key, None)

    def _replace(self, key: object, cause: LookupError | None) -> object:
        if self._missing == "none":
            return None
        if self._missing != "raise":
            return self._missing(self._name, key)
        store = "the bare store" if self._name is None else f"the store {self._name!r}"
        raise MissingReference(
            f"{store} holds no object with the key {key!r}: it was deleted, or another store is meant."
            " Bind with missing='none' to read None in its place, or with missing=function(name, key)"
        ) from cause


def _hashable(key: object) -> bool:
    if not bounded(key):
        return False
    try:
        hash(key)
    except TypeError:
        return False
    return True
