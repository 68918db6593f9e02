"""Options are declared: by name, type, default and a line of help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from throwaway import make_plugin

from brinery import Option, Profile
from brinery.errors import DeclarationError


def seen(options: list[Option], given: dict[str, Any]) -> Mapping[str, object]:
    found: list[Mapping[str, object]] = []

    def reducers(options: Mapping[str, object]) -> list[object]:
        found.append(options)
        return []

    Profile([make_plugin("p", options=lambda: options, reducers=reducers)], options={"p": given})
    return found[0]


def test_hooks_are_given_what_was_given_else_the_default() -> None:
    options = [Option("level", int, 3, "how deep"), Option("path", str | None, None, "where")]
    assert seen(options, {}) == {"level": 3, "path": None}
    assert seen(options, {"level": 4, "path": "/tmp"}) == {"level": 4, "path": "/tmp"}


def test_a_hook_that_reads_what_is_not_declared_is_told_what_is() -> None:
    options = seen([Option("level", int, 3, "how deep")], {})
    with pytest.raises(KeyError, match=r"levle: the plugin 'p' declares no .*did you mean 'level'"):
        options["levle"]
    assert "levle" not in options
    assert options.get("levle", 7) == 7


@pytest.mark.parametrize(
    ("wanted", "value", "fits"),
    [
        (int, 3, True),
        (int, True, False),
        (bool, True, True),
        (float, 3, True),
        (float, "3", False),
        (str | None, None, True),
        (int | str, True, False),
        (object, True, True),
        (tuple, (1,), True),
        (tuple, [1], False),
    ],
)
def test_a_default_is_of_the_type(wanted: Any, value: object, fits: bool) -> None:
    if fits:
        assert Option("x", wanted, value, "help").default is value
    else:
        with pytest.raises(DeclarationError, match="the default of Option 'x'"):
            Option("x", wanted, value, "help")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("not a name", int, 1, "help"), "identifier"),
        ((3, int, 1, "help"), "identifier"),
        (("x", "int", 1, "help"), "wants a class"),
        (("x", (int, str), 1, "help"), "wants a class"),
        (("x", int, 1, ""), "help text"),
    ],
)
def test_a_record_that_cannot_be_meant_is_refused(arguments: Any, text: str) -> None:
    with pytest.raises(DeclarationError, match=text):
        Option(*arguments)


def test_an_option_is_declared_once() -> None:
    options = [Option("x", int, 1, "one"), Option("x", int, 2, "two")]
    with pytest.raises(DeclarationError, match="declares the option x twice"):
        Profile([make_plugin("p", options=lambda: options)])


def test_two_plugins_may_have_an_option_of_one_name() -> None:
    plugins = [make_plugin(name, options=lambda: [Option("x", int, 1, "one")]) for name in ("a", "b")]
    Profile(plugins, options={"a": {"x": 2}}).check()


def test_the_hook_of_options_is_not_given_any() -> None:
    with pytest.raises(DeclarationError, match="takes 'options', but brinery_options offers: nothing"):
        Profile([make_plugin("p", options=lambda options: [])])
