"""The kit of tests for stores: SQLite passes it, a store around bytes does, and each check can fail."""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
import unittest
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import MissingReference, StoreError, StoreFault
from brinery.persistence import Dump, Store
from brinery.persistence.records import KeyValueStore
from brinery.persistence.sqlite import SqliteStore, Table
from brinery.testing import StoreContract

from .recording import Recording, RecordingDump, RecordingLoad
from .shop import Customer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = int(os.environ.get("BRINERY_TEST_KILLS", "8"))


class TestSqlite(StoreContract):
    kills = KILLS
    most_requests = 8, 30  # each is a statement, BEGIN and SAVEPOINT too
    mode = "delete"

    def open_store(self, place: Path) -> Store:
        with closing(sqlite3.connect(place / "shop.db")) as connection:
            connection.execute(f"PRAGMA journal_mode = {self.mode}")
        return SqliteStore(place / "shop.db", [Table("customers", Customer)], on_new="insert")

    def new(self, number: int) -> Customer:
        return Customer(number, f"customer {number}")

    def count(self, store: Any) -> int:
        return int(store.count("customers"))

    def delete(self, store: Any, obj: Any) -> None:
        store.delete(obj)

    @contextmanager
    def requests(self, store: Any) -> Iterator[list[Any]]:
        asked: list[str] = []
        store.set_trace_callback(asked.append)
        yield asked
        store.set_trace_callback(None)
        # executemany is one call, and SQLite traces each row of it.
        asked[:] = [text for text in asked if not text.startswith("INSERT")]

    @contextmanager
    def cut_off(self, store: Any) -> Iterator[None]:
        path = store.where
        os.rename(path, f"{path}.away")
        yield
        os.rename(f"{path}.away", path)


class TestSqliteWithAWriteAheadLog(TestSqlite):
    mode = "wal"


class Locked(Recording):
    """A store in memory that keeps to the contract."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def tell(self, what: str, *more: Any) -> None:
        with self.lock:
            self.heard.append(what)


class Kit(StoreContract):
    kills = 1
    keeps_no_watch = True
    survives_forks = False
    store: type[Recording] = Locked

    def open_store(self, place: Path) -> Store:
        if not hasattr(self, "opened"):
            self.opened = self.store()
        return self.opened

    def new(self, number: int) -> Customer:
        return Customer(number, f"customer {number}")

    def count(self, store: Any) -> int:
        return len(store.rows)

    def delete(self, store: Any, obj: Any) -> None:
        del store.rows[obj.id]

    @contextmanager
    def requests(self, store: Any) -> Iterator[list[Any]]:
        del store.heard[:]
        found: list[Any] = []
        yield found
        found += [what for what in store.heard if what != "key_of"]


class Refused(Locked):
    """No profile takes it: what it claims is no class."""

    claims: Any = (1,)


@pytest.mark.parametrize("store", [Refused, object], ids=["claims no class", "no store"])
def test_a_store_that_is_refused_is_one_failure(store: type[Any], tmp_path: Path) -> None:
    kit = type("Refusing", (Kit,), {"store": store})()
    checks = [name for name in dir(Kit) if name.startswith("test_")]
    failed, skipped = {}, {}
    for check in checks:
        try:
            getattr(kit, check)(tmp_path)
        except unittest.SkipTest as reason:
            skipped[check] = str(reason)
        except AssertionError as failure:
            failed[check] = str(failure)
    assert list(failed) == ["test_a_profile_takes_the_store"]
    assert "a profile does not take the store: " in failed["test_a_profile_takes_the_store"]
    assert len(skipped) == len(checks) - 1
    assert set(skipped.values()) == {"no profile takes the store, as test_a_profile_takes_the_store tells"}


NO_PROCESSES = ("test_a_forked", "test_processes", "test_a_backend")
CHECKS = [name for name in dir(Kit) if name.startswith("test_") and not name.startswith(NO_PROCESSES)]


@pytest.mark.parametrize("check", CHECKS)
def test_a_store_that_keeps_to_the_contract_passes(check: str, tmp_path: Path) -> None:
    getattr(Kit(), check)(tmp_path)


class StoresAtOnce(Locked):
    """Does not wait for the commit."""

    def begin_dump(self, context: Any, /) -> Dump:
        return AtOnce(self)


class AtOnce(RecordingDump):
    def key_of(self, obj: Any, /) -> Any:
        key = super().key_of(obj)
        self.store.rows.update(self.staged)
        return key


class StoresOnPrepare(Locked):
    def begin_dump(self, context: Any, /) -> Dump:
        return type(
            "OnPrepare", (RecordingDump,), {"prepare": lambda self: self.store.rows.update(self.staged)}
        )(self)


class AsksForEach(Locked):
    def begin_load(self, context: Any, /) -> Any:
        class EachLoad(RecordingLoad):
            def fetch(self, keys: list[Any], /) -> Any:
                for _ in keys:
                    self.store.tell("fetch")
                return super().fetch(keys)

        return EachLoad(self)


class OneStage(Locked):
    """What is staged is the store's, and not the dump's."""

    def __init__(self) -> None:
        super().__init__()
        self.staged: dict[Any, Any] = {}

    def begin_dump(self, context: Any, /) -> Dump:
        dump = RecordingDump(self)
        dump.staged = self.staged
        return dump


class Forgets(Locked):
    """Acknowledges, and keeps nothing."""

    def begin_dump(self, context: Any, /) -> Dump:
        return type("Lost", (RecordingDump,), {"commit": lambda self: None})(self)


class GivesAnother(Locked):
    def begin_load(self, context: Any, /) -> Any:
        class Mixed(RecordingLoad):
            def fetch(self, keys: list[Any], /) -> Any:
                found = list(super().fetch(keys).values())  # type: ignore[call-overload]
                return dict(zip(keys, found[::-1], strict=False))

        return Mixed(self)


class Lies(Locked):
    """Says that nothing was committed, and it was."""

    def begin_dump(self, context: Any, /) -> Dump:
        from brinery.errors import NotCommitted

        def commit(self: Any) -> None:
            self.store.rows.update(self.staged)
            raise NotCommitted("lost")

        return type("Lying", (RecordingDump,), {"commit": commit})(self)


class RaisesOnRollback(Locked):
    def begin_dump(self, context: Any, /) -> Dump:
        def rollback(self: Any) -> None:
            if getattr(self, "over", False):
                raise OSError("again")
            self.over = True

        return type("Once", (RecordingDump,), {"rollback": rollback})(self)


class TakesAsFault(Locked):
    """A miss is an exception of its own."""

    def begin_load(self, context: Any, /) -> Any:
        class Strict(RecordingLoad):
            def fetch(self, keys: list[Any], /) -> Any:
                return {key: self.store.rows[key] for key in keys}

        return Strict(self)


class StoresEachAnew(Locked):
    """Every dump of an object is another one."""

    dumps = itertools.count()

    def begin_dump(self, context: Any, /) -> Dump:
        number = next(self.dumps)

        class Anew(RecordingDump):
            def key_of(self, obj: Any, /) -> Any:
                key = super().key_of(obj), number
                self.staged[key] = self.staged.pop(obj.id)
                return key

        return Anew(self)


class UndoesOthers(Locked):
    """Writes its whole file anew, out of what the dump has."""

    def begin_dump(self, context: Any, /) -> Dump:
        def commit(self: Any) -> None:
            self.store.rows.clear()
            self.store.rows.update(self.staged)

        return type("Undoing", (RecordingDump,), {"commit": commit})(self)


class Reachable(Locked):
    """A store whose database can go away, and which says so."""

    away = False
    owner = 0

    def reach(self) -> None:
        if self.away:
            raise StoreError("the database cannot be reached")

    def begin_dump(self, context: Any, /) -> Dump:
        self.reach()
        return ReachingDump(self)

    def begin_load(self, context: Any, /) -> Any:
        self.reach()
        return super().begin_load(context)


class ReachingDump(RecordingDump):
    def prepare(self) -> None:
        self.store.reach()  # type: ignore[attr-defined]


class StoresWhatItHas(Reachable):
    """Sends each object as it comes: of a dump in whose middle it is cut off, half is there."""

    def begin_dump(self, context: Any, /) -> Dump:
        self.reach()
        return type("AtOnceAndReaching", (ReachingDump, AtOnce), {})(self)


class NeverNotices(Reachable):
    """Answers out of what it has at hand, and acknowledges what went nowhere."""

    def reach(self) -> None:
        pass


class TakesAwayForMissing(Reachable):
    """What cannot be asked about is said to be missing."""

    def begin_load(self, context: Any, /) -> Any:
        if self.away:
            return type("Nothing", (RecordingLoad,), {"fetch": lambda self, keys: {}})(self)
        return super().begin_load(context)


class DoesNotComeBack(Reachable):
    """Is of no use any more once it was cut off."""

    def reach(self) -> None:
        if self.away:
            self.broken = True
        if getattr(self, "broken", False):
            raise StoreError("the connection is broken")


class LosesOnReturn(Reachable):
    """What was stored before is gone with the connection."""

    def reach(self) -> None:
        if self.away:
            self.rows.clear()
        super().reach()


class CutOffKit(Kit):
    store = Reachable

    @contextmanager
    def cut_off(self, store: Any) -> Iterator[None]:
        store.away = True
        yield
        store.away = False


CUT_OFF = "test_a_backend_that_goes_away_is_a_fault_and_nothing_is_lost"
IN_THE_MIDDLE = "test_a_backend_that_goes_away_in_the_middle_of_a_dump_keeps_nothing_of_it"


@pytest.mark.parametrize("check", [CUT_OFF, IN_THE_MIDDLE])
def test_a_store_that_says_that_its_database_is_away_passes(check: str, tmp_path: Path) -> None:
    getattr(CutOffKit(), check)(tmp_path)


OF_CUT_OFFS = [
    (NeverNotices, CUT_OFF),
    (TakesAwayForMissing, CUT_OFF),
    (DoesNotComeBack, CUT_OFF),
    (LosesOnReturn, CUT_OFF),
    (NeverNotices, IN_THE_MIDDLE),
    (StoresWhatItHas, IN_THE_MIDDLE),
    (DoesNotComeBack, IN_THE_MIDDLE),
]


@pytest.mark.parametrize(("store", "check"), OF_CUT_OFFS)
def test_a_store_that_does_not_is_found_too(store: type[Recording], check: str, tmp_path: Path) -> None:
    kit = type("Broken", (CutOffKit,), {"store": store})()
    with pytest.raises((AssertionError, MissingReference, StoreError)):
        getattr(kit, check)(tmp_path)


class Unharmed(SqliteStore):
    """Works in a child, as the store itself does."""


class DeafInTheChild(SqliteStore):
    """Refuses in the child, where it said that it works."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.owner = os.getpid()

    def begin_load(self, context: Any, /) -> Any:
        if os.getpid() != self.owner:
            raise StoreError("the store belongs to the parent")
        return super().begin_load(context)


class LostInTheChild(DeafInTheChild):
    """What the child dumps is acknowledged, and nowhere."""

    def begin_load(self, context: Any, /) -> Any:
        return SqliteStore.begin_load(self, context)

    def begin_dump(self, context: Any, /) -> Dump:
        if os.getpid() != self.owner:
            return RecordingDump(Locked())
        return super().begin_dump(context)


class TornInTheChild(DeafInTheChild):
    """Loads something else in the child, as a connection that two processes read from does."""

    def begin_load(self, context: Any, /) -> Any:
        if os.getpid() != self.owner:
            store = Locked()
            store.rows = {("customers", number): Customer(number, "torn") for number in range(9)}
            return RecordingLoad(store)
        return SqliteStore.begin_load(self, context)


class ForkKit(TestSqlite):
    __test__ = False
    store: type[SqliteStore] = Unharmed

    def open_store(self, place: Path) -> Store:
        return self.store(place / "shop.db", [Table("customers", Customer)], on_new="insert")


FORK = "test_a_forked_child_works_or_is_refused_with_the_reason"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("survives", [True, False])
def test_a_store_that_says_what_becomes_of_it_in_a_child_passes(survives: bool, tmp_path: Path) -> None:
    store = Unharmed if survives else DeafInTheChild
    getattr(type("Right", (ForkKit,), {"store": store, "survives_forks": survives})(), FORK)(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize(
    ("store", "survives"),
    [(DeafInTheChild, True), (LostInTheChild, True), (TornInTheChild, True), (Unharmed, False)],
)
def test_a_store_that_fails_in_a_child_is_found(
    store: type[SqliteStore], survives: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kit = type("Broken", (ForkKit,), {"store": store, "survives_forks": survives})()
    with pytest.raises(AssertionError):
        getattr(kit, FORK)(tmp_path)


IN_THIS_PROCESS = [
    (StoresAtOnce, "test_a_dump_that_fails_leaves_the_store_as_it_was"),
    (StoresOnPrepare, "test_where_another_store_fails_this_one_is_as_it_was"),
    (StoresOnPrepare, "test_a_transaction_may_be_rolled_back_twice"),
    (AsksForEach, "test_requests_grow_with_batches_not_with_objects"),
    (OneStage, "test_a_dump_within_a_dump_is_a_transaction_of_its_own"),
    (OneStage, "test_threads_do_not_meet"),
    (Forgets, "test_objects_come_back_at_every_protocol"),
    (Forgets, "test_what_is_stored_is_there_for_another_process"),
    (Forgets, "test_nothing_that_loads_is_in_the_file_before_the_commit"),
    (Forgets, "test_what_was_loaded_is_referred_to_and_not_stored_again"),
    (GivesAnother, "test_objects_come_back_at_every_protocol"),
    (Lies, "test_where_another_store_fails_behind_its_commit_that_is_said"),
    (RaisesOnRollback, "test_a_transaction_may_be_rolled_back_twice"),
    (StoresEachAnew, "test_threads_that_store_one_object_store_it_once"),
    (UndoesOthers, "test_stores_of_one_database_do_not_undo_each_other"),
    (Locked, "test_what_is_deleted_while_a_dump_goes_on_is_not_referred_to"),
    (TakesAsFault, "test_what_is_gone_is_missing_and_all_of_it_is_named"),
]


@pytest.mark.parametrize(("store", "check"), IN_THIS_PROCESS)
def test_a_store_that_does_not_is_found(store: type[Recording], check: str, tmp_path: Path) -> None:
    kit = type("Broken", (Kit,), {"store": store, "keeps_no_watch": False})()
    with pytest.raises((AssertionError, MissingReference, StoreFault, OSError)):
        getattr(kit, check)(tmp_path)


class Kept(KeyValueStore):
    """Bytes in memory, which keeps to the contract."""

    def __init__(self) -> None:
        super().__init__((Customer,), on_new="insert")
        self.rows: dict[Any, bytes] = {}

    def key_for(self, obj: Any, /) -> Any:
        return obj.id

    def read(self, keys: Any, /) -> dict[Any, bytes]:
        return {key: self.rows[key] for key in keys if key in self.rows}

    def write(self, items: Any, /, *, replace: bool) -> list[Any]:
        taken = [] if replace else [key for key in items if key in self.rows]
        if not taken:
            self.rows.update({key: bytes(data) for key, data in items.items()})
        return taken


class ReplacesAlways(Kept):
    def write(self, items: Any, /, *, replace: bool) -> list[Any]:
        return super().write(items, replace=True)


class WritesWhatItCan(Kept):
    """Gives what was taken, and has written the rest."""

    def write(self, items: Any, /, *, replace: bool) -> list[Any]:
        free = {key: data for key, data in items.items() if replace or key not in self.rows}
        super().write(free, replace=True)
        return [key for key in items if key not in free]


class WritesOneByOne(Kept):
    def write(self, items: Any, /, *, replace: bool) -> list[Any]:
        taken = [] if replace else [key for key in items if key in self.rows]
        for key, data in items.items() if not taken else ():
            self.rows[key] = bytes(data)
        return taken


class NeverReplaces(Kept):
    def write(self, items: Any, /, *, replace: bool) -> list[Any]:
        taken = super().write(items, replace=False)
        return [] if replace else taken


WRITES = "test_a_key_value_store_writes_all_or_nothing_and_replaces_only_when_told"


def test_a_store_of_bytes_that_keeps_to_the_contract_passes(tmp_path: Path) -> None:
    getattr(type("Right", (Kit,), {"store": Kept})(), WRITES)(tmp_path)


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (ReplacesAlways, "not the key that holds something by now"),
        (WritesWhatItCan, "gave a key, and wrote"),
        (WritesOneByOne, "has written some of its items"),
        (NeverReplaces, "replace=True"),
    ],
)
def test_a_store_of_bytes_that_does_not_is_found(store: type[Kept], said: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=said):
        getattr(type("Broken", (Kit,), {"store": store})(), WRITES)(tmp_path)


class DumpsToo(TestSqlite):
    """Writes STOP before the commit, as a process that is killed would show."""

    __test__ = False
    kills = 12

    def work_until_killed(self, place: Path, base: int) -> None:
        from brinery import Profile

        store = self.open_store(place)
        bound = Profile.plain().bind(
            subject=SqliteStore(":memory:", [Table("customers", Customer)], on_new="insert")
        )
        print("ready", flush=True)
        for number in range(base * 10_000, base * 10_000 + 1000, 2):
            objects = [self.new(number), self.new(number + 1)]
            with open(place / f"{number}.stream", "wb") as file:
                bound.dump(objects, file)
            store.save(*objects)  # type: ignore[attr-defined]
            print(number, flush=True)


def test_a_stream_that_is_finished_before_its_commit_is_found(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="holds no object"):
        DumpsToo().test_processes_that_are_killed_lose_nothing_acknowledged(tmp_path)


def test_each_check_of_the_kit_is_seen_to_fail() -> None:
    seen = {check for _, check in (*IN_THIS_PROCESS, *OF_CUT_OFFS)}
    processes = "test_processes_that_are_killed_lose_nothing_acknowledged"
    taken = "test_a_profile_takes_the_store"  # by those that are refused
    assert seen | {FORK, WRITES, processes, taken} == {
        name for name in dir(StoreContract) if name.startswith("test_")
    }
