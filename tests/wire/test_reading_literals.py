"""The literals of protocol 0 and the strings of Python 2: read as C pickle reads them, quirk by quirk."""

from __future__ import annotations

import pickle
import random

import pytest
from engines import Wire
from readings import outcome

INTEGERS = (
    b"0", b"00", b"01", b"1", b"-1", b"+7", b" 7", b" 1", b"-0", b"7 ", b"0x1F", b"-0x1f", b"0b11", b"0o17",
    b"010", b"08", b"1_000", b"", b"-", b"x", b"1L", b"7\0junk", b"\0\0", b"\0", b"1\0", b"\xb2",
    b"2147483648",
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"0777777777777777777777777",
    b"9" * 400, b"9" * 5000,
)  # fmt: skip
LONGS = (*INTEGERS, b"5L", b"-5L", b"L", b"5LL", b"5l", b"0x10L", b"010L")
FLOATS = (
    b"1", b"1.5", b"-1.5e10", b".5", b"5.", b"", b" 1", b"1 ", b"1_0", b"inf", b"-inf", b"Infinity", b"nan",
    b"1e400", b"-1e400", b"1e-400", b"0x1p3", b"1.5\0junk", b"x", b"\xff",
)  # fmt: skip
STRINGS = (
    b"'a'", b'"a"', b"''", b"'", b"a", b"'a", b"'a\"", b" 'a'", b"'a' ", b"'a'b'", rb"'\n\x41\101'",
    rb"'\x4'", b"'\xe9'", rb"'\'",
)  # fmt: skip
TEXTS = (b"", b"a", rb"\u2603", rb"\u26", rb"\U0001F600", rb"\U00110000", b"\xe9", rb"\n", b"\\")
INDICES = (
    b"0",
    b"00",
    b"-1",
    b"1 ",
    b"1\f",
    b" 1",
    b"+1",
    b"1_0",
    b"0x1",
    b"",
    b"x",
    b"1\0",
    b"9" * 30,
    b"-" + b"9" * 30,
    b"\xff",
)


@pytest.mark.parametrize(
    ("opcode", "lines"),
    [(b"I", INTEGERS), (b"L", LONGS), (b"F", FLOATS), (b"S", STRINGS), (b"V", TEXTS), (b"g", INDICES)],
    ids=["INT", "LONG", "FLOAT", "STRING", "UNICODE", "GET"],
)
def test_a_line_means_what_c_pickle_takes_it_for(wire: Wire, opcode: bytes, lines: tuple[bytes, ...]):
    for line in lines:
        for stream in (opcode + line + b"\n.", b"K\x05q\x000" + opcode + line + b"\n."):
            assert outcome(wire.loads, stream) == outcome(pickle.loads, stream), line


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_and_so_do_random_lines(wire: Wire):
    choose = random.Random(20)
    alphabet = b"0012789 -+_xXobBLl.eE\0\tnaif\v\f\r\x1c\x85'\"\\"
    for _ in range(3000):
        line = bytes(choose.choice(alphabet) for _ in range(choose.randrange(1, 6)))
        for opcode in (b"I", b"L", b"F", b"S", b"V"):
            stream = opcode + line + b"\n."
            assert outcome(wire.loads, stream) == outcome(pickle.loads, stream), stream


def test_put_takes_an_index_as_c_pickle_does(wire: Wire):
    for line in INDICES:
        stream = b"K\x05p" + line + b"\n0g0\n."
        assert outcome(wire.loads, stream) == outcome(pickle.loads, stream), line


class TestStringsOfPython2:
    STREAM = b"(S'caf\\xe9'\nU\x04caf\xe9T\x04\x00\x00\x00caf\xe9l."

    def test_the_encoding_decodes_them(self, wire: Wire):
        assert wire.loads(self.STREAM, encoding="latin-1") == ["café"] * 3

    def test_ascii_is_what_they_are_by_default(self, wire: Wire):
        assert wire.loads(b"U\x03abc.") == "abc"
        with pytest.raises(UnicodeDecodeError):
            wire.loads(self.STREAM)

    def test_errors_says_what_becomes_of_the_others(self, wire: Wire):
        assert wire.loads(self.STREAM, errors="replace") == ["caf\ufffd"] * 3
        assert wire.loads(self.STREAM, encoding="utf-8", errors="ignore") == ["caf"] * 3

    def test_encoding_bytes_keeps_them_all_as_bytes(self, wire: Wire):
        assert wire.loads(b"(U\x01aS'b'\nX\x01\x00\x00\x00cl.", encoding="bytes") == [b"a", b"b", "c"]

    def test_errors_bytes_keeps_only_those_that_do_not_decode(self, wire: Wire):
        stream = b"(U\x01aU\x01\xe9S'\\xe9'\nl."
        assert wire.loads(stream, errors="bytes") == ["a", b"\xe9", b"\xe9"]

    def test_what_an_encoding_has_to_be(self, wire: Wire):
        with pytest.raises(LookupError):
            wire.loads(b"U\x01a.", encoding="no such encoding")
        for options in ({"encoding": None}, {"errors": None}, {"encoding": b"ascii"}):
            with pytest.raises(TypeError):
                wire.loads(b"N.", **options)


def test_texts_of_one_byte_are_the_characters_there_are(wire: Wire):
    for byte in range(256):
        for opcode in (b"\x8c\x01", b"X\x01\0\0\0"):
            stream = opcode + bytes([byte]) + b"."
            assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)
            if byte < 0x80:
                assert wire.loads(stream) is chr(byte)
