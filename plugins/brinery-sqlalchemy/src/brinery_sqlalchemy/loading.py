"""One load: what the session has, and a SELECT for each class and batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.horizontal_shard import ShardedSession, set_shard_id
from sqlalchemy.orm.attributes import instance_state

from brinery.errors import ReadError, StoreError
from brinery.persistence import Load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from brinery.persistence import Key
    from brinery_sqlalchemy.names import Entity, Names
    from brinery_sqlalchemy.sessions import Opened

__all__ = ["BATCH", "EntityLoad", "batches", "bind_of", "keyed", "routed"]

#: How many keys one statement has. Each is a parameter of its own; on PostgreSQL all are one array.
BATCH = 1000


class EntityLoad(Load):
    """One load."""

    def __init__(self, names: Names, opened: Opened, loading: Mapping[type, Iterable[Any]]) -> None:
        self._names = names
        self._session, self._own = opened
        self._loading = loading

    def fetch(self, keys: list[Key], /) -> Mapping[Key, object]:
        """The entities; nothing that the session has is asked for, unless it is expired."""
        found: dict[Key, object] = {}
        groups: dict[tuple[Entity, Any], dict[tuple[Any, ...], Key]] = {}
        # Most keys are of the same class as the one before, and have one value, which is as it is.
        name: Any = None
        alike: dict[tuple[Any, ...], Key] = {}
        again: list[tuple[Key, Key]] = []
        for key in keys:
            if type(key) is tuple and len(key) == 2 and key[0] == name and type(key[1]) is not tuple:
                alike[key[1:]] = key
                continue
            if type(key) is not tuple or len(key) < 2:
                raise ReadError(
                    f"{key!r} is no key of an entity: that is its class's name and its primary key"
                )
            if key[0] is None:
                obj = self._names.schema_object(key)
                if obj is not None:
                    found[key] = obj
                continue
            entity = self._names.entity(key[0])  # type: ignore[arg-type]
            identity, token = entity.identity(key)
            of_entity = groups.setdefault((entity, token), {})
            other = of_entity.setdefault(identity, key)
            if other is not key:  # decimals of one value, for instance, written with more digits and fewer
                again.append((key, other))
            if entity.width == 1 and token is None:
                name, alike = key[0], of_entity
        with self._session.no_autoflush:  # a load writes nothing
            for (entity, token), wanted in groups.items():
                self._fetch(entity, token, wanted, found)
        found.update((key, found[other]) for key, other in again if other in found)
        return found

    def close(self) -> None:
        """What was loaded is detached, if the session was made for this load."""
        if self._own:
            self._session.close()

    def _fetch(
        self, entity: Entity, token: Any, wanted: dict[tuple[Any, ...], Key], found: dict[Key, object]
    ) -> None:
        session, mapper = self._session, entity.mapper
        known = session.identity_map
        if len(known):
            missing = []
            for identity, key in wanted.items():
                obj = known.get(mapper.identity_key_from_primary_key(identity, identity_token=token))
                if obj is None or instance_state(obj).expired:
                    missing.append(identity)
                else:
                    found[key] = obj
        else:
            missing = list(wanted)
        if not missing:
            return
        options = [
            option for cls, given in self._loading.items() if issubclass(entity.cls, cls) for option in given
        ]
        bind = bind_of(session, mapper, token)
        for batch in batches(missing):
            statement: Any = sa.select(entity.cls).where(keyed(entity, batch, bind)).options(*options)
            for obj in session.execute(routed(session, statement, token)).unique().scalars():
                key = wanted.get(instance_state(obj).key[1])  # type: ignore[index]
                if key is not None:
                    found[key] = obj


def batches(identities: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """What one statement asks for."""
    for start in range(0, len(identities), BATCH):
        yield identities[start : start + BATCH]


def bind_of(
    session: orm.Session, mapper: orm.Mapper[Any], token: Any = None
) -> sa.Engine | sa.Connection | None:
    """Where a session has a class's rows; None where that is not told by the class.

    Raises StoreError for an asynchronous engine that nobody awaits.
    """
    if isinstance(session, ShardedSession):
        return None if token is None else session.get_bind(mapper, shard_id=token)
    bind = session.get_bind(mapper)
    if bind.dialect.is_async and not _is_awaited():
        raise StoreError(
            "an AsyncSession can only be asked from within its run_sync:"
            " await session.run_sync(lambda s: bound.loads(data, session=s)), and dumps likewise"
        )
    return bind


def _is_awaited() -> bool:
    import greenlet  # which is there where an asynchronous engine is

    # run_sync runs its function in a greenlet, below that of the event loop.
    return greenlet.getcurrent().parent is not None


def routed(session: orm.Session, statement: Any, token: Any) -> Any:
    """`statement`, so that it goes where an identity token says."""
    if token is None:
        return statement
    if isinstance(session, ShardedSession):
        return statement.options(set_shard_id(token))
    return statement.execution_options(identity_token=token)


def keyed(
    entity: Entity, batch: Sequence[tuple[Any, ...]], bind: sa.Engine | sa.Connection | None
) -> sa.ColumnElement[bool]:
    """The condition that the primary key is one of a batch."""
    columns = entity.columns
    arrays = bind is not None and bind.dialect.name == "postgresql"
    if len(columns) == 1:
        values = [identity[0] for identity in batch]
        if arrays:
            return columns[0] == sa.any_(_array(columns[0], values))  # type: ignore[no-any-return]
        return columns[0].in_(_list(values))  # type: ignore[no-any-return]
    if arrays and not any(None in identity for identity in batch):
        lists = [
            _array(column, values) for column, values in zip(columns, zip(*batch, strict=True), strict=True)
        ]
        names = [f"k{number}" for number in range(len(columns))]
        rows = sa.func.unnest(*lists).table_valued(*names).render_derived()
        return sa.tuple_(*columns).in_(sa.select(*rows.c))
    return sa.tuple_(*columns).in_(_list(list(batch)))


def _list(values: list[Any]) -> sa.BindParameter[Any]:
    # What in_() makes of a list, once it has looked at each value; it is none that could be an expression.
    return sa.bindparam(None, values, expanding=True, unique=True)


def _array(column: Any, values: Sequence[Any]) -> sa.ColumnElement[Any]:
    return sa.literal(list(values), postgresql.ARRAY(column.type))
