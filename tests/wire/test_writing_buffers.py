"""Buffers (PEP 574): in the stream and beside it."""

from __future__ import annotations

import array
import io
import pickle
from pickle import PickleBuffer

import pytest
from engines import Wire


class Array:
    """Reduces to a buffer at protocol 5, as arrays do."""

    def __init__(self, data: object) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: int) -> tuple[object, ...]:
        return Array, (PickleBuffer(self.data) if protocol >= 5 else bytes(self.data),)  # type: ignore[call-overload]


DATA = [b"", b"read-only", bytearray(), bytearray(b"writable"), array.array("i", [1, 2, 3]), b"x" * 70_000]


def test_in_band_a_buffer_is_bytes_or_a_bytearray(wire: Wire):
    for data in DATA:
        buffer = PickleBuffer(data)
        for graph in (buffer, [buffer, buffer], [Array(data)]):
            assert wire.dumps(graph, 5) == pickle.dumps(graph, 5)


def test_out_of_band_the_callback_takes_it(wire: Wire):
    for data in DATA:
        ours: list[PickleBuffer] = []
        theirs: list[PickleBuffer] = []
        graph = [buffer := PickleBuffer(data), buffer, Array(data), "text"]
        stream = wire.dumps(graph, 5, buffer_callback=ours.append)
        assert stream == pickle.dumps(graph, 5, buffer_callback=theirs.append)
        assert [bytes(taken) for taken in ours] == [bytes(taken) for taken in theirs]
        assert ours[0] is buffer


@pytest.mark.parametrize("answer", [True, 1, "yes", False, 0, None, [], ""])
def test_a_true_answer_keeps_it_in_band(wire: Wire, answer: object):
    for data in (b"data", bytearray(b"data")):
        graph = [PickleBuffer(data)]
        assert wire.dumps(graph, 5, buffer_callback=lambda _: answer) == pickle.dumps(
            graph, 5, buffer_callback=lambda _: answer
        )


def test_a_pickler_asks_its_callback_too(wire: Wire):
    buffers: list[PickleBuffer] = []
    file = io.BytesIO()
    wire.Pickler(file, 5, buffer_callback=buffers.append).dump([PickleBuffer(b"data")])
    assert [bytes(buffer) for buffer in buffers] == [b"data"]
    assert file.getvalue() == pickle.dumps([PickleBuffer(b"data")], 5, buffer_callback=lambda _: False)


def test_memory_in_fortran_order_is_written_as_it_lies(wire: Wire):
    view = memoryview(bytearray(range(12))).cast("B", (3, 4))
    assert wire.dumps(PickleBuffer(view), 5) == pickle.dumps(PickleBuffer(view), 5)


def test_memory_with_gaps_is_refused(wire: Wire):
    for dumps in (wire.dumps, pickle.dumps):
        with pytest.raises(pickle.PicklingError):
            dumps([PickleBuffer(memoryview(b"abcdef")[::2])], 5)
        with pytest.raises(pickle.PicklingError):
            dumps([PickleBuffer(memoryview(b"abcdef")[::2])], 5, buffer_callback=lambda _: False)


def test_a_released_buffer_is_refused(wire: Wire):
    buffer = PickleBuffer(b"data")
    buffer.release()
    for dumps in (wire.dumps, pickle.dumps):
        with pytest.raises(ValueError, match="released"):
            dumps(buffer, 5)


@pytest.mark.parametrize("protocol", range(5))
def test_it_takes_protocol_5(wire: Wire, protocol: int):
    with pytest.raises(pickle.PicklingError):
        wire.dumps([PickleBuffer(b"data")], protocol)
    with pytest.raises(ValueError, match="protocol >= 5"):
        wire.dumps([], protocol, buffer_callback=print)
    with pytest.raises(ValueError, match="protocol >= 5"):
        wire.Pickler(io.BytesIO(), protocol, buffer_callback=print)


def test_nothing_is_held_afterwards(wire: Wire):
    """A bytearray with exports cannot be resized."""
    for data in (bytearray(b"small"), bytearray(100_000)):
        for callback in (None, lambda _: True, lambda _: False):
            buffer = PickleBuffer(data)
            wire.dumps([buffer, data], 5, buffer_callback=callback)
            file = io.BytesIO()
            wire.dump([buffer, data], file, 5, buffer_callback=callback)
            buffer.release()
            data.append(1)
            file.getbuffer().release()
            file.write(b"the file too can be resized")


def test_nothing_is_held_after_an_error(wire: Wire):
    def fail(buffer: PickleBuffer) -> bool:
        raise LookupError

    data = bytearray(100_000)
    buffer = PickleBuffer(data)
    with pytest.raises(LookupError) as failed:  # whose frames live as long as this
        wire.dumps(buffer, 5, buffer_callback=fail)
    with pytest.raises(TypeError) as refused:
        wire.dumps([buffer, (x for x in ())], 5)
    buffer.release()
    data.append(1)
    assert failed.tb is not None
    assert refused.tb is not None


def test_a_callback_may_release_the_buffer_that_it_keeps_in_band(wire: Wire):
    def release(buffer: PickleBuffer) -> bool:
        buffer.release()
        return True

    for size in (10, 100_000):
        assert pickle.loads(wire.dumps(PickleBuffer(bytearray(size)), 5, buffer_callback=release)) == bytes(
            size
        )
