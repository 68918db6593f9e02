"""SQLite: forks, and files that are deleted, replaced, damaged, locked or full: said, and nothing lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import NotCommitted, StoreError
from brinery.persistence.sqlite import SqliteStore, Table, open_store

from .shop import Customer, Node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Bound

    Bind = Callable[..., Bound]

TABLES = [Table("customers", Customer), Table("nodes", Node)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


def ids(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [row[0] for row in connection.execute("SELECT id FROM customers ORDER BY id")]


def in_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_forks_with_threads_at_work_lose_nothing_that_was_acknowledged(path: Path, mode: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    acknowledged: list[int] = []
    stop = threading.Event()
    with SqliteStore(path, TABLES, on_new="insert") as store:

        def write(base: int) -> None:
            for number in range(base, base + 10_000):
                if stop.is_set():
                    return
                store.save(Customer(number, "parent"))
                acknowledged.append(number)
                time.sleep(0.001)

        threads = [threading.Thread(target=write, args=(base,)) for base in (100_000, 200_000)]
        for thread in threads:
            thread.start()
        children = []
        for child in range(6):

            def work(child: int = child) -> None:
                for number in range(10):
                    store.save(Customer(child * 10 + number, "child"))
                    both = store.get_many("customers", [child * 10, child * 10 + number])
                    assert all(customer.name == "child" for customer in both.values())

            children.append(in_child(work))
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join()
        store.save(Customer(99, "after"))
    assert ids(path) == sorted([*range(60), 99, *acknowledged])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_childs_threads_do_not_meet_the_parents_connection(path: Path) -> None:
    with SqliteStore(path, TABLES) as store:
        store.save(Customer(1))

        def work() -> None:
            failures: list[Exception] = []

            def read() -> None:
                try:
                    for _ in range(20):
                        assert store.get("customers", 1) == Customer(1)
                except Exception as failure:
                    failures.append(failure)

            threads = [threading.Thread(target=read) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert failures == []

        assert os.waitpid(in_child(work), 0)[1] == 0


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)


@pytest.mark.parametrize("change", [lambda path: path.unlink(), replaced], ids=["deleted", "replaced"])
def test_a_file_that_is_gone_takes_no_more_dumps(bind: Bind, path: Path, change: Any) -> None:
    with SqliteStore(path, TABLES, on_new="insert") as store:
        bound = bind(shop=store)
        data = bound.dumps(Customer(1))
        change(path)
        for act in (
            lambda: bound.dumps(Customer(2)),
            lambda: bound.loads(data),
            lambda: store.save(Customer(2)),
        ):
            with pytest.raises(StoreError, match=r"shop.db has been deleted or replaced while it was open"):
                act()


def test_a_row_that_a_trigger_ignores_is_not_referred_to(bind: Bind, path: Path) -> None:
    with SqliteStore(path, TABLES, on_new="insert") as store:
        with store.database.writing() as connection:
            connection.execute(
                "CREATE TRIGGER no BEFORE INSERT ON customers WHEN new.id > 1 BEGIN SELECT RAISE(IGNORE); END"
            )
        with pytest.raises(
            StoreError, match="of 3 rows of 'customers' 2 were not written, and without an error"
        ):
            bind(shop=store).dumps([Customer(1), Customer(2), Customer(3)])
    assert ids(path) == []


def test_a_trace_callback_that_uses_the_store_is_told(path: Path) -> None:
    told: list[str] = []
    with SqliteStore(path, TABLES) as store:

        def meddle(statement: str) -> None:
            if statement.startswith("INSERT") and not told:
                try:
                    store.get("customers", 1)
                except StoreError as error:
                    told.append(str(error))

        store.set_trace_callback(meddle)
        store.save(Customer(1), Customer(2))
        store.set_trace_callback(None)
    assert "within a transaction of its own" in told[0]
    assert ids(path) == [1, 2]


def test_threads_wait_no_longer_than_the_timeout(path: Path) -> None:
    with SqliteStore(path, TABLES, timeout=0.05) as store:
        holding, release = threading.Event(), threading.Event()

        def hold() -> None:
            with store.database.writing():
                holding.set()
                release.wait(10)

        thread = threading.Thread(target=hold)
        thread.start()
        holding.wait(10)
        with pytest.raises(StoreError, match=r"in use by other threads of this process for 0.05 seconds"):
            store.get("customers", 1)
        release.set()
        thread.join()


def truncate(path: Path) -> None:
    with open(path, "r+b") as file:
        file.truncate(5000)


def scribble(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


@pytest.mark.parametrize("harm", [truncate, scribble], ids=["truncated", "damaged"])
def test_a_damaged_file_is_an_error_with_its_path_and_what_to_do(bind: Bind, path: Path, harm: Any) -> None:
    with SqliteStore(path, TABLES, on_new="insert") as store:
        store.save(*[Customer(number, "x" * 100) for number in range(500)])
    harm(path)
    acts: list[Callable[[SqliteStore], Any]] = [
        lambda store: store.get_many("customers", range(500)),
        lambda store: bind(shop=store).dumps([Customer(n + 1000, "y") for n in range(500)]),
        lambda store: store.save(Customer(1, "z"), overwrite=True),
        lambda store: list(store.all("customers")),
        lambda store: store.count("customers"),
    ]
    for act in acts:
        with (
            pytest.raises(StoreError, match=r"shop.db.*(damaged|integrity_check|none of SQLite's)"),
            SqliteStore(path, TABLES, on_new="insert") as store,
        ):
            act(store)


def test_a_full_disk_is_an_error_and_leaves_the_database_as_it_was(bind: Bind, path: Path) -> None:
    with SqliteStore(path, TABLES, on_new="insert") as store:
        store.save(Customer(1))
        with store.database.asking() as connection:
            ((pages,),) = connection.execute("PRAGMA page_count")
            connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        for act in (
            lambda: bind(shop=store).dumps([Customer(n, "x" * 5000) for n in range(10, 20)]),
            lambda: store.save(*[Customer(n, "x" * 5000) for n in range(10, 20)]),
        ):
            with pytest.raises(StoreError, match=r"shop.db.*full.*Make room"):
                act()
        assert store.get("customers", 1) == Customer(1)
    assert ids(path) == [1]


def test_a_reader_that_keeps_a_commit_waiting_is_told_and_nothing_is_there(bind: Bind, path: Path) -> None:
    with (
        SqliteStore(path, TABLES, on_new="insert", timeout=0.05) as store,
        closing(sqlite3.connect(path)) as other,
    ):
        store.save(Customer(1))
        other.execute("BEGIN")
        other.execute("SELECT * FROM customers").fetchall()
        with pytest.raises(
            NotCommitted, match=r"locked by another connection for 0.05 seconds; nothing was changed"
        ):
            bind(shop=store).dumps(Customer(2))
        other.rollback()
        bind(shop=store).dumps(Customer(3))
    assert ids(path) == [1, 3]


def test_what_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match=r"cannot be opened as an SQLite database.*check the path"):
        SqliteStore(tmp_path / "a", TABLES)
    with pytest.raises(StoreError, match="folder has to exist"):
        SqliteStore(tmp_path / "no" / "a", TABLES)
    with pytest.raises(StoreError, match="it has a NUL in it"):
        open_store(f"sqlite:///{tmp_path}/a%00b")


def test_a_find_class_reaches_what_is_in_the_columns(bind: Bind, path: Path) -> None:
    import io

    from .shop import Opaque

    with SqliteStore(path, TABLES) as store:
        store.save(Node(1, Opaque(a=1)))
        bound = bind(shop=store)
        data = bound.dumps(store.get("nodes", 1))
        asked: list[str] = []

        class Careful(bound.Unpickler):  # type: ignore[name-defined,misc]
            def find_class(self, module: str, name: str) -> Any:
                asked.append(name)
                raise PermissionError(name)

        with pytest.raises(StoreError, match="PermissionError: Opaque"):
            Careful(io.BytesIO(data)).load()
        assert asked == ["Opaque"]


def test_objects_that_are_stored_already_are_looked_up_together(bind: Bind, path: Path) -> None:
    with SqliteStore(path, TABLES) as store:
        store.save(*[Customer(number) for number in range(1000)])
    asked: list[str] = []
    for on_new, most in (("refuse", 18), ("insert", 3)):
        with SqliteStore(path, TABLES, on_new=on_new) as store:  # type: ignore[arg-type]
            store.set_trace_callback(asked.append)
            bind(shop=store).dumps([Customer(number) for number in range(1000)])
            store.set_trace_callback(None)
            assert len([query for query in asked if query.startswith("SELECT")]) <= most
            asked.clear()


def test_new_objects_are_sent_together(bind: Bind, path: Path) -> None:
    asked: list[str] = []
    with SqliteStore(path, TABLES, on_new="insert") as store:
        store.save(Customer(0))
        store.set_trace_callback(asked.append)
        bind(shop=store).dumps([Customer(number) for number in range(10_000)])
        store.set_trace_callback(None)
    assert len([query for query in asked if not query.startswith("INSERT")]) <= 20  # a thousand each


def test_a_composite_key_is_found_by_its_index(tmp_path: Path) -> None:
    from .shop import Pair

    with SqliteStore(tmp_path / "a", [Table("pairs", Pair, key=("left", "right"))]) as store:
        asked: list[str] = []
        store.set_trace_callback(asked.append)
        store.get_many("pairs", [(1, "a"), (2, "b")])
        store.set_trace_callback(None)
        (query,) = [text for text in asked if text.startswith("WITH")]
        with store.database.asking() as connection:
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
        assert "SEARCH t USING INDEX" in plan
