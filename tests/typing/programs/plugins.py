"""A plugin, and a program that chooses among plugins."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

import brinery
from brinery import (
    BoundProfile,
    Explanation,
    Key,
    NameTable,
    Option,
    Override,
    PersistentScheme,
    Profile,
    Reducer,
    Report,
    hookimpl,
)
from brinery.errors import ChoiceError, PluginConflict


def reduce_fraction(fraction: Fraction) -> tuple[object, ...]:
    return Fraction, (str(fraction),)


def at_protocol(fraction: Fraction, protocol: int) -> tuple[object, ...]:
    return Fraction, (str(fraction),)


class Users:
    claims = ("shop:User",)

    def persistent_id(self, obj: object, /) -> Key | None:
        return str(obj)

    def persistent_load(self, key: Key, /) -> object:
        return key


@hookimpl
def brinery_options() -> Iterator[Option]:
    yield Option("places", int, 2, "digits")
    yield Option("places", int, 2)  # error: call-arg


@hookimpl
def brinery_reducers(options: Mapping[str, object]) -> Iterator[Reducer]:
    yield Reducer(Fraction, reduce_fraction, subclasses=True, emits=["fractions:Fraction"])
    yield Reducer("fractions:Fraction", at_protocol, protocol=True)
    yield Reducer(Fraction, 3)  # error: arg-type
    yield Reducer(Fraction, reduce_fraction, True)  # error: call-arg


@hookimpl
def brinery_overrides() -> Iterator[Override]:
    yield Override(Fraction, reduce_fraction)
    yield Reducer(Fraction, reduce_fraction)  # error: misc


@hookimpl
def brinery_persistent_schemes() -> Iterator[PersistentScheme]:
    yield PersistentScheme("users", lambda url: Users())


@hookimpl
def brinery_name_tables() -> Iterator[NameTable]:
    yield NameTable("moved", {"old:Name": "new:Name"}, era="python2")
    yield NameTable("moved", {}, era="python3")  # error: arg-type


def choose() -> tuple[Report, Explanation]:
    profile = Profile(
        ["labkit"],
        prefer={"reducer:fractions:Fraction": "labkit", "override:types:FunctionType": ("labkit", "other")},
        options={"labkit": {"places": 3}},
    )
    profile.check()
    with profile.bind(users=Users(), shop="sqlite:///shop.db") as bound:
        kept: BoundProfile = bound
        kept.dumps(1)
    with brinery.set_default_profile(profile):
        pass
    brinery.set_default_profile("labkit")  # error: arg-type
    profile.nonsense()  # error: attr-defined
    return profile.report(), profile.explain(Fraction)


def settled() -> str:
    try:
        Profile(["a", "b"])
    except PluginConflict as conflict:
        return conflict.keys[0]
    except ChoiceError:
        return ""
    return ""
