"""What brinery asks of every plugin and of every store, asked of this one on each database."""

from __future__ import annotations

from contextlib import contextmanager

import brinery_sqlalchemy
import pytest
import sql_servers
import sqlalchemy as sa
from brinery_sqlalchemy.store import open_store
from sql_models import Base, Customer, new
from sqlalchemy.orm import Session

from brinery.testing import CuttingProxy, PluginContract, StoreContract


class TestPlugin(PluginContract):
    plugin = brinery_sqlalchemy
    examples = {"nothing": None}  # it writes nothing of its own
    golden = False


class TestSqlite(StoreContract):
    database = "sqlite"
    kills = 3
    keeps_no_watch = True  # a dump asks nothing about what was loaded
    most_requests = (
        10,
        60,
    )  # on SQLite and MariaDB an INSERT of a thousand, a SELECT of a thousand, BEGIN, COMMIT

    @pytest.fixture(autouse=True)
    def empty(self, tmp_path, request):
        self.url = sql_servers.url_of(self.database, tmp_path)
        engine = sa.create_engine(self.url)
        sql_servers.make_tables(engine)
        engine.dispose()
        self.proxy = None
        if "goes_away" in request.node.name and self.database != "sqlite":
            url = sa.make_url(self.url)
            self.proxy = CuttingProxy(url.host, url.port)
            self.url = str(url.set(host="127.0.0.1", port=self.proxy.port))
        yield
        if self.proxy is not None:
            self.proxy.close()

    def open_store(self, place):
        url = getattr(self, "url", None) or sql_servers.url_of(self.database, place)
        return open_store(f"sqlalchemy+{url}", entities=Base, on_new="add")

    def new(self, number):
        return new(number)

    def content(self, obj):
        return obj.id, obj.name, obj.city

    def count(self, store):
        with Session(store.engine) as session:
            return session.scalar(sa.select(sa.func.count()).select_from(Customer))

    def delete(self, store, obj):
        with Session(store.engine) as session:
            session.execute(sa.delete(Customer).where(Customer.id == obj.id))
            session.commit()

    @contextmanager
    def requests(self, store):
        sent = []

        def note(connection, cursor, statement, parameters, context, executemany):
            sent.append(statement)

        sa.event.listen(store.engine, "before_cursor_execute", note)
        yield sent
        sa.event.remove(store.engine, "before_cursor_execute", note)
        assert sent

    def cut_off(self, store):
        if self.proxy is None:
            pytest.skip("a file cannot be cut off from the process")
        return self.proxy.cut()


class TestPostgresql(TestSqlite):
    database = "postgresql"


class TestMariadb(TestSqlite):
    database = "mariadb"
