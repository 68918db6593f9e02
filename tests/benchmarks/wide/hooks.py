"""Picklers and Unpicklers with hooks, most of which have nothing to say about the row's objects."""

from __future__ import annotations

import collections
import copyreg
import fractions
import io
import pickle
from collections.abc import Iterator
from typing import Any

from . import classes as c
from .data import json_records
from .instances import order
from .workload import Side, Timed, Way, Workload


def fraction_reduced(value: fractions.Fraction) -> object:
    return fractions.Fraction, (value.numerator, value.denominator)


TABLE = {fractions.Fraction: fraction_reduced}


def idle_persistent_id(side: Side) -> type:
    class Asking(side.Pickler):  # type: ignore[misc,name-defined]
        def persistent_id(self, obj: object) -> object:
            return None

    return Asking


def hit_persistent_id(side: Side) -> type:
    class Asking(side.Pickler):  # type: ignore[misc,name-defined]
        def persistent_id(self, obj: object) -> object:
            return ("entity", obj.number) if type(obj) is c.Entity else None

    return Asking


def idle_reducer_override(side: Side) -> type:
    class Overriding(side.Pickler):  # type: ignore[misc,name-defined]
        def reducer_override(self, obj: object) -> object:
            return NotImplemented

    return Overriding


def chain_map(side: Side) -> type:
    class Chained(side.Pickler):  # type: ignore[misc,name-defined]
        dispatch_table = collections.ChainMap(TABLE, copyreg.dispatch_table)

    return Chained


def private_table(side: Side) -> type:
    class Tabled(side.Pickler):  # type: ignore[misc,name-defined]
        dispatch_table = {**copyreg.dispatch_table, **TABLE}

    return Tabled


def table_that_hits(side: Side) -> type:
    class Tabled(side.Pickler):  # type: ignore[misc,name-defined]
        dispatch_table = {c.Plain: lambda obj: (c.Plain, (obj.number, obj.text, obj.value))}

    return Tabled


def subclass_alone(side: Side) -> type:
    class Own(side.Pickler):  # type: ignore[misc,name-defined]
        pass

    return Own


class WithPickler(Way):
    """A Pickler of a subclass for each dump."""

    def __init__(self, make_class: Any) -> None:
        self.make_class = make_class

    def writing(self, side: Side, obj: object, protocol: int) -> Timed:
        pickler_class = self.make_class(side)

        def written(obj: object) -> bytes:
            file = io.BytesIO()
            pickler_class(file, protocol).dump(obj)
            return file.getvalue()

        return written, obj

    def stream(self, obj: object, protocol: int) -> bytes:
        function, argument = self.writing(pickle, obj, protocol)
        return function(argument)  # type: ignore[return-value]


def finding(side: Side) -> type:
    class Finding(side.Unpickler):  # type: ignore[misc,name-defined]
        def find_class(self, module: str, name: str) -> object:
            return super().find_class(module, name)

    return Finding


def refusing(side: Side) -> type:
    class Refusing(side.Unpickler):  # type: ignore[misc,name-defined]
        allowed = {("wide.classes", "Plain"): c.Plain, ("wide.classes", "Order"): c.Order}

        def find_class(self, module: str, name: str) -> object:
            return self.allowed[module.removeprefix("benchmarks."), name]

    return Refusing


def loading(side: Side) -> type:
    class Loading(side.Unpickler):  # type: ignore[misc,name-defined]
        def persistent_load(self, pid: object) -> object:
            return pid

    return Loading


class WithUnpickler(WithPickler):
    """An Unpickler of a subclass for each load."""

    def __init__(self, make_class: Any, make_pickler: Any = subclass_alone) -> None:
        super().__init__(make_pickler)
        self.make_unpickler = make_class

    def reading(self, side: Side, obj: object, protocol: int) -> Timed:
        unpickler_class = self.make_unpickler(side)
        return lambda stream: unpickler_class(io.BytesIO(stream)).load(), self.stream(obj, protocol)


class IdlePlugin(Way):
    """dumps and loads of a profile with a plugin whose reducers are for classes that no row has."""

    def profile(self, side: Side) -> Side:
        if not hasattr(side, "Profile"):  # the standard library has none
            return side
        from brinery import Profile, Reducer, hookimpl

        class Idle:
            @hookimpl
            def brinery_reducers(self) -> object:
                yield Reducer("fractions:Fraction", fraction_reduced)
                yield Reducer("decimal:Decimal", lambda d: (type(d), (str(d),)), subclasses=True)

        return Profile(plugins=(Idle(),))

    def writing(self, side: Side, obj: object, protocol: int) -> Timed:
        return super().writing(self.profile(side), obj, protocol)

    def reading(self, side: Side, obj: object, protocol: int) -> Timed:
        return super().reading(self.profile(side), obj, protocol)


class Nothing:
    """A store that nothing belongs to."""

    claims = (c.Entity,)

    def persistent_id(self, obj: object) -> None:
        return None

    def persistent_load(self, key: object) -> object:
        raise KeyError(key)


class BoundStore(IdlePlugin):
    """dumps and loads of a profile with a bound store, where nothing refers to it."""

    def profile(self, side: Side) -> Side:
        return side.Profile.plain().bind(shop=Nothing()) if hasattr(side, "Profile") else side


def workloads() -> Iterator[Workload]:
    kinds = (
        ("plain instances", lambda: [c.Plain(n, f"text {n}", n * 0.5) for n in range(300)]),
        ("dataclasses", lambda: [order(n) for n in range(300)]),
        ("records", lambda: json_records(200)),
        ("a small dict", lambda: {"a": 1, "b": [2]}),
    )
    for hook, make_class in (
        ("idle persistent_id", idle_persistent_id),
        ("idle reducer_override", idle_reducer_override),
        ("ChainMap as table", chain_map),
        ("dict as table", private_table),
    ):
        for name, make in kinds:
            yield Workload("hooks", f"{name}, {hook}", make, way=WithPickler(make_class), loads=False)
    yield Workload(
        "hooks",
        "plain instances, table that hits",
        kinds[0][1],
        way=WithPickler(table_that_hits),
        loads=False,
    )
    for name, make in kinds[:2]:
        yield Workload("hooks", f"{name}, idle plugin", make, way=IdlePlugin())
    for name, make in kinds:
        yield Workload("hooks", f"{name}, bound store", make, way=BoundStore())
    for hook, make_class in (("find_class, super", finding), ("find_class, allow-list", refusing)):
        for name, make in (*kinds[:2], ("a small dict", kinds[3][1])):
            yield Workload("hooks", f"{name}, {hook}", make, way=WithUnpickler(make_class), dumps=False)
    yield Workload(
        "hooks",
        "300 references, persistent_load",
        lambda: [c.Entity(n) for n in range(300)],
        way=WithUnpickler(loading, hit_persistent_id),
    )
