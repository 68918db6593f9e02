"""Types of the standard library, some hundred instances of each."""

from __future__ import annotations

import array
import ast
import collections
import datetime
import decimal
import fractions
import functools
import inspect
import ipaddress
import operator
import pathlib
import random
import re
import time
import types
import urllib.parse
import uuid
import zoneinfo
from collections.abc import Iterator

from . import classes
from .workload import Workload

GROUP = "standard types"
UTC = datetime.UTC
EPOCH = datetime.datetime(2001, 2, 3, 4, 5, 6, 7)


def row(name: str, make: object, **rest: object) -> Workload:
    return Workload(GROUP, name, make, **rest)  # type: ignore[arg-type]


def numbers(cls: object, count: int = 500) -> object:
    return lambda: [cls(n) for n in range(count)]  # type: ignore[operator]


def error(number: int) -> Exception:
    return ValueError(f"no such thing: {number}", number)


def syntax_tree() -> ast.AST:
    return ast.parse(inspect.getsource(classes))


def rome() -> object:
    try:
        zone: datetime.tzinfo = zoneinfo.ZoneInfo("Europe/Rome")
    except zoneinfo.ZoneInfoNotFoundError:
        zone = datetime.timezone(datetime.timedelta(hours=1))
    return [EPOCH.replace(tzinfo=zone, minute=n % 60) for n in range(500)]


def ordered(n: int) -> collections.OrderedDict[str, int]:
    return collections.OrderedDict(a=n, b=n + 1, c=n + 2)


def workloads() -> Iterator[Workload]:
    yield row("namedtuples", lambda: [classes.Point(n, n + 1, n + 2) for n in range(500)])
    yield row("typing.NamedTuples", lambda: [classes.Employee(f"name {n}", n) for n in range(500)])
    yield row("OrderedDicts", numbers(ordered))
    yield row("a large OrderedDict", lambda: collections.OrderedDict((str(n), n) for n in range(2000)))
    yield row("a deque of 5,000", lambda: collections.deque(range(5000)))
    yield row("small deques", numbers(lambda n: collections.deque((n, n), maxlen=8)))
    yield row(
        "a defaultdict of lists",
        lambda: collections.defaultdict(list, {n: [n] for n in range(1000)}),
    )
    yield row("small defaultdicts", numbers(lambda n: collections.defaultdict(int, {"a": n})))
    yield row("a Counter", lambda: collections.Counter(str(n % 700) for n in range(2000)))
    yield row("small Counters", numbers(lambda n: collections.Counter(a=n, b=1)))
    yield row("ChainMaps", numbers(lambda n: collections.ChainMap({"a": n}, {"b": 1})))
    yield row("UserDicts", numbers(lambda n: collections.UserDict(a=n)))
    yield row("SimpleNamespaces", numbers(lambda n: types.SimpleNamespace(a=n, b=str(n))))
    yield row("dates", numbers(lambda n: datetime.date(2000, 1, 1 + n % 28)))
    yield row("datetimes", numbers(lambda n: EPOCH.replace(microsecond=n)))
    yield row("datetimes in UTC", numbers(lambda n: EPOCH.replace(microsecond=n, tzinfo=UTC)))
    yield row("datetimes in Rome", rome)
    yield row("times", numbers(lambda n: datetime.time(n % 24, n % 60)))
    yield row("timedeltas", numbers(lambda n: datetime.timedelta(n, n, n)), copying=True)
    yield row("Decimals", numbers(lambda n: decimal.Decimal(n) / 7), copying=True)
    yield row("Fractions", numbers(lambda n: fractions.Fraction(n, 7)), copying=True)
    yield row("UUIDs", numbers(lambda n: uuid.UUID(int=n << 90 | n)), copying=True)
    yield row("pure paths", numbers(lambda n: pathlib.PurePosixPath(f"a/folder/{n}.txt")), copying=True)
    yield row("IP addresses", numbers(lambda n: ipaddress.IPv4Address(n + 2**24)), copying=True)
    yield row("URLs in parts", numbers(lambda n: urllib.parse.urlsplit(f"https://example.org/{n}?q=1")))
    yield row("ranges", numbers(lambda n: range(n, n + 5)))
    yield row("patterns", lambda: [re.compile(f"a{n % 10}+") for n in range(200)], copying=True)
    yield row("Enum members", lambda: [*classes.Color] * 300)
    yield row(
        "different enums", lambda: [*classes.Color, *classes.Level, *classes.Mode, *classes.Access] * 100
    )
    yield row("exceptions", numbers(error))
    yield row("exceptions of a program", numbers(lambda n: classes.ShopError("shop", n)))
    yield row("exceptions with attributes", numbers(lambda n: classes.DetailedError("shop", n)))
    yield row("OSErrors", numbers(lambda n: OSError(2, "No such file", f"file {n}")))
    yield row("a syntax tree", syntax_tree)
    yield row("small arrays", numbers(lambda n: array.array("i", (n, n, n))))
    yield row("an array of 1 MB", lambda: array.array("d", bytes(1 << 20)), copying=True)
    yield row("partial calls", numbers(lambda n: functools.partial(classes.function, n)))
    yield row("itemgetters", numbers(operator.itemgetter))
    yield row("struct_times", numbers(time.gmtime))
    yield row("random generators", lambda: [random.Random(n) for n in range(5)], copying=True)
    yield row("code by name", lambda: [len, print, list, dict, ValueError, classes.function] * 50)
