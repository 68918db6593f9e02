"""What brinery asks of every plugin and of every store, asked of this one."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import brinery_redis
import pytest
import redis
import redis_servers
from brinery_redis import RedisStore
from redis_servers import CLAIMS, Page

from brinery.testing import CuttingProxy, PluginContract, StoreContract


class TestPlugin(PluginContract):
    plugin = brinery_redis
    examples = {"nothing": None}  # it writes nothing of its own
    golden = False


class TestRedis(StoreContract):
    kills = 5
    options = {}

    @pytest.fixture(autouse=True)
    def reach(self, prefix, request):
        parts = urlsplit(redis_servers.URL)
        # Everything else is faster without it.
        cut = "goes_away" in request.node.name
        self.proxy = CuttingProxy(parts.hostname, parts.port) if cut else None
        yield
        if self.proxy is not None:
            self.proxy.close()

    def client(self):
        if getattr(self, "proxy", None) is None:
            return redis.Redis.from_url(redis_servers.URL)
        parts = urlsplit(redis_servers.URL)
        return redis.Redis.from_url(parts._replace(netloc=f"127.0.0.1:{self.proxy.port}").geturl())

    def open_store(self, place):
        return RedisStore(
            self.client(), CLAIMS, prefix=redis_servers.prefix_of(place), on_new="insert", **self.options
        )

    def new(self, number):
        return Page(number, f"page {number}", ["a", number])

    def count(self, store):
        return len(redis_servers.keys(store.name_of(("page", 1)).partition(":")[0]))

    def delete(self, store, obj):
        store.delete(obj)

    def cut_off(self, store):
        return self.proxy.cut()

    @contextmanager
    def requests(self, store):
        """What goes over the wire: a pipeline is as many requests as it has batches."""
        sent = []
        client, lock = store.client, threading.Lock()
        pool = client.connection_pool
        original = pool.get_connection

        def get_connection(*args, **options):
            connection = original(*args, **options)
            if not hasattr(connection, "counted"):
                send = connection.send_packed_command

                def counting(command, *rest, **more):
                    with lock:
                        sent.append(command)
                    return send(command, *rest, **more)

                connection.send_packed_command, connection.counted = counting, True
            return connection

        pool.get_connection = get_connection
        yield sent
        pool.get_connection = original
        pool.disconnect()


class TestRedisThatExpires(TestRedis):
    kills = 1
    options = {"expire": 3600}


class TestRedisByContent(TestRedis):
    kills = 1
    options = {"by_content": True}
