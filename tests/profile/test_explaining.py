"""explain(name) shows everyone who has a say about a name, who wins, and by which rule."""

from __future__ import annotations

import json
import types
from collections import OrderedDict
from collections.abc import Container, Sized
from fractions import Fraction

from throwaway import declaring

from brinery import NameTable, Override, PersistentScheme, Profile, Reducer, Shape, TextRule
from brinery.plugin_host.composing import compose
from brinery.plugin_host.explaining import Explanation, explain
from brinery.plugin_host.kinds import kind_of
from brinery.plugin_host.selection import Choice
from brinery.records import Record


class Animal:
    pass


class Dog(Animal):
    pass


def reduce(obj: object) -> str:
    return ""


def other(obj: object) -> str:
    return ""


PROFILE = Profile(
    [
        declaring("family", Reducer(Animal, reduce, subclasses=True), Override(Animal, other)),
        declaring("exact", Reducer(Dog, reduce)),
        declaring("a", Reducer(Fraction, reduce), PersistentScheme("redis", "a:open")),
        declaring("b", Reducer(Fraction, other), PersistentScheme("redis", "b:open")),
        declaring("names", NameTable("moved", {"zoo:Beast": "farm:Animal", "zoo": "farm"})),
        declaring("late", Reducer("nowhere:Thing", reduce)),
    ],
    prefer={"reducer:fractions:Fraction": "b", "scheme:redis": "a"},
)


def outcome(explanation: Explanation) -> list[tuple[str, str, bool]]:
    return [(say.kind, say.plugin.name, say.wins) for say in explanation.says]


def test_a_class_shows_overrides_then_reducers_nearest_first() -> None:
    assert outcome(PROFILE.explain(Dog)) == [
        ("override", "family", True),
        ("reducer", "exact", True),
        ("reducer", "family", False),
    ]
    assert outcome(PROFILE.explain(f"{__name__}:Dog")) == outcome(PROFILE.explain(Dog))


def test_the_rule_says_why() -> None:
    rules = {say.plugin.name: say.rule for say in PROFILE.explain(Dog).says if say.kind == "reducer"}
    assert rules == {"exact": "the only one", "family": "'exact' (given) wins: its class is nearer"}
    rules = {say.plugin.name: say.rule for say in PROFILE.explain(Fraction).says}
    assert rules["b"] == "prefer['reducer:fractions:Fraction']"
    assert rules["a"] == "'b' (given) wins: prefer['reducer:fractions:Fraction']"


def test_an_override_says_where_it_comes_from() -> None:
    (own,) = [say.rule for say in PROFILE.explain(Animal).says if say.kind == "override"]
    (near,) = [say.rule for say in PROFILE.explain(Dog).says if say.kind == "override"]
    assert own == "asked before the built-in way"
    assert near == f"asked before the built-in way, as {__name__}:Animal is above it"


def test_a_reducer_that_is_not_for_subclasses_says_so() -> None:
    class Puppy(Dog):
        pass

    says = {say.plugin.name: say for say in PROFILE.explain(Puppy).says if say.kind == "reducer"}
    assert says["family"].wins
    assert not says["exact"].wins
    assert "not for subclasses" in says["exact"].rule


def test_a_scheme_is_asked_with_its_colon() -> None:
    assert outcome(PROFILE.explain("redis:")) == [("scheme", "a", True), ("scheme", "b", False)]
    assert outcome(PROFILE.explain("sqlite:")) == [("scheme", "sqlite", True)]
    assert outcome(PROFILE.explain("nothing:")) == []


def test_names_show_what_they_are_read_and_written_as() -> None:
    (say,) = PROFILE.explain("zoo:Beast").says
    assert say.what == "zoo:Beast is read as farm:Animal at every protocol"
    (say,) = PROFILE.explain("zoo:Other").says
    assert say.what == "zoo is read as farm at every protocol"
    (say,) = PROFILE.explain("copy_reg").says
    assert say.what == "copy_reg is read as copyreg below protocol 3"


def test_of_two_names_for_one_the_winner_is_shown_and_the_rule() -> None:
    tables = [declaring(name, NameTable(name, {}, write={"farm": name})) for name in ("a", "b")]
    a, b = Profile(tables, prefer={"farm": "b"}).explain("farm").says
    assert (a.what, a.wins) == ("farm is written as a at every protocol", False)
    assert (b.what, b.wins) == ("farm is written as b at every protocol", True)
    assert (a.rule, b.rule) == ("'b' (given) wins: prefer['farm']", "prefer['farm']")


def test_a_class_that_cannot_be_imported_shows_what_is_declared_under_its_name() -> None:
    explanation = PROFILE.explain("nowhere:Thing")
    assert outcome(explanation) == [("reducer", "late", True)]
    assert "cannot be imported" in explanation.note


def test_a_data_type_is_never_offered_to_anyone() -> None:
    explanation = Profile([declaring("p", Override(object, reduce))]).explain("builtins:dict")
    assert [say.kind for say in explanation.says] == ["write name"]
    assert "never offered" in explanation.note


def test_a_function_shows_what_is_said_about_functions() -> None:
    profile = Profile([declaring("p", Override(types.FunctionType, reduce))])
    explanation = profile.explain("types:new_class")
    assert outcome(explanation) == [("override", "p", True)]
    assert "no class" in explanation.note


def test_where_nobody_has_a_say_it_says_so() -> None:
    assert "no plugin has a say" in str(PROFILE.explain(OrderedDict))
    assert "no plugin has a say" in str(Profile.plain().explain(types.SimpleNamespace))


def test_it_comes_as_text_and_as_json() -> None:
    explanation = PROFILE.explain(Fraction)
    assert str(explanation).splitlines() == [
        "fractions:Fraction",
        f"  * b (given): reducer for fractions:Fraction: {__name__}:other",
        "      rule: prefer['reducer:fractions:Fraction']",
        f"    a (given): reducer for fractions:Fraction: {__name__}:reduce",
        "      rule: 'b' (given) wins: prefer['reducer:fractions:Fraction']",
    ]
    says = json.loads(json.dumps(explanation.as_dict()))["says"]
    assert says[0]["wins"] is True
    assert says[0]["plugin"]["name"] == "b"


def test_what_is_in_conflict_is_shown_with_nobody_winning() -> None:
    """Between ABCs without an order: that cannot be seen when the profile is composed."""

    class Bag:
        def __len__(self) -> int:
            return 0

        def __contains__(self, item: object) -> bool:
            return False

    profile = Profile(
        [
            declaring("sized", Reducer(Sized, reduce, subclasses=True)),
            declaring("holding", Reducer(Container, other, subclasses=True)),
        ]
    )
    explanation = profile.explain(Bag)
    assert outcome(explanation) == [("reducer", "sized", False), ("reducer", "holding", False)]
    assert explanation.conflict.startswith("more than one plugin declares a reducer for")
    assert explanation.conflict in str(explanation)
    assert PROFILE.explain(Dog).conflict == ""


def test_so_is_a_class_that_cannot_be_imported() -> None:
    plugins = (
        declaring("a", Reducer("nowhere:Thing", reduce)),
        declaring("b", Reducer("nowhere:Thing", other), Override("nowhere:Thing", other)),
    )
    places = compose(Choice(plugins, lenient=True)).places
    explanation = explain(places, "nowhere:Thing")
    assert outcome(explanation) == [("override", "b", True), ("reducer", "a", False), ("reducer", "b", False)]
    assert "prefer={'reducer:nowhere:Thing': 'a'}" in explanation.conflict
    profile = Profile(plugins, prefer={"reducer:nowhere:Thing": "b"})
    explanation = profile.explain("nowhere:Thing")
    assert outcome(explanation) == [("override", "b", True), ("reducer", "b", True), ("reducer", "a", False)]


def test_overrides_are_shown_in_the_order_in_which_they_are_asked() -> None:
    plugins = [
        declaring("a", Override(Animal, reduce), Override(Dog, other)),
        declaring("b", Override(Dog, reduce)),
        declaring("c", Override(Dog, reduce)),
    ]
    profile = Profile(plugins, prefer={f"override:{__name__}:Dog": ("b", "a")})
    says = profile.explain(Dog).says
    assert [(say.plugin.name, say.wins) for say in says] == [
        ("b", True),
        ("a", True),
        ("a", True),
        ("c", False),
    ]
    rule = profile.write_plan.rules.rule_for(Dog)  # type: ignore[union-attr]
    assert rule is not None
    assert rule.overrides == (reduce, other, reduce)
    assert says[-1].rule.startswith("not asked: prefer['override:")


def test_what_is_declared_beneath_a_module_is_found() -> None:
    assert [say.what for say in PROFILE.explain("zoo").says] == [
        "zoo is read as farm at every protocol",
        "zoo:Beast is read as farm:Animal at every protocol",
    ]
    assert outcome(PROFILE.explain("nowhere")) == [("reducer", "late", True)]
    assert outcome(PROFILE.explain(__name__.partition(".")[0]))[-1] == ("reducer", "exact", True)


def test_a_key_of_prefer_shows_that_kind_alone() -> None:
    assert outcome(PROFILE.explain("reducer:fractions:Fraction")) == [
        ("reducer", "b", True),
        ("reducer", "a", False),
    ]
    assert outcome(PROFILE.explain(f"override:{__name__}:Dog")) == [("override", "family", True)]
    assert outcome(PROFILE.explain("scheme:redis")) == [("scheme", "a", True), ("scheme", "b", False)]
    assert outcome(PROFILE.explain("name:zoo:Beast")) == [("read name", "names", True)]


class Kennel:
    claims = (f"{__name__}:Animal",)

    def persistent_id(self, obj: object) -> None:
        return None

    def persistent_load(self, key: object) -> None:
        return None


def test_bound_stores_come_first() -> None:
    with PROFILE.bind(kennel=Kennel(), bare=Kennel()) as bound:
        explanation = bound.explain(Dog)
        assert outcome(explanation)[:3] == [
            ("store", "kennel", True),
            ("store", "the bare store", True),
            ("override", "family", True),
        ]
        assert explanation.says[0].what == f"a {__name__}:Kennel claims {__name__}:Animal"
        assert explanation.says[0].rule.startswith(
            f"asked before all plugins, as {__name__}:Animal is above it"
        )
        assert "store" not in {say.kind for say in bound.explain(Fraction).says}
    assert "store" not in {say.kind for say in PROFILE.explain(Dog).says}


def test_every_kind_that_can_be_preferred_can_be_asked_for() -> None:
    records: dict[str, Record] = {
        "reducer": Reducer("shop.models:Order", reduce),
        "override": Override("shop.models:Order", reduce),
        "scheme": PersistentScheme("shop", "shop:open"),
        "name": NameTable("moved", {"shop.models:Order": "shop.new:Order"}),
        "shape": Shape("shop.models:Order", defaults={"x": 1}),
        "text": TextRule("shop.models:Order", {"x": "bytes"}),
    }
    profile = Profile([declaring("all", *records.values())])
    for key, record in records.items():
        kind = kind_of(record)
        assert kind.key == key
        (subject, _, _), *_ = record.statements()
        (say,) = profile.explain(f"{key}:{subject}").says
        assert kind.noun.split()[0] in say.kind


def test_a_misspelt_class_of_a_module_that_is_there_names_the_nearest() -> None:
    assert "did you mean 'fractions:Fraction'?" in PROFILE.explain("fractions:Fracton").note
    assert (
        "did you mean 'collections:OrderedDict.keys'?" in PROFILE.explain("collections:OrderedDict.keyz").note
    )
    assert "did you mean" not in PROFILE.explain("fractions:Nonsense").note
