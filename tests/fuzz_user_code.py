"""Reads pickles while user code changes everything around the load, and compares with C pickle.

    python tests/fuzz_user_code.py                           two hundred thousand inputs, compiled engine
    python tests/fuzz_user_code.py --engine python --inputs 10000
    python tests/fuzz_user_code.py --from 4711 --inputs 1    one input again

An input is its number: a small pickle into which look-ups of a global were put, and what the user code does
that runs there. It collects, loads and dumps, gives classes in use properties and hooks, changes, empties
and replaces what has been made so far (which it finds in the memo), or raises.

Alike
    An input is read by C pickle and by the engine, from bytes or a file, with the same user code at the
    same places. Both have to come to the same object, with the same memo, or to the same exception.
Anywhere
    The compiled reader calls that code wherever user code may run at all: twice at each place. There C
    pickle is no measure: the load succeeds, or fails with an exception that a user could have raised. The
    same with damaged pickles.

Behind each input the collector is as it was, no load is open, the Unpickler can be used again, and no
instance is left.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import pickle
import random
import re
import sys
import tempfile
import types
from collections.abc import Iterator
from typing import Any

import fuzz_reading
import fuzzing
import graphs
from engines import Wire
from outcomes import stdlib_type
from shapes import shape
from user_code import exposed, sabotaged, watched

#: What may come out of a load during which user code meddles, or what a damaged pickle calls.
ALLOWED = (
    *(ArithmeticError, AttributeError, BufferError, EOFError, ImportError, IndexError, KeyError, LookupError),
    *(OSError, RecursionError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError, re.error),
)
CLASSES = (
    *(graphs.Plain, graphs.Record, graphs.Slotted, graphs.SlottedWithDict, graphs.WithState),
    *(
        graphs.ListChild,
        graphs.DictChild,
        graphs.SetChild,
        graphs.TupleChild,
        graphs.StrChild,
        graphs.Trouble,
    ),
)
NAMES = ("name", "value", "more", "left", "right", "state")
CALL = b"cacting\nact\n0"  # a global is looked up, and dropped
SMALL = pickle.dumps({"a": [graphs.Plain(), (1, "two")]}, 4)
ROUND = 500  # inputs after which almost nothing may be left of them: damaged ones may add to globals
KNOWN = fuzz_reading.Known()


class Raised(LookupError):
    """What user code raises on purpose."""


class Noting(dict):
    """A dict for attributes that has a say in what is set."""

    def __setitem__(self, name: object, value: object) -> None:
        super().__setitem__(name, ("noted", value))


class Saboteur:
    """The user code of one load. It does the same wherever it is asked as often and finds the same."""

    def __init__(self, number: int, wire: Wire | None) -> None:
        self.chance = random.Random(number)
        self.wire = wire
        self.unpickler: Any = None
        self.undo: list[tuple[type, str]] = []
        self.inside = False
        self.left = 40  # acts, as everything has to end
        self.problems: list[str] = []

    def act(self) -> None:
        """Do something, but for what is done by what this does."""
        if exposed():
            self.problems.append("user code ran where the reader was not ready for it")
        if self.inside or not self.left:
            return
        self.left -= 1
        self.inside = True
        try:
            kind = self.chance.randrange(12)
            if kind == 0:
                gc.collect()
            elif kind == 1:
                pickle.loads(SMALL) if self.wire is None else self.wire.loads(SMALL)
            elif kind == 2:
                pickle.dumps(graphs.Plain()) if self.wire is None else self.wire.dumps(graphs.Plain())
            elif kind <= 5:
                self.change_class()
            elif kind <= 10:
                self.change_object()
            elif self.chance.random() < 0.2:
                raise Raised
        finally:
            self.inside = False

    def change_class(self) -> None:
        cls = self.chance.choice(CLASSES)
        kind = self.chance.randrange(6)
        if kind == 0:
            self.set(cls, self.chance.choice(NAMES), property(lambda self: "computed"))
        elif kind == 1:
            self.set(cls, "__setattr__", lambda self, name, value: None)
        elif kind == 2:
            self.set(cls, "__getattr__", lambda self, name: seen(self, name))
        elif kind == 3:
            self.set(cls, "__setstate__", lambda self, state: None)
        elif kind == 4:
            self.set(cls, "unrelated", 1)
        else:
            self.restore(1)

    def set(self, cls: type, name: str, value: object) -> None:
        if name not in vars(cls):
            setattr(cls, name, value)
            self.undo.append((cls, name))

    def restore(self, most: int = 1000) -> None:
        for _ in range(min(most, len(self.undo))):
            delattr(*self.undo.pop())

    def change_object(self) -> None:
        if self.unpickler is None:
            return
        entries = self.unpickler.memo.copy()
        if not entries:
            return
        obj = entries[self.chance.choice(sorted(entries))]
        other = entries[self.chance.choice(sorted(entries))]
        container = isinstance(obj, list | dict | set)
        kind = self.chance.randrange(7)
        try:
            if type(obj) in CLASSES and (not container or self.chance.random() < 0.5):
                self.change_instance(obj, kind, other)
            elif isinstance(obj, list):
                obj.clear() if kind == 0 else obj.append(other) if kind < 4 else obj.reverse()
            elif isinstance(obj, dict):
                obj.clear() if kind == 0 else obj.update(name="more") if kind < 4 else obj.pop("name", None)
            elif isinstance(obj, set):
                obj.clear() if kind == 0 else obj.add("more")
        except (AttributeError, TypeError):
            pass  # what a class does not let anybody do

    def change_instance(self, obj: Any, kind: int, other: object) -> None:
        name = self.chance.choice(NAMES)
        if kind == 0:
            obj.__dict__ = {"name": "replaced"}
        elif kind == 1:
            obj.__dict__ = Noting()
        elif kind == 2:
            obj.__class__ = self.chance.choice((graphs.Plain, graphs.Record))
        elif kind == 3:
            delattr(obj, name)
        elif kind == 4:
            obj.__dict__.clear()
        else:
            setattr(obj, name, other)


def seen(obj: object, name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    return None


class ActingModule(types.ModuleType):
    """Where ``loads`` looks up what was put into the streams."""

    saboteur: Saboteur

    def __getattr__(self, name: str) -> object:
        if name != "act":
            raise AttributeError(name)
        self.saboteur.act()
        return None


MODULE = ActingModule("acting")


class ActingFile:
    """A file each of whose methods does something first."""

    def __init__(self, data: bytes, saboteur: Saboteur) -> None:
        self.data, self.saboteur = io.BytesIO(data), saboteur

    def read(self, size: int) -> bytes:
        self.saboteur.act()
        return self.data.read(min(size, 30))

    def readline(self) -> bytes:
        self.saboteur.act()
        return self.data.readline()


# Inputs


def make_stream(number: int) -> bytes:
    """A whole pickle, unframed, with calls of user code in it."""
    chance = random.Random(number)
    pieces = [piece for piece in chance.choice(fuzz_reading.corpus()) if piece[:1] != pickle.FRAME]
    for _ in range(chance.randrange(1, 5)):
        pieces.insert(chance.randrange(1, len(pieces)), CALL)
    if chance.random() < 0.3:  # and something of the memo's again
        at = chance.randrange(1, len(pieces))
        pieces[at:at] = [pickle.BINGET + bytes([chance.randrange(6)]), b"0"]
    return b"".join(pieces)


# Reading one


def described(result: object) -> str:
    try:
        return "\n".join(shape(result))
    except Exception as exc:  # half an object, or one that user code took apart
        return type(exc).__name__


def acting_unpickler(base: Any, saboteur: Saboteur, file: Any) -> Any:
    class Acting(base):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            saboteur.act()
            if module == "acting":
                return None
            return super().find_class(*KNOWN.apply(module, name))

        def persistent_load(self, pid: object) -> object:
            saboteur.act()
            return [pid]

    saboteur.unpickler = made = Acting(file)
    return made


def from_bytes(module: Any, stream: bytes, saboteur: Saboteur) -> tuple[object, object]:
    return module.loads(stream), None


def from_memory(module: Any, stream: bytes, saboteur: Saboteur) -> tuple[object, object]:
    unpickler = acting_unpickler(module.Unpickler, saboteur, io.BytesIO(stream))
    return unpickler.load(), unpickler.memo.copy()


def from_buffer(module: Any, stream: bytes, saboteur: Saboteur) -> tuple[object, object]:
    file = io.BufferedReader(io.BytesIO(stream), 16)  # type: ignore[arg-type]
    unpickler = acting_unpickler(module.Unpickler, saboteur, file)
    return unpickler.load(), unpickler.memo.copy()


def from_disk(module: Any, stream: bytes, saboteur: Saboteur) -> tuple[object, object]:
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(stream)
        file.seek(0)
        return module.load(file), None


def from_acting_file(module: Any, stream: bytes, saboteur: Saboteur) -> tuple[object, object]:
    unpickler = acting_unpickler(module.Unpickler, saboteur, ActingFile(stream, saboteur))
    return unpickler.load(), unpickler.memo.copy()


ALIKE = (from_bytes, from_memory, from_buffer, from_disk)
ANYWHERE = (*ALIKE, from_acting_file)
DAMAGED = (from_memory, from_buffer, from_acting_file)  # only what whole pickles name is found


def attempt(way: Any, module: Any, stream: bytes, saboteur: Saboteur) -> str:
    """What becomes of one load: an exception, or result and memo, with the classes as they were again."""
    MODULE.saboteur = saboteur
    sys.modules["acting"] = MODULE
    try:
        result, memo = way(module, stream, saboteur)
    except Exception as exc:
        saboteur.restore()
        if not isinstance(exc, ALLOWED):
            saboteur.problems.append(f"{type(exc).__name__}: {exc}")
        return stdlib_type(exc).__name__
    finally:
        saboteur.restore()
        sabotaged(None)
        if not gc.isenabled():
            gc.enable()
            saboteur.problems.append("the collector is off")
        if exposed():
            saboteur.problems.append("a load is open")
    return f"{described(result)}\n{described(memo)}"


def check(number: int, wire: Wire) -> Iterator[str]:
    """The problems of one input."""
    chance = random.Random(number ^ 0x5EED)
    stream = make_stream(number)
    if number % 2 == 0 or wire.name == "python":
        way = chance.choice(ALIKE)
        ours, theirs = Saboteur(number, wire), Saboteur(number, None)
        expected = attempt(way, pickle, stream, theirs)
        with watched() if number % 16 == 0 else _unwatched() as found:
            got = attempt(way, wire, stream, ours)
        if got != expected:
            yield f"{way.__name__}: C pickle comes to\n{expected}\nthe engine to\n{got}"
    else:
        way = chance.choice(ANYWHERE)
        if number % 4 == 1:
            way, stream = chance.choice(DAMAGED), fuzz_reading.make_input(number)
        ours, found = Saboteur(number, wire), []
        sabotaged(ours.act)
        attempt(way, wire, stream, ours)
    if ours.unpickler is not None:
        ours.unpickler.memo.clear()
        ours.unpickler.__init__(io.BytesIO(b"K\x01."))
        if ours.unpickler.load() != 1:
            yield "the Unpickler cannot be used again"
    yield from ours.problems
    yield from found[:3]


class _unwatched:
    def __enter__(self) -> list[str]:
        return []

    def __exit__(self, *_: object) -> None:
        pass


def left() -> int:
    """How many instances of the inputs' classes there are."""
    gc.collect()
    return sum(type(obj) in CLASSES for obj in gc.get_objects())


# The children, and the parent that watches them


def read_many(options: argparse.Namespace) -> None:
    """In a child: print each problem in a line of its own."""
    wire = Wire(options.engine)
    fuzz_reading.corpus()
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a damaged stream may well call print
    gc.collect()
    gc.freeze()  # or each collection would take ten milliseconds
    before = left()
    for count, number in enumerate(fuzzing.numbers(options), 1):
        for problem in check(number, wire):
            print(f"input {number}: {problem}".replace("\n", "\n    "), file=report, flush=True)
        if count % ROUND == 0:
            now = left()
            if now - before > ROUND // 10:
                print(f"input {number}: {now - before} instances are left of the last {ROUND}", file=report)
            before = now


def problems(engine_name: str, first: int, count: int) -> Iterator[str]:
    """What is wrong with the `count` inputs from number `first` on, one text for each problem."""

    def explain(printed: str) -> Iterator[str]:
        if printed:
            yield printed.rstrip()

    return fuzzing.watch(__file__, engine_name, first, count, explain)


def main() -> None:
    parser = fuzzing.command(__doc__)
    parser.set_defaults(inputs=200_000)
    options = parser.parse_args()
    if options.child is not None:
        read_many(options)
    else:
        fuzzing.report(problems(options.engine, options.first, options.inputs), options.inputs)


if __name__ == "__main__":
    main()
