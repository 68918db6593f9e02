"""A store of four lines, as the contract has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import NoSuchKey
from brinery.persistence.stores import Dump, DumpContext, Foresight, Load, LoadContext, SimpleStore, Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brinery.persistent_ids import Key

__all__ = ["Simple"]


class Simple(Store):
    """The contract's methods around a SimpleStore."""

    def __init__(self, store: SimpleStore) -> None:
        self._store = store
        self.claims = store.claims

    def foresee(self, cls: type, /) -> Foresight | None:
        """What the store says, if it says anything."""
        foresee = getattr(self._store, "foresee", None)
        return None if foresee is None else foresee(cls)

    def begin_dump(self, context: DumpContext, /) -> Dump:
        """A dump that only asks for keys."""
        return _SimpleDump(self._store)

    def begin_load(self, context: LoadContext, /) -> Load:
        """A load that asks for one object after the other."""
        return _SimpleLoad(self._store)


class _SimpleDump(Dump):
    def __init__(self, store: SimpleStore) -> None:
        self.key_of = store.persistent_id  # type: ignore[method-assign]

    def key_of(self, obj: Any, /) -> Key | None:
        raise AssertionError("replaced for each instance")


class _SimpleLoad(Load):
    def __init__(self, store: SimpleStore) -> None:
        self._load = store.persistent_load

    def fetch(self, keys: list[Key], /) -> Mapping[Key, object]:
        """Each of them by itself."""
        found: dict[Key, object] = {}
        for key in keys:
            try:
                found[key] = self._load(key)
            except NoSuchKey:
                continue
        return found

    def fetch_unhashable(self, pid: Any, /) -> object:
        """An ID that no mapping can hold."""
        return self._load(pid)
