"""Numbers: every size, alone and in rows, is the number that C pickle reads."""

from __future__ import annotations

import math
import pickle
import struct

import pytest
from engines import Wire

#: Around every power of two, up to what takes more than eight bytes.
INTS = sorted({sign * (2**k + d) for k in range(70) for d in (-1, 0, 1) for sign in (1, -1)})
FLOATS = [0.0, -0.0, 1.5, -2.25, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, math.pi]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_ints_of_every_size(wire: Wire, protocol: int):
    for number in INTS:
        for count in (1, 2, 3, 40):
            made = wire.loads(pickle.dumps([number] * count + [None], protocol))
            assert made == [number] * count + [None]
            # What goes on from there: the same digits, no more of them, and of the interpreter's own class.
            assert {type(n) for n in made[:-1]} == {int}
            assert made[0] + 1 == number + 1
            assert made[0] - number == 0
            assert (hash(made[0]), str(made[0])) == (hash(number), str(number))
            assert made[0].__sizeof__() == number.__sizeof__()


def test_sizes_in_turns(wire: Wire):
    assert wire.loads(pickle.dumps(INTS * 3)) == INTS * 3
    mixed = [x for number in INTS for x in (number, float(number), True, None)]
    assert wire.loads(pickle.dumps(mixed)) == mixed
    assert list(map(type, wire.loads(pickle.dumps(mixed)))) == list(map(type, mixed))


@pytest.mark.parametrize(
    ("opcode", "size"),
    [(b"K", 1), (b"M", 2), (b"J", 4), (b"\x8a\x01", 1), (b"\x8a\x05", 5), (b"\x8a\x08", 8)],
)
def test_every_opcode_takes_every_value_even_where_a_shorter_one_would_do(
    wire: Wire, opcode: bytes, size: int
):
    numbers = [n for n in INTS if -(1 << 8 * size - 1) <= n < 1 << 8 * size - 1]
    written = [opcode + n.to_bytes(size, "little", signed=True) for n in numbers]
    stream = b"(" + b"".join(written) + b"l."
    assert wire.loads(stream) == pickle.loads(stream)
    for text in written:
        assert wire.loads(b"(" + 3 * text + b"l.") == pickle.loads(b"(" + 3 * text + b"l.")
        assert wire.loads(text + b".").__sizeof__() == pickle.loads(text + b".").__sizeof__()


def test_the_small_ints_are_the_ones_there_are(wire: Wire):
    for number in range(-5, 257):
        for opcode, size in ((b"J", 4), (b"\x8a\x02", 2)):
            stream = opcode + number.to_bytes(size, "little", signed=True) + b"."
            assert wire.loads(stream) is number
        if 0 <= number < 256:
            assert all(n is number for n in wire.loads(b"(K%cK%cM%c\0t." % (number, number, number)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_floats_bit_for_bit(wire: Wire, protocol: int):
    for number in FLOATS:
        for count in (1, 2, 300):
            made = wire.loads(pickle.dumps([number] * count, protocol))
            assert [struct.pack(">d", n) for n in made] == [struct.pack(">d", number)] * count
    assert math.isnan(wire.loads(pickle.dumps(math.nan, protocol)))


def test_a_row_may_be_cut_anywhere(wire: Wire):
    for row in (b"K\x01" * 5, b"M\x01\x02" * 5, b"J\x01\x02\x03\x04" * 5, b"G?\xf8\0\0\0\0\0\0" * 5):
        for end in range(1, len(row)):
            with pytest.raises((EOFError, pickle.UnpicklingError)) as ours:
                wire.loads(row[:end])
            with pytest.raises((EOFError, pickle.UnpicklingError)) as theirs:
                pickle.loads(row[:end])
            assert isinstance(ours.value, type(theirs.value))


def test_a_row_longer_than_the_stack_was(wire: Wire):
    for value in (7, 700, 70_000, 7 << 40, 0.7):
        row = [value] * 999
        assert wire.loads(pickle.dumps(row)) == row


def test_a_row_ends_with_its_frame(wire: Wire):
    for one in (b"K\x01", b"M\x01\x02", b"J\x01\x02\x03\x04", b"G?\xf8\0\0\0\0\0\0"):
        frame = b"\x95" + (3 * len(one)).to_bytes(8, "little") + 3 * one
        stream = b"\x80\x04(" + frame + one + frame + b"l."
        assert wire.loads(stream) == pickle.loads(stream)
        assert len(wire.loads(stream)) == 7
