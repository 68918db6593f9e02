"""What is memoized after its children, and reached again from within one by user code that keeps it.

The first walk is not finished then, and another one begins. Whatever the second has written the first must
find in the memo, however few references there are to it.
"""

from __future__ import annotations

import copyreg
import pickle
import sys
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire

kept: list[Any] = []


class Plain:
    """A child that nothing but its container refers to."""


class Leads:
    """Its state leads to the object in the list `kept[0]`, and is kept."""

    def __reduce__(self) -> tuple[Any, ...]:
        reduction = (Leads, (), {"reached": kept[0][0]})
        kept.append(reduction)
        return reduction


class LeadsToLocal(Leads):
    """Its state leads to the local variable `root` of whoever called the pickler."""

    def __reduce__(self) -> tuple[Any, ...]:
        frame = sys._getframe(1)
        while "root" not in frame.f_locals:
            frame = frame.f_back  # type: ignore[assignment]
        reduction = (LeadsToLocal, (), {"reached": frame.f_locals["root"]})
        kept.append(reduction)
        return reduction


class Called:
    """Its reduction is made once, for each call of __reduce__."""

    def __init__(self, *args: object) -> None:
        pass

    def __reduce__(self) -> Any:
        return kept[1]


Pair = namedtuple("Pair", "first second third")

CONTAINERS: dict[str, Callable[[type], object]] = {
    "an instance behind it": lambda leads: (leads(), Plain()),
    "a list behind it": lambda leads: (leads(), [1]),
    "a tuple behind it": lambda leads: (leads(), (1, [2])),
    "a str behind it": lambda leads: (leads(), "".join(("a", "b")), 1, 2),
    "bytes behind it": lambda leads: (leads(), bytes([1, 2, 3])),
    "within another tuple": lambda leads: ((leads(), [1]), [2]),
    "a named tuple": lambda leads: Pair(leads(), [1], Plain()),
    "a list": lambda leads: [leads(), [1]],
    "a dict": lambda leads: {1: leads(), 2: [1]},
}


@pytest.fixture(autouse=True)
def nothing_kept():
    kept.clear()
    yield
    kept.clear()


@pytest.mark.parametrize("what", CONTAINERS)
@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_below_another(wire: Wire, what: str, protocol: int):
    def written(dumps: Callable[..., bytes]) -> bytes:
        kept[:] = [[CONTAINERS[what](Leads)]]
        return dumps(kept[0], protocol)

    assert written(wire.dumps) == written(pickle.dumps)


@pytest.mark.parametrize("what", CONTAINERS)
@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_as_the_root_that_only_the_caller_s_variable_holds(wire: Wire, what: str, protocol: int):
    # From Python 3.14 on, such an object may be given with a single reference.
    def written(dumps: Callable[..., bytes]) -> bytes:
        root = CONTAINERS[what](LeadsToLocal)
        return dumps(root, protocol)

    assert written(wire.dumps) == written(pickle.dumps)


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
@pytest.mark.parametrize("newobj", [False, True])
def test_from_the_arguments_of_its_own_reduction(wire: Wire, protocol: int, newobj: bool):
    def written(dumps: Callable[..., bytes]) -> bytes:
        made = Called()
        arguments = (Leads(), [1], Plain(), (1, [2]))
        kept[:] = [[made], (Called, arguments)]
        if newobj:
            kept[1] = (copyreg.__newobj__, (Called, *arguments))
        del arguments
        return dumps(made, protocol)

    assert written(wire.dumps) == written(pickle.dumps)
