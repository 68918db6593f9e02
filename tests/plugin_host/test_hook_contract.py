"""What looks like a hook and is none, or gives what is not asked for, is an error that says where."""

from __future__ import annotations

import functools
import re
import types
from collections.abc import AsyncIterator, Callable, Iterator
from fractions import Fraction

import pytest
from throwaway import declaring, make_plugin

import brinery
from brinery import Option, Profile, Reducer, hookimpl
from brinery.errors import DeclarationError, PluginError, PluginLoadError

HERE = re.escape(__file__)


def nothing() -> list[object]:
    return []


def levels() -> list[Option]:
    return [Option("level", int, 0, "how deep")]


def refused(plugin: object, text: str) -> None:
    with pytest.raises(DeclarationError, match=text) as caught:
        Profile([plugin])
    assert "made-up" in str(caught.value)


def test_a_hook_may_leave_out_its_options_or_take_them() -> None:
    seen: list[object] = []

    def with_options(options: object) -> list[Reducer]:
        seen.append(options)
        return []

    plugin = make_plugin(options=levels, reducers=with_options, overrides=nothing)
    Profile([plugin], options={"made-up": {"level": 3}})
    assert seen == [{"level": 3}]


def test_options_are_for_one_plugin_and_read_only() -> None:
    def with_options(options: dict[str, object]) -> list[Reducer]:
        assert options == {}
        options["x"] = 1
        return []

    other = make_plugin("other", options=levels, reducers=nothing)
    with pytest.raises(PluginLoadError, match="TypeError"):
        Profile([make_plugin(reducers=with_options), other], options={"other": {"level": 3}})


def test_an_object_can_be_a_plugin() -> None:
    class Plugin:
        __name__ = "made-up"

        @hookimpl
        def brinery_reducers(self) -> Iterator[Reducer]:
            yield Reducer(Fraction, str)

    assert Profile([Plugin()]).write_plan.rules is not None


def test_a_class_is_no_plugin_but_its_instance_is() -> None:
    class Plugin:
        @hookimpl
        def brinery_reducers(self) -> list[Reducer]:
            return []

    with pytest.raises(DeclarationError, match="an instance of it"):
        Profile([Plugin])


def test_a_misspelt_hook_is_an_error_that_names_the_right_one() -> None:
    refused(make_plugin(reducer=nothing), f"{HERE}:\\d+.*'brinery_reducers'")


def test_an_undecorated_hook_is_an_error() -> None:
    plugin = types.ModuleType("made-up")

    def brinery_reducers() -> list[Reducer]:
        return []

    plugin.brinery_reducers = brinery_reducers  # type: ignore[attr-defined]
    refused(plugin, rf"brinery_reducers \({HERE}:\d+\).*@brinery.hookimpl")


def test_a_module_whose_name_begins_like_a_hook_is_none() -> None:
    plugin = make_plugin(reducers=nothing)
    plugin.brinery_numpy = types.ModuleType("brinery_numpy")  # type: ignore[attr-defined]
    Profile([plugin])


def test_a_hook_of_a_version_to_come_may_be_marked_optional() -> None:
    plugin = make_plugin()
    plugin.brinery_allowed_globals = hookimpl(nothing, optionalhook=True)  # type: ignore[attr-defined]
    Profile([plugin])


def test_a_hook_under_another_name_of_its_own_is_called() -> None:
    plugin = make_plugin()
    plugin.more = hookimpl(lambda: [Reducer(Fraction, str)], specname="brinery_reducers")  # type: ignore[attr-defined]
    assert Profile([plugin]).write_plan.rules is not None


def test_an_argument_that_the_hook_does_not_offer_is_an_error() -> None:
    refused(make_plugin(reducers=lambda option: []), f"{HERE}:\\d+.*takes 'option'.*offers: options")


def test_an_argument_with_a_default_is_an_error_since_it_would_never_be_given() -> None:
    refused(make_plugin(reducers=lambda options=None: []), "default for 'options'")


@pytest.mark.parametrize("option", ["tryfirst", "trylast", "wrapper", "hookwrapper"])
def test_wrappers_and_order_are_refused(option: str) -> None:
    def wrapping() -> Iterator[None]:
        yield

    plugin = make_plugin()
    mark: Callable[..., object] = hookimpl
    plugin.brinery_reducers = mark(wrapping, **{option: True})  # type: ignore[attr-defined]
    refused(plugin, f"{option}=True.*order has no meaning")


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, "returns None"),
        (Reducer(Fraction, str), "yield each Reducer"),
        ("text", "yield each Reducer"),
        (3, "yield each Reducer"),
        ([brinery.Override(Fraction, str)], "wants a Reducer"),
        ([("fractions:Fraction", str)], "wants a Reducer"),
    ],
)
def test_a_hook_gives_records_of_its_kind(result: object, text: str) -> None:
    refused(make_plugin(reducers=lambda: result), f"{HERE}:\\d+.*{text}")


def test_a_wrong_record_names_the_hook_it_was_made_in() -> None:
    def returning() -> list[Reducer]:
        return [Reducer(dict, str)]

    def yielding() -> Iterator[Reducer]:
        yield Reducer(dict, str)

    refused(make_plugin(reducers=returning), rf"returning \({HERE}:\d+\).*own data types")
    refused(make_plugin(reducers=yielding), rf"yielding \({HERE}:\d+\).*own data types")


def test_a_data_type_is_refused_under_its_name_too() -> None:
    with pytest.raises(DeclarationError, match="own data types"):
        Reducer("builtins:dict", str)


@pytest.mark.parametrize(
    "records",
    [
        (Reducer(Fraction, str), Reducer(Fraction, repr)),
        (Reducer(Fraction, str), Reducer("fractions:Fraction", repr)),
        (brinery.PersistentScheme("ab", "m:f"), brinery.PersistentScheme("ab", "m:g")),
        (brinery.NameTable("x", {"a": "b"}), brinery.NameTable("y", {"a": "c"})),
    ],
)
def test_one_plugin_declares_a_thing_once(records: tuple[object, ...]) -> None:
    refused(declaring("made-up", *records), "twice")


def test_what_a_hook_raises_names_plugin_file_and_line() -> None:
    def failing() -> list[Reducer]:
        raise OSError("no such luck")

    with pytest.raises(PluginLoadError, match=f"'made-up'.*OSError: no such luck.*{HERE}:\\d+"):
        Profile([make_plugin(reducers=failing)])


def test_what_is_no_function_is_not_passed_over() -> None:
    plugin = make_plugin(reducers=nothing)
    plugin.brinery_overrides = hookimpl(functools.partial(nothing))  # type: ignore[attr-defined]
    refused(plugin, "brinery_overrides is functools.partial.* write it as a def")


def test_an_async_hook_says_so() -> None:
    async def reducers() -> list[Reducer]:
        return []

    async def overrides() -> AsyncIterator[Reducer]:
        yield Reducer(Fraction, str)

    refused(make_plugin(reducers=reducers), f"{HERE}.* is async, and nobody would await it")
    refused(make_plugin(overrides=overrides), "is async")


@pytest.mark.parametrize("name", ["", " ", "a,b", "a;b", "a=b"])
def test_a_name_that_no_preference_could_have_is_none(name: str) -> None:
    with pytest.raises(PluginError, match="wants a name"):
        Profile([declaring(name, Reducer(Fraction, str))])
