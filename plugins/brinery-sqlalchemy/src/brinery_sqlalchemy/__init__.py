"""SQLAlchemy's entities as references: a plugin for brinery, which adds the scheme ``sqlalchemy+…:``.

``names``     names of classes and keys of entities, as a stream has them.
``sessions``  where the session of a dump or a load comes from.
``dumping``   one dump: which key an entity has, and what is new.
``loading``   one load: a SELECT for each class.
``store``     the store itself, and its URLs.
``commits``   what is to happen when a session has committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery import PersistentScheme, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brinery_sqlalchemy.commits import on_commit
    from brinery_sqlalchemy.store import SqlalchemyStore

__all__ = ["SqlalchemyStore", "on_commit"]


@hookimpl
def brinery_persistent_schemes() -> Iterator[PersistentScheme]:
    """``sqlalchemy+`` and any URL of SQLAlchemy's."""
    yield PersistentScheme("sqlalchemy", "brinery_sqlalchemy.store:open_store")


def __getattr__(name: str) -> Any:  # so that what is merely installed does not import SQLAlchemy
    if name == "SqlalchemyStore":
        from brinery_sqlalchemy.store import SqlalchemyStore

        return SqlalchemyStore
    if name == "on_commit":
        from brinery_sqlalchemy.commits import on_commit

        return on_commit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
