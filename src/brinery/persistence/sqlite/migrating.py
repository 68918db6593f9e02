"""Bringing a file's tables to what a program declares now: in one transaction, all or nothing."""

from __future__ import annotations

import dataclasses
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from brinery.dotted import import_dotted
from brinery.errors import StoreError
from brinery.persistence.sqlite import schema
from brinery.persistence.sqlite.cells import encode
from brinery.persistence.sqlite.database import Database
from brinery.persistence.sqlite.layouts import Layout
from brinery.persistence.sqlite.schema import VERSION, quote

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping

    from brinery.persistence.sqlite.tables import Table

__all__ = ["migrate"]


def migrate(
    path: str | os.PathLike[str],
    tables: Iterable[Table] | None = None,
    *,
    renames: Mapping[str, str] | None = None,
    drop: Iterable[str] = (),
    dry_run: bool = False,
    timeout: float = 30.0,
) -> list[str]:
    """Bring the tables of the file at `path` to their declarations, and say what was done, line by line.

    tables   the declarations; left out, those that the file remembers, with the classes as they are now.
    renames  columns that have another name now: ``{"customers.nome": "name"}``.
    drop     columns whose content may go: ``{"customers.fax"}``. Without that, a column that no class has
             any more is an error.
    dry_run  do nothing, and say what would be done.

    A new column gets its field's default in every row; a field without a default is an error. What is to be
    renamed or dropped and is not there is said, and no error: it may have been done before. Raises StoreError
    for what cannot be done; nothing is done then.
    """
    if isinstance(drop, str):
        raise StoreError(f"drop={drop!r} is one text, and drop= takes several columns: drop={{{drop!r}}}")
    drop = set(drop)
    database = Database(path, timeout=timeout, read_only=False, create=False)
    try:
        with database.reading() as connection:
            known = {found.name: found for found in schema.recorded(connection)}
        declared = [found.table for found in known.values()] if tables is None else list(tables)
        layouts = [_layout(table) for table in declared if table is not None]
        transaction = database.begin()
        try:
            done = _absent(layouts, known, renames or {}, drop)
            for layout in layouts:
                found = known.get(layout.name)
                if found is None:
                    schema.create(transaction.connection, layout)
                    done.append(f"made the table {layout.name!r} for {layout.table.class_name}")
                else:
                    done += _bring(transaction.connection, layout, found, dict(renames or {}), drop)
            if not dry_run:
                transaction.commit()
        except schema.SQLITE_ERROR as failed:
            raise database.explain(failed) from failed
        finally:
            transaction.rollback()
        return done
    finally:
        database.close()


def _absent(
    layouts: Iterable[Layout],
    known: Mapping[str, schema.Recorded],
    renames: Mapping[str, str],
    drop: Collection[str],
) -> list[str]:
    """Lines for the columns that are to be renamed or dropped, and are not there.

    Raises StoreError for one to be dropped that its class still has.
    """
    there = {f"{found.name}.{column}" for found in known.values() for column in found.columns}
    for layout in layouts:
        for column in layout.columns:
            name = f"{layout.name}.{column}"
            if name in there and name in drop:
                raise StoreError(f"drop={{{name!r}}}, but {layout.cls.__qualname__} still has {column!r}")
    return [
        f"there is no {name} to be {what}{_meant(name, there)}"
        for what, names in (("renamed", renames), ("dropped", drop))
        for name in sorted(names)
        if name not in there
    ]


def _meant(name: str, there: Iterable[str]) -> str:
    near = get_close_matches(name, there, 1, 0.8)
    return f"; is {near[0]!r} meant?" if near else ""


def _layout(table: Table) -> Layout:
    cls = import_dotted(table.cls) if isinstance(table.cls, str) else table.cls
    if not isinstance(cls, type):
        raise StoreError(f"the table {table.name!r} is for {table.cls!r}, which is no class")
    return Layout(table, cls)


def _bring(
    connection: sqlite3.Connection,
    layout: Layout,
    found: schema.Recorded,
    renames: dict[str, str],
    drop: set[str],
) -> list[str]:
    name, done = quote(layout.name), []
    if found.key != layout.table.key:
        raise StoreError(
            f"the key of {layout.name!r} is {', '.join(found.key)}, and is declared as"
            f" {', '.join(layout.table.key)}: streams refer by it, so it cannot change"
        )
    columns = list(found.columns)
    for old in list(columns):
        new = renames.get(f"{layout.name}.{old}")
        if new is not None:
            connection.execute(f"ALTER TABLE {name} RENAME COLUMN {quote(old)} TO {quote(new)}")
            columns[columns.index(old)] = new
            done.append(f"renamed {layout.name}.{old} to {new}")
    for column in [column for column in columns if column not in layout.columns]:
        if f"{layout.name}.{column}" not in drop:
            raise StoreError(
                f"{layout.cls.__qualname__} has no {column!r} any more: say what becomes of it, with"
                f" renames={{'{layout.name}.{column}': 'new'}} or drop={{'{layout.name}.{column}'}}"
            )
        connection.execute(f"ALTER TABLE {name} DROP COLUMN {quote(column)}")
        done.append(f"dropped {layout.name}.{column}")
    for column, (boolean, target) in zip(layout.columns, layout.kinds, strict=True):
        if column in columns:
            was = next(
                (old for old in found.columns if renames.get(f"{layout.name}.{old}", old) == column), column
            )
            if boolean != (was in found.bools):
                done += _rewrite_bools(connection, layout, column, boolean)
            if target != found.references.get(was):
                raise StoreError(
                    f"{layout.name}.{column} is declared with another reference than it was stored with:"
                    " what is"
                    " stored cannot be turned into that. Copy the objects into a new table"
                )
            continue
        value = encode(_default(layout, column), boolean, lambda _: None)
        reference = f" REFERENCES {quote(target)}" if target is not None else ""
        connection.execute(f"ALTER TABLE {name} ADD COLUMN {quote(column)}{reference}")
        connection.execute(f"UPDATE {name} SET {quote(column)} = ?", (value,))
        done.append(f"added {layout.name}.{column}, {_default(layout, column)!r} in every row")
    if found.class_name != layout.table.class_name:
        done.append(
            f"{layout.name!r} now holds objects of {layout.table.class_name}, not of {found.class_name}"
        )
    info = connection.execute(f"PRAGMA table_info({name})").fetchall()
    if VERSION not in {column for _, column, *_ in info}:
        connection.execute(f"ALTER TABLE {name} ADD COLUMN {quote(VERSION)} INTEGER NOT NULL DEFAULT 1")
        done.append(f"added the version of each row to {layout.name!r}")
    missing = [index for index in layout.table.indexes if index not in found.indexes]
    schema.index(connection, layout.table)
    done += [f"made the index of {layout.name!r} on {', '.join(index)}" for index in missing]
    schema.record(connection, layout)
    return done


def _rewrite_bools(connection: sqlite3.Connection, layout: Layout, column: str, boolean: bool) -> list[str]:
    """Turn 0 and 1 into False and True as other values are stored, or back."""
    name, done = quote(layout.name), []
    for value in (False, True):
        old, new = (encode(value, known, lambda _: None) for known in (not boolean, boolean))
        connection.execute(
            f"UPDATE {name} SET {quote(column)} = ? WHERE {name}.{quote(column)} IS ?", (new, old)
        )
    done.append(f"{layout.name}.{column} is {'a bool' if boolean else 'no bool any more'}")
    return done


def _default(layout: Layout, column: str) -> Any:
    cls: Any = layout.cls
    if dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            if field.name == column:
                if field.default is not dataclasses.MISSING:
                    return field.default
                if field.default_factory is not dataclasses.MISSING:
                    return field.default_factory()
    elif column in getattr(cls, "_field_defaults", {}):
        return cls._field_defaults[column]
    elif column in vars(cls) and not hasattr(type(vars(cls)[column]), "__get__"):
        return vars(cls)[column]
    raise StoreError(
        f"{layout.name}.{column} is new and has no default: give the field one, which every row gets"
    )
