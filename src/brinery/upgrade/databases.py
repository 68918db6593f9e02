"""SQLite files, looked into: whether one is a shelf, or has pickles in its columns."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from brinery.stream.containers import pickles_in, sqlite_to_read

if TYPE_CHECKING:
    import os

__all__ = ["ReadTable", "is_dbm_table", "pickles_in_sqlite"]


def is_dbm_table(path: str | os.PathLike[str]) -> bool:
    """Whether an SQLite database is one that dbm.sqlite3 has made."""
    import sqlite3

    try:
        with closing(sqlite_to_read(path)) as database:
            columns = [row[1] for row in database.execute("PRAGMA table_info('Dict')")]
    except (OSError, sqlite3.DatabaseError):
        return False
    return columns == ["key", "value"]


def pickles_in_sqlite(path: str) -> str:
    """Where the first pickle is in an SQLite database; empty where none is found."""
    with suppress(OSError, ValueError):
        for found in pickles_in(path, unlooked=lambda *_: None):
            return found.where.partition("[")[0] or "its values"
    return ""


class ReadTable:
    """A database of dbm.sqlite3, to be read: as that module would, but nothing is left beside the file."""

    def __init__(self, path: str) -> None:
        self._database = sqlite_to_read(path)

    def keys(self) -> list[bytes]:
        """All keys."""
        return [key for (key,) in self._database.execute("SELECT CAST(key AS BLOB) FROM Dict")]

    def __getitem__(self, key: bytes) -> bytes:
        query = "SELECT CAST(value AS BLOB) FROM Dict WHERE key = CAST(? AS BLOB)"
        return bytes(self._database.execute(query, (key,)).fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        self._database.close()
