"""Reducers and overrides that are called with the protocol."""

from __future__ import annotations

import array
import pickle
from fractions import Fraction

import pytest
from engines import Wire
from throwaway import declaring

from brinery import Override, Profile, Reducer
from brinery.plan import AtProtocol, TypeRule


def reduce(obj: object, protocol: int) -> tuple[object, ...]:
    return str, (f"at {protocol}",)


def reduce_array(numbers: array.array[int], protocol: int) -> tuple[object, ...]:
    data = pickle.PickleBuffer(numbers) if protocol >= 5 else numbers.tobytes()
    return bytes, (data,)


@pytest.mark.parametrize("kind", [Reducer, Override])
@pytest.mark.parametrize("protocol", range(6))
def test_the_function_is_given_the_protocol(wire: Wire, kind: type[Reducer], protocol: int) -> None:
    profile = Profile([declaring("p", kind(Fraction, reduce, protocol=True))], engine=wire.name)
    assert pickle.loads(profile.dumps([Fraction(1, 2)], protocol)) == [f"at {protocol}"]


def test_an_override_may_pass(wire: Wire) -> None:
    def passing(obj: object, protocol: int) -> object:
        return NotImplemented if protocol < 5 else (str, ("at 5",))

    profile = Profile([declaring("p", Override(Fraction, passing, protocol=True))], engine=wire.name)
    assert pickle.loads(profile.dumps(Fraction(1, 2), 4)) == Fraction(1, 2)
    assert pickle.loads(profile.dumps(Fraction(1, 2), 5)) == "at 5"


def test_a_buffer_can_be_written_where_the_format_has_them(wire: Wire) -> None:
    profile = Profile([declaring("p", Reducer(array.array, reduce_array, protocol=True))], engine=wire.name)
    numbers = array.array("B", b"abc")
    for protocol in range(6):
        assert pickle.loads(profile.dumps(numbers, protocol)) == b"abc"


def test_it_is_asked_by_name_too() -> None:
    rules = Profile([declaring("p", Reducer(Fraction, f"{__name__}:reduce", protocol=True))]).write_plan.rules
    assert rules is not None
    rule = rules.rule_for(Fraction)
    assert isinstance(rule, TypeRule)
    assert isinstance(rule.reduce, AtProtocol)
    assert rule.reduce.function(Fraction(1), 3) == (str, ("at 3",))
