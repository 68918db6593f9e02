"""What check finds in sets, and that shared objects are compared once, whatever their ``==`` would do."""

from __future__ import annotations

import collections
import dataclasses
import decimal
import math
import sys
import threading
import time
import types

import pytest

import brinery
from brinery.checking.comparing import first_difference
from brinery.errors import CheckError


class Rounded:
    """A value that comes back as another one."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Rounded) and self.value == other.value

    def __hash__(self):
        return hash(self.value)

    def __reduce__(self):
        return Rounded, (int(self.value),)


@dataclasses.dataclass(frozen=True)
class Frozen:
    value: object


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    value: object


class ById:
    pass


class Members(set):
    pass


CHANGED = [
    {Rounded(1.5)},
    frozenset({Rounded(1.5), Rounded(2.5)}),
    {(Rounded(1.5),), (Rounded(2),)},
    {frozenset({Rounded(1.5)}), frozenset()},
    {Frozen(Rounded(1.5)), Frozen(3), ById()},
    {Slotted(Rounded(1.5)), Slotted(Rounded(2.5))},
    {"text", Rounded(1.5), ById(), ById()},
    Members({Rounded(1.5), Rounded(2.5)}),
]


@pytest.mark.parametrize("obj", CHANGED)
def test_a_member_that_changes_is_found(obj):
    assert brinery.loads(brinery.dumps(obj)) != obj
    with pytest.raises(CheckError, match=r"root<member .*is read as"):
        brinery.check(obj)


def test_several_members_of_which_one_changes():
    whole = {Rounded(1), Rounded(2.5), Rounded(3)}
    found = first_difference(whole, brinery.loads(brinery.dumps(whole)))
    assert (found.path.rpartition(">")[2], found.written, found.read) == (
        ".value",
        "2.5, of type float",
        "2, of type int",
    )


def test_a_member_of_another_type():
    assert first_difference({1, 2}, {True, 2}).path == "root<member 1>"
    assert first_difference({ById(), 1}, {object(), 1}).read == "missing"


def test_a_member_is_found_inside_too():
    one, other = ById(), ById()
    one.a, other.a = 1, 2
    assert first_difference({one, "x"}, {other, "x"}).path.endswith(">.a")
    # Which of several it is read as is not known.
    assert first_difference({one, ById()}, {other, ById()}) is None


@pytest.mark.parametrize(
    "obj",
    [
        {math.nan, float("nan"), 1.0},
        {Frozen(math.nan), Frozen(float("nan")), Slotted(math.nan), Slotted((math.nan,))},
        {decimal.Decimal("nan"), (decimal.Decimal("nan"),), (decimal.Decimal("nan"), 1)},
        {ById(), ById(), (ById(),), (ById(),), frozenset({ById()}), frozenset({ById()})},
        {Frozen(ById()), Frozen(ById()), Frozen((1, ById()))},
        {len, ById, Frozen(len), (Frozen, ById)},
        Members({1, 2, (3, "x")}),
        {Rounded(1), Rounded(2), (Rounded(3), frozenset({Rounded(4)}))},
        set(range(1000)),
    ],
)
def test_members_that_survive_pass(obj):
    brinery.check(obj)


class Counting:
    """A leaf that counts how often it is compared."""

    asked = 0

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        Counting.asked += 1
        return self.number == other.number

    def __reduce__(self):
        return Counting, (self.number,)


@dataclasses.dataclass
class Node:
    a: object
    b: object


@dataclasses.dataclass(slots=True)
class SlottedNode(Node):
    pass


class Written(Node):
    """One with an ``==`` that its author wrote."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __eq__(self, other):
        return (self.a, self.b) == (other.a, other.b)


class Reduced(Written):
    """And that says what it is written as."""

    def __reduce__(self):
        return Reduced, (self.a, self.b)


class Stated(Written):
    """And that has a state of its own, a tuple."""

    def __getstate__(self):
        return self.a, self.b

    def __setstate__(self, state):
        self.a, self.b = state


Couple = collections.namedtuple("Couple", "a b")
MAKERS = {
    "dataclass": Node,
    "slots": SlottedNode,
    "its own": Written,
    "reduced": Reduced,
    "stated": Stated,
    "namedtuple": Couple,
    "deque": lambda a, b: collections.deque([a, b]),
    "ordered": lambda a, b: collections.OrderedDict(a=a, b=b),
    "default": lambda a, b: collections.defaultdict(list, a=a, b=b),
    "namespace": lambda a, b: types.SimpleNamespace(a=a, b=b),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_is_shared_is_compared_once(make):
    whole = Counting(1)
    for _ in range(12):
        whole = make(whole, whole)
    Counting.asked = 0
    brinery.check(whole)
    assert Counting.asked <= 2


def test_fields_that_are_not_compared_may_differ():
    @dataclasses.dataclass
    class Cached:
        value: int
        cache: object = dataclasses.field(default=None, compare=False)

    assert first_difference(Cached(1, "full"), Cached(1)) is None
    assert first_difference(Cached(1, "full"), Cached(2, "full")).path == "root.value"
    one, other = Cached(1), Cached(1)
    one.more = 1
    assert first_difference(one, other) is None


def test_a_dataclass_with_an_eq_of_its_own_is_asked():
    @dataclasses.dataclass
    class Own:
        value: int

        def __eq__(self, other):
            return self.value % 2 == other.value % 2

    assert first_difference(Own(1), Own(3)) is None
    assert first_difference(Own(1), Own(2)).path == "root.value"


class ByName:
    """What it has computed is no part of its value."""

    def __init__(self, name, **more):
        self.name = name
        self.__dict__.update(more)

    def __eq__(self, other):
        return self.name == other.name


class TestAnEqOfItsOwn:
    def test_what_it_does_not_look_at_may_differ(self):
        one = [ByName("n", cache=[1, {"deep": 2}], lock=threading.Lock()), "next"]
        assert first_difference(one, [ByName("n"), "next"]) is None
        assert first_difference(one, [ByName("n"), "other"]).path == "root[1]"
        assert first_difference(one, [ByName("m"), "next"]).path == "root[0].name"

    def test_that_of_the_whole_says_it_for_the_parts(self):
        one, other = ByName("n", inner=ByName("x")), ByName("n", inner=ByName("y"))
        assert first_difference([one], [other]) is None

    def test_what_did_not_matter_there_does_elsewhere(self):
        cache, copied = {"a": 1}, {"a": 2}
        found = first_difference([ByName("n", cache=cache), cache], [ByName("n", cache=copied), copied])
        assert found.path == "root[1]['a']"

    def test_the_order_of_a_dict_is_none_of_its_value(self):
        kind = collections.defaultdict
        assert first_difference(kind(list, a=1, b=2), kind(list, b=2, a=1)) is None
        assert first_difference(kind(list, a=1, b=2), kind(list, b=2, a=3)).path == "root['a']"
        ordered = collections.OrderedDict
        assert first_difference(ordered(a=1, b=2), ordered(b=2, a=1)).path == "root<key>"


class Silent(ByName):
    """As arrays do, it says neither True nor False."""

    def __eq__(self, other):
        return NotImplemented if other is None else [self.name == other.name]

    def __reduce__(self):
        return Silent, (self.name,)


class Leaves(ByName):
    """It is written without what its ``==`` looks at."""

    def __eq__(self, other):
        return (self.name, vars(self).get("more")) == (other.name, vars(other).get("more"))

    def __reduce__(self):
        return Leaves, (self.name,)


class TestAnEqAndAReductionOfItsOwn:
    """What it is written as is compared first, then what it has; == decides where anything differs."""

    def test_what_is_written_and_not_looked_at_may_differ(self):
        class Cased(ByName):
            def __eq__(self, other):
                return self.name.lower() == other.name.lower()

            def __reduce__(self):
                return Cased, (self.name,)

        assert first_difference([Cased("N"), 1], [Cased("n"), 1]) is None
        assert first_difference([Cased("N"), 1], [Cased("n"), 2]).path == "root[1]"
        assert first_difference(Cased("N"), Cased("m")).path == "root.__reduce__()[1][0]"

    def test_what_is_not_written_and_looked_at_is_told(self):
        assert first_difference(Leaves("n", more=1), Leaves("n", more=2)).path == "root.more"
        assert first_difference(Leaves("n", more=1, cache=2), Leaves("n", more=1)) is None

    def test_where_it_says_nothing_what_is_written_counts(self):
        assert first_difference([Silent("n", cache=1), 1], [Silent("n", cache=2), 1]) is None
        assert first_difference([Silent("n", cache=1), 1], [Silent("n", cache=2), 2]).path == "root[1]"
        assert first_difference(Silent("n"), Silent("m")).path == "root.__reduce__()[1][0]"

    def test_items_of_one_of_a_subclass_of_list(self):
        class Items(list):
            def __eq__(self, other):
                return len(self) == len(other)

            def __reduce__(self):
                return Items, ()

        assert first_difference(Items([1]), Items([2])) is None
        assert first_difference(Items([1]), Items([1, 2])).path == "root<length>"

    @pytest.mark.parametrize("make", [Written, Reduced, Stated])
    def test_one_part_that_differs_deep_inside_is_told_in_time(self, make):
        """Each of them asks its parts twice: 2 ** 40 times in all."""
        one, other = make(1, 2), make(1, 2)
        for _ in range(40):
            one, other = make(one, one), make(other, other)
        before = sys.getprofile()
        begun = time.monotonic()
        assert first_difference([make(one, "x")], [make(other, "y")]) is not None
        assert time.monotonic() - begun < 30
        assert sys.getprofile() is before
