"""Making tables, comparing them with what is there, and remembering whose they are.

A database that brinery made tables in has one more, ``brinery_tables``: a row for each, with the
class and the declaration. A store that is opened without declarations takes them from there, so that
``sqlite:///shop.db`` is enough to read and write what lives in the file. One that is opened with declarations
is compared with it: what was written by another declaration would be read wrong.

Tables that brinery makes have a column ``brinery_version``, which counts the changes of a row.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from brinery.dotted import is_dotted
from brinery.errors import StoreError
from brinery.persistence.sqlite.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from brinery.persistence.sqlite.layouts import Layout

__all__ = ["VERSION", "Recorded", "check", "create", "existing", "quote", "record", "recorded", "table_name"]

#: The column that counts the changes of a row.
VERSION = "brinery_version"

#: What SQLite raises.
SQLITE_ERROR = sqlite3.Error

_RECORD = (
    "CREATE TABLE IF NOT EXISTS brinery_tables"
    " (name TEXT PRIMARY KEY, class TEXT NOT NULL, key TEXT NOT NULL, columns TEXT, refers TEXT NOT NULL,"
    " indexes TEXT NOT NULL, layout TEXT NOT NULL)"
)


class Recorded(NamedTuple):
    """What a database remembers of a table.

    table    the declaration that it was made by; None where its class cannot be found again by its name.
    columns  the columns that its rows were written with.
    bools    those of them that hold 0 and 1 for False and True.
    """

    name: str
    class_name: str
    key: tuple[str, ...]
    declared_columns: tuple[str, ...] | None
    references: dict[str, str]
    indexes: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...]
    bools: tuple[str, ...]

    @property
    def table(self) -> Table | None:
        """The declaration; None for a class that is local to a function: it cannot be found again."""
        if not is_dotted(self.class_name):
            return None
        return Table(
            self.name,
            self.class_name,
            key=self.key,
            columns=self.declared_columns,
            references=self.references,
            indexes=self.indexes,
        )


def quote(*names: str, of: str | None = None) -> str:
    """Names as SQL identifiers, separated by commas; as columns of the table that is called `of`."""
    prefix = f"{of}." if of is not None else ""
    return ", ".join([prefix + '"' + name.replace('"', '""') + '"' for name in names])


def table_name(name: str) -> str:
    """What SQLite compares of a name: only the letters of ASCII have a case there."""
    return "".join([letter.lower() if letter.isascii() else letter for letter in name])


def existing(connection: sqlite3.Connection, names: Iterable[str]) -> set[str]:
    """Those of `names` that are tables (or views) already, in whatever case: to SQLite that is one name."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    there = {table_name(name) for (name,) in found}
    return {name for name in names if table_name(name) in there}


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
    columns.append(f"{quote(VERSION)} INTEGER NOT NULL DEFAULT 1")
    columns.append(f"PRIMARY KEY ({quote(*table.key)})")
    try:
        connection.execute(f"CREATE TABLE {quote(table.name)} ({', '.join(columns)})")
        index(connection, table)
    except sqlite3.Error as refused:
        raise StoreError(
            f"the table {table.name!r} for {table.class_name} cannot be made: {refused}"
        ) from refused
    layout.versioned = True
    record(connection, layout)


def index(connection: sqlite3.Connection, table: Table) -> None:
    """Make the indexes of a table: for its foreign keys, and those that are declared."""
    wanted = [*[(name,) for name in table.references if (name,) != table.key], *table.indexes]
    for columns in dict.fromkeys(wanted):
        name = f"{table.name}_{'_'.join(columns)}"
        connection.execute(
            f"CREATE INDEX IF NOT EXISTS {quote(name)} ON {quote(table.name)} ({quote(*columns)})"
        )


def record(connection: sqlite3.Connection, layout: Layout) -> None:
    """Remember whose a table is, and how its rows are written."""
    table = layout.table
    bools = [name for name, (boolean, _) in zip(layout.columns, layout.kinds, strict=True) if boolean]
    connection.execute(_RECORD)
    connection.execute(
        "INSERT OR REPLACE INTO brinery_tables VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            table.name,
            table.class_name,
            json.dumps(table.key),
            json.dumps(table.columns),
            json.dumps(dict(table.references)),
            json.dumps(table.indexes),
            json.dumps({"columns": layout.columns, "bools": bools}),
        ),
    )


def recorded(connection: sqlite3.Connection) -> list[Recorded]:
    """What the database remembers; nothing where brinery made no table."""
    if not existing(connection, ["brinery_tables"]):
        return []
    rows = connection.execute(
        "SELECT name, class, key, columns, refers, indexes, layout FROM brinery_tables ORDER BY name"
    )
    found = []
    for name, cls, key, columns, refers, indexes, layout in rows:
        written = json.loads(layout)
        declared = json.loads(columns)
        found.append(
            Recorded(
                name,
                cls,
                tuple(json.loads(key)),
                None if declared is None else tuple(declared),
                json.loads(refers),
                tuple(map(tuple, json.loads(indexes))),
                tuple(written["columns"]),
                tuple(written["bools"]),
            )
        )
    return found


def differences(layout: Layout, known: Recorded) -> list[str]:
    """In what a program's declaration differs from the one by which a table's rows were written."""
    table, found = layout.table, []
    if table.class_name != known.class_name:
        found.append(f"it holds objects of {known.class_name}, not of {table.class_name}")
    if table.key != known.key:
        found.append(f"its key is {', '.join(known.key)}, not {', '.join(table.key)}")
    new = [name for name in layout.columns if name not in known.columns]
    gone = [name for name in known.columns if name not in layout.columns]
    found += [f"its rows have no {name!r}" for name in new]
    found += [f"its rows have a {name!r}, which {layout.cls.__qualname__} has not" for name in gone]
    for name, (boolean, target) in zip(layout.columns, layout.kinds, strict=True):
        if name in known.columns:
            if boolean != (name in known.bools):
                kinds = ("a bool", "no bool") if name in known.bools else ("no bool", "a bool")
                found.append(f"{name!r} was declared as {kinds[0]} and now is {kinds[1]}")
            if target != known.references.get(name):
                before, now = (
                    f"references={{{name!r}: {to!r}}}" if to else "no reference"
                    for to in (known.references.get(name), target)
                )
                found.append(f"{name!r} was declared with {before} and now is with {now}")
    return found


def check(connection: sqlite3.Connection, layout: Layout, known: Recorded | None, where: str) -> bool:
    """Whether the table in the database may convert values, since some column has a declared type.

    Raises StoreError where it cannot hold the objects that `layout` is for, or was written by another
    declaration.
    """
    table = layout.table
    if known is not None:
        different = differences(layout, known)
        if different:
            raise StoreError(
                f"the table {table.name!r} in {where} was made by another declaration:"
                f" {'; '.join(different)}. What is"
                " stored would be read wrong. Bring it up to date: brinery store migrate, or"
                " brinery.persistence.sqlite.migrate(path, tables)"
            )
    info = connection.execute(f"PRAGMA table_info({quote(table.name)})").fetchall()
    there = {table_name(name) for _, name, *_ in info}
    layout.is_compared(VERSION in there)
    ours = {table_name(name) for name in layout.columns} | {VERSION}
    problems = [f"it has no column {name!r}" for name in layout.columns if table_name(name) not in there]
    problems += [
        f"its column {name!r}, which must not be NULL, has no place in {layout.cls.__qualname__}"
        for _, name, _, not_null, default, in_key in info
        if table_name(name) not in ours and not_null and default is None and not in_key
    ]
    if not problems and {table_name(name) for name in table.key} not in _unique_sets(
        connection, table.name, info
    ):
        problems.append(f"{', '.join(table.key)} is neither its primary key nor unique")
    if problems:
        raise StoreError(
            f"the table {table.name!r} in {where} does not fit {layout.cls.__qualname__}:"
            f" {'; '.join(problems)}. Change the table (ALTER TABLE) or the declaration, or declare another"
            " table name"
        )
    return any(kind and kind.upper() != "BLOB" for _, name, kind, *_ in info if table_name(name) != VERSION)


def _unique_sets(
    connection: sqlite3.Connection, name: str, info: Sequence[tuple[object, ...]]
) -> list[set[str]]:
    sets = [{table_name(str(column)) for _, column, _, _, _, in_key in info if in_key}]
    for _, key_index, unique, _, partial in connection.execute(
        f"PRAGMA index_list({quote(name)})"
    ).fetchall():
        if unique and not partial:
            columns = connection.execute(f"PRAGMA index_info({quote(key_index)})").fetchall()
            sets.append({table_name(str(column)) for _, _, column in columns})
    return sets
