"""Instances of classes that programs write themselves, some hundred of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import classes as c
from .workload import Optimized, Workload

GROUP = "instances"


def many(make: Callable[[int], object], count: int = 500) -> Callable[[], object]:
    return lambda: [make(n) for n in range(count)]


def row(name: str, make: Callable[[], object], **rest: object) -> Workload:
    return Workload(GROUP, name, make, **rest)  # type: ignore[arg-type]


def tree() -> c.Node:
    root = c.Node(None, 0)
    for n in range(20):
        child = c.Node(root, n)
        for k in range(20):
            c.Node(child, k)
    return root


def linked(count: int) -> c.Link | None:
    made = None
    for n in range(count):
        made = c.Link(n, made)
    return made


def with_dict(n: int) -> c.SlotsWithDict:
    made = c.SlotsWithDict(n, "text", 0.5)
    made.extra = n
    return made


def order(n: int) -> c.Order:
    return c.Order(n, f"customer {n}", n * 0.25, n % 2 == 0, None)


def frozen(n: int) -> c.Frozen:
    return c.Frozen(n, "customer", 0.5)


def list_with_attributes(n: int) -> c.ListSubclass:
    made = c.ListSubclass((n, n))
    made.name = "named"
    return made


def workloads() -> Iterator[Workload]:
    yield row("plain instances", many(lambda n: c.Plain(n, f"text {n}", n * 0.5)))
    yield row("instances of thirty attributes", many(c.Wide, 100))
    yield row("instances with slots", many(lambda n: c.Slots(n, f"text {n}", n * 0.5)))
    yield row("slots with a dict", many(with_dict))
    yield row("dataclasses", many(order))
    yield row("frozen dataclasses", many(frozen))
    yield row("dataclasses with slots", many(lambda n: c.Slotted(n, "customer", 0.5)))
    yield row("frozen dataclasses with slots", many(lambda n: c.FrozenSlotted(n, "customer", 0.5)))
    yield row(
        "dataclasses that inherit",
        many(lambda n: c.Special(n, "customer", 0.5, True, None, tags=["a"], options={"b": n})),
    )
    yield row("dataclasses of dataclasses", many(lambda n: c.Invoice(order(n), [frozen(n), frozen(n)]), 150))
    yield row("a tree with parents", tree)
    yield row("a list of 300 links", lambda: linked(150))
    yield row("of a nested class", many(c.Outer.Inner))
    yield row("with __getstate__", many(lambda n: c.Stateful(n, "right")))
    yield row("with __setstate__", many(lambda n: c.Restored(n, "right")))
    yield row("with both, of a tuple", many(lambda n: c.StateTuple(n, "right")))
    yield row("with __reduce__", many(lambda n: c.Reduced(n, "right")))
    yield row("with __reduce__ and a state", many(lambda n: c.ReducedWithState(n, "right")))
    yield row("with __getnewargs__", many(lambda n: c.NewArgs(n, "right")))
    yield row("with __getnewargs_ex__", many(lambda n: c.NewKeywords(left=n, right="right")), copying=True)
    yield row("with __getattr__", many(lambda n: c.WithGetattr(n, "text", 0.5)))
    yield row("with __setattr__", many(lambda n: c.WithSetattr(n, "text", 0.5)))
    yield row("with properties", many(c.WithProperties))
    yield row("of an ABC", many(c.Square))
    yield row("of a Generic", many(c.Box))
    yield row("of a metaclass", many(c.OfMeta))
    yield row("subclass of int", many(c.IntSubclass))
    yield row("subclass of float", many(c.FloatSubclass))
    yield row("subclass of str", many(lambda n: c.StrSubclass(n)))
    yield row("subclass of bytes", many(lambda n: c.BytesSubclass(b"%d" % n)))
    yield row("subclass of list", many(lambda n: c.ListSubclass((n, n, n))))
    yield row("subclass of list, attributes", many(list_with_attributes))
    yield row("subclass of dict", many(lambda n: c.DictSubclass(a=n, b=n)))
    yield row("subclass of dict, attributes", many(lambda n: c.DictWithAttributes({"a": n})))
    yield row("subclass of dict, __getattr__", many(lambda n: c.AttributeDict(a=n, b=n)))
    yield row("subclass of tuple", many(lambda n: c.TupleSubclass((n, n))))
    yield row("subclass of set", many(lambda n: c.SetSubclass((n, n + 1))))
    yield row("a large list subclass", lambda: c.ListSubclass(range(3000)))
    yield row("a large dict subclass", lambda: c.DictSubclass((str(n), n) for n in range(2000)))
    yield row("dataclasses, optimized", many(order), way=Optimized(), dumps=False)
    yield row("with slots, optimized", many(lambda n: c.Slots(n, "a", 0.5)), way=Optimized(), dumps=False)
