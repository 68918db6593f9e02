"""Where the session of a dump or a load comes from, and whose it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from brinery.errors import StoreError

if TYPE_CHECKING:
    from brinery.persistence import DumpContext, LoadContext

__all__ = ["Opened", "Sessions"]


class Opened(NamedTuple):
    """A session.

    own  whether it was made for this dump or load, which then commits and closes it; else it is the
         caller's, and so are its transaction and what becomes of it.
    """

    session: orm.Session
    own: bool


class Sessions:
    """What a store is bound to."""

    def __init__(self, source: Any) -> None:
        """`source` as SqlalchemyStore takes it. Raises StoreError for anything else."""
        if _is(source, "AsyncEngine"):
            source = source.sync_engine
        if isinstance(source, sa.Engine | sa.Connection):
            source = orm.sessionmaker(source)
        self._make: Callable[[], Opened]
        if isinstance(source, orm.sessionmaker) or _is(source, "async_sessionmaker"):
            # What was loaded or stored is used when the session is gone.
            self._make = lambda: Opened(_plain(source(expire_on_commit=False)), True)
        else:
            _plain(source, asked=False)
            self._make = lambda: Opened(_plain(source), False)

    def open(self, context: DumpContext | LoadContext) -> Opened:
        """The session of a call: the one that it is given, or what the store is bound to.

        Raises StoreError for what is no session, and for a dict that names a store which is not bound.
        """
        given = context.options.get("session")
        if isinstance(given, Mapping):
            for name in given:
                if name not in context.stores:
                    raise StoreError(
                        f"session= has one for the store {name!r}, and no store is bound under that name;"
                        f" there are: {', '.join(repr(bound) for bound in context.stores)}"
                    )
            given = given.get(context.name)
        return self._make() if given is None else Opened(_plain(given), False)


def _plain(source: Any, asked: bool = True) -> orm.Session:
    """The Session in what may be around it."""
    if isinstance(source, orm.scoped_session) or _is(source, "async_scoped_session"):
        return _plain(source()) if asked else None  # type: ignore[return-value]
    if _is(source, "AsyncSession"):
        return source.sync_session  # type: ignore[no-any-return]
    if isinstance(source, orm.Session):
        return source
    raise StoreError(
        f"{source!r} is no session: bind a Session, AsyncSession, scoped_session, sessionmaker or Engine"
    )


def _is(source: Any, name: str) -> bool:
    """Whether `source` is of a class of ``sqlalchemy.ext.asyncio``, which cannot always be imported."""
    module = sys.modules.get("sqlalchemy.ext.asyncio")
    return module is not None and isinstance(source, getattr(module, name))
