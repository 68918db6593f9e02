"""A thousand items to a batch, and what is left over, as the running Python's C pickle writes it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from acts import Acts
from engines import Wire
from graphs import DictChild, ListChild
from outcomes import stdlib_type

SIZES = (0, 1, 2, 999, 1000, 1001, 1002, 1999, 2000, 2001, 2002, 3001)

KINDS: dict[str, Callable[[int], object]] = {
    "list": lambda n: list(range(n)),
    "list of lists": lambda n: [[i] for i in range(n)],
    "dict": lambda n: dict.fromkeys(range(n)),
    "dict of lists": lambda n: {i: [i] for i in range(n)},
    "dict with tuples as keys": lambda n: {(i,): i for i in range(n)},
    "set": lambda n: set(range(n)),
    "set of tuples": lambda n: {(i, 1, 2) for i in range(n)},
    "frozenset": lambda n: frozenset(range(n)),
    "subclass of list": lambda n: ListChild(range(n)),
    "subclass of dict": lambda n: DictChild.fromkeys(range(n)),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_are_those_of_c_pickle(wire: Wire, kind: str, size: int):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        made = KINDS[kind](size)
        assert wire.dumps(made, protocol) == pickle.dumps(made, protocol)


def changed(kind: type, size: int, at: int, change: Callable[[Any], object]) -> object:
    container: Any = [None] * size if kind is list else dict.fromkeys(range(size))
    container[at] = Acts(lambda: change(container))
    return container


CHANGES: dict[str, Callable[[Any], object]] = {
    "one more": lambda items: items.append(1) if type(items) is list else items.update(x=1),
    "two more": lambda items: items.extend([1, 2]) if type(items) is list else items.update(x=1, y=2),
    "one less": lambda items: items.pop() if type(items) is list else items.popitem(),
    "none": lambda items: items.clear(),
}


def outcome(write: Callable[..., object], obj: object) -> object:
    try:
        return write(obj, 4)
    except Exception as exc:
        return stdlib_type(exc), str(exc)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", [list, dict])
def test_what_changes_its_size_meanwhile_is_treated_alike(wire: Wire, kind: type, change: str):
    for size in (1, 2, 999, 1000, 1001, 1002, 2000, 2001):
        for at in sorted({0, size // 2, size - 1, min(size - 1, 999), min(size - 1, 1000)}):
            theirs = outcome(pickle.dumps, changed(kind, size, at, CHANGES[change]))
            ours = outcome(wire.dumps, changed(kind, size, at, CHANGES[change]))
            assert ours == theirs, (size, at)
