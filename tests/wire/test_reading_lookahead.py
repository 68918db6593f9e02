"""Lookahead: a file read twice, from wherever recording began, and no further than it was asked to."""

from __future__ import annotations

import io

import pytest
from readings import ReadintoPipe, ReadOnlyFile

from brinery.engine.lookahead import Lookahead

DATA = b"abc\ndef\nghijklm"


@pytest.mark.parametrize("make", [io.BytesIO, lambda data: io.BufferedReader(io.BytesIO(data)), ReadOnlyFile])
class TestRecording:
    def test_gives_the_same_again(self, make):
        file = Lookahead(make(DATA))
        assert file.read(1) == b"a"
        file.record()
        first = file.read(2), file.readline(), file.readline(), file.read(3)
        file.rewind()
        assert (file.read(2), file.readline(), file.readline(), file.read(3)) == first
        assert file.read(2) == b"jk"

    def test_may_begin_anew_before_all_was_read_again(self, make):
        file = Lookahead(make(DATA))
        file.record()
        file.read(8)
        file.rewind()
        file.read(2)
        file.record()
        assert file.read(1) == b"c"
        file.rewind()
        assert file.readline() == b"c\n"
        assert file.read(9) == b"def\n"
        assert file.read(2) == b"gh"

    def test_takes_no_more_from_the_file_than_was_read(self, make):
        source = make(DATA)
        file = Lookahead(source)
        file.record()
        file.read(3)
        file.rewind()
        file.read(2)
        assert source.read(2) == b"\nd"


def test_readinto_is_recorded_too():
    file = Lookahead(ReadintoPipe(DATA))
    file.record()
    target = bytearray(5)
    assert file.readinto(memoryview(target)) == 3
    file.rewind()
    assert file.readinto(memoryview(target)) == 3
    assert target[:3] == b"abc"
    assert file.read(1) == b"\n"


def test_peek_shows_what_will_be_read_again():
    file = Lookahead(io.BufferedReader(io.BytesIO(DATA)))
    file.record()
    assert file.peek(1)[:2] == b"ab"
    file.read(2)
    file.rewind()
    assert file.peek(1) == b"ab"


def test_a_file_that_has_neither_gets_neither():
    file = Lookahead(ReadOnlyFile(DATA))
    assert not hasattr(file, "peek")
    assert not hasattr(file, "readinto")
    with pytest.raises(TypeError):
        Lookahead(object())
