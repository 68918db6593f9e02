"""One dump: which key an entity has, and what becomes of one that has none yet."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.horizontal_shard import ShardedSession
from sqlalchemy.orm.attributes import instance_state

from brinery.errors import NotCommitted, NotStored
from brinery.persistence import PENDING, Dump
from brinery_sqlalchemy.loading import batches, bind_of, keyed, routed
from brinery_sqlalchemy.names import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brinery.persistence import Key, Pending
    from brinery_sqlalchemy.names import Entity, Names
    from brinery_sqlalchemy.sessions import Opened

__all__ = ["EntityDump"]

_COLLECTIONS = (
    orm.collections.InstrumentedList,
    orm.collections.InstrumentedSet,
    orm.collections.InstrumentedDict,
)


class EntityDump(Dump):
    """One dump."""

    def __init__(self, names: Names, opened: Opened, on_new: str, on_changed: str) -> None:
        self._names = names
        self._session, self._own = opened
        self._on_new = on_new
        self._on_changed = on_changed
        self._entities: dict[type, Entity | None] = {}
        self._sessions: dict[tuple[orm.Session, Entity], str | None] = {}
        self._deleted: dict[orm.Session, set[int]] = {}
        # What has no row yet: with a key of the client's, and without.
        self._keyed: dict[tuple[type, tuple[Any, ...]], tuple[Entity, Any]] = {}
        self._unkeyed: list[Any] = []
        # What has a row, whose key the database may have changed when it was flushed.
        self._to_check: list[Any] = []
        self._written = False
        self._savepoint: orm.SessionTransaction | None = None

    def key_of(self, obj: Any, /) -> Key | Pending:
        """The primary key, out of what the session knows: nothing is queried."""
        cls = type(obj)
        try:
            entity = self._entities[cls]
        except KeyError:
            entity = self._entities[cls] = self._names.entity_of(cls)
        if entity is None:
            return self._other(obj)
        state = instance_state(obj)
        if state.key is None:
            return self._new(obj, state, entity)
        self._check(obj, state, entity)
        identity = state.key[1]
        if entity.may_change(identity):
            self._to_check.append(obj)
        return entity.key(identity, state.key[2])

    def _other(self, obj: Any) -> Key:
        cls = type(obj)
        if isinstance(obj, SCHEMA):
            return self._names.schema_key(obj)
        if isinstance(obj, _COLLECTIONS):
            plain = next(base for base in cls.__mro__ if base in (list, set, dict)).__name__
            raise NotStored(
                f"a collection of a mapped object ({cls.__qualname__}) knows its owner and would take"
                f" SQLAlchemy's state along. Pickle the owner, or a copy: {plain}(obj.attribute)"
            )
        raise NotStored(
            f"{cls.__qualname__} is mapped, and is none of this store's entities; pickled whole it would take"
            " SQLAlchemy's state along. Name its Base: entities=[Base, OtherBase]"
        )

    # what has a row

    def _check(self, obj: Any, state: orm.InstanceState[Any], entity: Entity) -> None:
        session = state.session
        if session is None:
            if state.was_deleted:
                raise self._refuse(obj, "was deleted")
            if state.modified:
                self._check_changes(obj, state, "is detached", "session.merge(obj); session.flush()")
            return
        gone = self._deleted.get(session)
        if gone is None:
            gone = self._deleted[session] = {id(found) for found in session.deleted}
        if state.deleted or id(obj) in gone:
            raise self._refuse(obj, "is deleted in its session")
        if session is self._session:
            # What was changed goes along when the caller commits; but for the key, which the stream has.
            if state.modified and not entity.key_attributes.isdisjoint(state.committed_state):
                now = tuple(entity.mapper.primary_key_from_instance(obj))
                if now != state.identity:
                    raise self._refuse(
                        obj, f"has the primary key {now} now, which is not flushed: session.flush() first"
                    )
            return
        elsewhere = self._sessions.get((session, entity), "")
        if elsewhere == "":
            elsewhere = self._sessions[session, entity] = self._elsewhere(session, entity)
        if elsewhere is not None:
            raise self._refuse(obj, elsewhere)
        if state.modified:
            self._check_changes(obj, state, "is in another session than this dump's", "session.flush()")

    def _elsewhere(self, session: orm.Session, entity: Entity) -> str | None:
        try:
            binds = [bind_of(found, entity.mapper) for found in (session, self._session)]
        except sa.exc.UnboundExecutionError:
            return None
        if binds[0] is None or binds[1] is None:
            return None
        theirs, ours = binds[0].engine, binds[1].engine
        # Another engine for the same place is the same database.
        if theirs is ours or (theirs.url == ours.url and theirs.url.database not in (None, "", ":memory:")):
            return None
        return f"is in a session on {theirs.url!r}, and this store on {ours.url!r}"

    def _check_changes(self, obj: Any, state: orm.InstanceState[Any], where: str, line: str) -> None:
        if self._on_changed == "ignore":
            return
        changed = [attribute.key for attribute in state.attrs if attribute.history.has_changes()]
        if changed:
            raise self._refuse(
                obj,
                f"{where}, and has changes that are not in the database: {', '.join(changed)}. Write them"
                f" first ({line}), or let the stream refer to the row as it is: on_changed='ignore'",
            )

    def _refuse(self, obj: Any, why: str) -> NotStored:
        key = instance_state(obj).identity
        return NotStored(f"the {type(obj).__qualname__} {'' if key is None else f'{key} '}{why}")

    # what has none

    def _new(self, obj: Any, state: orm.InstanceState[Any], entity: Entity) -> Key | Pending:
        pending = state.session is not None
        if pending and state.session is not self._session:
            raise self._refuse(
                obj,
                "is pending in another session than this dump's: session.flush() there first, or use that"
                " session: bound.dumps(obj, session=session)",
            )
        if self._on_new == "refuse":
            line = "session.flush()" if pending else "session.add(obj); session.flush()"
            raise self._refuse(
                obj,
                f"has no row yet: {line} first, or open the store with on_new='add', which does so for all",
            )
        if self._session._flushing:
            raise self._refuse(
                obj,
                "has no row yet, and the session is just being flushed: add and flush it before what refers"
                " to it",
            )
        if self._written:
            raise self._refuse(obj, "is new, and was met when all that is new had been written")
        identity = tuple(entity.mapper.primary_key_from_instance(obj))
        if any(value is None for value in identity) or isinstance(self._session, ShardedSession):
            self._unkeyed.append(obj)
            return PENDING
        key = entity.key(identity, None)
        place = entity.mapper.base_mapper.class_, identity
        known = self._keyed.setdefault(place, (entity, obj))[1]
        if known is not obj and not _alike(entity, known, _values(entity, obj)):
            raise self._refuse(obj, f"and another object of this dump both have the key {key!r}, and differ")
        return key

    def assign(self, objects: Sequence[Any], /) -> Sequence[Key]:
        """All that is new is flushed together."""
        self._write()
        keys = []
        for obj in objects:
            state, entity = instance_state(obj), self._names.entity_of(type(obj))
            assert entity is not None
            assert state.key is not None
            keys.append(entity.key(state.key[1], state.key[2]))
        return keys

    def prepare(self) -> None:
        """All that is new is flushed, if it was not to be done before."""
        if self._keyed and not self._written:
            self._write()
        self._check_keys(self._to_check)

    def commit(self) -> None:
        """A session of our own commits; in the caller's, the savepoint is released."""
        if self._savepoint is not None:
            savepoint, self._savepoint = self._savepoint, None
            try:
                savepoint.commit()
            except Exception as failed:  # the transaction around it has not committed
                raise NotCommitted(f"the savepoint cannot be released: {failed}") from failed
        elif self._own:
            try:
                self._session.commit()
            except sa.exc.DBAPIError as failed:
                if failed.connection_invalidated:
                    raise  # it may have been lost behind the commit
                raise NotCommitted(f"the database refused to commit: {failed.orig}") from failed
            finally:
                with suppress(Exception):
                    self._session.close()

    def rollback(self) -> None:
        """A session of our own is closed; the caller's is as it was."""
        savepoint, self._savepoint = self._savepoint, None
        # A connection that is dead has rolled back already.
        with suppress(Exception):
            if self._own:
                self._session.close()
            elif savepoint is not None:
                savepoint.rollback()

    def _write(self) -> None:
        self._written = True
        try:
            new = [*self._not_there_yet(), *self._unkeyed]
            self._flush(new)
            self._check_keys(new)
        except (sa.exc.IntegrityError, sa.exc.DataError) as refused:
            raise NotStored(f"the database refuses what is new: {refused.orig}") from refused
        except sa.exc.InvalidRequestError as refused:
            raise NotStored(
                f"what is new cannot be added to the session of this dump: {refused}"
            ) from refused

    def _flush(self, new: list[Any]) -> None:
        if not new:
            return
        session = self._session
        # (Where an asynchronous one is not awaited, this says so.)
        binds = {bind_of(session, mapper) for mapper in {instance_state(obj).mapper for obj in new}}
        if not self._own:
            for bind in binds:
                if bind is not None and bind.dialect.name == "sqlite":
                    _begin(session.connection(bind_arguments={"bind": bind}))
            self._savepoint = session.begin_nested()
        session.add_all(new)
        session.flush()

    def _check_keys(self, objects: list[Any]) -> None:
        """A database that rounds keeps another key than it was given, under which nothing would be found."""
        groups: dict[tuple[orm.Session, Entity, Any], dict[tuple[Any, ...], Any]] = {}
        for obj in objects:
            state, entity = instance_state(obj), self._names.entity_of(type(obj))
            assert entity is not None
            _, identity, token = state.key  # type: ignore[misc]
            if entity.may_change(identity):
                # Another session may have flushed it and not committed.
                session = state.session or self._session
                groups.setdefault((session, entity, token), {})[tuple(identity)] = obj
        for (session, entity, token), wanted in groups.items():
            bind = bind_of(session, entity.mapper, token)
            for batch in batches(list(wanted)):
                statement = sa.select(*entity.columns).where(keyed(entity, batch, bind))
                with session.no_autoflush:
                    found = {tuple(row) for row in session.execute(routed(session, statement, token))}
                for identity in batch:
                    if identity not in found:
                        raise self._refuse(
                            wanted[identity],
                            "is kept under another primary key, as its column rounds, cuts or pads what it"
                            " is given, or was deleted: nothing would be found under this one. Give it one"
                            " that the column can hold, or load it anew, session.expire_all()",
                        )

    def _not_there_yet(self) -> list[Any]:
        """What has no row, of all that is new and has a key; what has another one there is refused."""
        groups: dict[Entity, dict[tuple[Any, ...], Any]] = {}
        new = []
        for (_, identity), (entity, obj) in self._keyed.items():
            if instance_state(obj).session is None:
                groups.setdefault(entity, {})[identity] = obj
            new.append(obj)
        there: set[int] = set()
        with self._session.no_autoflush:
            for entity, wanted in groups.items():
                bind = bind_of(self._session, entity.mapper)
                for batch in batches(list(wanted)):
                    rows = self._session.execute(
                        sa.select(*entity.columns, *_attributes(entity)).where(keyed(entity, batch, bind))
                    )
                    for row in rows:
                        identity = tuple(row[: entity.width])
                        obj = wanted.get(identity)
                        if obj is None:  # equal to the database only: it will refuse the new one
                            continue
                        values = dict(zip(_keys(entity), row[entity.width :], strict=True))
                        if not _alike(entity, obj, values):
                            raise self._refuse(
                                obj,
                                f"that is new has the key {entity.key(identity, None)!r}, and another row"
                                " is there: load that one, or session.merge(obj)",
                            )
                        there.add(id(obj))
        return [obj for obj in new if id(obj) not in there]


def _begin(connection: sa.Connection) -> None:
    # The driver begins a transaction with the first INSERT; a savepoint without one would commit by itself.
    if not getattr(connection.connection.driver_connection, "in_transaction", True):
        connection.exec_driver_sql("BEGIN")


def _keys(entity: Entity) -> list[str]:
    return [attribute.key for attribute in entity.mapper.column_attrs]


def _attributes(entity: Entity) -> list[Any]:
    return [getattr(entity.cls, key) for key in _keys(entity)]


def _values(entity: Entity, obj: Any) -> dict[str, Any]:
    known = instance_state(obj).dict
    return {key: known[key] for key in _keys(entity) if key in known}


def _alike(entity: Entity, obj: Any, values: dict[str, Any]) -> bool:
    """Whether all that `obj` says of its columns is so. What it does not say is the database's to fill in."""
    ours = _values(entity, obj)
    columns = entity.mapper.columns
    return all(
        columns[key].type.compare_values(value, values.get(key))
        for key, value in ours.items()
        if key in values
    )
