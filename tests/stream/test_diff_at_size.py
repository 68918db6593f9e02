"""diff on what is large, and on keys of which the order in the stream says nothing."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time

import pytest

from brinery.stream import diff

ROWS = 20_000


def rows(changed: int = -1) -> list[dict[str, object]]:
    return [
        {"id": i, "name": f"name {i}", "tags": ["new", "paid"], "score": i / 7 if i != changed else None}
        for i in range(ROWS)
    ]


def taken(*pair: bytes) -> float:
    """Seconds of this thread that comparing takes, the best of three."""
    best = 1e9
    for _ in range(3):
        began = time.thread_time()
        list(diff(*pair))
        best = min(best, time.thread_time() - began)
    return best


def test_what_differs_is_found_among_much_that_is_equal() -> None:
    before, after = pickle.dumps(rows()), pickle.dumps(rows(changed=12_345))
    assert [one.path for one in diff(before, after)] == ["root[12345]['score']"]


@pytest.mark.parametrize("made", ["deep", "recursive", "keys"])
def test_time_grows_with_the_streams(made: str) -> None:
    def build(count: int) -> bytes:
        if made == "keys":
            key: object = ()
            table = {}
            for i in range(count):
                key = (i, str(i)), frozenset((i, (i, i)))
                table[key] = i
            return pickle.dumps(table)
        if made == "recursive":
            found: list[object] = []
            found += [[found, i] for i in range(count)]
            return pickle.dumps(found)
        return b"\x80\x04" + b"(" * count + b"K\x01" + b"l" * count + b"."

    # 64 times as large: about 64 to 200 times the time, by what the processor's caches hold; 4,000 where each
    # part is compared with each.
    small, large = build(500), build(32_000)
    assert taken(large, large) < 1000 * taken(small, small)


SEEDED = """
import pickle, sys
class Named(frozenset): pass
inner = [frozenset((f"{i}", (f"a{i}", frozenset("xyzuvw")))) for i in range(30)]
big = tuple((f"part {i}", frozenset((f"{i}", f"{i + 1}", f"{i + 2}"))) for i in range(200))
data = {frozenset(("one", "two", "three", ("four", "five"))): 1, big: 2, frozenset(inner): 3}
data["set"] = set(inner)
sys.stdout.buffer.write(pickle.dumps(data, int(sys.argv[1])))
"""


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_sets_in_keys_have_no_order(protocol: int) -> None:
    written = {
        subprocess.run(
            [sys.executable, "-c", SEEDED, str(protocol)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in "1234"
    }
    assert len(written) > 1
    first, *others = written
    for other in others:
        assert list(diff(first, other)) == []


def test_large_keys_are_told_apart() -> None:
    keys = [tuple(range(i, i + 300)) for i in range(20)]
    left = {key: i for i, key in enumerate(keys)}
    right = {key: left[key] if i != 7 else "other" for i, key in reversed(list(enumerate(keys)))}
    found = list(diff(pickle.dumps(left), pickle.dumps(right)))
    assert [(one.kind, one.left, one.right) for one in found] == [("changed", "7", "'other'")]
    del right[keys[3]]
    found = list(diff(pickle.dumps(left), pickle.dumps(right)))
    assert sorted(one.kind for one in found) == ["changed", "removed"]


class Buffer(bytearray):
    """Reduced to a text and an encoding at protocols 0 to 2, to bytes later."""


@pytest.mark.parametrize("content", [b"", b"abc", bytes(range(256))])
def test_bytearray_subclasses_are_the_same_at_every_protocol(content: bytes) -> None:
    written = [pickle.dumps([Buffer(content), {"k": Buffer(content)}], protocol) for protocol in range(6)]
    for one in written[1:]:
        assert list(diff(written[0], one)) == []
    other = pickle.dumps([Buffer(content + b"!"), {"k": Buffer(content)}], 5)
    for one in written:
        assert [found.path.partition("<")[0] for found in diff(one, other)] == ["root[0]"]


@pytest.mark.parametrize(
    ("left", "right"),
    [(-1, -2), (0, False), (1, 1.0), (0.0, -0.0), (0, 2**61 - 1), ("a", b"a"), ("0x5", 5), (None, 0)],
)
def test_constants_of_one_hash_differ(left: object, right: object) -> None:
    for wrap in (lambda value: [value], lambda value: {"k": (value,)}, lambda value: [[value], [value, 5]]):
        assert list(diff(pickle.dumps(wrap(left)), pickle.dumps(wrap(right))))


def test_keys_that_are_there_twice() -> None:
    """The last value counts, and which it is differs."""
    left = b"\x80\x04](}(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00aK\x02ue."
    right = b"\x80\x04](}(X\x01\x00\x00\x00aK\x02X\x01\x00\x00\x00aK\x01ue."
    assert pickle.loads(left) == [{"a": 2}]
    assert [one.kind for one in diff(left, right)] == ["changed"] * len(list(diff(left, right)))
    assert list(diff(left, right))


def test_what_is_one_object_is_told_though_all_is_equal() -> None:
    shared = [1]
    left, right = pickle.dumps([[shared], [shared]]), pickle.dumps([[[1]], [[1]]])
    assert [one.kind for one in diff(left, right)] == ["shared"]
    assert [one.kind for one in diff(right, left)] == ["shared"]
