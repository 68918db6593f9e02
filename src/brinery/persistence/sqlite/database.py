"""The connection, and the two kinds of transaction that are made on it.

All transactions are short: nothing of the user's runs within one. A writer takes its lock at once
(BEGIN IMMEDIATE), so that two of them wait for each other, up to the timeout, and never stand in each
other's way half done. A database's journal mode is left as it is: the default keeps one file one file
on every file system, and a database that its owner switched to WAL stays in WAL.

One connection serves all threads, one at a time: a connection for each thread would make of every
``:memory:`` database as many. A forked child opens its own: SQLite's locks do not survive a fork.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from brinery.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Database"]

# Closing what a parent process opened would drop its locks: a child keeps it and never uses it.
_of_the_parent: list[sqlite3.Connection] = []


class Database:
    """An SQLite database, for any number of threads."""

    def __init__(
        self, path: str | os.PathLike[str], *, timeout: float, read_only: bool, create: bool
    ) -> None:
        """Raises StoreError where it cannot be opened."""
        self._in_memory = os.fspath(path) == ":memory:"
        #: What error texts call it.
        self.where = "the database in memory" if self._in_memory else os.fspath(path)
        if not create and not self._in_memory and not Path(path).exists():
            raise StoreError(
                f"{self.where} is not there. To make a new file, say what is to live in it:"
                ' SqliteStore(path, tables=[Table("customers", Customer, key="id")])'
            )
        mode = "ro" if read_only else "rwc" if create else "rw"
        # Kept whole, so that a later change of the working directory does not matter.
        self._uri = ":memory:" if self._in_memory else f"{Path(path).absolute().as_uri()}?mode={mode}"
        self._timeout = timeout
        self._closed = False
        self._trace: Callable[[str], object] | None = None
        self._connect()

    @contextmanager
    def asking(self) -> Iterator[sqlite3.Connection]:
        """A connection for one query: without a transaction around it, that takes a quarter of the time."""
        with self._alone() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection on which all queries see the database at one moment."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are committed at the end, all or none."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            # What refers and what is referred to may be inserted in any order.
            connection.execute("PRAGMA defer_foreign_keys = ON")
            yield connection

    def begin_writing(self) -> ExitStack:
        """A transaction for a with statement that is none: leave what is returned to commit or roll back."""
        stack = ExitStack()
        self.in_hand = stack.enter_context(self.writing())
        return stack

    def set_trace_callback(self, callback: Callable[[str], object] | None) -> None:
        """As the connection's own method; it is kept for the connection of a forked child."""
        self._trace = callback
        with self._alone() as connection:
            connection.set_trace_callback(callback)

    def close(self) -> None:
        """Close the connection; the second time does nothing."""
        self._closed = True
        if self._pid == os.getpid():
            with self._lock:
                self._connection.close()

    def _connect(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        try:
            connection = sqlite3.connect(
                self._uri,
                timeout=self._timeout,
                isolation_level=None,
                check_same_thread=False,
                uri=not self._in_memory,
            )
            try:
                # Also the first read: a file that is no database fails here.
                connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
                connection.execute("PRAGMA foreign_keys = ON")
                connection.set_trace_callback(self._trace)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as failed:
            raise StoreError(f"{self.where} cannot be opened as an SQLite database: {failed}") from failed
        self._connection = connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._alone() as connection:
            try:
                connection.execute(begin)
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        if self._closed:
            raise StoreError(f"the store of {self.where} is closed: use it within the block that opened it")
        if self._pid != os.getpid():
            self._after_fork()
        with self._lock:
            try:
                yield self._connection
            except sqlite3.OperationalError as failed:
                if getattr(failed, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                    raise StoreError(
                        f"{self.where} has been locked by another connection for {self._timeout} seconds;"
                        " nothing was changed. Try again, or open the store with a longer timeout="
                    ) from failed
                raise

    def _after_fork(self) -> None:
        if self._in_memory:
            raise StoreError("a database in memory belongs to the process that opened it; use a file")
        _of_the_parent.append(self._connection)
        self._connect()
