"""What the demonstration does. Each function's body is shown as it stands here, and then executed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import brinery
from brinery.cli.demo.plugins import Squeezing, Views
from brinery.cli.demo.shop import Customer, Order
from brinery.persistence.sqlite import SqliteStore, Table

if TYPE_CHECKING:
    from pathlib import Path

    from brinery.profile import Profile

__all__ = [
    "choose_plugin",
    "load_orders",
    "read_journal",
    "rename_customer",
    "save_customers",
    "use_both_plugins",
    "use_plugin",
    "write_label",
    "write_orders",
]


def save_customers(database: Path) -> list[Customer]:
    """Step 1."""
    customers = [Customer(number, f"customer {number}") for number in range(1000)]
    with SqliteStore(database, tables=[Table("customers", Customer, key="id")]) as store:
        store.save(*customers)
    return customers


def write_orders(url: str, customers: list[Customer]) -> tuple[list[Order], bytes]:
    """Step 2."""
    orders = [Order(number, customers[number % 1000], ["tea"]) for number in range(3000)]
    with brinery.Profile.plain().bind(shop=url) as profile:
        return orders, profile.dumps(orders)


def rename_customer(database: Path) -> None:
    """Step 3, first half."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE customers SET name = 'Ada' WHERE id = 7")


def load_orders(database: Path, data: bytes, executed: list[str]) -> Any:
    """Step 3, second half."""
    with SqliteStore(database) as store, brinery.Profile.plain().bind(shop=store) as profile:
        store.set_trace_callback(executed.append)
        return profile.loads(data)


def write_label(profile: Profile) -> bytes:
    """Step 4, first half."""
    order = Order(1, Customer(7, "Ada"), label=memoryview(b"fragile " * 20))
    return profile.dumps({"orders": [order]})


def use_plugin() -> bytes:
    """Step 4, second half."""
    return write_label(brinery.Profile([Views()]))


def use_both_plugins() -> bytes:
    """Step 5, first half."""
    return write_label(brinery.Profile([Views(), Squeezing()]))


def choose_plugin() -> Profile:
    """Step 5, second half."""
    winners = {"builtins:memoryview": "squeezing"}
    return brinery.Profile([Views(), Squeezing()], prefer=winners)


def read_journal(data: bytes) -> Any:
    """Step 6."""
    return brinery.loads(data, encoding="utf-8", errors="bytes")
