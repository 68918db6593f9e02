"""The contract of stores as tests, for a backend to subclass::

    class TestMyStore(StoreContract):
        def open_store(self, place):
            return MyStore(place / "db", on_new="insert")

        def new(self, number):
            return Customer(number, f"customer {number}")

        def count(self, store):
            return store.how_many()

pytest finds the tests that are inherited, and gives each a directory of its own as `place` (``tmp_path``).
What a backend has no hook for is skipped, which the test's result says. Where a profile does not take the
store, one test fails, and the others are skipped.
"""

from __future__ import annotations

import io
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
import unittest
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from brinery.errors import (
    BrineryError,
    CommitUncertain,
    MissingReference,
    NotCommitted,
    StoreError,
    StoreFault,
)
from brinery.persistence.records import KeyValueStore
from brinery.persistence.stores import Dump, DumpContext, Load, LoadContext, Store
from brinery.profile import Profile
from brinery.testing.contracts import Contract, skipping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from brinery.persistent_ids import Key
    from brinery.profile import BoundProfile

__all__ = ["StoreContract"]


class StoreContract(Contract):
    """What every store promises. See the module's documentation.

    Raises RuntimeError under python -O, which leaves out assert statements.
    """

    #: How many processes are killed at a random moment of their dumps.
    kills = 30
    #: Whether a store that was opened works in a forked child, by opening its connection again.
    survives_forks = True
    #: Whether a dump may refer to what was deleted while it went on, as where a store does not ask its
    #: database about what was loaded.
    keeps_no_watch = False
    #: How many requests a load, or a dump, of 1,000 and of 10,000 objects may take.
    most_requests = 5, 30

    # what a backend says

    def open_store(self, place: Path) -> Store:
        """The store of the database at `place`, which takes new objects. Each call opens the same one."""
        raise NotImplementedError

    def new(self, number: int) -> Any:
        """A new object of a claimed class, the same for the same number; numbers are below a million."""
        raise NotImplementedError

    def count(self, store: Any) -> int:
        """How many objects the database holds."""
        raise NotImplementedError

    def content(self, obj: Any) -> Any:
        """What two objects have in common that are the same; compared with ``==``."""
        return vars(obj)

    def delete(self, store: Any, obj: Any) -> None:
        """Delete what `obj` is stored as."""
        raise unittest.SkipTest("the backend says no way to delete")

    def requests(self, store: Any) -> AbstractContextManager[list[Any]]:
        """A context manager that gives a list of the requests that the database is sent within it."""
        raise unittest.SkipTest("the backend says no way to count requests")

    def cut_off(self, store: Any) -> AbstractContextManager[object]:
        """A context manager within which the database cannot be reached, really."""
        raise unittest.SkipTest("the backend says no way to cut it off")

    # the tests

    def test_a_profile_takes_the_store(self, tmp_path: Path) -> None:
        store = self.open_store(tmp_path)
        try:
            Profile.plain().bind(subject=store)
        except Exception as refused:
            raise AssertionError(
                f"a profile does not take the store: {type(refused).__name__}: {refused}"
            ) from refused
        finally:
            _close(store)

    def test_objects_come_back_at_every_protocol(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, bound):
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                one, two = self.new(protocol * 2), self.new(protocol * 2 + 1)
                data = bound.dumps({"one": one, "again": [one, two]}, protocol)
                file = io.BytesIO(data)
                for loaded in (bound.loads(data), bound.load(file)):
                    assert loaded["one"] is loaded["again"][0], "an object met twice came back as two"
                    assert loaded["one"] is not loaded["again"][1], "two objects came back as one"
                    assert [self.content(obj) for obj in loaded["again"]] == [
                        self.content(one),
                        self.content(two),
                    ]
            assert self.count(store) == 12, "12 objects were dumped, and the store holds another number"

    def test_what_is_stored_is_there_for_another_process(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (_, bound):
            data = bound.dumps([self.new(1)])
        with self._opened(tmp_path) as (_, bound):
            assert self.content(bound.loads(data)[0]) == self.content(self.new(1))

    def test_what_was_loaded_is_referred_to_and_not_stored_again(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, bound):
            data = bound.dumps([self.new(1), self.new(2)])
            assert len(bound.dumps(bound.loads(data))) == len(data), "what was loaded has another key"
            assert self.count(store) == 2, "what was loaded was stored again"

    def test_requests_grow_with_batches_not_with_objects(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, bound):
            for amount, most in zip((1_000, 10_000), self.most_requests, strict=True):
                objects = [self.new(amount + number) for number in range(amount)]
                with self.requests(store) as sent:
                    data = bound.dumps(objects)
                assert len(sent) <= most, f"{len(sent)} requests for {amount} new objects"
                with self.requests(store) as sent:
                    loaded = bound.loads(data)
                assert len(sent) <= most, f"{len(sent)} requests to load {amount} objects"
                mixed = [
                    *loaded[::2],
                    *[self.new(500_000 + amount + number) for number in range(amount // 2)],
                ]
                with self.requests(store) as sent:
                    bound.dumps(mixed)
                assert len(sent) <= most, f"{len(sent)} requests for {amount} objects, half of them new"

    def test_a_dump_that_fails_leaves_the_store_as_it_was(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, bound):
            bound.dumps(self.new(1))
            for way in ("dumps", "dump", "Pickler"):
                file = io.BytesIO()
                with self._raises(TypeError, "an object that cannot be pickled"):
                    _dump(bound, way, file, [self.new(2), _Unpicklable(), self.new(3)])
                assert self.count(store) == 1, "a dump that failed stored something"
                self._unfinished(file.getvalue())

    def test_where_another_store_fails_this_one_is_as_it_was(self, tmp_path: Path) -> None:
        for step in ("begin_dump", "key_of", "prepare", "commit"):
            with self._opened(tmp_path, _Other(step)) as (store, bound):
                before = self.count(store)
                for way in ("dumps", "dump", "Pickler"):
                    file = io.BytesIO()
                    with self._raises(BrineryError, f"another store that fails in {step}"):
                        _dump(bound, way, file, [_Claimed(), self.new(1), _Claimed()])
                    assert self.count(store) == before, (
                        f"something was stored though {step} of another failed"
                    )
                    self._unfinished(file.getvalue())

    def test_where_another_store_fails_behind_its_commit_that_is_said(self, tmp_path: Path) -> None:
        with self._opened(tmp_path, _Other("commit"), first=True) as (store, bound):
            said: BaseException | None = None
            try:
                bound.dumps([self.new(1), _Claimed()])
            except (CommitUncertain, NotCommitted) as error:
                said = error
            assert said is not None, "a dump succeeded whose second store could not commit"
            committed = isinstance(said, CommitUncertain) and "subject" in said.committed
            assert self.count(store) == committed, "what is said of the commit is not so"

    def test_nothing_that_loads_is_in_the_file_before_the_commit(self, tmp_path: Path) -> None:
        other = _Other(None)
        with self._opened(tmp_path, other) as (store, bound):
            for way in ("dump", "Pickler"):
                seen: list[tuple[str, bytes]] = []
                before, file = self.count(store), io.BytesIO()
                other.told = lambda step, seen=seen, file=file: seen.append((step, file.getvalue()))
                _dump(bound, way, file, [_Claimed(), self.new(before), ["x" * 100] * 2000, "y" * 100_000])
                for _, data in seen:
                    self._unfinished(data)
                assert self.count(store) == before + 1, "a dump that succeeded did not store its object"

    def test_a_dump_within_a_dump_is_a_transaction_of_its_own(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, bound):
            inner: list[bytes] = []
            nested = _Nested(lambda: inner.append(bound.dumps([self.new(7)])))
            with self._raises(TypeError, "an object that cannot be pickled"):
                bound.dumps([self.new(1), nested, _Unpicklable()])
            assert self.count(store) == 1, "what the inner dump stored is to be there, and nothing else"
            assert self.content(bound.loads(inner[0])[0]) == self.content(self.new(7))
            bound.dumps([self.new(1), nested, self.new(2)])
            assert self.count(store) == 3

    def test_a_transaction_may_be_rolled_back_twice(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, _):
            dump = store.begin_dump(DumpContext("subject"))
            dump.key_of(self.new(1))
            dump.rollback()
            dump.rollback()
            assert self.count(store) == 0
            dump = store.begin_dump(DumpContext("subject"))
            key = dump.key_of(self.new(1))
            if key is not None and not isinstance(key, (str, int, bytes, tuple)):
                dump.assign([self.new(1)])
            dump.prepare()
            dump.rollback()
            dump.rollback()
            assert self.count(store) == 0, "what was prepared and rolled back is there"

    def test_what_is_gone_is_missing_and_all_of_it_is_named(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, bound):
            objects = [self.new(number) for number in range(5)]
            data = bound.dumps([*objects, objects[1]])
            for obj in objects[1:3]:
                self.delete(store, obj)
            said: MissingReference | None = None
            try:
                bound.loads(data)
            except MissingReference as error:
                said = error
            assert said is not None, "a stream loaded that refers to what is gone"
            assert len(said.references) == 2, "not all that is missing is named"
            assert all(places for _, _, places in said.references)
        with self._opened(tmp_path, missing="none") as (_, bound):
            loaded = bound.loads(data)
            assert [obj is None for obj in loaded] == [False, True, True, False, False, True]

    def test_a_key_value_store_writes_all_or_nothing_and_replaces_only_when_told(
        self, tmp_path: Path
    ) -> None:
        with self._opened(tmp_path) as (store, bound):
            if not isinstance(store, KeyValueStore) or store.identity != "key":
                raise unittest.SkipTest("the store is no KeyValueStore with keys of its own")
            bound.dumps([self.new(2)])
            free, held = store.key_for(self.new(1)), store.key_for(self.new(2))
            before = dict(store.read([free, held]))
            assert list(before) == [held], "read gives something for a key that holds nothing"
            taken = list(store.write({free: b"one", held: b"two"}, replace=False))
            assert taken == [held], (
                f"write(…, replace=False) gave {taken!r}, not the key that holds something by now, {held!r}"
            )
            assert store.read([free, held]) == before, "write(…, replace=False) gave a key, and wrote"
            wrong: Any = object()  # which no database takes
            try:
                store.write({free: b"one", held: wrong}, replace=True)
            except Exception:
                assert store.read([free, held]) == before, "a write that failed has written some of its items"
            assert not list(store.write({free: b"one", held: b"two"}, replace=True))
            assert store.read([free, held]) == {free: b"one", held: b"two"}, "write(…, replace=True) did not"

    def test_threads_do_not_meet(self, tmp_path: Path) -> None:
        wrong: list[BaseException] = []
        with self._opened(tmp_path) as (store, bound):

            def work(base: int) -> None:
                try:
                    for turn in range(10):
                        objects = [self.new(base + turn * 5 + number) for number in range(5)]
                        if turn % 3 == 2:
                            with self._raises(TypeError, "an object that cannot be pickled"):
                                bound.dumps([objects, _Unpicklable()])
                            continue
                        loaded = bound.loads(bound.dumps(objects))
                        assert list(map(self.content, loaded)) == list(map(self.content, objects))
                except BaseException as failure:
                    wrong.append(failure)

            threads = [threading.Thread(target=work, args=(base * 1000,)) for base in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if wrong:
                raise wrong[0]
            assert self.count(store) == 8 * 7 * 5, (
                "threads lost objects, or stored those of dumps that failed"
            )

    def test_threads_that_store_one_object_store_it_once(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, bound):
            ended = self._at_once(lambda _: bound.dumps([self.new(1), self.new(2)]))
            for data, error in ended:
                # One may have been later than another, and is told; but what it has stored, it can load.
                assert error is None or isinstance(error, BrineryError), f"a race is an error: {error!r}"
                if error is None:
                    loaded = bound.loads(data)
                    assert list(map(self.content, loaded)) == [
                        self.content(self.new(1)),
                        self.content(self.new(2)),
                    ]
            assert any(error is None for _, error in ended), "of several dumps of one object none succeeded"
            assert self.count(store) == 2, "one object that several threads stored is there more than once"

    def test_stores_of_one_database_do_not_undo_each_other(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, bound), self._opened(tmp_path) as (_, other):
            data = bound.dumps([self.new(1)])
            both = self._at_once(
                lambda number: (bound, other)[number % 2].dumps([self.new(1), self.new(10 + number)])
            )
            acknowledged = [number for number, (_, error) in enumerate(both) if error is None]
            for number in acknowledged:
                loaded = (other, bound)[number % 2].loads(both[number][0])
                assert self.content(loaded[1]) == self.content(self.new(10 + number)), (
                    "what one store acknowledged, another one of the same database does not hold"
                )
            assert self.content(other.loads(data)[0]) == self.content(self.new(1))
            assert self.count(store) == 1 + len(acknowledged), (
                "what is there is not what was acknowledged: a dump undid another, or failed and stored"
            )

    def test_what_is_deleted_while_a_dump_goes_on_is_not_referred_to(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as (store, bound), self._opened(tmp_path) as (rival, _):
            bound.dumps([self.new(1), self.new(2)])
            one = bound.loads(bound.dumps(self.new(1)))
            deleting = _Nested(lambda: self.delete(rival, self.new(1)))
            try:
                data = bound.dumps([one, deleting, self.new(3)])
            except BrineryError:
                assert self.count(store) == 1, "a dump that failed stored something"
                return
            # Then it was stored anew, or the deletion came later, as far as the store can know.
            assert self.keeps_no_watch or self.content(bound.loads(data)[0]) == self.content(one)

    def test_a_forked_child_works_or_is_refused_with_the_reason(self, tmp_path: Path) -> None:
        if not hasattr(os, "fork"):
            raise unittest.SkipTest("there is no fork")
        with self._opened(tmp_path) as (store, bound):
            data = bound.dumps(self.new(1))
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    if self.survives_forks:
                        assert self.content(bound.loads(data)) == self.content(self.new(1))
                        bound.dumps(self.new(2))
                    else:
                        with self._raises(StoreError, "a child of the process that owns the store"):
                            bound.loads(data)
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0, "the child failed"
            bound.dumps(self.new(3))
            assert self.count(store) == (3 if self.survives_forks else 2), (
                "what parent and child stored is not what is there"
            )

    def test_a_backend_that_goes_away_is_a_fault_and_nothing_is_lost(self, tmp_path: Path) -> None:
        with self._opened(tmp_path, missing="none") as (store, bound):
            data = bound.dumps(self.new(1))
            with self.cut_off(store):
                for act in (lambda: bound.loads(data), lambda: bound.dumps(self.new(2))):
                    with self._raises((StoreFault, StoreError), "a database that cannot be reached"):
                        act()
            self._still_there(bound, data)
            bound.dumps(self.new(3))
            assert self.count(store) == 2

    def test_a_backend_that_goes_away_in_the_middle_of_a_dump_keeps_nothing_of_it(
        self, tmp_path: Path
    ) -> None:
        with self._opened(tmp_path, missing="none") as (store, bound):
            data = bound.dumps(self.new(1))
            file = io.BytesIO()
            with ExitStack() as until:
                going = _Nested(lambda: until.enter_context(self.cut_off(store)))
                with self._raises((StoreFault, StoreError), "a database that goes away in the middle"):
                    bound.dump([self.new(2), going, self.new(3)], file)
            self._unfinished(file.getvalue())
            assert self.count(store) == 1, "something of a dump is there that failed"
            self._still_there(bound, data)
            bound.dumps([self.new(2), self.new(3)])
            assert self.count(store) == 3

    def test_processes_that_are_killed_lose_nothing_acknowledged(self, tmp_path: Path) -> None:
        if not hasattr(signal, "SIGKILL"):
            raise unittest.SkipTest("there is no SIGKILL")
        with self._opened(tmp_path):
            pass
        acknowledged: list[int] = []
        for kill in range(self.kills):
            worker = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    _WORKER,
                    type(self).__module__,
                    type(self).__qualname__,
                    str(tmp_path),
                    str(kill),
                ],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=subprocess.PIPE,
                text=True,
            )
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n", "the worker did not come up"
            time.sleep(random.random() * 0.1)
            worker.send_signal(signal.SIGKILL)
            acknowledged += [int(line) for line in worker.stdout.read().split("\n")[:-1]]
            worker.stdout.close()
            worker.wait()
        finished = {}
        with self._opened(tmp_path) as (_, bound):
            for file in tmp_path.glob("*.stream"):
                data = file.read_bytes()
                if data.endswith(b"."):
                    # Without STOP it was never acknowledged; with it, all that it refers to is there.
                    finished[int(file.stem)] = list(map(self.content, bound.loads(data)))
            for number in acknowledged:
                assert finished.get(number) == [
                    self.content(self.new(number)),
                    self.content(self.new(number + 1)),
                ]

    # helpers

    @contextmanager
    def _opened(
        self, place: Path, other: Store | None = None, *, first: bool = False, missing: Any = "raise"
    ) -> Iterator[tuple[Any, BoundProfile]]:
        store = self.open_store(place)
        try:
            stores: dict[str, Any] = {"subject": store}
            if other is not None:
                stores = {"subject": store, "other": other} if first else {"other": other, "subject": store}
            try:
                bound = Profile.plain().bind(stores, missing=missing)
            except Exception:
                with skipping("no profile takes the store", "test_a_profile_takes_the_store", Exception):
                    Profile.plain().bind(subject=store)
                raise
            yield store, bound
        finally:
            _close(store)

    @contextmanager
    def _raises(self, kind: Any, what: str) -> Iterator[None]:
        try:
            yield
        except kind:
            return
        raise AssertionError(f"no error for {what}")

    def _at_once(self, act: Callable[[int], bytes]) -> list[tuple[bytes, BaseException | None]]:
        """What eight threads gave or raised that did the same at one moment."""
        ready = threading.Barrier(8)
        ended: list[tuple[bytes, BaseException | None]] = [(b"", None)] * 8

        def work(number: int) -> None:
            ready.wait()
            try:
                ended[number] = act(number), None
            except BaseException as error:
                ended[number] = b"", error

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ended

    def _still_there(self, bound: BoundProfile, data: bytes) -> None:
        loaded = bound.loads(data)
        assert loaded is not None, "what was stored before is missing"
        assert self.content(loaded) == self.content(self.new(1))

    def _unfinished(self, data: bytes) -> None:
        try:
            _Ids(io.BytesIO(data)).load()
        except EOFError:
            return
        raise AssertionError("a stream that can be loaded is in the file, and its stores have not committed")

    def work_until_killed(self, place: Path, base: int) -> None:
        """What the processes do that are killed."""
        store = self.open_store(place)
        bound = Profile.plain().bind(subject=store)
        print("ready", flush=True)
        for number in range(base * 10_000, base * 10_000 + 10_000, 2):
            with open(place / f"{number}.stream", "wb") as file:
                bound.dump([self.new(number), self.new(number + 1)], file)
            print(number, flush=True)


_WORKER = """
import importlib, pathlib, sys
found = importlib.import_module(sys.argv[1])
for part in sys.argv[2].split("."):
    found = getattr(found, part)
found().work_until_killed(pathlib.Path(sys.argv[3]), int(sys.argv[4]))
"""


def _close(store: Any) -> None:
    """Close what may be no store at all: that is for a profile to say."""
    getattr(store, "close", lambda: None)()


def _dump(bound: Any, way: str, file: Any, obj: Any) -> None:
    if way == "dumps":
        bound.dumps(obj)
    elif way == "dump":
        bound.dump(obj, file)
    else:
        bound.Pickler(file).dump(obj)


class _Ids(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        return pid


class _Unpicklable:
    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle this")


class _Nested:
    def __init__(self, act: Any) -> None:
        self._act = act

    def __reduce__(self) -> Any:
        self._act()
        return str, ()


class _Claimed:
    """An object of the other store."""


class _Other(Store):
    """A store beside the one that is tested, which fails at one step."""

    claims = (_Claimed,)

    def __init__(self, fails: str | None) -> None:
        self.fails = fails
        self.told: Any = lambda step: None

    def step(self, step: str) -> None:
        """Tell, and fail if this is the step."""
        self.told(step)
        if step == self.fails:
            raise NotCommitted(step) if step == "commit" else OSError(step)

    def begin_dump(self, context: DumpContext, /) -> Dump:
        """A dump that fails."""
        self.step("begin_dump")
        return _OtherDump(self)

    def begin_load(self, context: LoadContext, /) -> Load:
        """A load that finds everything."""
        return _OtherLoad()


class _OtherDump(Dump):
    def __init__(self, store: _Other) -> None:
        self._store = store

    def key_of(self, obj: Any, /) -> Key:
        self._store.step("key_of")
        return "key"

    def prepare(self) -> None:
        self._store.step("prepare")

    def commit(self) -> None:
        self._store.step("commit")


class _OtherLoad(Load):
    def fetch(self, keys: list[Key], /) -> Mapping[Key, object]:
        return {key: _Claimed() for key in keys}
