"""Text of all widths, whole and damaged: read as C pickle reads it."""

from __future__ import annotations

import pickle
import random

import pytest
from engines import Wire
from readings import outcome

ALPHABETS = {
    "ASCII": "abcdef ",
    "Latin-1": "abc éèüöäß\x80\xff",
    "Cyrillic": "абвгд ж",
    "the ends of two bytes": "\x80\u07ff\u0100a",
    "Chinese": "的一是a ",
    "the ends of three bytes": "\u0800\uffff\ud7ff\ue000a",
    "emoji": "😀😃a é的",
    "the ends of four bytes": "\U00010000\U0010ffff",
    "surrogates": "\ud800\udfffaé",
}

LENGTHS = (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1000)


def stream(data: bytes) -> bytes:
    return b"X" + len(data).to_bytes(4, "little") + data + b"."


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
def test_text_of_every_length(wire: Wire, alphabet: str):
    chance = random.Random(1)
    for length in LENGTHS:
        for _ in range(5):
            text = "".join(chance.choices(alphabet, k=length))
            data = text.encode("utf-8", "surrogatepass")
            read = wire.loads(stream(data))
            assert read == text
            # A str of a wider kind than it needs compares and hashes wrongly.
            assert {read: 1}[text] == 1
            assert read.__sizeof__() == pickle.loads(stream(data)).__sizeof__()


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
def test_damaged_text(wire: Wire, alphabet: str):
    chance = random.Random(2)
    for length in LENGTHS:
        for _ in range(20):
            data = bytearray("".join(chance.choices(alphabet, k=length)).encode("utf-8", "surrogatepass"))
            for _ in range(chance.randrange(1, 3)):
                if data:
                    data[chance.randrange(len(data))] = chance.randrange(256)
            if data and chance.random() < 0.3:
                del data[-chance.randrange(1, 4) :]
            assert outcome(wire.loads, stream(bytes(data))) == outcome(pickle.loads, stream(bytes(data)))


@pytest.mark.parametrize(
    "data",
    [
        b"\xc0\x80", b"\xc1\xbf", b"a\xc0\x80", b"\xe0\x80\x80ab", b"\xe0\x9f\xbfab", b"\xf0\x80\x80\x80ab",
        b"\xf0\x8f\xbf\xbfab", b"\xf4\x90\x80\x80ab", b"\xf5\x80\x80\x80ab", b"\xff\xfe", b"\x80\x80",
        b"abc\xc3", b"abcdefg\xc3", b"abcdef\xc3\xa9", b"abcdefg\xc3\xa9",
        b"abcdefgh\xe7\x9a", b"abcdefgh\xf0\x9f\x98",
    ],
)  # fmt: skip
def test_what_no_text_is_encoded_as(wire: Wire, data: bytes):
    for before in (b"", b"a", b"abcdefgh", "é".encode() * 20, "的".encode() * 20, "😀".encode() * 20):
        for behind in (b"", b"z", b"abcdefgh"):
            whole = stream(before + data + behind)
            assert outcome(wire.loads, whole) == outcome(pickle.loads, whole)


ENCODINGS = ("ASCII", "ascii", "latin1", "latin-1", "utf-8", "utf-16", "cp037", "bytes", "rot13", "no such")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("errors", ["strict", "replace", "no such"])
def test_strings_of_python_2_in_every_encoding(wire: Wire, encoding: str, errors: str):
    for text in (b"", b"a", b"plain", b"a" * 300, b"caf\xe9", b"\xc3\xa9", b"\\n", b"it's", b"nul\0"):
        quoted = repr(text).removeprefix("b").encode()
        for whole in (b"S" + quoted + b"\n.", b"U" + bytes([len(text) % 256]) + text[:255] + b"."):
            ours, theirs = (
                outcome(lambda data, loads=loads: loads(data, encoding=encoding, errors=errors), whole)
                for loads in (wire.loads, pickle.loads)
            )
            assert ours == theirs


def test_numbers_in_lines_of_every_length(wire: Wire):
    for digits in range(1, 40):
        for number in (10**digits, -(10**digits), 10**digits - 1, 1 - 10**digits):
            for whole in (b"I%d\n." % number, b"L%dL\n." % number, b"L%d\n." % number, b"F%d\n." % number):
                read = wire.loads(whole)
                assert read == pickle.loads(whole)
                assert type(read) is type(pickle.loads(whole))


@pytest.mark.parametrize("digits", [511, 512, 513, 4299, 4301, 5000])
def test_long_numbers_in_lines(wire: Wire, digits: int):
    for whole in (b"L" + b"9" * digits + b"L\n.", b"F0." + b"3" * digits + b"\n."):
        assert outcome(wire.loads, whole) == outcome(pickle.loads, whole)
