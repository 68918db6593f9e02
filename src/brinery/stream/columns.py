"""The cells of a column in a SQL database, whichever SQLAlchemy knows: read in batches, and replaced.

SQLAlchemy is imported when a database is opened, and is no dependency of brinery.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from brinery.urls import redact_error, shown

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

__all__ = ["Column", "binary_columns", "database", "is_url", "missing_column", "missing_table", "refusals"]

_BATCH = 500
_LISTED = 20  # names in an error


def is_url(name: str) -> bool:
    """Whether that is the URL of a database, and no file's name."""
    return "://" in name


@contextmanager
def database(url: str) -> Iterator[Any]:
    """SQLAlchemy's engine for `url`, closed at the end of the ``with``.

    Raises ValueError where SQLAlchemy or the database's driver is missing, and for what SQLAlchemy raises in
    the block; no password is in its text.
    """
    try:
        import sqlalchemy
    except ImportError as missing:
        raise ValueError("a database's URL needs SQLAlchemy: pip install sqlalchemy") from missing
    try:
        engine = sqlalchemy.create_engine(url)
        try:
            _check_file(engine.url)
            yield engine
        finally:
            engine.dispose()
    except ImportError as missing:
        raise ValueError(
            f"{shown(url)}: {missing}. Install that driver, or name another one in the URL, as in "
            "postgresql+psycopg://…"
        ) from missing
    except sqlalchemy.exc.SQLAlchemyError as failed:
        said = redact_error(failed, url) or str(failed)
        raise ValueError(
            f"{shown(url)}: {said.partition('(Background on this error')[0].strip()}"
        ) from failed


def refusals() -> type[Exception]:
    """What is raised where a database refuses a query."""
    from sqlalchemy.exc import DBAPIError

    return DBAPIError


def _check_file(url: Any) -> None:
    """Raise ValueError for a file of SQLite's that is not there: to connect would make it."""
    name = url.database or ""
    is_file = url.get_backend_name() == "sqlite" and name and name != ":memory:"
    if is_file and not name.startswith("file:") and not os.path.exists(name):
        raise ValueError(f"there is no database {name}")


def missing_table(table: str, there: Iterable[str]) -> ValueError:
    """The error for a table that is not there."""
    return ValueError(f"the database has no table {table}{_nearest(table, there, 'its tables are')}")


def missing_column(table: str, column: str, there: Iterable[str]) -> ValueError:
    """The error for a column that is not there."""
    return ValueError(f"the table {table} has no column {column}{_nearest(column, there, 'it has')}")


def _nearest(name: str, there: Iterable[str], words: str) -> str:
    from difflib import get_close_matches

    known = list(there)
    near = get_close_matches(name, known, 1)
    more = ", …" if len(known) > _LISTED else ""
    listed = f"; {words} {', '.join(known[:_LISTED])}{more}" if known else ""
    return f"; did you mean {near[0]}?" if near else listed


class Column:
    """One column of a table.

    name  as ``"table.column"``
    """

    def __init__(self, engine: Any, table: str, column: str) -> None:
        """Look at the table in the database. Raises ValueError where it has no such column."""
        import sqlalchemy

        self._engine = engine
        self.name = f"{table}.{column}"
        schema, _, name = table.rpartition(".")
        try:
            self._table = sqlalchemy.Table(
                name, sqlalchemy.MetaData(), schema=schema or None, autoload_with=engine
            )
        except sqlalchemy.exc.NoSuchTableError as missing:
            there = sqlalchemy.inspect(engine).get_table_names(schema or None)
            raise missing_table(table, there) from missing
        if column not in self._table.columns:
            raise missing_column(table, column, self._table.columns.keys())
        self._keys = list(self._table.primary_key.columns)
        self._column = self._table.columns[column]
        # As bytes or text, even where the program's own type would load them.
        text = isinstance(self._column.type, sqlalchemy.String)
        self._cell = sqlalchemy.type_coerce(self._column, sqlalchemy.Text if text else sqlalchemy.LargeBinary)

    def batches(self, size: int = _BATCH) -> Generator[tuple[Any, list[tuple[tuple[Any, ...], Any]]]]:
        """Keys and values, `size` rows at a time, in the order of the primary key.

        With each comes the connection of its transaction, which is committed when the next one is asked for.
        Raises ValueError where the table has no primary key.
        """
        import sqlalchemy

        if not self._keys:
            table = self.name.rpartition(".")[0]
            raise ValueError(f"the table {table} has no primary key: its rows cannot be told apart")
        last: Any = None
        while True:
            query = sqlalchemy.select(*self._keys, self._cell).order_by(*self._keys).limit(size)
            if last is not None:
                query = query.where(sqlalchemy.tuple_(*self._keys) > sqlalchemy.tuple_(*last))
            with self._engine.begin() as connection:
                rows = [(tuple(key), value) for *key, value in connection.execute(query)]
                if not rows:
                    return
                yield connection, rows
            last = rows[-1][0]

    def replace(self, connection: Any, key: tuple[Any, ...], old: Any, new: bytes | str) -> bool:
        """Put `new` in the place of `old`; false where that is not there any more.

        Raises :func:`refusals` where the database does not take it; the transaction goes on.
        """
        import sqlalchemy

        same = [one == part for one, part in zip(self._keys, key, strict=True)]
        # By the value: SQLite's columns hold either.
        kind = sqlalchemy.Text if isinstance(old, str) else sqlalchemy.LargeBinary
        written: Any = sqlalchemy.literal(new, kind)
        if kind is sqlalchemy.LargeBinary or isinstance(self._column.type, sqlalchemy.String):
            written = sqlalchemy.type_coerce(written, self._column.type)
        there = sqlalchemy.type_coerce(self._column, kind)
        change = (
            sqlalchemy.update(self._table)
            .where(*same, there == sqlalchemy.literal(old, kind))
            .values({self._column.name: written})
        )
        # What is longer than before may be too long for the column. SQLite's have no length.
        if len(new) <= len(old) or self._engine.dialect.name == "sqlite":
            return bool(connection.execute(change).rowcount == 1)
        with connection.begin_nested():
            return bool(connection.execute(change).rowcount == 1)

    def read(
        self, connection: Any, first: tuple[Any, ...], last: tuple[Any, ...]
    ) -> dict[tuple[Any, ...], Any]:
        """The values of the rows from the key `first` to the key `last`."""
        import sqlalchemy

        keys = sqlalchemy.tuple_(*self._keys)
        query = sqlalchemy.select(*self._keys, self._cell).where(
            keys >= sqlalchemy.tuple_(*first), keys <= sqlalchemy.tuple_(*last)
        )
        return {tuple(key): value for *key, value in connection.execute(query)}

    def cells(self) -> Generator[tuple[str, bytes | str]]:
        """Where each cell is, as ``table.column[key]``, and its bytes or text; others are left out.

        Where the table has no primary key, rows are counted in the order in which the database gives them.
        """
        for key, value in self._rows():
            if isinstance(value, (bytes, bytearray, memoryview, str)):
                where = f"{self.name}[{', '.join(map(str, key))}]"
                yield where, value if isinstance(value, str) else bytes(value)

    def _rows(self) -> Iterator[tuple[tuple[Any, ...], Any]]:
        import sqlalchemy

        if self._keys:
            for _, rows in self.batches():
                yield from rows
            return
        with self._engine.connect() as connection:
            streaming = connection.execution_options(yield_per=_BATCH)
            for number, (value,) in enumerate(streaming.execute(sqlalchemy.select(self._cell))):
                yield (f"row {number}",), value


def binary_columns(engine: Any) -> Iterator[tuple[str, str]]:
    """Table and column of each column of bytes in the database's own schema."""
    import sqlalchemy

    there = sqlalchemy.inspect(engine)
    for table in sorted(there.get_table_names()):
        for column in there.get_columns(table):
            with suppress(NotImplementedError):  # a type that has no one type in Python
                if column["type"].python_type is bytes:
                    yield table, column["name"]
