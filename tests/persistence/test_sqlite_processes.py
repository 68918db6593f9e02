"""SQLite: processes read and write one file at once, one is killed in the middle, and nothing is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from brinery.errors import StoreError
from brinery.persistence.sqlite import SqliteStore, Table

from .conftest import Bound
from .shop import Customer

if TYPE_CHECKING:
    from pathlib import Path

TABLES = [Table("customers", Customer)]

PRELUDE = """
import sys, io
from tests.persistence.conftest import Bound
from tests.persistence.shop import Customer
from brinery.persistence.sqlite import SqliteStore, Table
path, engine, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = SqliteStore(path, [Table("customers", Customer)], on_new="insert")
bound = Bound(engine, {"shop": store}, None, "raise")
"""


def start(code: str, path: Path, engine: str, number: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code), str(path), engine, str(number)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def ids(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [row[0] for row in connection.execute("SELECT id FROM customers ORDER BY id")]


def test_processes_that_write_and_read_at_once_lose_nothing(wire: object, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    work = """
    for turn in range(25):
        people = [Customer(number * 10_000 + turn * 10 + k, f"{number}/{turn}") for k in range(10)]
        assert bound.loads(bound.dumps(people)) == people
        everyone = [Customer(k, f"0/{k // 10}") for k in range(turn * 10)] if number == 0 else []
        assert bound.loads(bound.dumps(everyone)) == everyone
    print("done")
    """
    workers = [start(work, path, wire.name, number) for number in range(3)]  # type: ignore[attr-defined]
    assert [worker.communicate(timeout=60)[0] for worker in workers] == ["done\n"] * 3
    assert ids(path) == [number * 10_000 + k for number in range(3) for k in range(250)]


def test_of_two_processes_that_insert_one_key_the_second_is_told(wire: object, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    SqliteStore(path, TABLES).close()
    work = """
    from brinery.errors import NotStored
    class Ready:
        def __reduce__(self):
            print("ready", flush=True)
            sys.stdin.readline()
            return str, ()
    try:
        bound.dumps([Customer(1, f"from {number}"), Ready()])
    except NotStored as refused:
        print(refused)
    else:
        print("stored")
    """
    one, two = (start(work, path, wire.name, number) for number in (1, 2))  # type: ignore[attr-defined]
    for worker in (one, two):
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    assert one.communicate("go\n", timeout=60)[0] == "stored\n"
    assert "another writer was there first" in two.communicate("go\n", timeout=60)[0]
    with SqliteStore(path) as store:
        assert store.get("customers", 1).name == "from 1"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_killed_in_the_middle_of_a_dump_leaves_the_store_as_it_was(
    wire: object, tmp_path: Path
) -> None:
    path = tmp_path / "shop.db"
    with SqliteStore(path, TABLES) as store:
        store.save(Customer(1))
    work = """
    class Kill:
        def __reduce__(self):
            print("in the middle", flush=True)
            sys.stdin.readline()
    bound.dumps([[Customer(k) for k in range(100, 200)], Kill()])
    """
    worker = start(work, path, wire.name)  # type: ignore[attr-defined]
    assert worker.stdout is not None
    assert worker.stdout.readline() == "in the middle\n"
    with SqliteStore(path, TABLES, timeout=1) as store:
        store.save(Customer(2))  # a dump that goes on locks nobody out
    worker.send_signal(signal.SIGKILL)
    worker.communicate(timeout=60)
    assert worker.returncode == -signal.SIGKILL
    assert ids(path) == [1, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_process_killed_in_the_middle_of_a_commit_leaves_all_or_nothing(
    wire: object, tmp_path: Path, mode: str
) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    with SqliteStore(path, TABLES) as store:
        store.save(Customer(1))
    work = """
    import os, signal
    connection = store.database._connection
    connection.execute("PRAGMA cache_size = 5")  # so that pages reach the file before the commit
    inserted = iter(range(3000))
    def trace(text):
        if text.startswith("INSERT") and next(inserted, None) is None:
            print("inserting", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    connection.set_trace_callback(trace)
    bound.dumps([Customer(k, "x" * 200) for k in range(100, 5000)])
    """
    worker = start(work, path, wire.name)  # type: ignore[attr-defined]
    assert worker.communicate(timeout=60)[0] == "inserting\n"
    assert worker.returncode == -signal.SIGKILL
    with SqliteStore(path, TABLES) as store:
        store.save(Customer(2))
    assert ids(path) == [1, 2]


def test_a_lock_that_stays_is_an_error_that_says_so(wire: object, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with (
        SqliteStore(path, TABLES, on_new="insert", timeout=0.05) as store,
        closing(sqlite3.connect(path)) as other,
    ):
        bound = Bound(wire.name, {"shop": store}, None, "raise")  # type: ignore[attr-defined]
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StoreError, match=r"locked by another connection for 0.05 seconds; nothing was changed"
        ):
            bound.dumps(Customer(1))
        other.rollback()
        bound.dumps(Customer(1))
    assert ids(path) == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_opens_the_file_again(wire: object, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with SqliteStore(path, TABLES, on_new="insert") as store, SqliteStore(":memory:", TABLES) as memory:
        bound = Bound(wire.name, {"shop": store}, None, "raise")  # type: ignore[attr-defined]
        data = bound.dumps(Customer(1))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                assert bound.loads(data) == Customer(1)
                bound.dumps(Customer(2))
                with pytest.raises(StoreError, match="belongs to the process that opened it"):
                    memory.get("customers", 1)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        bound.dumps(Customer(3))
        assert bound.loads(data) == Customer(1)
    assert ids(path) == [1, 2, 3]
