"""Frames (PEP 3154): whole opcodes, none inside another; bytes and files are judged alike."""

from __future__ import annotations

import pickle
import struct

import pytest
from engines import Wire
from readings import FILES


def frame(data: bytes, size: int | None = None) -> bytes:
    return b"\x95" + struct.pack("<Q", len(data) if size is None else size) + data


WELL_FORMED = {
    "one frame": (b"\x80\x04" + frame(b"]K\x01a."), [1]),
    "two frames": (b"\x80\x04" + frame(b"]K\x01a") + frame(b"K\x02a."), [1, 2]),
    "an empty frame": (b"\x80\x04" + frame(b"") + frame(b"") + b"N.", None),
    "opcodes between frames": (b"\x80\x04" + frame(b"]") + b"K\x01a" + frame(b"K\x02a."), [1, 2]),
    "a FRAME as the last opcode of a frame": (b"\x80\x04" + frame(b"]" + frame(b"", 2)) + b"N.", None),
    "a long one": (
        b"\x80\x04" + frame(b"X" + struct.pack("<I", 70_000) + b"x" * 70_000 + b"."),
        "x" * 70_000,
    ),
    "bytes behind STOP": (b"\x80\x04" + frame(b"N.NNN"), None),
}

MALFORMED = {
    "an argument behind the end": b"\x80\x04" + frame(b"K") + b"\x01.",
    "half an argument behind the end": b"\x80\x04" + frame(b"J\x01\x00") + b"\x00\x00.",
    "a length behind the end": b"\x80\x04" + frame(b"X\x03\x00") + b"\x00\x00abc.",
    "text behind the end": b"\x80\x04" + frame(b"\x8c\x03a") + b"bc.",
    "bytes behind the end": b"\x80\x04" + frame(b"C\x03a") + b"bc.",
    "a bytearray behind the end": b"\x80\x05" + frame(b"\x96\x03" + bytes(7) + b"a") + b"bc.",
    "a line behind the end": b"\x80\x04" + frame(b"Vab") + b"c\n.",
    "a global's second line behind the end": b"\x80\x04" + frame(b"cbuiltins\nle") + b"n\n.",
    "a number behind the end": b"\x80\x04" + frame(b"\x8a\x02\x01") + b"\x01.",
    "a frame in a frame": b"\x80\x04" + frame(b"]" + frame(b"K\x01a") + b"K\x02a."),
    "a frame across the end of one": b"\x80\x04" + frame(b"]" + frame(b"K", 4)) + b"\x01a.",
    "half a FRAME": b"\x80\x04" + frame(b"N" + frame(b"")[:5]) + b"\x00\x00\x00\x00.",
    "more than there is": b"\x80\x04" + frame(b"N.", 3),
    "far more than there is": b"\x80\x04" + frame(b"N.", 2**62),
}


def every_way(wire: Wire):
    yield wire.loads
    for make in FILES:
        yield lambda data, make=make: wire.load(make(data))


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_well_formed_stream_is_read_from_bytes_and_from_any_file(wire: Wire, name: str):
    data, obj = WELL_FORMED[name]
    for load in every_way(wire):
        assert load(data) == obj


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_one_is_an_unpickling_error_from_each(wire: Wire, name: str):
    for load in every_way(wire):
        with pytest.raises(pickle.UnpicklingError):
            load(MALFORMED[name])


def test_a_length_that_no_object_can_have_overflows_as_in_c_pickle(wire: Wire):
    for load in every_way(wire):
        with pytest.raises(OverflowError):
            load(b"\x80\x04" + frame(b"N.", 2**63))


def test_what_a_frame_holds_behind_stop_is_there_for_the_next_load(wire: Wire):
    for make in FILES:
        unpickler = wire.Unpickler(make(b"\x80\x04" + frame(b"K\x01.K\x02.") + b"K\x03."))
        assert [unpickler.load() for _ in range(3)] == [1, 2, 3]
