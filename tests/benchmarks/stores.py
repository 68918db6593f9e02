"""The SQLite store beside plain sqlite3, beside pickling the objects whole, and beside no store at all.

Each row is a ratio of two sides that are measured in turns, in one run:

dump, load      new rows by a dump, beside ``executemany`` of tuples that are there already; a load, beside a
                SELECT of all rows and making the objects
whole           the same beside ``pickle.dumps`` and ``pickle.loads`` of the objects: time, bytes, memory
references      what one reference to a stored object costs in a stream
without         graphs in which nothing, or one object in a hundred, lives in a store, beside no store
memory          peak memory of a process that does the one or the other
"""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING, Any

from table import Table as Printed
from table import seconds, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brinery.persistence.sqlite import SqliteStore

MAKE = "CREATE TABLE customers (id, name, city, age, PRIMARY KEY (id))"
INSERT = "INSERT INTO customers VALUES (?, ?, ?, ?)"
SELECT = "SELECT id, name, city, age FROM customers"
COLUMNS = ("id", "name", "city", "age")


@dataclass
class Customer:
    id: int
    name: str
    city: str
    age: int


@dataclass
class Plain:
    """Nobody claims it."""

    id: int
    name: str
    city: str
    age: int


def customers(count: int) -> list[Any]:
    return [Customer(n, f"customer {n}", f"city {n % 100}", n % 90) for n in range(count)]


def open_store(path: str) -> SqliteStore:
    from brinery.persistence.sqlite import SqliteStore, Table

    return SqliteStore(path, [Table("customers", Customer)], on_new="insert")


def run(options: argparse.Namespace) -> None:
    rows(options)
    references(options)
    without(options)
    if not options.quick and os.path.exists("/proc/self/status"):
        memory(options)


class Sides:
    """Two functions in turns; what each needs is made anew before the clock starts, and let go behind it."""

    def __init__(self, samples: int) -> None:
        self.samples = samples

    def best(self, *sides: Callable[[], Iterator[None]]) -> list[float]:
        """Seconds of each: of what it does between its first and second yield, the best of all samples."""
        best = [float("inf")] * len(sides)
        for number in range(self.samples):
            order = range(len(sides)) if number % 2 else reversed(range(len(sides)))
            for side in order:
                going = sides[side]()
                next(going)
                gc.collect()
                # What a load made is looked through by the collector with the next object that anybody makes:
                # that would count for the side that makes one more.
                gc.disable()
                start = thread_time()
                next(going)
                best[side] = min(best[side], thread_time() - start)
                gc.enable()
                for _ in going:
                    pass
        return best


def rows(options: argparse.Namespace) -> None:
    from brinery import Profile

    table = Printed(
        f"rows of SQLite, {options.engine} engine: beside plain sqlite3, and the objects pickled whole",
        ["", "brinery", "plain", "ratio", "aim", "pickle", "ratio"],
        first_width=30,
    )
    powers = [10**power for power in range(3, options.largest)]
    for count in [max(1, int(power * options.size)) for power in powers]:
        turns = Sides(max(2, min(options.repeat, 300_000 // max(1, count))))
        with tempfile.TemporaryDirectory() as folder:
            numbers = iter(range(10**9))

            def ours_dump(count: int = count, folder: str = folder, numbers: Any = numbers) -> Iterator[None]:
                with open_store(f"{folder}/{next(numbers)}.db") as store:
                    bound, objects = Profile.plain().bind(shop=store), customers(count)
                    yield
                    bound.dumps(objects)
                    yield

            def plain_dump(
                count: int = count, folder: str = folder, numbers: Any = numbers
            ) -> Iterator[None]:
                with closing(
                    sqlite3.connect(f"{folder}/{next(numbers)}.db", isolation_level=None)
                ) as connection:
                    connection.execute(MAKE)
                    cells = [(c.id, c.name, c.city, c.age) for c in customers(count)]
                    yield
                    connection.execute("BEGIN IMMEDIATE")
                    connection.executemany(INSERT, cells)
                    connection.execute("COMMIT")
                    yield

            def whole_dump(count: int = count) -> Iterator[None]:
                objects = customers(count)
                yield
                pickle.dumps(objects)
                yield

            path = f"{folder}/kept.db"
            with open_store(path) as store:
                data = Profile.plain().bind(shop=store).dumps(customers(count))
            whole = pickle.dumps(customers(count))

            def ours_load(path: str = path, data: bytes = data) -> Iterator[None]:
                with open_store(path) as store:
                    bound = Profile.plain().bind(shop=store)
                    yield
                    loaded = bound.loads(data)
                    yield
                    del loaded

            def plain_load(path: str = path) -> Iterator[None]:
                with closing(sqlite3.connect(path)) as connection:
                    make = Customer.__new__
                    yield
                    made = []
                    for cells in connection.execute(SELECT):
                        obj = make(Customer)
                        obj.__dict__.update(zip(COLUMNS, cells, strict=True))
                        made.append(obj)
                    yield
                    del made

            def whole_load(whole: bytes = whole) -> Iterator[None]:
                yield
                loaded = pickle.loads(whole)
                yield
                del loaded

            for name, aim, sides in (
                ("dump of new rows", 5, (ours_dump, plain_dump, whole_dump)),
                ("load", 4, (ours_load, plain_load, whole_load)),
            ):
                ours, plain, pickled = turns.best(*sides)
                table.row(
                    [
                        f"{count} {name}",
                        seconds(ours),
                        seconds(plain),
                        f"{ours / plain:.2f}",
                        f"<= {aim}",
                        seconds(pickled),
                        f"{ours / pickled:.2f}",
                    ]
                )
            stored = os.path.getsize(path)
            table.row(
                [
                    f"{count} bytes: stream, file",
                    size(len(data)),
                    size(stored),
                    "",
                    "",
                    size(len(whole)),
                    f"{(len(data) + stored) / len(whole):.2f}",
                ]
            )


def references(options: argparse.Namespace) -> None:
    from brinery import Profile

    table = Printed(
        "one reference to a stored object, in a stream of many (of four lines; of rows in SQLite)",
        ["", "to write", "aim", "to read", "aim"],
        first_width=30,
    )
    count = max(1, int(10_000 * options.size))

    class Four:
        claims = (Customer,)

        def __init__(self, objects: list[Any]) -> None:
            self.objects = {obj.id: obj for obj in objects}

        def persistent_id(self, obj: Any) -> int:
            return obj.id  # type: ignore[no-any-return]

        def persistent_load(self, key: int) -> Any:
            return self.objects[key]

    with tempfile.TemporaryDirectory() as folder, open_store(f"{folder}/shop.db") as store:
        objects = customers(count)
        for name, of in (("four lines", Four(objects)), ("SQLite", store)):
            bound = Profile.plain().bind(shop=of)
            data = bound.dumps(objects)

            def write(bound: Any = bound) -> Iterator[None]:
                yield
                bound.dumps(objects)
                yield

            def read(bound: Any = bound, data: bytes = data) -> Iterator[None]:
                yield
                loaded = bound.loads(data)
                yield
                del loaded

            writing, reading = Sides(options.repeat).best(write, read)
            table.row([name, seconds(writing / count), "<= 2.5 µs", seconds(reading / count), "4 to 6 µs"])


def without(options: argparse.Namespace) -> None:
    from brinery import Profile

    table = Printed(
        "graphs of which nothing, or little, lives in the store that is bound: beside no store",
        ["", "bound", "no store", "ratio", "aim"],
        first_width=44,
    )
    count = max(100, int(100_000 * options.size))
    free = Profile.plain()
    with tempfile.TemporaryDirectory() as folder, open_store(f"{folder}/shop.db") as store:
        bound = free.bind(shop=store)
        stored = customers(count // 100)
        store.save(*stored)
        none = [Plain(n, f"customer {n}", f"city {n % 100}", n % 90) for n in range(count)]
        some = [stored[n // 100] if n % 100 == 50 else obj for n, obj in enumerate(none)]
        data = [{"id": n, "name": f"customer {n}", "tags": ["Q", n, n / 7]} for n in range(count)]
        for name, graph, aim in (
            ("JSON-like data", data, "1.0"),
            ("objects, none stored", none, "1.0"),
            ("objects, 1 % of them stored", some, "<= 1.2"),
        ):
            pickled, kept = bound.dumps(graph), free.dumps(graph)

            def dump(profile: Any, graph: Any = graph) -> Callable[[], Iterator[None]]:
                def going() -> Iterator[None]:
                    yield
                    profile.dumps(graph)
                    yield

                return going

            def load(profile: Any, data: bytes) -> Callable[[], Iterator[None]]:
                def going() -> Iterator[None]:
                    yield
                    loaded = profile.loads(data)
                    yield
                    del loaded

                return going

            for what, ours, theirs in (
                ("dumps", dump(bound), dump(free)),
                ("loads", load(bound, pickled), load(free, kept)),
            ):
                mine, plain = Sides(options.repeat).best(ours, theirs)
                table.row([f"{what}: {name}", seconds(mine), seconds(plain), f"{mine / plain:.2f}", aim])


# memory

_PROGRAM = """
import sys
sys.path[:0] = {path!r}
import stores
stores.work({side!r}, {what!r}, {count}, {folder!r})
"""


def work(side: str, what: str, count: int, folder: str) -> None:
    """What a process of its own does, and prints: its peak memory, less what it had before."""

    def peak() -> int:
        # Of this program alone: what getrusage says is at least what the parent had when it forked.
        (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
        return int(line.split()[1]) * 1024

    from brinery import Profile

    store = open_store(f"{folder}/kept.db" if what == "load" else f"{folder}/{side}.db")
    bound = Profile.plain().bind(shop=store)
    stream = Path(f"{folder}/{side}.stream")
    # What is imported and made ready once is no part of it, on any side.
    with open_store(":memory:") as little:
        once = Profile.plain().bind(shop=little)
        once.loads(once.dumps(customers(10)))
    pickle.loads(pickle.dumps(customers(10)))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(MAKE)
        connection.executemany(INSERT, [(1, "name", "city", 1)])
    before = peak()
    if what == "dump":
        objects = customers(count)
        if side == "brinery":
            stream.write_bytes(bound.dumps(objects))
        elif side == "pickle":
            stream.write_bytes(pickle.dumps(objects))
        else:
            with closing(sqlite3.connect(f"{folder}/plain-too.db", isolation_level=None)) as connection:
                connection.execute(MAKE)
                connection.execute("BEGIN")
                connection.executemany(INSERT, [(c.id, c.name, c.city, c.age) for c in objects])
                connection.execute("COMMIT")
            stream.write_bytes(pickle.dumps([obj.id for obj in objects]))
    elif side == "brinery":
        loaded = bound.loads(Path(f"{folder}/brinery.stream").read_bytes())
    elif side == "pickle":
        loaded = pickle.loads(Path(f"{folder}/pickle.stream").read_bytes())
    else:
        with closing(sqlite3.connect(f"{folder}/kept.db")) as connection:
            loaded = []
            for cells in connection.execute(SELECT).fetchall():
                obj = Customer.__new__(Customer)
                obj.__dict__.update(zip(COLUMNS, cells, strict=True))
                loaded.append(obj)
    print(peak() - before)


def memory(options: argparse.Namespace) -> None:
    table = Printed(
        "peak memory: beside plain sqlite3 with its list of rows, and beside the objects pickled whole",
        ["", "brinery", "plain", "ratio", "aim", "pickle", "ratio"],
        first_width=30,
    )
    for power in range(3, options.largest):
        count = max(1, int(10**power * options.size))
        with tempfile.TemporaryDirectory() as folder:
            with open_store(f"{folder}/kept.db") as store:
                store.save(*customers(count))
            for what in ("dump", "load"):
                ours, plain, pickled = (
                    peak_of(side, what, count, folder) for side in ("brinery", "plain", "pickle")
                )
                table.row(
                    [
                        f"{count} {what}",
                        size(ours),
                        size(plain),
                        f"{ours / max(plain, 1):.2f}",
                        "<= 1.5",
                        size(pickled),
                        f"{ours / max(pickled, 1):.2f}",
                    ]
                )


def peak_of(side: str, what: str, count: int, folder: str) -> int:
    path = [str(Path(__file__).parent), *filter(None, sys.path)]
    program = _PROGRAM.format(path=path, side=side, what=what, count=count, folder=folder)
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout)
