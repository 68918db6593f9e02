"""SQLite: many references are loaded with few queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from brinery import Profile
from brinery.errors import MissingReference
from brinery.persistence.sqlite import SqliteStore, Table

from .shop import Customer, Node, Order, Pair

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
        Table("pairs", Pair, key=("left", "right")),
    ]
    with SqliteStore(":memory:", tables, on_new="insert") as store:
        yield store


def queries(store: SqliteStore, action: Callable[[], Any]) -> list[str]:
    """The queries that SQLite itself says it was asked during `action`."""
    asked: list[str] = []
    store.set_trace_callback(asked.append)
    try:
        action()
    finally:
        store.set_trace_callback(None)
    return [text for text in asked if text.startswith(("SELECT", "WITH"))]


def limit(store: SqliteStore, variables: int) -> None:
    store.database.limit_variables(variables)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_thousand_references_are_one_query(bind: Bind, store: SqliteStore, protocol: int) -> None:
    bound = bind(shop=store)
    people = [Customer(number, f"customer {number}") for number in range(10_000)]
    data = bound.dumps({"all": people, "some": people[::7]}, protocol)
    loaded: list[Any] = []
    assert len(queries(store, lambda: loaded.append(bound.loads(data)))) == 10
    assert loaded[0] == {"all": people, "some": people[::7]}
    assert loaded[0]["some"][1] is loaded[0]["all"][7]


def test_objects_are_found_whatever_order_the_rows_come_in(bind: Bind, store: SqliteStore) -> None:
    bound = bind(shop=store)
    people = [Customer(number, f"customer {number}") for number in range(3_000)]
    bound.dumps(people)
    mixed = people[::-1] + people[1::3] + people[::7]
    data = bound.dumps(mixed)
    loaded = bound.loads(data)
    assert loaded == mixed
    assert len(set(map(id, loaded))) == 3_000
    store.delete(*people[10:20])
    with pytest.raises(MissingReference) as caught:
        bound.loads(data)
    assert sorted(key[1] for _, key, _ in caught.value.references) == list(range(10, 20))
    lenient = Profile.plain().bind(shop=store, missing="none")
    gone = [obj is None for obj in lenient.loads(data)]
    assert gone == [10 <= person.id < 20 for person in mixed]
    twice = store.load_many([("customers", 5), ("customers", 5), ("customers", 11), ("customers", 6)])
    assert twice == {("customers", 5): people[5], ("customers", 6): people[6]}


def test_a_query_for_each_class_and_each_batch_of_sqlites_limit(bind: Bind, store: SqliteStore) -> None:
    bound = bind(shop=store)
    people = [Customer(number) for number in range(100)]
    pairs = [Pair(number, "x", None) for number in range(100)]
    data = bound.dumps([people, pairs])
    assert len(queries(store, lambda: bound.loads(data))) == 2
    limit(store, 32)
    texts = queries(store, lambda: bound.loads(data))
    assert sum('FROM "customers"' in text for text in texts) == 4  # 32 keys in each
    assert sum('JOIN "pairs"' in text for text in texts) == 7  # 16 keys of two columns in each


def test_what_rows_refer_to_is_a_query_for_each_class_and_level(bind: Bind, store: SqliteStore) -> None:
    bound = bind(shop=store)
    people = [Customer(number) for number in range(50)]
    orders = [Order(number, people[number % 50], [people[0], Node(number)]) for number in range(500)]
    data = bound.dumps(orders)
    loaded: list[Any] = []
    texts = queries(store, lambda: loaded.extend(bound.loads(data)))
    assert [text.partition(" FROM ")[2].partition(" ")[0] for text in texts] == [
        '"orders"',
        '"customers"',
        '"nodes"',
    ]
    assert loaded == orders
    assert loaded[0].customer is loaded[50].customer


def test_what_is_known_to_be_stored_is_looked_for_at_once(bind: Bind, store: SqliteStore) -> None:
    bound = bind(shop=store)
    loaded = bound.loads(bound.dumps([Customer(number) for number in range(100)]))
    (query,) = queries(store, lambda: bound.dumps(loaded))
    assert query.startswith('SELECT count(*) FROM "customers"')  # the rows' content is not read


def test_a_query_shows_the_database_at_one_moment(bind: Bind, store: SqliteStore) -> None:
    bound = bind(shop=store)
    data = bound.dumps(Order(1, Customer(1)))
    asked: list[str] = []
    store.set_trace_callback(asked.append)
    bound.loads(data)
    store.set_trace_callback(None)
    assert (asked[0], asked[-1]) == ("BEGIN", "COMMIT")
    assert len(asked) == 4
