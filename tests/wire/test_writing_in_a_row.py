"""Instances that have a say in how they are written, several of a class in a row.

From the second one on an engine may take a shorter way: the class is in the memo, and what it calls is known.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from engines import Wire

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

Says = Callable[["Talker"], Any]


class Talker:
    says: Callable[..., Any]

    def __init__(self, *given: object) -> None:
        self.given = given


class Reduces(Talker):
    def __reduce__(self) -> Any:
        return self.says()


class ReducesEx(Talker):
    def __reduce_ex__(self, protocol: object) -> Any:
        return self.says()


class State(Talker):
    def __getstate__(self) -> Any:
        return self.says()


class Pair(NamedTuple):
    left: object
    right: object


class Mapping(dict[str, object]):
    pass


def build(*given: object) -> Talker:
    return Talker(*given)


SHARED_ARGUMENTS = (1, ["shared"])
SHARED_STATE = {"shared": [1]}
SHARED_LIST = ["in the memo"]


def rows(cls: type[Talker], says: Says) -> list[list[object]]:
    """A few in a row, alone and behind what their reductions may name, and some of them twice."""
    cls.says = says
    made = [cls(n, f"text {n}") for n in range(4)]
    return [
        [*made],
        [copyreg.__newobj__, build, cls, SHARED_LIST, SHARED_STATE, *made],  # type: ignore[attr-defined]
        [*made, SHARED_ARGUMENTS, *made, cls("another")],
        [{"of": (one, [one])} for one in made],
    ]


def compare(wire: Wire, cls: type[Talker], says: Says, acyclic: bool = True) -> None:
    for protocol in PROTOCOLS:
        for number, row in enumerate(rows(cls, says)):
            expected = pickle.dumps(row, protocol)
            assert wire.dumps(row, protocol) == expected, f"protocol {protocol}, row {number}"
            for fast in (False, True) if acyclic else (False,):
                written = []
                for pickler in (wire.Pickler, pickle.Pickler):
                    writes = pickler(file := io.BytesIO(), protocol)
                    writes.fast = fast
                    writes.dump(row)
                    writes.dump(row)
                    written.append(file.getvalue())
                assert written[0] == written[1], f"protocol {protocol}, row {number}, to a file, fast={fast}"


CALLS: dict[str, Says] = {
    "its class": lambda obj: (type(obj), obj.given),
    "its class without arguments": lambda obj: (type(obj), ()),
    "arguments made for it": lambda obj: (type(obj), (obj.given[0], obj.given[-1])),
    "four arguments": lambda obj: (type(obj), (1, 2, obj.given[0], obj.given[-1])),
    "arguments with parts": lambda obj: (type(obj), ([obj.given], {"text": obj.given[-1]}, (1, 2, 3, 4))),
    "arguments that are memoized": lambda obj: (type(obj), (SHARED_LIST, obj.given, SHARED_LIST)),
    "arguments that all share": lambda obj: (type(obj), SHARED_ARGUMENTS),
    "arguments of a class of their own": lambda obj: (type(obj), Pair(obj.given[0], 2)),
    "other instances": lambda obj: (type(obj), (Talker(obj.given), Talker())),
    "a function": lambda obj: (build, (1, obj.given[-1])),
    "copyreg's function": lambda obj: (copyreg.__newobj__, (type(obj),)),  # type: ignore[attr-defined]
    "with a state": lambda obj: (type(obj), (1,), {"state": obj.given}),
    "with a state that all share": lambda obj: (type(obj), (1,), SHARED_STATE),
    "with items": lambda obj: (type(obj), (1,), None, iter([1, obj.given]), iter([("key", 2)])),
}


@pytest.mark.parametrize("cls", [Reduces, ReducesEx])
@pytest.mark.parametrize("what", CALLS)
def test_reductions(wire: Wire, cls: type[Talker], what: str):
    compare(wire, cls, CALLS[what])


STATES: dict[str, Says] = {
    "its dict": lambda obj: obj.__dict__,
    "a dict made for it": lambda obj: {"first": obj.given[0], "given": "text"},
    "a dict with parts": lambda obj: {"given": [obj.given], "more": {"of": (1, 2)}},
    "a dict that all share": lambda obj: SHARED_STATE,
    "a dict in its own": lambda obj: {"own": obj.__dict__},
    "a dict of another class": lambda obj: Mapping(first=obj.given[0]),
    "an empty dict": lambda obj: {},
    "itself in it": lambda obj: {"self": obj},
    "None": lambda obj: None,
    "a false one": lambda obj: 0,
    "a tuple": lambda obj: (None, {"slot": obj.given[-1]}),
    "a list that all share": lambda obj: SHARED_LIST,
    "more than a batch": lambda obj: dict.fromkeys(range(1001)),
}


@pytest.mark.parametrize("what", STATES)
def test_states(wire: Wire, what: str):
    compare(wire, State, STATES[what], acyclic=what != "itself in it")


@pytest.mark.parametrize(
    ("cls", "says"),
    [
        (Reduces, CALLS["arguments made for it"]),
        (Reduces, CALLS["its class without arguments"]),
        (Reduces, CALLS["four arguments"]),
        (Reduces, CALLS["with a state"]),
        (State, STATES["a dict made for it"]),
        (State, STATES["a dict with parts"]),
    ],
)
def test_a_frame_may_end_anywhere(wire: Wire, cls: type[Talker], says: Says):
    cls.says = says
    made = [cls(n, "text") for n in range(3)]
    for length in range(65_380, 65_540):
        row = [cls, "x" * length, made]
        assert wire.dumps(row, 4) == pickle.dumps(row, 4), f"{length} characters before"
        written = []
        for pickler in (wire.Pickler, pickle.Pickler):
            file = io.BytesIO()
            pickler(file, 4).dump(row)
            written.append(file.getvalue())
        assert written[0] == written[1], f"{length} characters before, to a file"
