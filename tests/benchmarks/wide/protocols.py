"""The same objects at every protocol."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from . import classes as c
from .data import json_records, texts
from .instances import many, order
from .workload import Optimized, Workload


def row(name: str, make: object, protocol: int, **rest: object) -> Workload:
    return Workload("protocols", f"{name}, protocol {protocol}", make, protocol, **rest)  # type: ignore[arg-type]


def workloads() -> Iterator[Workload]:
    for protocol in range(6):
        yield row("records", lambda: json_records(200), protocol, plain=True)
        yield row("dataclasses", many(order, 300), protocol)
    for protocol in (0, 1):
        yield row("ints and bools", lambda: [*range(-500, 1500), *[True, False] * 200], protocol)
        yield row("floats", lambda: [n / 7 for n in range(1000)], protocol)
        yield row("ASCII text", lambda: [f"a string, number {n}" for n in range(1000)], protocol)
        yield row("Cyrillic text", lambda: texts("абвгдежзиклмн "), protocol)
        yield row("pairs", lambda: [(n, str(n)) for n in range(700)], protocol)
    yield row("long ints", lambda: [2**70 + n for n in range(500)], 0)
    yield row("bytes", lambda: [b"bytes %d" % n for n in range(300)], 0)
    for protocol in (1, 2, 3):
        yield row("small sets", lambda: [{n, n + 1} for n in range(400)], protocol)
    for protocol in (2, 3):
        yield row("with slots", many(lambda n: c.Slots(n, f"text {n}", n * 0.5)), protocol)
        yield row(
            "datetimes", many(lambda n: datetime.datetime(2000, 1, 1) + datetime.timedelta(n)), protocol
        )
        yield row("one dataclass", lambda: order(1), protocol)
        yield row("one class", lambda: c.Plain, protocol)
        yield row("one dict", lambda: {"a": 1}, protocol, plain=True)
        yield row("dataclasses, optimized", many(order, 300), protocol, way=Optimized(), dumps=False)
    yield row("bytes", lambda: [b"bytes %d" % n for n in range(300)], 2)
    yield row("one dict", lambda: {"a": 1}, 0, plain=True)
