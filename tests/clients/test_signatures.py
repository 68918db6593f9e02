"""What tools ask of functions and classes: signatures, modules, type hints."""

from __future__ import annotations

import inspect
import pickle
import typing

import pytest
from engines import Wire

import brinery

FUNCTIONS = ("dump", "dumps", "load", "loads")
CLASSES = ("Pickler", "Unpickler")
METHODS = (
    *(("Pickler", name) for name in ("dump", "clear_memo", "persistent_id")),
    *(("Unpickler", name) for name in ("load", "find_class", "persistent_load")),
)


def parameters(callable_: object) -> dict[str, inspect._ParameterKind]:
    return {p.name: p.kind for p in inspect.signature(callable_).parameters.values()}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FUNCTIONS + CLASSES)
def test_what_pickle_takes_is_in_the_signature(wire: Wire, name: str):
    theirs = parameters(getattr(pickle, name))
    for module in (wire, brinery):
        ours = parameters(getattr(module, name))
        assert {name: kind for name, kind in ours.items() if name in theirs} == theirs
        assert [name for name in ours if name in theirs] == list(theirs)


@pytest.mark.parametrize(("owner", "name"), METHODS)
def test_methods_have_signatures(wire: Wire, owner: str, name: str):
    for module in (wire, brinery):
        theirs = getattr(getattr(pickle, owner), name, None)
        method = getattr(getattr(module, owner), name)
        if callable(theirs):  # up to Python 3.12, the hooks are no methods
            assert len(parameters(method)) == len(parameters(theirs))
        assert typing.get_type_hints(method) is not None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_profiles_functions_say_the_same(wire: Wire, name: str):
    for profile in (brinery.Profile([], engine=wire.name), brinery.Profile([], engine=wire.name).bind()):
        function = getattr(profile, name)
        assert parameters(function) == parameters(getattr(brinery, name))
        assert function.__module__.startswith("brinery")
        typing.get_type_hints(function)


@pytest.mark.parametrize("name", FUNCTIONS + CLASSES)
def test_modules_and_type_hints(wire: Wire, name: str):
    assert getattr(brinery, name).__module__.startswith("brinery")
    for module in (wire, brinery):
        typing.get_type_hints(getattr(module, name))
        typing.get_type_hints(getattr(module, name).__init__)
