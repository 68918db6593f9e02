"""Every form of object: alone, in company, among the ends of frames, under hooks, and changed meanwhile."""

from __future__ import annotations

import collections
import contextlib
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


class Undo:
    """Changes to classes, to be taken back."""

    def __init__(self) -> None:
        self.steps: list[Callable[[], object]] = []

    def set(self, cls: type, name: str, value: object) -> None:
        missing = object()
        before = cls.__qualname__ if name == "__qualname__" else cls.__dict__.get(name, missing)
        setattr(cls, name, value)
        if before is missing:
            self.steps.append(lambda: delattr(cls, name))
        else:
            self.steps.append(lambda: setattr(cls, name, before))

    def register(self, cls: type, reduce: Callable[[Any], Any]) -> None:
        before = copyreg.dispatch_table.get(cls)
        copyreg.pickle(cls, reduce)  # type: ignore[arg-type]
        if before is None:
            self.steps.append(lambda: copyreg.dispatch_table.pop(cls, None))
        else:
            self.steps.append(lambda: copyreg.pickle(cls, before))

    def all(self) -> None:
        while self.steps:
            self.steps.pop()()


def looked_up(self: object, name: str) -> object:
    if name == "__reduce_ex__":
        return lambda protocol: (str, ("looked up",))
    return object.__getattribute__(self, name)


def clear(obj: Any) -> None:
    obj.clear()


def grow(obj: Any) -> None:
    if isinstance(obj, (list, collections.deque)):
        obj.extend([7, [8]])
    elif isinstance(obj, dict):
        obj.update({"later": 7, "and": [8]})


def replace(obj: Any) -> None:
    """Other items in the same number."""
    if isinstance(obj, (list, collections.deque)):
        for index in range(min(len(obj), 3)):
            obj[index] = ["replaced"]
    elif isinstance(obj, dict):
        for key in list(obj)[:3]:
            obj[key] = ["replaced"]


def rename(obj: Any) -> None:
    """Other keys in the same number."""
    if isinstance(obj, dict) and obj:
        obj.pop(next(iter(obj)))
        obj["renamed"] = ["renamed"]


def another_class(obj: Any) -> None:
    cls = type(obj)
    name = f"Another{cls.__name__}"
    if not hasattr(forms, name):
        made = type(cls)(name, (cls,), {"__slots__": (), "__module__": "forms"})
        setattr(forms, name, made)
    obj.__class__ = getattr(forms, name)


CHANGES: dict[str, Callable[[Any, Undo], object]] = {
    "a __reduce__ for the class": lambda o, u: u.set(type(o), "__reduce__", lambda self: (str, ("new",))),
    "a __reduce_ex__ for the class": lambda o, u: u.set(
        type(o), "__reduce_ex__", lambda self, protocol: (str, ("new",))
    ),
    "a __getstate__ for the class": lambda o, u: u.set(type(o), "__getstate__", lambda self: {"new": [1]}),
    "a __getnewargs__ for the class": lambda o, u: u.set(type(o), "__getnewargs__", lambda self: ([1],)),
    "a __getattribute__ for the class": lambda o, u: u.set(type(o), "__getattribute__", looked_up),
    "an __iter__ for the class": lambda o, u: u.set(type(o), "__iter__", lambda self: iter([["other"]])),
    "items for the class": lambda o, u: u.set(type(o), "items", lambda self: {"other": [1]}.items()),
    "a __class__ for the class": lambda o, u: u.set(type(o), "__class__", property(lambda self: forms.Plain)),
    "another name for the class": lambda o, u: u.set(type(o), "__qualname__", "NoSuchName"),
    "a reducer for the class": lambda o, u: u.register(type(o), lambda obj: (str, ("registered",))),
    "a reducer for the metaclass": lambda o, u: u.register(type(type(o)), lambda obj: (str, ("meta",))),
    "its own __reduce_ex__": lambda o, u: setattr(o, "__reduce_ex__", lambda protocol: (str, ("own",))),
    "its own __reduce__": lambda o, u: setattr(o, "__reduce__", lambda: (str, ("own",))),
    "its own __getstate__": lambda o, u: setattr(o, "__getstate__", lambda: {"own": [1]}),
    "its own items": lambda o, u: setattr(o, "items", lambda: {"own": [1]}.items()),
    "an attribute": lambda o, u: setattr(o, "added", ["added"]),
    "other attributes": lambda o, u: setattr(o, "__dict__", {"other": ["other"]}),
    "attributes in a dict of another class": lambda o, u: setattr(o, "__dict__", forms.Dict(other=[1])),
    "no attributes": lambda o, u: o.__dict__.clear(),
    "another class": lambda o, u: another_class(o),
    "nothing in it": lambda o, u: clear(o),
    "more in it": lambda o, u: grow(o),
    "other things in it": lambda o, u: replace(o),
    "other keys in it": lambda o, u: rename(o),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_while_it_is_written(wire: Wire, change: str):
    for form, make in FORMS.items():
        if make(1) is make(1):
            continue  # what is changed would stay so
        for protocol in (2, 4, 5):
            for parts_before in (False, True):
                outcomes = []
                for dumps in (wire.dumps, pickle.dumps):
                    undo, targets = Undo(), []

                    def act(undo: Undo = undo, targets: list[Any] = targets) -> None:
                        for target in targets:
                            with contextlib.suppress(TypeError, AttributeError):  # what cannot be changed so
                                CHANGES[change](target, undo)

                    acting = Acts(act)
                    first, second = make([acting, "text"]), make([2])
                    targets += [first, second]
                    graph = [first, acting, second, make("text"), first]
                    if parts_before:  # the class and the reducer's names are known then
                        graph = [make(1), Acts(lambda: None), *graph]
                    try:
                        outcomes.append(written(dumps, graph, protocol))
                    finally:
                        undo.all()
                assert outcomes[0] == outcomes[1], f"{form}, protocol {protocol}, {parts_before}"
