"""A store in memory that writes down all that it is told, and fails where a test says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.persistence import Dump, DumpContext, Load, LoadContext, Store

from .shop import Customer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Recording(Store):
    """Keeps customers by their `id`; one whose `id` is None gets a number, as from a database."""

    claims = (Customer,)

    def __init__(
        self,
        *,
        fail: Mapping[str, BaseException] | None = None,
        two_phase: bool = False,
        people: Iterable[Any] = (),
    ) -> None:
        self.rows: dict[Any, Any] = {person.id: person for person in people}
        self.fail = dict(fail or {})
        self.two_phase = two_phase
        self.heard: list[Any] = []

    def tell(self, what: str, *more: Any) -> None:
        self.heard.append((what, *more) if more else what)
        if what in self.fail:
            raise self.fail[what]

    def begin_dump(self, context: DumpContext, /) -> Dump:
        self.context = context
        self.tell("begin_dump")
        return (TwoPhaseDump if self.two_phase else RecordingDump)(self)

    def begin_load(self, context: LoadContext, /) -> Load:
        self.context = context  # type: ignore[assignment]
        self.tell("begin_load")
        return RecordingLoad(self)


class RecordingDump(Dump):
    def __init__(self, store: Recording) -> None:
        self.store = store
        self.staged: dict[Any, Any] = {}

    def key_of(self, obj: Any, /) -> Any:
        from brinery.persistence import PENDING

        self.store.tell("key_of", obj.id)
        if obj.id is None:
            return PENDING
        if obj.id not in self.store.rows:
            self.staged[obj.id] = obj
        return obj.id

    def assign(self, objects: Sequence[Any], /) -> Sequence[Any]:
        self.store.tell("assign", len(objects))
        for number, obj in enumerate(objects, len(self.store.rows) + 1000):
            obj.id = number
            self.staged[number] = obj
        return [obj.id for obj in objects]

    def prepare(self) -> None:
        self.store.tell("prepare")

    def commit(self) -> None:
        self.store.tell("commit")
        self.store.rows.update(self.staged)

    def rollback(self) -> None:
        self.store.tell("rollback")


class TwoPhaseDump(RecordingDump):
    two_phase = True


class RecordingLoad(Load):
    def __init__(self, store: Recording) -> None:
        self.store = store

    def fetch(self, keys: list[Any], /) -> Mapping[Any, object]:
        self.store.tell("fetch", keys)
        return {key: self.store.rows[key] for key in keys if key in self.store.rows}

    def close(self) -> None:
        self.store.tell("close")
