"""What a store may be bound to: sessions of the caller's, of its own, several of them, asynchronous ones."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from brinery_sqlalchemy import SqlalchemyStore, on_commit
from sql_models import Base, Customer, Order, new
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.ext.horizontal_shard import ShardedSession
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from brinery import Profile
from brinery.errors import NotStored, StoreError


def store(source, **options):
    return SqlalchemyStore(source, Base, **options)


def bind(source, **options):
    return Profile.plain().bind(shop=store(source, **options))


def with_options(engine):
    """A URL of the store, with its options."""
    url = engine.url.update_query_dict({"entities": "sql_models:Base", "on_new": "add"})
    return f"sqlalchemy+{url.render_as_string(hide_password=False)}"


def fill(engine, count=5):
    with Session(engine) as session:
        session.add_all([new(number) for number in range(count)])
        session.commit()


def test_a_sessionmaker_gives_each_call_a_session_of_its_own(engine):
    bound = bind(sessionmaker(engine), on_new="add")
    customer = new(1)
    data = bound.dumps([customer])
    for obj in (customer, *bound.loads(data)):
        assert sa.inspect(obj).detached
        assert obj.name == "customer 1"  # and not expired
    assert engine.pool.status() if engine.dialect.name == "sqlite" else engine.pool.checkedout() == 0


def test_a_session_for_one_call(engine):
    fill(engine)
    bound = bind(engine)
    with Session(engine) as session:
        customer = session.get(Customer, 1)
        data = bound.dumps([customer], session=session)
        assert bound.loads(data, session=session) == [customer]
        assert bound.using(session=session).loads(data)[0] is customer
        assert bound.loads(data)[0] is not customer
        with pytest.raises(StoreError, match="is no session"):
            bound.loads(data, session="x")


def test_what_a_caller_s_session_stores_is_there_when_it_commits(engine):
    with Session(engine) as session:
        bound = bind(session, on_new="add")
        for commits in (False, True):
            order = Order(note="one")
            data = bound.dumps([order])
            assert bound.loads(data)[0] is order
            with Session(engine) as other:
                if engine.dialect.name != "sqlite":  # where a writer keeps readers waiting
                    assert not other.scalars(sa.select(Order)).all()
            (session.commit if commits else session.rollback)()
    with Session(engine) as session:
        assert len(session.scalars(sa.select(Order)).all()) == 1
        assert bind(session).loads(data)[0].note == "one"


def test_a_failed_dump_in_a_caller_s_transaction_undoes_only_itself(engine):
    with Session(engine) as session:
        bound = bind(session, on_new="add")
        session.add(Order(note="the caller's"))
        with pytest.raises(NotStored):
            bound.dumps([Order(note="ours"), Customer(id=8)])
        bound.dumps([Order(note="second try")])
        session.commit()
        assert {order.note for order in session.scalars(sa.select(Order))} == {"the caller's", "second try"}


def test_a_message_is_sent_when_the_session_has_committed(engine):
    sent = []
    with Session(engine) as session:
        bound = bind(session, on_new="add")

        def work(note):
            data = bound.dumps(Order(note=note))
            on_commit(session, lambda: sent.append(data))

        work("rolled back")
        session.rollback()
        work("kept")
        with session.begin_nested():
            work("in a savepoint")
        savepoint = session.begin_nested()
        work("undone")
        savepoint.rollback()
        assert not sent
        session.commit()
        assert len(sent) == 2
        session.add(Order(note="nobody is told"))
        session.commit()
        assert len(sent) == 2
    assert [bind(engine).loads(data).note for data in sent] == ["kept", "in a savepoint"]


def test_scoped_sessions_of_a_web_framework_in_threads(engine):
    """As Flask-SQLAlchemy has them: one session for each thread, removed behind each request."""
    fill(engine, 20)
    db = scoped_session(sessionmaker(engine))
    bound = bind(db, on_new="add")
    cache = {}

    def request(number):
        try:
            customer = db.get(Customer, number % 20 + 1)
            cache[number] = bound.dumps({"customer": customer, "new": Order(note=f"order {number}")})
            seen = bound.loads(cache[number])
            assert seen["customer"] is customer
            assert seen["new"] in db
            other = cache.get(number - 8)
            if other is not None:
                found = bound.loads(other)
                assert found["customer"] in db
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.remove()

    with ThreadPoolExecutor(4 if engine.dialect.name != "sqlite" else 1) as pool:
        for batch in range(0, 64, 8):  # what another request stored, once that one has committed
            list(pool.map(request, range(batch, batch + 8)))
    orders = [bind(engine).loads(cache[number])["new"] for number in range(64)]
    assert [order.note for order in orders] == [f"order {number}" for number in range(64)]


def test_threads_with_a_sessionmaker(engine):
    bound = bind(sessionmaker(engine), on_new="add")
    wrong = []

    def work(base):
        try:
            for turn in range(5):
                customers = [new(base + turn * 10 + number) for number in range(10)]
                loaded = bound.loads(bound.dumps(customers))
                assert [one.name for one in loaded] == [one.name for one in customers]
        except BaseException as failure:
            wrong.append(failure)

    threads = [threading.Thread(target=work, args=(base * 100,)) for base in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_several_databases_in_one_stream(sqlite, tmp_path):
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    Base.metadata.create_all(other)
    fill(sqlite)
    with Session(other) as session:
        session.add(Customer(id=1, name="of the other"))
        session.commit()
    with Session(sqlite) as here, Session(other) as there:
        bound = Profile.plain().bind(here=store(here), there=store(there))
        graph = [here.get(Customer, 1), there.get(Customer, 1)]
        data = bound.dumps(graph)
        assert bound.loads(data) == graph
        by_name = Profile.plain().bind(here=store(sqlite), there=store(other))
        assert by_name.loads(data, session={"here": here, "there": there}) == graph
        assert [customer.name for customer in by_name.loads(data)] == ["customer 0", "of the other"]
        with pytest.raises(NotStored, match=r"is in a session on .*other.db.*, and this store on"):
            bind(here).dumps(graph)
    other.dispose()


def test_a_session_for_a_store_that_is_not_bound_is_refused(sqlite):
    fill(sqlite)
    bound = bind(sqlite, on_new="add")
    with Session(sqlite) as session:
        for call in (
            lambda: bound.dumps(Order(note="x"), session={"shopp": session}),
            lambda: bound.loads(bound.dumps(session.get(Customer, 1)), session={"shopp": session}),
        ):
            with pytest.raises(StoreError, match=r"the store 'shopp', and no store .* there are: 'shop'"):
                call()
        assert not session.scalars(sa.select(Order)).all()


def test_loader_options_that_are_no_dict_are_the_caller_s_mistake(sqlite):
    fill(sqlite)
    bound = bind(sqlite)
    with Session(sqlite) as session:
        data = bound.dumps(session.get(Customer, 1), session=session)
    with pytest.raises(StoreError, match="it is a dict of classes to lists") as said:
        bound.loads(data, loading=[sa.orm.defer(Customer.name)])
    assert type(said.value) is StoreError


def test_it_works_without_greenlet(tmp_path):
    """SQLAlchemy 2.1 does not require it, and its asyncio cannot be imported without."""
    program = """
import sys
sys.modules["greenlet"] = None
import sqlalchemy as sa
from sql_models import Base, Customer
from brinery import Profile
from brinery_sqlalchemy import SqlalchemyStore
engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
Base.metadata.create_all(engine)
bound = Profile.plain().bind(shop=SqlalchemyStore(engine, Base, on_new="add"))
assert bound.loads(bound.dumps(Customer(name="A"))).name == "A"
assert "sqlalchemy.ext.asyncio" not in sys.modules
"""
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def test_an_async_sessionmaker_that_is_not_awaited_says_run_sync(sqlite):
    async def main():
        engine = create_async_engine(str(sqlite.url).replace("sqlite:", "sqlite+aiosqlite:"))
        bound = bind(async_sessionmaker(engine), on_new="add")
        for new_one in (Order(note="no key yet"), Customer(id=1, name="with one")):
            with pytest.raises(StoreError, match=r"await session\.run_sync"):
                bound.dumps(new_one)
        async with AsyncSession(engine) as session:
            data = await session.run_sync(lambda _: bound.dumps(Order(note="kept")))
        await engine.dispose()
        return data

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = asyncio.run(main())
        gc.collect()
    assert bind(sqlite).loads(data).note == "kept"


def test_one_session_with_several_databases(sqlite, tmp_path):
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    Base.metadata.create_all(other)
    with Session(binds={Customer: sqlite, Order: other}) as session:
        bound = bind(session, on_new="add")
        data = bound.dumps([new(1), Order(id=1, note="elsewhere")])
        session.commit()
        session.expunge_all()
        customer, order = bound.loads(data)
        assert (customer.name, order.note) == ("customer 1", "elsewhere")
    with Session(other) as session:
        assert not session.scalars(sa.select(Customer)).all()
    other.dispose()


def test_shards_by_their_identity_tokens(sqlite, tmp_path):
    shards = {"asia": sqlite, "europe": sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")}
    for name, engine in shards.items():
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(Customer(id=1, name=name))
            session.commit()

    def open_session():
        return ShardedSession(
            shards=shards,
            shard_chooser=lambda mapper, obj, clause=None: obj.city,
            identity_chooser=lambda mapper, key, **options: list(shards),
            execute_chooser=lambda state: list(shards),
        )

    with open_session() as session:
        customers = sorted(session.scalars(sa.select(Customer)), key=lambda customer: customer.name)
        bound = bind(session)
        data = bound.dumps(customers)
        assert bound.loads(data) == customers
    with open_session() as session:
        loaded = bind(session).loads(data)
        assert [customer.name for customer in loaded] == ["asia", "europe"]
        assert [sa.inspect(customer).identity_token for customer in loaded] == ["asia", "europe"]
        bound = bind(session, on_new="add")
        data = bound.dumps([Customer(id=9, name="new", city="europe")])
        session.commit()
    with open_session() as session:
        assert bind(session).loads(data)[0].name == "new"
    shards["europe"].dispose()


def test_asynchronous_sessions(sqlite):
    """Through run_sync; without it the error says so."""
    fill(sqlite)

    async def main():
        engine = create_async_engine(str(sqlite.url).replace("sqlite:", "sqlite+aiosqlite:"))
        async with AsyncSession(engine) as session:
            bound = bind(session, on_new="add")
            customer = await session.get(Customer, 1)
            data = await session.run_sync(lambda _: bound.dumps([customer, Order(note="new")]))
            assert (await session.run_sync(lambda _: bound.loads(data)))[0] is customer
            await session.rollback()
            data = await session.run_sync(lambda _: bound.dumps([customer, Order(note="kept")]))
            sent = []
            on_commit(session, lambda: sent.append(data))
            await session.commit()
            assert sent == [data]
            session.expunge_all()
            with pytest.raises(StoreError, match=r"await session\.run_sync"):
                bound.loads(data)
            with pytest.raises(StoreError, match=r"await session\.run_sync"):
                bound.dumps(Order(note="new"))
            await session.rollback()
        by_call = bind(sqlite)
        async with async_sessionmaker(engine)() as session:
            loaded = await session.run_sync(lambda s: by_call.loads(data, session=s))
            assert loaded[1].note == "kept"
            assert loaded[1] in session
        await engine.dispose()
        return data

    data = asyncio.run(main())
    assert bind(sqlite).loads(data)[1].note == "kept"


def test_by_url(engine, tmp_path):
    url = engine.url.render_as_string(hide_password=False)
    profile = Profile(["sqlalchemy"])
    with profile.bind(shop=with_options(engine)) as bound:
        data = bound.dumps([new(1)])
        assert bound.loads(data)[0].name == "customer 1"
    opened = profile.open_store(f"sqlalchemy+{url}", entities=Base)
    assert Profile.plain().bind(shop=opened).loads(data)[0].name == "customer 1"
    opened.close()
    with pytest.raises(StoreError, match="entities=module:Base in the URL"):
        profile.open_store(f"sqlalchemy+{url}")


def test_a_password_is_not_shown(sqlite):
    engine = sa.create_engine(
        "postgresql+psycopg://root:hush@127.0.0.1:1/test", connect_args={"connect_timeout": 1}
    )
    fill(sqlite)
    with Session(sqlite) as session, pytest.raises(NotStored) as said:
        bind(engine).dumps(session.get(Customer, 1))
    assert "***" in str(said.value)
    assert "hush" not in str(said.value)


def test_pooled_columns_refer_to_entities(engine):
    """PickleType(pickler=bound), in a table of the test's own."""
    from sqlalchemy.ext.mutable import MutableDict

    metadata = sa.MetaData()
    registry = sa.orm.registry(metadata=metadata)
    db = scoped_session(sessionmaker(engine))
    bound = bind(db, on_new="add")

    class Note:
        pass

    registry.map_imperatively(
        Note,
        sa.Table(
            "bri_note",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("about", sa.PickleType(pickler=bound)),
            sa.Column("extra", MutableDict.as_mutable(sa.PickleType(pickler=bound))),
        ),
    )
    metadata.drop_all(engine)
    metadata.create_all(engine)
    fill(engine)
    anna, berta = db.get(Customer, 1), db.get(Customer, 2)
    note = Note()
    note.id, note.about, note.extra = 1, [anna, "text"], {"who": anna}
    db.add(note)
    db.commit()
    assert db.get(Note, 1).about[0] is anna
    note.extra["also"] = berta
    assert note in db.dirty
    db.commit()
    db.remove()
    raw = db.execute(sa.text("SELECT about FROM bri_note")).scalar()
    assert b"customer 0" not in bytes(raw)
    loaded = db.get(Note, 1)
    assert loaded.about[0] is loaded.extra["who"] is db.get(Customer, 1)
    assert loaded.extra["also"].name == "customer 1"
    # Not promised: what is new while the session is being flushed.
    other = Note()
    other.id, other.about, other.extra = 2, [Order(note="new")], {}
    db.add(other)
    with pytest.raises((NotStored, sa.exc.StatementError), match="the session is just being flushed"):
        db.commit()
    db.rollback()
    db.remove()
    metadata.drop_all(engine)


def test_a_store_in_a_forked_child_has_connections_of_its_own(engine):
    import multiprocessing

    with Profile(["sqlalchemy"]).bind(shop=with_options(engine)) as bound:
        data = bound.dumps([new(1)])
        context = multiprocessing.get_context("fork")
        children = [
            context.Process(target=lambda n=n: (bound.loads(data), bound.dumps([new(10 + n)])))
            for n in range(3)
        ]
        for child in children:
            child.start()
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0, 0]
        assert bound.loads(data)[0].name == "customer 1"
