"""One grammar for `prefer`; and what settles nothing is an error that names the nearest, in each argument."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from throwaway import declaring

from brinery import NameTable, Option, Override, PersistentScheme, Profile, Reducer
from brinery.errors import ChoiceError, PluginError


def first(obj: object) -> str:
    return "first"


def second(obj: object) -> str:
    return "second"


A = declaring(
    "alpha",
    Reducer(Fraction, first),
    Override("decimal:Decimal", first),
    Reducer("decimal:Decimal", first),
    PersistentScheme("redis", "a:open"),
    NameTable("a", {"old:Name": "new:A"}),
    Option("level", int, 3, "how deep"),
)
B = declaring(
    "beta",
    Reducer(Fraction, second),
    Override(Decimal, second),
    PersistentScheme("redis", "b:open"),
    NameTable("b", {"old:Name": "new:B"}),
)

SETTLED: dict[str, str | tuple[str, ...]] = {
    "reducer:fractions:Fraction": "beta",
    "override:decimal:Decimal": ("beta", "alpha"),
    "scheme:redis": "beta",
    "name:old:Name": "beta",
}


def with_prefer(prefer: Any, **changes: Any) -> Profile:
    return Profile([A, B], prefer={**SETTLED, **prefer}, **changes)


def test_keys_have_the_kind_in_front() -> None:
    profile = with_prefer({})
    rules, names = profile.write_plan.rules, profile.read_plan.names
    assert rules is not None
    assert names is not None
    fraction, decimal = rules.rule_for(Fraction), rules.rule_for(Decimal)
    assert fraction is not None
    assert decimal is not None
    assert fraction.reduce is second
    assert decimal.overrides == (second, first)
    assert names.apply("old", "Name") == ("new", "B")
    assert profile._composition.profile["schemes"]["redis"].open == "b:open"


def test_the_short_form_is_accepted_where_one_kind_is_meant() -> None:
    short = {"fractions:Fraction": "beta", "redis": "beta", "old:Name": "beta"}
    profile = Profile([A, B], prefer={**short, "override:decimal:Decimal": ("beta", "alpha")})
    assert profile.fingerprint == with_prefer({}).fingerprint


def test_a_short_form_that_may_mean_two_things_is_an_error_that_names_both() -> None:
    with pytest.raises(ChoiceError, match="may mean 'reducer:decimal:Decimal' or 'override:decimal:Decimal'"):
        with_prefer({"decimal:Decimal": "alpha"})


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("reducer:fractions:Fracton", "did you mean 'reducer:fractions:Fraction'"),
        ("reducer:old:Name", "did you mean 'name:old:Name'"),
        ("fractions:Fractio", "did you mean 'reducer:fractions:Fraction'"),
        ("redis:", "did you mean 'scheme:redis'"),
        ("option:level", "settles nothing: no plugin declares that"),
        ("numbers:Number", "settles nothing: no plugin declares that"),
    ],
)
def test_a_key_that_settles_nothing_is_an_error_that_names_the_nearest(key: str, text: str) -> None:
    with pytest.raises(ChoiceError, match=text):
        with_prefer({key: "alpha"})


@pytest.mark.parametrize(
    ("plugin", "text"),
    [
        ("alpa", "'alpa' for 'scheme:redis', which is not there; did you mean 'alpha'"),
        ("sqlite", "'sqlite' for 'scheme:redis', which it does not declare; these do: alpha, beta"),
        (("alpha", "beta"), "names 2 plugins for 'scheme:redis', but one scheme counts"),
        ((), "a plugin's name, or a tuple of names"),
        (3, "a plugin's name, or a tuple of names"),
    ],
)
def test_so_is_a_plugin_that_settles_nothing(plugin: object, text: str) -> None:
    with pytest.raises(ChoiceError, match=text):
        with_prefer({"scheme:redis": plugin})


def test_a_plugin_named_twice_is_an_error() -> None:
    with pytest.raises(ChoiceError, match="twice"):
        with_prefer({"override:decimal:Decimal": ("alpha", "alpha")})


def test_a_plugin_that_is_left_out_settles_nothing() -> None:
    both = r"Profile\(without=…\) leaves it out: take it out of one of the two"
    with pytest.raises(ChoiceError, match=f"'alpha' for 'scheme:redis', and {both}"):
        Profile([A, B], prefer={"scheme:redis": "alpha"}, without={"alpha"})
    with pytest.raises(ChoiceError, match=f"the plugin 'alpha', and {both}"):
        Profile([A, B], options={"alpha": {"level": 1}}, without={"alpha"})


def test_without_names_what_is_there() -> None:
    with pytest.raises(ChoiceError, match="'alpah', which is not there; did you mean 'alpha'"):
        Profile([A], without={"alpah"})
    with pytest.raises(ChoiceError, match="'sqlite', which is built in"):
        Profile([A], without={"sqlite"})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"alpah": {}}, "for the plugin 'alpah', which is not there; did you mean 'alpha'"),
        ({"sqlite": {}}, "'sqlite', which is built in and takes no options"),
        (
            {"alpha": {"levle": 1}},
            "has 'levle', an option that the plugin does not declare; did you mean 'level'",
        ),
        ({"alpha": {"level": "1"}}, "is a str, but the plugin wants int: how deep"),
        ({"alpha": {"level": True}}, "is a bool, but the plugin wants int"),
        ({"beta": {"level": 1}}, "does not declare; there are no options of it"),
    ],
)
def test_options_name_what_is_declared(options: dict[str, dict[str, object]], text: str) -> None:
    with pytest.raises(ChoiceError, match=text):
        with_prefer({}, options=options)


def test_a_choice_error_is_an_error_about_plugins() -> None:
    assert issubclass(ChoiceError, PluginError)


# From outside the program


@pytest.mark.parametrize(
    "text",
    [
        "reducer:fractions:Fraction=beta;override:decimal:Decimal=beta,alpha;scheme:redis=beta;name:old:Name=beta",
        " fractions:Fraction = beta ; override:decimal:Decimal = beta , alpha; redis=beta ; old:Name=beta ;",
    ],
)
def test_the_environment_settles_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRINERY_PREFER", text)
    assert Profile([A, B]).fingerprint == with_prefer({}).fingerprint


def test_what_the_program_says_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRINERY_PREFER", "reducer:fractions:Fraction=alpha")
    rules = with_prefer({}).write_plan.rules
    assert rules is not None
    rule = rules.rule_for(Fraction)
    assert rule is not None
    assert rule.reduce is second


@pytest.mark.parametrize("text", ["scheme:redis", "scheme:redis=", "=beta", "scheme:redis=,"])
def test_an_entry_of_another_form_is_an_error_with_an_example(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRINERY_PREFER", text)
    with pytest.raises(ChoiceError, match="BRINERY_PREFER has"):
        with_prefer({})


def test_a_profile_without_plugins_does_not_look_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRINERY_PREFER", "nonsense")
    Profile(())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reducer:a:B=one; reducer:a:B=two", "has the key 'reducer:a:B' twice"),
        ("reducer:a:B=one, scheme:x=two", "write BRINERY_PREFER='reducer:a:B=one; scheme:x=two'"),
        ("override:a:B=one,two,scheme:x=two", "write BRINERY_PREFER='override:a:B=one,two; scheme:x=two'"),
    ],
)
def test_slips_in_the_environment(monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    monkeypatch.setenv("BRINERY_PREFER", text)
    with pytest.raises(ChoiceError) as caught:
        Profile([declaring("one", Reducer("fractions:Fraction", str))])
    assert said in str(caught.value)
