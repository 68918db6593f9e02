"""Stores by URL: who opens it, with what, and what is said where nobody does."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING, Any

import pytest

from brinery.declarations import PersistentScheme
from brinery.errors import StoreError
from brinery.persistence.schemes import open_store, scheme_of
from brinery.persistence.sqlite import SqliteStore, Table
from brinery.persistence.sqlite import open_store as open_sqlite

from .shop import Node

if TYPE_CHECKING:
    from pathlib import Path

TABLES = [Table("nodes", Node)]
SQLITE = {"sqlite": PersistentScheme("sqlite", "brinery.persistence.sqlite:open_store")}


class Memory:
    claims = (Node,)

    def __init__(self, url: str, **options: Any) -> None:
        self.url, self.options = url, options

    def persistent_id(self, obj: object) -> None:
        return None

    def persistent_load(self, key: object) -> None:
        return None


def test_the_scheme_before_the_colon_says_who_opens_the_url() -> None:
    schemes = {"memory": PersistentScheme("memory", Memory)}
    store = open_store("MEMORY:x", schemes, {"size": 3})
    assert isinstance(store, Memory)
    assert (store.url, store.options) == ("MEMORY:x", {"size": 3})


def test_an_opener_may_be_named_and_is_imported_when_it_is_needed() -> None:
    schemes = {"memory": PersistentScheme("memory", f"{__name__}:Memory")}
    assert type(open_store("memory:", schemes)).__name__ == "Memory"


@pytest.mark.parametrize("url", ["shop.db", "/srv/shop.db", r"C:\shop.db", "", ":memory:"])
def test_what_is_no_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(StoreError, match=r"is no URL of a store.*sqlite:///shop.db"):
        scheme_of(url)


@pytest.mark.parametrize(
    ("url", "by"),
    [
        ("sqlalchemy+postgresql://shop@db/shop", "sqlalchemy"),
        ("SQLAlchemy+PostgreSQL+psycopg://db", "sqlalchemy"),
        ("sqlalchemy://db", "sqlalchemy"),
        ("sqlalchemy+oracle://db", "sqlalchemy+oracle"),
    ],
)
def test_a_scheme_opens_its_whole_family_unless_another_has_the_very_name(url: str, by: str) -> None:
    def opener(name: str) -> PersistentScheme:
        return PersistentScheme(name, lambda url: Memory(url, by=name))

    schemes = {name: opener(name) for name in ("sqlalchemy", "sqlalchemy+oracle", "postgresql")}
    store = open_store(url, schemes)
    assert isinstance(store, Memory)
    assert (store.url, store.options) == (url, {"by": by})


def test_of_a_family_that_nobody_has_the_whole_name_is_told_and_no_password() -> None:
    with pytest.raises(StoreError, match=r"opens 'redis\+tls' stores.*known schemes: sqlite") as refused:
        open_store("redis+tls://shop:secret@db/0", SQLITE)
    assert "secret" not in str(refused.value)


def test_a_scheme_that_nobody_has_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(StoreError, match=r"no active plugin opens 'redis' stores.*known schemes: sqlite"):
        open_store("redis://localhost", SQLITE)


@pytest.mark.parametrize(("url", "meant"), [("sqlit:///shop.db", "'sqlite'"), ("reds+tls://db", None)])
def test_a_scheme_that_is_misspelt_is_told_which_is_meant(url: str, meant: str | None) -> None:
    with pytest.raises(StoreError, match="nown schemes: sqlite") as refused:
        open_store(url, SQLITE)
    assert (f"did you mean {meant}?" in str(refused.value)) == (meant is not None)


@pytest.mark.parametrize(
    "url", ["dbs:{}/no/such/a.db", "dbs:///{}/no%20such/a.db?timeout=3", "dbs:no/such/a.db"]
)
def test_a_folder_that_is_missing_is_told_whatever_the_library_says(url: str, tmp_path: Path) -> None:
    def opener(url: str) -> Memory:
        raise sqlite3.OperationalError("unable to open database file")

    url = url.format(tmp_path)
    with pytest.raises(StoreError, match=r"cannot be opened: there is no folder '.*no.such'; make it first"):
        open_store(url, {"dbs": PersistentScheme("dbs", opener)})
    for other in ("dbs:a.db", f"dbs:{tmp_path}/a.db", "dbs://host/no/such"):
        with pytest.raises(sqlite3.OperationalError):
            open_store(other, {"dbs": PersistentScheme("dbs", opener)})


def test_what_is_opened_must_be_a_store() -> None:
    schemes = {"dict": PersistentScheme("dict", lambda url: {})}
    with pytest.raises(StoreError, match=r"'dict:' was opened as a dict, which is no store"):
        open_store("dict:", schemes)


@pytest.mark.skipif(sys.platform == "win32", reason="a path with a drive letter begins otherwise")
def test_three_slashes_are_a_relative_path_and_four_an_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for url in ("sqlite:///a.db", "sqlite:///sub/b%20c.db", f"sqlite:///{tmp_path}/d.db"):
        store = open_store(url, SQLITE, {"tables": TABLES})
        assert isinstance(store, SqliteStore)
        store.close()
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.db")) == [
        "a.db",
        "d.db",
        "sub/b c.db",
    ]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:"])
def test_no_path_is_a_database_in_memory(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_sqlite(url, tables=TABLES).close()
    assert list(tmp_path.iterdir()) == []


def test_options_may_stand_in_the_url() -> None:
    with open_sqlite(
        f"sqlite://?tables={__name__}:TABLES&on_new=insert&on_changed=ignore&timeout=2.5"
    ) as store:
        assert store.claims[0] is Node
        assert (store.inserts, store.compares, store.database._timeout) == (True, False, 2.5)


@pytest.mark.skipif(sys.platform == "win32", reason="a path with a drive letter begins otherwise")
def test_a_url_may_ask_for_reading_only(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    with open_sqlite(f"{url}?read_only=0", tables=TABLES) as store:
        store.save(Node(1))
    with open_sqlite(f"{url}?read_only=1") as store:
        assert store.get("nodes", 1) == Node(1)
        with pytest.raises(StoreError, match="readonly"):
            store.save(Node(2))


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("sqlite://shop.db", "names a host; a file is written sqlite:///shop.db"),
        ("sqlite:///shop#1.db", "write %23 for it"),
        ("sqlite://?size=3", "no option is called 'size'; there are: tables, on_new"),
        ("sqlite://?timeout=soon", "timeout='soon' cannot be read"),
        ("sqlite://?timeout=", "timeout='' cannot be read"),
        ("sqlite://?read_only=yes", "read_only='yes' cannot be read: it is 0 or 1"),
        ("sqlite://?on_new=insert", "'on_new' is given twice"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused(url: str, text: str) -> None:
    with pytest.raises(StoreError, match=text):
        open_sqlite(url, tables=TABLES, **({"on_new": "insert"} if "on_new" in url else {}))
