"""A class that is declared by a misspelt name: said where a dump fails, and to whom asks about the class."""

from __future__ import annotations

import sys
import threading
import types
from fractions import Fraction
from pathlib import Path

import pytest
from throwaway import declaring

from brinery import Override, Profile, Reducer, lineage
from brinery.dotted import find_loaded


def reduce(obj: object) -> tuple[object, tuple[object, ...]]:
    return type(obj), ()


@pytest.fixture
def shop(monkeypatch):
    """A library whose class does not pickle by itself."""
    module = types.ModuleType("shop_of_a_test")

    class Connection:
        def __init__(self) -> None:
            self.lock = threading.Lock()

    Connection.__module__, Connection.__qualname__ = "shop_of_a_test", "Connection"
    module.Connection = Connection
    module.connect = lambda: Connection()
    monkeypatch.setitem(sys.modules, "shop_of_a_test", module)
    return module


def told(profile: Profile, obj: object) -> str:
    with pytest.raises(TypeError, match=r"cannot pickle '_thread\.lock' object") as caught:
        profile.dumps({"at": obj})
    error = caught.value
    return "\n".join([*error.__notes__, str(getattr(error, "pickle_advice", ""))])


@pytest.mark.parametrize("kind", [Reducer, Override])
def test_a_dump_that_fails_says_it(shop, kind):
    profile = Profile([declaring("red", kind("shop_of_a_test:Conection", reduce))])
    said = told(profile, shop.Connection())
    assert f"has the {kind.__name__.lower()} for shop_of_a_test:Conection" in said
    assert "shop_of_a_test has no Conection: did you mean shop_of_a_test:Connection?" in said


def test_who_asks_about_the_class_is_told(shop):
    profile = Profile([declaring("red", Reducer("shop_of_a_test:Conection", reduce))])
    for asked in (shop.Connection, "shop_of_a_test:Connection"):
        explanation = profile.explain(asked)
        assert explanation.says == ()
        assert "did you mean shop_of_a_test:Connection?" in explanation.note
    assert profile.explain("fractions:Fraction").note == ""


def test_who_asks_is_told_of_a_class_under_another_name_and_of_ancestors(shop, monkeypatch):
    front = types.ModuleType("front_of_a_test")
    front.Connection = shop.Connection  # as packages show what a module of theirs has
    monkeypatch.setitem(sys.modules, "front_of_a_test", front)
    misspelt = Reducer("front_of_a_test:Conection", reduce, subclasses=True)
    profile = Profile([declaring("red", misspelt, Override(shop.Connection, lambda obj: NotImplemented))])
    for asked in (shop.Connection, type("Safe", (shop.Connection,), {})):
        assert "did you mean front_of_a_test:Connection?" in profile.explain(asked).note
    assert profile.explain(shop.Connection).says


@pytest.mark.parametrize(
    "names",
    [
        ["shop_of_a_test:Connection"],  # what is meant
        ["shop_of_a_test:Conection", "shop_of_a_test:Connection"],  # of another version, beside today's
        ["shop_of_a_test:Cursor"],  # called like nothing that is there
        ["shop_of_a_test:conect"],  # like a function
        ["nowhere_of_a_test:Conection"],  # in what is not loaded
    ],
)
def test_nothing_is_said_of_what_may_be_right(shop, names):
    profile = Profile([declaring("red", *(Reducer(name, reduce) for name in names))])
    if "shop_of_a_test:Connection" in names:
        assert profile.loads(profile.dumps(shop.Connection()))
    else:
        assert "did you mean" not in told(profile, shop.Connection())
    assert "did you mean" not in profile.explain(shop.Connection).note


def test_a_module_without_the_name_is_looked_through_once_until_it_has_others(shop, monkeypatch):
    looked = []
    monkeypatch.setattr(lineage, "find_loaded", lambda name: looked.append(name) or find_loaded(name))
    profile = Profile([declaring("red", Reducer("shop_of_a_test:Late", reduce))])
    assert profile.loads(profile.dumps(Fraction(1, 2))) == Fraction(1, 2)
    del looked[:]
    for _ in range(5):
        profile.dumps([Fraction(1, 2), Path("a")])
    assert looked == []
    late = type("Other", (), {"__module__": "shop_of_a_test"})
    shop.Other = shop.Late = late  # under another name than its own
    explanation = profile.explain(late)
    assert profile.loads(profile.dumps(late())) is not None
    assert [say.plugin.name for say in explanation.says] == ["red"]
    assert looked


def test_a_class_that_another_one_gets_later_is_found(shop):
    profile = Profile([declaring("red", Reducer("shop_of_a_test:Connection.Late", reduce))])
    profile.dumps(Fraction(1, 2))
    late = type("Other", (), {"__module__": "shop_of_a_test"})
    shop.Connection.Late = late
    assert [say.plugin.name for say in profile.explain(late).says] == ["red"]
