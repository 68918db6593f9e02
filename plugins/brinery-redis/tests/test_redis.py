"""What is Redis's own: keys, batches, expiry, URLs, contents."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
import redis
import redis_servers
from brinery_redis import RedisStore
from redis_servers import CLAIMS, URL, Page, Special

from brinery import Profile
from brinery.errors import MissingReference, NotCommitted, NotStored, StoreError, StoreFault


@pytest.fixture
def open_store(prefix):
    opened = []

    def make(claims=CLAIMS, client=None, **options):
        client = client or redis.Redis.from_url(URL)
        opened.append(client)
        return RedisStore(client, claims, prefix=prefix, **{"on_new": "insert", **options})

    yield make
    for client in opened:
        client.close()


def bind(store, **options):
    return Profile.plain().bind(wiki=store, **options)


def test_keys_can_be_read_and_none_is_taken_for_another(open_store, prefix):
    store = open_store()
    given = [7, "7", b"7", "a:b", "é\n", ("x", 1), UUID(int=7), -1]
    pages = [Page(key, f"page {key!r}") for key in given]
    assert bind(store).loads(bind(store).dumps(pages)) == pages
    kept = redis_servers.keys(prefix)
    assert len(kept) == len(given)
    assert {f"{prefix}:page:7".encode(), f"{prefix}:page:'7'".encode()} <= set(kept)
    with pytest.raises(NotStored, match="has no key yet: its id is None"):
        bind(store).dumps(Page(None))


def test_a_subclass_has_its_base_s_name_and_keeps_its_class(open_store, prefix):
    store = open_store({"page": "redis_servers:Page"})
    loaded = bind(store).loads(bind(store).dumps([Special(1), Page(2)]))
    assert [type(page) for page in loaded] == [Special, Page]
    assert {f"{prefix}:page:1".encode(), f"{prefix}:page:2".encode()} == set(redis_servers.keys(prefix))


def test_the_key_may_be_another_attribute_or_be_worked_out(open_store, prefix):
    for key in ("title", lambda page: page.title):
        store = open_store(key=key)
        assert bind(store).loads(bind(store).dumps(Page(1, "home"))).id == 1
    assert redis_servers.keys(prefix) == [f"{prefix}:page:'home'".encode()]


def test_what_is_new_is_refused_unless_it_is_to_be_inserted(open_store, prefix):
    store = open_store(on_new="refuse")
    with pytest.raises(NotStored, match=r"save it first, store\.save\(obj\)"):
        bind(store).dumps([Page(1)])
    assert not redis_servers.keys(prefix)
    page = Page(1)
    store.save(page)
    data = bind(store).dumps([page])
    page.title = "changed"
    with pytest.raises(NotStored, match="has changed since it was loaded"):
        bind(store).dumps([page])
    store.save(page)
    assert bind(store).loads(data) == [page]


def test_references_between_objects_make_a_request_for_each_level(open_store):
    store = open_store()
    pages = [Page(number) for number in range(50)]
    for number, page in enumerate(pages):
        page.links = [pages[(number + 1) % 50], pages[number // 2]]
    loaded = bind(store).loads(bind(store).dumps(pages[0]))
    assert loaded.links[0].links[0].links[1] is loaded.links[0]
    deep = None
    for number in range(300):
        deep = Page(1000 + number, links=[deep])
    data = bind(store).dumps(deep)
    for _ in range(299):
        deep = deep.links[0]
    found = bind(store).loads(data)
    for _ in range(299):
        found = found.links[0]
    assert found == deep


def test_ten_thousand_are_read_with_mget_in_batches_and_in_one_go(open_store):
    store = open_store()
    data = bind(store).dumps([Page(number) for number in range(10_000)])
    before = store.client.info("commandstats")
    assert len(bind(store).loads(data)) == 10_000
    after = store.client.info("commandstats")
    # (Others may talk to this server meanwhile.)
    assert 10 <= after["cmdstat_mget"]["calls"] - before["cmdstat_mget"]["calls"] < 100


def test_another_writer_is_not_overwritten(open_store, monkeypatch):
    store, other = open_store(), open_store()
    read = RedisStore.read
    theirs = iter([Page(2, "theirs")])

    def read_and_be_late(self, keys):
        found = read(self, keys)
        for page in theirs:
            other.save(page)
        return found

    monkeypatch.setattr(RedisStore, "read", read_and_be_late)
    with pytest.raises(NotCommitted, match="another writer was there first"):
        bind(store).dumps([Page(1), Page(2, "ours")])
    assert other.load_many([("page", 1), ("page", 2)]) == {("page", 2): Page(2, "theirs")}


def test_another_writer_in_the_middle_of_the_transaction(open_store, monkeypatch):
    store, other = open_store(), open_store()
    original = redis.client.Pipeline.multi

    def late(pipe):
        monkeypatch.undo()
        other.save(Page(2, "theirs"))
        original(pipe)

    monkeypatch.setattr(redis.client.Pipeline, "multi", late)
    with pytest.raises(NotCommitted, match="another writer was there first"):
        bind(store).dumps([Page(1), Page(2, "ours")])
    assert other.load_many([("page", 1), ("page", 2)]) == {("page", 2): Page(2, "theirs")}


def test_a_save_leaves_alone_what_another_process_saved(open_store):
    store, other = open_store(), open_store()
    home, about = Page("home"), Page("about", "v1")
    home.links.append(about)
    bind(store).dumps(home)
    theirs = other.load_many([("page", "about")])["page", "about"]
    theirs.title = "v2"
    other.save(theirs)
    home.title = "changed"
    store.save(home)
    found = other.load_many([("page", "home")])["page", "home"]
    assert (found.title, found.links[0].title) == ("changed", "v2")
    with pytest.raises(NotStored, match="was changed by another writer"):
        store.save(about)
    other.delete(about)
    with pytest.raises(NotStored, match="is gone since this Page"):
        store.save(home)
    assert not other.load_many([("page", "about")])


@pytest.mark.parametrize("expire", [None, 60])
def test_another_writer_in_the_middle_of_a_save(open_store, monkeypatch, expire):
    store, other = open_store(expire=expire), open_store(expire=expire)
    pages = [Page(1), Page(2)]
    store.save(*pages)
    pages[0].title = pages[1].title = "ours"
    original = redis.client.Pipeline.multi

    def late(pipe):
        monkeypatch.undo()
        other.save(Page(2, "theirs"), overwrite=True)
        original(pipe)

    monkeypatch.setattr(redis.client.Pipeline, "multi", late)
    with pytest.raises(NotCommitted, match="holds something else by now"):
        store.save(*pages)
    assert other.load_many([("page", 1), ("page", 2)]) == {
        ("page", 1): Page(1),
        ("page", 2): Page(2, "theirs"),
    }
    store.save(pages[0])
    assert other.load_many([("page", 1)]) == {("page", 1): Page(1, "ours")}


@pytest.mark.parametrize("options", [{}, {"expire": 60}, {"by_content": True}])
def test_a_list_of_somebody_else_s_is_neither_replaced_nor_missing(open_store, options):
    store = open_store(**options)
    data = bind(store).dumps(Page(1))
    name = store.name_of(store.key_for(Page(1)))
    store.client.delete(name)
    store.client.rpush(name, "theirs")
    for act in (lambda: bind(store).dumps([Page(2), Page(1)]), lambda: store.save(Page(1), overwrite=True)):
        with pytest.raises(NotCommitted, match=f"{name}.* holds a list, which this store did not write"):
            act()
    assert store.client.lrange(name, 0, -1) == [b"theirs"]
    assert not store.load_many([store.key_for(Page(2))])
    with pytest.raises(StoreFault, match=f"{name}.* holds a list"):
        bind(store, missing="none").loads(data)


def test_what_is_no_record_is_named(open_store):
    store = open_store()
    data = bind(store).dumps(Page(1))
    store.client.set(store.name_of(("page", 1)), "theirs")
    with pytest.raises(StoreError, match=r"under the key \('page', 1\) is no record .*b'theirs'"):
        bind(store, missing="none").loads(data)


def test_what_expires_is_missing_and_what_is_used_lives_on(open_store):
    store = open_store(expire=0.5)
    one, two = Page(1), Page(2)
    one.links.append(Page(3))
    data = bind(store).dumps([one, two])
    for _ in range(3):
        time.sleep(0.3)
        assert bind(store).dumps([one]) != data  # what is referred to lives on, with what it refers to
    with pytest.raises(MissingReference) as said:
        bind(store).loads(data)
    assert [key for _, key, _ in said.value.references] == [("page", 2)]
    assert bind(store, missing="none").loads(data) == [one, None]
    for _ in range(3):
        time.sleep(0.3)
        assert bind(store).loads(bind(store).dumps([one]))[0].links == [Page(3)]
    time.sleep(0.6)
    assert bind(store, missing="none").loads(data) == [None, None]


def test_what_is_equal_is_kept_once_and_comes_back_as_two(open_store, prefix):
    store = open_store(by_content=True)
    one, two = Page(1, "same"), Page(1, "same")
    data = bind(store).dumps([one, two, one])
    assert len(redis_servers.keys(prefix)) == 1
    loaded = bind(store).loads(data)
    loaded[0].title = "changed"
    assert [page.title for page in loaded] == ["changed", "same", "changed"]
    bind(store).dumps(loaded)
    assert len(redis_servers.keys(prefix)) == 2
    assert bind(store).loads(data)[0].title == "same"


def test_by_url(prefix):
    url = f"{URL}?claims=redis_servers:CLAIMS&prefix={prefix}&on_new=insert&expire=60&socket_timeout=5"
    with Profile(["redis"]).bind(wiki=url) as bound:
        assert bound.loads(bound.dumps([Page(1)])) == [Page(1)]
    with redis.Redis.from_url(URL) as client:
        assert 50_000 < client.pttl(f"{prefix}:page:1") <= 60_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "claims=module:NAME"),
        ("?claims=redis_servers:CLAIMS&on_new=perhaps", "on_new='perhaps'"),
        ("?claims=redis_servers:CLAIMS&onnew=insert", "no option is called 'onnew'; is 'on_new' meant?"),
        ("?claims=redis_servers:CLAIMS&by_content=yes", "by_content='yes' cannot be read"),
        ("?claims=redis_servers:CLAIMS&expire=soon", "expire='soon' cannot be read"),
        ("?claims=redis_servers:CLAIMS&expire=-1", "a number of seconds"),
    ],
)
def test_what_a_url_cannot_say(options, said):
    with pytest.raises(StoreError, match=said):
        Profile(["redis"]).open_store(f"redis://127.0.0.1:1/0{options}")


def test_clients_and_names_that_cannot_work():
    with pytest.raises(StoreError, match="decode_responses=False"):
        RedisStore(redis.Redis(decode_responses=True), CLAIMS)
    with pytest.raises(StoreError, match="between colons"):
        RedisStore(redis.Redis(), {"a:b": Page})
    for seconds in ("60", -1):
        with pytest.raises(StoreError, match=f"expire={seconds!r}; it is a number of seconds"):
            RedisStore(redis.Redis(), CLAIMS, expire=seconds)


def test_the_client_stays_the_caller_s(open_store):
    store = open_store()
    store.close()
    assert store.client.ping()


def test_find_class_is_asked_for_what_redis_keeps(open_store):
    import io
    import pickle

    bound = bind(open_store())
    data = bound.dumps(Page(1))

    class Nothing(bound.Unpickler):
        def find_class(self, module, name):
            raise pickle.UnpicklingError(f"{module}.{name} is forbidden")

    with pytest.raises(StoreFault, match="is forbidden"):
        Nothing(io.BytesIO(data)).load()
