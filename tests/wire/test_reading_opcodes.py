"""Every opcode, alone in a small stream: the same object as C pickle's, and the same error one byte short."""

from __future__ import annotations

import io
import pickle
import struct

import pytest
from engines import Wire
from readings import ReadOnlyFile, outcome

from brinery.stream.opcodes import NONE, TABLE, Opcode

LONG_TEXT = "snow \u2603 \udc80".encode("utf-8", "surrogatepass") * 50


def counted(data: bytes, form: str) -> bytes:
    return struct.pack(form, len(data)) + data


#: By opcode: streams that use it, each of them a whole pickle.
STREAMS: dict[str, tuple[bytes, ...]] = {
    "INT": (b"I12\n.", b"I-7\n.", b"I01\n.", b"I00\n."),
    "BININT": (b"J\xff\xff\xff\xff.", b"J\x00\x00\x00\x80."),
    "BININT1": (b"K\xff.",),
    "BININT2": (b"M\x01\xff.",),
    "LONG": (b"L123L\n.", b"L-5\n."),
    "LONG1": (b"\x8a\x00.", b"\x8a\x01\xff.", b"\x8a\x02\xff\x00."),
    "LONG4": (b"\x8b\x00\x00\x00\x00.", b"\x8b" + counted(b"\x01" * 300, "<i") + b"."),
    "NEWTRUE": (b"\x88.",),
    "NEWFALSE": (b"\x89.",),
    "NONE": (b"N.",),
    "FLOAT": (b"F2.5\n.", b"F-1e300\n."),
    "BINFLOAT": (b"G" + struct.pack(">d", -0.1) + b".",),
    "STRING": (b"S'it''s'\n.", b'S"a\\n\\x41"\n.'),
    "BINSTRING": (b"T" + counted(b"x" * 300, "<i") + b".", b"T\x00\x00\x00\x00."),
    "SHORT_BINSTRING": (b"U\x03abc.",),
    "BINBYTES": (b"B" + counted(b"\xff" * 300, "<I") + b".",),
    "SHORT_BINBYTES": (b"C\x00.", b"C\x02\x00\xff."),
    "BINBYTES8": (b"\x8e" + counted(b"abc", "<Q") + b".",),
    "BYTEARRAY8": (b"\x96" + counted(b"abc", "<Q") + b".", b"\x96" + counted(b"", "<Q") + b"."),
    "NEXT_BUFFER": (b"\x97.",),
    "READONLY_BUFFER": (b"\x96" + counted(b"abc", "<Q") + b"\x98.", b"C\x01a\x98."),
    "UNICODE": (b"V\n.", b"Va\\u2603\xe9\n."),
    "SHORT_BINUNICODE": (b"\x8c\x03\xe2\x98\x83.", b"\x8c\x00."),
    "BINUNICODE": (b"X" + counted(LONG_TEXT, "<I") + b".",),
    "BINUNICODE8": (b"\x8d" + counted(LONG_TEXT, "<Q") + b".",),
    "EMPTY_LIST": (b"].",),
    "APPEND": (b"]K\x01a.",),
    "APPENDS": (b"](K\x01K\x02e.", b"](e."),
    "LIST": (b"(K\x01K\x02l.", b"(l."),
    "EMPTY_TUPLE": (b").",),
    "TUPLE": (b"(K\x01K\x02K\x03K\x04t.", b"(t."),
    "TUPLE1": (b"K\x01\x85.",),
    "TUPLE2": (b"K\x01K\x02\x86.",),
    "TUPLE3": (b"K\x01K\x02K\x03\x87.",),
    "EMPTY_DICT": (b"}.",),
    "DICT": (b"(K\x01K\x02K\x01K\x03d.", b"(d."),
    "SETITEM": (b"}K\x01K\x02s.",),
    "SETITEMS": (b"}(K\x01K\x02K\x03K\x04u.", b"}(u."),
    "EMPTY_SET": (b"\x8f.",),
    "ADDITEMS": (b"\x8f(K\x01K\x02\x90.", b"\x8f(\x90."),
    "FROZENSET": (b"(K\x01K\x02\x91.",),
    "POP": (b"K\x01K\x020.", b"K\x01(0."),
    "DUP": (b"K\x012\x86.",),
    "MARK": (b"K\x01(K\x02.",),
    "POP_MARK": (b"K\x01(K\x02K\x031.",),
    "GET": (b"K\x07p0\n0g0\n.",),
    "BINGET": (b"K\x07q\x000h\x00.",),
    "LONG_BINGET": (b"K\x07q\x000j\x00\x00\x00\x00.",),
    "PUT": (b"K\x07p5\n0g5\n.",),
    "BINPUT": (b"K\x07q\x050h\x05.",),
    "LONG_BINPUT": (b"K\x07r\x05\x01\x00\x000j\x05\x01\x00\x00.",),
    "MEMOIZE": (b"K\x07\x94K\x08\x940h\x01h\x00\x86.",),
    "GLOBAL": (b"cbuiltins\nlen\n.", b"c__builtin__\nunichr\n."),
    "STACK_GLOBAL": (b"\x80\x04\x8c\x08builtins\x8c\x08str.join\x93.",),
    "EXT1": (b"\x82\xf0.",),
    "EXT2": (b"\x83\xf0\xf0.",),
    "EXT4": (b"\x84\xf0\xf0\xf0\x70.", b"\x84\xff\xff\xff\xff."),
    "REDUCE": (b"cbuiltins\nint\nX\x02\x00\x00\x0017\x85R.",),
    "BUILD": (b"cbuiltins\nValueError\n)\x81}X\x01\x00\x00\x00aK\x01sb.",),
    "INST": (b"(X\x01\x00\x00\x005ibuiltins\nint\n.",),
    "OBJ": (b"(cbuiltins\nint\nX\x01\x00\x00\x005o.",),
    "NEWOBJ": (b"cbuiltins\nint\nX\x01\x00\x00\x005\x85\x81.",),
    "NEWOBJ_EX": (b"cbuiltins\nint\nX\x02\x00\x00\x0011\x85}X\x04\x00\x00\x00baseK\x02s\x92.",),
    "PERSID": (b"Pabc\n.",),
    "BINPERSID": (b"K\x05Q.",),
    "PROTO": (b"\x80\x05N.", b"\x80\x00N.", b"\x80\x06N."),
    "STOP": (b"K\x01K\x02.",),
    "FRAME": (b"\x95" + struct.pack("<Q", 2) + b"N.", b"\x95" + struct.pack("<Q", 0) + b"N."),
}


def test_every_opcode_is_here():
    assert set(STREAMS) == {row.name for row in TABLE}


@pytest.mark.parametrize("name", STREAMS)
class TestEachOpcode:
    def test_gives_what_c_pickle_gives(self, wire: Wire, name: str):
        for stream in STREAMS[name]:
            assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)

    def test_fails_as_c_pickle_does_where_the_stream_ends_early(self, wire: Wire, name: str):
        for stream in STREAMS[name]:
            if name == "FRAME":  # cut short, its own rule sees to it: test_reading_frames
                continue
            for end in range(len(stream)):
                assert outcome(wire.loads, stream[:end]) == outcome(pickle.loads, stream[:end])
                for make in (io.BytesIO, ReadOnlyFile):
                    ours = outcome(lambda data, make=make: wire.load(make(data)), stream[:end])
                    assert ours == outcome(lambda data, make=make: pickle.load(make(data)), stream[:end])


@pytest.mark.parametrize("empty", [b"C\0", b"B" + bytes(4), b"\x8e" + bytes(8), b"\x96" + bytes(8)])
def test_bytes_that_end_with_an_empty_payload_of_bytes_are_truncated_but_a_file_has_ended(
    wire: Wire, empty: bytes
):
    """C pickle's way; for text and numbers of no bytes the end is an EOFError everywhere."""
    for before in (b"", b"\x80\x05\x95" + struct.pack("<Q", len(empty)), b"\x80\x05N0"):
        stream = before + empty
        for load in (pickle.loads, wire.loads, lambda data: wire.loads(bytearray(data))):
            with pytest.raises(pickle.UnpicklingError, match="truncated"):
                load(stream)
        for make in (io.BytesIO, ReadOnlyFile):
            for load in (pickle.load, wire.load):
                with pytest.raises(EOFError):
                    load(make(stream))


@pytest.mark.parametrize("row", [row for row in TABLE if row.argument is NONE], ids=lambda row: row.name)
def test_an_opcode_needs_on_the_stack_what_c_pickle_needs(wire: Wire, row: Opcode):
    for before in (b"", b"(", b"N", b"(N", b"N(", b"]", b"](", b"NN", b"(NN", b"N(N", b"NNN", b"N(NN", b"]N"):
        stream = before + row.code + b"."
        assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)


@pytest.mark.parametrize("put", [b"p0\n", b"q\x00", b"r\x00\x00\x00\x00"])
def test_put_needs_an_object_above_the_last_mark(wire: Wire, put: bytes):
    for before in (b"", b"(", b"N("):
        with pytest.raises(pickle.UnpicklingError):
            wire.loads(before + put + b".")


def test_a_byte_that_is_no_opcode_is_an_unpickling_error(wire: Wire):
    for byte in set(range(256)) - {row.code[0] for row in TABLE}:
        with pytest.raises(pickle.UnpicklingError, match="invalid load key"):
            wire.loads(bytes([byte]) + b".")


def test_bytes_behind_stop_are_ignored(wire: Wire):
    assert wire.loads(b"K\x01.rest") == 1
