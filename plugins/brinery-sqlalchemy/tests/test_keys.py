"""What a stream refers to can be found again, or the dump is refused."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from brinery_sqlalchemy import SqlalchemyStore
from sql_models import (
    Base,
    ByBinary,
    ByDecimal,
    ByFixed,
    ByFloat,
    ByShort,
    BySmall,
    ByText,
    ByTime,
    Customer,
)
from sqlalchemy.orm import Session, sessionmaker

from brinery import Profile
from brinery.errors import NotStored


def bind(source, **options):
    return Profile.plain().bind(shop=SqlalchemyStore(source, Base, **options))


def test_a_key_that_the_database_rounds_is_refused(engine):
    bound = bind(sessionmaker(engine), on_new="add")
    with pytest.raises(NotStored, match="keeps 2 digits behind the point"):
        bound.dumps([ByDecimal(key=Decimal("2.505"))])
    assert bound.loads(bound.dumps(ByDecimal(key=Decimal("2.5")))).key == Decimal("2.5")
    with Session(engine) as session:
        assert session.scalars(sa.select(ByDecimal.key)).all() == [Decimal("2.50")]


def test_a_time_that_is_cut_is_refused_and_nothing_is_stored(engine):
    exact = datetime(2024, 2, 28, 12, 30, 15, 123456)
    cuts = engine.dialect.name == "mariadb"
    for source in ("own", "caller"):
        with Session(engine) as session:
            bound = bind(sessionmaker(engine) if source == "own" else session, on_new="add")
            obj = ByTime(key=exact if source == "own" else exact.replace(year=2023))
            if cuts:
                with pytest.raises(NotStored, match="is kept under another primary key"):
                    bound.dumps([obj])
            else:
                assert bound.loads(bound.dumps([obj]))[0].key == obj.key
            session.commit()
    with Session(engine) as session:
        assert len(session.scalars(sa.select(ByTime.key)).all()) == (0 if cuts else 2)


def test_a_primary_key_that_is_changed_and_not_flushed(engine):
    with Session(engine) as session:
        session.add(Customer(id=1, name="one"))
        session.commit()
        bound = bind(session)
        one = session.get(Customer, 1)
        one.id = 7
        with pytest.raises(NotStored, match=r"has the primary key \(7,\) now, .*session\.flush\(\) first"):
            bound.dumps([one])
        session.flush()
        data = bound.dumps([one])
        session.commit()
    with Session(engine) as session:
        assert bind(session).loads(data)[0].id == 7


CHANGING = [
    (ByFixed, ["ab", "ab ", "abcdef"]),
    (ByFloat, [0.1, 1 / 3, 0.5]),
    (ByBinary, [b"ab", b"abcdef"]),
    (BySmall, [7, 70_000]),
    (ByShort, ["abcd", "abcdef", "d "]),
    (ByText, ["a ", "Ä", "e\u0301"]),
]


@pytest.mark.parametrize("who", ["the dump", "the caller"])
def test_a_reference_has_the_key_that_the_database_has_or_is_refused(engine, who):
    """Also where MariaDB is told to cut what is too long, and says nothing."""
    if engine.dialect.name == "mariadb":

        @sa.event.listens_for(engine, "connect")
        def lax(connection, _):
            with connection.cursor() as cursor:
                cursor.execute("SET sql_mode = ''")

        engine.dispose()
    refused = 0
    for cls, keys in CHANGING:
        for key in keys:
            with Session(engine) as session:
                obj = cls(key=key)
                if who == "the caller":
                    session.add(obj)
                    try:
                        session.flush()
                    except sa.exc.DataError:
                        continue
                try:
                    data = bind(session, on_new="add").dumps([obj])
                except NotStored:
                    refused += 1
                    session.rollback()
                    continue
                session.commit()
            (loaded,) = bind(sessionmaker(engine)).loads(data)
            assert (loaded.key, type(loaded.key)) == (key, type(key))
            with Session(engine) as session:
                session.execute(sa.delete(cls))
                session.commit()
    assert bool(refused) == (engine.dialect.name != "sqlite")


def test_one_row_under_two_spellings_of_its_key_is_one_object(engine):
    with Session(engine, expire_on_commit=False) as session:
        mine = ByDecimal(key=Decimal("2.5"))
        session.add(mine)
        session.commit()
    with Session(engine) as session:
        theirs = session.scalars(sa.select(ByDecimal)).one()
        assert str(theirs.key) == "2.50"
        session.expunge(theirs)
    bound = bind(sessionmaker(engine))
    data = bound.dumps([mine, theirs])
    first, second = bound.loads(data)
    assert first is second


def test_keys_that_a_collation_takes_for_one_are_refused_there(engine):
    bound = bind(sessionmaker(engine), on_new="add")
    pairs = [("a", "ä"), ("b", "B"), ("c", "c ")]
    for one, other in pairs:
        first = bound.dumps([ByText(key=one)])
        if engine.dialect.name == "mariadb":
            for objects in ([ByText(key=other)], [ByText(key=f"x{one}"), ByText(key=f"x{other}")]):
                with pytest.raises(NotStored, match="Duplicate entry"):
                    bound.dumps(objects)
        else:
            second = bound.loads(bound.dumps([ByText(key=other)]))[0]
            assert second.key == other
        assert bound.loads(first)[0].key == one
