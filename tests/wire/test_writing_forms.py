"""Every form of object: alone, in company, among the ends of frames, under hooks, and changed meanwhile."""

from __future__ import annotations

import collections
import copyreg
import io
import pickle
from collections.abc import Callable
from typing import Any

import forms
import pytest
from acts import Acts
from engines import Wire
from forms import FORMS
from outcomes import stdlib_type

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
FRAME = 64 * 1024
SHARED = ["shared"]

PARTS: dict[str, Callable[[], object]] = {
    "a leaf": lambda: 1,
    "text": lambda: "".join(["a", " text"]),
    "a container": lambda: [[1], {"a": (2,)}],
    "what is memoized": lambda: SHARED,
    "an instance": lambda: forms.Plain([]),
    "what runs code": lambda: Acts(lambda: None),
    "a tuple": lambda: ((1, [2]), "text", 3, 4),
}


def written(dumps: Callable[..., bytes], obj: object, protocol: int) -> object:
    """The pickle, or the standard type of the exception."""
    try:
        return dumps(obj, protocol)
    except Exception as refused:
        return stdlib_type(refused)


def to_file(pickler_class: type, obj: object, protocol: int, *, twice: bool = False) -> object:
    file = io.BytesIO()
    pickler = pickler_class(file, protocol)
    try:
        pickler.dump(obj)
        if twice:
            pickler.dump(obj)
    except Exception as refused:
        return stdlib_type(refused)
    return file.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_written_as_by_c_pickle(wire: Wire, form: str):
    make = FORMS[form]
    for name, part in PARTS.items():

        def graphs(part: Callable[[], object] = part) -> list[object]:
            one = make(part())
            return [
                one,
                [one],
                (one, one),
                [make(part()) for _ in range(4)],
                [SHARED, type(one), "text", one, {"key": one}, (one,), make(part())],
                {1: one, "2": make(part()), "3": [make(part())]},
                (make(part()), make(part()), (make(part()),)),
                make(make(make(part()))),
            ]

        for protocol in PROTOCOLS:
            for number, (ours, theirs) in enumerate(zip(graphs(), graphs(), strict=True)):
                expected = written(pickle.dumps, theirs, protocol)
                assert written(wire.dumps, ours, protocol) == expected, (
                    f"{name}, protocol {protocol}, graph {number}"
                )
                assert to_file(wire.Pickler, ours, protocol) == expected


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_holds_itself(wire: Wire, form: str):
    for hole_of in (list, lambda inner: {"inner": inner}, lambda inner: forms.Plain(inner)):

        def make(hole_of: Callable[[Any], Any] = hole_of) -> object:
            inner: list[object] = []
            made = FORMS[form](hole_of(inner))
            inner.append(made)
            return made

        for protocol in PROTOCOLS:
            for around in (lambda made: made, lambda made: [made, made], lambda made: (made,)):
                ours, theirs = around(make()), around(make())
                assert written(wire.dumps, ours, protocol) == written(pickle.dumps, theirs, protocol), (
                    protocol
                )


@pytest.mark.parametrize("form", FORMS)
def test_a_second_dump_of_a_pickler_refers_to_the_first(wire: Wire, form: str):
    for part in PARTS.values():
        made = [FORMS[form](part()), FORMS[form](part())]
        for protocol in PROTOCOLS:
            ours = to_file(wire.Pickler, made, protocol, twice=True)
            assert ours == to_file(pickle.Pickler, made, protocol, twice=True)


@pytest.mark.parametrize("form", FORMS)
def test_a_frame_may_end_anywhere_in_it(wire: Wire, form: str):
    for part in (1, "text", [2], (3, [4])):
        made = [FORMS[form](part), FORMS[form](part)]
        size = min(len(pickle.dumps(made, 4)), 700)
        padding = "x" * FRAME
        for length in range(FRAME - size - 8, FRAME - 4):
            # Below 64 KiB it goes into the frame; the class is new in the first, and known in the second.
            row = [padding[:length], *made]
            assert wire.dumps(row, 4) == pickle.dumps(row, 4), f"{length} characters before"
            if length % 7 == 0:
                row = [type(made[0]), *row]
                assert to_file(wire.Pickler, row, 5) == to_file(pickle.Pickler, row, 5), (
                    f"{length}, to a file"
                )


@pytest.mark.parametrize("form", FORMS)
def test_room_may_end_anywhere_in_it(wire: Wire, form: str):
    """At protocols without frames, the buffer is what ends."""
    made = [FORMS[form]([2]), FORMS[form]("text")]
    for protocol in range(4):
        for length in range(32 * 1024 - 700, 32 * 1024, 13):
            row = ["x" * length, *made]
            expected = written(pickle.dumps, row, protocol)
            assert written(wire.dumps, row, protocol) == expected, f"{length} characters before"


HOOKS: dict[str, Callable[[], dict[str, Any]]] = {
    "persistent_id": lambda: {"persistent_id": lambda self, obj: None},
    "persistent_id for some": lambda: {"persistent_id": lambda self, obj: "ID" if obj == 2 else None},
    "reducer_override": lambda: {"reducer_override": lambda self, obj: NotImplemented},
    "reducer_override for some": lambda: {
        "reducer_override": lambda self, obj: (int, ("1",)) if type(obj) is forms.Plain else NotImplemented
    },
    "a table": lambda: {"dispatch_table": {forms.Plain: lambda obj: (str, ("plain",))}},
    "a chain of tables": lambda: {"dispatch_table": collections.ChainMap({}, copyreg.dispatch_table)},
    "a chain that has some": lambda: {
        "dispatch_table": collections.ChainMap({}, {forms.Plain: lambda obj: (str, ("plain",))})
    },
    "a table with code": lambda: {
        "dispatch_table": collections.UserDict({forms.Plain: lambda obj: (str, ("plain",))})
    },
    "both": lambda: {
        "persistent_id": lambda self, obj: None,
        "reducer_override": lambda self, obj: NotImplemented,
        "dispatch_table": collections.ChainMap({}),
    },
}


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_that_pass_change_nothing(wire: Wire, hook: str):
    ours, theirs = (type("Derived", (base,), HOOKS[hook]()) for base in (wire.Pickler, pickle.Pickler))
    for form, make in FORMS.items():
        for part in (1, [2], forms.Plain("text"), forms.Slots(())):
            made = [make(part), make(part), type(make(part))]
            for protocol in PROTOCOLS:
                expected = to_file(theirs, made, protocol)
                assert to_file(ours, made, protocol) == expected, f"{form}, protocol {protocol}"


@pytest.mark.parametrize("form", FORMS)
def test_persistent_id_is_asked_about_the_same_parts_in_the_same_order(wire: Wire, form: str):
    asked: dict[str, list[str]] = {}
    for name, base in (("ours", wire.Pickler), ("theirs", pickle.Pickler)):
        seen = asked.setdefault(name, [])

        class Derived(base):  # type: ignore[misc, valid-type]
            def persistent_id(self, obj: object, seen: list[str] = seen) -> object:
                seen.append(f"{type(obj).__name__} {obj!r:.40}".partition(" object at ")[0])
                return None

        made = [FORMS[form]("text"), FORMS[form]([2])]
        for protocol in PROTOCOLS:
            seen.append(f"protocol {protocol}")
            to_file(Derived, made, protocol)
    assert asked["ours"] == asked["theirs"]
