"""SQLite: tables are made, remembered, and compared with the classes that are to live in them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import MissingReference, StoreError
from brinery.persistence.sqlite import SqliteStore, Table

from .shop import Customer, Node, Order, Pair, Point

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


def run(path: Path, *statements: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        found = [connection.execute(statement).fetchall() for statement in statements]
        connection.commit()
    return found[-1]


def test_a_database_remembers_what_lives_in_it(path: Path) -> None:
    tables = [
        Table("customers", Customer),
        Table("orders", Order, key="number", references={"customer": "customers"}),
        Table("pairs", Pair, key=["left", "right"]),
    ]
    with SqliteStore(path, tables) as store:
        store.save(Order(1, Customer(7)), Pair(1, "x", None))
    with SqliteStore(path) as store:
        assert store.get("orders", 1) == Order(1, Customer(7))
        assert store.get("pairs", (1, "x")) == Pair(1, "x", None)
        assert store.address_of(store.get("customers", 7)) == ("customers", 7)
        assert store.claims == tuple(
            f"tests.persistence.shop:{name}" for name in ("Customer", "Order", "Pair")
        )


def test_a_class_that_cannot_be_found_again_wants_to_be_declared(path: Path) -> None:
    @dataclass
    class Local:
        id: int

    with SqliteStore(path, [Table("nodes", Node), Table("locals", Local)], on_new="refuse") as store:
        store.save(Local(1), Node(1))
        assert store.get("locals", 1) == Local(1)
    with SqliteStore(path) as store:
        assert store.get("nodes", 1) == Node(1)
        with pytest.raises(MissingReference, match="the table 'locals', which is not declared"):
            store.get("locals", 1)


def test_a_class_may_be_named_and_is_imported_when_it_is_needed(path: Path) -> None:
    SqliteStore(path, [Table("nodes", Node)]).close()
    with SqliteStore(path, [Table("nodes", "tests.persistence.shop:Node")]) as store:
        store.save(Node(1))
        assert type(store.get("nodes", 1)) is Node
    with (
        pytest.raises(StoreError, match=r"'nodes' is for 'dataclasses:field', which is no class"),
        SqliteStore(path, [Table("nodes", "dataclasses:field")]) as store,
    ):
        store.get("nodes", 1)
    SqliteStore(path, [Table("nodes", "no.such.module:Node")]).close()
    with (
        pytest.raises(
            StoreError,
            match=r"is for 'no.such.module:Node', which cannot be imported \(ModuleNotFoundError.*migrate",
        ),
        SqliteStore(path, [Table("nodes", "no.such.module:Node")]) as store,
    ):
        store.get("nodes", 1)


def test_a_misspelt_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"shpo.db is not there. To make a new file, say what is"):
        SqliteStore(tmp_path / "shpo.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_says_nothing_wants_declarations(path: Path) -> None:
    run(path, "CREATE TABLE t (id)")
    with pytest.raises(StoreError, match=r"does not say what lives in it: declare it, as in SqliteStore"):
        SqliteStore(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(
        StoreError, match=r"shop.db cannot be opened as an SQLite database: file is not a database"
    ):
        SqliteStore(path, [Table("nodes", Node)])


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ("id PRIMARY KEY, name", "has no column 'active'"),
        (
            "id PRIMARY KEY, name, active, since NOT NULL",
            "column 'since', which must not be NULL, has no place",
        ),
        ("id, name, active", "id is neither its primary key nor unique"),
        ("id, name, active, PRIMARY KEY (id, name)", "id is neither its primary key nor unique"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_the_difference(
    path: Path, columns: str, text: str
) -> None:
    run(path, f"CREATE TABLE customers ({columns})")
    with pytest.raises(StoreError, match=f"'customers' in .*shop.db does not fit Customer:.*{text}"):
        SqliteStore(path, [Table("customers", Customer)])


@pytest.mark.parametrize(
    "columns",
    [
        "id INTEGER PRIMARY KEY, name TEXT, active BOOLEAN, since TEXT DEFAULT 'now', note",
        "rowno INTEGER PRIMARY KEY, id UNIQUE, name, active",
        "active, name, id, PRIMARY KEY (id)",
    ],
)
def test_a_table_that_was_there_is_used_as_it_is(path: Path, columns: str) -> None:
    run(
        path,
        f"CREATE TABLE customers ({columns})",
        "INSERT INTO customers (id, name, active) VALUES (1, 'Anna', 1)",
    )
    with SqliteStore(path, [Table("customers", Customer)]) as store:
        assert store.get("customers", 1) == Customer(1, "Anna", True)
        store.save(Customer(2, "Berta", False))
        assert store.get("customers", 2) == Customer(2, "Berta", False)
    assert run(path, "SELECT name FROM sqlite_master WHERE name = 'brinery_tables'") == []


def test_a_value_that_a_declared_type_would_change_is_refused(path: Path) -> None:
    run(path, "CREATE TABLE customers (id INTEGER PRIMARY KEY, name INTEGER, active)")
    with SqliteStore(path, [Table("customers", Customer)]) as store:
        store.save(Customer(1, 5))
        with pytest.raises(
            StoreError, match="'name' of 'customers' has a declared type, by which SQLite turned '007' into 7"
        ):
            store.save(Customer(2, "007"), Customer(3, 7))
        with pytest.raises(StoreError, match="'id' of 'customers' has a declared type"):
            store.save(Customer("4", 7))
    assert run(path, "SELECT id FROM customers") == [(1,)]


def test_names_that_differ_in_case_are_one_name_to_sqlite(path: Path) -> None:
    run(path, "CREATE TABLE Nodes (ID PRIMARY KEY, Next)")
    with SqliteStore(path, [Table("nodes", Node)]) as store:
        store.save(Node(1, "x"))
        assert store.get("nodes", 1) == Node(1, "x")
    for tables in ([Table("t", Node), Table("T", Point)], [Table("t", Cases)]):
        with pytest.raises(StoreError, match=r"the table '[tT]' for .* cannot be made"):
            SqliteStore(":memory:", tables)


@dataclass
class Cases:
    id: int
    a: int
    A: int


def test_names_are_quoted(path: Path) -> None:
    with SqliteStore(path, [Table('odd "name"; DROP TABLE x', Node)]) as store:
        store.save(Node(1))
        assert store.get('odd "name"; DROP TABLE x', 1) == Node(1)


def test_a_read_only_store_changes_nothing(path: Path) -> None:
    with SqliteStore(path, [Table("nodes", Node)]) as store:
        store.save(Node(1))
    before = path.read_bytes()
    with SqliteStore(path, read_only=True) as store:
        assert store.get("nodes", 1) == Node(1)
        with pytest.raises(StoreError, match=r"readonly database. It is opened read_only"):
            store.save(Node(2))
    with pytest.raises(StoreError, match="has no table 'points', and is opened read_only"):
        SqliteStore(path, [Table("points", Point)], read_only=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("declare", "text"),
    [
        (lambda: Table("", Node), "cannot be a table's name"),
        (lambda: Table("sqlite_x", Node), "cannot be a table's name"),
        (lambda: Table("brinery_x", Node), "cannot be a table's name"),
        (lambda: Table("nodes", Node, key=()), "has no key"),
        (
            lambda: Table("nodes", Node, key="number"),
            "has key='number', but Node has no such column, only id, next",
        ),
        (
            lambda: Table("nodes", Node, references={"to": "x"}),
            "has references='to', but Node has no such column",
        ),
        (lambda: Table("nodes", "Node"), "write the class as 'package.module:QualName'"),
        (
            lambda: Table("pairs", Pair, key="left", columns=["left"]),
            "only a named tuple, with all its fields",
        ),
        (lambda: Table("pairs", tuple, columns=["id"]), "only a named tuple"),
        (lambda: Table("nodes", Node, columns=["id", "id"]), "names a column twice"),
    ],
)
def test_a_declaration_that_does_not_fit_the_class_is_refused(declare: Any, text: str) -> None:
    with pytest.raises(StoreError, match=text):
        declare()


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ([Table("a", Node), Table("a", Point)], "one name, or are for one class"),
        ([Table("a", Node), Table("b", Node)], "one name, or are for one class"),
        ([Table("a", Node, references={"next": "b"})], "not a declared table"),
        (
            [Table("a", Node, references={"next": "b"}), Table("b", Pair, key=("left", "right"))],
            "key of one column",
        ),
    ],
)
def test_tables_that_do_not_go_together_are_refused(tables: Any, text: str) -> None:
    with pytest.raises(StoreError, match=text):
        SqliteStore(":memory:", tables)


@pytest.mark.parametrize("options", [{"on_new": "update"}, {"on_changed": "save"}])
def test_an_option_that_is_none_is_refused(options: Any) -> None:
    with pytest.raises(StoreError, match="it is 'refuse' or"):
        SqliteStore(":memory:", [], **options)


def test_a_closed_store_says_so() -> None:
    with SqliteStore(":memory:", [Table("nodes", Node)]) as store:
        pass
    store.close()
    with pytest.raises(StoreError, match="is closed: use it within the block"):
        store.get("nodes", 1)


def test_the_journal_mode_is_left_as_it_is(path: Path) -> None:
    for mode in ("delete", "wal"):
        assert run(path, f"PRAGMA journal_mode = {mode}") == [(mode,)]
        with SqliteStore(path, [Table("nodes", Node)], on_new="insert") as store:
            store.save(Node(1), overwrite=True)
        assert run(path, "PRAGMA journal_mode") == [(mode,)]


def test_a_change_of_directory_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with SqliteStore("shop #1?.db", [Table("nodes", Node)]) as store:
        store.save(Node(1))
    assert [file.name for file in tmp_path.iterdir()] == ["shop #1?.db"]
