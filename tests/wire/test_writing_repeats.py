"""Lists of what repeats: strings above all, which are written as references to the first of each."""

from __future__ import annotations

import io
import pickle
import random

import pytest
from engines import Wire
from graphs import Plain

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Asking:
    asked = 0

    def persistent_id(self, obj):
        self.asked += 1
        return "an ID" if obj == "word 1" and self.asked > 8 else None


def assert_same(wire: Wire, obj: object) -> None:
    for protocol in PROTOCOLS:
        expected = pickle.dumps(obj, protocol)
        assert wire.dumps(obj, protocol) == expected, f"protocol {protocol}"
        file = io.BytesIO()
        wire.Pickler(file, protocol).dump(obj)
        assert file.getvalue() == expected, f"protocol {protocol}, to a file"


def words(count: int, ending: str = "") -> list[str]:
    return [f"word {n}{ending}" for n in range(count)]


@pytest.mark.parametrize("count", [1, 2, 250, 254, 255, 256, 257, 300, 1000])
def test_as_many_as_one_byte_can_tell_apart_and_more(wire: Wire, count: int):
    vocabulary = words(count)
    assert_same(wire, vocabulary * 3)
    assert_same(wire, vocabulary + vocabulary[::-1] + vocabulary)


@pytest.mark.parametrize("length", [998, 999, 1000, 1001, 1002, 1999, 2000, 2001, 3000])
def test_over_the_end_of_a_batch(wire: Wire, length: int):
    assert_same(wire, ["one"] * length)
    assert_same(wire, (["one", "two"] * length)[:length])
    assert_same(wire, [*["one"] * (length - 1), "the last"])


def test_over_the_end_of_a_frame(wire: Wire):
    for length in range(32_700, 32_800, 7):  # two bytes each: a frame is 65,536
        assert_same(wire, ["one"] * length)
    assert_same(wire, ["one"] * 200_000)


def test_a_string_may_end_in_what_looks_like_a_reference(wire: Wire):
    # BINGET is the letter h, and what stands before MEMOIZE is a string's last character.
    unlike = words(600, ending="h")
    assert_same(wire, unlike)
    assert_same(wire, [x for word in unlike for x in (word, 5, word, None)])
    assert_same(wire, [x for word in unlike for x in (word, [word], word, (1.5, word))])


def test_anything_may_repeat_among_them(wire: Wire):
    chance = random.Random(3)
    instance = Plain()
    shared = [*words(20), [], {}, (), (1,), b"bytes", b"", "", 7, 1 << 100, 2.5, None, True, Plain, instance]
    shared.append(shared[:5])
    for _ in range(20):
        assert_same(wire, [chance.choice(shared) for _ in range(1500)])


def test_a_pickler_that_is_fast_repeats_nothing(wire: Wire):
    for protocol in PROTOCOLS:
        written = []
        for cls in (wire.Pickler, pickle.Pickler):
            file = io.BytesIO()
            pickler = cls(file, protocol)
            pickler.dump(["fish"])  # under index 0 or 1, before it is fast
            pickler.fast = True
            pickler.dump([*words(3, "h") * 3])
            written.append(file.getvalue())
        assert written[0] == written[1]


def test_the_memo_of_an_earlier_dump_counts_where_it_is_shared_and_only_there(wire: Wire):
    repeated = words(3, "h") * 400
    for protocol in PROTOCOLS:
        assert wire.dumps(repeated, protocol) == wire.dumps(repeated, protocol)
        written = []
        for cls in (wire.Pickler, pickle.Pickler):
            file = io.BytesIO()
            pickler = cls(file, protocol)
            pickler.dump(repeated)
            pickler.dump(repeated[:])
            pickler.clear_memo()
            pickler.dump(repeated[:])
            written.append(file.getvalue())
        assert written[0] == written[1]


def test_a_persistent_id_is_asked_of_each_of_them(wire: Wire):
    repeated = words(3) * 10
    for protocol in PROTOCOLS[1:]:
        written = []
        for base in (wire.Pickler, pickle.Pickler):
            file = io.BytesIO()
            pickler = type("Asking", (Asking, base), {})(file, protocol)
            pickler.asked = 0
            pickler.dump(repeated)
            written.append((file.getvalue(), pickler.asked))
        assert written[0] == written[1]
