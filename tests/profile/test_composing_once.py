"""Composition happens once: no hook runs per dump, per Pickler or per thread."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from throwaway import Installation, make_plugin

import brinery
from brinery import NameTable, Override, PersistentScheme, Profile, Reducer


class Counted:
    """A plugin that counts how often its hooks are called."""

    __name__ = "counted"

    def __init__(self) -> None:
        self.calls: list[str] = []

    @brinery.hookimpl
    def brinery_reducers(self) -> Iterator[Reducer]:
        self.calls.append("reducers")
        yield Reducer(Fraction, str)

    @brinery.hookimpl
    def brinery_overrides(self) -> Iterator[Override]:
        self.calls.append("overrides")
        yield Override(Fraction, lambda obj: NotImplemented)

    @brinery.hookimpl
    def brinery_persistent_schemes(self) -> Iterator[PersistentScheme]:
        self.calls.append("persistent_schemes")
        yield PersistentScheme("counted", "nowhere:open")

    @brinery.hookimpl
    def brinery_name_tables(self) -> Iterator[NameTable]:
        self.calls.append("name_tables")
        yield NameTable("counted", {"old": "new"})


@pytest.fixture
def counted() -> Counted:
    return Counted()


ONCE_EACH = ["name_tables", "overrides", "persistent_schemes", "reducers"]


def test_each_hook_is_called_once_over_10_000_dumps(counted: Counted) -> None:
    profile = Profile([counted])
    for number in range(10_000):
        profile.loads(profile.dumps([number]))
    assert sorted(counted.calls) == ONCE_EACH


def test_each_hook_is_called_once_over_many_picklers_of_the_default_profile(counted: Counted) -> None:
    with brinery.set_default_profile(Profile([counted])):
        for number in range(1_000):
            file = io.BytesIO()
            brinery.Pickler(file).dump({number: number})
            file.seek(0)
            brinery.Unpickler(file).load()
            brinery.loads(brinery.dumps(number))
    assert sorted(counted.calls) == ONCE_EACH


def test_reports_explanations_and_binding_compose_nothing(counted: Counted) -> None:
    profile = Profile([counted])
    profile.report()
    profile.explain(Fraction)
    assert profile.fingerprint == profile.fingerprint
    profile.bind().close()
    assert sorted(counted.calls) == ONCE_EACH


def test_threads_that_dump_first_compose_the_default_profile_once(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    source = """
        import time
        from brinery import Reducer, hookimpl

        @hookimpl
        def brinery_reducers():
            print("asked")
            time.sleep(0.1)
            yield Reducer("fractions:Fraction", "builtins:str")
        """
    installation.add("slow-plugin", plugins={"slow": "slow_plugin"}, slow_plugin=source)
    out = installation.out(
        """
        import threading, brinery
        start = threading.Barrier(8)
        def dump():
            start.wait()
            for number in range(100):
                assert brinery.loads(brinery.dumps(number)) == number
        threads = [threading.Thread(target=dump) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    )
    assert out == "asked"


def test_one_profile_serves_many_threads() -> None:
    class Animal:
        def __init__(self, name: str) -> None:
            self.name = name

    plugin = make_plugin(
        reducers=lambda: [Reducer(Animal, lambda animal: (str, (animal.name,)), subclasses=True)]
    )
    profile = Profile([plugin])
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(200):
                kind = type(f"Animal{number}_{turn % 7}", (Animal,), {})
                assert profile.loads(profile.dumps([kind(str(turn))])) == [str(turn)]
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
