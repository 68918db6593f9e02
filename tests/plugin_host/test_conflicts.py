"""Two plugins that declare one thing: the preference wins, identical ones merge, else an error names both."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from types import ModuleType

import pytest
from throwaway import declaring

from brinery import NameTable, PersistentScheme, Profile, Reducer
from brinery.errors import PluginConflict, PluginError
from brinery.plan import TypeRule


def first(obj: object) -> str:
    return "first"


def second(obj: object) -> str:
    return "second"


Ratio = Fraction


class Names:
    Ratio = Fraction


A = declaring("a", Reducer(Fraction, first))
B = declaring("b", Reducer("fractions:Fraction", second))


def rule(profile: Profile, cls: type) -> TypeRule | None:
    rules = profile.write_plan.rules
    return rules.rule_for(cls) if rules is not None else None


def test_the_same_class_declared_twice_is_a_conflict_that_names_both_and_the_line_to_write() -> None:
    with pytest.raises(PluginConflict) as caught:
        Profile([A, B])
    text = str(caught.value)
    assert "a reducer for fractions:Fraction" in text
    assert "'a' (given)" in text
    assert "'b' (given)" in text
    assert "Profile(prefer={'fractions:Fraction': 'a'})" in text
    assert "Profile(without={'b'})" in text


@pytest.mark.parametrize("order", [[A, B], [B, A]])
def test_the_preferred_plugin_wins_whatever_the_order(order: list[ModuleType]) -> None:
    assert rule(Profile(order, prefer={"fractions:Fraction": "b"}), Fraction) == TypeRule(reduce=second)


def test_leaving_one_out_settles_it() -> None:
    assert rule(Profile([A, B], without={"b"}), Fraction) == TypeRule(reduce=first)


def test_identical_declarations_merge() -> None:
    same = declaring("c", Reducer(Fraction, first))
    assert rule(Profile([A, same]), Fraction) == TypeRule(reduce=first)
    named = declaring("d", Reducer("fractions:Fraction", first))
    assert rule(Profile([A, same, named]), Fraction) == TypeRule(reduce=first)
    with pytest.raises(PluginConflict):
        Profile([A, declaring("e", Reducer("fractions:Fraction", first, subclasses=True))])


def test_a_class_and_its_subclass_are_no_conflict() -> None:
    class Thirds(Fraction):
        pass

    family = declaring("a", Reducer(Fraction, first, subclasses=True))
    one = declaring("b", Reducer(Thirds, second))
    assert rule(Profile([family, one]), Thirds) == TypeRule(reduce=second)


def test_a_preference_for_something_else_settles_nothing() -> None:
    with pytest.raises(PluginConflict):
        Profile([A, B], prefer={"numbers:Number": "a"})


def test_a_preference_for_a_plugin_that_is_not_there_is_an_error() -> None:
    with pytest.raises(PluginError, match=r"prefer=….*'c'.*a, b"):
        Profile([A, B], prefer={"fractions:Fraction": "c"})


def test_options_for_a_plugin_that_is_not_there_are_an_error() -> None:
    with pytest.raises(PluginError, match=r"options=….*'c'"):
        Profile([A], options={"c": {}})


def test_options_for_a_built_in_plugin_are_an_error() -> None:
    with pytest.raises(PluginError, match="'sqlite', which is built in and takes no options"):
        Profile([A], options={"sqlite": {}})


def test_a_class_is_one_thing_under_both_of_its_names() -> None:
    alias = declaring("alias", Reducer(f"{__name__}:Ratio", second))
    with pytest.raises(PluginConflict, match=r"'a' \(given\)(.|\n)*'alias' \(given\)"):
        Profile([declaring("a", Reducer("fractions:Fraction", first)), alias])
    inner = declaring("inner", Reducer(f"{__name__}:Names.Ratio", second))
    assert rule(Profile([inner]), Fraction) == TypeRule(reduce=second)


def test_what_a_class_and_its_name_share_is_no_business_of_other_classes() -> None:
    mixed = declaring("a", Reducer(Fraction, first), Reducer(Decimal, second))
    profile = Profile([mixed, declaring("b", Reducer("fractions:Fraction", first))])
    assert rule(profile, Fraction) == TypeRule(reduce=first)
    assert rule(profile, Decimal) == TypeRule(reduce=second)


def test_a_name_within_what_is_no_class_is_nobodys() -> None:
    assert rule(Profile([declaring("a", Reducer("sys:maxsize.Part", first))]), Fraction) is None


def test_the_same_scheme_twice_is_a_conflict() -> None:
    schemes = [declaring(name, PersistentScheme("redis", f"{name}:open")) for name in ("a", "b")]
    with pytest.raises(PluginConflict, match=r"the scheme redis:(.|\n)*prefer={'redis:': 'a'}"):
        Profile(schemes)
    Profile(schemes, prefer={"redis:": "b"})


def test_the_built_in_scheme_can_be_replaced_only_on_purpose() -> None:
    mine = declaring("mine", PersistentScheme("sqlite", "mine:open"))
    with pytest.raises(PluginConflict, match=r"'sqlite' \(built-in\)"):
        Profile([mine])
    Profile([mine], prefer={"sqlite:": "mine"})


def test_one_name_mapped_two_ways_is_a_conflict() -> None:
    tables = [declaring(name, NameTable(name, {"old:Name": f"new:{name.upper()}"})) for name in ("a", "b")]
    with pytest.raises(PluginConflict, match=r"another name for old:Name in reading"):
        Profile(tables)
    names = Profile(tables, prefer={"old:Name": "b"}).read_plan.names
    assert names is not None
    assert names.apply("old", "Name") == ("new", "B")


def test_one_name_written_two_ways_is_a_conflict() -> None:
    tables = [declaring(name, NameTable(name, {}, write={"new": name})) for name in ("a", "b")]
    with pytest.raises(PluginConflict, match=r"another name for new in writing"):
        Profile(tables)


def test_plugins_of_one_name_are_refused() -> None:
    with pytest.raises(PluginError, match="each plugin once"):
        Profile([A, declaring("a")])


def test_a_plugin_may_not_take_the_name_of_a_built_in_one() -> None:
    with pytest.raises(PluginError, match="built in"):
        Profile([declaring("sqlite")])
