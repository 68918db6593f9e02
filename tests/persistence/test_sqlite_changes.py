"""SQLite: what changed is told by what would be written, and no other writer's change is lost."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import NotStored
from brinery.persistence.sqlite import SqliteStore, Table

from .shop import Customer, Frozen, Node, Opaque, Point, Slotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Bound

    Bind = Callable[..., Bound]

TABLES = [
    Table("customers", Customer),
    Table("nodes", Node),
    Table("frozen", Frozen),
    Table("slotted", Slotted),
    Table("points", Point),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "shop.db", TABLES) as store:
        yield store


def utc(hours: int) -> datetime.timezone:
    return datetime.timezone(datetime.timedelta(hours=hours))


EQUAL = [
    (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
    (datetime.datetime(2024, 1, 1, 12, tzinfo=utc(0)), datetime.datetime(2024, 1, 1, 13, tzinfo=utc(1))),
    (datetime.datetime(2024, 10, 27, 2, fold=0), datetime.datetime(2024, 10, 27, 2, fold=1)),
    ([1], [True]),
    ([1.0], [1]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({"a": 1}, collections.OrderedDict(a=1)),
    ({1, 2}, frozenset({1, 2})),
    (0.0, -0.0),
    ([0.0], [-0.0]),
    (1, True),
    (b"x", bytearray(b"x")),
    ([[], []], [lst := [], lst]),
]


class Quiet:
    """Equal whatever it holds."""

    def __init__(self, hidden: int) -> None:
        self.hidden = hidden

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quiet)

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(("old", "new"), [*EQUAL, (Quiet(1), Quiet(2))], ids=repr)
def test_what_is_equal_and_different_is_a_change(bind: Bind, store: SqliteStore, old: Any, new: Any) -> None:
    assert old == new
    store.save(Node(1, old))
    node = store.get("nodes", 1)
    node.next = new
    with pytest.raises(NotStored, match="has changed since it was loaded or stored: next"):
        bind(shop=store).dumps(node)
    store.save(node)
    loaded = store.get("nodes", 1).next
    assert type(loaded) is type(new)
    assert repr(loaded) == repr(new) or vars(loaded) == vars(new)
    node.next = old
    store.save(node, overwrite=True)
    again = store.get("nodes", 1).next
    assert repr(again) == repr(old) or vars(again) == vars(old)


@pytest.mark.parametrize(
    "value",
    [
        {"x" * n for n in range(50)},
        frozenset({1, "a", None}),
        Opaque(tags={"a", "b", "c"}),
        {"k": [{"x", "y"}, {"k"}]},
    ],
    ids=repr,
)
def test_what_another_process_orders_differently_is_no_change(tmp_path: Path, value: Any, bind: Bind) -> None:
    script = """
import sys, tests.persistence.test_sqlite_changes as t
with t.SqliteStore(sys.argv[1], t.TABLES) as store:
    for seed in range(3):
        node = store.get("nodes", 1)
        store.address_of(node)
        store.save(node)
"""
    with SqliteStore(tmp_path / "shop.db", TABLES) as store:
        store.save(Node(1, value))
        node = store.get("nodes", 1)
        for seed in ("1", "2"):
            subprocess.run(
                [sys.executable, "-c", script, tmp_path / "shop.db"],
                check=True,
                env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            )
        bind(shop=store).dumps(node)
        store.save(node)


def test_comparing_runs_no_code_of_the_values(store: SqliteStore, bind: Bind) -> None:
    ran: list[str] = []

    class Watched(Frozen):
        pass

    store.save(Frozen(1, "x"))
    store.save(Node(1, {Frozen(1, "x"), Frozen(2, "y")}))
    node = store.get("nodes", 1)
    ours, theirs = Node(1, set(node.next)), node
    before = Frozen.__hash__, Frozen.__eq__
    Frozen.__hash__ = lambda self: ran.append("hash") or 1  # type: ignore[method-assign,assignment,func-returns-value]
    Frozen.__eq__ = lambda self, other: ran.append("eq") or True  # type: ignore[method-assign,func-returns-value]
    try:
        bind(shop=store).dumps(ours)
        bind(shop=store).dumps(theirs)
    finally:
        Frozen.__hash__, Frozen.__eq__ = before  # type: ignore[method-assign]
    assert ran == []


# versions


def test_a_stale_save_is_refused_even_where_the_row_has_the_new_value_by_now(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "a", TABLES) as one, SqliteStore(tmp_path / "a", TABLES) as two:
        one.save(Customer(1, 1))
        mine, theirs = one.get("customers", 1), two.get("customers", 1)
        mine.name += 1
        theirs.name += 1
        one.save(mine)
        with pytest.raises(NotStored, match="has been changed by another writer"):
            two.save(theirs)
        # There and back again is a change, too.
        mine.name = 1
        one.save(mine)
        with pytest.raises(NotStored, match="has been changed by another writer"):
            two.save(theirs)


def test_no_increment_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with SqliteStore(path, TABLES) as store:
        store.save(Customer(1, 0))
        acknowledged = []

        def work(mine: SqliteStore) -> None:
            for _ in range(25):
                while True:
                    counter = mine.get("customers", 1)
                    counter.name += 1
                    try:
                        mine.save(counter)
                    except NotStored:
                        continue
                    acknowledged.append(1)
                    break

        with SqliteStore(path, TABLES) as other:
            threads = [threading.Thread(target=work, args=(each,)) for each in (store, store, other, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert store.get("customers", 1).name == len(acknowledged) == 100


def test_a_change_by_another_program_is_seen_too(store: SqliteStore) -> None:
    store.save(Customer(1, "Anna"))
    anna = store.get("customers", 1)
    with store.database.writing() as connection:
        connection.execute("UPDATE customers SET name = 'Berta'")
    anna.name = "Carla"
    with pytest.raises(NotStored, match="has been changed by another writer"):
        store.save(anna)


def test_a_row_that_was_deleted_is_not_made_again_unasked(store: SqliteStore) -> None:
    store.save(anna := Customer(1))
    store.delete(anna)
    with pytest.raises(NotStored, match="the row 1 of 'customers' has been deleted by another writer"):
        store.save(anna)
    store.save(anna, overwrite=True)
    assert store.get("customers", 1) == anna


def test_slots_and_named_tuples_and_replaced_objects_can_be_saved_again(store: SqliteStore) -> None:
    store.save(Slotted(1, "a"), Point(1, "a"), Frozen(1, "a"), Customer(1, "a"))
    slotted = store.get("slotted", 1)
    for label in "bc":
        slotted.label = label
        store.save(slotted)
    assert store.get("slotted", 1).label == "c"
    for table, key in (("frozen", "label"), ("points", "at"), ("customers", "name")):
        loaded = store.get(table, 1)
        make = (
            loaded._replace
            if table == "points"
            else lambda loaded=loaded, **new: dataclasses.replace(loaded, **new)
        )
        changed = make(**{key: "b"})
        with pytest.raises(
            NotStored, match=r"this object is not known to be loaded from it: .*replacing=loaded"
        ):
            store.save(changed)
        store.save(changed, replacing=loaded)
        assert getattr(store.get(table, 1), key) == "b"
        with pytest.raises(NotStored, match="has been changed by another writer"):
            store.save(make(**{key: "c"}), replacing=loaded)


def test_user_code_does_not_run_within_the_write_transaction(store: SqliteStore, bind: Bind) -> None:
    class Meddling:
        def __eq__(self, other: object) -> bool:
            store.get("customers", 1)
            return True

        def __reduce__(self) -> Any:
            store.get("customers", 1)
            return Meddled, ()

        __hash__ = None  # type: ignore[assignment]

    store.save(Customer(1))
    store.save(Node(1, [Meddling(), {1}]))
    store.save(Node(2, [Meddling()]), Node(1, [Meddling(), {2}]), overwrite=True)
    assert store.count("nodes") == 2


class Meddled:
    pass


# what is shared


def test_what_two_rows_would_share_is_refused_or_copied(tmp_path: Path) -> None:
    shared = ["tag"]
    for obj in ((Node(1, shared), Node(2, shared)), (Customer(1, shared, shared),)):  # type: ignore[arg-type]
        with (
            SqliteStore(tmp_path / "a", TABLES) as store,
            pytest.raises(NotStored, match=r"one list is part of .* and of .*, which are stored apart"),
        ):
            store.save(*obj)
    with SqliteStore(tmp_path / "a", TABLES, on_shared="copy") as store:
        store.save(Node(1, shared), Node(2, shared))
        assert store.get("nodes", 2).next == shared
    with SqliteStore(tmp_path / "a", TABLES) as store:
        when = datetime.date(2024, 2, 29)
        store.save(
            Node(3, when), Node(4, when), Node(5, (1, "x")), Node(6, decimal.Decimal(1)), overwrite=True
        )
