"""One load: every store asked once, one object for each key, and a policy for what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import MissingReference, StoreError, UnboundStore, UnpicklingError
from brinery.persistence.binding import bind
from brinery.plan import ReadPlan, WritePlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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
            raise KeyError(key)
        return Thing()


class Bulk(Single):
    """Loads many at once."""

    def persistent_load_many(self, keys: list[Any]) -> Mapping[Any, object]:
        self.asked.append(tuple(keys))
        return {key: Thing() for key in keys if key in self.keys}


def load(ids: Sequence[object], **options: Any) -> Callable[[object], Any]:
    bare, missing = options.pop("bare", None), options.pop("missing", "raise")
    reader = bind(WritePlan(), ReadPlan(), options, bare=bare, missing=missing)[1].stores
    assert reader is not None
    return reader.begin_load(ids)


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


def test_a_store_that_returns_none_has_not_found_the_key() -> None:
    class Absent(Single):
        def persistent_load(self, key: object) -> object:
            return None

    with pytest.raises(MissingReference):
        load([], shop=Absent())(("shop", 1))


def test_what_a_store_raises_is_what_the_load_raises() -> None:
    class Broken(Single):
        def persistent_load(self, key: object) -> object:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        load([], shop=Broken(), missing="none")(("shop", 1))


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
    resolve = load([b"\0oid", ("storage", None, 3), None], bare=bare)
    resolve(("storage", Thing, 3))
    assert bare.asked == [(b"\0oid",), ("storage", Thing, 3)]


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
