"""SQLite: the declaration and the file agree, or it is said; and a file can be brought to a new one."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Optional

import pytest

from brinery.errors import NotStored, StoreError
from brinery.persistence.sqlite import SqliteStore, Table, migrate

from . import test_sqlite_declarations as here
from .shop import Customer, Node, Order, Point

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Bound

    Bind = Callable[..., Bound]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@dataclass
class First:
    id: int
    name: str
    active: bool = True


@dataclass
class Wider:
    id: int
    name: str
    active: bool = True
    tags: list[str] = field(default_factory=lambda: ["new"])
    points: int = 7


@dataclass
class Narrower:
    id: int
    name: str


@dataclass
class Renamed:
    id: int
    title: str
    active: bool = True


@dataclass
class OtherBool:
    id: int
    name: str
    active: int = 1


def become(monkeypatch: pytest.MonkeyPatch, cls: type) -> list[Table]:
    """The program's class has changed: under its old name there is another one."""
    attributes = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    newer = type("First", (), {**attributes, "__qualname__": "First"})
    monkeypatch.setattr(here, "First", newer)
    return [Table("first", newer)]


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (Wider, "its rows have no 'tags'; its rows have no 'points'"),
        (Narrower, "its rows have a 'active', which First has not"),
        (Renamed, "its rows have no 'title'; its rows have a 'name'"),
        (OtherBool, "'active' was declared as a bool and now is no bool"),
    ],
)
def test_a_class_that_changed_is_refused_with_what_changed(
    path: Path, cls: type, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteStore(path, [Table("first", First)]) as store:
        store.save(First(1, "Anna"))
    tables = become(monkeypatch, cls)
    with pytest.raises(StoreError, match=f"was made by another declaration: {text}.*migrate"):
        SqliteStore(path, tables)
    with SqliteStore(path) as store, pytest.raises(StoreError, match=text):
        store.get("first", 1)


def test_a_declaration_that_changed_is_refused(path: Path) -> None:
    orders = Table("orders", Order, key="number", references={"customer": "customers"})
    with SqliteStore(path, [Table("customers", Customer), orders]) as store:
        store.save(Order(1, Customer(1)))
    with pytest.raises(
        StoreError, match=r"'customer' was declared with references=.* and now is with no reference"
    ):
        SqliteStore(path, [Table("customers", Customer), Table("orders", Order, key="number")])
    with pytest.raises(StoreError, match=r"it holds objects of .*shop:Customer, not of .*:First"):
        SqliteStore(path, [Table("customers", First), Table("orders", "x:Y", key="number")])
    with pytest.raises(
        StoreError, match=r"lives in the table 'customers' of .* already, and is declared for 'people'"
    ):
        SqliteStore(path, [Table("people", Customer)])
    with SqliteStore(path) as store:
        assert store.get("orders", 1) == Order(1, Customer(1))


@dataclass
class Spelled:
    id: int
    a: Optional[bool]  # noqa: UP045
    b: Annotated[bool, "why"]
    c: "bool"  # noqa: UP037
    d: "bool | None"  # noqa: UP037


def test_a_bool_is_a_bool_in_whatever_way_it_is_spelled(path: Path) -> None:
    with SqliteStore(path, [Table("spelled", Spelled)]) as store:
        store.save(Spelled(1, True, False, True, False))
        loaded = store.get("spelled", 1)
        assert repr(loaded) == repr(Spelled(1, True, False, True, False))
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT a, c, d FROM spelled").fetchone() == (1, 1, 0)


def test_a_table_of_a_name_that_is_not_ascii_opens_again(path: Path) -> None:
    for _ in range(2):
        with SqliteStore(path, [Table("Ärzte", Node)]) as store:
            store.save(Node(1), overwrite=True)
    with SqliteStore(path) as store:
        assert store.get("Ärzte", 1) == Node(1)


def test_a_class_that_is_defined_anew_does_not_go_into_the_stream_by_value(
    bind: Bind, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteStore(path, [Table("first", First)], on_new="insert") as store:
        become(monkeypatch, First)
        with pytest.raises(NotStored, match="has been defined anew since"):
            bind(shop=store).dumps(here.First(1, "Anna"))


@pytest.mark.parametrize("change", ["RENAME COLUMN name TO title", "DROP COLUMN name"])
def test_a_column_that_goes_while_the_store_is_open_is_an_error(path: Path, change: str) -> None:
    with SqliteStore(path, [Table("customers", Customer)]) as store:
        store.save(Customer(1, "Anna"))
        with closing(sqlite3.connect(path)) as other:
            other.execute(f"ALTER TABLE customers {change}")
        for act in (
            lambda: store.get("customers", 1),
            lambda: store.save(Customer(2, "Berta")),
            lambda: list(store.all("customers")),
            lambda: list(store.find("customers", name="name")),
        ):
            with pytest.raises(StoreError, match=r"no.* column.*open it anew"):
                act()


# content that no column holds


class Items(list):  # type: ignore[type-arg]
    id: int


class Text(str):
    id: int


class Failure(Exception):
    id: int


class Made:
    def __new__(cls, id: int) -> Any:
        return object.__new__(cls)


@dataclass
class Computed:
    id: int

    @property
    def label(self) -> str:
        return "x"


@dataclass
class WithItems(dict):  # type: ignore[type-arg]
    id: int


@pytest.mark.parametrize(
    ("cls", "columns", "text"),
    [
        (Items, ["id"], "Items, a list: what that holds of its own has no column"),
        (Text, ["id"], "Text, a str: what that holds"),
        (Failure, ["id"], "Failure, a Exception|Failure, a BaseException"),
        (WithItems, None, "WithItems, a dict"),
        (Made, ["id"], "Made, whose __new__ takes arguments"),
        (Computed, ["id", "label"], "'label', which is a property of Computed that cannot be set"),
    ],
)
def test_a_class_whose_content_would_be_lost_cannot_be_declared(cls: type, columns: Any, text: str) -> None:
    with pytest.raises(StoreError, match=text):
        Table("things", cls, columns=columns)


class Slots:
    __slots__ = ("__private", "extra", "id")

    def __init__(self, id: int) -> None:
        self.id = id


@dataclass
class SlotsBelow(Slots):
    id: int


def test_a_slot_beside_the_columns_is_seen() -> None:
    with SqliteStore(":memory:", [Table("slots", SlotsBelow), Table("more", Slots, columns=["id"])]) as store:
        for cls in (SlotsBelow, Slots):
            obj = cls(1)
            store.save(obj)
            obj.extra = "x"
            with pytest.raises(NotStored, match="has the attribute 'extra', for which"):
                store.save(obj)
        hidden = Slots(2)
        hidden._Slots__private = 1  # type: ignore[attr-defined]
        with pytest.raises(NotStored, match="_Slots__private"):
            store.save(hidden)


# migrating


def test_columns_are_added_with_their_defaults_renamed_and_dropped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteStore(path, [Table("first", First)]) as store:
        store.save(First(1, "Anna", False), First(2, "Berta"))
    before = path.read_bytes()
    tables = become(monkeypatch, Wider)
    steps = migrate(path, tables, dry_run=True)
    assert steps == [
        "added first.tags, ['new'] in every row",
        "added first.points, 7 in every row",
    ]
    assert path.read_bytes() == before
    assert migrate(path, tables) == steps
    assert migrate(path, tables) == []
    with SqliteStore(path, tables) as store:
        loaded = store.get("first", 1)
        assert (loaded.name, loaded.active, loaded.tags, loaded.points) == ("Anna", False, ["new"], 7)
        store.save(loaded)
    tables = become(monkeypatch, Renamed)
    with pytest.raises(StoreError, match=r"drop='first.tags' is one text"):
        migrate(path, tables, drop="first.tags")
    with pytest.raises(StoreError, match=r"First has no 'name' any more: .*renames=.*drop="):
        migrate(path, tables)
    assert migrate(path, tables, renames={"first.name": "title"}, drop={"first.tags", "first.points"}) == [
        "renamed first.name to title",
        "dropped first.tags",
        "dropped first.points",
    ]
    with SqliteStore(path) as store:
        assert [obj.title for obj in store.all("first")] == ["Anna", "Berta"]
    # A second time, and what is misspelt.
    assert migrate(path, tables, renames={"first.name": "title"}, drop={"first.tags", "first.titel"}) == [
        "there is no first.name to be renamed",
        "there is no first.tags to be dropped",
        "there is no first.titel to be dropped; is 'first.title' meant?",
    ]
    with pytest.raises(StoreError, match=r"drop=\{'first.title'\}, but First still has 'title'"):
        migrate(path, tables, drop={"first.title"})


def test_a_bool_that_is_none_any_more_keeps_its_values(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStore(path, [Table("first", First)]) as store:
        store.save(First(1, "Anna", False), First(2, "Berta", True))
    tables = become(monkeypatch, OtherBool)
    assert migrate(path, tables) == ["first.active is no bool any more"]
    with SqliteStore(path, tables) as store:
        assert [obj.active for obj in store.all("first")] == [False, True]
        assert [type(obj.active) for obj in store.all("first")] == [bool, bool]


class Here(NamedTuple):
    id: int
    at: Any


def test_a_class_moves(path: Path) -> None:
    with SqliteStore(path, [Table("points", Point)]) as store:
        store.save(Point(1, "x"))
    moved = [Table("points", Here, indexes=["at"])]
    with pytest.raises(StoreError, match="it holds objects of"):
        SqliteStore(path, moved)
    assert migrate(path, moved) == [
        f"'points' now holds objects of {__name__}:Here, not of tests.persistence.shop:Point",
        "made the index of 'points' on at",
    ]
    with SqliteStore(path) as store:
        assert store.get("points", 1) == Here(1, "x")


def test_what_cannot_be_migrated_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStore(path, [Table("first", First)]) as store:
        store.save(First(1, "Anna"))
    before = path.read_bytes()
    needs = dataclasses.make_dataclass(
        "First", ["id", "name", "active", "born"], namespace={"__module__": __name__}
    )
    for tables, text in (
        ([Table("first", needs), Table("nodes", Node)], "first.born is new and has no default"),
        (
            [Table("nodes", Node), Table("first", First, key="name")],
            "streams refer by it, so it cannot change",
        ),
    ):
        with pytest.raises(StoreError, match=text):
            migrate(path, tables)
    assert path.read_bytes() == before


def test_foreign_keys_and_declared_indexes_have_an_index(path: Path) -> None:
    tables = [
        Table("customers", Customer, indexes=["name", ("name", "active")]),
        Table("orders", Order, key="number", references={"customer": "customers"}),
    ]
    with SqliteStore(path, tables) as store, store.database.asking() as connection:
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL"
        ).fetchall()
    assert sorted(name for (name,) in found) == ["customers_name", "customers_name_active", "orders_customer"]
