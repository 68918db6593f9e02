"""Rows into the database, beside other writers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.errors import NotStored, StoreError
from brinery.persistence.sqlite.comparing import differences
from brinery.persistence.sqlite.rows import select
from brinery.persistence.sqlite.schema import quote

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from brinery.persistence.sqlite.cells import Cell
    from brinery.persistence.sqlite.tables import Layout
    from brinery.persistent_ids import Key

__all__ = ["check_unconverted", "write"]


def write(
    connection: sqlite3.Connection,
    layout: Layout,
    rows: Mapping[Key, tuple[Cell, ...]],
    may_replace: Callable[[Key, tuple[Cell, ...]], bool],
) -> None:
    """Insert `rows`, or update those that are there; to be called within a transaction.

    A row that is there already and differs is another writer's: it is replaced where
    ``may_replace(key, cells)`` says so of it. Raises NotStored otherwise.
    """
    there = dict(select(connection, layout, list(rows)))
    inserted, updated = [], []
    for key, cells in rows.items():
        old = there.get(key)
        if old is None:
            inserted.append(cells)
        elif differences(layout, cells, old):
            if not may_replace(key, old):
                raise NotStored(
                    f"{layout.name!r} holds another row with the key {key!r}: another writer was there first,"
                    " and nothing was stored. Load that object anew, or store.save(obj, overwrite=True)"
                )
            updated.append((*cells, *[cells[position] for position in layout.key_positions]))
    places = ", ".join("?" * len(layout.columns))
    connection.executemany(
        f"INSERT INTO {quote(layout.name)} ({quote(*layout.columns)}) VALUES ({places})", inserted
    )
    settings = ", ".join(f"{quote(name)} = ?" for name in layout.columns)
    which = " AND ".join(f"{quote(name)} = ?" for name in layout.table.key)
    connection.executemany(f"UPDATE {quote(layout.name)} SET {settings} WHERE {which}", updated)


def check_unconverted(
    connection: sqlite3.Connection, layout: Layout, rows: Mapping[Key, tuple[Cell, ...]]
) -> None:
    """Raise StoreError where a row is not what was written, since a column has a declared type."""
    there = dict(select(connection, layout, list(rows)))
    for key, cells in rows.items():
        # A key that was itself converted is not found under the old one.
        found = there.get(key, (None,) * len(cells))
        for name, ours, theirs in zip(layout.columns, cells, found, strict=True):
            if type(ours) is not type(theirs) or ours != theirs:
                raise StoreError(
                    f"the column {name!r} of {layout.name!r} has a declared type, by which SQLite turned"
                    f" {ours!r} into {theirs!r}; nothing was stored. Give it values of that type, or drop the"
                    " column's type"
                )
