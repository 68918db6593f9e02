"""Making tables, comparing them with what is there, and remembering whose they are.

A database that brinery made tables in has one more, ``brinery_tables``: a row for each, with the
class and the declaration. A store that is opened without declarations takes them from there, so that
``sqlite:///shop.db`` is enough to read and write what lives in the file.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from brinery.dotted import is_dotted
from brinery.errors import StoreError
from brinery.persistence.sqlite.tables import Layout, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["check", "create", "existing", "quote", "recorded"]

_RECORD = (
    "CREATE TABLE IF NOT EXISTS brinery_tables"
    " (name TEXT PRIMARY KEY, class TEXT NOT NULL, key TEXT NOT NULL, columns TEXT, refers TEXT NOT NULL)"
)


def quote(*names: str) -> str:
    """Names as SQL identifiers, separated by commas."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def existing(connection: sqlite3.Connection, names: Iterable[str]) -> set[str]:
    """Those of `names` that are tables (or views) already, in whatever case: to SQLite that is one name."""
    found = connection.execute("SELECT lower(name) FROM sqlite_master WHERE type IN ('table', 'view')")
    there = {name for (name,) in found}
    return {name for name in names if name.lower() in there}


def create(connection: sqlite3.Connection, layout: Layout) -> None:
    """Make the table, and remember whose it is. To be called within a transaction.

    Raises StoreError where SQLite will not have such a table.
    """
    table = layout.table
    columns = []
    for name, (_, target) in zip(layout.columns, layout.kinds, strict=True):
        column = quote(name)
        if name in table.key:
            column += " NOT NULL"
        if target is not None:
            column += f" REFERENCES {quote(target)}"
        columns.append(column)
    columns.append(f"PRIMARY KEY ({quote(*table.key)})")
    try:
        connection.execute(f"CREATE TABLE {quote(table.name)} ({', '.join(columns)})")
    except sqlite3.Error as refused:
        raise StoreError(
            f"the table {table.name!r} for {table.class_name} cannot be made: {refused}"
        ) from refused
    connection.execute(_RECORD)
    connection.execute(
        "INSERT OR REPLACE INTO brinery_tables VALUES (?, ?, ?, ?, ?)",
        (
            table.name,
            table.class_name,
            json.dumps(table.key),
            json.dumps(table.columns),
            json.dumps(dict(table.references)),
        ),
    )


def recorded(connection: sqlite3.Connection) -> list[Table]:
    """The tables that the database remembers; none where brinery made none."""
    if not existing(connection, ["brinery_tables"]):
        return []
    rows = connection.execute("SELECT name, class, key, columns, refers FROM brinery_tables ORDER BY name")
    # A class that is local to a function cannot be found again: its table wants to be declared.
    return [
        Table(name, cls, key=json.loads(key), columns=json.loads(columns), references=json.loads(refers))
        for name, cls, key, columns, refers in rows
        if is_dotted(cls)
    ]


def check(connection: sqlite3.Connection, layout: Layout, where: str) -> bool:
    """Whether the table in the database may convert values, since some column has a declared type.

    Raises StoreError where it cannot hold the objects that `layout` is for.
    """
    table = layout.table
    info = connection.execute(f"PRAGMA table_info({quote(table.name)})").fetchall()
    there = {name.lower() for _, name, *_ in info}
    ours = {name.lower() for name in layout.columns}
    problems = [f"it has no column {name!r}" for name in layout.columns if name.lower() not in there]
    problems += [
        f"its column {name!r}, which must not be NULL, has no place in {layout.cls.__qualname__}"
        for _, name, _, not_null, default, in_key in info
        if name.lower() not in ours and not_null and default is None and not in_key
    ]
    if not problems and {name.lower() for name in table.key} not in _unique_sets(
        connection, table.name, info
    ):
        problems.append(f"{', '.join(table.key)} is neither its primary key nor unique")
    if problems:
        raise StoreError(
            f"the table {table.name!r} in {where} does not fit {layout.cls.__qualname__}:"
            f" {'; '.join(problems)}. Change the table (ALTER TABLE) or the declaration, or declare another"
            " table name"
        )
    return any(kind and kind.upper() != "BLOB" for _, _, kind, *_ in info)


def _unique_sets(
    connection: sqlite3.Connection, name: str, info: Sequence[tuple[object, ...]]
) -> list[set[str]]:
    sets = [{str(column).lower() for _, column, _, _, _, in_key in info if in_key}]
    for _, index, unique, _, partial in connection.execute(f"PRAGMA index_list({quote(name)})").fetchall():
        if unique and not partial:
            columns = connection.execute(f"PRAGMA index_info({quote(index)})").fetchall()
            sets.append({str(column).lower() for _, _, column in columns})
    return sets
