"""Instances whose class has no say in how they are written, with attributes in every state they can be in.

The standard library makes the dict of every instance that it writes, and an engine may write those that have
one in another way than those that have none yet. So everything is compared twice: before that, and after.
"""

from __future__ import annotations

import collections
import io
import pickle
import random
from collections.abc import Callable

import pytest
from engines import Wire

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Plain:
    pass


def fresh() -> type:
    """A class of which no instance was ever made: what its instances share is what the test gives them."""
    made = type(f"Fresh{len(globals())}", (), {"__module__": __name__})
    globals()[made.__name__] = made
    return made


class Slotted:
    __slots__ = ("first", "x" * 70_000)  # the second is written outside of frames


class Nested:
    """Its state is made by code that writes instances of so many classes that any cache of them overflows."""

    others: tuple[object, ...] = ()

    def __init__(self, wire: Wire, number: int) -> None:
        self.wire, self.number = wire, number

    def __getstate__(self) -> object:
        self.wire.dumps(self.others, 4)
        return {"number": self.number}


class AsksMore(Nested):
    def __reduce__(self) -> object:
        return AsksMore, (None, self.__getstate__()["number"])


def assert_same(wire: Wire, make: Callable[[], object], protocols: range = PROTOCOLS) -> None:
    for protocol in protocols:
        obj = make()
        before = wire.dumps(obj, protocol)
        file = io.BytesIO()
        wire.Pickler(file, protocol).dump(make())
        expected = pickle.dumps(obj, protocol)
        assert before == expected, f"protocol {protocol}"
        assert wire.dumps(obj, protocol) == expected, f"protocol {protocol}, the dicts made"
        made = io.BytesIO()
        wire.Pickler(made, protocol).dump(obj)
        framed = io.BytesIO()
        pickle.Pickler(framed, protocol).dump(obj)
        assert file.getvalue() == made.getvalue() == framed.getvalue(), f"protocol {protocol}, to a file"


def changed(chance: random.Random, classes: list[type], earlier: list[object]) -> object:
    """An instance after a few random things were done to it."""
    obj = chance.choice(classes)()
    for _ in range(chance.randrange(8)):
        name = chance.choice(["a", "b", "c", "d", "café", f"e{chance.randrange(40)}"])
        what = chance.randrange(12)
        if what < 7:
            value = chance.choice([None, 1, 2.5, "text", ("a", 1), [True], {"k": 1}, *earlier[-3:]])
            setattr(obj, name, value)
        elif what == 7 and hasattr(obj, name):
            delattr(obj, name)
        elif what == 8 and earlier:
            obj.__dict__ = chance.choice(earlier).__dict__  # the same one
        elif what == 9:
            obj.__dict__ = dict(obj.__dict__)
        elif what == 10:
            obj.__dict__.pop(name, None)
        elif what == 11:
            keeper = chance.choice(classes)()
            keeper.state = vars(obj)
            earlier.append(keeper)
    return obj


def many(seed: int, classes: list[type]) -> list[object]:
    chance = random.Random(seed)
    made: list[object] = []
    for _ in range(60):
        made.append(changed(chance, classes, made))
    return made


@pytest.mark.parametrize("seed", range(25))
def test_instances_that_were_changed_at_random(wire: Wire, seed: int):
    classes = [fresh(), fresh(), fresh()]
    assert_same(wire, lambda: many(seed, classes))


def row(cls: type, count: int, *names: str) -> list[object]:
    made = []
    for n in range(count):
        obj = cls()
        for name in names:
            setattr(obj, name, n)
        made.append(obj)
    return made


@pytest.mark.parametrize("count", [1, 2, 29, 30, 31, 32, 33, 64, 300])
def test_as_many_attributes_as_there_may_be(wire: Wire, count: int):
    names = [f"name {n}" for n in range(count)]
    cls = fresh()
    assert_same(wire, lambda: [row(cls, 3, *names), row(cls, 2, *names[::-1])])


def test_names_and_classes_that_are_late_in_the_memo(wire: Wire):
    cls = fresh()
    for before in (240, 250, 251, 252, 253, 254, 255, 256, 70_000):
        texts = [str(n) for n in range(before)]
        assert_same(wire, lambda: [texts, row(cls, 5, "a", "b"), row(cls, 5, "b", "c")])  # noqa: B023


def test_a_frame_may_end_anywhere_in_an_instance(wire: Wire):
    cls = fresh()
    for length in range(65_400, 65_540, 3):
        assert_same(wire, lambda: ["x" * length, row(cls, 4, "a", "b")])  # noqa: B023


@pytest.mark.parametrize("length", [255, 256, 16_383, 16_384, 65_535, 65_536, 70_000])
def test_names_of_any_length(wire: Wire, length: int):
    for letter in ("x", "é", "語", "\U0001f955"):
        cls = fresh()
        assert_same(wire, lambda: row(cls, 3, "a", letter * length, "b"))  # noqa: B023


def test_the_name_of_a_slot_may_be_long(wire: Wire):
    def make() -> list[Slotted]:
        made = [Slotted(), Slotted()]
        for slotted in made:
            slotted.first = 1
            setattr(slotted, "x" * 70_000, 2)
        return made

    assert_same(wire, make, PROTOCOLS[2:])


def test_a_memo_that_goes_on_over_several_dumps(wire: Wire):
    for protocol in PROTOCOLS:
        cls = fresh()
        rows = [row(cls, 3, "a", "b"), row(cls, 3, "b", "a"), [Plain(), *row(cls, 2, "a")]]
        outcomes = []
        for pickler_class in (wire.Pickler, pickle.Pickler):
            file = io.BytesIO()
            pickler = pickler_class(file, protocol)
            for obj in (*rows, rows):
                pickler.dump(obj)
            pickler.clear_memo()
            pickler.dump(rows)
            outcomes.append(file.getvalue())
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("cls", [Nested, AsksMore])
def test_what_is_known_of_a_class_is_not_taken_for_anothers(wire: Wire, monkeypatch, cls: type[Nested]):
    # Which of the others would be taken for this class is up to where they lie in memory: hence the rounds.
    for _ in range(8):
        types = [fresh() for _ in range(3000)]
        monkeypatch.setattr(Nested, "others", tuple(some() for some in types))
        for order in (types, types[::-1]):
            objects = [cls(wire, n) for n in range(3)] + [some() for some in order]
            restored = pickle.loads(wire.dumps(objects, 4))
            assert [type(obj) for obj in restored] == [cls] * 3 + order
            assert [obj.number for obj in restored[:3]] == [0, 1, 2]


class Empties(dict):
    """It has something to say of its size."""

    def __len__(self) -> int:
        return 5

    def __bool__(self) -> bool:
        return True


@pytest.mark.parametrize("state", [Empties, lambda: collections.defaultdict(lambda: 0), collections.Counter])
def test_an_empty_subclass_of_dict_for_a_dict_is_no_state(wire: Wire, state: Callable[[], object]):
    def make() -> object:
        made = Plain()
        made.__dict__ = state()  # type: ignore[assignment]
        return [made, made]

    assert_same(wire, make, range(2, pickle.HIGHEST_PROTOCOL + 1))


@pytest.mark.parametrize("method", ["__reduce__", "__reduce_ex__", "__getstate__"])
@pytest.mark.parametrize("base", [int, tuple, bytes, str, float, list, dict, object])
def test_an_instance_of_any_kind_may_hold_a_method_that_reduces_it(wire: Wire, base: type, method: str):
    for own_reduce in (False, True):
        body = {"__reduce__": lambda self: (str, ("the class's",))} if own_reduce else {}
        cls = type("Child", (base,), {"__module__": __name__, "__qualname__": "Child", **body})
        globals()["Child"] = cls
        results = {
            "__reduce__": lambda: (str, ("its own",)),
            "__reduce_ex__": lambda protocol: (str, ("its own",)),
            "__getstate__": lambda: {"of": "its own"},
        }
        made = cls()
        setattr(made, method, results[method])
        for protocol in PROTOCOLS[2:]:
            outcomes = []
            for dumps in (wire.dumps, pickle.dumps):
                try:
                    outcomes.append(dumps([cls(), made], protocol))
                except Exception as refused:
                    outcomes.append(isinstance(refused, (TypeError, AttributeError, pickle.PicklingError)))
            assert outcomes[0] == outcomes[1], f"protocol {protocol}, own __reduce__: {own_reduce}"


SLOTS_TOLD = [
    pytest.param((), ("a", "b"), lambda names: names.remove("b"), id="one fewer"),
    pytest.param((), ("a", "b"), lambda names: names.__setitem__(1, "a"), id="one twice"),
    pytest.param((), ("a", "b"), lambda names: names.append("told"), id="one more"),
    pytest.param((), ("a", "b"), list.clear, id="none"),
    pytest.param((), ("__dict__",), lambda names: names.append("told"), id="one, where there was none"),
    pytest.param((list,), ("__dict__",), lambda names: names.append("told"), id="one, of a list"),
    pytest.param((str,), ("__dict__",), lambda names: names.append("told"), id="one, of a str"),
]


def told_of(dumps: Callable[[object, int], bytes], obj: object, protocol: int) -> object:
    try:
        return dumps(obj, protocol)
    except TypeError as refused:  # attributes that no slot's name accounts for
        return str(refused)


@pytest.mark.parametrize(("bases", "slots", "change"), SLOTS_TOLD)
def test_the_list_of_slots_that_a_class_keeps_may_be_changed(
    wire: Wire, bases: tuple[type, ...], slots: tuple[str, ...], change: Callable[[list[str]], object]
):
    """``__slotnames__`` is what object.__getstate__ goes by; in place, it changes unknown to the class."""
    for protocol in PROTOCOLS[2:]:
        made = fresh()
        kind = type(made.__name__, bases, {"__module__": __name__, "__slots__": slots, "told": 7})
        globals()[made.__name__] = kind
        obj = kind()
        for name in "ab":
            if name in slots:
                setattr(obj, name, 1)
        assert wire.dumps(obj, protocol) == pickle.dumps(obj, protocol)
        names: list[str] = vars(kind)["__slotnames__"]
        change(names)
        assert told_of(wire.dumps, [obj, obj], protocol) == told_of(pickle.dumps, [obj, obj], protocol)
