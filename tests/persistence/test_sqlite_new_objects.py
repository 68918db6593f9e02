"""SQLite: an object that is not stored is refused, or inserted when the dump succeeds and not before."""

from __future__ import annotations

import io
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import NotStored, StoreError
from brinery.persistence.sqlite import SqliteStore, Table

from .shop import Customer, Node, Opaque, Order, Point, Regular, Unpicklable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Bound

    Bind = Callable[..., Bound]

TABLES = [
    Table("customers", Customer),
    Table("orders", Order, key="number", references={"customer": "customers"}),
    Table("nodes", Node),
    Table("points", Point),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def inserting(path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(path, TABLES, on_new="insert") as store:
        yield store


@pytest.fixture
def refusing(path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(path, TABLES) as store:
        yield store


def ids(path: Path, table: str = "customers", key: str = "id") -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute(f"SELECT {key} FROM {table} ORDER BY rowid")]
    finally:
        connection.close()


def test_a_new_object_is_refused_with_what_to_do(bind: Bind, refusing: SqliteStore, path: Path) -> None:
    bound = bind(shop=refusing)
    with pytest.raises(
        NotStored, match=r"'customers' in .*shop.db has no row with the key 7.*store.save"
    ) as caught:
        bound.dumps([Customer(7)])
    assert caught.value.pickle_path == "root[0]"  # type: ignore[attr-defined]
    refusing.save(Customer(7))
    assert bound.loads(bound.dumps([Customer(7)])) == [Customer(7)]
    assert ids(path) == [7]


def test_a_new_object_is_inserted_when_the_dump_succeeds(
    bind: Bind, inserting: SqliteStore, path: Path
) -> None:
    bound = bind(shop=inserting)
    seen = []

    class Watch:
        def __reduce__(self) -> Any:
            seen.append(ids(path))
            return str, ()

    data = bound.dumps([Customer(1), Watch(), Customer(2)])
    assert seen == [[]]
    assert ids(path) == [1, 2]
    assert bound.loads(data)[2] == Customer(2)


@pytest.mark.parametrize("protocol", range(6))
def test_a_dump_that_fails_leaves_the_store_as_it_was(
    bind: Bind, inserting: SqliteStore, protocol: int, path: Path
) -> None:
    bound = bind(shop=inserting)
    inserting.save(Customer(0))
    before = path.read_bytes()
    with pytest.raises(TypeError, match="cannot pickle"):
        bound.dumps([Customer(1), Order(1, Customer(2)), Unpicklable()], protocol)
    with pytest.raises(
        NotStored, match=r"cannot be a row of 'orders': its lines cannot be pickled.*cannot pickle this"
    ):
        bound.dumps(Order(1, Customer(2), [Unpicklable()]), protocol)

    class Full(io.RawIOBase):
        def write(self, data: Any) -> int:
            raise OSError("disk full")

    assert path.read_bytes() == before
    # STOP is written behind the commit: what is stored then is there, and nothing refers to it.
    with pytest.raises(OSError, match="disk full") as caught:
        bound.dump([Customer(1)], Full(), protocol)
    assert "the store 'shop' had committed by then" in caught.value.__notes__[-1]
    bound.dumps([Customer(3)], protocol)
    assert ids(path) == [0, 1, 3]


def test_what_a_new_object_refers_to_is_inserted_with_it(
    bind: Bind, inserting: SqliteStore, path: Path
) -> None:
    bound = bind(shop=inserting)
    order = Order(1, Customer(1), [Customer(2), {"also": Customer(3)}])
    assert bound.loads(bound.dumps(order)) == order
    assert sorted(ids(path)) == [1, 2, 3]
    assert ids(path, "orders", "number") == [1]


def test_new_objects_may_refer_to_each_other_in_a_circle_or_a_long_chain(
    bind: Bind, inserting: SqliteStore
) -> None:
    bound = bind(shop=inserting)
    first = last = Node(0)
    for number in range(1, 2000):
        last.next = Node(number)
        last = last.next
    last.next = first
    loaded = bound.loads(bound.dumps(first))
    for number in range(2000):
        assert loaded.id == number
        loaded = loaded.next
    assert loaded.id == 0


def test_a_stored_object_is_a_reference_even_where_new_ones_are_refused(
    bind: Bind, refusing: SqliteStore
) -> None:
    refusing.save(Customer(1), Point(1, "x"))
    bound = bind(shop=refusing)
    loaded = bound.loads(bound.dumps([Customer(1), Point(1, "x")]))  # by its key
    assert bound.loads(bound.dumps(loaded)) == loaded  # by what was loaded


def test_the_row_is_the_truth(bind: Bind, refusing: SqliteStore, path: Path) -> None:
    refusing.save(anna := Customer(1))
    bound = bind(shop=refusing)
    data = bound.dumps(anna)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE customers SET name = 'Berta'")
    connection.commit()
    connection.close()
    assert bound.loads(data).name == "Berta"
    assert bound.loads(data) is not bound.loads(data)


def test_another_object_with_a_stored_key_is_refused(bind: Bind, inserting: SqliteStore) -> None:
    inserting.save(Customer(1, "Anna"), Point(1, [1, {2, 3}]))
    bound = bind(shop=inserting)
    with pytest.raises(NotStored, match="has the key 1, but the row with that key is another: name"):
        bound.dumps(Customer(1, "Berta"))
    with pytest.raises(NotStored, match="the row with that key is another: at"):
        bound.dumps(Point(1, [1, {2}]))
    bound.dumps(Point(1, [1, {3, 2}]))


def test_values_that_pickle_differently_may_be_the_same(bind: Bind, inserting: SqliteStore) -> None:
    bound = bind(shop=inserting)
    inserting.save(Point(1, {0, 8}))
    assert list({8, 0}) != list({0, 8})
    bound.dumps(Point(1, {8, 0}))
    # The name of an attribute and the equal text in it are one object before, and two after loading.
    inserting.save(Node(1, Opaque(kind="kind")))
    bound.dumps(inserting.get("nodes", 1))


def test_a_class_that_only_has_the_same_name_is_another(inserting: SqliteStore) -> None:
    again = type("Customer", (), {"__module__": Customer.__module__, "id": 1})
    assert inserting.address_of(again()) is None


def test_a_row_whose_reference_was_deleted_meanwhile_is_refused(
    bind: Bind, inserting: SqliteStore, path: Path
) -> None:
    inserting.save(anna := Customer(1))
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM customers")
    connection.commit()
    connection.close()
    for refers_to_it in (anna, Order(1, anna)):
        with pytest.raises(NotStored, match="has no row with the key 1 any more: it was deleted since"):
            bind(shop=inserting).dumps(refers_to_it)
    assert ids(path, "orders", "number") == []


def test_between_a_writers_look_and_its_writing_nobody_else_writes(
    inserting: SqliteStore, path: Path
) -> None:
    inserting.save(Customer(1))
    tried: list[str] = []
    other = sqlite3.connect(path, timeout=0)

    def write(query: str) -> None:
        if query.startswith("SELECT") and not tried:
            tried.append(query)
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as locked:
                tried.append(str(locked))

    inserting.database._connection.set_trace_callback(write)
    inserting.save(Customer(2))
    other.close()
    assert tried[1:] == ["database is locked"]


def test_two_new_objects_with_one_key_are_one_row_only_if_they_are_equal(
    bind: Bind, inserting: SqliteStore, path: Path
) -> None:
    bound = bind(shop=inserting)
    with pytest.raises(NotStored, match="and another new one have the key 1: name"):
        bound.dumps([Customer(1, "Anna"), Customer(1, "Berta")])
    assert ids(path) == []
    one, two = bound.loads(bound.dumps([Customer(1), Customer(1)]))
    assert one is two


def test_changes_that_would_be_lost_are_refused_or_ignored_on_request(bind: Bind, path: Path) -> None:
    for on_changed in ("refuse", "ignore"):
        with SqliteStore(path, TABLES, on_changed=on_changed) as store:  # type: ignore[arg-type]
            bound = bind(shop=store)
            store.save(*([] if ids(path) else [Order(1, Customer(1), [{"a"}])]))
            order = store.get("orders", 1)
            bound.dumps(order)
            order.lines.append("new")
            if on_changed == "ignore":
                assert bound.loads(bound.dumps(order)).lines == [{"a"}]
                continue
            with pytest.raises(
                NotStored, match=r"has changed since it was loaded or stored: lines.*store.save\(obj\)"
            ):
                bound.dumps(order)
            store.save(order)
            assert bound.loads(bound.dumps(order)).lines == [{"a"}, "new"]
            order.lines.pop()
            store.save(order)


def test_a_value_of_another_type_is_a_change(refusing: SqliteStore) -> None:
    refusing.save(anna := Customer(1, 1))
    anna.name = 1.0
    with pytest.raises(NotStored, match="has changed since it was loaded or stored: name"):
        refusing.address_of(anna)


def test_save_loses_no_other_writers_change(path: Path) -> None:
    with SqliteStore(path, TABLES) as one, SqliteStore(path, TABLES) as two:
        one.save(Customer(1, "Anna"))
        mine, theirs = one.get("customers", 1), two.get("customers", 1)
        theirs.name = "Berta"
        two.save(theirs)
        mine.name = "Carla"
        with pytest.raises(
            NotStored, match="the row 1 of 'customers' has been changed by another writer since this object"
        ):
            one.save(mine)
        assert one.get("customers", 1).name == "Berta"
        one.save(mine, overwrite=True)
        assert two.get("customers", 1).name == "Carla"


def test_where_another_writer_inserted_the_key_meanwhile_nothing_is_lost(
    bind: Bind, inserting: SqliteStore, path: Path
) -> None:
    bound = bind(shop=inserting)

    class Meanwhile:
        def __init__(self, name: str) -> None:
            self.name = name

        def __reduce__(self) -> Any:
            with SqliteStore(path, TABLES) as other:
                other.save(Customer(1, self.name))
            return str, ()

    with pytest.raises(NotStored, match="another writer was there first"):
        bound.dumps([Customer(1, "Anna"), Customer(2), Meanwhile("Berta")])
    assert ids(path) == [1]
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM customers")
    connection.commit()
    connection.close()
    bound.dumps([Customer(1, "Anna"), Customer(2), Meanwhile("Anna")])
    assert ids(path) == [1, 2]


@pytest.mark.parametrize(
    "order",
    [
        Order(1, "not a customer", [Customer(1), Node(1)]),  # type: ignore[arg-type]
        Order(1, Customer(1), [Node(1), Order(2, "not a customer")]),  # type: ignore[arg-type]
    ],
    ids=["the object itself", "one behind it"],
)
def test_what_one_store_refuses_another_may_take(bind: Bind, path: Path, order: Order) -> None:
    with (
        SqliteStore(path, TABLES, on_new="insert") as strict,
        SqliteStore(":memory:", [Table("orders", Order, key="number")], on_new="insert") as other,
    ):
        bound = bind(strict=strict, other=other)
        assert bound.loads(bound.dumps([order, Customer(2)])) == [order, Customer(2)]
        assert ids(path, "orders", "number") == ids(path, "nodes") == []
        assert ids(path) == [2]


def test_a_dump_within_a_dump_is_a_transaction_of_its_own(
    bind: Bind, inserting: SqliteStore, path: Path
) -> None:
    bound = bind(shop=inserting)

    class Inner:
        def __init__(self, obj: object, fails: bool = False) -> None:
            self.obj, self.fails = obj, fails

        def __reduce__(self) -> Any:
            try:
                data = bound.dumps([self.obj, Unpicklable() if self.fails else 0])
            except TypeError:
                data = b""
            return bytes, (data,)

    anna = Customer(1)
    bound.dumps([anna, Inner(anna), Inner(Customer(2)), Inner(Customer(3), fails=True), Customer(4)])
    assert sorted(ids(path)) == [1, 2, 4]
    with pytest.raises(TypeError):
        bound.dumps([Customer(6), Inner(Customer(5)), Unpicklable()])
    assert sorted(ids(path)) == [1, 2, 4, 5]


def test_dumps_in_several_threads_do_not_mix(bind: Bind, inserting: SqliteStore, path: Path) -> None:
    bound = bind(shop=inserting)
    both = threading.Barrier(2)

    class Wait:
        def __init__(self, fails: bool) -> None:
            self.fails = fails

        def __reduce__(self) -> Any:
            both.wait(10)
            both.wait(10)
            if self.fails:
                raise KeyError("no")
            return str, ()

    def dump(number: int) -> None:
        try:
            bound.dumps([Customer(number), Wait(number == 1), Customer(number + 10)])
        except KeyError:
            failed.append(number)

    failed: list[int] = []
    threads = [threading.Thread(target=dump, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [1]
    assert ids(path) == [2, 12]


def test_many_threads_may_use_one_store(bind: Bind, inserting: SqliteStore, path: Path) -> None:
    bound = bind(shop=inserting)
    results: list[bool] = []

    def work(number: int) -> None:
        for turn in range(5):
            customer = Customer(number * 100 + turn)
            results.append(bound.loads(bound.dumps([customer, Customer(number * 100)]))[0] == customer)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 40
    assert len(ids(path)) == 40


def test_an_object_of_a_subclass_travels_in_the_stream(
    bind: Bind, inserting: SqliteStore, path: Path
) -> None:
    bound = bind(shop=inserting)
    assert type(bound.loads(bound.dumps(Regular(1)))) is Regular
    assert ids(path) == []


def test_outside_a_dump_nothing_is_staged(inserting: SqliteStore) -> None:
    with pytest.raises(NotStored):
        inserting.address_of(Customer(1))


def test_known_objects_are_forgotten_when_they_die(bind: Bind, inserting: SqliteStore) -> None:
    bound = bind(shop=inserting)
    kept = bound.loads(bound.dumps([Customer(number) for number in range(100)]))[0]
    assert len(inserting.layout_of("customers").known) == 1
    assert inserting.address_of(kept) == ("customers", 0)


def test_a_key_that_changed_is_another_object(bind: Bind, refusing: SqliteStore) -> None:
    refusing.save(anna := Customer(1))
    anna.id = 2
    with pytest.raises(NotStored, match="no row with the key 2"):
        bind(shop=refusing).dumps(anna)


def test_what_the_database_refuses_is_refused_as_a_whole(bind: Bind, path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (id PRIMARY KEY, name UNIQUE, active)")
    connection.close()
    with SqliteStore(path, TABLES, on_new="insert") as store:
        with pytest.raises(StoreError, match="refuses the rows, all of them: UNIQUE"):
            bind(shop=store).dumps([Customer(1), Node(1), Customer(2)])
        assert ids(path) == ids(path, "nodes") == []
