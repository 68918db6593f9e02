"""One object at a time, as caches, queues and sessions pickle."""

from __future__ import annotations

import collections
import copyreg
import datetime
import decimal
import io
import json
import multiprocessing.reduction
import pathlib
import uuid
from collections.abc import Iterator

from . import classes as c
from .data import json_records
from .instances import frozen, order
from .workload import Side, Timed, Way, Workload

GROUP = "one object"


def row(name: str, obj: object, **rest: object) -> Workload:
    return Workload(GROUP, name, lambda: obj, **rest)  # type: ignore[arg-type]


SESSION = {
    "_auth_user_id": "4711",
    "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
    "_auth_user_hash": "5d41402abc4b2a76b9719d911017c592" * 2,
    "cart": {"17": 2, "23": 1},
    "language": "it",
}
TASK = (
    "shop.tasks.send_receipt",
    (4711,),
    {"retries": 3, "eta": datetime.datetime(2024, 2, 29, 12)},
    {"id": "0b5e0f8e-6a5d-4a3e-9f5e-0f8e6a5d4a3e", "group": None, "argsrepr": "(4711,)"},
)
LOG_RECORD = {
    "name": "shop.orders",
    "msg": "order 4711 was paid",
    "args": None,
    "levelname": "INFO",
    "levelno": 20,
    "pathname": "/srv/shop/orders.py",
    "filename": "orders.py",
    "module": "orders",
    "exc_info": None,
    "exc_text": None,
    "stack_info": None,
    "lineno": 117,
    "funcName": "pay",
    "created": 1709208000.123,
    "msecs": 123.0,
    "relativeCreated": 5012.7,
    "thread": 139872323411776,
    "threadName": "MainThread",
    "processName": "MainProcess",
    "process": 4711,
}


class Forking(Way):
    """What multiprocessing's connections and queues do with each message."""

    def writing(self, side: Side, obj: object, protocol: int) -> Timed:
        extra_reducers = multiprocessing.reduction.ForkingPickler._extra_reducers  # type: ignore[attr-defined]

        class ForkingPickler(side.Pickler):  # type: ignore[misc,name-defined]
            def __init__(self, *args: object) -> None:
                super().__init__(*args)
                self.dispatch_table = copyreg.dispatch_table.copy()
                self.dispatch_table.update(extra_reducers)

        def written(obj: object) -> memoryview:
            file = io.BytesIO()
            ForkingPickler(file, protocol).dump(obj)
            return file.getbuffer()

        return written, obj


def pool_task() -> object:
    return 0, 17, map, ((c.function, (1, 2, 3)),), {}


def workloads() -> Iterator[Workload]:
    yield row("None", None, plain=True)
    yield row("1", 1, plain=True)
    yield row("a float", 1.5, plain=True)
    yield row("a word", "word", plain=True)
    yield row("short bytes", b"bytes")
    yield row("an empty dict", {}, plain=True)
    yield row("a pair", (1, "two"))
    yield row("a list of three", [1, 2, 3], plain=True)
    yield row("{'a': 1}", {"a": 1}, plain=True)
    yield row("a dict of ten", {f"key {n}": n for n in range(10)}, plain=True)
    yield row("one record", json_records(1)[0], plain=True)
    yield row("a set of three", {1, 2, 3})
    yield row("a plain instance", c.Plain(1, "text", 0.5))
    yield row("an instance with slots", c.Slots(1, "text", 0.5))
    yield row("a dataclass", order(1))
    yield row("a frozen dataclass", frozen(1))
    yield row("a namedtuple", c.Point(1, 2, 3))
    yield row("an Enum member", c.Color.RED)
    yield row("an IntEnum member", c.Level.HIGH)
    yield row("an exception", ValueError("no such thing"))
    yield row("a program's exception", c.ShopError("no such thing", 17))
    yield row("a date", datetime.date(2024, 2, 29))
    yield row("a datetime", datetime.datetime(2024, 2, 29, 12))
    yield row("a datetime in UTC", datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC))
    yield row("a timedelta", datetime.timedelta(3), copying=True)
    yield row("a Decimal", decimal.Decimal("3.50"), copying=True)
    yield row("a UUID", uuid.UUID(int=2**127 + 5), copying=True)
    yield row("a path", pathlib.PurePosixPath("/srv/shop/orders.py"), copying=True)
    yield row("an OrderedDict", collections.OrderedDict(a=1, b=2))
    yield row("a defaultdict", collections.defaultdict(list, a=[1]))
    yield row("a deque", collections.deque([1, 2, 3]))
    yield row("a Counter", collections.Counter("mississippi"))
    yield row("a list subclass", c.ListSubclass((1, 2, 3)))
    yield row("a dict subclass", c.DictSubclass(a=1))
    yield row("a class", c.Plain)
    yield row("a function", c.function)
    yield row("a function built in", len)
    yield row("a nested class", c.Outer.Inner)
    yield row("a method, dotted", json.JSONEncoder.encode)
    yield row("a bound method", c.Outer().method)
    yield row("a class method", c.Outer.made)
    yield row("a session", SESSION, plain=True)
    yield row("a task's message", TASK)
    yield row("a Pool's task", pool_task())
    yield row("a Pool's result", (0, 17, (True, [1, 2, 3])))
    yield row("a log record", LOG_RECORD, plain=True)
    yield row("a session, ForkingPickler", SESSION, way=Forking(), loads=False)
    yield row("a dataclass, ForkingPickler", order(1), way=Forking(), loads=False)
