"""Lengths that lie: nothing is allocated for bytes that are not there."""

from __future__ import annotations

import io
import pickle
import struct

import pytest
from engines import Wire
from readings import ReadOnlyFile, peak, small_buffer

MIB = 1 << 20

LYING = {
    "BINBYTES": b"B\xff\xff\xff\xff",
    "BINBYTES8": b"\x8e" + struct.pack("<Q", 2**40),
    "BINBYTES8, nearly all of memory": b"\x8e" + struct.pack("<Q", 2**63 - 1),
    "BYTEARRAY8": b"\x96" + struct.pack("<Q", 2**40),
    "BYTEARRAY8, nearly all of memory": b"\x96" + struct.pack("<Q", 2**63 - 1),
    "BINUNICODE": b"X\xff\xff\xff\xff",
    "BINUNICODE8": b"\x8d" + struct.pack("<Q", 2**40),
    "BINUNICODE8, nearly all of memory": b"\x8d" + struct.pack("<Q", 2**63 - 1),
    "BINSTRING": b"T\xff\xff\xff\x7f",
    "LONG4": b"\x8b\xff\xff\xff\x7f",
    "FRAME": b"\x80\x04\x95" + struct.pack("<Q", 2**40),
    "FRAME, nearly all of memory": b"\x80\x04\x95" + struct.pack("<Q", 2**63 - 1),
}

NEGATIVE = {
    "LONG4": b"\x8b\xff\xff\xff\xff",
    "LONG4, the smallest": b"\x8b\x00\x00\x00\x80",
    "BINSTRING": b"T\xff\xff\xff\xff",
    "BINSTRING, the smallest": b"T\x00\x00\x00\x80",
}


class Readinto(ReadOnlyFile):
    def readinto(self, target) -> int:
        return self._file.readinto(target)


@pytest.mark.parametrize("name", LYING)
class TestALengthThatIsNotKept:
    def test_in_bytes_allocates_nothing(self, wire: Wire, name: str):
        data = LYING[name] + b"x" * 1000
        with pytest.raises(pickle.UnpicklingError):
            wire.loads(data)
        assert peak(lambda: wire.loads(data)) < MIB // 4

    @pytest.mark.parametrize("make", [io.BytesIO, ReadOnlyFile, Readinto, small_buffer])
    @pytest.mark.parametrize("received", [0, 100_000, 3 * MIB])
    def test_in_a_file_costs_at_most_twice_of_what_came(self, wire: Wire, name: str, make, received: int):
        data = LYING[name] + b"x" * received
        with pytest.raises(pickle.UnpicklingError):
            wire.load(make(data))
        file = make(data)
        assert peak(lambda: wire.load(file)) <= 2 * received + MIB


@pytest.mark.parametrize("name", NEGATIVE)
def test_a_negative_length_is_an_unpickling_error(wire: Wire, name: str):
    for load in (
        wire.loads,
        lambda data: wire.load(io.BytesIO(data)),
        lambda data: wire.load(ReadOnlyFile(data)),
    ):
        with pytest.raises(pickle.UnpicklingError):
            load(NEGATIVE[name] + b"x" * 100)


@pytest.mark.parametrize("opcode", [b"\x8e", b"\x8d", b"\x96", b"\x95"])
def test_a_length_that_no_object_can_have_is_an_overflow_as_in_c_pickle(wire: Wire, opcode: bytes):
    for size in (2**63, 2**64 - 1):
        data = opcode + struct.pack("<Q", size) + b"x" * 100
        with pytest.raises(OverflowError):
            pickle.loads(data)
        for load in (
            wire.loads,
            lambda data: wire.load(io.BytesIO(data)),
            lambda data: wire.load(ReadOnlyFile(data)),
        ):
            with pytest.raises(OverflowError):
                load(data)


def test_an_honest_length_is_read_whole_from_every_file(wire: Wire):
    for make in (io.BytesIO, ReadOnlyFile, Readinto, small_buffer):
        for obj in (b"b" * (5 * MIB), bytearray(5 * MIB), "t" * (5 * MIB)):
            assert wire.load(make(pickle.dumps(obj, 5))) == obj


def test_many_marks_and_memo_entries_cost_in_proportion(wire: Wire):
    for stream in (b"(" * 100_000, b"N" + b"q\x00" * 100_000, b"N" + b"\x94" * 100_000, b"N" * 100_000):
        assert peak(lambda stream=stream: wire.loads(stream)) < 200 * len(stream)
