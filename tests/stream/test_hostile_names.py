"""Names and IDs that a stream makes out of its own names and IDs, over and over, stay as short as any."""

import random
import re
import tracemalloc

import pytest

from brinery.stream import diagnose, references
from brinery.stream.feeds import BytesFeed
from brinery.stream.graph import CALL, Graph
from brinery.stream.refs import _REFERS
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk

# Each name is made of the call of the one before, twice.
DOUBLING = b"\x80\x04cos\nsystem\n)R\x94"
for _i in range(24):
    DOUBLING += b"h" + bytes([_i]) + b"h" + bytes([_i]) + b"\x93)R\x94"


def sharing(levels, leaf):
    """A tuple of 64 times the same tuple of 64 times the same, and so on."""
    data = b"\x80\x04" + leaf + b"\x94"
    for i in range(levels):
        data += b"(" + (b"h" + bytes([i])) * 64 + b"t\x94"
    return data


@pytest.mark.parametrize("look", [references, diagnose])
def test_names_made_of_names_do_not_double(look):
    tracemalloc.start()
    try:
        look(DOUBLING + b".")
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_what_computes_a_name_is_told_in_brief():
    found = references(DOUBLING + b".").globals
    assert len(found) == 25
    assert max(len(str(name)) for name in found) < 500


def test_an_id_that_shares_its_parts_is_told_in_part():
    (text,) = references(sharing(3, b"\x8c\x01a") + b"Q.").persistent_ids
    assert len(text) == 1024
    assert text.startswith("((('a', 'a', ")
    assert text.endswith("…")


def test_parts_that_are_shared_are_not_all_looked_at():
    assert references(sharing(6, b"K\x01") + b"Q0h\x06Q.").persistent_ids.total() == 2


def test_ids_that_begin_alike_are_all_counted():
    data = b"\x80\x04X\x00\x08\x00\x00" + b"x" * 2048 + b"\x94"
    data += b"0".join(b"h\x00K" + bytes([i]) + b"\x86Q" for i in range(5))
    assert references(data + b".").persistent_ids.total() == 5


def test_an_id_in_an_id_is_told():
    (outer, inner) = sorted(references(b"(U\x01aK\x01tQ\x85Q.").persistent_ids)
    assert inner == "(b'a', 1)" or outer == "(b'a', 1)"
    assert "(<persistent (b'a', 1)>,)" in (outer, inner)


def test_a_chain_of_getattr_makes_no_name_without_end():
    data = b"\x80\x04cbuiltins\ngetattr\n\x94X\xc8\x00\x00\x00" + b"n" * 200 + b"\x94cos\npath\n"
    data += b"\x94" + b"".join(b"h\x00h" + bytes([i + 2]) + b"h\x01\x86R\x94" for i in range(9))
    walk = Walk(Scanner(BytesFeed(data + b".")), Graph(), arrays=())
    walk.through()
    assert walk.stack[-1].kind == CALL


def test_whether_text_may_name_anything_is_told_line_by_line():
    plain = re.compile(rb"[ci][^\n]+\n[^\n]+\n|[\x82\x83\x84\x93PQ]")
    chance = random.Random(7)
    for _ in range(5000):
        data = bytes(chance.choices(b"cix\n\n", k=chance.randrange(12)))
        assert bool(_REFERS.search(data)) == bool(plain.search(data)), data


def test_a_long_line_is_read_once():
    assert not _REFERS.search(b"c" * 300_000)
    assert not _REFERS.search(b"ci" * 150_000 + b"\n")
