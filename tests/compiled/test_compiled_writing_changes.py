"""Whatever code does to an object, its class or its items while they are written: C pickle's outcome.

Each form is written by a way of its own (see forms), and the knowledge behind it ends where code runs. The
Python engine takes items out of iterators one by one where C pickle is two ahead, so this is not asked of it.
"""

from __future__ import annotations

import collections
import contextlib
import copyreg
import io
import pickle
import sys
from collections.abc import Callable
from typing import Any

import forms
import pytest
from acts import Acts
from engines import PLAIN_WRITE
from forms import FORMS
from outcomes import stdlib_type

from brinery import engine
from brinery.engine.compiled import writing

dumps_compiled = writing.Dumper(lambda: PLAIN_WRITE).dumps


def written(dumps: Callable[..., bytes], obj: object, protocol: int) -> object:
    """The pickle, or the standard type of the exception."""
    try:
        return dumps(obj, protocol)
    except Exception as refused:
        return stdlib_type(refused)


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
def test_changes_while_it_is_written(change: str):
    for form, make in FORMS.items():
        if make(1) is make(1):
            continue  # what is changed would stay so
        for protocol in (2, 4, 5):
            for parts_before in (False, True):
                outcomes = []
                for dumps in (dumps_compiled, pickle.dumps):
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


@pytest.mark.parametrize("form", FORMS)
def test_where_it_failed_is_what_the_python_engine_says(form: str):
    # Below protocol 4, keywords are in a partial that the engines make at different times.
    for protocol in range(4 if form == "keywords" else 2, pickle.HIGHEST_PROTOCOL + 1):
        for part in (sys._getframe(), [sys._getframe()]):
            graph = [FORMS[form](1), FORMS[form](part)]
            said = []
            for name in ("python", "compiled"):
                try:
                    engine.get(name).Dumper(lambda: PLAIN_WRITE).dumps(graph, protocol)
                except Exception as refused:
                    said.append(
                        (stdlib_type(refused), refused.pickle_path, getattr(refused, "__notes__", None))
                    )
            assert len(set(map(repr, said))) < 2, f"protocol {protocol}"


def test_tables_of_reducers_change_come_and_go_by_the_dozen():
    # From Python 3.14 on, a dict does not count its changes: a few are watched, the others asked each time.
    tables: list[dict[type, Callable[[Any], Any]]] = []

    def both(table: dict[type, Callable[[Any], Any]], obj: object) -> bytes:
        ours, theirs = io.BytesIO(), io.BytesIO()
        for pickler in (Pickler(ours, 4), pickle.Pickler(theirs, 4)):
            pickler.dispatch_table = table
            pickler.dump(obj)
        assert ours.getvalue() == theirs.getvalue()
        return ours.getvalue()

    for number in range(60):
        table: dict[type, Callable[[Any], Any]] = {}
        instances = [Reduced() for _ in range(3)]
        as_it_is = both(table, instances)
        table[Reduced] = lambda obj: (int, (5,))
        assert both(table, instances) != as_it_is
        del table[Reduced]
        assert both(table, instances) == as_it_is
        tables.append(table)
        if number % 20 == 19:
            tables.clear()


class Reduced:
    """An instance that some tables have a reducer for."""


class Pickler(writing.Pickler):
    _plan_source = staticmethod(lambda: PLAIN_WRITE)
