"""A bound profile: stores under names of one's own, opened from URLs and closed again."""

from __future__ import annotations

import gc
import io
import weakref
from pathlib import Path
from typing import Any

import pytest
from engines import engines_under_test, where_classes_go
from throwaway import declaring

from brinery import PersistentScheme, Profile, Reducer
from brinery.errors import MissingReference, NoSuchKey, StoreError, UnboundStore
from brinery.persistence.sqlite import Table


class User:
    def __init__(self, name: str) -> None:
        self.name = name


class Users:
    """A store that keeps users in a dict."""

    claims = (User,)

    def __init__(self, *users: User) -> None:
        self.users = {user.name: user for user in users}
        self.closed = 0

    def persistent_id(self, user: User) -> str:
        return user.name

    def persistent_load(self, name: str) -> User:
        if name not in self.users:
            raise NoSuchKey(name)
        return self.users[name]

    def close(self) -> None:
        self.closed += 1


ANN = User("ann")


@pytest.fixture(params=engines_under_test())
def opened(request: pytest.FixtureRequest) -> Any:
    """A profile with a scheme "users:", and the list of the stores that were opened with it."""
    stores: list[Users] = []

    def open_users(url: str, **options: Any) -> Users:
        if "broken" in url:
            raise OSError(url)
        stores.append(Users(ANN, *options.get("more", ())))
        return stores[-1]

    plugin = declaring("users", PersistentScheme("users", open_users))
    return Profile([plugin], engine=request.param), stores


def test_objects_of_a_bound_store_are_references_in_the_stream(opened: Any) -> None:
    profile, _ = opened
    users = Users(ANN)
    with profile.bind(people=users) as bound:
        data = bound.dumps([ANN, ANN, "other"])
        assert b"User" not in data
        first, second, other = bound.loads(data)
        assert first is second is ANN
        assert other == "other"


@pytest.mark.parametrize("protocol", range(6))
def test_picklers_and_unpicklers_of_a_bound_profile_use_its_stores(opened: Any, protocol: int) -> None:
    profile, _ = opened
    with profile.bind(people=Users(ANN)) as bound:
        file = io.BytesIO()
        bound.Pickler(file, protocol).dump({"user": ANN})
        file.seek(0)
        assert bound.Unpickler(file).load()["user"] is ANN


def test_a_url_is_opened_by_its_scheme_and_closed_at_the_end(opened: Any) -> None:
    profile, stores = opened
    with profile.bind(people="users://somewhere") as bound:
        assert bound.loads(bound.dumps(ANN)) is ANN
        assert stores[0].closed == 0
    assert stores[0].closed == 1
    bound.close()
    assert stores[0].closed == 1


def test_it_works_without_with_and_is_closed_by_hand(opened: Any) -> None:
    profile, stores = opened
    bound = profile.bind(people="users:")
    assert bound.loads(bound.dumps(ANN)) is ANN
    bound.close()
    assert stores[0].closed == 1


def test_a_store_that_was_given_stays_open(opened: Any) -> None:
    profile, _ = opened
    users = Users(ANN)
    with profile.bind(people=users):
        pass
    assert users.closed == 0


def test_what_was_opened_is_closed_where_another_cannot_be(opened: Any) -> None:
    profile, stores = opened
    with pytest.raises(OSError, match="broken"):
        profile.bind(first="users:", second="users:broken")
    assert stores[0].closed == 1
    with pytest.raises(StoreError, match="no method"):
        profile.bind(first="users:", second=object())
    assert stores[1].closed == 1


def test_a_store_can_be_opened_with_options_and_is_then_the_callers_to_close(opened: Any) -> None:
    profile, stores = opened
    bob = User("bob")
    store = profile.open_store("users:", more=[bob])
    with profile.bind(people=store) as bound:
        assert bound.loads(bound.dumps(bob)) is bob
    assert stores[0].closed == 0


def test_names_that_are_no_identifiers_come_as_a_mapping(opened: Any) -> None:
    profile, _ = opened
    with profile.bind({"the people": Users(ANN), "bare": Users()}) as bound:
        assert bound.loads(bound.dumps(ANN)) is ANN


def test_a_bare_stores_ids_go_into_the_stream_as_they_are(opened: Any) -> None:
    profile, _ = opened
    with profile.bind(bare="users:") as bound:
        assert bound.dumps(ANN, 0).startswith(b"Pann\n")
        assert bound.loads(b"Pann\n.") is ANN


def test_missing_objects_are_treated_as_asked(opened: Any) -> None:
    profile, _ = opened
    with profile.bind(people=Users(ANN)) as bound:
        data = bound.dumps([ANN])
    with profile.bind(people=Users()) as bound, pytest.raises(MissingReference):
        bound.loads(data)
    with profile.bind(people=Users(), missing="none") as bound:
        assert bound.loads(data) == [None]
    with profile.bind(people=Users(), missing=lambda name, key: (name, key)) as bound:
        assert bound.loads(data) == [("people", "ann")]


def test_a_stream_that_names_an_unbound_store_says_which_to_bind(opened: Any) -> None:
    profile, _ = opened
    with profile.bind(people=Users(ANN)) as bound:
        data = bound.dumps(ANN)
    with profile.bind(others=Users()) as bound, pytest.raises(UnboundStore, match="people"):
        bound.loads(data)


def test_an_unknown_scheme_is_an_error_that_lists_the_known_ones(opened: Any) -> None:
    profile, _ = opened
    with pytest.raises(StoreError, match=r"'redis'.*sqlite, users"):
        profile.bind(people="redis://somewhere")


def test_the_profile_itself_stays_as_it_was(opened: Any) -> None:
    profile, _ = opened
    before = profile.write_plan, profile.read_plan
    profile.bind(people=Users(ANN))
    assert (profile.write_plan, profile.read_plan) == before
    assert b"User" in profile.dumps(ANN)


def test_plugins_apply_beside_stores_and_a_stores_claim_goes_first(opened: Any) -> None:
    def reduce(user: User) -> Any:
        return str, ("reduced",)

    class Guest(User):
        pass

    plugin = declaring("users", Reducer(User, reduce, subclasses=True))

    class Members(Users):
        def persistent_id(self, user: User) -> Any:
            return None if isinstance(user, Guest) else user.name

    with Profile([plugin]).bind(people=Members(ANN)) as bound:
        assert bound.loads(bound.dumps([ANN, Guest("g")])) == [ANN, "reduced"]


@where_classes_go
def test_a_bound_profile_holds_types_weakly(opened: Any) -> None:
    class Passing(User):
        pass

    profile, _ = opened
    with profile.bind(people=Users(ANN)) as bound:
        assert bound.loads(bound.dumps(Passing("ann"))) is ANN
        gone = weakref.ref(Passing)
        del Passing
        gc.collect()
        assert gone() is None


def test_a_bound_profile_is_a_profile(opened: Any) -> None:
    profile, _ = opened
    with profile.bind(people="users:") as bound:
        assert isinstance(bound, Profile)
        assert bound.fingerprint != profile.fingerprint
        assert bound.report().plugins == profile.report().plugins
        with pytest.raises(AttributeError, match="never changes"):
            bound.dumps = None


def test_a_plain_profile_opens_sqlite_files(tmp_path: Path) -> None:
    plain, url = Profile.plain(), f"sqlite:///{tmp_path}/people.db"
    store = plain.open_store(url, tables=[Table("users", User, key="name")], on_new="insert")
    data = plain.bind(people=store).dumps([ANN])
    store.close()
    with plain.bind(people=url) as bound:
        assert bound.loads(data)[0].name == "ann"
