"""Reading rows: many at once, and all that they refer to; and objects out of them.

Everything that the wanted rows refer to is fetched too, level by level: one query for each table of a
level and each batch of keys. Then objects are filled, those that are referred to before those that refer to
them, so that a set of them can be hashed; where rows refer to each other in a circle, an object may be met
before it is filled, as in pickle.
"""

from __future__ import annotations

import sqlite3
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.errors import MissingReference, StoreError
from brinery.persistence.records.closure import dependencies_first, fetch_closure
from brinery.persistence.sqlite.cells import Address, Cell, decode, references, storable
from brinery.persistence.sqlite.schema import VERSION, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

    from brinery.persistence.sqlite.layouts import Layout
    from brinery.persistent_ids import Key

__all__ = [
    "Row",
    "build",
    "columns_of",
    "count_there",
    "fetch",
    "key_getter",
    "keys_there",
    "select",
    "select_batches",
    "spell",
]


# Keys of one query. More are no faster, and SQLite, which takes 32,766, keeps 200 bytes for each, also when
# the query has ended: the connection keeps its statements.
_VARIABLES = 1000


class Row(NamedTuple):
    """A row as it is in the database.

    cells   its columns, and behind them how often it has changed, where its table counts that.
    refers  the rows that it refers to; None where its cells are its values as they are.
    """

    address: Address
    layout: Layout
    cells: tuple[Cell, ...]
    refers: Sequence[Address] | None


def select(connection: sqlite3.Connection, layout: Layout, keys: list[Key]) -> Iterator[tuple[Cell, ...]]:
    """The rows of those of `keys` that have one: one query for each batch."""
    for _, _, rows in select_batches(connection, layout, keys):
        yield from rows


def select_batches(
    connection: sqlite3.Connection, layout: Layout, keys: list[Key]
) -> Iterator[tuple[int, list[Key], sqlite3.Cursor]]:
    """For each batch of `keys`, of one query: where it begins, its keys, and the rows that there are."""
    return _asked(connection, layout, keys, columns_of(layout))


def keys_there(connection: sqlite3.Connection, layout: Layout, keys: list[Key]) -> Iterator[Key]:
    """Those of `keys` that have a row: one query for each batch."""
    for _, _, rows in _asked(connection, layout, keys, quote(*layout.table.key, of="t")):
        for row in rows:
            yield row if len(row) > 1 else row[0]


def count_there(connection: sqlite3.Connection, layout: Layout, keys: list[Key]) -> int:
    """How many of `keys` have a row: one query for each batch."""
    total = 0
    for _, _, rows in _asked(connection, layout, keys, "count(*)"):
        ((count,),) = rows
        total += int(count)
    return total


def _asked(
    connection: sqlite3.Connection, layout: Layout, keys: list[Key], columns: str
) -> Iterator[tuple[int, list[Key], sqlite3.Cursor]]:
    names = layout.table.key
    width = len(names)
    batch = max(1, min(connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER), _VARIABLES) // width)
    for start in range(0, len(keys), batch):
        some = keys[start : start + batch] if len(keys) > batch else keys
        # With the table's name before it, a name is that of a column. Without, one that is not there would be
        # a text.
        if width == 1:
            query = (
                f"SELECT {columns} FROM {quote(layout.name)} AS t"
                f" WHERE {quote(*names, of='t')} IN (?{', ?' * (len(some) - 1)})"
            )
            values: Sequence[object] = some
        else:
            # A row of values cannot be looked for in an index: as a table, and first in the join, it can.
            tuples = ", ".join([f"({', '.join('?' * width)})"] * len(some))
            ours = [f"k{number}" for number in range(width)]
            on = " AND ".join(
                f"{quote(name, of='t')} = k.{our}" for name, our in zip(names, ours, strict=True)
            )
            query = (
                f"WITH k({', '.join(ours)}) AS (VALUES {tuples})"
                f" SELECT {columns} FROM k CROSS JOIN {quote(layout.name)} AS t ON {on}"
            )
            values = [value for key in some for value in key]  # type: ignore[union-attr]
        yield start, some, connection.execute(query, values)


def columns_of(layout: Layout) -> str:
    """What a query selects for whole rows, of the table called t."""
    return quote(*layout.columns, *((VERSION,) if layout.versioned else ()), of="t")


def key_getter(layout: Layout) -> Callable[[tuple[Cell, ...]], Any]:
    """What gives a row's key."""
    return itemgetter(*layout.key_positions)


def fetch(
    connection: sqlite3.Connection,
    wanted: Iterable[Address],
    layout_of: Callable[[str], Layout],
    depth: int | None,
    waits: Callable[[str], bool],
    built: Container[Any],
) -> dict[Address, Row]:
    """The rows at the addresses `wanted`, where there are such, and all rows that they refer to.

    With `depth`, only those so many steps away, and those of tables whose objects cannot wait, as `waits`
    says. What is in `built` is not read. Raises MissingReference, with all of them, where a row refers to
    rows that are not there.
    """

    def read(addresses: list[Any]) -> dict[Any, Row]:
        tables: dict[str, list[Key]] = {}
        for name, key in addresses:
            tables.setdefault(name, []).append(key)
        rows: dict[Any, Row] = {}
        for name, keys in tables.items():
            layout = layout_of(name)
            fitting = [
                key for key in keys if (type(key) is int and key.bit_length() < 64) or _fits(key, layout)
            ]
            plain, key_of = layout.plain, key_getter(layout)
            for cells in select(connection, layout, fitting):
                refers = None if plain and bytes not in map(type, cells) else references_of(layout, cells)
                address = name, key_of(cells)
                rows[address] = Row(address, layout, cells, refers)
        return rows

    rows, missing = fetch_closure(
        wanted,
        read,
        lambda row: row.refers or (),
        depth,
        beyond=lambda address: not waits(address[0]),  # type: ignore[index,arg-type]
        built=built,
    )
    dangling = [(referrer, address) for address, referrer in missing.items() if referrer is not None]
    if dangling:
        referrer, address = dangling[0]
        more = f" ({len(dangling)} such references in all)" if len(dangling) > 1 else ""
        raise MissingReference(
            f"{spell(referrer)} refers to {spell(address)}, which is not there{more}",
            [(None, address, ()) for _, address in dangling],
        )
    return rows  # type: ignore[return-value]  # an address is a key


def build(
    rows: dict[Address, Row],
    find_class: Callable[[str, str], object] | None = None,
    into: dict[Address, object] | None = None,
) -> dict[Address, object]:
    """The objects of `rows`; those of `into` are filled anew. Raises what making an object raises."""
    objects: dict[Address, object] = dict(into or {})
    if not objects:
        simple: dict[int, list[Row]] = {}
        for row in rows.values():
            if row.refers is not None:
                break
            simple.setdefault(id(row.layout), []).append(row)
        else:
            for group in simple.values():
                made = group[0].layout.all_simple([row.cells for row in group])
                objects.update(zip([row.address for row in group], made, strict=True))
            return objects
    for address, row in rows.items():
        if row.layout.shells and address not in objects:
            objects[address] = row.layout.new()

    def resolve(address: Address) -> object:
        try:
            return objects[address]
        except KeyError:
            raise StoreError(
                f"rows refer to each other in a circle through {spell(address)}, a named tuple, which cannot"
                " be made before what it holds; make it a dataclass"
            ) from None

    order: Iterable[Any] = rows
    if any(row.refers for row in rows.values()):
        order = dependencies_first(
            rows,
            lambda address: [to for to in rows[address].refers or () if to in rows],  # type: ignore[index]
        )
    for address in order:
        _, layout, cells, refers = rows[address]
        values = cells if refers is None else _values(layout, cells, resolve, find_class)
        if layout.shells:
            layout.fill(objects[address], values)
        else:
            objects[address] = layout.make(values)
    return objects


def references_of(layout: Layout, cells: tuple[Cell, ...]) -> Sequence[Address]:
    """The rows that a row refers to."""
    found: list[Address] = []
    for cell, (_, target) in zip(cells, layout.kinds, strict=False):
        if cell is None:
            continue
        if target is not None:
            found.append((target, cell))  # type: ignore[arg-type]  # a foreign key is a key
        elif type(cell) is bytes:
            found += references(cell)
    return found


def spell(address: Any) -> str:
    """An address, for error texts."""
    return f"the row {address[1]!r} of {address[0]!r}"


def _values(
    layout: Layout,
    cells: tuple[Cell, ...],
    resolve: Callable[[Address], object],
    find_class: Callable[[str, str], object] | None,
) -> tuple[object, ...]:
    values = []
    for cell, (boolean, target) in zip(cells, layout.kinds, strict=False):
        if target is None:
            as_it_is = type(cell) is not bytes and not boolean
            values.append(cell if as_it_is else decode(cell, boolean, resolve, find_class))
        else:
            # A foreign key is a key.
            values.append(None if cell is None else resolve((target, cell)))  # type: ignore[arg-type]
    return tuple(values)


def _fits(key: Key, layout: Layout) -> bool:
    """Whether a row may have that key; a stream may ask for any."""
    width = len(layout.table.key)
    parts = (key,) if width == 1 else key
    return type(parts) is tuple and len(parts) == width and all(map(storable, parts))
