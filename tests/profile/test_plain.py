"""The plain profile is the standard library's pickle, byte for byte, whatever is installed."""

from __future__ import annotations

import collections
import copyreg
import datetime
import decimal
import enum
import functools
import io
import pickle
import re
from fractions import Fraction
from pathlib import Path

import pytest
from engines import engines_under_test
from throwaway import Installation

import brinery
from brinery import Profile
from brinery.plan import ReadPlan, WritePlan


class Colour(enum.Enum):
    RED = 1


class Plain:
    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other)


SHARED = ["shared"]
OBJECTS = [
    None,
    {"a": [1, 2.5, True], "b": (b"x", bytearray(b"y"), {3}, frozenset({4}))},
    [SHARED, SHARED, ({"k": SHARED},)],
    Plain(name="ü", inner=Plain(x=1 << 100)),
    [Colour.RED, Colour, re.compile("a+"), functools.partial(int, base=2)],
    [datetime.date(2001, 2, 3), decimal.Decimal("1.5"), Fraction(1, 3), 3j, range(5)],
    collections.OrderedDict(a=collections.Counter("abca"), b=collections.deque([1, 2], 5)),
    [KeyError("k"), map, collections.abc.Mapping, copyreg._reconstructor, collections.UserDict],  # type: ignore[attr-defined]
]


@pytest.fixture(params=engines_under_test(), scope="module")
def plain(request: pytest.FixtureRequest) -> Profile:
    return Profile.plain(engine=request.param)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: type(obj).__name__)
def test_it_writes_the_same_bytes_as_pickle(plain: Profile, obj: object, protocol: int) -> None:
    for fix_imports in (True, False):
        data = pickle.dumps(obj, protocol, fix_imports=fix_imports)
        assert plain.dumps(obj, protocol, fix_imports=fix_imports) == data
        file = io.BytesIO()
        plain.Pickler(file, protocol, fix_imports).dump(obj)
        assert file.getvalue() == data


def test_it_reads_what_pickle_writes(plain: Profile) -> None:
    for protocol in range(6):
        data = pickle.dumps(OBJECTS[:4], protocol)
        assert plain.loads(data) == OBJECTS[:4]
        assert plain.Unpickler(io.BytesIO(data)).load() == OBJECTS[:4]


def test_its_plans_hold_the_names_of_python_2_and_nothing_else() -> None:
    plain = Profile.plain()
    assert plain.write_plan._replace(era_names=None) == WritePlan()
    assert plain.read_plan._replace(era_names=None) == ReadPlan()


def test_there_is_one_plain_profile() -> None:
    assert Profile.plain() is Profile.plain()


def test_it_does_not_know_what_is_installed_or_named(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.add("a-plugin", plugins={"a": "a_plugin"}, a_plugin="print('loaded')")
    code = "import brinery; print(brinery.Profile.plain().dumps(1))"
    assert installation.out(code, BRINERY_PLUGINS="nowhere") == str(pickle.dumps(1))


def test_dispatch_tables_reach_it_as_they_reach_pickle(plain: Profile) -> None:
    class Pickler(plain.Pickler):  # type: ignore[misc, name-defined]
        dispatch_table = {Plain: lambda obj: (str, ("table",))}

    file = io.BytesIO()
    Pickler(file).dump(Plain())
    assert brinery.loads(file.getvalue()) == "table"
