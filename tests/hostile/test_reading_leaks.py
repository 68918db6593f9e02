"""What a load made is let go of, whether it succeeded or failed at any point."""

from __future__ import annotations

import contextlib
import gc
import io
import pickle
import sys
from itertools import pairwise

import fuzz_reading
import pytest
from engines import Wire, engines_under_test

INPUTS = 400
ROUNDS = 6


def blocks_after(action) -> int:
    action()
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.parametrize("name", engines_under_test())
def test_reading_damaged_pickles_again_and_again_takes_no_more_memory(name: str):
    ways = list(fuzz_reading.ways_of(name).values())[:3]
    inputs = [fuzz_reading.make_input(number) for number in range(INPUTS)]

    def read_all() -> None:
        for data in inputs:
            for way in ways:
                fuzz_reading.outcome(way, data)

    counted = [blocks_after(read_all) for _ in range(ROUNDS)]
    # Caches fill up in some rounds, and a few inputs add to objects that are globals; a leak on any way
    # out, in each of three readings of an input, shows in every round.
    grown = [after - before for before, after in pairwise(counted)]
    assert min(grown) < INPUTS // 4


class TestReferences:
    def test_of_objects_that_are_given_in_are_given_back(self, wire: Wire):
        sentinel = object()
        before = sys.getrefcount(sentinel)

        class Giving(wire.Unpickler):
            def persistent_load(self, _: object) -> object:
                return sentinel

        whole = b"\x80\x04](K\x01QK\x01Q}(\x8c\x01aK\x01Q\x8c\x01bK\x01Qu\x8f(K\x01Q\x90"
        whole += b"K\x01QK\x01Q\x86K\x01Q\x94h\x00e."
        for end in range(len(whole) + 1):
            for make in (io.BytesIO, lambda data: io.BufferedReader(io.BytesIO(data))):
                with contextlib.suppress(EOFError, pickle.UnpicklingError):
                    Giving(make(whole[:end])).load()
        gc.collect()
        assert sys.getrefcount(sentinel) == before

    def test_of_an_unpickler_that_its_own_memo_holds_are_found_by_the_collector(self, wire: Wire):
        class Held(wire.Unpickler):
            gone = 0

            def persistent_load(self, _: object) -> object:
                return self

            def __del__(self) -> None:
                Held.gone += 1

        for _ in range(3):
            Held(io.BytesIO(b"K\x01Q\x94.")).load()
        gc.collect()
        assert Held.gone == 3

    def test_of_the_bytes_end_with_the_load(self, wire: Wire):
        data = bytearray(pickle.dumps([b"x" * 1000, "text"]))
        wire.loads(data)
        data.append(0)  # a BufferError, were the buffer still exported
        with pytest.raises(pickle.UnpicklingError):
            wire.loads(data[:10])
        data.append(0)
