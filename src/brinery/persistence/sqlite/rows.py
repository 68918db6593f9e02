"""Rows into objects, along the references between them.

Everything that the wanted rows refer to is fetched too, level by level: one query for each table of a
level and each batch of keys. Then objects are filled, those that are referred to before those that refer to
them, so that a set of them can be hashed; where rows refer to each other in a circle, an object may be met
before it is filled, as in pickle.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from brinery.errors import MissingReference, StoreError
from brinery.persistence.sqlite.cells import Address, Cell, addresses, decode, storable
from brinery.persistence.sqlite.schema import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from brinery.persistence.sqlite.tables import Layout
    from brinery.persistent_ids import Key

__all__ = ["Row", "build", "fetch", "select"]


# SQLite's own limit by default. Where it was built with a higher one, the query's text meets its limit first.
_VARIABLES = 32_766


class Row(NamedTuple):
    """A row as it is in the database, and the addresses that it refers to."""

    layout: Layout
    cells: tuple[Cell, ...]
    refers: Sequence[Address]


def select(
    connection: sqlite3.Connection, layout: Layout, keys: list[Key]
) -> Iterator[tuple[Key, tuple[Cell, ...]]]:
    """Each of `keys` that has a row, with the row's cells: one query for each batch."""
    names = layout.table.key
    width = len(names)
    batch = max(1, min(connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER), _VARIABLES) // width)
    positions = layout.key_positions
    for start in range(0, len(keys), batch):
        some = keys[start : start + batch]
        if width == 1:
            where = f"{quote(*names)} IN ({', '.join('?' * len(some))})"
            values: list[object] = list(some)
        else:
            tuples = ", ".join([f"({', '.join('?' * width)})"] * len(some))
            where = f"({quote(*names)}) IN (VALUES {tuples})"
            values = [value for key in some for value in key]  # type: ignore[union-attr]
        query = f"SELECT {quote(*layout.columns)} FROM {quote(layout.name)} WHERE {where}"
        for cells in connection.execute(query, values):
            key = cells[positions[0]] if width == 1 else tuple([cells[position] for position in positions])
            yield key, cells


def fetch(
    connection: sqlite3.Connection, wanted: Iterable[Address], layout_of: Callable[[str], Layout]
) -> dict[Address, Row]:
    """The rows at the addresses `wanted`, where there are such, and all rows that they refer to."""
    rows: dict[Address, Row] = {}
    seen: set[Address] = set()
    level = dict.fromkeys(wanted)
    while level:
        seen.update(level)
        tables: dict[str, list[Key]] = {}
        for name, key in level:
            tables.setdefault(name, []).append(key)
        level = {}
        for name, keys in tables.items():
            layout = layout_of(name)
            for key, cells in select(connection, layout, [key for key in keys if _fits(key, layout)]):
                refers = _refers(layout, cells)
                rows[name, key] = Row(layout, cells, refers)
                for address in refers:
                    if address not in seen:
                        level[address] = None
    return rows


def build(rows: dict[Address, Row]) -> dict[Address, object]:
    """The objects of `rows`.

    Raises MissingReference where a row refers to one that is not there, and what making an object raises.
    """
    objects = {address: row.layout.new() for address, row in rows.items() if row.layout.shells}

    def resolve(address: Address) -> object:
        try:
            return objects[address]
        except KeyError:
            raise StoreError(
                f"rows refer to each other in a circle through {_spell(address)}, a named tuple, which cannot"
                " be made before what it holds; make it a dataclass"
            ) from None

    for address in _dependencies_first(rows):
        layout, cells, _ = rows[address]
        values = cells if _as_they_are(layout, cells) else _values(layout, cells, resolve)
        if layout.shells:
            layout.fill(objects[address], values)
        else:
            objects[address] = layout.make(values)
    return objects


def _as_they_are(layout: Layout, cells: tuple[Cell, ...]) -> bool:
    """Whether a row's cells are its values, as those of most rows are: spared a look at each."""
    return layout.plain and bytes not in map(type, cells)


def _values(
    layout: Layout, cells: tuple[Cell, ...], resolve: Callable[[Address], object]
) -> tuple[object, ...]:
    values = []
    for cell, (boolean, target) in zip(cells, layout.kinds, strict=True):
        if target is None:
            as_it_is = type(cell) is not bytes and not boolean
            values.append(cell if as_it_is else decode(cell, boolean, resolve))
        else:
            # A foreign key is a key.
            values.append(None if cell is None else resolve((target, cell)))  # type: ignore[arg-type]
    return tuple(values)


def _refers(layout: Layout, cells: tuple[Cell, ...]) -> Sequence[Address]:
    if _as_they_are(layout, cells):
        return ()
    found: list[Address] = []
    for cell, (_, target) in zip(cells, layout.kinds, strict=True):
        if cell is None:
            continue
        if target is not None:
            found.append((target, cell))  # type: ignore[arg-type]  # a foreign key is a key
        elif type(cell) is bytes:
            found += addresses(cell)
    return found


def _fits(key: Key, layout: Layout) -> bool:
    """Whether a row may have that key; a stream may ask for any."""
    width = len(layout.table.key)
    parts = (key,) if width == 1 else key
    return type(parts) is tuple and len(parts) == width and all(map(storable, parts))


def _dependencies_first(rows: dict[Address, Row]) -> Iterable[Address]:
    """The addresses of `rows`, each after those that it refers to. Without recursion: chains may be long."""
    if not any(row.refers for row in rows.values()):
        return rows
    order: dict[Address, None] = {}
    entered: set[Address] = set()
    for root in rows:
        if root in entered:
            continue
        entered.add(root)
        path = [(root, iter(rows[root].refers))]
        while path:
            address, rest = path[-1]
            for target in rest:
                if target not in rows:
                    raise MissingReference(
                        f"{_spell(address)} refers to {_spell(target)}, which is not there"
                    )
                if target not in entered:
                    entered.add(target)
                    path.append((target, iter(rows[target].refers)))
                    break
            else:
                path.pop()
                order[address] = None
    return order


def _spell(address: Address) -> str:
    return f"the row {address[1]!r} of {address[0]!r}"
