"""The short ways, for objects of plain values: they give what the long ones give, or stand back."""

from __future__ import annotations

import copy
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import NotStored, StoreError
from brinery.persistence.sqlite import SqliteStore, Table
from brinery.persistence.sqlite.quick import maker, reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Bound

    Bind = Callable[..., Bound]


@dataclass
class Thing:
    id: Any
    a: Any = None
    b: Any = 1.5


@dataclass(frozen=True)
class Fixed:
    id: Any
    a: Any = None
    b: Any = 1.5


class Watched:
    """Tells whom is assigned to."""

    assigned: list[str] = []

    def __init__(self, id: Any, a: Any = None) -> None:
        self.id, self.a = id, a

    def __setattr__(self, name: str, value: object) -> None:
        self.assigned.append(name)
        object.__setattr__(self, name, value)


TABLES = [
    Table("things", Thing),
    Table("fixed", Fixed),
    Table("watched", Watched, columns=("id", "a")),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "things.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(path, TABLES, on_new="insert") as store:
        yield store


VALUES = [
    0,
    -1,
    2**63 - 1,
    -(2**63),
    2**63,
    -(2**63) - 1,
    2**200,
    True,
    None,
    0.0,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
    "",
    "text",
    "Ärzte",
    "\0",
    "\udc80",
    b"",
    b"bytes",
    b"brinery\x00",
    1j,
    (1, 2),
    [1],
    {"a": b"x"},
]


@pytest.mark.parametrize("cls", [Thing, Fixed])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_every_value_comes_back_as_it_was(bind: Bind, store: SqliteStore, cls: Any, value: Any) -> None:
    bound = bind(shop=store)
    objects = [cls(1, value), cls(2, "x", copy.deepcopy(value)), cls(3)]
    loaded = bound.loads(bound.dumps(objects))
    assert [repr(obj) for obj in loaded] == [repr(obj) for obj in objects]
    # What was loaded, and what was dumped, is known to be as it is stored; and changed, it is refused.
    bound.dumps([*loaded[:2]])
    bound.dumps(objects)
    if cls is Thing:
        loaded[2].a = value if value is not None else 0
        with pytest.raises(NotStored, match="has changed since it was loaded or stored: a"):
            bound.dumps(loaded[2])


@pytest.mark.parametrize("key", [None, 1.0, True, 2**63, "\udc80", (1,)], ids=repr)
def test_what_cannot_be_a_key_is_refused(bind: Bind, store: SqliteStore, key: Any) -> None:
    with pytest.raises(NotStored, match="cannot be the key of a row"):
        bind(shop=store).dumps([Thing(1), Thing(key)])
    assert store.count("things") == 0


def test_attributes_in_another_order_or_more_or_fewer(bind: Bind, store: SqliteStore) -> None:
    bound = bind(shop=store)
    other = Thing.__new__(Thing)
    other.__dict__.update(b=3, a=2, id=1)
    assert bound.loads(bound.dumps(other)) == Thing(1, 2, 3)
    more = Thing(2)
    more.extra = 1  # type: ignore[attr-defined]
    with pytest.raises(NotStored, match="'extra'"):
        bound.dumps(more)
    fewer = Thing(3)
    del fewer.b  # the class has a default for it
    assert bound.loads(bound.dumps(fewer)) == Thing(3)
    assert vars(bound.loads(bound.dumps(fewer))) == {"id": 3, "a": None, "b": 1.5}


def test_a_class_that_watches_what_is_assigned_is_not_told(bind: Bind, store: SqliteStore) -> None:
    bound = bind(shop=store)
    data = bound.dumps(Watched(1, "x"))
    del Watched.assigned[:]
    assert vars(bound.loads(data)) == {"id": 1, "a": "x"}
    assert Watched.assigned == []


def test_two_new_objects_with_one_key_are_one_row_or_refused(bind: Bind, store: SqliteStore) -> None:
    bound = bind(shop=store)
    one, two = bound.loads(bound.dumps([Thing(1, "x"), Thing(1, "x")]))
    assert one is two
    with pytest.raises(NotStored, match=r"and another new one have the key 2: a"):
        bound.dumps([Thing(2, 1), Thing(2, True)])
    assert store.count("things") == 1


def test_what_is_there_already_is_compared_and_the_rest_inserted(
    bind: Bind, store: SqliteStore, path: Path
) -> None:
    store.save(*map(Thing, range(0, 1000, 2)))
    bound = bind(shop=store)
    with SqliteStore(path, TABLES, on_new="insert") as fresh:
        again = bind(shop=fresh)
        again.dumps(list(map(Thing, range(1000))))
        assert fresh.count("things") == 1000
        with pytest.raises(NotStored, match="has the key 998, but the row with that key is another: a"):
            again.dumps([*map(Thing, range(1000, 2000)), Thing(998, "other")])
        assert fresh.count("things") == 1000
    bound.dumps(list(map(Thing, range(1000))))


def test_a_change_of_another_is_seen_by_its_version(bind: Bind, store: SqliteStore, path: Path) -> None:
    bound = bind(shop=store)
    (mine,) = bound.loads(bound.dumps([Thing(1, "x")]))
    mine.a = "y"
    store.save(mine)
    mine.a = "x"
    store.save(mine)
    bound.dumps(mine)  # version 3, and known to be
    with SqliteStore(path) as other:
        theirs = other.get("things", 1)
        theirs.a = "z"
        other.save(theirs)
        theirs.a = "x"
        other.save(theirs)  # the same cells again
    mine.b = 0
    with pytest.raises(NotStored, match="has been changed by another writer"):
        store.save(mine)


def test_a_unique_index_beside_the_key_refuses_all(bind: Bind, store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE UNIQUE INDEX one ON things (a)")
    with pytest.raises(StoreError, match="refuses the rows, all of them: UNIQUE constraint failed"):
        bind(shop=store).dumps([Thing(1, "x"), Thing(2, "y"), Thing(3, "x")])
    assert store.count("things") == 0


def test_a_row_that_another_wrote_with_bytes_in_it(bind: Bind, store: SqliteStore, path: Path) -> None:
    bound = bind(shop=store)
    data = bound.dumps([Thing(1, "x"), Thing(2, "y")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE things SET a = x'00ff' WHERE id = 2")
        connection.commit()
    assert bound.loads(data) == [Thing(1, "x"), Thing(2, b"\x00\xff")]
    assert bound.loads(data) == [Thing(1, "x"), Thing(2, b"\x00\xff")]


@pytest.mark.parametrize("names", [("id", "class"), ("id", "a b"), ("id", "__debug__"), ("id", "\u017f")])
def test_names_that_no_program_can_assign_to_have_no_short_way(names: tuple[str, ...]) -> None:
    assert maker(Thing, names, 0) is None


def test_the_reader_gives_what_is_there_and_what_is_behind() -> None:
    row_of = reader(("id", "a", "b"), (1,))
    assert row_of(Thing(7, "x")) == (7, "x", 1.5, 1)
    assert row_of(Thing(7, [])) is None
    assert row_of(Thing(7, True)) is None


class Made(Thing):
    """Has a say in how it is made."""

    uses: list[object] = []

    def __new__(cls, *_: object) -> Made:
        for use in Made.uses:
            use()  # type: ignore[operator]
        return object.__new__(cls)


@pytest.mark.parametrize("cls", [Thing, Made])
def test_any_keys_in_any_order_over_several_queries(cls: Any) -> None:
    with SqliteStore(":memory:", [Table("things", cls)]) as store:
        store.save(
            *[cls(number, "a") for number in range(10)], *[cls(str(number), "b") for number in range(3)]
        )
        store.database.limit_variables(4)
        for keys in ([3, 1, 3, 99, 7, 8, 0], [*range(10)], ["2", "0", "9", "2"], ["1", 1], [], [2**70], [5]):
            found = store.load_many([("things", key) for key in keys])
            there = [key for key in dict.fromkeys(keys) if key in range(10) or key in ("0", "1", "2")]
            assert {address: obj.id for address, obj in found.items()} == {
                ("things", key): key for key in there
            }
            assert {type(obj) for obj in found.values()} <= {cls}
            for obj in found.values():
                assert store.address_of(obj) == ("things", obj.id)


def test_a_class_that_uses_the_store_while_its_objects_are_made() -> None:
    """No code of a class's runs within the transaction that reads its rows."""
    with SqliteStore(":memory:", [Table("things", Made)]) as store:
        store.save(Made(1), Made(2))
        Made.uses.append(lambda: store.count("things"))
        try:
            assert len(store.load_many([("things", 1), ("things", 2)])) == 2
        finally:
            Made.uses.clear()
