"""Keys that would crash or hang hash(): tuples a million deep, and tuples of themselves many times over."""

from __future__ import annotations

import pickle
from collections import namedtuple

import pytest
from engines import Wire
from readings import run_child

from brinery.engine.hashing import MAX_DEPTH, check_hashable, check_key
from brinery.errors import UnpicklingError

Pair = namedtuple("Pair", "left right")

#: By the opcode that hashes: a stream around the key.
PLACES = {
    "SETITEM": b"}%bNs.",
    "SETITEMS": b"}(%bNu.",
    "DICT": b"(%bNd.",
    "ADDITEMS": b"\x8f(%b\x90.",
    "FROZENSET": b"(%b\x91.",
    "SETITEM on an object": b"ccollections\nOrderedDict\n)R%bNs.",
    "REDUCE of set": b"cbuiltins\nset\n]%ba\x85R.",
    "REDUCE of frozenset": b"cbuiltins\nfrozenset\n%b\x85\x85R.",
    "OBJ of set": b"(cbuiltins\nset\n]%bao.",
    "INST of frozenset": b"(]%baibuiltins\nfrozenset\n.",
}


@pytest.mark.parametrize("place", PLACES)
class TestAKeyOfTuples:
    def test_a_million_deep_is_a_recursion_error(self, wire: Wire, place: str):
        program = f"""
try:
    wire.loads({PLACES[place]!r} % (b"N" + b"\\x85" * 1_000_000))
except RecursionError:
    print("RecursionError")
"""
        assert run_child(wire.name, program) == "RecursionError"

    def test_that_repeats_itself_sixty_times_over_is_refused_at_once(self, wire: Wire, place: str):
        with pytest.raises(pickle.UnpicklingError, match="hashing this key"):
            wire.loads(PLACES[place] % (b"N" + b"2\x86" * 60))

    def test_of_ordinary_depth_is_a_key(self, wire: Wire, place: str):
        stream = PLACES[place] % (b"N" + b"\x85" * 100)
        assert wire.loads(stream) == pickle.loads(stream)

    def test_that_shares_a_little_is_a_key(self, wire: Wire, place: str):
        stream = PLACES[place] % (b"K\x01" + b"2\x86" * 8)
        assert wire.loads(stream) == pickle.loads(stream)


def test_the_example_of_the_rule(wire: Wire):
    program = r"""
try:
    wire.loads(b"\x80\x04}N" + b"\x85" * 1000000 + b"Ns.")
except RecursionError:
    print("RecursionError")
"""
    assert run_child(wire.name, program) == "RecursionError"


def test_in_a_thread_of_256_kib_too_the_deepest_key_allowed_can_be_hashed(wire: Wire):
    program = f"""
import threading
results = []
threading.stack_size(256 * 1024)
stream = b"}}N" + b"\\x85" * {MAX_DEPTH - 1} + b"Ns."
thread = threading.Thread(target=lambda: results.append(len(wire.loads(stream))))
thread.start()
thread.join()
print(results)
"""
    assert run_child(wire.name, program) == "[1]"


class TestTheWalk:
    def nested(self, depth: int, outermost=lambda inner: (inner,)):
        key = ()
        for _ in range(depth - 1):
            key = outermost(key)
        return key

    def test_depth_counts_along_the_longest_way(self):
        check_key(self.nested(MAX_DEPTH))
        with pytest.raises(RecursionError):
            check_key(self.nested(MAX_DEPTH + 1))
        shared = self.nested(MAX_DEPTH - 1)
        check_key((1, shared, shared))
        with pytest.raises(RecursionError):
            check_key((shared, (shared,)))

    def test_it_sees_through_named_tuples(self):
        with pytest.raises(RecursionError):
            check_key(self.nested(MAX_DEPTH + 1, lambda inner: Pair(1, inner)))

    def test_a_large_flat_key_is_no_matter(self):
        check_key(tuple(range(300_000)))
        check_key(tuple((i, str(i)) for i in range(100_000)))

    def test_nor_one_tuple_that_occurs_often_side_by_side(self):
        row = tuple(range(10))
        check_key((row,) * 30)

    def test_what_hashes_its_own_way_is_left_to_it(self):
        class Mine(tuple):
            def __hash__(self):
                return 7

        inner = Mine((self.nested(MAX_DEPTH + 5),))
        check_key((inner, 1))

    def test_several_keys_are_all_looked_at(self):
        with pytest.raises(RecursionError):
            check_hashable(["a", 1, (1, 2), self.nested(MAX_DEPTH + 1)])
        doubling = ()
        for _ in range(60):
            doubling = (doubling, doubling)
        with pytest.raises(UnpicklingError):
            check_hashable(["a", (doubling,)])
