"""Binding: who is asked about an object, and what is refused before anything is asked."""

from __future__ import annotations

import abc
import pickle
import sys
import types
from typing import Any

import pytest

from brinery.errors import NoSuchKey, NotStored, StoreError, WriteError
from brinery.persistence import Dump, DumpContext, Load, LoadContext, Store
from brinery.persistence.binding import bind
from brinery.plan import ReadPlan, TypeRule, WritePlan


class Animal:
    pass


class Dog(Animal):
    pass


class Plant(abc.ABC):  # noqa: B024  # it is only registered with
    pass


class Oak:
    pass


Plant.register(Oak)


class Book:
    """A store that has written down everything that it was told."""

    def __init__(self, claims: tuple[type | str, ...], key: object = "key") -> None:
        self.claims = claims
        self.key = key
        self.heard: list[object] = []

    def persistent_id(self, obj: object) -> Any:
        self.heard.append(obj)
        if isinstance(self.key, Exception):
            raise self.key
        return self.key

    def persistent_load(self, key: object) -> object:
        raise NoSuchKey(key)


def written(obj: object, protocol: int = 4, **stores: Any) -> object:
    bare = stores.pop("bare", None)
    plan = bind(WritePlan(), ReadPlan(), stores, bare=bare)[0]
    assert plan.rules is not None
    assert plan.stores is not None
    rule = plan.rules.rule_for(type(obj))
    dump = plan.stores.begin_dump(protocol, None)
    try:
        return rule.claim(obj, dump) if rule is not None and rule.claim is not None else None
    finally:
        dump.abort(Exception())


def test_a_claim_covers_subclasses_and_nothing_else() -> None:
    store = Book((Animal,))
    assert written(Dog(), shop=store) == ("shop", "key")
    assert written(Oak(), shop=store) is None
    assert len(store.heard) == 1


def test_a_class_may_be_claimed_by_its_name() -> None:
    assert written(Dog(), shop=Book((f"{__name__}:Animal",))) == ("shop", "key")
    assert written(Dog(), shop=Book((f"{__name__}:Oak",))) is None


def test_a_class_is_claimed_also_where_its_module_is_still_being_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("brinery_test_zoo")
    module.__spec__ = types.SimpleNamespace(_initializing=True)  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    store = Book(("brinery_test_zoo:Hound",))
    assert written(Dog(), shop=store) is None
    module.Hound = Dog  # type: ignore[attr-defined]
    assert written(Dog(), shop=store) == ("shop", "key")


def test_a_virtual_subclass_is_claimed_too() -> None:
    assert written(Oak(), shop=Book((Plant,))) == ("shop", "key")


def test_the_nearest_base_is_asked_first_then_the_order_of_binding() -> None:
    assert written(Dog(), far=Book((Animal,)), near=Book((Dog,))) == ("near", "key")
    assert written(Dog(), one=Book((Dog,)), two=Book((Dog,))) == ("one", "key")
    assert written(Dog(), bare=Book((Dog,), "x"), one=Book((Dog,))) == ("one", "key")


def test_a_store_that_passes_leaves_the_object_to_the_next() -> None:
    assert written(Dog(), one=Book((Dog,), None), two=Book((Dog,))) == ("two", "key")
    for protocol in (0, 4):
        assert written(Dog(), protocol, bare=Book((Dog,), None)) is None
    assert written(Dog(), one=Book((Dog,), NotStored("not here")), two=Book((Dog,))) == ("two", "key")
    with pytest.raises(NotStored, match="not here"):
        written(Dog(), one=Book((Dog,), NotStored("not here")), two=Book((Dog,), None))


def test_a_type_is_resolved_once() -> None:
    asked = []

    class Rules:
        def epoch(self) -> int:
            return 0

        def rule_for(self, cls: type, /) -> TypeRule | None:
            asked.append(cls)
            return TypeRule(reduce=repr) if cls is Dog else None

    rules = bind(WritePlan(rules=Rules()), ReadPlan(), {"shop": Book((Animal,))})[0].rules
    assert rules is not None
    for _ in range(3):
        rule = rules.rule_for(Dog)
        assert rules.rule_for(Oak) is None
    assert rule is not None
    assert rule.reduce is repr
    assert rule.claim is not None
    assert asked == [Dog, Oak]


@pytest.mark.parametrize("native", [int, str, dict, list, type(None), bytes, bytearray, pickle.PickleBuffer])
def test_the_formats_own_types_cannot_be_claimed(native: type) -> None:
    with pytest.raises(StoreError, match=f"bound as 'shop' claims {native.__qualname__}.*own data types"):
        bind(WritePlan(), ReadPlan(), {"shop": Book((native,))})


def test_a_buffer_has_no_subclasses_so_another_way_is_told() -> None:
    with pytest.raises(StoreError, match="a class of your own instead, one that holds the buffer"):
        bind(WritePlan(), ReadPlan(), {"shop": Book((pickle.PickleBuffer,))})


@pytest.mark.parametrize(
    ("store", "text"),
    [
        (Book, "is the class Book; bind an instance"),
        ({}, "a dict, has no method persistent_id"),
        (Book(Animal), "does not say what it claims"),  # type: ignore[arg-type]
        (Book(("Animal",)), "package.module:QualName"),
        (Book((3,)), "neither a class nor the name of one"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_store_is_refused_with_what_it_lacks(store: Any, text: str) -> None:
    with pytest.raises(StoreError, match=text):
        bind(WritePlan(), ReadPlan(), {"shop": store})


def test_a_bare_stores_ids_go_as_they_are() -> None:
    assert written(Dog(), bare=Book((Dog,), b"\0oid")) == b"\0oid"
    assert written(Dog(), bare=Book((Dog,), ("storage", Dog, 1))) == ("storage", Dog, 1)
    assert written(Dog(), protocol=0, bare=Book((Dog,), "plain")) == "plain"


@pytest.mark.parametrize("pid", [7, b"x", "two\nlines", "größer"])
def test_a_bare_id_that_protocol_0_cannot_carry_is_refused(pid: object) -> None:
    with pytest.raises(WriteError, match="protocol 0 carries a line of ASCII"):
        written(Dog(), protocol=0, bare=Book((Dog,), pid))


def test_a_bare_id_that_reads_as_a_named_stores_is_refused() -> None:
    for pid in (("shop", 1), "shop:#1"):
        assert written(Dog(), bare=Book((Dog,), pid)) == pid
        with pytest.raises(WriteError, match="read as one of the store 'shop'"):
            written(Dog(), bare=Book((Dog,), pid), shop=Book(()))


class Full(Store):
    """A store of the whole contract."""

    claims = (Animal,)

    def begin_dump(self, context: DumpContext, /) -> Dump:
        raise NotImplementedError

    def begin_load(self, context: LoadContext, /) -> Load:
        raise NotImplementedError


def full(**attributes: Any) -> Any:
    return type("Shop", (Full,), attributes)()


async def begin_later(self: object, context: object) -> object: ...


@pytest.mark.parametrize(
    ("store", "text"),
    [
        (full(begin_dump=lambda self: None), r"begin_dump\(\) is called with 1 argument: too many"),
        (full(begin_load=begin_later), "begin_load is asynchronous, and nobody would await it"),
        (full(claims_typ=lambda self, cls: True), "has claims_typ: is claims_type meant?"),
        (full(option=("session",)), "has option: is options meant?"),
        (full(clsoe=lambda self: None), "has clsoe: is close meant?"),
        (full(close=7), "close is 7, and not a method"),
        (full(identity="place"), "identity='place'; it is 'key' or 'value'"),
        (full(options="session"), "write a tuple of names"),
        (full(claims=(f"{__name__}:Dogg",)), f"has no Dogg. Is {__name__}:Dog meant?"),
        (full(claims=("builtins:bytes",)), "'builtins:bytes', one of the format's own data types"),
        (full(claims=(f"{__name__}:written",)), "which is neither a class nor the name of one"),
    ],
)
def test_what_would_go_wrong_later_is_said_now(store: Any, text: str) -> None:
    with pytest.raises(StoreError, match=text):
        bind(WritePlan(), ReadPlan(), {"shop": store})


def test_of_a_store_of_four_lines_too() -> None:
    class Asynchronous(Book):
        async def persistent_load(self, key: object) -> object: ...

    class Arity(Book):
        def persistent_id(self) -> Any: ...  # type: ignore[override]

    class Staging(Book):
        def begin_dump(self) -> None: ...

    for kind, text in (
        (Asynchronous, "persistent_load is asynchronous"),
        (Arity, r"persistent_id\(\) -> 'Any' is called with 1 argument"),
        (Staging, "has begin_dump, which nobody would call: .* derives from brinery.persistence.Store"),
    ):
        with pytest.raises(StoreError, match=text):
            bind(WritePlan(), ReadPlan(), {"shop": kind((Animal,))})


def test_helpers_of_a_stores_own_are_its_own() -> None:
    store = full(dumps_so_far=0, fetch_all=lambda self: None, engine=None, session=None, options=("session",))
    bind(WritePlan(), ReadPlan(), {"shop": store})


def test_a_claimed_name_that_its_module_turns_out_to_lack_is_refused_when_that_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = bind(WritePlan(), ReadPlan(), {"shop": Book(("brinery_test_farm:Sheep",))})[0].rules
    assert rules is not None
    rules.epoch()
    monkeypatch.setitem(sys.modules, "brinery_test_farm", types.ModuleType("brinery_test_farm"))
    with pytest.raises(
        StoreError, match="'shop' claims 'brinery_test_farm:Sheep', and brinery_test_farm has no"
    ):
        rules.epoch()


def test_classes_may_be_claimed_when_they_are_met() -> None:
    asked: list[type] = []

    class Mapped(Book, Store):
        def claims_type(self, cls: type, /) -> bool:
            asked.append(cls)
            return cls is Oak

        def begin_dump(self, context: DumpContext, /) -> Any:
            return dump_of(lambda obj: 7)

        def begin_load(self, context: LoadContext, /) -> Any: ...

    store = Mapped(())
    rules = bind(WritePlan(), ReadPlan(), {"shop": store})[0].rules
    assert rules is not None
    for _ in range(3):
        assert rules.rule_for(Dog) is None
        assert rules.rule_for(Oak) is not None
    assert asked == [Dog, Oak]
    assert written(Oak(), shop=store) == ("shop", 7)
    # As if the class itself were claimed: before one that claims a base.
    assert written(Oak(), plants=Book((Plant,)), shop=store) == ("shop", 7)


def dump_of(key_of: Any) -> Dump:
    return type("Keys", (Dump,), {"key_of": lambda self, obj: key_of(obj)})()
