"""SQLite: an object comes back out of its row as it went in, and the row can be read by others."""

from __future__ import annotations

import datetime
import decimal
import pickle
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import pytest

from brinery.errors import MissingReference, NotStored, StoreError
from brinery.persistence.sqlite import SqliteStore, Table

from .shop import Customer, Frozen, Node, Order, Pair, Plain, Point, Reduced, Regular, Session, Slotted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLES = [
    Table("customers", Customer),
    Table("orders", Order, key="number", references={"customer": "customers"}),
    Table("nodes", Node),
    Table("frozen", Frozen),
    Table("slotted", Slotted),
    Table("points", Point),
    Table("pairs", Pair, key=("left", "right")),
    Table("plain", Plain),
    Table("sessions", Session),
    Table("reduced", Reduced),
]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with SqliteStore(":memory:", TABLES) as store:
        yield store


def back(store: SqliteStore, table: str, obj: object, key: Any) -> Any:
    store.save(obj)
    loaded = store.get(table, key)
    assert loaded is not obj
    assert type(loaded) is type(obj)
    return loaded


@pytest.mark.parametrize(
    ("table", "obj"),
    [
        ("customers", Customer(1, "Anna", False)),
        ("frozen", Frozen(1, "x")),
        ("slotted", Slotted(1, "x")),
        ("points", Point(1, [1.5, 2])),
        ("plain", Plain(1, a=1, b=[2])),
    ],
    ids=lambda value: value if type(value) is str else "",
)
def test_every_kind_of_class_comes_back(store: SqliteStore, table: str, obj: Any) -> None:
    assert back(store, table, obj, obj.id) == obj


def test_a_class_with_a_state_of_its_own_comes_back_by_it(store: SqliteStore) -> None:
    loaded = back(store, "sessions", Session(1, "anna"), 1)
    assert (loaded.id, loaded.user) == (1, "anna")
    assert callable(loaded.connection)


def test_a_class_with_a_reduction_of_its_own_is_told_to_name_its_columns(store: SqliteStore) -> None:
    with pytest.raises(NotStored, match="needs columns="):
        store.save(Reduced(1))
    with SqliteStore(":memory:", [Table("reduced", Reduced, columns=["id"])]) as named:
        assert back(named, "reduced", Reduced(3), 3).id == 3


VALUES = [
    None, True, False, 0, -1, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**200,
    0.0, -0.0, 5.0, 1e300, float("inf"), float("nan"), "", "007", "größer € 🥒", "nul\0inside", "\ud800",
    b"", b"\x00\xff", b"brinery\x00", b"brinery\x01x", [1, [2]], {"a": (1,)}, {1, 2},
    datetime.date(2024, 2, 29), decimal.Decimal("1.50"), 1j, Customer, len,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_with_its_type(store: SqliteStore, value: object) -> None:
    for loaded in (
        back(store, "customers", Customer(1, value), 1).name,
        back(store, "customers", Customer(2, "", value), 2).active,  # type: ignore[arg-type]
        back(store, "points", Point(1, value), 1).at,
    ):
        assert type(loaded) is type(value)
        assert repr(loaded) == repr(value)


@pytest.mark.parametrize("key", [0, -5, 2**62, "anna", "", "1", b"\x00\xff", b""], ids=repr)
def test_a_key_keeps_its_type(store: SqliteStore, key: Any) -> None:
    assert back(store, "customers", Customer(key), key).id == key
    assert store.address_of(store.get("customers", key)) == ("customers", key)


def test_keys_of_one_spelling_and_several_types_are_several_rows(store: SqliteStore) -> None:
    store.save(Customer(1, "int"), Customer("1", "str"), Customer(b"1", "bytes"))
    loaded = store.load_many([("customers", 1), ("customers", "1"), ("customers", b"1")])
    assert [customer.name for customer in loaded.values()] == ["int", "str", "bytes"]


@pytest.mark.parametrize("key", [None, True, 1.5, 2**63, "\ud800", [1], (1, 2)], ids=repr)
def test_what_cannot_be_a_key_is_refused(store: SqliteStore, key: Any) -> None:
    with pytest.raises(NotStored, match=r"cannot be the key of a row in 'customers'"):
        store.save(Customer(key))


def test_a_key_may_be_of_several_columns(store: SqliteStore) -> None:
    store.save(*[Pair(left, right, [left, right]) for left in range(3) for right in "ab"])
    assert store.get("pairs", (2, "b")) == Pair(2, "b", [2, "b"])
    loaded = store.load_many([("pairs", (0, "a")), ("pairs", (1, "c")), ("pairs", (1, "b"))])
    assert list(loaded) == [("pairs", (0, "a")), ("pairs", (1, "b"))]


def test_other_programs_can_read_the_rows(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "shop.db", TABLES) as store:
        anna = Customer(7, "Anna", True)
        store.save(anna, Order(1, anna), Order(2, None))
    with sqlite3.connect(tmp_path / "shop.db") as other:
        assert other.execute("SELECT id, name, active FROM customers").fetchall() == [(7, "Anna", 1)]
        assert other.execute("SELECT number, customer FROM orders ORDER BY number").fetchall() == [
            (1, 7),
            (2, None),
        ]
        assert other.execute("SELECT typeof(lines) FROM orders").fetchone() == ("blob",)
    other.close()


def test_what_sqlite_has_a_type_for_is_stored_as_that_and_the_rest_behind_a_mark(tmp_path: Path) -> None:
    values = {"null": None, "integer": -(2**63), "real": 1.5, "text": "größer", "blob": b"\x00"}
    with SqliteStore(tmp_path / "shop.db", TABLES) as store:
        store.save(*[Customer(kind, value) for kind, value in values.items()], Customer("list", [1]))
    with closing(sqlite3.connect(tmp_path / "shop.db")) as other:
        types = dict(other.execute("SELECT id, typeof(name) FROM customers"))
        names = dict(other.execute("SELECT id, name FROM customers"))
    assert types == {kind: kind for kind in values} | {"list": "blob"}
    assert names == {**values, "list": b"brinery\x00" + pickle.dumps([1], 5)}


class Flags(NamedTuple):
    id: int
    is_set: bool
    is_known: bool | None
    is_old: Optional[bool]  # noqa: UP045


@dataclass
class FlagFields:
    id: int
    is_set: bool
    is_known: bool | None
    is_old: Optional[bool]  # noqa: UP045


@pytest.mark.parametrize("cls", [Flags, FlagFields])
def test_what_is_annotated_bool_is_0_and_1(tmp_path: Path, cls: type[Any]) -> None:
    flags = [cls(1, True, False, True), cls(2, False, None, None)]
    with SqliteStore(tmp_path / "shop.db", [Table("flags", cls)]) as store:
        store.save(*flags)
        assert repr([store.get("flags", 1), store.get("flags", 2)]) == repr(flags)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as other:
        assert other.execute("SELECT id, is_set, is_known, is_old FROM flags").fetchall() == [
            (1, 1, 0, 1),
            (2, 0, None, None),
        ]


class Compact:
    __slots__ = ("id", "note")


class Wide(Compact):
    pass


@pytest.mark.parametrize("cls", [Compact, Wide])
def test_a_state_in_slots_comes_back(cls: type[Any]) -> None:
    obj = cls()
    obj.id, obj.note = 1, ["x"]
    if cls is Wide:
        obj.more = "y"
    with SqliteStore(":memory:", [Table("things", cls)]) as store:
        loaded = back(store, "things", obj, 1)
    assert (loaded.id, loaded.note) == (1, ["x"])
    assert getattr(loaded, "__dict__", None) == ({"more": "y"} if cls is Wide else None)


def test_references_between_rows_keep_identity(store: SqliteStore) -> None:
    anna = Customer(7)
    store.save(Order(1, anna, [anna, {"who": anna}]), Order(2, anna), Order(3, None, [anna]))
    loaded = store.load_many([("orders", 1), ("orders", 2), ("orders", 3)])
    one, two, three = loaded.values()
    assert one.customer == anna
    assert three.customer is None
    assert one.customer is two.customer is one.lines[0] is one.lines[1]["who"]


def test_rows_may_refer_to_each_other_in_a_circle(store: SqliteStore) -> None:
    a, b = Node(1), Node(2)
    a.next, b.next = b, [a, b]
    plain = Plain(5)
    plain.me = plain
    store.save(a, plain)
    loaded = store.get("nodes", 1)
    assert loaded.next.next[0] is loaded
    assert loaded.next.next[1] is loaded.next
    assert (again := store.get("plain", 5)).me is again


def test_a_circle_through_a_named_tuple_is_an_error_that_says_so(store: SqliteStore) -> None:
    node = Node(1)
    node.next = Point(1, node)
    store.save(node)
    assert store.get("nodes", 1).next.at.id == 1  # from the node, the point can be made after it
    point = Point(2, inner := [])
    inner.append(point)
    store.save(point)
    with pytest.raises(StoreError, match=r"circle through the row 2 of 'points', a named tuple"):
        store.get("points", 2)


def test_what_is_referred_to_is_filled_before_what_refers_to_it(store: SqliteStore) -> None:
    store.save(node := Node(1, {Frozen(1, "x"), Frozen(2, "y")}))
    assert store.get("nodes", 1) == node


def test_a_chain_of_rows_takes_no_recursion() -> None:
    with SqliteStore(":memory:", TABLES) as store:
        points = Point(0, None)
        for number in range(1, 3000):
            points = Point(number, points)
        store.save(points)
        length = 0
        node = store.get("points", 2999)
        while node is not None:
            node, length = node.at, length + 1
        assert length == 3000


def test_a_reference_to_a_row_that_is_gone_is_named(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "shop.db", TABLES) as store:
        store.save(Order(1, Customer(7)))
        with sqlite3.connect(tmp_path / "shop.db") as other:
            other.execute("DELETE FROM customers")
        other.close()
        with pytest.raises(
            MissingReference, match="the row 1 of 'orders' refers to the row 7 of 'customers'"
        ):
            store.get("orders", 1)


def test_a_foreign_key_holds_objects_of_its_table_only(store: SqliteStore) -> None:
    with pytest.raises(NotStored, match=r"Order.customer refers to the table 'customers', and holds a str"):
        store.save(Order(1, "anna"))  # type: ignore[arg-type]
    with pytest.raises(NotStored, match="holds a Regular"):
        store.save(Order(1, Regular(1)))


def test_what_has_no_column_is_refused_rather_than_lost(store: SqliteStore) -> None:
    customer = Customer(1)
    assert customer.greeting == "Hello Anna"
    store.save(customer)  # what is cached can be computed again
    customer.note = "new"  # type: ignore[attr-defined]
    with pytest.raises(
        NotStored, match="Customer has the attribute 'note', for which the table 'customers' has no column"
    ):
        store.save(customer)


def test_an_object_without_a_value_for_a_column_is_refused() -> None:
    with (
        SqliteStore(":memory:", [Table("plain", Plain, columns=["id", "a"])]) as store,
        pytest.raises(NotStored, match=r"lacks a value for a column of 'plain'.*'a'"),
    ):
        store.save(Plain(1))


def test_init_is_not_called(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(Customer(1), Plain(1, a=2))
    monkeypatch.setattr(Customer, "__init__", None)
    monkeypatch.setattr(Plain, "__init__", None)
    assert store.get("customers", 1).name == "Anna"
    assert store.get("plain", 1).a == 2


def test_a_row_that_is_not_there_is_a_key_error(store: SqliteStore) -> None:
    for key in (1, "x", 2**70, "\ud800", (1, 2), ()):
        with pytest.raises(KeyError):
            store.get("customers", key)
    with pytest.raises(MissingReference, match="the table 'nobody', which is not declared"):
        store.get("nobody", 1)
    with pytest.raises(MissingReference, match="is no key of an SqliteStore"):
        store.load_many(["customers"])
