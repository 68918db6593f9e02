"""Loading references out of SQLite: all of a stream's with one query, beside a query for each."""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from typing import Any

from table import Table as Printed
from table import seconds
from timing import Call, compare

from brinery import Profile
from brinery.persistence.sqlite import SqliteStore, Table


@dataclass
class Customer:
    id: int
    name: str
    city: str
    active: bool


@dataclass
class Order:
    number: int
    customer: Customer
    total: float


class OneByOne:
    """The same store, asked for one object after the other."""

    def __init__(self, store: SqliteStore) -> None:
        self.claims, self.persistent_id = store.claims, store.address_of
        self.store = store

    def persistent_load(self, key: Any) -> Any:
        return self.store.load_many([key])[key]


def run(options: argparse.Namespace) -> None:
    table = Printed(
        f"loads of references to rows, {options.engine} engine: one query for all, then one query for each",
        ["", "one query", "one each", "median", "ratio"],
        first_width=44,
    )
    tables = [
        Table("customers", Customer),
        Table("orders", Order, key="number", references={"customer": "customers"}),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "shop.db")
        with SqliteStore(path, tables, on_new="insert") as store:
            for count in (100, 10_000):
                count = max(1, int(count * options.size))
                customers = [Customer(n, f"customer {n}", f"city {n % 100}", n % 3 > 0) for n in range(count)]
                orders = [Order(n, customers[n], n / 4) for n in range(count)]
                many, single = Profile.plain().bind(shop=store), Profile.plain().bind(shop=OneByOne(store))
                for name, graph in (("customers", customers), ("orders, each with its customer", orders)):
                    data = many.dumps(graph, options.protocol)
                    measure(table, f"{count} {name}", many.loads, single.loads, data, options.repeat)


def measure(table: Printed, name: str, ours: Any, theirs: Any, data: bytes, samples: int) -> None:
    fast, slow = compare(Call(ours, data), Call(theirs, data), samples)
    table.row(
        [
            name,
            seconds(fast.minimum),
            seconds(slow.minimum),
            seconds(fast.median),
            f"{slow.minimum / fast.minimum:.2f}",
        ]
    )
