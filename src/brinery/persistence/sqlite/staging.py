"""One dump, or one save: what it has found, held against the database all at once when it ends.

While a dump runs, nothing is asked of the database for an object that is new to the store: its row is encoded
and staged. At the end one transaction reads all rows that there are under the keys met, in batches; what is
there has to be the same; what is not is inserted; and what the dump refers to has to be there still. Cells
are compared as bytes, or by what is written in them: no code of the user's runs within the transaction.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.errors import NotStored, StoreError
from brinery.persistence.records.values import Sharing
from brinery.persistence.sqlite.cells import Address, Cell, same
from brinery.persistence.sqlite.rows import Row, select
from brinery.persistence.sqlite.schema import VERSION, quote
from brinery.persistence.stores import Dump

if TYPE_CHECKING:
    from brinery.persistence.sqlite.database import Transaction
    from brinery.persistence.sqlite.layouts import Layout
    from brinery.persistence.sqlite.store import SqliteStore
    from brinery.persistent_ids import Key

__all__ = ["SqliteDump", "Staged"]

# So many objects of a dump that may not insert are looked up as they are met, which tells where an object
# is that is not stored. The rest are looked up at once.
_AT_ONCE = 16


class Staged(NamedTuple):
    """An object, held on to so that its identity stays its own, and its row once it is encoded.

    known    what it was known to be stored as; None where it was not.
    to_save  whether it was given to ``save``, and not found behind what was.
    """

    obj: object
    layout: Layout
    cells: tuple[Cell, ...] | None
    known: Row | None
    to_save: bool


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
        self._staged: dict[Address, Staged] = {}
        self._pending: list[Address] = []
        # Objects that were met and are known to be stored, by their rows.
        self._referred: dict[Address, object] = {}
        self._looked_up = 0
        self._sharing = Sharing() if store.refuses_sharing else None
        self._transaction: Transaction | None = None
        self._written: list[tuple[Address, Staged, int | None]] = []

    def key_of(self, obj: Any, /) -> Key | None:
        """The table and key of `obj`; None for what has no table, such as an object of a subclass."""
        before = len(self._staged)
        try:
            address = self._meet(obj)
            if self._pending:
                self._encode_pending()
        except BaseException:
            # Another store may yet take the object, and the dump succeed.
            self._pending.clear()
            for address in list(self._staged)[before:]:
                del self._staged[address]
            raise
        return address

    def take(self, obj: object, replacing: object | None) -> None:
        """`obj` is to be saved, whatever is there that may be replaced."""
        layout = self._store.layout_for(type(obj))
        if layout is None:
            raise StoreError(f"{type(obj).__qualname__} has no table in {self._store.where}")
        address = layout.name, layout.key_of(obj)
        known = self._store.known_at(obj if replacing is None else replacing, address)
        staged = self._staged.get(address)
        if staged is None or not staged.to_save:
            self._staged[address] = Staged(obj, layout, None, known, True)
            self._pending.append(address)
            self._encode_pending()
        else:
            self._check_twin(staged, obj, address)

    def prepare(self) -> None:
        """Hold everything against the database, and insert what is new."""
        if not self._staged and not self._referred:
            return
        if not (self._insert and self._staged):
            with self._store.database.reading() as connection:
                self._hold_against(connection)
            return
        transaction = self._store.database.begin()
        try:
            self._hold_against(transaction.connection)
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
        for address, staged, version in self._written:
            assert staged.cells is not None
            self._store.know(staged.obj, Row(address, staged.layout, staged.cells, version, None))

    def rollback(self) -> None:
        """What was staged is forgotten."""
        if self._transaction is not None:
            self._transaction.rollback()

    # meeting objects

    def _meet(self, obj: object) -> Address | None:
        layout = self._store.layout_for(type(obj))
        if layout is None:
            return None
        address = layout.name, layout.key_of(obj)
        staged = self._staged.get(address)
        if staged is not None:
            if staged.obj is not obj:
                self._check_twin(staged, obj, address)
            return address
        if self._referred.get(address) is obj:
            return address
        known = self._store.known_at(obj, address)
        if known is not None:
            if self._store.compares and not self._saving and not layout.is_as_loaded(obj, known.cells):
                cells = layout.encode(obj, self._store.plain_address_of)
                different = _different(layout, cells, known.cells)
                if different:
                    raise self._differs(layout, "has changed since it was loaded or stored", different)
            self._referred[address] = obj
            return address
        if not self._insert and (not self._alone or self._looked_up < _AT_ONCE):
            self._looked_up += 1
            self._look_up(obj, layout, address)
            return address
        simple = layout.simple_cells(obj)
        self._staged[address] = Staged(obj, layout, simple, None, False)
        if simple is None:
            self._pending.append(address)
        return address

    def _look_up(self, obj: object, layout: Layout, address: Address) -> None:
        with self._store.database.asking() as connection:
            found = list(select(connection, layout, [address[1]]))
        if not found:
            raise self._not_there(layout, address)
        ((_, cells, version),) = found
        self._check_same(layout, address, layout.encode(obj, self._store.plain_address_of), cells)
        self._store.know(obj, Row(address, layout, cells, version, None))
        self._referred[address] = obj

    def _encode_pending(self) -> None:
        while self._pending:
            address = self._pending.pop()
            staged = self._staged[address]
            layout, sharing = staged.layout, self._sharing

            place: list[object] = [address, None]

            def refer(part: object, place: list[object] = place) -> Address | None:
                found = self._meet(part)
                if found is None and self._sharing is not None:
                    self._sharing.meet(part, tuple(place))
                return found

            cells = layout.encode(staged.obj, self._meet if sharing is None else refer, place)
            self._staged[address] = staged._replace(cells=cells)

    def _check_twin(self, staged: Staged, obj: object, address: Address) -> None:
        """Two objects with one key are one row only if they are written alike."""
        layout, refer = staged.layout, self._store.plain_address_of
        different = _different(layout, layout.encode(obj, refer), layout.encode(staged.obj, refer))
        if different:
            raise self._differs(layout, f"and another new one have the key {address[1]!r}", different)

    # holding them against the database

    def _hold_against(self, connection: sqlite3.Connection) -> None:
        tables: dict[str, list[Address]] = {}
        for address in (*self._staged, *self._referred):
            tables.setdefault(address[0], []).append(address)
        for name, addresses in tables.items():
            layout = self._store.layout_of(name)
            staged = [address for address in addresses if address in self._staged]
            there = {
                key: (cells, version)
                for key, cells, version in select(connection, layout, [key for _, key in staged])
            }
            self._write(connection, layout, staged, there)
            if self._referred:
                self._check_referred(connection, layout, addresses)

    def _check_referred(
        self, connection: sqlite3.Connection, layout: Layout, addresses: list[Address]
    ) -> None:
        referred = {
            address[1] for address in addresses if address in self._referred and address not in self._staged
        }
        if not referred:
            return
        there = {key for key, _, _ in select(connection, layout, list(referred), keys_only=True)}
        gone = referred - there
        if gone:
            raise NotStored(
                f"{layout.name!r} in {self._store.where} has no row with the key {next(iter(gone))!r} any"
                " more: it was"
                f" deleted since the object was loaded or stored ({len(gone)} such objects in all). Store"
                " it again:"
                " store.save(obj, overwrite=True)"
            )

    def _write(
        self,
        connection: sqlite3.Connection,
        layout: Layout,
        addresses: list[Address],
        there: dict[Key, tuple[tuple[Cell, ...], int | None]],
    ) -> None:
        inserted, updated = [], []
        for address in addresses:
            staged = self._staged[address]
            cells = staged.cells
            assert cells is not None
            row = there.get(address[1])
            if row is None:
                if staged.known is not None and not self._overwrite:
                    raise self._stale(layout, address, "has been deleted")
                if not self._insert:
                    raise self._not_there(layout, address)
                inserted.append(cells)
                self._written.append((address, staged, 1 if layout.versioned else None))
                continue
            old, version = row
            if not staged.to_save:
                self._check_same(layout, address, cells, old)
                self._written.append((address, staged, version))
                continue
            if not self._overwrite:
                self._check_may_replace(layout, address, staged, old, version)
            if not _different(layout, cells, old):
                self._written.append((address, staged, version))
                continue
            updated.append((*cells, *[cells[position] for position in layout.key_positions]))
            self._written.append((address, staged, None if version is None else version + 1))
        if inserted:
            places = ", ".join("?" * len(layout.columns))
            done = connection.executemany(
                f"INSERT INTO {quote(layout.name)} ({quote(*layout.columns)}) VALUES ({places})", inserted
            )
            self._check_count(layout, done.rowcount, len(inserted))
        if updated:
            settings = [f"{quote(name)} = ?" for name in layout.columns]
            if layout.versioned:
                settings.append(f"{quote(VERSION)} = t.{quote(VERSION)} + 1")
            which = " AND ".join(f"{quote(name, of='t')} = ?" for name in layout.table.key)
            done = connection.executemany(
                f"UPDATE {quote(layout.name)} AS t SET {', '.join(settings)} WHERE {which}", updated
            )
            self._check_count(layout, done.rowcount, len(updated))
        if layout.name in self._store.converting and (inserted or updated):
            self._check_unconverted(connection, layout, addresses)

    def _check_may_replace(
        self, layout: Layout, address: Address, staged: Staged, old: tuple[Cell, ...], version: int | None
    ) -> None:
        assert staged.cells is not None
        if staged.known is None:
            different = _different(layout, staged.cells, old)
            if different:
                raise NotStored(
                    f"{layout.name!r} holds another row with the key {address[1]!r}, and this object is"
                    " not known to be"
                    f" loaded from it: {', '.join(different)}. Nothing was stored. Load it, and change that;"
                    " store.save(obj, replacing=loaded) for a new object in the place of one that was"
                    " loaded; or"
                    " store.save(obj, overwrite=True)"
                )
        elif staged.known.version != version or _different(layout, staged.known.cells, old):
            raise self._stale(layout, address, "has been changed")

    def _check_unconverted(
        self, connection: sqlite3.Connection, layout: Layout, addresses: list[Address]
    ) -> None:
        there = {key: cells for key, cells, _ in select(connection, layout, [key for _, key in addresses])}
        for address in addresses:
            cells = self._staged[address].cells
            assert cells is not None
            # A key that was itself converted is not found under the old one.
            found = there.get(address[1], (None,) * len(cells))
            for name, ours, theirs in zip(layout.columns, cells, found, strict=True):
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

    def _check_same(
        self, layout: Layout, address: Address, cells: tuple[Cell, ...], old: tuple[Cell, ...]
    ) -> None:
        different = _different(layout, cells, old)
        if different:
            raise self._differs(
                layout, f"has the key {address[1]!r}, but the row with that key is another", different
            )

    def _differs(self, layout: Layout, what: str, different: list[str]) -> NotStored:
        return NotStored(
            f"an object of class {layout.cls.__qualname__} {what}: {', '.join(different)}. The stream"
            " would refer to the row as it is. Save the object first: store.save(obj); or load it from"
            " the store, where another writer was there first"
        )

    def _not_there(self, layout: Layout, address: Address) -> NotStored:
        return NotStored(
            f"{layout.name!r} in {self._store.where} has no row with the key {address[1]!r}, for an"
            f" object of class {layout.cls.__qualname__}. Store it first: store.save(obj); or open the"
            ' store with on_new="insert", and it is stored when the dump succeeds'
        )

    def _stale(self, layout: Layout, address: Address, what: str) -> NotStored:
        return NotStored(
            f"the row {address[1]!r} of {layout.name!r} {what} by another writer since this object was"
            " loaded or"
            " stored, and nothing was stored. Load it anew, or store.save(obj, overwrite=True)"
        )


def _different(layout: Layout, one: tuple[Cell, ...], other: tuple[Cell, ...]) -> list[str]:
    """The columns in which two rows differ: in what is written, not in what compares equal."""
    return [
        name for name, a, b in zip(layout.columns, one, other, strict=True) if a is not b and not same(a, b)
    ]
