"""The memo of a reader: any index, at the cost of what is stored, for as long as the Unpickler lives."""

from __future__ import annotations

import io
import pickle
import tracemalloc

import pytest
from engines import Wire
from readings import run_child


def reader(wire: Wire, data: bytes):
    return wire.Unpickler(io.BytesIO(data))


class TestIndices:
    def test_an_index_that_nothing_was_put_under_is_an_unpickling_error(self, wire: Wire):
        for get in (
            b"g7\n",
            b"h\x07",
            b"j\x07\x00\x00\x00",
            b"g-1\n",
            b"j\xff\xff\xff\xff",
            b"g99999999999\n",
        ):
            with pytest.raises(pickle.UnpicklingError, match="Memo value not found at index"):
                wire.loads(b"Nq\x00" + get + b".")

    def test_a_later_put_replaces_an_earlier_one(self, wire: Wire):
        assert wire.loads(b"K\x01q\x00K\x02q\x00h\x00.") == 2

    def test_memoize_counts_the_objects_there_are(self, wire: Wire):
        for stream in (
            b"K\x01q\x05K\x02\x94K\x03\x94(h\x05h\x01h\x02t.",
            b"K\x01\x94K\x02q\x00K\x03\x94(h\x00h\x01t.",
        ):
            assert wire.loads(stream) == pickle.loads(stream)

    def test_a_gap_may_be_filled_later_in_any_order(self, wire: Wire):
        puts = b"".join(b"K%cq%c" % (i, i) for i in (5, 1, 0, 2, 9, 3, 1))
        gets = b"".join(b"h%c" % i for i in (0, 1, 2, 3, 5, 9))
        stream = puts + b"K\x63\x94(" + gets + b"h\x06t."
        assert wire.loads(stream) == (0, 1, 2, 3, 5, 9, 99)

    def test_a_negative_index_is_refused(self, wire: Wire):
        with pytest.raises(ValueError, match="negative PUT"):
            wire.loads(b"Np-1\n.")

    def test_any_index_of_64_bits_is_kept(self, wire: Wire):
        for index in (2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1):
            assert wire.loads(b"Np%d\ng%d\n." % (index, index)) is None

    def test_a_larger_one_is_refused_as_by_c_pickle(self, wire: Wire):
        for stream in (b"Np%d\n." % 2**63, b"Np%d\n." % 2**70, b"Ng%d\n." % 2**63):
            with pytest.raises(OverflowError):
                pickle.loads(stream)
            with pytest.raises(OverflowError):
                wire.loads(stream)

    @pytest.mark.parametrize("put", [b"p4000000000\n", b"r\xff\xff\xff\xff", b"p9223372036854775807\n"])
    def test_a_huge_index_costs_no_more_than_a_small_one(self, wire: Wire, put: bytes):
        tracemalloc.start()
        try:
            wire.loads(b"N" + put + b".")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 1 << 20

    def test_scattered_indices_cost_what_they_hold(self, wire: Wire):
        stream = (
            b"N" + b"".join(b"r" + (i * 40_000_003 % 2**32).to_bytes(4, "little") for i in range(2000)) + b"."
        )
        tracemalloc.start()
        try:
            wire.loads(stream)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 2 << 20


class TestAcrossLoads:
    def test_a_second_pickle_may_name_what_the_first_one_put(self, wire: Wire):
        unpickler = reader(wire, b"]q\x00.h\x00.\x80\x04K\x07\x94h\x01\x86.")
        first = unpickler.load()
        assert unpickler.load() is first
        assert unpickler.load() == (7, 7)

    def test_noload_shares_it(self, wire: Wire):
        unpickler = reader(wire, b"X\x01\x00\x00\x00aq\x00.(h\x00h\x00l.")
        unpickler.noload()
        assert unpickler.load() == ["a", "a"]

    def test_one_pickler_and_one_unpickler_keep_identity(self, wire: Wire):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            file = io.BytesIO()
            writer = pickle.Pickler(file, protocol)
            shared = ["shared"]
            for _ in range(3):
                writer.dump([shared])
            unpickler = reader(wire, file.getvalue())
            loaded = [unpickler.load()[0] for _ in range(3)]
            assert loaded[0] == shared
            assert loaded[0] is loaded[1] is loaded[2]


class TestTheProxy:
    def test_copy_gives_the_objects_by_index(self, wire: Wire):
        unpickler = reader(wire, b"K\x01q\x00K\x02q\x07.")
        unpickler.load()
        assert unpickler.memo.copy() == {0: 1, 7: 2}
        assert pickle.loads(pickle.dumps(unpickler.memo)) == {0: 1, 7: 2}

    def test_clear_forgets_them(self, wire: Wire):
        unpickler = reader(wire, b"K\x01q\x00.h\x00.")
        unpickler.load()
        unpickler.memo.clear()
        assert unpickler.memo.copy() == {}
        with pytest.raises(pickle.UnpicklingError):
            unpickler.load()

    def test_it_is_set_from_a_dict_or_from_another_memo(self, wire: Wire):
        unpickler = reader(wire, b"h\x03.")
        unpickler.memo = {3: "three"}
        other = reader(wire, b"h\x03.")
        other.memo = unpickler.memo
        assert unpickler.load() == other.load() == "three"

    def test_what_it_cannot_be_set_to(self, wire: Wire):
        unpickler = reader(wire, b"N.")
        for value, error in (([], TypeError), ({"a": 1}, TypeError), ({-1: 1}, ValueError)):
            with pytest.raises(error):
                unpickler.memo = value
        with pytest.raises((TypeError, AttributeError)):
            del unpickler.memo


def test_a_load_leaves_next_to_nothing_behind(wire: Wire, monkeypatch: pytest.MonkeyPatch):
    # BRINERY_KEEP_MEMORY=1 has the compiled engine keep arenas of the allocator: a block in each, 16 at most.
    program = """
import gc, pickle, sys
streams = [pickle.dumps(list(kind)) for kind in (
    range(10**6, 10**6 + 400_000),
    map(float, range(200_000)),
    map("string number {}".format, range(200_000)),
    ([n, (n, str(n))] for n in range(50_000)),
)]
def left_behind():
    gc.collect()
    before = sys.getallocatedblocks()
    for stream in streams * 3:
        wire.loads(stream)
    gc.collect()
    return sys.getallocatedblocks() - before
print(left_behind(), left_behind())
"""
    for keeps in ("", "1"):
        monkeypatch.setenv("BRINERY_KEEP_MEMORY", keeps)
        first, again = map(int, run_child(wire.name, program).split())
        assert first < 100
        assert again < 20
