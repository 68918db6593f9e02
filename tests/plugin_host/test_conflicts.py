"""Two plugins that declare one thing: the preference wins, identical ones merge, else an error names both."""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Sized
from decimal import Decimal
from fractions import Fraction
from types import ModuleType

import pytest
from engines import Wire
from throwaway import declaring

from brinery import NameTable, Override, PersistentScheme, Profile, Reducer
from brinery.errors import PluginConflict, PluginError
from brinery.plan import TypeRule


def first(obj: object) -> str:
    return "first"


def second(obj: object) -> str:
    return "second"


Ratio = Fraction


class Bag:
    def __len__(self) -> int:
        return 0

    def __contains__(self, item: object) -> bool:
        return False


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
    assert "Profile(prefer={'reducer:fractions:Fraction': 'a'})" in text
    assert 'BRINERY_PREFER="reducer:fractions:Fraction=a"' in text
    assert text.count(f"({__file__}:") == 2
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
    with pytest.raises(PluginConflict, match=r"the scheme redis:(.|\n)*prefer={'scheme:redis': 'a'}"):
        Profile(schemes)
    Profile(schemes, prefer={"scheme:redis": "b"})


def test_the_built_in_scheme_can_be_replaced_only_on_purpose() -> None:
    mine = declaring("mine", PersistentScheme("sqlite", "mine:open"))
    with pytest.raises(PluginConflict, match=r"'sqlite' \(built-in\)"):
        Profile([mine])
    Profile([mine], prefer={"scheme:sqlite": "mine"})


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


def test_all_conflicts_are_told_at_once_each_with_the_line_that_settles_it() -> None:
    one = declaring(
        "one",
        Reducer(Fraction, first),
        Override(Decimal, first),
        PersistentScheme("redis", "one:open"),
        NameTable("one", {"old:Name": "new:One"}),
    )
    two = declaring(
        "two",
        Reducer(Fraction, second),
        Override(Decimal, second),
        PersistentScheme("redis", "two:open"),
        NameTable("two", {"old:Name": "new:Two"}),
    )
    with pytest.raises(PluginConflict, match="in conflict about 4 things") as caught:
        Profile([one, two])
    assert set(caught.value.keys) == {
        "reducer:fractions:Fraction",
        "override:decimal:Decimal",
        "scheme:redis",
        "name:old:Name",
    }
    lines = re.findall(r"Profile\(prefer=(\{.*?\})\)", str(caught.value))
    prefer = {key: value for line in lines for key, value in ast.literal_eval(line).items()}
    assert set(prefer) == set(caught.value.keys)
    Profile([one, two], prefer=prefer).check()


# Overrides


def third(obj: object) -> str:
    return "third"


OVER_A = declaring("a", Override(Fraction, first), Override(Fraction, second))
OVER_B = declaring("b", Override("fractions:Fraction", third))


def test_two_plugins_with_an_override_for_one_class_are_a_conflict_too() -> None:
    with pytest.raises(PluginConflict, match=r"an override for fractions:Fraction") as caught:
        Profile([OVER_A, OVER_B])
    assert "Profile(prefer={'override:fractions:Fraction': ('a', 'b')})" in str(caught.value)
    assert 'BRINERY_PREFER="override:fractions:Fraction=a,b"' in str(caught.value)


@pytest.mark.parametrize(
    ("order", "asked"),
    [
        (("a", "b"), (first, second, third)),
        (("b", "a"), (third, first, second)),
        ("a", (first, second)),
        (("b",), (third,)),
    ],
)
def test_prefer_says_in_which_order_to_ask_and_whom(
    order: str | tuple[str, ...], asked: tuple[object, ...]
) -> None:
    profile = Profile([OVER_B, OVER_A], prefer={"override:fractions:Fraction": order})
    assert rule(profile, Fraction) == TypeRule(overrides=asked)


def test_overrides_at_different_classes_of_a_line_are_no_conflict() -> None:
    family = declaring("c", Override(object, third))
    assert rule(Profile([family, OVER_A]), Fraction) == TypeRule(overrides=(first, second, third))


def test_identical_overrides_merge() -> None:
    same = declaring("c", Override("fractions:Fraction", first), Override(Fraction, second))
    assert rule(Profile([OVER_A, same]), Fraction) == TypeRule(overrides=(first, second))


def test_overrides_for_two_abcs_without_an_order_are_a_conflict_where_a_class_has_both(wire: Wire) -> None:
    plugins = [declaring("sized", Override(Sized, first)), declaring("holding", Override(Container, second))]
    profile = Profile(plugins, engine=wire.name)
    profile.check()
    with pytest.raises(PluginConflict) as caught:
        profile.dumps([Bag()])
    assert caught.value.pickle_path == "root[0]"  # type: ignore[attr-defined]
    (line,) = re.findall(r"Profile\(prefer=(\{.*?\})\)", str(caught.value))
    prefer = ast.literal_eval(line)
    assert rule(Profile(plugins, prefer=prefer), Bag) == TypeRule(overrides=(first, second))


def test_one_plugin_that_contradicts_itself_under_two_names_of_a_class_is_told_to_mend_it() -> None:
    plugin = declaring("a", Reducer(f"{__name__}:Ratio", first), Reducer(Fraction, second))
    with pytest.raises(PluginConflict, match=r"'a' declares a reducer for .* in more than one way"):
        Profile([plugin])
