"""The store: which objects are stored, what becomes of new ones, and loading."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain, count, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from brinery.dotted import find_loaded, import_dotted, name_of_class
from brinery.errors import MissingReference, NoSuchKey, NotStored, StoreError
from brinery.persistence.inorder import InOrder
from brinery.persistence.sqlite import schema
from brinery.persistence.sqlite.asking import Asking
from brinery.persistence.sqlite.cells import storable
from brinery.persistence.sqlite.database import Database
from brinery.persistence.sqlite.layouts import Layout
from brinery.persistence.sqlite.lazy import Loading, checked_depth, ghost_class
from brinery.persistence.sqlite.rows import Row, fetch, select_batches
from brinery.persistence.sqlite.staging import SqliteDump
from brinery.persistence.stores import Dump, DumpContext, Foresight, Load, LoadContext, Store
from brinery.plan import NOT_READY

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Container, Iterable, Mapping

    from brinery.persistence.sqlite.cells import Address, Cell
    from brinery.persistence.sqlite.tables import Table
    from brinery.persistent_ids import Key

__all__ = ["SqliteStore"]

#: Rows that are made into objects at a time.
_AT_ONCE = 1000


class SqliteStore(Asking, Store):
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
    on_shared    a list, dict or other object that can change, and that is part of two rows or columns:
                 ``"refuse"`` it with NotStored, since it would come back as two, or ``"copy"`` it into both.
    timeout      how many seconds to wait for another connection's lock, or another thread's.
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
        on_shared: Literal["refuse", "copy"] = "refuse",
        timeout: float = 30.0,
        read_only: bool = False,
    ) -> None:
        """Raises StoreError for a file that cannot be opened or does not fit the tables."""
        for name, given, known in (
            ("on_new", on_new, ("refuse", "insert")),
            ("on_changed", on_changed, ("refuse", "ignore")),
            ("on_shared", on_shared, ("refuse", "copy")),
        ):
            if given not in known:
                raise StoreError(f"{name}={given!r}; it is {known[0]!r} or {known[1]!r}")
        self.inserts = on_new == "insert"
        self.compares = on_changed == "refuse"
        self.refuses_sharing = on_shared == "refuse"
        declared = None if tables is None else list(tables)
        # Without declarations there is nothing to put into a new file: a misspelt name is not to make one.
        self.database = Database(path, timeout=timeout, read_only=read_only, create=declared is not None)
        self.where = self.database.where
        self._layouts: dict[str, Layout] = {}
        self._recorded: dict[str, schema.Recorded] = {}
        #: The tables of which some column may convert a value.
        self.converting: set[str] = set()
        try:
            self._tables = self._declare(declared)
            self._names = {table.class_name: table for table in self._tables.values()}
            self._by_class: dict[type, Layout | None] = {}
            self._prepare(read_only)
        except BaseException:
            self.database.close()
            raise

    # what a binding asks for

    #: ``bound.loads(data, depth=1)``, see :meth:`load_many`.
    options = ("depth",)

    @property
    def claims(self) -> tuple[type | str, ...]:  # type: ignore[override]
        """The classes that have a table."""
        tables = self._tables.values()
        # By name too, so that a class that is defined anew is seen.
        names = [table.class_name for table in tables if not isinstance(table.cls, str)]
        return (*[table.cls for table in tables], *[name for name in names if _is_found(name)])

    def foresee(self, cls: type, /) -> Foresight | None:
        """The table's name, and the column that is its key."""
        for table in self._tables.values():
            if table.cls is cls and len(table.key) == 1:
                return Foresight(table.key, table.name)
        return None

    def begin_dump(self, context: DumpContext, /) -> Dump:
        """A dump meets the first object that has a table."""
        return SqliteDump(self, alone=context.alone)

    def begin_load(self, context: LoadContext, /) -> Load:
        """A load has found a reference to the store."""
        return _SqliteLoad(self, context.find_class, checked_depth(context.options.get("depth")))

    def close(self) -> None:
        """Close the database. The objects that were loaded stay as they are."""
        self.database.close()

    # what an application asks for besides (and see Asking)

    def save(self, *objects: object, overwrite: bool = False, replacing: object | None = None) -> None:
        """Insert or update the rows of `objects`, and insert the new objects that they refer to; all or none.

        A row is updated only if it still is as the object was loaded from it, so that no other writer's
        change is lost: NotStored otherwise. With `overwrite` it is updated in any case.

        `replacing` is the object that was loaded, where a single new one is to take its place: a frozen
        one, for instance, that ``dataclasses.replace`` made.
        """
        if replacing is not None and len(objects) != 1:
            raise StoreError(
                f"replacing= is for one object that takes the place of another, not for {len(objects)}"
            )
        dump = SqliteDump(self, saving=True, overwrite=overwrite)
        try:
            for obj in objects:
                dump.take(obj, replacing)
            dump.prepare()
            dump.commit()
        finally:
            dump.rollback()

    def load_many(
        self,
        keys: Iterable[Key],
        find_class: Callable[[str, str], object] | None = None,
        *,
        depth: int | None = None,
    ) -> dict[Key, Any]:
        """The objects at these pairs of a table and a key, with all they refer to; missing ones are left out.

        With `depth`, rows that are more than so many steps away are loaded when their objects are looked at,
        as they are then. Raises MissingReference for a table that is not declared, or a row that refers to
        one that is not there.
        """
        keys = list(keys)
        with suppress(TypeError):  # what is no key at all is told below
            keys = list(dict.fromkeys(keys))
        found = self._load(keys, Loading(self, checked_depth(depth), find_class))
        return found.as_dict() if type(found) is InOrder else cast("dict[Key, Any]", found)

    def _load(self, keys: list[Key], loading: Loading) -> Mapping[Key, Any]:
        """What load_many gives; each of `keys` is there once."""
        tables = self._tables_of(keys)
        wanted = [self._address(key) for key in keys] if tables is None else cast("list[Address]", keys)
        if tables is None:
            quickly = self._load_simple(self._sorted(wanted))
        else:
            quickly = self._load_simple(tables, keys)
        return cast("dict[Key, Any]", loading.load(wanted)) if quickly is None else quickly

    def get(self, table: str, key: Key, *, depth: int | None = None) -> Any:
        """A new object out of the row of `table` with that key; `depth` as in :meth:`load_many`.

        Raises NoSuchKey where there is none.
        """
        address = table, key
        found = self.load_many([address], depth=depth)
        if address not in found:
            raise NoSuchKey(f"{table!r} in {self.where} has no row with the key {key!r}")
        return found[address]

    def address_of(self, obj: object) -> Address | None:
        """The table and key of an object that is stored; None for what has no table.

        Raises NotStored for an object that has no row, or another one, or has changed.
        """
        dump = SqliteDump(self)
        dump._insert = False
        address = dump.key_of(obj)
        dump.prepare()
        return cast("Address | None", address)

    def set_trace_callback(self, callback: Callable[[str], object] | None) -> None:
        """Call `callback` with every statement that SQLite executes for this store; None: no more.

        As ``sqlite3.Connection.set_trace_callback``: for counting queries, and for seeing them. It must not
        use the store.
        """
        self.database.set_trace_callback(callback)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SqliteStore of {self.where}: {', '.join(self._tables) or 'no tables'}>"

    # what the parts of the store ask for

    def know(self, obj: object, known: Row) -> None:
        """`obj` is stored as that."""
        known.layout.known.add(obj, known.cells)

    def plain_address_of(self, obj: object) -> Address | None:
        """Where an object would be, whether it is there or not."""
        layout = self.layout_for(type(obj))
        if layout is None:
            return None
        waiting = layout.ghosts.find(obj) if layout.ghost_class is not None else None
        return layout.name, layout.key_of(obj) if waiting is None else waiting[0]

    def fetch(
        self, wanted: Iterable[Address], *, depth: int | None = None, built: Container[Address] = ()
    ) -> dict[Address, Row]:
        """The rows at these addresses, with all that they refer to, as they are at one moment.

        With `depth`, only those so many steps away; without those in `built`.
        """
        wanted = list(wanted)
        for name in dict.fromkeys(name for name, _ in wanted):
            self.layout_of(name)
        if depth is not None:
            for name in list(self._layouts):
                self._make_ready_for_ghosts(name)
        while True:
            try:
                with self.database.reading() as connection:
                    return fetch(connection, wanted, self._ready_layout, depth, self._waits, built)
            except _NotReady as table:
                # Its class is imported, or derived from, which may run anything: not within the transaction.
                self._make_ready_for_ghosts(table.name)

    def _make_ready_for_ghosts(self, name: str) -> None:
        layout = self.layout_of(name)
        if not layout.ghosts_decided:
            with self.database.alone():
                layout.ghost_class = layout.ghost_class or ghost_class(layout, self.database)
                if layout.ghost_class is not None:
                    self._by_class[layout.ghost_class] = layout
                layout.ghosts_decided = True

    def _waits(self, name: str) -> bool:
        layout = self._ready_layout(name)
        if not layout.ghosts_decided:
            raise _NotReady(name)
        return layout.ghost_class is not None

    def _tables_of(self, keys: list[Any]) -> dict[str, list[Any]] | None:
        """_sorted(), for keys of one table that are all ints or all plain text; None where it takes more."""
        if set(map(type, keys)) != {tuple} or set(map(len, keys)) != {2}:
            return None
        name = keys[0][0]
        if set(map(type, map(itemgetter(0), keys))) != {str} or set(map(itemgetter(0), keys)) != {name}:
            return None
        own = list(map(itemgetter(1), keys))
        kinds = set(map(type, own))
        if kinds == {int}:
            if min(own) < -(2**63) or max(own) >= 2**63:
                return None
        elif kinds != {str} or not all(map(str.isascii, own)):
            return None
        return {name: own}

    def _sorted(self, wanted: list[Address]) -> dict[str, list[Any]] | None:
        """Which rows of which tables are wanted; None where a key is neither an int nor text."""
        tables: dict[str, list[Any]] = {}
        for name, key in wanted:
            if type(key) is not int and type(key) is not str:
                return None
            keys = tables.setdefault(name, [])
            if storable(key):
                keys.append(key)
        return tables

    def _load_simple(
        self, tables: dict[str, list[Any]] | None, addresses: list[Key] | None = None
    ) -> Mapping[Key, Any] | None:
        """The objects of rows that refer to nothing, and hold SQLite's own values; None where some do not.

        `addresses` are those of all in `tables`, if that is one table: what is found is in their order, then.
        """
        if tables is None or not all(self.layout_of(name).quick for name in tables):
            return None
        loaded: dict[Key, Any] = {}
        in_order: list[object] = [] if addresses is None else [NOT_READY] * len(addresses)
        left: list[tuple[Layout, list[tuple[Cell, ...]], _Places | None]] = []
        with self.database.reading() as connection:
            for name, keys in tables.items():
                layout = self.layout_of(name)
                for start, some, found in select_batches(connection, layout, keys):
                    places = None if addresses is None else _Places(some, in_order, start)
                    # What is made on the way takes as much memory as the objects: a few thousand of it at a
                    # time. But nothing of the user's may run here.
                    while rows := found.fetchmany(_AT_ONCE):
                        if bytes in set(map(type, chain.from_iterable(rows))):
                            layout.quick = False  # most of its rows will be such
                            return None
                        if layout.makes_quietly:
                            _make_simple(loaded, layout, rows, places)
                        else:
                            left.append((layout, rows, places))
        left.reverse()
        while left:
            _make_simple(loaded, *left.pop())
        return loaded if addresses is None else InOrder(addresses, in_order)

    def _ready_layout(self, name: str) -> Layout:
        layout = self._layouts.get(name)
        if layout is None:
            raise _NotReady(name)
        return layout

    def layout_of(self, name: str) -> Layout:
        """The layout of a table, compared with the database when it is first needed."""
        layout = self._layouts.get(name)
        if layout is None:
            if name not in self._tables:
                raise MissingReference(
                    f"there is a reference to the table {name!r}, which is not declared for"
                    f" {self.where}; declared are: {', '.join(self._tables)}"
                )
            # Threads may come here at once: what is known of objects is known in one layout.
            layout = self._layouts.setdefault(name, self._new_layout(self._tables[name]))
        return layout

    def layout_for(self, cls: type) -> Layout | None:
        """The layout for objects whose type is exactly `cls`."""
        try:
            return self._by_class[cls]
        except KeyError:
            pass
        # A class that was declared by a name may say that it lives under another.
        name = name_of_class(cls)
        table = self._names.get(name) or next(
            (table for name, table in self._names.items() if find_loaded(name) is cls), None
        )
        layout = self.layout_of(table.name) if table is not None else None
        if layout is not None and layout.cls is not cls:
            if find_loaded(name) is cls:
                raise NotStored(
                    f"the class {name} has been defined anew since the store of {self.where} was opened,"
                    " so this object"
                    " is none of its class. Open the store anew"
                )
            layout = None  # a class that only has the same name is another class
        self._by_class[cls] = layout
        return layout

    # tables and classes

    def _declare(self, declared: list[Table] | None) -> dict[str, Table]:
        with self.database.reading() as connection:
            known = schema.recorded(connection)
        self._recorded = {found.name: found for found in known}
        if declared is None:
            declared = [table for found in known if (table := found.table) is not None]
            if not declared:
                raise StoreError(
                    f"{self.where} does not say what lives in it: declare it, as in"
                    ' SqliteStore(path, tables=[Table("customers", Customer, key="id")])'
                )
        tables = {table.name: table for table in declared}
        classes = {table.class_name: table.name for table in declared}
        if len(tables) < len(declared) or len(classes) < len(declared):
            raise StoreError(
                "two tables have one name, or are for one class: each class has one table of its own"
            )
        for found in known:
            name = classes.get(found.class_name)
            if name is not None and schema.table_name(name) != schema.table_name(found.name):
                raise StoreError(
                    f"{found.class_name} lives in the table {found.name!r} of {self.where} already, and"
                    " is declared"
                    f" for {name!r}: each class has one table of its own. Declare {found.name!r}, or migrate"
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
        with self.database.reading() as connection:
            missing = self._tables.keys() - schema.existing(connection, self._tables)
        if missing and read_only:
            raise StoreError(f"{self.where} has no table {sorted(missing)[0]!r}, and is opened read_only")
        if missing:
            layouts = {name: self._class_layout(self._tables[name]) for name in missing}
            with self.database.writing() as connection:
                # Asked again under the lock: another process may make the same tables now.
                for name in missing - schema.existing(connection, missing):
                    schema.create(connection, layouts[name])
                self._recorded = {found.name: found for found in schema.recorded(connection)}
        for table in self._tables.values():
            if isinstance(table.cls, type):
                self.layout_of(table.name)

    def _class_layout(self, table: Table) -> Layout:
        try:
            cls = import_dotted(table.cls) if isinstance(table.cls, str) else table.cls
        except Exception as failed:
            raise StoreError(
                f"the table {table.name!r} in {self.where} is for {table.cls!r}, which cannot be"
                f" imported ({type(failed).__name__}: {failed}). If the class is elsewhere now, migrate"
                " the file:"
                f" brinery.persistence.sqlite.migrate(path, tables=[Table({table.name!r}, NewHome)])"
            ) from failed
        if not isinstance(cls, type):
            raise StoreError(f"the table {table.name!r} is for {table.cls!r}, which is no class")
        return Layout(table, cls)

    def _new_layout(self, table: Table) -> Layout:
        layout = self._class_layout(table)
        with self.database.asking() as connection:
            if schema.check(connection, layout, self._recorded.get(table.name), self.where):
                self.converting.add(table.name)
        return layout

    def _address(self, key: Key) -> Address:
        if type(key) is tuple and len(key) == 2 and type(key[0]) is str:
            return cast("Address", key)
        raise MissingReference(
            f"{key!r} is no key of an SqliteStore: it wants a table's name and a key in it"
        )


class _NotReady(Exception):
    def __init__(self, name: str) -> None:
        self.name = name


class _SqliteLoad(Load):
    def __init__(
        self, store: SqliteStore, find_class: Callable[[str, str], object] | None, depth: int | None
    ) -> None:
        self._store = store
        self._loading = Loading(store, depth, find_class)

    def fetch(self, keys: list[Key], /) -> Mapping[Key, Any]:
        """The objects, with all that they refer to: one query for each table of a level and each batch."""
        return self._store._load(keys, self._loading)


class _Places:
    """Where the objects of one batch's rows go, in `into`: to the places of the keys that were asked for."""

    __slots__ = ("_at", "_by_key", "_into", "_keys", "_start")

    def __init__(self, keys: list[Any], into: list[object], start: int) -> None:
        self._keys = keys
        self._into = into
        self._start = start  # of the batch, in `into`
        self._at = 0
        self._by_key: dict[Any, int] | None = None

    def put(self, keys: list[Any], objects: list[object]) -> None:
        """Put the objects of the next rows, whose `keys` are these; not where nobody asked for such a key."""
        at, self._at = self._at, self._at + len(keys)
        if self._by_key is None and keys == self._keys[at : self._at]:  # in order, as most are
            self._into[self._start + at : self._start + self._at] = objects
            return
        if self._by_key is None:
            self._by_key = dict(zip(self._keys, count(self._start)))
        for place, obj in zip(map(self._by_key.get, keys), objects, strict=True):
            if place is not None:
                self._into[place] = obj


def _make_simple(
    loaded: dict[Key, Any], layout: Layout, rows: list[tuple[Cell, ...]], places: _Places | None
) -> None:
    """Put the objects of `rows` into their places, or into `loaded`, by address."""
    keys = list(map(itemgetter(layout.key_positions[0]), rows))
    objects = list(layout.all_simple(rows))
    layout.known.add_many(zip(objects, rows, strict=True))
    if places is None:
        loaded.update(zip(zip(repeat(layout.name), keys), objects, strict=False))
    else:
        places.put(keys, objects)


def _is_found(name: str) -> bool:
    return isinstance(find_loaded(name), type)
