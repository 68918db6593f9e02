"""Stores in real streams: what is written, what every reader gets back, and when a store is asked."""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import MissingReference, NoSuchKey, NotStored, UnboundStore

from .recording import Recording
from .shop import Customer, Regular

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Bound

    Bind = Callable[..., Bound]


class Users:
    """A store in four lines."""

    claims = (Customer,)

    def __init__(self, *users: Customer) -> None:
        self.users = {user.id: user for user in users}

    def persistent_id(self, user: Customer) -> Any:
        return user.id if user.id in self.users else None

    def persistent_load(self, key: Any) -> Customer:
        if key not in self.users:
            raise NoSuchKey(key)
        return self.users[key]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("key", [7, "anna b", "line\nbreak", b"\x00\xff", ("a", 1, b"x"), 2**70], ids=repr)
def test_a_reference_comes_back_at_every_protocol(bind: Bind, protocol: int, key: Any) -> None:
    anna = Customer(key)
    bound = bind(users=Users(anna))
    data = bound.dumps({"who": anna, "again": [anna]}, protocol)
    loaded = bound.loads(data)
    assert loaded["who"] is loaded["again"][0] is anna
    assert b"shop.Customer" not in data


def test_the_stream_carries_the_name_and_the_key(bind: Bind) -> None:
    anna = Customer(7)
    bound = bind(users=Users(anna))

    class Reader(pickle.Unpickler):
        def persistent_load(self, pid: object) -> object:
            return ["read", pid]

    assert Reader(io.BytesIO(bound.dumps(anna))).load() == ["read", ("users", 7)]
    assert Reader(io.BytesIO(bound.dumps(anna, 0))).load() == ["read", "users:#7"]


@pytest.mark.parametrize("protocol", range(6))
def test_an_object_met_again_is_read_as_one_by_the_standard_library_too(bind: Bind, protocol: int) -> None:
    anna = Customer(7)

    class Reader(pickle.Unpickler):
        def persistent_load(self, pid: object) -> object:
            return Customer(7)

    data = bind(users=Users(anna)).dumps([anna, anna], protocol)
    one, two = Reader(io.BytesIO(data)).load()
    assert one is two
    assert sum("PERSID" in opcode.name for opcode, _, _ in pickletools.genops(data)) == 1


def test_several_stores_and_a_bare_one_share_a_stream(bind: Bind) -> None:
    class Oids(Users):
        claims = (Regular,)  # type: ignore[assignment]

    anna, berta, carla = Customer(1), Customer(1), Regular(b"\0oid")
    bound = bind(one=Users(anna), bare=Oids(carla), two=Users(berta))
    assert [id(obj) for obj in bound.loads(bound.dumps([anna, carla]))] == [id(anna), id(carla)]
    names = {"one": anna, "two": berta}
    data = [bind(**{name: Users(user)}).dumps(user) for name, user in names.items()]
    assert [bound.loads(one) for one in data] == [anna, berta]
    assert bound.loads(data[1]) is berta


def test_what_a_store_passes_is_written_as_if_it_were_not_there(bind: Bind) -> None:
    bound, anna = bind(users=Users()), Customer(7)
    assert bound.dumps(anna) == bind().dumps(anna)
    assert bound.loads(bound.dumps(anna)) == anna


def test_an_object_that_is_refused_is_named_by_its_path(bind: Bind) -> None:
    class Strict(Users):
        def persistent_id(self, user: Customer) -> Any:
            raise NotStored(f"{user.name} is not in the list")

    store = Strict()
    with pytest.raises(NotStored, match=r"^Anna is not in the list") as caught:
        bind(users=store).dumps({"cart": [1, Customer(7)]})
    assert caught.value.pickle_path == "root['cart'][1]"  # type: ignore[attr-defined]


def test_an_unbound_store_is_named_where_the_stream_refers_to_it(bind: Bind) -> None:
    anna = Customer(7)
    for protocol in (0, 5):
        data = bind(users=Users(anna)).dumps([1, anna], protocol)
        for other in (bind(shop=Users()), bind()):
            with pytest.raises(UnboundStore, match=r"profile.bind\(users=store\)") as caught:
                other.loads(data)
            assert caught.value.pickle_offset > 0  # type: ignore[attr-defined]


def test_without_any_store_an_error_still_says_which_to_bind(bind: Bind, wire: Any) -> None:
    data = bind(users=Users(Customer(7))).dumps(Customer(7))
    assert pickle.UnpicklingError in UnboundStore.__mro__
    with pytest.raises(UnboundStore, match=r"profile.bind\(users=store\)"):
        wire.loads(data)
    with pytest.raises(UnboundStore, match=r"profile.bind\(users=store\)"):
        wire.Unpickler(io.BytesIO(data)).load()


def test_a_missing_object_is_named_where_the_stream_refers_to_it(bind: Bind) -> None:
    store = Users(Customer(7))
    data = bind(users=store).dumps([Customer(7)])
    store.users.clear()
    with pytest.raises(MissingReference, match="the store 'users' holds no object with the key 7") as caught:
        bind(users=store).loads(data)
    assert caught.value.pickle_offset > 0  # type: ignore[attr-defined]
    assert bind(users=store, missing="none").loads(data) == [None]
    assert bind(users=store, missing=lambda name, key: (name, key)).loads(data) == [("users", 7)]


def test_a_subclass_that_overrides_persistent_load_reaches_the_stores_through_super(bind: Bind) -> None:
    anna = Customer(7)
    bound = bind(users=Users(anna))
    seen = []

    class Reader(bound.Unpickler):  # type: ignore[misc,name-defined]
        def persistent_load(self, pid: object) -> object:
            seen.append(pid)
            return super().persistent_load(pid)

    assert Reader(io.BytesIO(bound.dumps(anna))).load() is anna
    assert seen == [("users", 7)]


def test_a_subclasss_own_persistent_id_is_asked_first(bind: Bind) -> None:
    anna = Customer(7)
    bound = bind(users=Users(anna))
    file = io.BytesIO()
    pickler = bound.Pickler(file)
    pickler.persistent_id = lambda obj: ("mine", obj.id) if type(obj) is Customer else None
    pickler.dump(anna)
    assert b"mine" in file.getvalue()
    assert b"users" not in file.getvalue()


class Pipe:
    """A file that can only be read, once."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self.read, self.readline = self._file.read, self._file.readline
        self.rest = self._file.read


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_past_the_end_is_taken_from_a_file(bind: Bind, protocol: int) -> None:
    anna = Customer(7)
    bound = bind(users=Users(anna))
    pipe = Pipe(bound.dumps([anna, "x" * 70_000, anna], protocol) + bound.dumps(anna, protocol) + b"rest")
    assert bound.load(pipe)[2] is anna
    assert bound.load(pipe) is anna
    assert pipe.rest() == b"rest"


def test_a_bulk_store_is_asked_once_per_load(bind: Bind) -> None:
    people = [Customer(number) for number in range(100)]
    store = Recording(people=people)
    bound = bind(users=store)
    for protocol in range(6):
        store.heard.clear()
        data = bound.dumps([people, people[::-1], Customer(3)], protocol)
        store.heard.clear()
        loaded = bound.loads(data)
        assert loaded[0] == people
        assert store.heard == ["begin_load", ("fetch", list(range(100))), "close"]
        assert loaded[2] is loaded[0][3]  # another object when written, but the same key
    unpickler = bound.Unpickler(io.BytesIO(bound.dumps(people[0]) + bound.dumps(people[1])))
    store.heard.clear()
    assert [unpickler.load(), unpickler.load()] == people[:2]
    assert store.heard[1::3] == [("fetch", [0]), ("fetch", [1])]
