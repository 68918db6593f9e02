"""What name tables can say beyond one name for another: packages, fallbacks, stand-ins, chains; and what
errors say."""

from __future__ import annotations

import collections
import fractions
from collections.abc import Callable

import pytest
from engines import ENGINES
from throwaway import declaring

import brinery
from brinery import NameTable, Profile
from brinery.errors import DeclarationError, PluginConflict
from brinery.plan import NameMap, NameStep


@pytest.fixture(params=ENGINES)
def profile(request: pytest.FixtureRequest) -> Callable[..., Profile]:
    return lambda *records: Profile([declaring("old", *records)], engine=request.param)


def named(name: str, protocol: int = 2) -> bytes:
    module, _, qualname = name.partition(":")
    return b"\x80%cc%s\n%s\n." % (protocol, module.encode(), qualname.encode())


@pytest.mark.parametrize("old", ["old:Mapping", "old.abc:Mapping"])
def test_a_package_stands_for_all_modules_beneath_it(old: str, profile: Callable[..., Profile]) -> None:
    made = profile(NameTable("p", {"old.*": "collections.*", "old:Mapping": "collections.abc:Mapping"}))
    assert made.loads(named(old)) is collections.abc.Mapping
    with pytest.raises(ModuleNotFoundError):
        made.loads(named("older:Mapping"))


def test_the_nearest_package_counts(profile: Callable[..., Profile]) -> None:
    names = profile(NameTable("p", {"a.*": "x.*", "a.b.*": "y.*", "a.b.c": "z"})).read_plan.names
    assert names is not None
    assert names.apply("a", "N") == ("x", "N")
    assert names.apply("a.d.e", "N") == ("x.d.e", "N")
    assert names.apply("a.b", "N") == ("y", "N")
    assert names.apply("a.b.d", "N") == ("y.d", "N")
    assert names.apply("a.b.c", "N") == ("z", "N")


@pytest.mark.parametrize("protocol", range(6))
def test_a_package_is_written_under_its_other_name(protocol: int, profile: Callable[..., Profile]) -> None:
    made = profile(NameTable("p", {"old.*": "fractions.*"}, write={"fractions.*": "old.*"}))
    data = made.dumps(fractions.Fraction, protocol)
    assert b"old" in data
    assert b"fractions" not in data
    assert made.loads(data) is fractions.Fraction


def test_a_fallback_is_only_for_what_is_not_there(profile: Callable[..., Profile]) -> None:
    made = profile(
        NameTable(
            "p",
            fallback={
                "fractions:Fraction": "collections:deque",
                "fractions:Old": "collections:deque",
                "gone": "fractions",
                "gone.*": "no_such.*",
                "no_such.*": "collections.*",
            },
        )
    )
    assert made.loads(named("fractions:Fraction")) is fractions.Fraction
    assert made.loads(named("fractions:Old")) is collections.deque
    assert made.loads(named("gone:Fraction")) is fractions.Fraction
    assert made.loads(named("gone.abc:Mapping")) is collections.abc.Mapping


def test_what_no_fallback_finds_fails_as_it_would_without(profile: Callable[..., Profile]) -> None:
    made = profile(NameTable("p", fallback={"gone": "gone_too", "gone_too": "gone"}))
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'gone'"):
        made.loads(named("gone:Name"))


def test_a_fallback_hides_no_module_that_cannot_be_imported(
    profile: Callable[..., Profile], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needy.py").write_text("import no_such_module_at_all")  # type: ignore[operator]
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        profile(NameTable("p", fallback={"needy": "fractions"})).loads(named("needy:Fraction"))


def stand_in(*args: object) -> tuple[object, ...]:
    return ("stood in", *args)


@pytest.mark.parametrize("function", [stand_in, f"{__name__}:stand_in"])
def test_a_stand_in_is_called_in_the_place_of_a_class(
    function: object, profile: Callable[..., Profile]
) -> None:
    if isinstance(function, str):
        function = "fractions:Fraction"
    made = profile(NameTable("p", stand_ins={"gone:Class": function}))  # type: ignore[dict-item]
    expected = stand_in(3, 4) if function is stand_in else fractions.Fraction(3, 4)
    for call in (b"\x86R", b"\x86\x81"):
        assert made.loads(b"\x80\x02cgone\nClass\nK\x03K\x04" + call + b".") == expected
    assert made.loads(b"(cgone\nClass\nK\x03K\x04o.") == expected
    assert made.loads(b"(K\x03K\x04igone\nClass\n.") == expected


def test_chains_lead_through_the_tables_of_several_plugins() -> None:
    first = declaring("first", NameTable("one", {"a": "b"}))
    second = declaring(
        "second", NameTable("two", {"b:Name": "c:Other"}), NameTable("three", {"c": "fractions"})
    )
    names = Profile([first, second]).read_plan.names
    assert names is not None
    assert names.apply("a", "Name") == ("fractions", "Other")
    assert names.apply("a", "Else") == ("b", "Else")
    assert names.chain("a", "Name") == [
        NameStep("a", 0, ("b", "Name")),
        NameStep("b:Name", 1, ("c", "Other")),
        NameStep("c", 2, ("fractions", "Other")),
    ]
    said = str(Profile([first, second]).explain("a:Name"))
    assert [line.split(" (")[0].strip("* ") for line in said.splitlines() if "given" in line] == [
        "first",
        "second",
        "second",
    ]


def test_within_one_table_a_name_is_mapped_once() -> None:
    names = Profile([declaring("p", NameTable("p", {"a": "b", "b": "a"}))]).read_plan.names
    assert names == NameMap({}, {"a": "b", "b": "a"})
    assert names.apply("a", "N") == ("b", "N")


def test_a_name_that_is_mapped_to_itself_stays() -> None:
    first = declaring("first", NameTable("one", {"a:Stays": "a:Stays", "a": "b"}))
    second = declaring("second", NameTable("two", {"a": "b"}))
    names = Profile([first, second]).read_plan.names
    assert names is not None
    assert names.apply("a", "Stays") == ("a", "Stays")
    assert names.apply("a", "Goes") == ("b", "Goes")


def test_names_that_lead_back_to_themselves_are_a_conflict() -> None:
    plugins = [
        declaring("first", NameTable("1", {"a:N": "b:N"})),
        declaring("second", NameTable("2", {"b:N": "a:N"})),
    ]
    with pytest.raises(PluginConflict, match="lead back to themselves") as conflict:
        Profile(plugins)
    assert "first" in str(conflict.value)
    assert "second" in str(conflict.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"read": {"a.*": "b"}},
        {"read": {"a.*.c": "b.*.c"}},
        {"stand_ins": {"a": stand_in}},
        {"stand_ins": {"a:N": "function"}},
        {"read": {"a:N": "b:N"}, "stand_ins": {"a:N": stand_in}},
        {"gone": {"a:N": 5}},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DeclarationError, match=r"test_moved_names\.py:\d+"):
        NameTable("p", **wrong)  # type: ignore[arg-type]


def notes(error: BaseException) -> str:
    return "\n".join(error.__notes__)


def test_an_error_says_why_a_name_is_gone(profile: Callable[..., Profile]) -> None:
    made = profile(NameTable("p", gone={"shop:Basket": "baskets went with shop 2.0: read it with 1.9"}))
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'shop'") as error:
        made.loads(named("shop:Basket"))
    assert "shop:Basket is gone: baskets went with shop 2.0" in notes(error.value)


def test_an_error_says_which_rule_is_nearest(profile: Callable[..., Profile]) -> None:
    made = profile(NameTable("p", {"shop.models:Customer": "shop.people:Customer"}))
    with pytest.raises(ModuleNotFoundError) as error:
        made.loads(named("shop.models:Costumer"))
    assert "the stream names shop.models:Costumer" in notes(error.value)
    assert "shop.models:Customer → shop.people:Customer" in notes(error.value)


def test_an_error_says_which_plugin_may_be_missing() -> None:
    with pytest.raises(ModuleNotFoundError) as error:
        brinery.Profile.plain().loads(named("sklearn.no_such_module:Tree"))
    assert "pip install brinery-science" in notes(error.value)
