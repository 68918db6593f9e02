"""Modules that vanish, come back as others, or are hidden while something out of them is pickled or loaded.

An import finds what the interpreter has, and runs the import function that there is; C pickle is the measure.
"""

from __future__ import annotations

import builtins
import importlib
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire
from outcomes import stdlib_type

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
NAME = "vanishing"
SOURCE = """
class Plain: pass
class Outer:
    class Inner: pass
    def method(self): pass
class Meta(type): pass
class Made(metaclass=Meta): pass
class Listed(list): pass
def function(): pass
class Acts:
    def __reduce_ex__(self, protocol):
        act()
        return Acts, (), {"a": 1}
    def __setstate__(self, state):
        act()
"""


Run = Callable[[types.ModuleType], object]


def act() -> None: ...


def make_module() -> types.ModuleType:
    module = types.ModuleType(NAME)
    vars(module)["act"] = lambda: act()
    sys.modules[NAME] = module
    exec(SOURCE, vars(module))
    return module


def as_object(module: types.ModuleType) -> Any:
    return types.SimpleNamespace(**vars(module))


def as_module(module: types.ModuleType) -> Any:
    made = types.ModuleType(NAME)
    vars(made).update(vars(module))
    return made


CHANGES: dict[str, Run] = {
    "gone": lambda module: sys.modules.pop(NAME, None),
    "None": lambda module: sys.modules.__setitem__(NAME, None),  # type: ignore[arg-type]
    "empty": lambda module: sys.modules.__setitem__(NAME, types.ModuleType(NAME)),
    "an object": lambda module: sys.modules.__setitem__(NAME, as_object(module)),
    "a copy": lambda module: sys.modules.__setitem__(NAME, as_module(module)),
    "another class": lambda module: setattr(module, "Plain", type("Plain", (), {"__module__": NAME})),
}


def outcome(run: Run, change: Run) -> object:
    global act
    modules, imports = sys.modules, builtins.__import__
    module = make_module()
    left = [change]

    def act_once() -> None:
        if left:
            left.pop()(module)

    act = act_once
    try:
        return run(module)
    except Exception as failed:
        return stdlib_type(failed), str(failed).partition(" at 0x")[0]
    finally:
        sys.modules, builtins.__import__ = modules, imports
        sys.modules.pop(NAME, None)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_in_the_middle_of_a_dump(wire: Wire, change: Run, protocol: int):
    for what in ("Plain", "Outer.Inner", "Outer.method", "Made", "function", "Listed"):

        def dump(side: Any, what: str = what) -> Run:
            def run(module: types.ModuleType) -> object:
                found: Any = module
                for part in what.split("."):
                    found = getattr(found, part)
                graph = [module.Acts(), found, found() if isinstance(found, type) else found, found]
                return side.dumps(graph, protocol)

            return run

        assert outcome(dump(wire), change) == outcome(dump(pickle), change)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_in_the_middle_of_a_load(wire: Wire, change: Run, protocol: int):
    module = make_module()
    graph = [
        module.Acts(),
        module.Plain(),
        module.function,
        module.Made(),
        module.Plain(),
        module.Listed([1]),
    ]
    stream = pickle.dumps(graph, protocol)

    def load(side: Any) -> Run:
        def run(module: types.ModuleType) -> object:
            return [
                (type(made).__name__, type(made) is vars(module).get(type(made).__name__))
                for made in side.loads(stream)
            ]

        return run

    assert outcome(load(wire), change) == outcome(load(pickle), change)


def hide(module: types.ModuleType) -> None:
    """Let sys.modules be another dict, which imports do not look at."""
    sys.modules = {name: found for name, found in sys.modules.items() if name != NAME}


def refuse(module: types.ModuleType) -> None:
    """Another import in the place of the interpreter's, for tests that want something to be missing."""

    def refuses(name: str, *more: Any, **named: Any) -> Any:
        if name == NAME:
            raise ImportError("there is none today")
        return original(name, *more, **named)

    original = builtins.__import__
    builtins.__import__ = refuses


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("change", [hide, refuse])
def test_where_sys_modules_or_the_import_is_another(wire: Wire, change: Run, protocol: int):
    def pickled(side: Any, of: str) -> Run:
        def run(module: types.ModuleType) -> object:
            found = getattr(module, of)
            change(module)
            return side.dumps(found, protocol), side.dumps([found(), found], protocol)

        return run

    def loaded(side: Any) -> Run:
        def run(module: types.ModuleType) -> object:
            stream = pickle.dumps([module.Plain(), module.function], protocol)
            change(module)
            plain, function = side.loads(stream)
            return type(plain) is module.Plain, function is module.function

        return run

    for of in ("Plain", "Listed", "Made"):
        assert outcome(pickled(wire, of), change) == outcome(pickled(pickle, of), change)
    assert outcome(loaded(wire), change) == outcome(loaded(pickle), change)


@pytest.mark.parametrize(
    "source",
    [
        "import sys; del sys.modules[__name__]",
        "import sys; sys.modules[__name__] = None",
        "import sys, types; sys.modules[__name__] = types.SimpleNamespace(function=function)",
        "raise KeyError(1)",
    ],
)
def test_while_it_is_imported(wire: Wire, source: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / f"{NAME}.py").write_text(f"def function(): pass\n{source}\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()

    def load(side: Any) -> Run:
        def run(module: types.ModuleType) -> object:
            del sys.modules[NAME]
            return side.loads(b"\x80\x04c%s\nfunction\n." % NAME.encode()).__qualname__

        return run

    assert outcome(load(wire), lambda module: None) == outcome(load(pickle), lambda module: None)
