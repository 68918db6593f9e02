"""Parts of the stress program: forks with threads at work, and files that are harmed while a store writes.

What harms a file is picked at random. Whatever it is, each call raises a StoreError with the path, and what
was acknowledged is there once the file is as it should be.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brinery import Profile
from brinery.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brinery.persistence.sqlite import SqliteStore

    Open = Callable[[str], SqliteStore]

CHILDREN = 4
OF_A_CHILD = 10


def forks(path: str, rounds: int, open_store: Open, item: Any) -> None:
    """Forks, while two threads write: the parent, its threads and the children lose nothing."""
    acknowledged: list[int] = []
    stop = threading.Event()
    first = 4 * 10**9
    with open_store(path) as store, Profile.plain().bind(shop=store) as bound:

        def write(base: int) -> None:
            for number in range(base, base + 10**6):
                if stop.is_set():
                    return
                bound.dumps(item(number, "parent"))
                acknowledged.append(number)
                time.sleep(0.001)

        threads = [threading.Thread(target=write, args=(first + base * 10**7,)) for base in (1, 2)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(rounds):
                children = []
                for child in range(CHILDREN):
                    base = first + (turn * CHILDREN + child) * OF_A_CHILD
                    pid = os.fork()
                    if pid == 0:
                        os._exit(_as_child(bound, item, base))
                    children.append(pid)
                for pid in children:
                    assert os.waitpid(pid, 0)[1] == 0, "a child failed"
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    theirs = range(first, first + rounds * CHILDREN * OF_A_CHILD)
    with open_store(path) as store:
        assert len(store.get_many("items", theirs)) == len(theirs), (
            "what a child was told is stored is not there"
        )
        assert len(store.get_many("items", acknowledged)) == len(acknowledged), "the same of the parent"


def _as_child(bound: Any, item: Any, base: int) -> int:
    try:
        for number in range(base, base + OF_A_CHILD):
            mine = item(number, "child")
            assert bound.loads(bound.dumps([mine])) == [mine]
    except BaseException:
        return 1
    return 0


@contextmanager
def locked(path: str) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def replaced_by(path: str, make: Callable[[str], None]) -> Iterator[None]:
    """Another file, or none, in the place of the database and of what is beside it."""
    away = [name for name in (path, f"{path}-wal", f"{path}-shm", f"{path}-journal") if os.path.exists(name)]
    for name in away:
        os.replace(name, f"{name}.away")
    make(path)
    yield
    for name in (path, f"{path}-wal", f"{path}-shm", f"{path}-journal"):
        if os.path.exists(name):
            os.unlink(name)
    for name in away:
        os.replace(f"{name}.away", name)


def _truncated(path: str) -> None:
    shutil.copy(f"{path}.away", path)
    os.truncate(path, random.randrange(1, os.path.getsize(path)))


HARMS: dict[str, Callable[[str], Any]] = {
    "locked": locked,
    "deleted": lambda path: replaced_by(path, lambda path: None),
    "replaced by a copy": lambda path: replaced_by(path, lambda path: shutil.copy(f"{path}.away", path)),
    "truncated": lambda path: replaced_by(path, _truncated),
    "foreign": lambda path: replaced_by(path, lambda path: Path(path).write_bytes(os.urandom(20_000))),
}


def harmed(path: str, rounds: int, open_store: Open, item: Any) -> None:
    """A file that is locked, gone, another, cut short or no database, under an open store and a new one."""
    kept: list[int] = []
    for turn in range(rounds):
        name = random.choice(list(HARMS))
        base = 5 * 10**9 + turn * 10
        with open_store(path) as store, Profile.plain().bind(shop=store) as bound:
            data = bound.dumps([item(base)])
            kept.append(base)
            with HARMS[name](path):
                _all_refused(path, name, bound, data, item, base)
                if name != "replaced by a copy":
                    _opening_refused(path, name, open_store)
        with open_store(path) as store, Profile.plain().bind(shop=store) as bound:
            bound.dumps([item(base + 5)])
            kept.append(base + 5)
    with open_store(path) as store:
        assert len(store.get_many("items", kept)) == len(kept), "what was acknowledged is not there"
        for base in kept[::2]:
            assert not store.get_many("items", [base + 1, base + 2]), "what was refused is there"


def _all_refused(path: str, name: str, bound: Any, data: bytes, item: Any, base: int) -> None:
    acts = [lambda: bound.dumps([item(base + 1), item(base + 2)])]
    if name != "locked":  # with a write-ahead log, reading goes on
        acts.append(lambda: bound.loads(data))
    for act in acts:
        said = _error_of(act)
        assert said is not None, f"{name}: nobody noticed"
        assert path in said, f"{name}: the path is not told: {said}"


def _error_of(act: Callable[[], object]) -> str | None:
    try:
        act()
    except StoreError as error:
        return str(error)
    return None


def _opening_refused(path: str, name: str, open_store: Open) -> None:
    """A new store on such a file is an error; but where there is none it makes one."""
    if name in ("deleted", "locked"):
        return

    def act() -> None:
        with open_store(path) as store:
            list(store.all("items"))

    said = _error_of(act)
    # Cut short at its beginning it is empty, and so a new one.
    assert said is not None or name == "truncated", f"{name}: nobody noticed"
    assert said is None or path in said, f"{name}: the path is not told: {said}"


def full(path: str, rounds: int, open_store: Open, item: Any) -> None:
    """A disk that is full in the middle of a dump, at any size: nothing of it is there."""
    with open_store(path) as store, Profile.plain().bind(shop=store) as bound:
        for turn in range(rounds):
            base = 6 * 10**9 + turn * 100
            with store.database.asking() as connection:
                ((pages,),) = connection.execute("PRAGMA page_count")
                connection.execute(f"PRAGMA max_page_count = {pages + random.randrange(1, 20)}")
            objects = [item(base + number, "x" * 5000) for number in range(50)]
            said = _error_of(lambda objects=objects: bound.dumps(objects))
            assert said is not None, "a full disk was not noticed"
            assert "Make room" in said
            with store.database.asking() as connection:
                connection.execute("PRAGMA max_page_count = 1073741823")
            assert not store.get_many("items", range(base, base + 50)), "half of a dump is there"
            bound.dumps([item(base + 99)])
