"""Stores of large buffers: what may be claimed, and what is promised of it.

bytes, bytearray and PickleBuffer themselves are the format's own, and no store is asked about them; a class
that derives from bytes or bytearray, or holds a buffer, is a class like any other.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import NoSuchKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Bound

    Bind = Callable[..., Bound]

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Blob(bytes):
    pass


class Pool(bytearray):
    pass


class Array:
    """Goes out of band where it is not claimed, as NumPy's do."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: int) -> Any:
        return Array, (pickle.PickleBuffer(self.data),)


class Buffers:
    """Keeps buffers whole, by a number each."""

    claims = (Blob, Pool, Array)

    def __init__(self) -> None:
        self.kept: dict[int, Any] = {}
        self.asked: list[object] = []

    def persistent_id(self, obj: Any) -> int:
        self.asked.append(obj)
        number = len(self.kept)
        self.kept[number] = obj
        return number

    def persistent_load(self, key: int) -> Any:
        if key not in self.kept:
            raise NoSuchKey(key)
        return self.kept[key]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_classes_of_buffers_are_claimed_at_every_protocol(bind: Bind, protocol: int) -> None:
    store = Buffers()
    bound = bind(blobs=store)
    buffers = [Blob(b"b" * 100_000), Pool(b"p" * 100_000), Array(b"a" * 100_000)]
    data = bound.dumps({"buffers": buffers, "again": buffers[0]}, protocol)
    assert len(data) < 400
    loaded = bound.loads(data)
    assert all(one is other for one, other in zip(loaded["buffers"], buffers, strict=True))
    assert loaded["again"] is loaded["buffers"][0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_formats_own_buffers_stay_in_the_stream_and_are_not_asked_about(
    bind: Bind, protocol: int
) -> None:
    store = Buffers()
    bound = bind(blobs=store)
    graph: list[Any] = [b"x" * 1000, bytearray(b"y" * 1000)]
    assert bound.dumps(graph, protocol) == pickle.dumps(graph, protocol, fix_imports=False)
    if protocol >= 5:
        graph.append(pickle.PickleBuffer(bytearray(b"z" * 1000)))
        assert bound.dumps(graph, protocol) == pickle.dumps(graph, protocol, fix_imports=False)
    assert store.asked == []


def test_what_is_claimed_does_not_go_out_of_band(bind: Bind) -> None:
    store = Buffers()
    bound = bind(blobs=store)
    buffers: list[Any] = []
    graph = [Array(b"claimed"), pickle.PickleBuffer(b"not claimed")]
    data = bound.dumps(graph, 5, buffer_callback=buffers.append)
    assert [bytes(buffer) for buffer in buffers] == [b"not claimed"]
    loaded = bound.loads(data, buffers=buffers)
    assert loaded[0] is graph[0]
    assert bytes(loaded[1]) == b"not claimed"
