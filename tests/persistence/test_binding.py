"""Binding: who is asked about an object, and what a dump's end means to each store."""

from __future__ import annotations

import abc
import sys
import types
from typing import Any

import pytest

from brinery.errors import NotStored, StoreError, WriteError
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
        raise KeyError(key)

    def begin_dump(self) -> None:
        self.heard.append("begin")

    def end_dump(self, succeeded: bool) -> None:
        self.heard.append(succeeded)


def written(obj: object, protocol: int = 4, **stores: Any) -> object:
    bare = stores.pop("bare", None)
    rules = bind(WritePlan(), ReadPlan(), stores, bare=bare)[0].rules
    assert rules is not None
    rule = rules.rule_for(type(obj))
    return rule.claim(obj, protocol) if rule is not None and rule.claim is not None else None


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


@pytest.mark.parametrize("native", [int, str, dict, list, type(None)])
def test_the_formats_own_types_cannot_be_claimed(native: type) -> None:
    with pytest.raises(StoreError, match=f"bound as 'shop' claims {native.__qualname__}.*own data types"):
        bind(WritePlan(), ReadPlan(), {"shop": Book((native,))})


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


def test_every_store_is_told_once_of_a_dumps_begin_and_end() -> None:
    store, bare = Book(()), Book(())
    writer = bind(WritePlan(), ReadPlan(), {"a": store, "b": store}, bare=bare)[0].stores
    assert writer is not None
    writer.begin_dump()
    writer.end_dump(True)
    assert store.heard == bare.heard == ["begin", True]


def test_where_one_store_cannot_commit_those_after_it_are_told_that_the_dump_failed() -> None:
    class Full(Book):
        def end_dump(self, succeeded: bool) -> None:
            super().end_dump(succeeded)
            raise OSError("disk full")

    first, full, last = Book(()), Full(()), Book(())
    writer = bind(WritePlan(), ReadPlan(), {"first": first, "full": full, "last": last})[0].stores
    assert writer is not None
    writer.begin_dump()
    with pytest.raises(OSError, match="disk full"):
        writer.end_dump(True)
    assert [store.heard[-1] for store in (first, full, last)] == [True, True, False]


def test_where_one_store_cannot_begin_the_others_are_told_that_the_dump_failed() -> None:
    class Closed(Book):
        def begin_dump(self) -> None:
            raise OSError("closed")

    first = Book(())
    writer = bind(WritePlan(), ReadPlan(), {"first": first, "closed": Closed(())})[0].stores
    assert writer is not None
    with pytest.raises(OSError, match="closed"):
        writer.begin_dump()
    assert first.heard == ["begin", False]
