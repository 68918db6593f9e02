"""Keys that compare by user code, in dicts of modules and classes, where a dump looks names up."""

from __future__ import annotations

import gc
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire
from user_code import watched

# From Python 3.13 on, making such a class warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:non-string key in the __dict__ of class:RuntimeWarning")

NAME = "odd_keys"


class Odd:
    """As good as the text `name`, for a dict that looks for it: it is asked, and does something."""

    act: Callable[[], object] | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        if Odd.act is not None:
            Odd.act()
        return self is other


def in_the_module(module: types.ModuleType, cls: type) -> None:
    names: Any = vars(module)
    del names[cls.__qualname__]
    names[Odd(cls.__qualname__)] = names[cls.__qualname__] = cls


def in_sys_modules(module: types.ModuleType, cls: type) -> None:
    modules: Any = sys.modules
    del modules[NAME]
    modules[Odd(NAME)] = None
    modules[NAME] = module


def in_the_class(module: types.ModuleType, cls: type) -> None:
    """It is there already."""


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("meta", [False, True])
@pytest.mark.parametrize("put", [in_the_module, in_sys_modules, in_the_class])
def test_they_run_only_where_the_writer_is_ready(
    wire: Wire, put: Callable[[types.ModuleType, type], None], meta: bool, protocol: int
):
    def dump(side: Any) -> bytes | str:
        # A class of its own, as a look-up is remembered.
        module = sys.modules[NAME] = types.ModuleType(NAME)
        names: Any = {Odd("__module__"): 1} if put is in_the_class else {}
        metaclass = type("Meta", (type,), {}) if meta else type
        cls = metaclass("Class", (), {**names, "__module__": NAME})
        module.Class = cls  # type: ignore[attr-defined]
        put(module, cls)
        graph: list[Any] = [[[1], ["text"], {"a": [cls]}, cls, cls() if not meta else 1]]

        def act() -> None:
            Odd.act = None
            while graph:
                graph.pop().clear()
            gc.collect()

        Odd.act = act
        try:
            data: bytes = side.dumps(graph, protocol)
            return data
        except (
            RuntimeError
        ) as refused:  # from Python 3.15 on, C pickle looks whether the list is as long as it was
            return str(refused)
        finally:
            Odd.act = None
            for key in [key for key in sys.modules if key == NAME or isinstance(key, Odd)]:
                del sys.modules[key]

    with watched() as found:
        ours = dump(wire)
    assert not found
    assert ours == dump(pickle)
