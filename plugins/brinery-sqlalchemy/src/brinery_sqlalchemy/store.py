"""The store of entities, and its URLs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy import orm

from brinery.dotted import import_dotted
from brinery.errors import BrineryError, StoreError
from brinery.persistence import Dump, DumpContext, Foresight, Load, LoadContext, Store
from brinery.persistence.forks import watch
from brinery.persistence.schemes import take_options
from brinery_sqlalchemy.dumping import _COLLECTIONS, EntityDump
from brinery_sqlalchemy.loading import EntityLoad
from brinery_sqlalchemy.names import SCHEMA, Names
from brinery_sqlalchemy.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SqlalchemyStore", "open_store"]


class SqlalchemyStore(Store):
    """Entities by their primary keys.

    source      a Session, AsyncSession or scoped_session: it stays yours, and so does its transaction. A
                sessionmaker, async_sessionmaker or Engine: each dump and each load has a session of its
                own, and what is loaded is detached.
    entities    which classes: a declarative Base, a registry, mapped classes, or a list of these; they are
                called by their names. A dict of names to classes says other ones.
    on_new      an entity without a row: "refuse" it with NotStored, or "add" it, all together.
    on_changed  a detached entity, or one of another session, with changes that the database does not have:
                "refuse" it, or "ignore" that.

    Options of a single call: ``session=``, the session to use, or a dict of one for each store's name;
    ``loading=``, loader options by class, ``{Order: [selectinload(Order.lines)]}``.
    """

    claims = (*SCHEMA, *_COLLECTIONS)
    options = ("session", "loading")

    def __init__(
        self,
        source: Any,
        entities: Any,
        *,
        on_new: Literal["refuse", "add"] = "refuse",
        on_changed: Literal["refuse", "ignore"] = "refuse",
    ) -> None:
        if on_new not in ("refuse", "add"):
            raise StoreError(f"on_new={on_new!r}; it is 'refuse' or 'add'")
        if on_changed not in ("refuse", "ignore"):
            raise StoreError(f"on_changed={on_changed!r}; it is 'refuse' or 'ignore'")
        self._sessions = Sessions(source)
        self._names = Names(entities)
        self._on_new = on_new
        self._on_changed = on_changed
        #: The engine, if the store was opened from a URL.
        self.engine: sa.Engine | None = None

    def claims_type(self, cls: type, /) -> bool:
        """Every mapped class: what is none of the entities is refused, not pickled with its state."""
        return isinstance(sa.inspect(cls, raiseerr=False), orm.Mapper)

    def foresee(self, cls: type, /) -> Foresight | None:
        """The entity's name, and the attributes that are its primary key."""
        try:
            entity = self._names.entity_of(cls)
        except BrineryError:  # raised again where the key is asked for
            return None
        if entity is None:
            return None
        return Foresight(tuple(column.key for column in entity.columns), entity.name)

    def begin_dump(self, context: DumpContext, /) -> Dump:
        """A dump meets the first entity."""
        return EntityDump(self._names, self._sessions.open(context), self._on_new, self._on_changed)

    def begin_load(self, context: LoadContext, /) -> Load:
        """A load has found a reference to an entity."""
        loading = context.options.get("loading") or {}
        if not isinstance(loading, Mapping):
            raise StoreError(f"loading={loading!r}; it is a dict of classes to lists of loader options")
        return EntityLoad(self._names, self._sessions.open(context), loading)

    def close(self) -> None:
        """Close the connections, if the store was opened from a URL."""
        if self.engine is not None:
            self.engine.dispose()

    def before_fork(self) -> None:
        """As Forking."""

    def after_fork(self, in_child: bool) -> None:
        """A child has connections of its own; those of its parent stay open there."""
        if in_child and self.engine is not None:
            self.engine.dispose(close=False)


def open_store(url: str, **options: Any) -> SqlalchemyStore:
    """The store at `url`: ``sqlalchemy+`` and a URL of SQLAlchemy's; `options` are SqlalchemyStore's.

    They may also stand in the URL's query: ``sqlalchemy+sqlite:///shop.db?entities=shop.models:Base``.
    """
    readers: dict[str, Callable[[str], object]] = {
        "entities": import_dotted,
        "on_new": str,
        "on_changed": str,
    }
    rest = take_options(url, readers, options)
    if "entities" not in options:
        raise StoreError("which classes are mapped? Say entities=module:Base in the URL")
    engine = sa.create_engine(rest.partition("+")[2])
    store = SqlalchemyStore(engine, **options)
    store.engine = engine
    watch(store)
    return store
