"""Built-in plugin: the scheme ``sqlite:``, a store in a SQLite file. Nothing has to be installed for it."""

from __future__ import annotations

from brinery.declarations import PersistentScheme
from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["brinery_persistent_schemes"]


def brinery_persistent_schemes() -> Iterator[PersistentScheme]:
    """The scheme, by the dotted name of its factory: sqlite3 is imported when a store is opened."""
    yield PersistentScheme("sqlite", "brinery.persistence.sqlite:open_store")
