"""SQLite: finding, counting, deleting, refreshing, and what no stream refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from brinery.errors import NoSuchKey, StoreError, UnpicklingError
from brinery.persistence.sqlite import SqliteStore, Table

from .shop import Customer, Node, Order, Pair, Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Bound

    Bind = Callable[..., Bound]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    tables = [
        Table("customers", Customer),
        Table("orders", Order, key="number", references={"customer": "customers"}),
        Table("nodes", Node),
        Table("points", Point),
        Table("pairs", Pair, key=("left", "right")),
    ]
    with SqliteStore(":memory:", tables, on_new="insert") as store:
        yield store


def test_all_rows_come_in_the_order_of_their_keys_whatever_their_number(store: SqliteStore) -> None:
    store.save(*[Customer(number) for number in range(1234, 0, -1)])
    store.save(*[Pair(left, right, None) for left in range(40) for right in "dcba" * 1 for _ in [0]])
    assert [customer.id for customer in store.all("customers")] == list(range(1, 1235))
    assert [(pair.left, pair.right) for pair in store.all("pairs")] == [
        (n, c) for n in range(40) for c in "abcd"
    ]
    assert store.count("customers") == 1234


def test_sqlite_does_the_filtering(store: SqliteStore) -> None:
    store.save(*[Customer(number, f"name {number % 3}", number % 2 == 0) for number in range(30)])
    store.save(
        Order(1, anna := Customer(100)), Order(2, anna), Order(3, None), Node(1, [1, {2}]), Node(2, None)
    )
    assert [found.id for found in store.find("customers", "id > ?", 20, name="name 1")] == [22, 25, 28]
    assert len(list(store.find("customers", active=True))) == 16
    assert [order.number for order in store.find("orders", customer=anna)] == [1, 2]
    assert [order.number for order in store.find("orders", customer=None)] == [3]
    assert [node.id for node in store.find("nodes", next=[1, {2}])] == [1]
    assert next(store.find("orders", "number = 1")).customer == anna
    with pytest.raises(StoreError, match="'customers' has no column 'nome', only id, name, active"):
        store.find("customers", nome="x")


def test_what_is_found_is_known_to_be_stored(bind: Bind, store: SqliteStore) -> None:
    store.save(Customer(1))
    (found,) = store.all("customers")
    found.name = "changed"
    store.save(found)
    assert store.get("customers", 1).name == "changed"


def test_many_at_once(store: SqliteStore) -> None:
    store.save(Customer(1), Customer(2), Pair(1, "a", "x"))
    assert store.get_many("customers", [2, 3, 1]) == {2: Customer(2), 1: Customer(1)}
    assert store.get_many("pairs", [(1, "a"), (1, "b")]) == {(1, "a"): Pair(1, "a", "x")}


def test_an_object_is_refreshed_in_place(store: SqliteStore) -> None:
    store.save(order := Order(1, Customer(1, "Anna")))
    other = store.get("orders", 1)
    other.lines.append("new")
    store.save(other)
    store.refresh(order)
    assert order.lines == ["new"]
    order.lines.append("more")
    store.save(order)
    with pytest.raises(StoreError, match="a Point cannot be refreshed"):
        store.refresh(Point(1, 2))
    with pytest.raises(NoSuchKey, match="no row with the key 7"):
        store.refresh(Customer(7))


def test_what_is_referred_to_is_not_deleted_unless_it_is_forced(store: SqliteStore) -> None:
    anna, berta = Customer(1), Customer(2)
    store.save(Order(1, anna), Node(1, [{"who": berta}]), anna, berta)
    assert sorted(store.referring(anna, berta)) == [
        (("nodes", 1), ("customers", 2)),
        (("orders", 1), ("customers", 1)),
    ]
    with pytest.raises(StoreError, match="the row 1 of 'nodes' refers to the row 2 of 'customers'"):
        store.delete(berta)
    with pytest.raises(StoreError, match="nothing was deleted: the row 1 of 'orders'"):
        store.delete(anna)
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.delete(anna, force=True)
    store.delete(("orders", 1), anna)
    store.delete(berta, force=True)
    assert store.count("customers") == 0
    with pytest.raises(NoSuchKey, match=r"'customers' in .* has no row with the key 9; nothing was deleted"):
        store.delete(("nodes", 1), ("customers", 9))
    assert store.count("nodes") == 1


def test_rows_that_no_stream_refers_to(bind: Bind, store: SqliteStore) -> None:
    bound = bind(shop=store)
    streams = [bound.dumps([Order(1, Customer(1))]), bound.dumps(Node(1, Customer(2)), 0)]
    store.save(Customer(3), Node(2, Customer(4)), Pair(1, "x", None))
    assert sorted(store.unreferenced(streams, "shop"), key=repr) == [
        ("customers", 3),
        ("customers", 4),
        ("nodes", 2),
        ("pairs", (1, "x")),
    ]
    with pytest.raises(UnpicklingError):
        store.unreferenced([streams[0][:-1]], "shop")
