"""Buffers inside and outside the stream, as NumPy, pandas, Dask and Ray use them (PEP 574)."""

from __future__ import annotations

import array
import io
import mmap
import pickle
import tempfile
from collections.abc import Callable

import pytest
from engines import Wire

import brinery


class Array:
    """What NumPy's arrays are to pickle: a buffer, out of band where the protocol has that."""

    def __init__(self, data: object) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: int) -> tuple[object, ...]:
        if protocol >= 5:
            return Array, (pickle.PickleBuffer(self.data),)
        return Array, (bytes(self.data),)


def test_pickle_buffer_is_the_standard_librarys_own_type():
    assert brinery.PickleBuffer is pickle.PickleBuffer


def test_a_callback_that_returns_true_keeps_the_buffer_in_band(wire: Wire):
    taken = []

    def callback(buffer: pickle.PickleBuffer) -> bool:
        taken.append(buffer)
        return len(taken) == 2

    arrays = [Array(b"one"), Array(b"two"), Array(b"three")]
    data = wire.dumps(arrays, 5, buffer_callback=callback)
    assert [bytes(buffer) for buffer in taken] == [b"one", b"two", b"three"]
    assert b"two" in data
    assert b"one" not in data
    assert [bytes(made.data) for made in wire.loads(data, buffers=[taken[0], taken[2]])] == [
        b"one",
        b"two",
        b"three",
    ]


@pytest.mark.parametrize(
    "given",
    [
        list,
        tuple,
        iter,
        lambda buffers: (buffer for buffer in buffers),
        lambda buffers: map(bytearray, buffers),
    ],
    ids=["list", "tuple", "iterator", "generator", "bytearrays"],
)
def test_buffers_may_come_from_any_iterable(wire: Wire, given: Callable):
    buffers: list[pickle.PickleBuffer] = []
    data = wire.dumps([Array(bytearray(b"one")), Array(bytearray(b"two"))], 5, buffer_callback=buffers.append)
    assert [bytes(made.data) for made in wire.loads(data, buffers=given(buffers))] == [b"one", b"two"]


def test_nothing_is_copied_on_the_way(wire: Wire):
    memory = bytearray(b"shared memory")
    buffers: list[pickle.PickleBuffer] = []
    data = wire.dumps(Array(memory), 5, buffer_callback=buffers.append)
    made = wire.loads(data, buffers=buffers)
    memory[:6] = b"SHARED"
    assert bytes(made.data) == b"SHARED memory"


def test_a_read_only_buffer_stays_read_only(wire: Wire):
    buffers: list[pickle.PickleBuffer] = []
    data = wire.dumps([Array(b"fixed"), Array(bytearray(b"free"))], 5, buffer_callback=buffers.append)
    fixed, free = wire.loads(data, buffers=[bytearray(b"fixed"), bytearray(b"free")])
    assert memoryview(fixed.data).readonly
    assert not memoryview(free.data).readonly


@pytest.mark.parametrize("given", [None, [], iter(())], ids=["none", "no", "an empty iterator of"])
def test_a_missing_buffer_is_an_unpickling_error(wire: Wire, given: object):
    data = wire.dumps(Array(b"data"), 5, buffer_callback=lambda buffer: None)
    with pytest.raises(pickle.UnpicklingError):
        wire.loads(data, buffers=given)


def mapped(data: bytes) -> mmap.mmap:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


@pytest.mark.parametrize(
    "source",
    [bytes, bytearray, memoryview, pickle.PickleBuffer, mapped, lambda data: array.array("B", data)],
    ids=["bytes", "bytearray", "memoryview", "PickleBuffer", "mmap", "array of uint8"],
)
def test_loads_takes_whatever_holds_bytes(wire: Wire, source: Callable):
    assert wire.loads(source(pickle.dumps(["some", b"data", {"key": 1.5}]))) == [
        "some",
        b"data",
        {"key": 1.5},
    ]


def test_a_memoryview_of_a_part_is_read_from_its_start(wire: Wire):
    data = b"before" + pickle.dumps("inside") + b"after"
    assert wire.loads(memoryview(data)[6:]) == "inside"


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_two_empty_arrays_are_two_arrays(wire: Wire, kind: Callable):
    first, second = wire.loads(wire.dumps([Array(kind()), Array(kind())], 5))
    assert first is not second
    assert [bytes(first.data), bytes(second.data)] == [b"", b""]


def test_a_pickle_of_two_empty_arrays_is_c_pickles(wire: Wire):
    arrays = [Array(bytearray()), Array(bytearray()), Array(b""), Array(b"")]
    assert wire.dumps(arrays, 5) == pickle.dumps(arrays, 5)


def test_the_target_of_a_dump_is_free_again_afterwards(wire: Wire):
    """multiprocessing dumps into a BytesIO, and takes its buffer."""
    for obj in ("small", b"large" * 100_000):
        file = io.BytesIO()
        pickler = wire.Pickler(file)
        pickler.dump(obj)
        assert pickle.loads(file.getbuffer()) == obj
        file.truncate(0)  # BufferError, were anything still exported
        wire.dump(obj, file)
        file.truncate(0)
