"""Out-of-band buffers (PEP 574): in their order, without a copy, as writable as they were."""

from __future__ import annotations

import pickle

import pytest
from engines import Wire

TWO = b"\x80\x05\x97\x97\x86."
READONLY = b"\x80\x05\x97\x98."


def test_they_come_from_any_iterable_in_order(wire: Wire):
    first, second = bytearray(b"1"), b"2"
    for buffers in ([first, second], (first, second), iter([first, second]), (b for b in (first, second))):
        assert wire.loads(TWO, buffers=buffers) == (first, second)


def test_the_object_itself_comes_back(wire: Wire):
    buffer = bytearray(b"abc")
    assert wire.loads(b"\x80\x05\x97.", buffers=[buffer]) is buffer


def test_what_was_written_read_only_comes_as_a_read_only_view_of_the_same_memory(wire: Wire):
    buffer = bytearray(b"abc")
    view = wire.loads(READONLY, buffers=[buffer])
    assert isinstance(view, memoryview)
    assert view.readonly
    buffer[0] = ord("x")
    assert view == b"xbc"


def test_what_is_read_only_already_stays_as_it_is(wire: Wire):
    buffer = b"abc"
    assert wire.loads(READONLY, buffers=[buffer]) is buffer


def test_a_missing_buffer_is_an_unpickling_error(wire: Wire):
    for options in ({}, {"buffers": None}, {"buffers": []}, {"buffers": [b"only one"]}):
        with pytest.raises(pickle.UnpicklingError):
            wire.loads(TWO, **options)


def test_more_buffers_than_needed_do_not_matter(wire: Wire):
    rest = iter([b"1", b"2", b"3"])
    assert wire.loads(TWO, buffers=rest) == (b"1", b"2")
    assert next(rest) == b"3"


def test_an_error_of_the_iterator_passes(wire: Wire):
    def buffers():
        yield b"1"
        raise OSError("no second")

    with pytest.raises(OSError, match="no second"):
        wire.loads(TWO, buffers=buffers())


def test_what_is_no_iterable_is_a_type_error(wire: Wire):
    with pytest.raises(TypeError):
        wire.loads(TWO, buffers=1)


def test_what_is_no_buffer_cannot_be_made_read_only(wire: Wire):
    with pytest.raises(TypeError):
        wire.loads(READONLY, buffers=["text"])


def test_they_travel_with_pickle_buffers_both_ways(wire: Wire):
    sent: list[pickle.PickleBuffer] = []
    payload = [bytearray(b"a" * 100), b"b" * 100]
    data = pickle.dumps([pickle.PickleBuffer(part) for part in payload], 5, buffer_callback=sent.append)
    received = wire.loads(data, buffers=sent)
    assert [bytes(part) for part in received] == payload
    assert [memoryview(part).readonly for part in received] == [False, True]
    assert wire.loads(pickle.dumps([pickle.PickleBuffer(part) for part in payload], 5)) == payload
