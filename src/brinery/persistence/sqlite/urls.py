"""``sqlite:`` URLs.

==============================  ===================================================================
``sqlite:///shop.db``             a file, relative to the working directory
``sqlite:////srv/shop.db``        a file, with its whole path
``sqlite://``                     a database in memory, which is gone when it is closed
``sqlite:///:memory:``            the same
==============================  ===================================================================

What :class:`~brinery.persistence.sqlite.SqliteStore` takes may follow as a query:
``sqlite:///shop.db?on_new=insert&timeout=5&tables=shop.models:TABLES``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from brinery.dotted import import_dotted
from brinery.errors import StoreError
from brinery.persistence.schemes import take_options
from brinery.persistence.sqlite.store import SqliteStore
from brinery.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["open_store", "path_of"]


def _truth(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("it is 0 or 1")
    return text == "1"


_OPTIONS: dict[str, Callable[[str], object]] = {
    "tables": import_dotted,
    "on_new": str,
    "on_changed": str,
    "on_shared": str,
    "timeout": float,
    "read_only": _truth,
}


def open_store(url: str, **options: Any) -> SqliteStore:
    """The store at `url`; `options` are SqliteStore's, beside those in the URL's query.

    Raises StoreError for a URL that cannot be read, and for an option given in both places.
    """
    path = path_of(url)
    take_options(url, _OPTIONS, options, rest=False)
    return SqliteStore(path, **options)


def path_of(url: str) -> str:
    """The path in `url`, ":memory:" where there is none. Raises StoreError for a URL that cannot be read."""
    parts, shown = urlsplit(url), redacted(url)
    if parts.netloc:
        raise StoreError(
            f"{shown!r} names a host; a file is written sqlite:///{parts.netloc.rpartition('@')[2]}"
        )
    if parts.fragment:
        raise StoreError(f"{shown!r} has a part behind '#'; in a file's name, write %23 for it")
    return unquote(parts.path.removeprefix("/")) or ":memory:"
