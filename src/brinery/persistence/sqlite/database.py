"""The connection, and the transactions that are made on it.

All transactions are short: nothing of the user's runs within one. A writer takes its lock at once
(BEGIN IMMEDIATE), so that two of them wait for each other, up to the timeout, and never stand in each
other's way half done. A database's journal mode is left as it is: the default keeps one file one file
on every file system, and a database that its owner switched to WAL stays in WAL.

One connection serves all threads, one at a time: a connection for each thread would make of every
``:memory:`` database as many. It is closed while the process forks, and opened again in both.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from brinery.errors import NotCommitted, StoreError
from brinery.persistence.forks import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Database", "Transaction"]


class Database:
    """An SQLite database, for any number of threads."""

    def __init__(
        self, path: str | os.PathLike[str], *, timeout: float, read_only: bool, create: bool
    ) -> None:
        """Raises StoreError where it cannot be opened."""
        self._in_memory = os.fspath(path) == ":memory:"
        #: What error texts call it.
        self.where = "the database in memory" if self._in_memory else os.fspath(path)
        if "\0" in os.fspath(path):
            raise StoreError(f"{os.fspath(path)!r} is no file's name: it has a NUL in it")
        if not create and not self._in_memory and not Path(path).exists():
            raise StoreError(
                f"{self.where} is not there. To make a new file, say what is to live in it:"
                ' SqliteStore(path, tables=[Table("customers", Customer, key="id")])'
            )
        mode = "ro" if read_only else "rwc" if create else "rw"
        # Kept whole, so that a later change of the working directory does not matter.
        self._path = "" if self._in_memory else os.fspath(Path(path).absolute())
        self._uri = ":memory:" if self._in_memory else f"{Path(self._path).as_uri()}?mode={mode}"
        self._timeout = timeout
        self._closed = False
        self._inherited = False
        self._trace: Callable[[str], object] | None = None
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._open()
        # From now on it is not to be made: a file that is gone is an error, and not an empty database.
        self._uri = self._uri.replace("?mode=rwc", "?mode=rw")
        watch(self)

    @contextmanager
    def asking(self) -> Iterator[sqlite3.Connection]:
        """A connection for one query: without a transaction around it, that takes a quarter of the time."""
        with self._alone() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection on which all queries see the database at one moment."""
        with self._alone() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are committed at the end, all or none."""
        transaction = self.begin()
        try:
            yield transaction.connection
            transaction.commit()
        except sqlite3.Error as failed:
            raise self.explain(failed) from failed
        finally:
            transaction.rollback()

    def begin(self) -> Transaction:
        """A transaction that has the write lock."""
        self._take_lock()
        try:
            connection = self._ready()
            try:
                connection.execute("BEGIN IMMEDIATE")
                # What refers and what is referred to may be inserted in any order.
                connection.execute("PRAGMA defer_foreign_keys = ON")
                # A file may have been replaced before there was a lock on it.
                self._check_identity()
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except BaseException as failed:
            self._lock.release()
            if isinstance(failed, sqlite3.Error):
                raise self.explain(failed) from failed
            raise
        return Transaction(self, connection)

    def set_trace_callback(self, callback: Callable[[str], object] | None) -> None:
        """As the connection's own method; it is kept for connections that are opened later."""
        self._trace = callback
        with self._alone() as connection:
            connection.set_trace_callback(callback)

    def limit_variables(self, variables: int) -> None:
        """Let a query have so many parameters, and no more."""
        with self._alone() as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, variables)

    def close(self) -> None:
        """Close the connection; the second time does nothing."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # forks

    def before_fork(self) -> None:
        """Close the connection, under the lock, so that no thread is in the middle of anything."""
        self._lock.acquire()
        if self._connection is not None and not self._in_memory:
            self._connection.close()
            self._connection = None

    def after_fork(self, in_child: bool) -> None:
        """Both open it again when it is needed. The lock of the child is its own."""
        if in_child:
            self._inherited = self._in_memory
            # Another thread may wait for the old one; there is no such thread in the child.
            self._lock = threading.RLock()
        else:
            self._lock.release()

    # one at a time

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other threads out, for more than one transaction. It may be used within."""
        self._take_lock()
        lock = self._lock  # a child of this process gets another one
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        self._take_lock()
        try:
            yield self._ready()
        except sqlite3.Error as failed:
            raise self.explain(failed) from failed
        finally:
            self._lock.release()

    def _take_lock(self) -> None:
        if self._closed:
            raise StoreError(f"the store of {self.where} is closed: use it within the block that opened it")
        if self._inherited:
            raise StoreError("a database in memory belongs to the process that opened it; use a file")
        if not self._lock.acquire(timeout=self._timeout):
            raise StoreError(
                f"{self.where} has been in use by other threads of this process for {self._timeout}"
                " seconds; nothing"
                " was changed. Try again, or open the store with a longer timeout="
            )

    def _ready(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"the store of {self.where} is closed: use it within the block that opened it")
        if self._connection is None:
            self._open()
        connection = self._connection
        assert connection is not None
        if connection.in_transaction:
            raise StoreError(
                f"the store of {self.where} is used within a transaction of its own, in the same thread;"
                " what runs"
                " there, such as a trace callback, must leave the store alone"
            )
        self._check_identity()
        return connection

    def _check_identity(self) -> None:
        if self._file is not None and self._identity() != self._file:
            raise StoreError(
                f"{self.where} has been deleted or replaced while it was open; what was stored since then"
                " would be"
                " lost. Open the store anew"
            )

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> None:
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
            raise StoreError(
                f"{self.where} cannot be opened as an SQLite database: {failed}. {_advice(failed)}"
            ) from failed
        if not self._in_memory:
            if self._file is None:
                self._file = self._identity()
            elif self._identity() != self._file:
                connection.close()
                raise StoreError(
                    f"{self.where} has been deleted or replaced while it was open. Open the store anew"
                )
        self._connection = connection

    # errors

    def explain(self, failed: sqlite3.Error) -> StoreError:
        """What to raise for an error of SQLite's: with the path, and with what to do."""
        code = getattr(failed, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError(
                f"{self.where} has been locked by another connection for {self._timeout} seconds;"
                " nothing was changed. Try again, or open the store with a longer timeout="
            )
        if isinstance(failed, sqlite3.IntegrityError):
            return StoreError(f"{self.where} refuses the rows, all of them: {failed}")
        return StoreError(f"{self.where}: SQLite reports: {failed}. {_advice(failed)}")


class Transaction:
    """A write transaction, with the lock of its database, from begin to commit or rollback."""

    def __init__(self, database: Database, connection: sqlite3.Connection) -> None:
        self._database = database
        self.connection = connection
        self._over = False

    def commit(self) -> None:
        """Raises NotCommitted where nothing of it is there, StoreError where that is not known."""
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as failed:
            code = getattr(failed, "sqlite_errorcode", 0) & 0xFF
            # SQLite has rolled back by itself, or still is in the transaction and does not end it.
            known = self.connection.in_transaction or code != sqlite3.SQLITE_IOERR
            self.rollback()
            explained = self._database.explain(failed)
            raise (NotCommitted(str(explained)) if known else explained) from failed
        self._end()

    def rollback(self) -> None:
        """Undo what is not committed; again, or behind a commit, it does nothing."""
        if self._over:
            return
        try:
            # Where SQLite has rolled back by itself, or the file is gone, there is nothing to undo.
            with suppress(sqlite3.Error):
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
        finally:
            self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._database._lock.release()


_ADVICE = {
    sqlite3.SQLITE_FULL: "The disk, or the file's largest size, is full: nothing was stored. Make room",
    sqlite3.SQLITE_READONLY: "It is opened read_only, or the file or its folder may not be written to",
    sqlite3.SQLITE_CORRUPT: "The file is damaged: restore a copy, or see what sqlite3's .recover saves",
    sqlite3.SQLITE_NOTADB: "The file is none of SQLite's: check the path",
    sqlite3.SQLITE_CANTOPEN: "Its folder has to exist and to be writable, for the journal beside it too",
    sqlite3.SQLITE_IOERR: "The disk or the network file system failed: see to it before going on",
    sqlite3.SQLITE_TOOBIG: "A value is larger than SQLite stores (a billion bytes): keep it elsewhere",
    sqlite3.SQLITE_ERROR: "If a table was changed while the store was open, open it anew",
}


def _advice(failed: sqlite3.Error) -> str:
    code = getattr(failed, "sqlite_errorcode", 0) & 0xFF
    return _ADVICE.get(code, "Nothing was stored. Check the file with PRAGMA integrity_check")
