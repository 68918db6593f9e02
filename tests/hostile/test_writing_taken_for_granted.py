"""What a plan takes for granted of a class and its instances, where user code has made it otherwise."""

from __future__ import annotations

import collections
import copyreg
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire
from outcomes import stdlib_type

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except Exception as exc:
        return stdlib_type(exc)


def same(wire: Wire, make: Any, protocol: int) -> None:
    assert outcome(lambda: wire.dumps(make(), protocol)) == outcome(lambda: pickle.dumps(make(), protocol))


def letters(count: int) -> OrderedDict[str, int]:
    return OrderedDict(zip("abcdefgh"[:count], range(count), strict=True))


def taken_out(count: int, *keys: str) -> OrderedDict[str, int]:
    made = letters(count)
    for key in keys:
        dict.pop(made, key)
    return made


def put_in(count: int, *keys: str) -> OrderedDict[str, int]:
    made = letters(count)
    for key in keys:
        dict.__setitem__(made, key, 7)
    return made


def replaced() -> OrderedDict[str, int]:
    made = taken_out(8, "d")
    dict.__setitem__(made, "new", 1)
    return made


def put_back() -> OrderedDict[str, int]:
    made = taken_out(8, "d")
    made["d"] = 9
    return made


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "make",
    [
        lambda: taken_out(8, "d"),
        lambda: taken_out(8, "a"),
        lambda: taken_out(8, "h"),
        lambda: taken_out(3, "a"),
        lambda: taken_out(1, "a"),
        lambda: taken_out(3, "a", "b", "c"),
        lambda: put_in(0, "z"),
        lambda: put_in(1, "z"),
        lambda: put_in(3, "y", "z"),
        replaced,
        put_back,
    ],
)
def test_an_ordered_dict_that_dicts_own_methods_changed(wire: Wire, make: Any, protocol: int):
    same(wire, make, protocol)


class Other:
    pass


class Leaving:
    """Becomes another class while it is asked for its state."""

    def __init__(self, state: object) -> None:
        self.state = state

    def __getstate__(self) -> object:
        state = self.state
        self.__class__ = Other  # type: ignore[assignment]
        return state


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("state", [{"a": 1}, None, (1, 2)])
def test_a_class_that_getstate_changes(wire: Wire, state: object, protocol: int):
    same(wire, lambda: Leaving(state), protocol)
    same(wire, lambda: [Leaving(state), Leaving(state)], protocol)


class Plain:
    pass


def made_otherwise(cls: type, *arguments: object) -> object:
    return cls.__new__(cls, *arguments)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_copyregs_newobj_is_another(wire: Wire, protocol: int, monkeypatch: pytest.MonkeyPatch):
    graph = [Plain(), Point(1, 2)]
    before = pickle.dumps(graph, protocol)
    assert wire.dumps(graph, protocol) == before
    with monkeypatch.context() as changed:
        changed.setattr(copyreg, "__newobj__", made_otherwise)
        same(wire, lambda: graph, protocol)
    assert wire.dumps(graph, protocol) == before


class Point(collections.namedtuple("Point", "x y")):
    pass


class Lengthless(collections.namedtuple("Lengthless", "x y")):
    def __len__(self) -> int:
        raise ValueError("no length")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_named_tuple_whose_length_raises(wire: Wire, protocol: int):
    same(wire, lambda: Lengthless(1, 2), protocol)


class Unextended(list[object]):
    extend = None  # type: ignore[assignment]


@pytest.mark.parametrize("opcode", [b"e", b"a"])
def test_a_list_whose_extend_is_no_method(wire: Wire, opcode: bytes):
    inner = b"(K\x01K\x02e" if opcode == b"e" else b"K\x01a"
    stream = b"\x80\x02c" + __name__.encode() + b"\nUnextended\n)\x81" + inner + b"."
    assert outcome(lambda: wire.loads(stream)) == outcome(lambda: pickle.loads(stream))
