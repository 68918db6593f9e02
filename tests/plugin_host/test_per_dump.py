"""Reducers and overrides that remember something for the time of one dump."""

from __future__ import annotations

import gc
import io
import pickle
import weakref
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from engines import Wire
from throwaway import declaring

from brinery import Override, PerDump, Profile, Reducer

if TYPE_CHECKING:
    from collections.abc import Callable


class Counter:
    """A function of one dump, which numbers what it is given."""

    made: weakref.WeakSet[Counter] = weakref.WeakSet()

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol
        self.count = 0
        self.made.add(self)

    def __call__(self, obj: object) -> object:
        if obj == 0:
            raise ValueError("zero")
        self.count += 1
        return str, (f"{self.count} at {self.protocol}",)


numbering = PerDump(Counter)


def profile_of(wire: Wire, *records: object) -> Profile:
    return Profile([declaring("p", *records)], engine=wire.name)


@pytest.mark.parametrize("kind", [Reducer, Override])
@pytest.mark.parametrize("reduce", [numbering, f"{__name__}:numbering"])
def test_each_dump_begins_anew(wire: Wire, kind: type[Reducer], reduce: Any) -> None:
    profile = profile_of(wire, kind(Fraction, reduce))
    things = [Fraction(1, 2), Fraction(1, 3)]
    for protocol in (0, 2, 5, 5):
        expected = [f"1 at {protocol}", f"2 at {protocol}"]
        assert pickle.loads(profile.dumps(things, protocol)) == expected
        file = io.BytesIO()
        pickler = profile.Pickler(file, protocol)
        pickler.dump(things)
        pickler.dump([Fraction(1, 4)])
        file.seek(0)
        unpickler = pickle.Unpickler(file)
        assert unpickler.load() == expected
        assert unpickler.load() == [f"1 at {protocol}"]


def test_one_function_for_several_classes(wire: Wire) -> None:
    profile = profile_of(wire, Reducer(Fraction, numbering), Reducer(complex, numbering, protocol=True))
    assert pickle.loads(profile.dumps([Fraction(1, 2), 1j], 5)) == ["1 at 5", "2 at 5"]


@pytest.mark.parametrize("write", ["dumps", "Pickler", "dump"])
def test_it_is_forgotten_however_the_dump_ends(wire: Wire, write: str) -> None:
    profile = profile_of(wire, Reducer(Fraction, numbering))
    dumps: dict[str, Callable[[object], object]] = {
        "dumps": profile.dumps,
        "dump": lambda obj: profile.dump(obj, io.BytesIO()),
        "Pickler": lambda obj: profile.Pickler(io.BytesIO()).dump(obj),
    }
    dumps[write](Fraction(1, 2))
    gc.collect()
    assert not Counter.made
    with pytest.raises(ValueError, match="zero"):
        dumps[write]([Fraction(1, 2), Fraction(0)])
    gc.collect()
    assert not Counter.made


def test_a_dump_within_a_dump_has_its_own(wire: Wire) -> None:
    @PerDump
    def nesting(protocol: int) -> Callable[[Fraction], object]:
        seen: list[Fraction] = []

        def reduce(number: Fraction) -> object:
            seen.append(number)
            inner = profile.dumps(Fraction(number.numerator - 1)) if number else b""
            return str, (f"{len(seen)}{pickle.loads(inner) if inner else ''}",)

        return reduce

    profile = profile_of(wire, Reducer(Fraction, nesting))
    assert pickle.loads(profile.dumps([Fraction(3), Fraction(1)])) == ["1111", "21"]


def test_what_fails_names_the_plugin_and_the_line(wire: Wire) -> None:
    @PerDump
    def failing(protocol: int) -> Callable[[object], object]:
        def reduce(number: object) -> object:
            raise LookupError("no")

        return reduce

    profile = profile_of(wire, Reducer(Fraction, failing))
    with pytest.raises(LookupError) as caught:
        profile.dumps(Fraction(1))
    assert "plugin 'p' (given) has the reducer for fractions:Fraction: look at" in "".join(
        getattr(caught.value, "pickle_advice", "") or caught.value.__notes__
    )


def test_called_by_itself_it_is_a_dump_of_one_object() -> None:
    assert numbering(Fraction(1, 2)) == (str, ("1 at 5",))
    assert numbering(Fraction(1, 2), 3) == (str, ("1 at 3",))
    assert "Counter" in repr(numbering)


@pytest.mark.parametrize("given", [None, (str, ("",)), 3])
def test_what_gives_no_function_for_a_dump_is_told(wire: Wire, given: Any) -> None:
    profile = profile_of(wire, Reducer(Fraction, PerDump(lambda protocol: given)))
    with pytest.raises(TypeError, match="called with the protocol, and is to give the function"):
        profile.dumps(Fraction(1))


def test_what_is_no_per_dump_is_refused_at_once() -> None:
    wrong: Any = 3
    with pytest.raises(TypeError, match="wants a function of the protocol, not 3"):
        PerDump(wrong)
    with pytest.raises(TypeError, match="PerDump has no subclasses"):
        type("Own", (PerDump,), {})
