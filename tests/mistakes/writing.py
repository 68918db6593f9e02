"""Mistakes in writing, and with files."""

from __future__ import annotations

import asyncio
import contextvars
import io
import pickle
import queue
import re
import socket
import sqlite3
import sys
import threading
import weakref
from collections import deque, namedtuple
from functools import partial
from pathlib import Path
from typing import Any

import brinery
from brinery import Profile

from .table import mistakes

mistake, MISTAKES = mistakes()


class Holder:
    def __init__(self, held: Any) -> None:
        self.held = held


def _generator() -> Any:
    yield 1


def _made() -> Any:
    cell = []
    return (lambda: cell).__closure__[0]  # type: ignore[index]


def _open_file() -> Any:
    return open(__file__, encoding="utf-8")


HELD: dict[str, Any] = {
    "a lock": threading.Lock,
    "a lock that may be taken again": threading.RLock,
    "thread-local data": threading.local,
    "an open file": _open_file,
    "an open binary file": lambda: io.BufferedReader(io.FileIO(__file__)),
    "a raw file": lambda: io.FileIO(__file__),
    "a socket": socket.socket,
    "a connection to a database": lambda: sqlite3.connect(":memory:"),
    "a generator": _generator,
    "a module": lambda: sys,
    "a frame": sys._getframe,
    "code": lambda: _generator.__code__,
    "a cell": _made,
    "a view of a dict's keys": lambda: {}.keys(),
    "a view of a dict's values": lambda: {}.values(),
    "a view of a dict's items": lambda: {}.items(),
    "a memoryview": lambda: memoryview(b"abc"),
    "a mapping proxy": lambda: vars(Holder),
    "a weak reference": lambda: weakref.ref(Holder),
    "a match": lambda: re.match("a", "a"),
    "a context variable": lambda: contextvars.ContextVar("v"),
}

for _name, _make in HELD.items():

    @mistake(f"{_name} in an instance")
    def _held(profile: Profile, folder: Path, make: Any = _make) -> Any:
        held = make()
        try:
            return profile.dumps([Holder(held)])
        finally:
            if hasattr(held, "close"):
                held.close()


@mistake("a lock in a list")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps([threading.Lock()])


@mistake("what is of no kind that advice is known for")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps({"jobs": [queue.SimpleQueue()]})


@mistake("a coroutine")
def _(profile: Profile, folder: Path) -> Any:
    coroutine = asyncio.sleep(0)
    try:
        return profile.dumps(Holder(coroutine))
    finally:
        coroutine.close()


# By name


@mistake("a lambda")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps([lambda: 0])


@mistake("a function within a function")
def _(profile: Profile, folder: Path) -> Any:
    def inner() -> None:
        pass

    return profile.dumps({"handler": inner})


@mistake("an object of a class within a function")
def _(profile: Profile, folder: Path) -> Any:
    class Inner:
        pass

    return profile.dumps(Inner())


@mistake("a named tuple under another name")
def _(profile: Profile, folder: Path) -> Any:
    pair = namedtuple("Point", "x y")
    return profile.dumps(pair(1, 2))


def decorated() -> None:
    pass


_original = decorated
decorated = partial(_original)  # type: ignore[assignment]


@mistake("a function that a decorator replaced")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps(_original)


@mistake("a class whose module is none")
def _(profile: Profile, folder: Path) -> Any:
    made = type("Made", (), {"__module__": "no_such_module"})
    return profile.dumps(made)


# Reductions


class Reduced:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> Any:
        return self.value


@mistake("a __reduce__ that gives a list")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps(Reduced([1]))


@mistake("a __reduce__ without a return")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps(Reduced(None))


@mistake("a __reduce__ that gives a tuple of one")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps(Reduced((Holder,)))


@mistake("a __reduce__ whose arguments are no tuple")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps(Reduced((Holder, 1)))


class Unending:
    def __reduce__(self) -> Any:
        return Unending, (Unending(),)


@mistake("a __reduce__ that leads to another such object without end")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps(Unending())


@mistake("a PickleBuffer below protocol 5")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dumps([pickle.PickleBuffer(b"abc")], 4)


class Growing:
    def __init__(self, table: dict[int, Any]) -> None:
        self.table = table

    def __reduce__(self) -> Any:
        self.table[len(self.table)] = 0
        return str, ()


@mistake("a dict that grows while it is written")
def _(profile: Profile, folder: Path) -> Any:
    table: dict[int, Any] = {}
    table.update({0: Growing(table), 1: 1})
    return profile.dumps(table)


# Files


@mistake("dump into a path")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dump([1], "data.pickle")  # type: ignore[arg-type]


@mistake("dump into a pathlib path")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dump([1], Path("data.pickle"))  # type: ignore[arg-type]


@mistake("a Pickler on a path")
def _(profile: Profile, folder: Path) -> Any:
    return profile.Pickler("data.pickle")


@mistake("dump into a file that was opened as text")
def _(profile: Profile, folder: Path) -> Any:
    with open(folder / "data.pickle", "w", encoding="utf-8") as file:
        return profile.dump([1], file)  # type: ignore[arg-type]


@mistake("dump into text in memory")
def _(profile: Profile, folder: Path) -> Any:
    return profile.dump([1], io.StringIO())  # type: ignore[arg-type]


@mistake("dump_file into a folder that is missing")
def _(profile: Profile, folder: Path) -> Any:
    return brinery.dump_file([1], folder / "results" / "data.pickle", profile=profile)


@mistake("load_file of what is no pickle")
def _(profile: Profile, folder: Path) -> Any:
    (folder / "data.pickle").write_bytes(b'{"a": 1}')
    return brinery.load_file(folder / "data.pickle", profile=profile)


@mistake("load_file of a class that is gone")
def _(profile: Profile, folder: Path) -> Any:
    (folder / "data.pickle").write_bytes(b"coldhome\nSample\n.")
    return brinery.load_file(folder / "data.pickle", profile=profile)


# Where it is: the path is what teaches


PATHS = {
    "a deque's item": (lambda bad: deque([1, bad]), "root[1]"),
    "a deque's item, with a bound": (lambda bad: deque([1, 2, bad], 5), "root[2]"),
    "a partial's argument": (lambda bad: partial(print, 1, bad), "root.args[1]"),
    "a partial's keyword": (lambda bad: partial(print, end=bad), "root.keywords['end']"),
    "a partial's function": (lambda bad: partial(bad), "root.func"),
    "an exception's argument": (lambda bad: ValueError("text", bad), "root.args[1]"),
    "an exception's argument in a list": (lambda bad: [KeyError(bad)], "root[0].args[0]"),
}
