"""The SQLite store under stress, at any size: ``python tests/persistence/stress.py --kills 300``.

Real processes, threads, forks and signals on a real file, in both journal modes; a file that is full, locked,
deleted, replaced, cut short or another program's. Afterwards nothing that was
acknowledged is missing, nothing unfinished is there, and the database is sound. The tests run it at a small
size.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brinery import Profile
from brinery.errors import NotStored, StoreError
from brinery.persistence.sqlite import SqliteStore, Table


@dataclass
class Counter:
    id: int
    value: int = 0


@dataclass
class Item:
    id: int
    text: str = ""


TABLES = [
    Table("counters", "tests.persistence.stress:Counter"),
    Table("items", "tests.persistence.stress:Item"),
]
THREADS = 8
MODES = ("delete", "wal")


def open_store(path: str) -> SqliteStore:
    return SqliteStore(path, TABLES, on_new="insert", timeout=60)


def open_impatiently(path: str) -> SqliteStore:
    return SqliteStore(path, TABLES, on_new="insert", timeout=0.05)


def classes() -> tuple[Any, Any]:
    """As other processes know them, whatever this one is called."""
    from tests.persistence import stress

    return stress.Counter, stress.Item


def work(path: str, number: int, turns: int) -> None:
    """One process of overlapping writers: prints what was acknowledged."""
    counter, item = classes()
    done: list[int] = []
    with open_store(path) as store, Profile.plain().bind(shop=store) as bound:

        def increment(thread: int) -> None:
            random_ = random.Random(number * 100 + thread)
            for turn in range(turns):
                key = random_.randrange(4)
                while True:
                    mine = store.get("counters", key)
                    mine.value += 1
                    try:
                        store.save(mine)
                    except NotStored:
                        continue
                    done.append(key)
                    break
                base = ((number * THREADS + thread) * turns + turn) * 3
                # The first is everybody's, with one content.
                items = [item(10**9 + turn), *[item(base + k, f"{base}") for k in range(3)]]
                assert bound.loads(bound.dumps(items)) == items
                assert counter is type(mine)

        threads = [threading.Thread(target=increment, args=(thread,)) for thread in range(THREADS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    print(*[done.count(key) for key in range(4)])


def overlapping(path: str, turns: int, processes: int = 4) -> None:
    """Processes of eight threads each that write the same rows and others: nothing is lost."""
    counter, _ = classes()
    with open_store(path) as store:
        store.save(*[counter(key) for key in range(4)])
    workers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"from tests.persistence.stress import work; work({path!r}, {number}, {turns})",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    totals = [0] * 4
    for worker in workers:
        out, _ = worker.communicate()
        assert worker.returncode == 0, f"a worker failed: {out}"
        totals = [total + int(part) for total, part in zip(totals, out.split(), strict=True)]
    with open_store(path) as store:
        assert [store.get("counters", key).value for key in range(4)] == totals
        assert sum(totals) == processes * THREADS * turns
        assert store.count("items") == processes * THREADS * turns * 3 + turns


class Interrupted(Exception):
    pass


def interrupted(path: str, rounds: int) -> None:
    """Signals that raise, at any moment of dumps: what was acknowledged is there, and no half of a dump."""
    _, item = classes()
    acknowledged: list[int] = []

    def interrupt(*_: object) -> None:
        raise Interrupted

    before, unraisable = signal.signal(signal.SIGALRM, interrupt), sys.unraisablehook
    # Where it comes in the middle of a weak reference's callback, nobody can be told.
    sys.unraisablehook = lambda told: None if told.exc_type is Interrupted else unraisable(told)
    try:
        with open_store(path) as store, Profile.plain().bind(shop=store) as bound:
            for number in range(rounds):
                base = 2 * 10**9 + number * 50
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.004))
                    bound.dumps([item(base + k) for k in range(50)])
                    acknowledged.append(base)
                except (Interrupted, StoreError):
                    pass
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupted:  # between the dump and its `finally`
        pass
    finally:
        signal.signal(signal.SIGALRM, before)
        sys.unraisablehook = unraisable
    with open_store(path) as store:
        for number in range(rounds):
            base = 2 * 10**9 + number * 50
            found = len(store.get_many("items", range(base, base + 50)))
            assert found in (0, 50), "half of a dump is there"
            assert found or base not in acknowledged, "what was acknowledged is not there"


def sound(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def run(folder: Path, mode: str, turns: int, rounds: int, kills: int) -> None:
    """All of it, in one journal mode."""
    path = str(folder / "stress.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    overlapping(path, turns)
    sound(path)
    if hasattr(signal, "setitimer"):
        interrupted(path, rounds)
        sound(path)
    from tests.persistence import stress, stress_files

    fewer = max(4, rounds // 20)
    stress_files.harmed(path, fewer, stress.open_impatiently, stress.Item)
    stress_files.full(path, fewer, stress.open_store, stress.Item)
    if hasattr(os, "fork"):
        stress_files.forks(path, max(1, rounds // 50), stress.open_store, stress.Item)
    sound(path)
    if kills:
        from tests.persistence.test_store_contract import TestSqlite, TestSqliteWithAWriteAheadLog

        kit = (TestSqlite if mode == "delete" else TestSqliteWithAWriteAheadLog)()
        kit.kills = kills
        place = folder / "kills"
        place.mkdir()
        kit.test_processes_that_are_killed_lose_nothing_acknowledged(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=50, help="what each of 32 writers does")
    parser.add_argument(
        "--rounds", type=int, default=500, help="dumps interrupted by a signal; and harms, 1 for 20 of them"
    )
    parser.add_argument("--kills", type=int, default=200, help="processes that are killed")
    parser.add_argument(
        "--modes", nargs="+", choices=MODES, default=MODES, help="journal modes (default: both)"
    )
    options = parser.parse_args()
    for mode in options.modes:
        with tempfile.TemporaryDirectory() as folder:
            run(Path(folder), mode, options.turns, options.rounds, options.kills)
        print(f"{mode}: nothing lost, nothing unfinished")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
