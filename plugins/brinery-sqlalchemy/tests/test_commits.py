"""A message is sent when the transaction has committed that it was given in, and never otherwise."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
import sqlalchemy as sa
from brinery_sqlalchemy import SqlalchemyStore, on_commit
from sql_models import Base, Customer
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from brinery import Profile


def fail_within(block, session, function):
    """Leave `block` by an exception, with `function` waiting for a commit."""
    with suppress(ZeroDivisionError), block:
        on_commit(session, function)
        raise ZeroDivisionError


ENDINGS = ["rollback", "close", "reset", "invalidate"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_rolled_back_is_not_sent_by_the_next_commit(engine, ending):
    sent = []
    session = Session(engine)
    bound = Profile.plain().bind(shop=SqlalchemyStore(session, Base, on_new="add"))
    task = bound.dumps(Customer(name="A"))
    on_commit(session, lambda: sent.append(task))
    getattr(session, ending)()
    session.add(Customer(name="other"))
    session.commit()
    assert not sent
    on_commit(session, lambda: sent.append("own"))
    session.commit()
    assert sent == ["own"]
    session.close()


def test_a_block_that_is_left_by_an_exception_sends_nothing(sqlite):
    sent = []
    session = Session(sqlite)
    fail_within(session, session, lambda: sent.append(1))
    session.add(Customer(name="other"))
    session.commit()
    assert not sent
    fail_within(session.begin(), session, lambda: sent.append(1))
    with session.begin():
        on_commit(session, lambda: sent.append(2))
    assert sent == [2]
    session.close()


def test_a_scoped_session_that_is_removed_sends_nothing(sqlite):
    sent = []
    db = scoped_session(sessionmaker(sqlite))
    on_commit(db, lambda: sent.append(1))
    db.remove()
    db.add(Customer(name="other"))
    db.commit()
    assert not sent
    db.remove()


def test_savepoints(engine):
    sent = []
    with Session(engine) as session:
        with session.begin_nested():
            on_commit(session, lambda: sent.append("kept"))
            fail_within(session.begin_nested(), session, lambda: sent.append("undone"))
        assert not sent
        inner = session.begin_nested()
        with session.begin_nested():
            on_commit(session, lambda: sent.append("undone around"))
        inner.rollback()
        session.add(Customer(id=1, name="x"))
        session.flush()
        session.commit()
    assert sent == ["kept"]


def test_asynchronous_sessions_that_are_closed(sqlite):
    async def main():
        engine = create_async_engine(str(sqlite.url).replace("sqlite:", "sqlite+aiosqlite:"))
        sent = []
        session = AsyncSession(engine)
        on_commit(session, lambda: sent.append(1))
        session.add(Customer(name="one"))
        await session.flush()
        await session.close()
        session.add(Customer(name="other"))
        await session.commit()
        assert not sent
        on_commit(session, lambda: sent.append(2))
        await session.commit()
        await session.close()
        await engine.dispose()
        return sent

    assert asyncio.run(main()) == [2]


def test_what_raises_leaves_a_session_that_can_be_used(engine):
    sent = []
    with Session(engine) as session:
        session.add(Customer(id=1, name="kept"))
        on_commit(session, lambda: 1 / 0)
        on_commit(session, lambda: sent.append("behind it"))
        with pytest.raises(ZeroDivisionError):
            session.commit()
        session.rollback()
        session.add(Customer(id=2, name="later"))
        session.commit()
        assert session.get(Customer, 1).name == "kept"
    assert not sent
    with Session(engine) as session:
        block = session.begin()
        on_commit(session, lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError), block:
            session.add(Customer(id=3, name="in a block"))
        assert len(session.scalars(sa.select(Customer)).all()) == 3


def test_what_is_called_may_use_the_session(engine):
    sent = []
    with Session(engine) as session:

        def note():
            sent.append(session.get(Customer, 1).name)
            session.add(Customer(id=2, name="noted"))
            on_commit(session, lambda: sent.append("again"))
            session.commit()

        session.add(Customer(id=1, name="kept"))
        on_commit(session, note)
        session.commit()
        assert sent == ["kept", "again"]
        assert session.get(Customer, 2).name == "noted"
