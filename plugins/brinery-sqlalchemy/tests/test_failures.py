"""Servers that are really killed, connections that are really cut, amid dumps, loads and commits."""

from __future__ import annotations

import io
import threading
import time

import pytest
import sql_servers
import sqlalchemy as sa
from brinery_sqlalchemy import SqlalchemyStore
from sql_models import Base, Customer, Order, new
from sqlalchemy.orm import Session

from brinery import Profile
from brinery.errors import CommitUncertain, NotCommitted, NotStored, StoreFault
from brinery.testing import CuttingProxy


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request):
    """A server of the tests' own."""
    made = sql_servers.Throwaway(request.param)
    engine = sa.create_engine(made.url)
    Base.metadata.create_all(engine)
    engine.dispose()
    yield made
    made.close()


@pytest.fixture
def open_engine(server):
    opened = []

    def make(port=None):
        url = sa.make_url(server.url)
        opened.append(sa.create_engine(url.set(port=port or url.port)))
        return opened[-1]

    sql_servers.make_tables(make())
    yield make
    for engine in opened:
        engine.dispose()


def bind(source, missing="raise"):
    return Profile.plain().bind(shop=SqlalchemyStore(source, Base, on_new="add"), missing=missing)


def is_commit(data):
    return b"COMMIT" in data and b"AUTOCOMMIT" not in data


def count(engine):
    with Session(engine) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Customer))


def test_a_server_that_is_killed_loses_nothing_acknowledged(server, open_engine):
    acknowledged, said = [], []

    def work(base):
        engine = open_engine()
        bound = bind(engine)
        try:
            for number in range(base, base + 10_000, 2):
                acknowledged.append((number, bound.dumps([new(number), new(number + 1)])))
                bound.loads(acknowledged[-1][1])
        except Exception as error:
            said.append(error)

    threads = [threading.Thread(target=work, args=(base * 10_000,)) for base in range(8)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 40:
        time.sleep(0.01)
    server.kill()
    for thread in threads:
        thread.join()
    server.start()
    assert len(said) == 8
    assert {type(error) for error in said} <= {StoreFault, NotCommitted, CommitUncertain}
    bound = bind(open_engine())
    for number, data in acknowledged:
        assert [one.name for one in bound.loads(data)] == [f"customer {number}", f"customer {number + 1}"]


def test_a_server_that_is_stopped_is_a_fault_and_no_miss(server, open_engine):
    engine = open_engine()
    bound = bind(engine, missing="none")
    data = bound.dumps([new(1)])
    server.kill()
    with pytest.raises(StoreFault, match="the store 'shop' failed in fetch") as failed:
        bound.loads(data)
    assert isinstance(failed.value.__cause__, sa.exc.OperationalError)
    file = io.BytesIO()
    with pytest.raises(StoreFault, match="failed in prepare"):
        bound.dump([new(2)], file)
    assert not file.getvalue().endswith(b".")
    server.start()
    assert bound.loads(data)[0].name == "customer 1"
    bound.dumps([new(2)])
    assert count(engine) == 2


@pytest.mark.parametrize("arrives", [False, True])
def test_a_connection_that_is_cut_in_the_middle_of_the_commit(server, open_engine, arrives):
    with CuttingProxy("127.0.0.1", server.port) as proxy:
        bound = bind(open_engine(proxy.port))
        file = io.BytesIO()
        with (
            proxy.cut_at(is_commit, arrives=arrives),
            pytest.raises(CommitUncertain) as said,
        ):
            bound.dump([new(1), new(2)], file)
        assert said.value.unknown == ("shop",)
        assert "not known" in str(said.value)
        assert not file.getvalue().endswith(b".")
        assert count(open_engine()) == (2 if arrives else 0)
        data = bound.dumps([new(1), new(2)])  # again: what is there is referred to
        assert [one.name for one in bound.loads(data)] == ["customer 1", "customer 2"]
        assert count(open_engine()) == 2


@pytest.mark.parametrize("arrives", [False, True])
def test_a_connection_that_is_cut_before_the_commit(server, open_engine, arrives):
    with CuttingProxy("127.0.0.1", server.port) as proxy:
        bound = bind(open_engine(proxy.port))
        with (
            proxy.cut_at(lambda data: b"INSERT INTO" in data, arrives=arrives),
            pytest.raises(StoreFault, match="failed in prepare"),
        ):
            bound.dumps([new(1)])
        assert count(open_engine()) == 0
        bound.dumps([new(1)])


def test_a_connection_that_is_cut_while_loading(server, open_engine):
    with CuttingProxy("127.0.0.1", server.port) as proxy:
        bound = bind(open_engine(proxy.port), missing="none")
        data = bound.dumps([new(1)])
        with (
            proxy.cut_at(lambda data: b"SELECT bri_customer" in data, arrives=True),
            pytest.raises(StoreFault, match="failed in fetch"),
        ):
            bound.loads(data)
        assert bound.loads(data)[0].name == "customer 1"


def test_in_a_caller_s_transaction_nothing_is_uncertain(server, open_engine):
    """What has not committed with the caller is not there, for certain."""
    with CuttingProxy("127.0.0.1", server.port) as proxy, Session(open_engine(proxy.port)) as session:
        bound = bind(session)
        with (
            proxy.cut_at(lambda data: b"RELEASE SAVEPOINT" in data, arrives=True),
            pytest.raises(NotCommitted, match="savepoint"),
        ):
            bound.dumps([new(1)])
        session.rollback()
        assert count(open_engine()) == 0
        data = bound.dumps([new(1)])
        session.commit()
        assert bind(open_engine()).loads(data)[0].name == "customer 1"


def test_what_is_refused_at_the_commit_itself(server, open_engine):
    """A constraint that PostgreSQL looks at when it commits."""
    if server.database != "postgresql":
        pytest.skip("MariaDB has no deferred constraints")
    engine = open_engine()
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE bri_order DROP CONSTRAINT bri_order_customer_id_fkey"))
        connection.execute(
            sa.text(
                "ALTER TABLE bri_order ADD CONSTRAINT bri_order_customer_id_fkey FOREIGN KEY (customer_id)"
                " REFERENCES bri_customer (id) DEFERRABLE INITIALLY DEFERRED"
            )
        )
    with pytest.raises((NotCommitted, NotStored), match="foreign key"):
        bind(engine).dumps([Order(id=1, customer_id=99)])
    with Session(engine) as session:
        assert not session.scalars(sa.select(Order)).all()
