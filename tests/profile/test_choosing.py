"""A profile is a choice: which plugins, in which order, with which options; and it never changes."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from engines import engines_under_test
from throwaway import Installation, declaring, make_plugin

import brinery
from brinery import NameTable, Option, Override, PersistentScheme, Profile, Reducer


def named(name: str, text: str) -> Override:
    def override(obj: object) -> tuple[object, ...]:
        return str, (text,)

    return Override(Fraction, override)


A = declaring("a", named("a", "from a"))
B = declaring("b", named("b", "from b"))
C = declaring("c", Reducer(Decimal, str))


def written(profile: Profile) -> object:
    return brinery.Profile.plain().loads(profile.dumps(Fraction(1, 2)))


def test_the_order_is_the_programs() -> None:
    order = "override:fractions:Fraction"
    assert written(Profile([A, B], prefer={order: ("a", "b")})) == "from a"
    assert written(Profile([A, B], prefer={order: ("b", "a")})) == "from b"


def test_plugins_are_left_out_by_name() -> None:
    assert written(Profile([A, B], without={"a"})) == "from b"
    assert written(Profile([A, B], without=["a", "b"])) == Fraction(1, 2)


def test_plugins_may_come_from_any_iterable() -> None:
    assert written(Profile(plugin for plugin in (A, C))) == "from a"


@pytest.mark.parametrize("plugins", ["numpy", ""])
def test_a_single_name_is_a_mistake_that_is_shown(plugins: str) -> None:
    with pytest.raises(TypeError, match="a list"):
        Profile(plugins)  # type: ignore[arg-type]


def test_without_wants_a_set_of_names() -> None:
    with pytest.raises(TypeError, match="set of names"):
        Profile([A], without="a")


def test_a_profile_never_changes() -> None:
    profile = Profile([A])
    for attribute in ("dumps", "write_plan", "anything"):
        with pytest.raises(AttributeError):
            setattr(profile, attribute, None)
        with pytest.raises(AttributeError):
            delattr(profile, attribute)


def test_changing_what_it_was_made_from_changes_nothing() -> None:
    prefer: dict[str, str | tuple[str, ...]] = {}
    plugins = [A]
    profile = Profile(plugins, prefer=prefer)
    before = profile.fingerprint
    prefer["x:Y"] = "a"
    plugins.append(B)
    assert profile.fingerprint == before
    assert repr(profile) == "<Profile: a>"


def test_a_profile_says_which_plugins_it_has() -> None:
    assert repr(Profile([A, C])) == "<Profile: a, c>"
    assert repr(Profile.plain()) == "<Profile: plain>"


def test_an_engine_is_chosen_by_name() -> None:
    for engine in engines_under_test():
        assert written(Profile([A], engine=engine)) == "from a"
    with pytest.raises(ValueError, match="no engine is called 'fortran'"):
        Profile([A], engine="fortran")


def test_a_copy_of_a_profile_is_the_profile() -> None:
    profile = Profile([A])
    assert copy.copy(profile) is copy.deepcopy(profile) is profile


def test_a_profile_can_be_a_dictionarys_key() -> None:
    profile = Profile([A])
    assert {profile: 1}[profile] == 1


# Fingerprints


def test_fingerprints_are_equal_for_equal_profiles() -> None:
    assert Profile([A, C]).fingerprint == Profile([A, C]).fingerprint
    assert len(Profile([A]).fingerprint) == 64


def test_fingerprints_do_not_tell_one_instance_of_a_plugin_from_another() -> None:
    class Plugin:
        @brinery.hookimpl
        def brinery_overrides(self) -> Iterator[Override]:
            yield Override(Fraction, str)

    assert Profile([Plugin()]).fingerprint == Profile([Plugin()]).fingerprint


def optional(name: str) -> object:
    def reducers(options: object) -> Iterator[Reducer]:
        yield Reducer(Fraction, str)

    return make_plugin(name, options=lambda: [Option("level", int, 0, "how deep")], reducers=reducers)


def test_fingerprints_tell_order_options_and_preferences_apart() -> None:
    c = optional("c")
    profiles = [
        Profile([A, C]),
        Profile([C, A]),
        Profile([A, B], prefer={"override:fractions:Fraction": ("a", "b")}),
        Profile([A, B], prefer={"override:fractions:Fraction": ("b", "a")}),
        Profile([A]),
        Profile([c]),
        Profile([c], options={"c": {"level": 1}}),
        Profile([c], options={"c": {"level": 2}}),
        Profile([c], prefer={"reducer:fractions:Fraction": "c"}),
        Profile([declaring("a", Reducer(Fraction, repr))]),
        Profile([declaring("a", Reducer(Fraction, repr, subclasses=True))]),
        Profile.plain(),
    ]
    assert len({profile.fingerprint for profile in profiles}) == len(profiles)


def reducing(function: Callable[[object], object]) -> str:
    return Profile([declaring("p", Reducer(Fraction, function))]).fingerprint


def adding(number: object) -> Callable[[object], object]:
    return lambda obj: (str, (str(number),))


def test_fingerprints_tell_functions_without_a_name_apart() -> None:
    functions: list[Callable[[object], object]] = [
        lambda obj: (str, ("one",)),
        lambda obj: (str, ("two",)),
        lambda obj, more="one": (str, (more,)),
        lambda obj, more="two": (str, (more,)),
        adding(1),
        adding(2),
        adding(adding(1)),
        functools.partial(round, ndigits=1),
        functools.partial(round, ndigits=2),
        functools.partial(pow, 2),
        str,
        repr,
    ]
    prints = [reducing(function) for function in functions]
    assert len(set(prints)) == len(functions)
    assert prints == [reducing(function) for function in functions]
    assert reducing(adding(1)) == reducing(adding(1))
    assert reducing(functools.partial(round, ndigits=1)) == reducing(functools.partial(round, ndigits=1))


def test_fingerprints_of_functions_without_a_name_are_the_same_in_every_process(tmp_path: Path) -> None:
    source = """
        import functools
        from brinery import Reducer, hookimpl

        def adding(number):
            return lambda obj: (str, (number, {"a", "b", "c"}))

        @hookimpl
        def brinery_reducers():
            yield Reducer("fractions:Fraction", adding(1))
            yield Reducer("decimal:Decimal", functools.partial(adding, {"a": frozenset("xyz")}))
        """
    prints = set()
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        installation = Installation(folder)
        installation.add("a-plugin", plugins={"a": "a_plugin"}, a_plugin=source)
        code = "import brinery; print(brinery.default_profile().fingerprint)"
        prints.add(installation.out(code, PYTHONHASHSEED=str(number)))
    assert len(prints) == 1


def test_fingerprints_tell_versions_of_brinery_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Profile([A]).fingerprint
    monkeypatch.setattr("brinery.plugin_host.fingerprints.__version__", "99.0")
    assert Profile([A]).fingerprint != before


def test_the_report_says_what_each_plugin_declares() -> None:
    busy = declaring(
        "busy",
        Reducer(Fraction, str),
        Reducer("decimal:Decimal", str),
        named("x", "x"),
        PersistentScheme("redis", "redis:open"),
        NameTable("moved", {"old": "new"}),
    )
    report = Profile([busy, declaring("idle"), declaring("out")], without={"out"}).report()
    lines = str(report).splitlines()
    assert [line for line in lines if "(given)" in line] == [
        "busy (given): active, 2 reducers, 1 override, 1 scheme, 1 name table",
        "idle (given): active, nothing declared",
        "out (given): blocked, left out by Profile(without=…)",
    ]
    assert "sqlite (built-in): active, 1 scheme" in lines
