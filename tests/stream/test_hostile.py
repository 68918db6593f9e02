"""No stream, however malformed, makes the disassembler do more than say what is wrong and where."""

import collections
import contextlib
import io
import pickle
import random
import struct
import time
import tracemalloc

import pytest

from brinery.errors import ReadError
from brinery.stream import disassemble, references


def read(data):
    """The records before the first fault, and the fault, or None."""
    seen = []
    try:
        seen.extend(disassemble(data))
    except ReadError as error:
        return seen, error
    return seen, None


def fault(data):
    """The records before the fault, and the fault that there must be."""
    seen, error = read(data)
    assert error is not None
    return seen, error


@pytest.mark.parametrize(
    ("data", "offset", "opcode", "words"),
    [
        (b"", 0, "none", "there is nothing here"),
        (b"N", 1, "none", "ends before STOP"),
        (b"N\xff.", 1, "0xff", "no opcode"),
        (b"\x80\x06N.", 0, "PROTO", "protocol 6 is unknown; the highest is 5"),
        (b"K", 0, "BININT1", "ends inside an argument"),
        (b"I12", 0, "INT", "ends inside a line"),
        (b"Itwelve\n.", 0, "INT", "cannot be read"),
        (b"Ftwelve\n.", 0, "FLOAT", "cannot be read"),
        (b"S'open\n.", 0, "STRING", "must be quoted"),
        (b"V\\u12\n.", 0, "UNICODE", "cannot be read"),
        (b"P\xff\n.", 0, "PERSID", "must be ASCII"),
        (b"X\x01\x00\x00\x00\xff.", 0, "BINUNICODE", "not UTF-8"),
        (b"T\xff\xff\xff\xffx.", 0, "BINSTRING", "the length -1 is negative"),
        (b"\x8b\x00\x00\x00\x80.", 0, "LONG4", "is negative"),
        (b"\x8e" + b"\xff" * 8 + b"x.", 0, "BINBYTES8", "a length of 18446744073709551615 bytes"),
        (b"B\x05\x00\x00\x00abc", 0, "BINBYTES", "ends 2 earlier"),
        (b"a.", 0, "APPEND", "APPEND needs 2 objects, there are 0"),
        (b"K\x01(a.", 3, "APPEND", "APPEND needs 2 objects, there are 0"),
        (b"N(.", 2, "STOP", "STOP needs 1 objects, there are 0"),
        (b"t.", 0, "TUPLE", "no mark"),
        (b"}(Nu.", 3, "SETITEMS", "the last key has no value"),
        (b"(Nd.", 2, "DICT", "the last key has no value"),
        (b"(o.", 1, "OBJ", "nothing above the mark"),
        (b"g5\n.", 0, "GET", "nothing was stored in the memo under 5"),
        (b"Np-1\n.", 1, "PUT", "-1 is no memo index"),
        (b"Np9223372036854775808\n.", 1, "PUT", "the memo index is larger than any can be"),
        (b"Np" + b"1" * 5000 + b"\n.", 1, "PUT", "a very long line is no memo index"),
        (b"q\x00.", 0, "BINPUT", "BINPUT needs 1 objects"),
        (b"\x82\x00.", 0, "EXT1", "0 is no extension code"),
        (b"\x83\x00\x00.", 0, "EXT2", "0 is no extension code"),
        (b"\x84\xff\xff\xff\xff.", 0, "EXT4", "-1 is no extension code"),
        (b"c\nname\n.", 0, "GLOBAL", "the name is empty"),
        (b"c\xff\nname\n.", 0, "GLOBAL", "the name is not UTF-8"),
        (
            b"\x80\x04\x95\x09" + b"\0" * 7 + b"N.",
            2,
            "FRAME",
            "the frame ends at offset 20, and the stream at 13",
        ),
        (b"K\x01K\x02\x93.", 4, "STACK_GLOBAL", "must be two str"),
        (
            b"\x80\x04\x95\x01" + b"\0" * 7 + b"K\x01.",
            11,
            "BININT1",
            "goes beyond the frame, which ends at offset 12",
        ),
        (b"\x80\x04\x95\x20" + b"\0" * 7 + b"\x95\x01" + b"\0" * 7 + b"N.", 11, "FRAME", "inside another"),
        (
            b"\x80\x04\x95\x04" + b"\0" * 7 + b"\x8c\x05hello.",
            11,
            "SHORT_BINUNICODE",
            "goes beyond the frame",
        ),
    ],
)
def test_a_fault_says_what_and_where(data, offset, opcode, words):
    _, error = fault(data)
    assert words in str(error)
    assert f"at offset {offset}, opcode {opcode}" in error.__notes__[-1]
    assert (error.pickle_offset, error.pickle_opcode) == (offset, opcode)


def test_what_came_before_the_fault_was_yielded():
    seen, error = fault(b"\x80\x02]q\x00K\x07a}\xff")
    assert [i.opcode.name for i in seen] == [
        "PROTO",
        "EMPTY_LIST",
        "BINPUT",
        "BININT1",
        "APPEND",
        "EMPTY_DICT",
    ]
    assert error.pickle_building == ("[7]", "{}")


SAMPLES = [
    pickle.dumps({"a": [1, 2.5, "x" * 40, b"y", (1, 2), {3}, None, 10**30], "é": [[]]}, protocol)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
]


@pytest.mark.parametrize("data", SAMPLES)
def test_every_truncation_is_a_fault(data):
    for end in range(len(data)):
        fault(data[:end])


@pytest.mark.parametrize("data", SAMPLES)
def test_flipped_bytes_are_read_or_are_a_fault_and_nothing_else(data):
    choose = random.Random(len(data))
    for _ in range(300):
        flipped = bytearray(data)
        for _ in range(choose.randint(1, 3)):
            flipped[choose.randrange(len(data))] = choose.randrange(256)
        _, error = read(bytes(flipped))
        assert error is None or 0 <= error.pickle_offset <= len(data)


def peak(data_or_file):
    """Peak memory in bytes of reading it all, or up to the fault."""
    tracemalloc.start()
    with contextlib.suppress(ReadError):
        collections.deque(disassemble(data_or_file), maxlen=0)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.parametrize(
    "data",
    [
        b"B" + struct.pack("<I", 2**32 - 1) + b"x",
        b"\x96" + struct.pack("<Q", 2**62) + b"x",
        b"\x8b" + struct.pack("<i", 2**31 - 1) + b"x",
        b"Nr\xff\xff\xff\xff.",
    ],
)
def test_declared_sizes_take_no_memory(data):
    assert peak(io.BytesIO(data)) < 1 << 18


class Endless:
    """A file that begins with an opcode and goes on with `size` bytes of one kind."""

    def __init__(self, head, fill, size):
        self.head, self.fill, self.left = head, fill, size

    def read(self, size, /):
        if self.head:
            head, self.head = self.head, b""
            return head
        size = min(size, self.left)
        self.left -= size
        return self.fill * size


@pytest.mark.parametrize(
    ("head", "fill"),
    [
        (b"B" + struct.pack("<I", 1 << 23), b"x"),
        (b"X" + struct.pack("<I", 1 << 23), b"x"),
        (b"V", b"x"),
        (b"L", b"1"),
    ],
)
def test_a_long_argument_is_not_held_in_memory(head, fill):
    assert peak(Endless(head, fill, 1 << 23)) < 1 << 20


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04}N" + b"\x85" * 20_000 + b"Ns.",
        b"]" * 20_000 + b"a" * 19_999 + b".",
        b"(" * 20_000,
        b"\x80\x04]" + b"\x942" * 20_000 + b".",
        b"\x80\x04]\x94(" + b"h\x00" * 20_000 + b"e.",
    ],
    ids=["deep tuple", "deep list", "marks", "memo", "a list that holds itself"],
)
def test_depth_and_cycles_cost_memory_in_proportion_only(data):
    assert peak(data) < 500 * len(data)


def test_showing_a_wide_and_deep_structure_takes_time_for_what_is_shown_only():
    # l1 = [l0] * 8, l2 = [l1] * 8, …: 8**60 leaves in a few hundred bytes, then fetched again and again.
    data = b"]q\x00(K\x01K\x02e"
    for i in range(60):
        data += b"0]q" + bytes([i + 1]) + b"(" + (b"h" + bytes([i])) * 8 + b"e"
    data += b"h\x3c0" * 1000
    began = time.thread_time()
    assert all(len(i.detail) <= 200 for i in disassemble(data + b"."))
    assert time.thread_time() - began < 3


@pytest.mark.parametrize("data", [b"N" + b"\x85" * 10_000 + b"Q.", b"P" + b"x" * 3000 + b"\n."])
def test_a_deep_or_long_persistent_id_is_shown_in_part(data):
    (found,) = [i for i in disassemble(data) if i.persistent_id]
    assert len(found.detail) <= 200
    assert len(found.persistent_id) <= 1000


def test_text_cannot_move_the_cursor_or_forge_a_line():
    data = b"\x80\x04\x8c\x09\xc3\xb6s\x1b[2J\r\n\x8c\x06system\x93."
    details = "".join(i.detail for i in disassemble(data))
    assert details.isprintable()
    (name,) = references(data).globals
    assert str(name) == "ös\\x1b[2J\\r\\n.system"


def test_an_integer_too_long_for_decimal_is_shown_in_hexadecimal():
    (detail,) = [i.detail for i in disassemble(pickle.dumps(1 << 30_000)) if i.opcode.name == "LONG4"]
    assert detail.startswith("0x1000")
    assert detail.endswith("(30,001 bits)")


class Unending:
    """A file that never ends, of one piece again and again."""

    def __init__(self, piece):
        self.piece = piece * (4096 // len(piece))

    def read(self, size, /):
        return self.piece


@pytest.mark.parametrize("piece", [b"N", b"(", b"]", b"K\x01", b"(N", b"]("])
@pytest.mark.parametrize("look", ["references", "sizes", "disassemble"])
def test_what_only_pushes_is_refused_at_a_bound(streams, monkeypatch, piece, look):
    bound = 1 << 12
    assert streams.walk.MOST_WAITING == 1 << 24  # 16 bytes each, and what the symbols take
    monkeypatch.setattr(streams.walk, "MOST_WAITING", bound)
    with pytest.raises(ReadError) as refused:
        collections.deque(getattr(streams, look)(Unending(piece)), maxlen=0)
    said = str(refused.value)
    assert f"{bound:,} " in said
    assert "wait on the stack" in said


def test_a_large_tuple_is_read(streams):
    data = pickle.dumps(tuple(range(100_000)))
    assert streams.references(data).pickles == 1
    assert streams.sizes(data).bytes == len(data)
