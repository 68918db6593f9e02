"""Reductions (PEP 307): forms of two to six items, the constructors that have opcodes, cycles."""

from __future__ import annotations

import collections
import copyreg
import datetime
import pickle
from collections.abc import Callable

import pytest
from engines import Wire
from graphs import Collection, NewArguments, NewKeywords, Slotted, SlottedWithDict
from outcomes import stdlib_type

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Reduced:
    """Its reduction is what `reduce` makes of it."""

    def __init__(self, reduce: Callable[[Reduced], object]) -> None:
        self.reduce = reduce

    def __reduce_ex__(self, protocol: int) -> object:
        return self.reduce(self)


def setter(obj: object, state: object) -> None:
    pass


def compare(wire: Wire, make: Callable[[], object]) -> None:
    """Bytes or refusal, alone and in graphs; made anew for each, as iterators are used up."""
    for protocol in PROTOCOLS:
        for graph in (lambda: make(), lambda: [make(), "more"], lambda: [make()] * 2, lambda: (make(),)):
            outcomes = []
            for dumps in (wire.dumps, pickle.dumps):
                try:
                    outcomes.append(dumps(graph(), protocol))
                except Exception as exc:
                    outcomes.append(stdlib_type(exc))
            assert outcomes[0] == outcomes[1], f"protocol {protocol}"


NEWOBJ, NEWOBJ_EX = copyreg.__newobj__, copyreg.__newobj_ex__  # type: ignore[attr-defined]

REDUCTIONS: dict[str, Callable[[Reduced], object]] = {
    "two items": lambda obj: (Collection, ()),
    "two items with arguments": lambda obj: (Collection, (1, "a", [2], (3, 4, 5, 6))),
    "a state": lambda obj: (Collection, (), {"state": 1}),
    "a false state": lambda obj: (Collection, (), {}),
    "a state of zero": lambda obj: (Collection, (), 0),
    "a state of None": lambda obj: (Collection, (), None),
    "no items": lambda obj: (list, (), None, iter([])),
    "one item": lambda obj: (list, (), None, iter([1])),
    "two items to append": lambda obj: (list, (), None, iter([1, 2])),
    "many items": lambda obj: (list, (), None, iter(range(2001))),
    "a batch of items": lambda obj: (list, (), None, iter(range(1000))),
    "a batch and one": lambda obj: (list, (), None, iter(range(1001))),
    "items from a generator": lambda obj: (list, (), None, (i for i in range(5))),
    "one pair": lambda obj: (dict, (), None, None, iter([(1, 2)])),
    "many pairs": lambda obj: (dict, (), None, None, iter([(i, i) for i in range(2001)])),
    "a batch of pairs": lambda obj: (dict, (), None, None, iter([(i, i) for i in range(1000)])),
    "everything": lambda obj: (Collection, (1,), {"a": 2}, iter([3, 4]), iter([(5, 6), (7, 8)])),
    "a state setter": lambda obj: (Collection, (), {"state": 1}, None, None, setter),
    "a state setter without a state": lambda obj: (Collection, (), None, None, None, setter),
    "six items": lambda obj: (Collection, (), 1, iter([2]), iter([(3, 4)]), setter),
    "six times None": lambda obj: (Collection, (), None, None, None, None),
    "a tuple subclass": lambda obj: collections.namedtuple("Pair", "a b")(Collection, (1,)),
    "a name": lambda obj: "NAMED",
    "__newobj__": lambda obj: (NEWOBJ, (Reduced, 1, 2)),
    "__newobj__ with a state": lambda obj: (NEWOBJ, (Reduced,), {"a": 1}),
    "__newobj_ex__": lambda obj: (NEWOBJ_EX, (Reduced, (1, 2), {"a": 3})),
    "__newobj_ex__ without keywords": lambda obj: (NEWOBJ_EX, (Reduced, (1,), {})),
    "itself in its state": lambda obj: (Collection, (), obj),
    "itself in its items": lambda obj: (list, (), None, iter([obj, obj])),
    "itself in its pairs": lambda obj: (dict, (), None, None, iter([(1, obj)])),
    "None": lambda obj: None,
    "a number": lambda obj: 42,
    "a name that is not there": lambda obj: "NOT_THERE",
    "the name of something else": lambda obj: "setter",
    "one item only": lambda obj: (Collection,),
    "seven items": lambda obj: (Collection, (), None, None, None, None, None),
    "nothing to call": lambda obj: (1, ()),
    "arguments in a list": lambda obj: (Collection, [1]),
    "no arguments": lambda obj: (Collection, None),
    "items without an iterator": lambda obj: (list, (), None, [1]),
    "pairs without an iterator": lambda obj: (dict, (), None, None, [(1, 2)]),
    "pairs that are none": lambda obj: (dict, (), None, None, iter([1])),
    "pairs that are lists": lambda obj: (dict, (), None, None, iter([[1, 2]])),
    "pairs of three": lambda obj: (dict, (), None, None, iter([(1, 2), (1, 2, 3)])),
    "a state setter that cannot be called": lambda obj: (Collection, (), 1, None, None, 5),
    "__newobj__ without a class": lambda obj: (NEWOBJ, ()),
    "__newobj__ of no class": lambda obj: (NEWOBJ, (1,)),
    "__newobj__ of another class": lambda obj: (NEWOBJ, (int,)),
    "__newobj_ex__ of one argument": lambda obj: (NEWOBJ_EX, (Reduced,)),
    "__newobj_ex__ of no class": lambda obj: (NEWOBJ_EX, (1, (), {})),
    "__newobj_ex__ without a tuple": lambda obj: (NEWOBJ_EX, (Reduced, [], {})),
    "__newobj_ex__ without a dict": lambda obj: (NEWOBJ_EX, (Reduced, (), [])),
}

NAMED = Reduced(lambda obj: "NAMED")


@pytest.mark.parametrize("what", REDUCTIONS)
def test_every_form_of_a_reduction(wire: Wire, what: str):
    if what == "a name":
        compare(wire, lambda: NAMED)
    else:
        compare(wire, lambda: Reduced(REDUCTIONS[what]))


class Self:
    """What it is made of leads back to it, through a list."""

    def __init__(self, holder: list[object] | None = None) -> None:
        self.holder = holder if holder is not None else [self]

    def __reduce__(self) -> tuple[object, ...]:
        return Self, (self.holder,)


def test_an_object_whose_arguments_lead_back_to_it(wire: Wire):
    obj = Self()
    for protocol in PROTOCOLS:
        assert wire.dumps(obj, protocol) == pickle.dumps(obj, protocol)
        assert wire.dumps(obj.holder, protocol) == pickle.dumps(obj.holder, protocol)
        assert wire.dumps([obj, obj], protocol) == pickle.dumps([obj, obj], protocol)


def slotted(cls: type = Slotted, **slots: object) -> object:
    obj = cls()
    for name, value in slots.items():
        setattr(obj, name, value)
    return obj


INSTANCES = {
    "with __getnewargs__": lambda: NewArguments(1, "a"),
    "with __getnewargs_ex__": lambda: NewKeywords(1, key="a"),
    "with slots": lambda: slotted(left=1, right=[2]),
    "with a slot unset": lambda: slotted(left=1),
    "with slots and a dict": lambda: slotted(SlottedWithDict, left=1, more=2),
    "of the standard library": lambda: [
        datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        collections.OrderedDict(a=1, b=2),
        collections.defaultdict(list, a=[1]),
        collections.deque([1, 2, 3], 5),
        complex(1, 2),
        range(5),
        slice(1, 2),
        ValueError("text", 1),
    ],
}


@pytest.mark.parametrize("what", INSTANCES)
def test_instances(wire: Wire, what: str):
    compare(wire, INSTANCES[what])


def test_reduce_is_asked_where_reduce_ex_is_missing(wire: Wire):
    class Odd:
        def __getattribute__(self, name: str) -> object:
            if name == "__reduce_ex__":
                raise AttributeError(name)
            if name == "__reduce__":
                return lambda: (Collection, (1,))
            return object.__getattribute__(self, name)

    compare(wire, Odd)


def test_an_object_without_either_is_refused(wire: Wire):
    class Odd:
        def __getattribute__(self, name: str) -> object:
            if name.startswith("__reduce"):
                raise AttributeError(name)
            return object.__getattribute__(self, name)

    compare(wire, Odd)
