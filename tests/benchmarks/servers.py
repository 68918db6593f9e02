"""References into databases on real servers: brinery-sqlalchemy and brinery-redis, beside doing without.

Wall-clock time, since most of it is spent waiting, but for dumps of what is stored: they ask no server, and
are measured by the processor's time. The sides in turns, the best of each. The servers are
those of the plugins' tests (BRINERY_TEST_POSTGRESQL, BRINERY_TEST_MARIADB, BRINERY_TEST_REDIS); one that is
absent is left out.
"""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter, thread_time
from typing import Any

import redis
import sqlalchemy as sa
from brinery_redis import RedisStore
from brinery_sqlalchemy import SqlalchemyStore
from sqlalchemy.ext import serializer
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from table import Table as Printed
from table import seconds

from brinery import Profile

URLS = {
    "SQLite": "",
    "PostgreSQL": os.environ.get("BRINERY_TEST_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1:5432/test"),
    "MariaDB": os.environ.get("BRINERY_TEST_MARIADB", "mariadb+pymysql://root@127.0.0.1:3306/test"),
}
REDIS = os.environ.get("BRINERY_TEST_REDIS", "redis://127.0.0.1:6379/0")


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = f"bri_bench_{os.getpid()}"  # several may run at once
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(sa.String(80))
    city: Mapped[str] = mapped_column(sa.String(80))


@dataclass
class Page:
    id: int
    name: str
    city: str


@dataclass
class Item:
    number: int
    label: str
    about: Any


def customers(count: int, first: int = 1, cls: Any = Customer) -> list[Any]:
    return [cls(id=first + n, name=f"customer {n}", city=f"city {n % 100}") for n in range(count)]


class Counted:
    """How many statements an engine is sent."""

    def __init__(self, engine: sa.Engine) -> None:
        self.statements = 0
        sa.event.listen(engine, "before_cursor_execute", self.note)

    def note(self, *_: object) -> None:
        self.statements += 1

    def by(self, act: Callable[[], object]) -> int:
        before = self.statements
        act()
        return self.statements - before


def best(
    sides: list[Callable[[], object]], repeat: int, clock: Callable[[], float] = perf_counter
) -> list[float]:
    times = [float("inf")] * len(sides)
    gc.collect()
    gc.freeze()  # what the benchmark itself holds is nobody's to look through
    for turn in range(repeat):
        for place in range(len(sides)):
            side = (place + turn) % len(sides)
            gc.collect()
            gc.disable()  # as in stores.py
            start = clock()
            given = sides[side]()
            times[side] = min(times[side], clock() - start)
            del given  # what becomes of it is not the call's time
            gc.enable()
    gc.unfreeze()
    return times


def run(options: argparse.Namespace) -> None:
    count, repeat = max(10, int(10_000 * options.size)), 3 if options.quick else 5
    table = Printed(
        f"{count} references, new objects, and graphs with few of them, {options.engine} engine",
        ["", "brinery", "beside", "ratio", "statements", "beside"],
        first_width=62,
    )

    def row(name: str, times: list[float], statements: tuple[object, object] = ("", "")) -> None:
        ours, theirs = times
        table.row([name, seconds(ours), seconds(theirs), f"{theirs / ours:.2f}", *map(str, statements)])

    with tempfile.TemporaryDirectory() as folder:
        for name, url in URLS.items():
            engine = sa.create_engine(url or f"sqlite:///{folder}/shop.db")
            try:
                engine.connect().close()
            except sa.exc.OperationalError as absent:
                print(f"left out: {name}: {absent.orig}")
                continue
            Base.metadata.drop_all(engine)
            Base.metadata.create_all(engine)
            try:
                entities(name, engine, count, repeat, row)
            finally:
                Base.metadata.drop_all(engine)
                engine.dispose()
    client = redis.Redis.from_url(REDIS)
    try:
        client.ping()
    except redis.RedisError as absent:
        print(f"left out: Redis: {absent}")
        return
    pages(client, count, repeat, row)


def entities(name: str, engine: sa.Engine, count: int, repeat: int, row: Callable[..., None]) -> None:
    counted = Counted(engine)
    bound = Profile.plain().bind(shop=SqlalchemyStore(engine, Base, on_new="add"))
    with Session(engine, expire_on_commit=False) as session:
        session.add_all(customers(count))
        session.commit()
        rows = list(session.scalars(sa.select(Customer)))
    data, whole, theirs = bound.dumps(rows), pickle.dumps(rows), serializer.dumps(rows)

    def one_each() -> None:
        with Session(engine) as session:
            for number in range(1, count + 1):
                session.get(Customer, number)

    sides = [lambda: bound.loads(data), one_each]
    row(f"{name}: loads, beside a query each", best(sides, 2), tuple(map(counted.by, sides)))
    row(
        f"{name}: dumps, {len(data):,} bytes; pickled whole, {len(whole):,}",
        best([lambda: bound.dumps(rows), lambda: pickle.dumps(rows)], repeat),
    )
    row(
        f"{name}: loads; pickled whole, as old as its pickle",
        best([lambda: bound.loads(data), lambda: pickle.loads(whole)], repeat),
    )
    row(
        f"{name}: dumps; ext.serializer, {len(theirs):,} bytes",
        best([lambda: bound.dumps(rows), lambda: serializer.dumps(rows)], repeat),
    )
    row(
        f"{name}: loads; ext.serializer",
        best([lambda: bound.loads(data), lambda: serializer.loads(theirs, Base.metadata)], repeat),
    )
    first = iter(range(count + 1, 1 << 30, count))

    def together() -> None:
        bound.dumps(customers(count, next(first)))

    def flush_each() -> None:
        with Session(engine) as session:
            for customer in customers(count, next(first)):
                session.add(customer)
                session.flush()
            session.commit()

    sides = [together, flush_each]
    row(f"{name}: new ones, beside a flush for each", best(sides, 2), tuple(map(counted.by, sides)))
    # Without a store, what would be referred to is an object like any other. All else is the same objects on
    # both sides: where they lie in memory may make a third of the time.
    pages = customers(count, cls=Page)
    none = [Item(n, f"item {n}", (n, "x")) for n in range(10 * count)]
    plain = [Item(n, item.label, pages[n // 100]) if n % 100 == 0 else item for n, item in enumerate(none)]
    few = [Item(n, item.label, rows[n // 100]) if n % 100 == 0 else item for n, item in enumerate(none)]
    free = Profile.plain()
    for share, ours, theirs in ((1, few, plain), (0, none, none)):
        data, kept = bound.dumps(ours), free.dumps(theirs)
        sides = [partial(bound.dumps, ours), partial(free.dumps, theirs)]
        times = best(sides, 3 * repeat, thread_time)
        row(f"{name}: {10 * count} objects, {share} % references: dumps; no store", times)
        sides = [partial(bound.loads, data), partial(free.loads, kept)]
        row(f"{name}: loads; no store", best(sides, 3 * repeat))
        if share:
            with Session(engine) as session:
                held = list(session.scalars(sa.select(Customer)))
                sides[0] = partial(bound.loads, data, session=session)
                row(
                    f"{name}: loads, where the session has them; no store",
                    best(sides, 3 * repeat, thread_time),
                )
                del held


def pages(client: redis.Redis, count: int, repeat: int, row: Callable[..., None]) -> None:
    prefix = f"brinery-benchmark-{os.getpid()}"
    store = RedisStore(client, {"page": Page}, prefix=prefix, on_new="insert")
    bound = Profile.plain().bind(wiki=store)
    objects = customers(count, cls=Page)
    try:
        data, whole = bound.dumps(objects), pickle.dumps(objects)

        def one_each() -> None:
            for number in range(1, count + 1):
                store.load_many([("page", number)])

        row(
            "Redis: loads, beside a GET each",
            best([lambda: bound.loads(data), one_each], 2),
            (-(-count // 1000), count),
        )
        row(
            f"Redis: dumps, {len(data):,} bytes; pickled whole, {len(whole):,}",
            best([lambda: bound.dumps(objects), lambda: pickle.dumps(objects)], repeat),
        )
        first = iter(range(count + 1, 1 << 30, count))
        row(
            "Redis: new ones, beside a dump for each",
            best(
                [
                    lambda: bound.dumps(customers(count, next(first), Page)),
                    lambda: [bound.dumps(page) for page in customers(count, next(first), Page)],
                ],
                2,
            ),
        )
    finally:
        found = list(client.scan_iter(f"{prefix}:*", count=10_000))
        for start in range(0, len(found), 10_000):
            client.unlink(*found[start : start + 10_000])
        client.close()
