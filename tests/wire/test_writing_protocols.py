"""What may be given as a protocol: any integer that C pickle takes, and its errors for all else."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire


class Index:
    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


class Fails:
    def __index__(self) -> int:
        raise LookupError


class OnlyInt:
    def __int__(self) -> int:
        return 2


class SubInt(int):
    pass


NUMBERS = [0, 2, 5, 6, -1, -7, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32]
NUMBERS += [2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**70, -(2**70)]
GIVEN = [*NUMBERS, True, False, None, SubInt(3), *map(Index, NUMBERS), "2", b"2", 2.0, [], OnlyInt(), Fails()]


def dumped(dump: Callable[[], object]) -> object:
    try:
        return dump()
    except Exception as exc:
        return type(exc)


def by_dump(module: Any, protocol: object) -> bytes:
    file = io.BytesIO()
    module.dump(1, file, protocol)
    return file.getvalue()


def by_pickler(module: Any, protocol: object) -> bytes:
    file = io.BytesIO()
    module.Pickler(file, protocol).dump(1)
    return file.getvalue()


@pytest.mark.parametrize("protocol", GIVEN, ids=lambda given: getattr(given, "number", repr(given)))
def test_it_is_taken_or_refused_as_c_pickle_does(wire: Wire, protocol: object):
    for dump in (lambda module, protocol: module.dumps(1, protocol), by_dump, by_pickler):
        assert dumped(lambda dump=dump: dump(wire, protocol)) == dumped(
            lambda dump=dump: dump(pickle, protocol)
        )


def test_a_number_that_no_c_long_holds_is_an_overflow(wire: Wire):
    for protocol in (2**70, -(2**70)):
        with pytest.raises(OverflowError):
            wire.dumps(1, protocol)


def spelled(module: Any, **how: object) -> list[bytes]:
    """What dumps, dump and a Pickler write where the protocol is given in that way."""
    dumped, pickled = io.BytesIO(), io.BytesIO()
    module.dump([1], dumped, **how)
    module.Pickler(pickled, **how).dump([1])
    return [module.dumps([1], **how), dumped.getvalue(), pickled.getvalue()]


@pytest.mark.parametrize(("bin", "protocol"), [(True, 1), ("yes", 1), (False, 0), ("", 0)])
def test_the_spelling_of_before_python_2_3_is_protocol_1_or_0_and_warns(
    wire: Wire, bin: object, protocol: int
):
    with pytest.warns(DeprecationWarning, match="use protocol=") as warned:
        assert spelled(wire, bin=bin) == spelled(pickle, protocol=protocol)
    assert [warning.filename for warning in warned] == [__file__] * 3


def test_both_spellings_at_once_are_refused(wire: Wire):
    for make in (lambda **how: wire.dumps(1, **how), lambda **how: wire.Pickler(io.BytesIO(), **how)):
        with pytest.raises(TypeError, match="protocol or bin, not both"):
            make(protocol=2, bin=True)
