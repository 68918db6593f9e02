"""Binding stores to a profile, as an application does it."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import pytest

from brinery import Profile
from brinery.errors import StoreError, UnboundStore
from brinery.persistence.sqlite import SqliteStore, Table

from .shop import Customer, Node, Regular

if TYPE_CHECKING:
    from pathlib import Path

TABLES = [Table("customers", Customer), Table("nodes", Node)]


@pytest.fixture(params=["plain", "default"])
def profile(request: pytest.FixtureRequest, wire: Any) -> Profile:
    if request.param == "plain":
        return Profile.plain(engine=wire.name)
    return Profile(plugins=(), engine=wire.name)


@pytest.fixture
def shop(tmp_path: Path) -> str:
    with SqliteStore(tmp_path / "shop.db", TABLES) as store:
        store.save(*[Customer(number) for number in range(10)])
    return f"sqlite:///{tmp_path}/shop.db"


def test_a_url_is_opened_and_closed_again(wire: Any, shop: str) -> None:
    with Profile(engine=wire.name).bind(shop=f"{shop}?on_new=insert") as bound:
        data = bound.dumps([Customer(3), Customer(77)])
        assert bound.loads(data) == [Customer(3), Customer(77)]
    with pytest.raises(StoreError, match="is closed"):
        bound.loads(data)
    with Profile(engine=wire.name).bind(shop=shop) as again:
        assert again.loads(data) == [Customer(3), Customer(77)]


def test_where_one_url_cannot_be_opened_the_others_are_closed(wire: Any, shop: str) -> None:
    with pytest.raises(StoreError, match="is not there"):
        Profile(engine=wire.name).bind(shop=shop, other="sqlite:////no/such/file.db")


def test_a_store_that_was_passed_in_stays_open(profile: Profile) -> None:
    with SqliteStore(":memory:", TABLES, on_new="insert") as store:
        with profile.bind(shop=store) as bound:
            data = bound.dumps(Customer(1))
        assert store.get("customers", 1) == Customer(1)
        with profile.bind(shop=store) as bound:
            assert bound.loads(data) == Customer(1)


def test_every_way_of_dumping_and_loading_reaches_the_stores(profile: Profile) -> None:
    anna = Customer(1)
    with SqliteStore(":memory:", TABLES, on_new="insert") as store, profile.bind(shop=store) as bound:
        file = io.BytesIO()
        bound.dump(anna, file)
        bound.Pickler(file).dump(anna)
        file.write(bound.dumps(anna))
        file.seek(0)
        assert bound.load(file) == anna
        assert bound.Unpickler(file).load() == anna
        assert bound.loads(file.read()) == anna
        assert file.getvalue().count(b"customers") == 3

        class Reader(bound.Unpickler):  # type: ignore[name-defined,misc]
            pass

        file.seek(0)
        assert Reader(file).load() == anna


def test_a_profile_that_has_stores_does_not_change_the_one_it_was_made_of(profile: Profile) -> None:
    with SqliteStore(":memory:", TABLES, on_new="insert") as store, profile.bind(shop=store) as bound:
        data = bound.dumps(Customer(1))
        assert profile.loads(profile.dumps(Customer(2))) == Customer(2)
        with pytest.raises(KeyError):
            store.get("customers", 2)
        with pytest.raises(UnboundStore, match=r"profile.bind\(shop=store\)"):
            profile.loads(data)


def test_names_that_are_no_identifiers_and_stores_by_name(profile: Profile) -> None:
    with (
        SqliteStore(":memory:", TABLES[:1], on_new="insert") as one,
        SqliteStore(":memory:", TABLES[1:], on_new="insert") as two,
        profile.bind({"my shop": one}, two=two) as bound,
    ):
        assert bound.loads(bound.dumps([Customer(1), Node(2)])) == [Customer(1), Node(2)]
        with pytest.raises(UnboundStore, match=r"profile.bind\(\*\*\{'my shop': store\}\)"):
            profile.loads(bound.dumps(Customer(1)))


def test_all_stores_are_bound_at_once(profile: Profile) -> None:
    with (
        SqliteStore(":memory:", TABLES) as store,
        profile.bind(shop=store) as bound,
        pytest.raises(StoreError, match="bind all of them at once"),
    ):
        bound.bind(other=store)


def test_a_plugins_reducers_stay_beside_the_stores(wire: Any) -> None:
    class Plugin:
        @staticmethod
        def brinery_reducers() -> Any:
            from brinery import Reducer

            yield Reducer(Regular, lambda regular: (str, (f"regular {regular.id}",)))
            yield Reducer(Customer, lambda customer: (str, ("by the plugin",)))

    from brinery import hookimpl

    Plugin.brinery_reducers = staticmethod(hookimpl(Plugin.brinery_reducers))  # type: ignore[assignment]
    profile = Profile(plugins=[Plugin()], engine=wire.name)
    with SqliteStore(":memory:", TABLES, on_new="insert") as store, profile.bind(shop=store) as bound:
        assert bound.loads(bound.dumps([Customer(1), Regular(2)])) == [Customer(1), "regular 2"]


def test_threads_share_a_bound_profile(profile: Profile) -> None:
    wrong: list[object] = []
    with SqliteStore(":memory:", TABLES, on_new="insert") as store, profile.bind(shop=store) as bound:

        def work(number: int) -> None:
            for turn in range(20):
                people = [Customer(number * 1000 + turn), Customer(turn)]
                if (loaded := bound.loads(bound.dumps(people))) != people:
                    wrong.append(loaded)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
