"""What differs between two streams: by path and value, whatever the protocol, without loading either."""

import collections
import copy
import functools
import io
import pickle
import random
import subprocess
import sys
import time
import types
from pathlib import Path

import graphs
import pytest

from brinery.errors import ReadError
from brinery.stream import diff

GOLDEN = Path(__file__).parents[1] / "wire" / "python2" / "golden"


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


class Slots:
    __slots__ = ("left", "right")


def found(left, right):
    """The differences of two objects: kind and path."""
    return [(one.kind, one.path) for one in diff(pickle.dumps(left), pickle.dumps(right))]


@pytest.mark.parametrize(
    ("left", "right", "kind", "path"),
    [
        (1, 2, "changed", "root"),
        (1, True, "changed", "root"),
        (0.0, -0.0, "changed", "root"),
        ("a", b"a", "changed", "root"),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "changed", "root['a'][1]['b']"),
        ([1, 2, 3], [1, 3], "removed", "root[1]"),
        ([2, 3], [1, 2, 3], "added", "root[0]"),
        ([[1], [2]], [[1], [9], [2]], "added", "root[1]"),
        ({"a": 1}, {"a": 1, 7: 2}, "added", "root[7]"),
        ({1, 2}, {1}, "removed", "root<member 2>"),
        (Point(1, [2]), Point(1, [3]), "changed", "root.y[0]"),
        (collections.OrderedDict(a=1), collections.OrderedDict(a=2), "changed", "root['a']"),
        (complex(1, 2), complex(1, 3), "changed", "root<argument 1>"),
        (Point(1, 2), types.SimpleNamespace(x=1, y=2), "changed", "root"),
        (bytearray(b"a"), bytearray(b"b"), "changed", "root"),
        (len, sum, "changed", "root"),
    ],
)
def test_one_difference_has_its_path(left, right, kind, path):
    assert found(left, right) == [(kind, path)]
    assert found(left, left) == found(right, right) == []


def test_slots_are_attributes():
    one, other = Slots(), Slots()
    one.left, one.right, other.left, other.right = 1, 2, 1, 3
    assert found(one, other) == [("changed", "root.right")]


def test_values_are_shown_and_of_long_texts_where_they_begin_to_differ():
    (one,) = diff(pickle.dumps({"k": "x" * 5000 + "abc"}), pickle.dumps({"k": "x" * 5000 + "abd"}))
    assert one.left == "…'xxxxxxxxxxxxxabc' (5,003 characters, from 5,002 on)"
    assert one.right.startswith("…'xxxxxxxxxxxxxabd'")
    (one,) = diff(pickle.dumps([1]), pickle.dumps(["a\x1b[2J\n"]))
    assert (one.left, one.right) == ("1", "'a\\x1b[2J\\n'")


def test_sharing_is_a_difference_where_it_could_be_seen():
    shared = [1]
    (one,) = diff(pickle.dumps([shared, shared]), pickle.dumps([[1], [1]]))
    assert one == ("root[1]", "shared", "the same object as root[0]", "another object")
    text = "text that is memoized"
    assert found([text, text], [text, "".join(list(text))]) == []


@pytest.mark.parametrize("seed", range(60))
def test_any_graph_is_equal_at_protocols_4_and_5(seed):
    """(Below, what objects reduce themselves to is not the same.)"""
    data = [pickle.dumps(graphs.grow(seed), protocol) for protocol in (4, 5)]
    assert [one for one in diff(*data) if one.kind != "shared"] == []


@pytest.mark.parametrize("seed", range(10))
def test_builtin_objects_are_equal_at_every_protocol(seed):
    tree = _tree(random.Random(seed), 5)
    data = [pickle.dumps(tree, protocol) for protocol in range(6)]
    for other in data:
        assert list(diff(data[0], other)) == list(diff(other, data[0])) == []


@pytest.mark.parametrize("case", sorted({path.name.split(".")[0] for path in GOLDEN.iterdir()}))
def test_both_picklers_of_python_2_say_the_same(case):
    for protocol in range(3):
        one, other = [(GOLDEN / f"{case}.{protocol}.{name}").read_bytes() for name in ("pickle", "cPickle")]
        assert [d for d in diff(one, other) if d.kind != "shared"] == []


def test_a_change_anywhere_is_found():
    """One leaf of a random tree is changed: exactly its path is named."""
    choose = random.Random(5)
    for _ in range(100):
        tree = _tree(choose, 4)
        other = copy.deepcopy(tree)
        steps, at = "root", other
        while True:
            key = choose.choice(list(at) if isinstance(at, dict) else range(len(at)))
            steps += f"[{key!r}]"
            if not isinstance(at[key], (list, dict)):
                at[key] = "changed"
                break
            at = at[key]
        assert found(tree, other) == [("changed", steps)]


def _tree(choose, depth):
    if not depth:
        return choose.choice(
            [1, 2.5, "text", None, b"bytes", (1, 2), {1, "a"}, frozenset("ab"), bytearray(b"x")]
        )
    parts = [_tree(choose, depth - 1) for _ in range(choose.randint(1, 4))]
    return parts if choose.random() < 0.5 else {f"k{i}": part for i, part in enumerate(parts)}


def test_persistent_ids_and_extension_codes():
    assert [d.path for d in diff(b"\x80\x02X\x01\0\0\0aQ.", b"\x80\x02X\x01\0\0\0bQ.")] == ["root<ID>"]
    assert [d.kind for d in diff(b"\x80\x02\x82\x01.", b"\x80\x02\x82\x02.")] == ["changed"]


def test_files_of_several_pickles():
    one = pickle.dumps(1) + pickle.dumps(2)
    assert [(d.path, d.kind) for d in diff(io.BytesIO(one), one + pickle.dumps(3))] == [
        ("pickles[2]", "added")
    ]
    assert [d.path for d in diff(one, pickle.dumps(1) + pickle.dumps(4))] == ["pickles[1]"]


def test_a_state_setter_is_no_part_that_is_lost():
    class Set:
        pass

    def reduction(obj):
        return Point, (1, 2), {"z": obj.z}, None, None, functools.partial(setattr, "x")

    data = []
    for z in (1, 2):
        obj = Set()
        obj.z = z
        file = io.BytesIO()
        pickler = pickle.Pickler(file)
        pickler.dispatch_table = {Set: reduction}
        pickler.dump(obj)
        data.append(file.getvalue())
    assert [d.kind for d in diff(*data)] == ["changed"]


def test_a_fault_says_in_which_stream():
    with pytest.raises(ReadError) as raised:
        diff(pickle.dumps(1), b"\x80\x04K")
    assert "in the second stream" in raised.value.__notes__
    with pytest.raises(ReadError) as raised:
        diff(b"N", pickle.dumps(1))
    assert "in the first stream" in raised.value.__notes__


def _sharing(depth, leaf):
    """l1 = [l0, l0, …], l2 = [l1, l1, …], …: 8**60 leaves in a few hundred bytes."""
    data = b"]q\x00(K\x01" + leaf + b"e"
    for i in range(depth):
        data += b"0]q" + bytes([i + 1]) + b"(" + (b"h" + bytes([i])) * 8 + b"e"
    return data + b"."


CYCLE = [b"\x80\x04" + b"".join(b"]\x94" for _ in range(n)) + b"h\x00" + b"a" * n + b"." for n in (2, 3, 7)]


@pytest.mark.parametrize(
    ("left", "right", "kinds"),
    [
        (_sharing(60, b"K\x02"), _sharing(60, b"K\x02"), set()),
        (_sharing(60, b"K\x02"), _sharing(60, b"K\x03"), {"changed"}),
        (_sharing(60, b"K\x02"), _sharing(59, b"K\x02"), {"changed"}),
        (CYCLE[0], CYCLE[2], {"shared"}),
        (b"]" * 60_000 + b"a" * 59_999 + b".", b"]" * 60_000 + b"a" * 59_999 + b".", set()),
        (b"N" + b"\x85" * 60_000 + b".", b"K\x01" + b"\x85" * 60_000 + b".", {"changed"}),
        (
            b"\x80\x04}N" + b"\x85" * 20_000 + b"Ns.",
            b"\x80\x04}N" + b"\x85" * 20_000 + b"K\x01s.",
            {"changed"},
        ),
        (b"\x80\x04cm\nf\n)R" * 3000 + b"\x85" * 2999 + b".", b"\x80\x04cm\nf\n)R" + b".", {"changed"}),
    ],
    ids=["same", "leaf", "depth", "cycles", "deep", "deep tuple", "deep key", "calls"],
)
def test_hostile_streams_are_compared_in_their_own_size(left, right, kinds):
    began = time.thread_time()
    differences = []
    for one in diff(left, right):
        differences.append(one)
        assert max(map(len, one)) < 3000
    assert {one.kind for one in differences} >= kinds
    assert bool(differences) == bool(kinds)
    assert len(differences) < len(left) + len(right)
    assert time.thread_time() - began < 5


def test_keys_that_hold_keys_do_no_harm():
    """A key is a tuple that holds the one before twice, 200 times."""
    data = b"\x80\x04}\x94(N\x85\x94" + b"".join(b"h" + bytes([i]) + b"\x86\x94" for i in range(1, 200))
    data += b"K\x01u."
    began = time.thread_time()
    assert list(diff(data, data)) == []
    assert list(diff(data, pickle.dumps(1)))
    assert list(diff(data, data.replace(b"K\x01u", b"K\x02u")))
    assert time.thread_time() - began < 5


def test_nothing_is_imported():
    program = (
        "import pickle, sys; from brinery.stream import diff; before = set(sys.modules)\n"
        "a, b = b'cantigravity\\nfly\\n(tR.', b'cthis\\ns\\n.'\n"
        "assert len(list(diff(a, b))) == 1 and set(sys.modules) == before"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("protocol", range(6))
def test_the_order_of_an_ordered_dict_counts_and_that_of_a_dict_does_not(protocol):
    one, other = {"a": [1], "b": [2], (1,): [3]}, {"a": [1], (1,): [3], "b": [2]}
    ordered = [pickle.dumps(collections.OrderedDict(each), protocol) for each in (one, other)]
    assert [(d.kind, d.path, d.left, d.right) for d in diff(*ordered)] == [
        (
            "changed",
            "root<order>",
            "key 2 of those in both is 'b'",
            "key 2 of those in both is (1,)",
        )
    ]
    assert not list(diff(ordered[0], pickle.dumps(collections.OrderedDict(one), 5 - protocol)))
    assert not list(diff(pickle.dumps(one, protocol), pickle.dumps(other, protocol)))
    more = pickle.dumps(collections.OrderedDict({"new": 0, **one}), protocol)
    assert [(d.kind, d.path) for d in diff(ordered[0], more)] == [("added", "root['new']")]
