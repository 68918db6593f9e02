"""A server that is really killed, a connection that is really cut, and slots of a real cluster."""

from __future__ import annotations

import io
import threading
import time

import pytest
import redis
from brinery_redis import RedisStore
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis_servers import CLAIMS, Page, Throwaway, free_port

from brinery import Profile
from brinery.errors import CommitUncertain, NotCommitted, StoreError, StoreFault
from brinery.testing import CuttingProxy

NO_RETRY = Retry(NoBackoff(), 0)  # redis-py's own is to try ten times, for ten seconds in all


def opened(port, **options):
    return RedisStore(redis.Redis(port=port, **options), CLAIMS, on_new="insert")


def test_a_server_that_is_killed_loses_nothing_acknowledged(server):
    """With appendfsync always. Eight threads dump while it goes down."""
    acknowledged, said = [], []

    def work(base):
        bound = Profile.plain().bind(wiki=opened(server.port, retry=NO_RETRY))
        try:
            for number in range(base, base + 100_000):
                data = bound.dumps([Page(number), Page(-number)])
                acknowledged.append((number, data))
        except Exception as error:
            said.append(error)

    for turn in range(2):
        threads = [
            threading.Thread(target=work, args=((turn * 8 + base + 1) * 1_000_000,)) for base in range(8)
        ]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 100 * (turn + 1):
            time.sleep(0.01)
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
    assert len(said) == 16
    assert {type(error) for error in said} <= {StoreFault, NotCommitted, CommitUncertain}
    bound = Profile.plain().bind(wiki=opened(server.port))
    for number, data in acknowledged:
        assert bound.loads(data) == [Page(number), Page(-number)]


def test_a_server_that_is_stopped_is_a_fault_and_no_miss(server):
    bound = Profile.plain().bind(wiki=opened(server.port, retry=NO_RETRY), missing="none")
    data = bound.dumps([Page(1)])
    server.kill()
    with pytest.raises(StoreFault, match="the store 'wiki' failed in fetch") as failed:
        bound.loads(data)
    assert isinstance(failed.value.__cause__, redis.ConnectionError)
    file = io.BytesIO()
    with pytest.raises(StoreFault, match="failed in prepare"):
        bound.dump([Page(2)], file)
    assert not file.getvalue().endswith(b".")
    server.start()
    assert bound.loads(data) == [Page(1)]


@pytest.mark.parametrize("arrives", [False, True])
@pytest.mark.parametrize("expire", [None, 60])
def test_a_connection_that_is_cut_in_the_middle_of_the_commit(server, arrives, expire):
    """If it arrived, it is there, and is found there; else nothing is, and that is not known for certain."""
    with CuttingProxy("127.0.0.1", server.port) as proxy:
        store = RedisStore(redis.Redis(port=proxy.port), CLAIMS, on_new="insert", expire=expire)
        bound, direct = Profile.plain().bind(wiki=store), opened(server.port)
        with proxy.cut_at(lambda data: b"MULTI" in data, arrives=arrives):
            if arrives:
                assert bound.loads(bound.dumps([Page(1), Page(2)])) == [Page(1), Page(2)]
            else:
                with pytest.raises(CommitUncertain) as said:
                    bound.dumps([Page(1), Page(2)])
                assert said.value.unknown == ("wiki",)
                assert not direct.load_many([("page", 1), ("page", 2)])
        bound = Profile.plain().bind(wiki=opened(proxy.port, retry=NO_RETRY))
        with proxy.cut_at(lambda data: b"WATCH" in data, arrives=arrives), pytest.raises(NotCommitted):
            bound.dumps([Page(3)])
        assert not direct.load_many([("page", 3)])
        bound.dumps([Page(3)])


def test_a_connection_that_is_cut_while_loading(server):
    with CuttingProxy("127.0.0.1", server.port) as proxy:
        bound = Profile.plain().bind(wiki=opened(proxy.port, retry=NO_RETRY), missing="none")
        data = bound.dumps([Page(1)])
        with proxy.cut_at(lambda data: b"MGET" in data, arrives=True), pytest.raises(StoreFault):
            bound.loads(data)
        assert bound.loads(data) == [Page(1)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Three masters."""
    tmp_path = tmp_path_factory.mktemp("cluster")
    nodes = []
    try:
        for number in range(3):
            (tmp_path / str(number)).mkdir()
            # The bus has a port of its own, ten thousand above where it is not told.
            bus = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
            nodes.append(Throwaway(tmp_path / str(number), *bus).__enter__())
        clients = [redis.Redis(port=node.port) for node in nodes]
        for number, client in enumerate(clients):
            first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            bus_port = int(nodes[number]._command[-1])
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[number].port, bus_port)
        for client in clients:
            while client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                time.sleep(0.02)
            while int(client.execute_command("CLUSTER INFO")["cluster_known_nodes"]) < 3:
                time.sleep(0.02)
            client.close()
        made = redis.cluster.RedisCluster(host="127.0.0.1", port=nodes[0].port)
        yield made
        made.close()
    finally:
        for node in nodes:
            node.__exit__()


def test_a_store_is_in_one_slot_of_a_cluster(cluster):
    with pytest.raises(StoreError, match=r"prefix='\{brinery\}'"):
        RedisStore(cluster, CLAIMS)
    for expire in (None, 60):
        names = [f"{{shop{number}}}" for number in range(4)]
        nodes = set()
        for name in names:
            store = RedisStore(cluster, CLAIMS, prefix=name, on_new="insert", expire=expire)
            bound = Profile.plain().bind(wiki=store)
            pages = [Page(number) for number in range(1500)]
            pages[0].links = [pages[1]]
            assert bound.loads(bound.dumps(pages)) == pages
            with pytest.raises(TypeError):
                bound.dumps([Page(-1), threading.Lock()])
            assert not store.load_many([("page", -1)])
            nodes.add(cluster.get_node_from_key(store.name_of(("page", 1))).port)
            assert store.delete(*pages) == 1500
        assert len(nodes) > 1


def test_keys_of_two_slots_would_not_be_written_together(cluster):
    """Why the prefix is asked for: without it, Redis itself refuses."""
    with pytest.raises(Exception, match=r"(?i)slot"):
        cluster.mget("brinery:page:1", "brinery:page:2")
