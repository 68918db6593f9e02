"""One dump, or one save: what it has found, held against the database all at once when it ends.

While a dump runs, nothing is asked of the database for an object that is new to the store: its row is encoded
and staged. At the end one transaction reads all rows that there are under the keys met, in batches; what is
there has to be the same; what is not is inserted; and what the dump refers to has to be there still. Cells
are compared as bytes, or by what is written in them: no code of the user's runs within the transaction.
"""

from __future__ import annotations

import sqlite3
import sys
from operator import is_
from typing import TYPE_CHECKING, Any

from brinery.engine.attributes import comparer
from brinery.errors import NotStored, StoreError
from brinery.persistence.records.values import Sharing
from brinery.persistence.sqlite.cells import Address, Cell, same
from brinery.persistence.sqlite.rows import count_there, key_getter, keys_there, select
from brinery.persistence.sqlite.schema import VERSION, quote
from brinery.persistence.stores import Dump

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brinery.persistence.sqlite.database import Transaction
    from brinery.persistence.sqlite.layouts import Layout
    from brinery.persistence.sqlite.store import SqliteStore
    from brinery.persistent_ids import Key

__all__ = ["SqliteDump"]

# So many objects of a dump that may not insert are looked up as they are met, which tells where an object
# is that is not stored. The rest are looked up at once.
_AT_ONCE = 16


class Part:
    """What a dump has met of one table.

    objects   the objects that are to have a row, by key: held on to, so that their identity stays their own.
    rows      their rows, in the same order; None while one is not encoded.
    to_save   the keys of those that were given to ``save``, and not found behind what was; with the row that
              each was known by.
    referred  objects that were met and are known to be stored, by key.
    written   what is known of each object once the dump is committed; where all rows were inserted at once,
              that is `objects` and `rows`.
    """

    __slots__ = (
        "columns",
        "is_row",
        "known",
        "layout",
        "name",
        "objects",
        "position",
        "referred",
        "row_of",
        "rows",
        "to_save",
        "width",
        "written",
        "written_at_once",
    )

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.name = layout.name
        self.row_of = layout.row_of
        # How an object is compared with a row, where it is what its attributes are.
        self.is_row = None if layout.row_of is None else comparer()
        self.columns = tuple(map(sys.intern, layout.columns))
        self.position = layout.key_position or 0
        self.width = len(layout.columns)
        self.known = layout.known.find
        self.objects: dict[Any, object] = {}
        self.rows: list[Any] = []
        self.to_save: dict[Any, tuple[Cell, ...] | None] = {}
        self.referred: dict[Any, object] = {}
        self.written: list[tuple[Any, tuple[Cell, ...]]] = []
        self.written_at_once = False

    def known_at(self, obj: object, key: Any) -> tuple[Cell, ...] | None:
        """The row that `obj` is known to be stored as under `key`."""
        row = self.known(obj)
        if row is None:
            return None
        parts = tuple([row[position] for position in self.layout.key_positions])
        return row if (key if len(parts) > 1 else (key,)) == parts else None


class SqliteDump(Dump):
    """See the module's documentation. `saving` takes what is new whatever the store's rule."""

    def __init__(
        self, store: SqliteStore, *, alone: bool = True, saving: bool = False, overwrite: bool = False
    ):
        self._store = store
        self._alone = alone
        self._insert = saving or store.inserts
        self._saving = saving
        self._overwrite = overwrite
        self._parts: dict[type, Part] = {}
        #: Objects whose rows are to be encoded: their parts, keys and places in them.
        self._pending: list[tuple[Part, Any, int]] = []
        self._staged_now: list[tuple[Part, Any]] = []
        self._looked_up = 0
        self._sharing = Sharing() if store.refuses_sharing else None
        self._transaction: Transaction | None = None

    def key_of(self, obj: Any, /) -> Key | None:
        """The table and key of `obj`; None for what has no table, such as an object of a subclass."""
        part = self._parts.get(type(obj))
        if part is None:
            part = self._part_for(obj)
            if part is None:
                return None
            if type(obj) is part.layout.ghost_class and (address := self._met_ghost(obj, part)) is not None:
                return address
        if part.is_row is not None and (known := part.known(obj)) is not None:
            # The shortest: it is as it was loaded.
            key = known[part.position]
            if (
                key not in part.objects
                and (type(key) is int or type(key) is str)
                and part.is_row(obj, part.columns, known)
            ):
                part.referred[key] = obj
                return part.name, key
        if part.row_of is not None and (row := part.row_of(obj)) is not None:
            # The short way, for what most objects are: the same as _meet, with nothing that could fail.
            key = row[part.position]
            if type(key) is int or type(key) is str:
                other = part.objects.get(key)
                if other is not None:
                    if other is obj:
                        return part.name, key
                elif (known := part.known(obj)) is None:
                    if self._insert:
                        part.objects[key] = obj
                        part.rows.append(row)
                        return part.name, key
                elif known[part.position] == key and all(map(is_, row, known[: part.width])):
                    part.referred[key] = obj
                    return part.name, key
        try:
            address = self._meet(obj)
            if self._pending:
                self._encode_pending()
        except BaseException:
            # Another store may yet take the object, and the dump succeed.
            self._pending.clear()
            for staged, key in reversed(self._staged_now):
                del staged.objects[key]
                staged.rows.pop()
            self._staged_now.clear()
            raise
        self._staged_now.clear()
        return address

    def take(self, obj: object, replacing: object | None) -> None:
        """`obj` is to be saved, whatever is there that may be replaced."""
        part = self._part_for(obj)
        if part is None:
            raise StoreError(f"{type(obj).__qualname__} has no table in {self._store.where}")
        key = part.layout.key_of(obj)
        known = part.known_at(obj if replacing is None else replacing, key)
        if key in part.to_save:
            self._check_twin(part, obj, key)
            return
        part.to_save[key] = known
        if key in part.objects:
            # Found behind another one: what is known of it is not looked at there.
            place = list(part.objects).index(key)
            part.objects[key] = obj
        else:
            place = len(part.rows)
            part.objects[key] = obj
            part.rows.append(None)
        self._pending.append((part, key, place))
        self._encode_pending()

    def prepare(self) -> None:
        """Hold everything against the database, and insert what is new."""
        parts = [part for part in self._parts.values() if part.objects or part.referred]
        if not parts:
            return
        if not (self._insert and any(part.objects for part in parts)):
            with self._store.database.reading() as connection:
                self._hold_against(connection, parts)
            return
        transaction = self._store.database.begin()
        try:
            self._hold_against(transaction.connection, parts)
        except BaseException as failed:
            transaction.rollback()
            if isinstance(failed, sqlite3.Error):
                raise self._store.database.explain(failed) from failed
            raise
        self._transaction = transaction

    def commit(self) -> None:
        """What was staged is in the database."""
        if self._transaction is not None:
            self._transaction.commit()
        for part in self._parts.values():
            if part.written_at_once:
                # What is known takes as much memory as this, which nobody needs any more.
                objects, rows = list(part.objects.values()), part.rows
                part.objects, part.rows = {}, []
                part.layout.known.add_many(_let_go(objects, rows))
            elif part.written:
                part.layout.known.add_many(part.written)

    def rollback(self) -> None:
        """What was staged is forgotten."""
        if self._transaction is not None:
            self._transaction.rollback()

    # meeting objects

    def _part_for(self, obj: object) -> Part | None:
        layout = self._store.layout_for(type(obj))
        if layout is None:
            return None
        part = self._parts.get(layout.cls)
        if part is None:
            part = self._parts[layout.cls] = Part(layout)
        return part

    def _meet(self, obj: object) -> Address | None:
        part = self._part_for(obj)
        if part is None:
            return None
        layout = part.layout
        if type(obj) is layout.ghost_class and (found := self._met_ghost(obj, part)) is not None:
            return found
        key = layout.key_of(obj)
        address: Address = layout.name, key
        if key in part.objects:
            if part.objects[key] is not obj:
                self._check_twin(part, obj, key)
            return address
        if part.referred.get(key) is obj:
            return address
        known = part.known_at(obj, key)
        if known is not None:
            if self._store.compares and not self._saving and not layout.is_as_loaded(obj, known):
                different = _different(layout, layout.encode(obj, self._store.plain_address_of), known)
                if different:
                    raise self._differs(layout, "has changed since it was loaded or stored", different)
            part.referred[key] = obj
            return address
        if not self._insert and (not self._alone or self._looked_up < _AT_ONCE):
            self._looked_up += 1
            self._look_up(obj, part, key)
            return address
        simple = layout.simple_cells(obj)
        part.objects[key] = obj
        self._staged_now.append((part, key))
        if simple is None:
            self._pending.append((part, key, len(part.rows)))
        part.rows.append(None if simple is None else self._row(layout, simple))
        return address

    def _met_ghost(self, obj: object, part: Part) -> Address | None:
        """The address of an object that is not loaded yet; None where it has to be."""
        waiting = part.layout.ghosts.find(obj)
        if waiting is None or waiting[0] in part.objects:
            return None
        part.referred[waiting[0]] = obj
        return part.name, waiting[0]

    def _look_up(self, obj: object, part: Part, key: Any) -> None:
        layout = part.layout
        with self._store.database.asking() as connection:
            found = list(select(connection, layout, [key]))
        if not found:
            raise self._not_there(layout, key)
        (row,) = found
        self._check_same(layout, key, layout.encode(obj, self._store.plain_address_of), row)
        layout.known.add(obj, row)
        part.referred[key] = obj

    def _encode_pending(self) -> None:
        while self._pending:
            part, key, at = self._pending.pop()
            layout, sharing = part.layout, self._sharing

            place: list[object] = [(part.name, key), None]

            def refer(inner: object, place: list[object] = place) -> Address | None:
                found = self._meet(inner)
                if found is None and self._sharing is not None:
                    self._sharing.meet(inner, tuple(place))
                return found

            cells = layout.encode(part.objects[key], self._meet if sharing is None else refer, place)
            part.rows[at] = self._row(layout, cells)

    def _row(self, layout: Layout, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
        return (*cells, 1) if layout.versioned else cells

    def _check_twin(self, part: Part, obj: object, key: Any) -> None:
        """Two objects with one key are one row only if they are written alike."""
        layout, refer = part.layout, self._store.plain_address_of
        different = _different(layout, layout.encode(obj, refer), layout.encode(part.objects[key], refer))
        if different:
            raise self._differs(layout, f"and another new one have the key {key!r}", different)

    # holding them against the database

    def _hold_against(self, connection: sqlite3.Connection, parts: list[Part]) -> None:
        for part in parts:
            if part.objects:
                self._write(connection, part)
            if part.referred:
                self._check_referred(connection, part)

    def _check_referred(self, connection: sqlite3.Connection, part: Part) -> None:
        layout = part.layout
        staged = part.objects
        referred = [key for key in part.referred if key not in staged] if staged else list(part.referred)
        if count_there(connection, layout, referred) == len(referred):
            return
        gone = set(referred).difference(keys_there(connection, layout, referred))
        if gone:
            raise NotStored(
                f"{layout.name!r} in {self._store.where} has no row with the key {next(iter(gone))!r} any"
                " more: it was"
                f" deleted since the object was loaded or stored ({len(gone)} such objects in all). Store"
                " it again:"
                " store.save(obj, overwrite=True)"
            )

    def _write(self, connection: sqlite3.Connection, part: Part) -> None:
        if self._insert and not part.to_save and self._insert_all(connection, part):
            return
        layout = part.layout
        key_of = key_getter(layout)
        there = {key_of(row): row for row in select(connection, layout, list(part.objects))}
        inserted, updated = [], []
        width, versioned = len(layout.columns), layout.versioned
        for (key, obj), row in zip(part.objects.items(), part.rows, strict=True):
            old = there.get(key)
            known = part.to_save.get(key)
            if old is None:
                if known is not None and not self._overwrite:
                    raise self._stale(layout, key, "has been deleted")
                if not self._insert:
                    raise self._not_there(layout, key)
                inserted.append(row)
                part.written.append((obj, row))
                continue
            if key not in part.to_save:
                self._check_same(layout, key, row, old)
                part.written.append((obj, old))
                continue
            if not self._overwrite:
                self._check_may_replace(layout, key, row, known, old)
            if not _different(layout, row, old):
                part.written.append((obj, old))
                continue
            updated.append((*row[:width], *[row[position] for position in layout.key_positions]))
            part.written.append((obj, (*row[:width], old[width] + 1) if versioned else row))  # type: ignore[operator]
        if inserted:
            done = connection.executemany(_insertion(layout), inserted)
            self._check_count(layout, done.rowcount, len(inserted))
        if updated:
            settings = [f"{quote(name)} = ?" for name in layout.columns]
            if versioned:
                settings.append(f"{quote(VERSION)} = t.{quote(VERSION)} + 1")
            which = " AND ".join(f"{quote(name, of='t')} = ?" for name in layout.table.key)
            done = connection.executemany(
                f"UPDATE {quote(layout.name)} AS t SET {', '.join(settings)} WHERE {which}", updated
            )
            self._check_count(layout, done.rowcount, len(updated))
        if layout.name in self._store.converting and (inserted or updated):
            self._check_unconverted(connection, part)

    def _insert_all(self, connection: sqlite3.Connection, part: Part) -> bool:
        """Insert all rows, without a look at what is there; False, and nothing done, where some key is."""
        layout = part.layout
        connection.execute("SAVEPOINT brinery")
        try:
            done = connection.executemany(_insertion(layout), part.rows)
        except sqlite3.IntegrityError:
            connection.execute("ROLLBACK TO brinery")
            connection.execute("RELEASE brinery")
            return False
        connection.execute("RELEASE brinery")
        self._check_count(layout, done.rowcount, len(part.rows))
        if layout.name in self._store.converting:
            self._check_unconverted(connection, part)
        part.written_at_once = True
        return True

    def _check_may_replace(
        self,
        layout: Layout,
        key: Any,
        row: tuple[Cell, ...],
        known: tuple[Cell, ...] | None,
        old: tuple[Cell, ...],
    ) -> None:
        if known is None:
            different = _different(layout, row, old)
            if different:
                raise NotStored(
                    f"{layout.name!r} holds another row with the key {key!r}, and this object is"
                    " not known to be"
                    f" loaded from it: {', '.join(different)}. Nothing was stored. Load it, and change that;"
                    " store.save(obj, replacing=loaded) for a new object in the place of one that was"
                    " loaded; or"
                    " store.save(obj, overwrite=True)"
                )
        elif known[len(layout.columns) :] != old[len(layout.columns) :] or _different(layout, known, old):
            raise self._stale(layout, key, "has been changed")

    def _check_unconverted(self, connection: sqlite3.Connection, part: Part) -> None:
        layout, key_of = part.layout, key_getter(part.layout)
        there = {key_of(row): row for row in select(connection, layout, list(part.objects))}
        for key, row in zip(part.objects, part.rows, strict=True):
            # A key that was itself converted is not found under the old one.
            found = there.get(key, (None,) * len(row))
            for name, ours, theirs in zip(layout.columns, row, found, strict=False):
                if type(ours) is not type(theirs) or ours != theirs:
                    raise StoreError(
                        f"the column {name!r} of {layout.name!r} has a declared type, by which SQLite turned"
                        f" {ours!r} into {theirs!r}; nothing was stored. Give it values of that type, or"
                        " drop the"
                        " column's type"
                    )

    def _check_count(self, layout: Layout, done: int, wanted: int) -> None:
        if done != wanted:
            raise StoreError(
                f"{self._store.where}: of {wanted} rows of {layout.name!r} {wanted - done} were not"
                " written, and without"
                " an error: a trigger of that table ignores them (RAISE(IGNORE)). Nothing was stored"
            )

    # errors

    def _check_same(self, layout: Layout, key: Any, cells: tuple[Cell, ...], old: tuple[Cell, ...]) -> None:
        different = _different(layout, cells, old)
        if different:
            raise self._differs(
                layout, f"has the key {key!r}, but the row with that key is another", different
            )

    def _differs(self, layout: Layout, what: str, different: list[str]) -> NotStored:
        return NotStored(
            f"an object of class {layout.cls.__qualname__} {what}: {', '.join(different)}. The stream"
            " would refer to the row as it is. Save the object first: store.save(obj); or load it from"
            " the store, where another writer was there first"
        )

    def _not_there(self, layout: Layout, key: Any) -> NotStored:
        return NotStored(
            f"{layout.name!r} in {self._store.where} has no row with the key {key!r}, for an"
            f" object of class {layout.cls.__qualname__}. Store it first: store.save(obj); or open the"
            ' store with on_new="insert", and it is stored when the dump succeeds'
        )

    def _stale(self, layout: Layout, key: Any, what: str) -> NotStored:
        return NotStored(
            f"the row {key!r} of {layout.name!r} {what} by another writer since this object was"
            " loaded or"
            " stored, and nothing was stored. Load it anew, or store.save(obj, overwrite=True)"
        )


def _different(layout: Layout, one: tuple[Cell, ...], other: tuple[Cell, ...]) -> list[str]:
    """The columns in which two rows differ: in what is written, not in what compares equal."""
    return [
        name for name, a, b in zip(layout.columns, one, other, strict=False) if a is not b and not same(a, b)
    ]


def _let_go(objects: list[object], rows: list[tuple[Cell, ...]]) -> Iterator[tuple[object, tuple[Cell, ...]]]:
    """Pairs of both, from the end, which the lists do not hold any more."""
    while rows:
        yield objects.pop(), rows.pop()


def _insertion(layout: Layout) -> str:
    columns = (*layout.columns, VERSION) if layout.versioned else layout.columns
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {quote(layout.name)} ({quote(*columns)}) VALUES ({places})"
