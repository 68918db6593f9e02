"""The store: which objects are stored, what becomes of new ones, and loading."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from brinery.dotted import find_loaded, import_dotted, name_of_class
from brinery.errors import BrineryError, MissingReference, NoSuchKey, NotCommitted, NotStored, StoreError
from brinery.persistence.sqlite import schema
from brinery.persistence.sqlite.cells import encode
from brinery.persistence.sqlite.comparing import differences
from brinery.persistence.sqlite.database import Database
from brinery.persistence.sqlite.rows import build, fetch, select
from brinery.persistence.sqlite.staging import KnownObjects, Stage, Staged
from brinery.persistence.sqlite.tables import Layout, Table
from brinery.persistence.sqlite.writing import check_unconverted, write
from brinery.persistence.stores import Dump, DumpContext, Load, LoadContext, Store

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    from brinery.persistence.sqlite.cells import Address, Cell
    from brinery.persistent_ids import Key

__all__ = ["SqliteStore"]


class _Dump(Dump):
    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._stage = Stage()
        self._transaction: Any = None

    def key_of(self, obj: Any, /) -> Key | None:
        return self._store._key_of(obj, self._stage)

    def prepare(self) -> None:
        if self._stage.staged:
            self._transaction = self._store._database.begin_writing()
            try:
                self._store._write(self._store._database.in_hand, self._stage, {})
            except BaseException:
                self._transaction.__exit__(*sys.exc_info())
                self._transaction = None
                raise

    def commit(self) -> None:
        if self._transaction is not None:
            transaction, self._transaction = self._transaction, None
            try:
                transaction.close()
            except sqlite3.IntegrityError as refused:
                raise self._store._refused(refused) from refused
            self._store._remember(self._stage)

    def rollback(self) -> None:
        if self._transaction is not None:
            transaction, self._transaction = self._transaction, None
            with suppress(NotStored):
                transaction.__exit__(NotStored, NotStored(), None)


class _Load(Load):
    def __init__(self, store: SqliteStore) -> None:
        self.fetch = store.load_many  # type: ignore[method-assign]

    def fetch(self, keys: list[Key], /) -> dict[Key, object]:
        raise AssertionError


class SqliteStore(Store):
    """Objects of declared classes, as rows of an SQLite database.

    The row is the truth: a dump writes a reference to it, never the object's fields, and every load makes a
    new object out of it. An object is stored if a row has its key; one that this store did not load or
    insert is compared with that row first, so that another object with the same key is refused.

    path         the file, or ``":memory:"``.
    tables       what lives there. Left out: the tables that brinery made in the file, which it remembers.
    on_new       an object that has no row: ``"refuse"`` it with NotStored, or ``"insert"`` it, and the new
                 objects that it refers to, when the dump has succeeded.
    on_changed   an object that is no longer as it was loaded or inserted: ``"refuse"`` it with NotStored,
                 since its changes would be lost (:meth:`save` writes them), or ``"ignore"`` them.
    timeout      how many seconds to wait for another connection's lock.
    read_only    open the file for reading.

    May be used by several threads, and after a fork. Close it, or use it in a ``with`` statement.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        tables: Iterable[Table] | None = None,
        *,
        on_new: Literal["refuse", "insert"] = "refuse",
        on_changed: Literal["refuse", "ignore"] = "refuse",
        timeout: float = 30.0,
        read_only: bool = False,
    ) -> None:
        """Raises StoreError for a file that cannot be opened or does not fit the tables."""
        if on_new not in ("refuse", "insert"):
            raise StoreError(f"on_new={on_new!r}; it is 'refuse' or 'insert'")
        if on_changed not in ("refuse", "ignore"):
            raise StoreError(f"on_changed={on_changed!r}; it is 'refuse' or 'ignore'")
        self._insert = on_new == "insert"
        self._compare = on_changed == "refuse"
        declared = None if tables is None else list(tables)
        # Without declarations there is nothing to put into a new file: a misspelt name is not to make one.
        self._database = Database(path, timeout=timeout, read_only=read_only, create=declared is not None)
        self._layouts: dict[str, Layout] = {}
        self._converting: set[str] = set()
        self._known = KnownObjects()
        try:
            self._tables = self._declare(declared)
            self._names = {table.class_name: table for table in self._tables.values()}
            self._by_class: dict[type, Layout | None] = {}
            self._prepare(read_only)
        except BaseException:
            self._database.close()
            raise

    # what a binding asks for

    @property
    def claims(self) -> tuple[type | str, ...]:  # type: ignore[override]
        """The classes that have a table."""
        return tuple(table.cls for table in self._tables.values())

    def begin_dump(self, context: DumpContext, /) -> Dump:
        """A dump meets the first object that has a table."""
        return _Dump(self)

    def begin_load(self, context: LoadContext, /) -> Load:
        """A load has found a reference to the store."""
        return _Load(self)

    def _key_of(self, obj: object, stage: Stage | None) -> Address | None:
        """The table and key of `obj`; None for what has no table, such as an object of a subclass.

        Raises NotStored for an object that has no row, or another one, and is not to be inserted.
        """
        layout = self._layout_for(type(obj))
        if layout is None:
            return None
        address = layout.name, layout.key_of(obj)
        if stage is not None and address in stage.staged:
            self._check_one(stage.staged[address], obj, address)
            return address
        saving = stage is not None and stage.saving
        cells = self._known.find(obj, address)
        if cells is not None:
            if self._compare and not saving:
                self._check(obj, layout, cells, "has changed since it was loaded or stored")
            return address
        cells = self._look_up(layout, address)
        if cells is not None:
            self._check(
                obj, layout, cells, f"has the key {address[1]!r}, but the row with that key is another"
            )
            self._known.add(obj, address, cells)
        elif stage is None or not (self._insert or saving):
            raise NotStored(
                f"{layout.name!r} in {self._database.where} has no row with the key {address[1]!r}, for an"
                f" object of class {layout.cls.__qualname__}. Store it first: store.save(obj); or open the"
                ' store with on_new="insert", and it is stored when the dump succeeds'
            )
        else:
            self._stage(stage, obj, layout, address)
        return address

    def load_many(self, keys: Iterable[Key], /) -> dict[Key, object]:
        """The objects at these tables and keys; those without a row are left out.

        Raises MissingReference for a table that is not declared, or a row that refers to one that is
        not there.
        """
        wanted = [self._address(key) for key in keys]
        with self._database.reading() as connection:
            rows = fetch(connection, wanted, self._layout_of)
        objects = build(rows)
        for address, obj in objects.items():
            self._known.add(obj, address, rows[address].cells)
        return {address: objects[address] for address in wanted if address in objects}

    def close(self) -> None:
        """Close the database. The objects that were loaded stay as they are."""
        self._database.close()

    # what an application asks for besides

    def save(self, *objects: object, overwrite: bool = False) -> None:
        """Insert or update the rows of `objects`, and insert the new objects that they refer to; all or none.

        A row is updated only if it still is as the object was loaded from it, so that no other writer's
        change is lost: StoreError otherwise. With `overwrite` it is updated in any case.
        """
        stage = Stage(saving=True)
        before: dict[Address, tuple[Cell, ...] | None] = {}
        for obj in objects:
            layout = self._layout_for(type(obj))
            if layout is None:
                raise StoreError(f"{type(obj).__qualname__} has no table in {self._database.where}")
            address = layout.name, layout.key_of(obj)
            before[address] = self._known.find(obj, address)
            if address in stage.staged:
                self._check_one(stage.staged[address], obj, address)
            else:
                self._stage(stage, obj, layout, address)
        with self._database.writing() as connection:
            self._write(connection, stage, before, overwrite=overwrite)
        self._remember(stage)

    def get(self, table: str, key: Key) -> Any:
        """A new object out of the row of `table` with that key. Raises KeyError where there is none."""
        address = table, key
        found = self.load_many([address])
        if address not in found:
            raise NoSuchKey(f"{table!r} in {self._database.where} has no row with the key {key!r}")
        return found[address]

    def address_of(self, obj: object) -> Address | None:
        """The table and key of an object that is stored; None for what has no table.

        Raises NotStored for an object that has no row, or another one.
        """
        return self._key_of(obj, None)

    def set_trace_callback(self, callback: Callable[[str], object] | None) -> None:
        """Call `callback` with every statement that SQLite executes for this store; None: no more.

        As ``sqlite3.Connection.set_trace_callback``: for counting queries, and for seeing them.
        """
        self._database.set_trace_callback(callback)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SqliteStore of {self._database.where}: {', '.join(self._tables) or 'no tables'}>"

    # tables and classes

    def _declare(self, declared: list[Table] | None) -> dict[str, Table]:
        if declared is None:
            with self._database.reading() as connection:
                declared = schema.recorded(connection)
            if not declared:
                raise StoreError(
                    f"{self._database.where} does not say what lives in it: declare it, as in"
                    ' SqliteStore(path, tables=[Table("customers", Customer, key="id")])'
                )
        tables = {table.name: table for table in declared}
        classes = {table.class_name for table in declared}
        if len(tables) < len(declared) or len(classes) < len(declared):
            raise StoreError(
                "two tables have one name, or are for one class: each class has one table of its own"
            )
        for table in declared:
            for attribute, target in table.references.items():
                if target not in tables or len(tables[target].key) > 1:
                    raise StoreError(
                        f"the table {table.name!r} has references={{{attribute!r}: {target!r}}}, which is not"
                        " a declared table with a key of one column"
                    )
        return tables

    def _prepare(self, read_only: bool) -> None:
        """Make the tables that are not there yet, and check those that are."""
        with self._database.reading() as connection:
            missing = self._tables.keys() - schema.existing(connection, self._tables)
        if missing and read_only:
            raise StoreError(
                f"{self._database.where} has no table {sorted(missing)[0]!r}, and is opened read_only"
            )
        if missing:
            with self._database.writing() as connection:
                # Asked again under the lock: another process may make the same tables now.
                for name in self._tables.keys() - schema.existing(connection, self._tables):
                    schema.create(connection, self._new_layout(self._tables[name]))
        for table in self._tables.values():
            if isinstance(table.cls, type):
                self._layout_of(table.name)

    def _new_layout(self, table: Table) -> Layout:
        try:
            cls = import_dotted(table.cls) if isinstance(table.cls, str) else table.cls
        except Exception as failed:
            raise StoreError(
                f"the table {table.name!r} in {self._database.where} is for {table.cls!r}, which cannot be"
                f" imported ({type(failed).__name__}: {failed}). If the class is elsewhere now, declare it:"
                f" SqliteStore(path, tables=[Table({table.name!r}, NewHome)])"
            ) from failed
        if not isinstance(cls, type):
            raise StoreError(f"the table {table.name!r} is for {table.cls!r}, which is no class")
        return Layout(table, cls)

    def _layout_of(self, name: str) -> Layout:
        """The layout of a table, compared with the database when it is first needed."""
        layout = self._layouts.get(name)
        if layout is None:
            if name not in self._tables:
                raise MissingReference(
                    f"there is a reference to the table {name!r}, which is not declared for"
                    f" {self._database.where}; declared are: {', '.join(self._tables)}"
                )
            layout = self._new_layout(self._tables[name])
            with self._database.asking() as connection:
                if schema.check(connection, layout, self._database.where):
                    self._converting.add(name)
            self._layouts[name] = layout
        return layout

    def _layout_for(self, cls: type) -> Layout | None:
        """The layout for objects whose type is exactly `cls`."""
        try:
            return self._by_class[cls]
        except KeyError:
            pass
        # A class that was declared by a name may say that it lives under another.
        table = self._names.get(name_of_class(cls)) or next(
            (table for name, table in self._names.items() if find_loaded(name) is cls), None
        )
        layout = self._layout_of(table.name) if table is not None else None
        # A class that only has the same name (one defined again, or in a function) is another class.
        self._by_class[cls] = layout = layout if layout is not None and layout.cls is cls else None
        return layout

    def _address(self, key: Key) -> Address:
        if type(key) is tuple and len(key) == 2 and type(key[0]) is str:
            return cast("Address", key)
        raise MissingReference(
            f"{key!r} is no key of an SqliteStore: it wants a table's name and a key in it"
        )

    # new objects

    def _stage(self, stage: Stage, obj: object, layout: Layout, address: Address) -> None:
        """Take `obj` as new, and all that is new behind it; a long chain of these takes no recursion."""
        stage.staged[address] = Staged(obj, layout, None)
        stage.pending.append(address)
        if stage.encoding:
            return
        stage.encoding = True
        before = len(stage.staged) - 1
        try:
            while stage.pending:
                address = stage.pending.pop()
                obj, layout, _ = stage.staged[address]
                stage.staged[address] = Staged(
                    obj, layout, self._encode(obj, layout, lambda obj: self._key_of(obj, stage))
                )
        except BaseException:
            # Another store may yet take the object, and the dump succeed.
            stage.pending.clear()
            for address in list(stage.staged)[before:]:
                del stage.staged[address]
            raise
        finally:
            stage.encoding = False

    def _write(
        self,
        connection: sqlite3.Connection,
        stage: Stage,
        before: Mapping[Address, tuple[Cell, ...] | None],
        *,
        overwrite: bool = False,
    ) -> None:
        """Write what is staged: new rows, and for the addresses in `before`, changes of rows that were so."""
        layouts: dict[str, Layout] = {}
        tables: dict[str, dict[Key, tuple[Cell, ...]]] = {}
        for (name, key), staged in stage.staged.items():
            tables.setdefault(name, {})[key] = cast("tuple[Cell, ...]", staged.cells)
            layouts[name] = staged.layout
        try:
            for name, rows in tables.items():
                layout = layouts[name]

                def may_replace(key: Key, old: tuple[Cell, ...], name: str = name) -> bool:
                    return overwrite or before.get((name, key)) == old

                write(connection, layout, rows, may_replace)
                if name in self._converting:
                    check_unconverted(connection, layout, rows)
        except sqlite3.IntegrityError as refused:
            raise StoreError(f"{self._database.where} refuses the rows, all of them: {refused}") from refused

    def _refused(self, refused: sqlite3.Error) -> NotCommitted:
        return NotCommitted(f"{self._database.where} refuses the rows, all of them: {refused}")

    def _remember(self, stage: Stage) -> None:
        for address, staged in stage.staged.items():
            self._known.add(staged.obj, address, cast("tuple[Cell, ...]", staged.cells))

    # comparing

    def _look_up(self, layout: Layout, address: Address) -> tuple[Cell, ...] | None:
        with self._database.asking() as connection:
            return dict(select(connection, layout, [address[1]])).get(address[1])

    def _encode(
        self, obj: object, layout: Layout, refer: Callable[[object], Address | None]
    ) -> tuple[Cell, ...]:
        cells = []
        for value, name, (boolean, target) in zip(
            layout.values_of(obj), layout.columns, layout.kinds, strict=True
        ):
            if target is None:
                try:
                    cells.append(encode(value, boolean, refer))
                except BrineryError:
                    raise
                except Exception as failed:
                    raise NotStored(
                        f"an object of class {layout.cls.__qualname__} cannot be a row of {layout.name!r}:"
                        f" its {name} cannot be pickled: {failed}"
                    ) from failed
                continue
            address = refer(value) if value is not None else None
            if value is not None and (address is None or address[0] != target):
                raise NotStored(
                    f"{layout.cls.__qualname__}.{name} refers to the table {target!r}, and holds a"
                    f" {type(value).__qualname__}, which does not live there"
                )
            cells.append(None if address is None else cast("Cell", address[1]))
        return tuple(cells)

    def _address_of(self, obj: object) -> Address | None:
        layout = self._layout_for(type(obj))
        return None if layout is None else (layout.name, layout.key_of(obj))

    def _check(self, obj: object, layout: Layout, cells: tuple[Cell, ...], what: str) -> None:
        """Raise NotStored where `obj` would not be written as `cells`."""
        different = differences(layout, self._encode(obj, layout, self._address_of), cells)
        if different:
            raise NotStored(
                f"an object of class {layout.cls.__qualname__} {what}: {', '.join(different)}. The stream"
                " would refer to the row as it is. Save the object first: store.save(obj); or load it from"
                " the store"
            )

    def _check_one(self, staged: Staged, obj: object, address: Address) -> None:
        """Two new objects with one key are one row only if they are equal."""
        if staged.obj is not obj:
            cells = self._encode(staged.obj, staged.layout, self._address_of)
            self._check(obj, staged.layout, cells, f"and another new one have the key {address[1]!r}")
