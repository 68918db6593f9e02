"""What a stream refers to can be found again, or the dump is refused."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from brinery_sqlalchemy import SqlalchemyStore
from sql_models import Base, ByDecimal, ByTime, Customer
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
