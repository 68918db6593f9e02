"""What an application asks of the store itself, beside dumping and loading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import NoSuchKey, StoreError
from brinery.persistence.sqlite.cells import encode
from brinery.persistence.sqlite.rows import Row, build, columns_of, key_getter, references_of, spell
from brinery.persistence.sqlite.schema import quote

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from brinery.persistence.sqlite.cells import Address
    from brinery.persistence.sqlite.database import Database
    from brinery.persistence.sqlite.layouts import Layout
    from brinery.persistent_ids import Key

__all__ = ["Asking"]

_BATCH = 500


class Asking:
    """The part of an SqliteStore that finds, deletes and refreshes."""

    database: Database
    where: str
    _tables: dict[str, Any]

    if TYPE_CHECKING:

        def layout_of(self, name: str) -> Layout: ...
        def fetch(self, wanted: Iterable[Address]) -> dict[Address, Row]: ...
        def layout_for(self, cls: type) -> Layout | None: ...
        def load_many(
            self,
            keys: Iterable[Key],
            find_class: Callable[[str, str], object] | None = None,
            *,
            depth: int | None = None,
        ) -> dict[Key, Any]: ...
        def know(self, obj: object, known: Row) -> None: ...
        def plain_address_of(self, obj: object) -> Address | None: ...

    def get_many(self, table: str, keys: Iterable[Key], *, depth: int | None = None) -> dict[Key, Any]:
        """New objects out of the rows of `table` with those keys, by key; what is missing is left out.

        `depth` is that of :meth:`SqliteStore.load_many`.
        """
        found = self.load_many([(table, key) for key in keys], depth=depth)
        return {address[1]: obj for address, obj in found.items()}  # type: ignore[index]

    def find(self, table: str, where: str | None = None, /, *values: Any, **equal: Any) -> Iterator[Any]:
        """New objects out of the rows of `table` for which SQLite says so, in the order of their keys.

        `where` is SQL, with a ``?`` for each of `values`; `equal` names columns and what they hold::

            store.find("customers", "age > ?", 30, city="Bern")

        Rows are read in batches, each as the database is then. Raises StoreError for a column that is not
        there.
        """
        layout = self.layout_of(table)
        conditions = [f"({where})"] if where is not None else []
        parameters = list(values)
        for name, value in equal.items():
            if name not in layout.columns:
                raise StoreError(f"{table!r} has no column {name!r}, only {', '.join(layout.columns)}")
            boolean, target = layout.kinds[layout.columns.index(name)]
            if target is not None and value is not None:
                address = self.plain_address_of(value)
                value = value if address is None else address[1]
            conditions.append(f"{quote(name, of='t')} IS ?")
            parameters.append(encode(value, boolean, self.plain_address_of))
        return self._found(layout, conditions, parameters)

    def all(self, table: str) -> Iterator[Any]:
        """New objects out of all rows of `table`, in the order of their keys."""
        return self.find(table)

    def count(self, table: str) -> int:
        """How many rows `table` has."""
        with self.database.asking() as connection:
            ((count,),) = connection.execute(f"SELECT count(*) FROM {quote(self.layout_of(table).name)}")
        return int(count)

    def refresh(self, obj: Any) -> None:
        """Give `obj` what its row holds now.

        Raises NoSuchKey where it has no row, StoreError for what cannot be changed, such as a named tuple.
        """
        layout = self.layout_for(type(obj))
        if layout is None or not layout.shells:
            raise StoreError(f"a {type(obj).__qualname__} cannot be refreshed: load it anew")
        address = layout.name, layout.key_of(obj)
        rows = self.fetch([address])
        if address not in rows:
            raise NoSuchKey(f"{layout.name!r} in {self.where} has no row with the key {address[1]!r}")
        fresh = build(rows, into={address: obj})
        for found, loaded in fresh.items():
            self.know(loaded, rows[found])

    def delete(self, *what: object, force: bool = False) -> None:
        """Delete the rows of these objects, or at these pairs of a table and a key; all or none.

        Raises NoSuchKey where there is no such row, and StoreError where other rows refer to one of them,
        with which; with `force` these are left with a reference to nothing, unless it is a foreign key.
        """
        addresses = [self._address_to_delete(obj) for obj in what]
        self._make_ready()
        with self.database.writing() as connection:
            if not force:
                referring = list(self._referring(connection, set(addresses)))
                if referring:
                    shown = "; ".join(
                        f"{spell(one)} refers to {spell(other)}" for one, other in referring[:5]
                    )
                    raise StoreError(
                        "nothing was deleted:"
                        f" {shown}{f' ({len(referring)} in all)' if len(referring) > 5 else ''}."
                        " Delete or change these too, or delete(…, force=True)"
                    )
            for name, key in addresses:
                layout = self.layout_of(name)
                which = " AND ".join(f"{quote(column, of='t')} = ?" for column in layout.table.key)
                parameters = (key,) if len(layout.table.key) == 1 else key
                done = connection.execute(
                    f"DELETE FROM {quote(name)} AS t WHERE {which}",
                    parameters,  # type: ignore[arg-type]
                )
                if not done.rowcount:
                    raise NoSuchKey(
                        f"{name!r} in {self.where} has no row with the key {key!r}; nothing was deleted"
                    )

    def unreferenced(self, streams: Iterable[bytes], name: str) -> list[Address]:
        """The rows that no stream refers to, and no row that one refers to: what may be deleted.

        `streams` are all that there are, and `name` is what the store was bound under when they were written.
        """
        from brinery.persistence.sqlite.streams import addresses_in

        layouts = [self.layout_of(table) for table in self._tables]
        reached = self.fetch(addresses_in(streams, name))
        with self.database.reading() as connection:
            return [
                (layout.name, key)
                for layout in layouts
                for key, _ in self._rows(connection, layout)
                if (layout.name, key) not in reached
            ]

    def referring(self, *what: object) -> list[tuple[Address, Address]]:
        """Which rows refer to these objects (or pairs of a table and a key), each with the one."""
        addresses = {self._address_to_delete(obj) for obj in what}
        self._make_ready()
        with self.database.reading() as connection:
            return list(self._referring(connection, addresses))

    def _make_ready(self) -> None:
        for name in self._tables:
            self.layout_of(name)

    def _address_to_delete(self, obj: object) -> Address:
        if type(obj) is tuple and len(obj) == 2 and obj[0] in self._tables:
            return obj
        address = self.plain_address_of(obj)
        if address is None:
            raise StoreError(f"{type(obj).__qualname__} has no table in {self.where}")
        return address

    def _referring(
        self, connection: sqlite3.Connection, addresses: set[Address]
    ) -> Iterator[tuple[Address, Address]]:
        for name in self._tables:
            layout = self.layout_of(name)
            for key, cells in self._rows(connection, layout):
                if (name, key) not in addresses:
                    for target in references_of(layout, cells):
                        if target in addresses:
                            yield (name, key), target

    def _rows(self, connection: sqlite3.Connection, layout: Layout) -> Iterator[Any]:
        key_of = key_getter(layout)
        for row in connection.execute(f"SELECT {columns_of(layout)} FROM {quote(layout.name)} AS t"):
            yield key_of(row), row

    def _found(self, layout: Layout, conditions: list[str], parameters: list[Any]) -> Iterator[Any]:
        names = layout.table.key
        key_of = key_getter(layout)
        after: tuple[Any, ...] | None = None
        while True:
            where, values = list(conditions), list(parameters)
            if after is not None:
                where.append(f"({quote(*names, of='t')}) > ({', '.join('?' * len(names))})")
                values += after
            query = (
                f"SELECT {columns_of(layout)} FROM {quote(layout.name)} AS t"
                f"{' WHERE ' + ' AND '.join(where) if where else ''}"
                f" ORDER BY {quote(*names, of='t')} LIMIT {_BATCH}"
            )
            with self.database.reading() as connection:
                found = [
                    (
                        (layout.name, key_of(row)),
                        Row((layout.name, key_of(row)), layout, row, references_of(layout, row)),
                    )
                    for row in connection.execute(query, values)
                ]
            wanted = dict(found)
            behind = [target for _, row in found for target in row.refers or () if target not in wanted]
            rows = {**self.fetch(behind), **wanted} if behind else wanted
            objects = build(rows)
            for address, obj in objects.items():
                self.know(obj, rows[address])
            for address, _ in found:
                yield objects[address]
            if len(found) < _BATCH:
                return
            last = found[-1][0][1]
            after = (last,) if len(names) == 1 else last
