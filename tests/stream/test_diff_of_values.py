"""The same values are the same at every protocol, and lists are aligned by what is in both."""

import array
import collections
import difflib
import functools
import pickle
import time
from random import Random

import pytest

from brinery.stream import diff
from brinery.stream.aligning import align

numpy = pytest.importorskip("numpy")

Point = collections.namedtuple("Point", "x y")
One = collections.namedtuple("One", "content")


class ListOf(list):
    pass


class DictOf(dict):
    pass


class TupleOf(tuple):
    __slots__ = ()


class IntOf(int):
    pass


class TextOf(str):
    __slots__ = ()


class FloatOf(float):
    pass


class BytesOf(bytes):
    pass


class SetOf(set):
    pass


class ComplexOf(complex):
    pass


class Named:
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        self.given = args, kwargs

    def __getnewargs_ex__(self):
        args, kwargs = self.given
        return args, dict(kwargs)


def with_attributes(obj, **attributes):
    obj.__dict__.update(attributes)
    return obj


VALUES = {
    "numpy floats": (numpy.arange(6.0), numpy.arange(1.0, 7.0)),
    "numpy in two dimensions": (numpy.eye(3), numpy.eye(3)[::-1].copy()),
    "numpy in Fortran order": (
        numpy.asfortranarray([[1, 2], [3, 4]]),
        numpy.asfortranarray([[1, 2], [3, 5]]),
    ),
    "numpy read only": (numpy.frombuffer(b"abcd", "u1"), numpy.frombuffer(b"abce", "u1")),
    "numpy objects": (numpy.array([1, None], object), numpy.array([1, 2], object)),
    "numpy records": (numpy.zeros(2, "i4,f8"), numpy.ones(2, "i4,f8")),
    "numpy empty": (numpy.zeros((0, 3)), numpy.zeros((3, 0))),
    "numpy of another type": (numpy.zeros(2, "f8"), numpy.zeros(2, "i8")),
    "array of ints": (array.array("i", [1, -2]), array.array("i", [1, -3])),
    "array of longs": (array.array("Q", [1, 2**63]), array.array("Q", [1])),
    "array of floats": (array.array("d", [0.5, 1e300]), array.array("d", [0.5, -1e300])),
    "array of another type": (array.array("i", [1]), array.array("h", [1])),
    "namedtuple": (Point(1, [2]), Point(1, [3])),
    "namedtuple of one": (One((1,)), One((2,))),
    "list": (ListOf([1, 2]), ListOf([1, 3])),
    "list with attributes": (with_attributes(ListOf([1]), a=2), with_attributes(ListOf([1]), a=3)),
    "dict": (DictOf(a=1), DictOf(a=2)),
    "tuple": (TupleOf((1, 2)), TupleOf((1, 3))),
    "tuple of one": (TupleOf(((1,),)), TupleOf(((2,),))),
    "tuple of none": (TupleOf(), TupleOf((1,))),
    "int": (IntOf(5), IntOf(6)),
    "text": (TextOf("a"), TextOf("b")),
    "float": (FloatOf(0.5), FloatOf(1.5)),
    "bytes": (BytesOf(b"a\xff"), BytesOf(b"b\xff")),
    "set": (SetOf([1]), SetOf([2])),
    "complex": (ComplexOf(1, 2), ComplexOf(1, 3)),
    "bytearray": (bytearray(b"a"), bytearray(b"b")),
    "ordered": (collections.OrderedDict(a=1), collections.OrderedDict(a=2)),
    "counter": (collections.Counter("aab"), collections.Counter("ab")),
    "deque": (collections.deque([1], 3), collections.deque([1], 4)),
    "partial": (functools.partial(int, "1", base=2), functools.partial(int, "1", base=3)),
    "named arguments": (Named(1, a=2), Named(1, a=3)),
}


@pytest.mark.parametrize("what", VALUES)
@pytest.mark.parametrize("one", range(6))
@pytest.mark.parametrize("other", range(6))
def test_a_value_is_the_same_at_every_protocol(what, one, other):
    value, changed = VALUES[what]
    if "named arguments" in what and min(one, other) < 2:
        pytest.skip("protocols 0 and 1 have no such arguments")
    assert list(diff(pickle.dumps([value], one), pickle.dumps([value], other))) == []
    assert list(diff(pickle.dumps([value], one), pickle.dumps([changed], other))) != []


def edits(left, right):
    """The kinds and paths of differences between two lists."""
    return [(one.kind, one.path) for one in diff(pickle.dumps(left), pickle.dumps(right))]


def test_two_edits_in_a_long_list():
    rows = [{"id": i, "name": f"n{i}", "tags": [i % 3]} for i in range(2000)]
    other = [*rows[:100], {"id": -1}, *rows[100:1500], *rows[1501:]]
    assert edits(rows, other) == [("added", "root[100]"), ("removed", "root[1500]")]
    changed = [*other[:700], {**other[700], "name": "x"}, *other[701:]]
    assert sorted(edits(rows, changed)) == sorted(
        [("added", "root[100]"), ("removed", "root[1500]"), ("changed", "root[699]['name']")]
    )


def test_large_items_and_few_different_ones_are_aligned():
    large = [{"row": list(range(i, i + 200))} for i in range(100)]
    assert edits(large, large[:30] + large[31:]) == [("removed", "root[30]")]
    bits = [Random(3).randrange(2) for _ in range(5000)]
    other = [*bits[:1000], 5, *bits[1000:4000], *bits[4001:]]
    assert len(edits(bits, other)) <= 2


def test_it_does_not_matter_at_which_protocol_items_were_written():
    rows = [[Point(i, numpy.arange(i)), ListOf([i])] for i in range(50)]
    other = pickle.dumps(rows[:20] + rows[21:], 5)
    assert [one.path for one in diff(pickle.dumps(rows, 0), other)] == ["root[20]"]


@pytest.mark.parametrize("seed", range(200))
def test_what_is_aligned_is_the_same(seed):
    """Between the gaps both have the same; and there are not many more edits than difflib finds."""
    random = Random(seed)
    kinds = random.choice([2, 5, 1000])
    left = [random.randrange(kinds) for _ in range(random.randrange(60))]
    right = list(left)
    for _ in range(random.randrange(12)):
        at = random.randrange(len(right) + 1)
        right[at : at + random.randrange(3)] = [random.randrange(kinds) for _ in range(random.randrange(3))]
    i = j = edited = 0
    for i1, i2, j1, j2 in [*align(left, right), (len(left), len(left), len(right), len(right))]:
        assert left[i:i1] == right[j:j1]
        assert i <= i1 <= i2
        assert j <= j1 <= j2
        edited += i2 - i1 + j2 - j1
        i, j = i2, j2
    codes = difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    assert edited <= sum(a2 - a1 + b2 - b1 for what, a1, a2, b1, b2 in codes if what != "equal")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (list(range(50_000)), list(range(50_000))[::-1]),
        ([0] * 50_000, [1] * 50_000),
        ([i % 2 for i in range(50_000)], [i % 3 for i in range(50_000)]),
        (list(range(50_000)), [i if i % 7 else -i - 1 for i in range(50_000)]),
    ],
)
def test_the_time_is_bounded(left, right):
    begin = time.process_time()
    list(align(left, right))
    assert time.process_time() - begin < 20


@pytest.mark.filterwarnings("ignore:The 'u' type code:DeprecationWarning")  # from Python 3.13 on
@pytest.mark.parametrize("text", ["", "abc", "é\U0001f600"])
def test_an_array_of_text_is_the_same_at_each_protocol(text):
    data = [pickle.dumps(array.array("u", text), protocol) for protocol in range(6)]
    for one in data:
        assert not list(diff(one, data[0]))
    other = pickle.dumps(array.array("u", text + "x"), 5)
    assert list(diff(data[0], other))
