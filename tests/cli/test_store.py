"""``brinery store``: what is in a file, and migrating it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from brinery.cli import main
from brinery.persistence.sqlite import SqliteStore, Table

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Customer:
    id: int
    name: str
    active: bool = True


@dataclass
class Order:
    number: int
    customer: Customer
    note: str = "none"


TABLES = [
    Table("customers", Customer),
    Table("orders", Order, key="number", references={"customer": "customers"}),
]


@pytest.fixture
def shop(tmp_path: Path) -> str:
    with SqliteStore(tmp_path / "shop.db", TABLES) as store:
        store.save(Order(1, Customer(1, "Anna")), Order(2, Customer(2, "Berta")))
        with store.database.writing() as connection:
            connection.execute("ALTER TABLE orders DROP COLUMN note")
            connection.execute(
                'UPDATE brinery_tables SET layout = \'{"columns": ["number", "customer"], "bools": []}\''
                " WHERE name = 'orders'"
            )
    return f"sqlite:///{tmp_path}/shop.db"


def test_ls_shows_tables_classes_counts_and_columns(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "ls", shop]) == 0
    assert capsys.readouterr().out == (
        "customers: 2 rows of tests.cli.test_store:Customer\n"
        "    id  (key)\n"
        "    name\n"
        "    active  (bool)\n"
        "orders: 2 rows of tests.cli.test_store:Order\n"
        "    number  (key)\n"
        "    customer  (refers to customers)\n"
    )


def test_migrate_says_what_it_does(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = shop.removeprefix("sqlite:///")
    for extra, out in (
        (["--dry-run"], "added orders.note, 'none' in every row\nnothing was done (--dry-run)\n"),
        (["--tables", "tests.cli.test_store:TABLES"], "added orders.note, 'none' in every row\n"),
        ([], "nothing to do: the file is as it is declared\n"),
    ):
        assert main(["store", "migrate", path, *extra]) == 0
        assert capsys.readouterr().out == out
    with SqliteStore(path, TABLES) as store:
        assert store.get("orders", 1) == Order(1, Customer(1, "Anna"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["ls", "sqlite:///no-such.db"], "no-such.db is not there"),
        (["ls", "redis://host"], "redis://host is no SQLite store"),
        (["migrate", "SHOP", "--rename", "x"], "write it as TABLE.OLD=NEW"),
        (["migrate", "SHOP", "--tables", "no.module:X"], "ModuleNotFoundError"),
        (["migrate", "SHOP", "--tables", "x"], "write it as package.module:NAME"),
    ],
)
def test_what_is_wrong_is_said(
    shop: str, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["store", *[shop if part == "SHOP" else part for part in arguments]]) == 1
    assert text in capsys.readouterr().err
