"""Mistakes with plugins, profiles and stores: here the text is brinery's own."""

from __future__ import annotations

import types
from fractions import Fraction
from pathlib import Path
from typing import Any

from throwaway import declaring, make_plugin

import brinery
from brinery import NameTable, Option, Override, PersistentScheme, Profile, Reducer

from .table import mistakes

mistake, MISTAKES = mistakes()


def reduce(obj: object) -> str:
    return ""


def other(obj: object) -> str:
    return ""


def nothing() -> list[object]:
    return []


async def awaited() -> list[object]:
    return []


def failing() -> list[object]:
    raise OSError("no such luck")


def one() -> Reducer:
    return Reducer(Fraction, reduce)


def another_kind() -> list[Override]:
    return [Override(Fraction, reduce)]


def configured(config: object) -> list[object]:
    return []


A = declaring(
    "alpha",
    Reducer(Fraction, reduce),
    PersistentScheme("redis", "alpha:open"),
    NameTable("a", {"old:Name": "new:A"}),
    Option("level", int, 3, "how deep it goes"),
)
B = declaring("beta", Reducer("fractions:Fraction", other))
OVER_A = declaring("alpha", Override(Fraction, reduce))
OVER_B = declaring("beta", Override(Fraction, other))

PROFILES: dict[str, Any] = {
    "one name in the place of a list": lambda: Profile("labkit"),
    "two reducers for one class": lambda: Profile([A, B]),
    "two overrides for one class": lambda: Profile([OVER_A, OVER_B]),
    "a misspelt key of prefer": lambda: Profile([A, B], prefer={"reducer:fractions:Fracton": "alpha"}),
    "a key of the wrong kind": lambda: Profile([A, B], prefer={"override:fractions:Fraction": "alpha"}),
    "a misspelt plugin in prefer": lambda: Profile([A, B], prefer={"reducer:fractions:Fraction": "alhpa"}),
    "a plugin in prefer that declares no such thing": lambda: Profile(
        [A, B], prefer={"scheme:redis": "beta"}
    ),
    "two plugins in prefer where one counts": lambda: Profile(
        [A, B], prefer={"reducer:fractions:Fraction": ("alpha", "beta")}
    ),
    "a misspelt name in without": lambda: Profile([A, B], without={"bata"}),
    "a text in the place of a set in without": lambda: Profile([A], without="alpha"),
    "a built-in plugin in without": lambda: Profile([A], without={"sqlite"}),
    "a plugin that is preferred and left out": lambda: Profile(
        [A, B], prefer={"reducer:fractions:Fraction": "beta"}, without={"beta"}
    ),
    "options for a plugin that is left out": lambda: Profile(
        [A, B], options={"alpha": {"level": 1}}, without={"alpha"}
    ),
    "a misspelt plugin in options": lambda: Profile([A], options={"alhpa": {"level": 1}}),
    "a misspelt option": lambda: Profile([A], options={"alpha": {"levl": 1}}),
    "an option of another type": lambda: Profile([A], options={"alpha": {"level": "1"}}),
    "an unknown engine": lambda: Profile([A], engine="turbo"),
    "a name as the default profile": lambda: brinery.set_default_profile("labkit"),  # type: ignore[arg-type]
    "a class as a plugin": lambda: Profile([type("Plugin", (), {})]),
    "a misspelt hook": lambda: Profile([make_plugin("p", reducer=nothing)]),
    "a hook that gives nothing": lambda: Profile([make_plugin("p", reducers=lambda: None)]),
    "a hook that gives one record": lambda: Profile([make_plugin("p", reducers=one)]),
    "a hook that gives another kind": lambda: Profile([make_plugin("p", reducers=another_kind)]),
    "a hook with an argument that it is not given": lambda: Profile([make_plugin("p", reducers=configured)]),
    "a hook that fails": lambda: Profile([make_plugin("p", reducers=failing)]),
    "one class twice in one plugin": lambda: Profile(
        [declaring("p", Reducer(Fraction, reduce), Reducer(Fraction, other))]
    ),
    "a hook that is async": lambda: Profile([make_plugin("p", reducers=awaited)]),
    "the same plugin twice": lambda: Profile([A, A]),
    "a module in the place of a list": lambda: Profile(types),  # type: ignore[arg-type]
    "a number as a plugin": lambda: Profile([3]),
    "None as a plugin": lambda: Profile([None]),
    "a module without hooks as a plugin": lambda: Profile([types]),
    "a function as a plugin": lambda: Profile([reduce]),
    "a record as a plugin": lambda: Profile([Reducer("fractions:Fraction", "other:reduce")]),
    "a number as a key of prefer": lambda: Profile([A], prefer={3: "alpha"}),  # type: ignore[dict-item]
    "a class as a key of prefer": lambda: Profile([A], prefer={Fraction: "alpha"}),  # type: ignore[dict-item]
    "a text in the place of prefer": lambda: Profile(
        [A],
        prefer="reducer:fractions:Fraction=alpha",  # type: ignore[arg-type]
    ),
    "a number in without": lambda: Profile([A], without={3}),  # type: ignore[arg-type]
    "None in the place of without": lambda: Profile([A], without=None),  # type: ignore[arg-type]
    "a plugin in without": lambda: Profile([A], without=[A]),  # type: ignore[list-item]
    "a number in the place of a plugin's options": lambda: Profile(
        [A],
        options={"alpha": 3},  # type: ignore[dict-item]
    ),
    "options without the plugin's name": lambda: Profile(
        [A],
        options={"level": 3},  # type: ignore[dict-item]
    ),
    "a list in the place of options": lambda: Profile([A], options=[1]),  # type: ignore[arg-type]
    "a number as an option's name": lambda: Profile([A], options={"alpha": {3: 1}}),  # type: ignore[dict-item]
    "a number that is to be explained": lambda: Profile([A]).explain(3),  # type: ignore[arg-type]
    "a name in the place of a profile in check": lambda: brinery.check(
        [1],
        profile="paths",  # type: ignore[arg-type]
    ),
}

RECORDS: dict[str, Any] = {
    "a target with a dot for the colon": lambda: Reducer("numpy.ndarray", reduce),
    "a target that is a function": lambda: Reducer(reduce, reduce),  # type: ignore[arg-type]
    "a reducer for a data type": lambda: Reducer(dict, reduce),
    "a reducer for functions": lambda: Reducer(types.FunctionType, reduce),
    "a reducer without a function": lambda: Reducer(Fraction, None),  # type: ignore[arg-type]
    "a reducer that takes too little": lambda: Reducer(Fraction, lambda: ""),
    "a reducer that takes the protocol unasked": lambda: Reducer(Fraction, lambda obj, protocol: ""),
    "a reducer that does not take the protocol": lambda: Reducer(Fraction, reduce, protocol=True),
    "a scheme in capitals": lambda: PersistentScheme("Redis", reduce),
    "a scheme of one letter": lambda: PersistentScheme("r", reduce),
    "a class with a dot in a name table": lambda: NameTable("moved", {"oldhome.Sample": "newhome.Sample"}),
    "a class to a module in a name table": lambda: NameTable("moved", {"oldhome:Sample": "newhome"}),
    "a name table that is a list": lambda: NameTable("moved", ["oldhome:Sample"]),  # type: ignore[arg-type]
    "an unknown era": lambda: NameTable("moved", {}, era="python3"),  # type: ignore[arg-type]
    "an option's default of another type": lambda: Option("level", int, "3", "how deep"),
    "a record that is changed": lambda: setattr(Reducer(Fraction, reduce), "target", dict),
    "a reducer that lacks its function": lambda: Reducer(Fraction),  # type: ignore[call-arg]
    "a misspelt field": lambda: Reducer(Fraction, reduce, subclass=True),  # type: ignore[call-arg]
    "a field by position that goes by name": lambda: Override(Fraction, reduce, True),  # type: ignore[misc]
    "a name that is gone with a dot": lambda: NameTable("shop", gone={"shop.models.Order": "a Purchase now"}),
    "emits as a text": lambda: Reducer(Fraction, reduce, emits="fractions:Fraction"),
}

STORES: dict[str, Any] = {
    "a store's path in the place of a URL": lambda: Profile.plain().bind(shop="shop.db"),
    "a scheme that nobody has": lambda: Profile.plain().bind(shop="gopher://anna:secret@host/shop"),
    "a profile that is changed": lambda: setattr(Profile([A]), "dumps", None),
    "a plugin made on the spot in a profile that travels": lambda: brinery.dumps(Profile([A])),
}

for _table in (PROFILES, RECORDS, STORES):
    for _name, _act in _table.items():

        @mistake(_name)
        def _made(profile: Profile, folder: Path, act: Any = _act) -> Any:
            return act()
