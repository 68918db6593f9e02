"""SQLite: loading no more than some steps of what rows refer to, and the rest when somebody looks at it."""

from __future__ import annotations

import copy
import os
import pickle
import threading
from abc import ABC
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from brinery import Profile
from brinery.errors import MissingReference, NotStored, StoreError
from brinery.persistence.sqlite import SqliteStore, Table

from .shop import Customer, Frozen, Node, Order, Plain, Point, Slotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TABLES = [
    Table("nodes", Node),
    Table("customers", Customer),
    Table("orders", Order, key="number", references={"customer": "customers"}),
    Table("points", Point),
    Table("frozen", Frozen),
    Table("slotted", Slotted),
    Table("plain", Plain, key="id"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(path, TABLES, on_new="insert") as store:
        yield store


@pytest.fixture
def selected(store: SqliteStore) -> Callable[[], int]:
    """How many rows were asked for since it was called before: a query for each."""
    asked: list[str] = []
    store.set_trace_callback(lambda text: asked.append(text) if text.startswith("SELECT") else None)

    def count() -> int:
        found = len(asked)
        asked.clear()
        return found

    return count


def chain(length: int) -> Node:
    first = Node(0)
    last = first
    for number in range(1, length):
        last.next = Node(number)
        last = last.next
    return first


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_a_load_goes_so_many_steps_and_the_rest_comes_when_it_is_looked_at(
    store: SqliteStore, selected: Callable[[], int], depth: int
) -> None:
    bound = Profile.plain().bind(shop=store)
    data = bound.dumps([chain(20)])
    bound.loads(data)  # from now on the store knows that such rows hold more than plain values
    selected()
    (node,) = bound.loads(data, depth=depth)
    assert selected() == depth + 1
    for number in range(20):
        assert type(node) is Node or number
        assert node.id == number
        assert type(node) is Node
        node = node.next
    assert node is None
    assert selected() == 20 - (depth + 1)


def test_all_is_loaded_where_nothing_is_said_of_it(store: SqliteStore, selected: Callable[[], int]) -> None:
    bound = Profile.plain().bind(shop=store)
    data = bound.dumps([chain(5)])
    bound.loads(data)
    selected()
    for loaded in (bound.loads(data), bound.loads(data, depth=None), bound.using(depth=9).loads(data)):
        assert loaded == [chain(5)]
    assert selected() == 15


def test_one_row_is_one_object_however_it_is_come_to(store: SqliteStore) -> None:
    anna = Customer(1, "Anna")
    first, second = Order(1, anna), Order(2, anna)
    bound = Profile.plain().bind(shop=store)
    data = bound.dumps([first, second, anna])
    one, two, who = bound.loads(data, depth=0)
    assert one.customer is two.customer is who
    one, two = bound.loads(bound.dumps([first, second]), depth=0)
    assert one.customer is two.customer
    assert one.customer.name == "Anna"
    assert one.customer is two.customer

    ring = chain(3)
    ring.next.next.next = ring
    (node,) = bound.loads(bound.dumps([ring]), depth=0)
    assert node.next.next.next is node


def test_the_same_in_two_fetches_of_one_load(store: SqliteStore) -> None:
    """A load may ask again, for what only its building brings up: the same row is the same object."""
    from brinery.persistence import LoadContext

    store.save(Order(1, Customer(7)), Node(1, [Node(2)]))
    for options in ({}, {"depth": 0}):
        load = store.begin_load(LoadContext("shop", options=options))
        order = load.fetch([("orders", 1)])["orders", 1]
        customer = load.fetch([("customers", 7)])["customers", 7]
        assert order.customer is customer  # type: ignore[attr-defined]
        assert load.fetch([("orders", 1), ("nodes", 2)])["orders", 1] is order
        load.close()


def test_what_is_not_loaded_yet_is_of_its_class_and_behaves_so(store: SqliteStore) -> None:
    store.save(Order(1, Customer(7, "Anna")), Node(1, Frozen(1, "x")), Node(2, Plain(3, a=1)))

    def fresh() -> Any:
        return store.get("orders", 1, depth=0).customer

    assert isinstance(fresh(), Customer)
    assert fresh().__class__ is Customer
    assert fresh() == Customer(7, "Anna") == fresh()
    assert repr(fresh()) == repr(Customer(7, "Anna"))
    assert vars(fresh()) == vars(Customer(7, "Anna"))
    assert replace(fresh(), name="B") == Customer(7, "B")
    assert fresh().greeting == "Hello Anna"
    for copied in (copy.copy(fresh()), copy.deepcopy(fresh()), pickle.loads(pickle.dumps(fresh()))):
        assert type(copied) is Customer
        assert copied == Customer(7, "Anna")
    import brinery

    for protocol in range(6):
        copied = brinery.loads(brinery.dumps(fresh(), protocol))
        assert (type(copied), copied) == (Customer, Customer(7, "Anna"))
    changed = fresh()
    changed.name = "B"
    assert vars(changed) == vars(Customer(7, "B"))
    removed = fresh()
    del removed.name
    assert "name" not in vars(removed)
    with pytest.raises(AttributeError, match="nothing"):
        fresh().nothing  # noqa: B018
    assert hash(store.get("nodes", 1, depth=0).next) == hash(Frozen(1, "x"))
    assert store.get("nodes", 2, depth=0).next.a == 1


def test_what_cannot_be_filled_later_is_loaded_at_once(store: SqliteStore) -> None:
    store.save(Node(1, Point(5, Slotted(6, "x"))))
    node = store.get("nodes", 1, depth=0)
    store.close()
    assert node.next == Point(5, Slotted(6, "x"))


def test_it_is_referred_to_without_being_loaded(store: SqliteStore, selected: Callable[[], int]) -> None:
    bound = Profile.plain().bind(shop=store)
    store.save(Order(1, Customer(7)))
    order = store.get("orders", 1, depth=0)
    selected()
    data = bound.dumps([order, order.customer])
    assert selected() == 2  # that both are there still
    assert type(order.customer) is not Customer
    assert b"Customer" not in data
    assert bound.loads(data)[1] == Customer(7)
    store.save(order)
    assert type(order.customer) is not Customer
    with pytest.raises(StoreError, match="refers to the row 7 of 'customers'"):
        store.delete(order.customer)
    assert type(order.customer) is not Customer


def test_what_was_changed_is_saved_as_anything(store: SqliteStore) -> None:
    store.save(Order(1, Customer(7, "Anna")))
    order = store.get("orders", 1, depth=0)
    order.customer.name = "B"
    with pytest.raises(NotStored, match="has changed since it was loaded or stored: name"):
        Profile.plain().bind(shop=store).dumps(order.customer)
    store.save(order.customer)
    assert store.get("customers", 7) == Customer(7, "B")
    ghost = store.get("orders", 1, depth=0).customer
    store.refresh(ghost)
    assert vars(ghost) == vars(Customer(7, "B"))


def test_a_row_that_is_gone_by_then_is_named_and_again(store: SqliteStore) -> None:
    store.save(Node(1, Node(2)))
    node = store.get("nodes", 1, depth=0)
    store.delete(("nodes", 2), force=True)
    for _ in range(2):
        with pytest.raises(MissingReference, match="the row 2 of 'nodes' is not there any more"):
            node.next.id  # noqa: B018
    store.save(Node(2, "back"))
    assert node.next.next == "back"


def test_behind_the_end_of_the_store_it_is_an_error_that_says_so(path: Path) -> None:
    with SqliteStore(path, TABLES) as store:
        store.save(chain(3))
        node = store.get("nodes", 0, depth=0)
    with pytest.raises(StoreError, match="is closed: use it within the block that opened it"):
        node.next.id  # noqa: B018


@pytest.mark.parametrize("depth", [-1, 1.5, "1", True])
def test_what_is_no_depth_is_refused(store: SqliteStore, depth: Any) -> None:
    store.save(Node(1))
    bound = Profile.plain().bind(shop=store)
    with pytest.raises(StoreError, match=f"depth={depth!r}; it is how many steps"):
        bound.loads(bound.dumps(store.get("nodes", 1)), depth=depth)


def test_threads_that_look_at_once_see_it_whole(store: SqliteStore) -> None:
    store.save(*[Node(number, Customer(number, f"name {number}")) for number in range(200)])
    nodes = list(store.get_many("nodes", range(200), depth=0).values())
    wrong: list[Any] = []

    def look() -> None:
        for node in nodes:
            customer = node.next
            if customer.name != f"name {node.id}" or customer.id != node.id:
                wrong.append(vars(customer))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert all(type(node.next) is Customer for node in nodes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_loads_the_rest_by_itself(store: SqliteStore) -> None:
    store.save(chain(3))
    node = store.get("nodes", 0, depth=0)
    child = os.fork()
    if child == 0:
        os._exit(0 if node.next.next.id == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert node.next.next.id == 2


class Registered(ABC):  # noqa: B024  # it only tells what derives from it
    names: list[str] = []

    def __init_subclass__(cls) -> None:
        cls.names.append(cls.__name__)


@dataclass
class Kept(Registered):
    id: int
    other: Any = None


def test_a_class_is_not_told_of_what_stands_for_it(path: Path) -> None:
    with SqliteStore(path, [Table("kept", Kept)]) as store:
        store.save(Kept(1, Kept(2)))
        assert store.get("kept", 1, depth=0).other.id == 2
    assert Registered.names == ["Kept"]


class Checking:
    """Looks at itself while it is filled."""

    def __init__(self, id: int) -> None:
        self.id = id

    def __setstate__(self, state: Any) -> None:
        assert not vars(self)
        vars(self).update(state)
        assert self.id


def test_a_state_of_its_own_is_set_as_in_any_load(path: Path) -> None:
    with SqliteStore(path, [Table("checking", Checking), Table("nodes", Node)]) as store:
        store.save(Node(1, Checking(2)))
        ghost = store.get("nodes", 1, depth=0).next
        assert type(ghost) is not Checking
        assert ghost.id == 2
        assert type(ghost) is Checking
