"""Depth costs memory only: no recursion limit, no stack of the thread's."""

from __future__ import annotations

import io
import pickle
import sys
import threading
from collections.abc import Callable

import pytest
from engines import Wire
from graphs import Plain, Slotted

MILLION = 1_000_000


class Link:
    __slots__ = ("next",)

    def __init__(self, following: object) -> None:
        self.next = following

    def __reduce__(self) -> tuple[object, ...]:
        return Link, (self.next,)


def plain(inner: object) -> Plain:
    obj = Plain()
    obj.next = inner
    return obj


def slotted(inner: object) -> Slotted:
    obj = Slotted()
    obj.left = inner
    return obj


NESTED: dict[str, Callable[[object], object]] = {
    "lists": lambda inner: [inner],
    "dicts": lambda inner: {"key": inner},
    "tuples": lambda inner: (inner,),
    "linked instances": plain,
}
REDUCED: dict[str, Callable[[object], object]] = {
    "reductions": Link,
    "slots": slotted,
    "frozensets": lambda inner: frozenset([inner]),
}


def nest(wrap: Callable[[object], object], depth: int) -> object:
    obj: object = None
    for _ in range(depth):
        obj = wrap(obj)
    return obj


def in_a_small_thread(function: Callable[[], object]) -> object:
    """The result of `function`, which runs in a thread with a stack of 256 KiB."""
    results: list[object] = []
    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: results.append(function()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return results[0]


@pytest.mark.parametrize("kind", NESTED)
def test_a_million_deep(wire: Wire, kind: str):
    assert sys.getrecursionlimit() < 10_000
    graph = nest(NESTED[kind], MILLION)
    data = in_a_small_thread(lambda: wire.dumps(graph))
    assert isinstance(data, bytes)
    assert len(data) > MILLION


@pytest.mark.parametrize("kind", REDUCED)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_hundred_thousand_deep(wire: Wire, kind: str, protocol: int):
    depth = 100_000 if kind != "frozensets" else 50_000
    if kind == "slots" and protocol < 2:
        pytest.skip("protocols 0 and 1 have no form for slots")
    graph = nest(REDUCED[kind], depth)
    data = in_a_small_thread(lambda: wire.dumps(graph, protocol))
    assert isinstance(data, bytes)
    assert len(data) > depth


@pytest.mark.parametrize("kind", NESTED | REDUCED)
def test_what_is_deep_has_the_bytes_that_it_has_where_c_pickle_gets(wire: Wire, kind: str):
    graph = nest((NESTED | REDUCED)[kind], 200)
    for protocol in range(2 if kind == "slots" else 0, pickle.HIGHEST_PROTOCOL + 1):
        assert wire.dumps(graph, protocol) == pickle.dumps(graph, protocol)


def test_a_deep_graph_that_fails_is_taken_apart_again(wire: Wire):
    graph: object = (x for x in ())
    for _ in range(100_000):
        graph = {"a": (graph, 1)}
    with pytest.raises(TypeError, match="cannot pickle 'generator' object"):
        in_a_small_thread_or_raise(lambda: wire.dumps(graph))


def in_a_small_thread_or_raise(function: Callable[[], object]) -> None:
    def guarded() -> object:
        try:
            return function()
        except Exception as exc:
            return exc

    outcome = in_a_small_thread(guarded)
    if isinstance(outcome, Exception):
        raise outcome


def test_depth_in_fast_mode(wire: Wire):
    file = io.BytesIO()
    pickler = wire.Pickler(file, 4)
    pickler.fast = True
    pickler.dump(nest(lambda inner: [inner], 100_000))
    assert len(file.getvalue()) > 100_000
