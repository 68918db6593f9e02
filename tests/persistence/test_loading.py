"""One load: every store asked once, one object for each key, and a policy for what is missing."""

from __future__ import annotations

import datetime
import gc
import io
import pickle
import random
import tempfile
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from user_code import watched

from brinery.errors import (
    MissingReference,
    NoSuchKey,
    StoreError,
    StoreFault,
    UnboundStore,
    UnpicklingError,
)
from brinery.persistence import Dump, DumpContext, Load, LoadContext, Store
from brinery.persistence.binding import bind
from brinery.persistent_ids import write_id
from brinery.plan import ReadPlan, WritePlan

from .shop import Customer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .conftest import Bound

    Bind = Callable[..., Bound]


class Thing:
    pass


class Single:
    """Loads one object at a time."""

    claims = (Thing,)

    def __init__(self, *keys: object) -> None:
        self.keys = keys
        self.asked: list[object] = []

    def persistent_id(self, obj: object) -> Any:
        return None

    def persistent_load(self, key: object) -> object:
        self.asked.append(key)
        if key not in self.keys:
            raise NoSuchKey(key)
        return Thing()


class Bulk(Store):
    """Loads many at once."""

    claims = (Thing,)

    def __init__(self, *keys: object) -> None:
        self.keys = keys
        self.asked: list[object] = []
        self.closed = 0

    def begin_dump(self, context: DumpContext, /) -> Dump:
        raise NotImplementedError

    def begin_load(self, context: LoadContext, /) -> Load:
        return BulkLoad(self)


class BulkLoad(Load):
    def __init__(self, store: Bulk) -> None:
        self.store = store

    def fetch(self, keys: list[Any], /) -> Mapping[Any, object]:
        self.store.asked.append(tuple(keys))
        return {key: Thing() for key in keys if key in self.store.keys}

    def close(self) -> None:
        self.store.closed += 1


def load(ids: Sequence[object], **options: Any) -> Callable[[object], Any]:
    bare, missing = options.pop("bare", None), options.pop("missing", "raise")
    decided = options.pop("decided", False)
    reader = bind(WritePlan(), ReadPlan(), options, bare=bare, missing=missing)[1].stores
    assert reader is not None
    return reader.begin_load(ids, range(len(ids)), None, decided).resolve


def test_a_store_that_loads_many_is_asked_once_for_each_key_once() -> None:
    shop, users = Bulk(1, 2, 3), Bulk("a")
    resolve = load([("shop", 1), ("users", "a"), ("shop", 2), "shop:#3", ("shop", 1)], shop=shop, users=users)
    assert resolve(("shop", 1)) is resolve("shop:#1")
    resolve(("shop", 3))
    assert shop.asked == [(1, 2, 3)]
    assert users.asked == [("a",)]


def test_a_store_without_references_is_not_asked() -> None:
    shop = Bulk(1)
    load([], shop=shop)
    assert shop.asked == []


@pytest.mark.parametrize("kind", [Single, Bulk])
def test_one_key_loads_as_one_object_within_a_load_and_as_another_in_the_next(kind: type[Single]) -> None:
    shop = kind(1)
    resolve = load([("shop", 1)], shop=shop)
    assert resolve(("shop", 1)) is resolve(("shop", 1))
    assert len(shop.asked) == 1
    assert load([("shop", 1)], shop=shop)(("shop", 1)) is not resolve(("shop", 1))


@pytest.mark.parametrize("kind", [Single, Bulk])
def test_missing_raises_unless_told_otherwise(kind: type[Single]) -> None:
    shop = kind(1)
    resolve = load([("shop", 1), ("shop", 2)], shop=shop)
    resolve(("shop", 1))
    with pytest.raises(
        MissingReference, match=r"the store 'shop' holds no object with the key 2.*missing='none'"
    ):
        resolve(("shop", 2))
    with pytest.raises(MissingReference, match=r"the bare store holds no object with the key b'oid'"):
        load([b"oid"], bare=kind())(b"oid")
    assert load([("shop", 2)], shop=shop, missing="none")(("shop", 2)) is None
    assert load([("shop", 2)], shop=shop, missing=lambda name, key: [name, key])(("shop", 2)) == ["shop", 2]


def test_what_was_missing_among_many_is_not_asked_for_again() -> None:
    shop = Bulk(1)
    resolve = load([("shop", 1), ("shop", 2)], shop=shop, missing="none")
    assert resolve(("shop", 2)) is None
    assert shop.asked == [(1, 2)]


@pytest.mark.parametrize("kind", [Single, Bulk])
def test_what_stands_for_a_missing_object_is_one_object_too(kind: type[Single]) -> None:
    resolve = load([("shop", 2)], shop=kind(), missing=lambda name, key: Thing())
    assert resolve(("shop", 2)) is resolve(("shop", 2))


@pytest.mark.parametrize(
    "error", [KeyError("column"), LookupError(), OSError("the disk is gone"), TypeError()]
)
def test_a_miss_is_not_a_fault(error: Exception) -> None:
    class Broken(Single):
        def persistent_load(self, key: object) -> object:
            raise error

    class BrokenInBulk(Bulk):
        def begin_load(self, context: LoadContext, /) -> Load:
            return type("Load", (Load,), {"fetch": lambda self, keys: Broken().persistent_load(keys)})()

    for store, keys in ((Broken(), (1, 2)), (BrokenInBulk(), (1, 2))):
        for missing in ("raise", "none", lambda name, key: None):
            with pytest.raises(StoreFault, match=r"the store 'shop' failed in fetch \(1, 2\): ") as caught:
                load([("shop", 1), ("shop", 2)], shop=store, missing=missing)
            assert caught.value.__cause__ is error
            assert (caught.value.store, caught.value.method, caught.value.keys) == ("shop", "fetch", keys)


def test_what_a_store_gives_is_checked() -> None:
    class Other:
        pass

    class Wrong(Single):
        def __init__(self, gives: object) -> None:
            super().__init__()
            self.gives = gives

        def persistent_load(self, key: object) -> object:
            return self.gives

    for gives, text in ((None, "gave, for the key 1, None"), (Other(), "Other, which it does not claim")):
        for missing in ("raise", "none"):
            with pytest.raises(StoreFault, match=text):
                load([("shop", 1)], shop=Wrong(gives), missing=missing)
    inherited = type("Inherited", (Thing,), {})()
    assert load([("shop", 1)], shop=Wrong(inherited))(("shop", 1)) is inherited
    # A bare store speaks for other programs.
    assert load([b"oid"], bare=Wrong(7))(b"oid") == 7


def test_all_that_is_missing_is_told_at_once_before_anything_is_built() -> None:
    ids = [("shop", 1), ("users", "x"), ("shop", 2), ("shop", 1), ("shop", 3), "shop:#2"]
    with pytest.raises(
        MissingReference, match=r"no objects with 2 of the keys: .*; the store 'users'"
    ) as caught:
        load(ids, shop=Bulk(3), users=Single(), decided=True)
    assert sorted(caught.value.references) == [
        ("shop", 1, (0, 3)),
        ("shop", 2, (2, 5)),
        ("users", "x", (1,)),
    ]
    assert caught.value.pickle_offset == 0  # type: ignore[attr-defined]


def test_a_load_is_closed_however_it_ends() -> None:
    shop = Bulk(1)
    reader = bind(WritePlan(), ReadPlan(), {"shop": shop, "users": Bulk()})[1].stores
    assert reader is not None
    reader.begin_load([("shop", 1)], [0], None, True).close(True)
    assert shop.closed == 1
    with pytest.raises(MissingReference):
        reader.begin_load([("shop", 1), ("users", 1)], [0, 0], None, True)
    assert shop.closed == 2


def test_a_store_bound_under_two_names_has_one_load() -> None:
    shop = Bulk(1, 2)
    begun: list[object] = []
    shop.begin_load = lambda context: (begun.append(context), BulkLoad(shop))[1]  # type: ignore[assignment]
    load([("a", 1), ("b", 2)], a=shop, b=shop)
    assert len(begun) == 1


def test_where_the_key_is_made_of_the_content_each_place_has_an_object_of_its_own() -> None:
    class Content(Bulk):
        identity = "value"

    shop = Content(1)
    resolve = load([("shop", 1), ("shop", 1)], shop=shop)
    one, two = resolve(("shop", 1)), resolve(("shop", 1))
    assert one is not two
    assert type(one) is type(two) is Thing
    assert shop.asked == [(1,)]


@pytest.mark.parametrize(
    "key", [None, uuid.UUID(int=5), datetime.date(2024, 2, 29), (1, (None, uuid.UUID(int=7)))], ids=repr
)
def test_a_key_of_any_type_is_fetched_ahead(key: Any) -> None:
    shop = Bulk(key)
    for protocol in (0, 1, 2, 5):
        pid = write_id("shop", key, protocol)
        load([pid], shop=shop)(pid)
    assert shop.asked == [(key,)] * 4


def test_an_unbound_store_is_named() -> None:
    resolve = load([("users", 1)], shop=Bulk())
    with pytest.raises(UnboundStore, match=r"'users', which is not bound.*profile.bind\(users=store\)"):
        resolve(("users", 1))
    with pytest.raises(UnboundStore, match="bare=store"):
        resolve(b"\0oid")


def test_the_bare_store_gets_ids_as_they_are_and_those_of_no_bound_name() -> None:
    bare = Single(b"\0oid", ("users", 1), "users:#1", ("storage", Thing, 3))
    resolve = load([], shop=Single(1), bare=bare)
    for pid in bare.keys:
        assert resolve(pid) is resolve(pid)
    assert tuple(bare.asked) == bare.keys


def test_ids_that_the_walk_knows_only_in_part_are_loaded_when_they_are_met() -> None:
    bare = Bulk(b"\0oid", ("storage", Thing, 3))
    resolve = load([b"\0oid"], bare=bare)
    resolve(("storage", Thing, 3))
    assert bare.asked == [(b"\0oid",), (("storage", Thing, 3),)]


def test_a_bare_id_that_cannot_be_hashed_is_loaded_each_time() -> None:
    deep: tuple[object, ...] = ()
    for _ in range(100_000):
        deep = (deep,)

    class Any_(Single):
        def persistent_load(self, key: object) -> object:
            return Thing()

    resolve = load([[1], deep], bare=Any_())
    assert resolve([1]) is not resolve([1])
    assert resolve(deep) is not resolve(deep)


def test_a_malformed_key_is_an_error_where_it_is_met_not_before() -> None:
    resolve = load(["shop:#x", ("shop", 1.5)], shop=Bulk(1))
    for pid in ("shop:#x", ("shop", 1.5)):
        with pytest.raises(UnpicklingError, match="carries no key"):
            resolve(pid)


def test_a_policy_that_is_none_is_refused() -> None:
    with pytest.raises(StoreError, match="missing='skip'"):
        load([], missing="skip")


@pytest.mark.parametrize("names", [("shop",), ("shop", "other")])
@pytest.mark.parametrize("protocol", range(6))
def test_each_reference_gets_its_own_object_in_whatever_way_it_is_read(
    bind: Bind, names: tuple[str, ...], protocol: int
) -> None:
    random_ = random.Random(protocol)
    people = [Customer(key) for key in (*range(40), *map(str, range(10)), (1, "x"), 2**70)]

    class Some:
        claims = (Customer,)

        def __init__(self, of: int) -> None:
            self.of = of

        def persistent_id(self, obj: Customer) -> Any:
            place = next(place for place, other in enumerate(people) if other is obj)
            return obj.id if place % len(names) == self.of else None

        def persistent_load(self, key: Any) -> Customer:
            return next(obj for obj in people[self.of :: len(names)] if obj.id == key)

    bound = bind(**{name: Some(place) for place, name in enumerate(names)})
    graphs = [
        [
            [person, {"Q": "Q" * 300, "n": number}]
            for number, person in enumerate(random_.choices(people, k=90))
        ]
        for _ in range(3)
    ]
    file = io.BytesIO()
    pickler = bound.Pickler(file, protocol)
    for graph in graphs:
        pickler.dump(graph)
    unpickler = bound.Unpickler(io.BytesIO(file.getvalue()))
    with tempfile.TemporaryFile() as real:
        for graph in graphs:
            bound.dump(graph, real, protocol)
        real.seek(0)
        for graph in graphs:
            data = bound.dumps(graph, protocol)
            ways = bound.loads(data), bound.load(io.BytesIO(data)), bound.load(real), unpickler.load()
            for loaded in ways:
                assert [id(pair[0]) for pair in loaded] == [id(pair[0]) for pair in graph]
    assert gc.isenabled()


def test_a_key_that_equals_another_and_is_none_is_not_taken_for_it(bind: Bind) -> None:
    anna = Customer(1)

    class One:
        claims = (Customer,)

        def persistent_id(self, obj: Customer) -> Any:
            return obj.id

        def persistent_load(self, key: Any) -> Customer:
            return anna

    bound = bind(shop=One())
    data = bound.dumps([anna, Customer(2)], 2)
    assert data.count(b"K\x02") == 1
    for wrong in (b"\x88", b"G?\xf0\x00\x00\x00\x00\x00\x00"):  # True, 1.0
        with pytest.raises(pickle.UnpicklingError, match="carries no key"):
            bound.loads(data.replace(b"K\x02", wrong))


class Hashed:
    """Has a say when it is put into a dict or set."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return self is other


class HashedLoad(Load):
    def fetch(self, keys: list[Any], /) -> Mapping[Any, object]:
        return {key: Hashed() for key in keys}


class HashedBulk(Bulk):
    claims = (Hashed,)

    def begin_load(self, context: LoadContext, /) -> Load:
        return HashedLoad()


@pytest.mark.parametrize("way", ["loads", "view", "load", "Unpickler"])
def test_objects_that_a_store_has_ready_are_hashed_where_user_code_may_run(bind: Bind, way: str) -> None:
    first, second = (pickle.dumps(("shop", key), 4)[2:-1] + b"Q" for key in (1, 2))
    data = b"\x80\x04}(" + first + b"K\x01" + second + b"K\x02u(" + first + b"K\x03u."
    bound = bind(shop=HashedBulk())
    with watched() as exposed:
        if way == "loads":
            made = bound.loads(data)
        elif way == "view":
            made = bound.loads(memoryview(data))
        elif way == "load":
            made = bound.load(io.BytesIO(data))
        else:
            made = bound.Unpickler(io.BytesIO(data)).load()
    assert exposed == []
    assert [type(key) for key in made] == [Hashed, Hashed]
    assert [*made.values()] == [3, 2]
