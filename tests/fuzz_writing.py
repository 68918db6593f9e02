"""Writes graphs whose objects change everything around them while they are written: no crash, no nonsense.

    python tests/fuzz_writing.py                             a million graphs for the compiled engine
    python tests/fuzz_writing.py --engine python --inputs 10000
    python tests/fuzz_writing.py --from 4711 --inputs 1      one graph again

A graph is its number. One in four is inert, and its pickle has to be C pickle's, byte for byte. In all
others user code runs wherever it can (reducers, state, hooks, tables, iterators, the file, finalizers,
even the garbage collector) and changes what is being written, lets go of it, replaces classes, registers
reducers, pickles in the middle of a pickle, or raises. Such a dump may fail with an exception that a user
could have raised; what it writes must be a sound pickle; and the next dump must be in order.

The graphs are written in child processes with little memory and a time limit, thousands in each, so that what
leaks shows as well.
"""

from __future__ import annotations

import argparse
import collections
import copyreg
import gc
import io
import pickle
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import fuzzing
import graphs
from engines import PLAIN_WRITE, Wire
from outcomes import stdlib_type
from user_code import exposed, sabotaged

from brinery import engine
from brinery.plan import TypeRule, WritePlan

#: User code that runs within user code, so deep.
MOST_INSIDE = 3
#: What may come out of a dump during which user code meddles: that code's own errors, and refusals.
ALLOWED = (
    *(AttributeError, BufferError, IndexError, KeyError, LookupError, OSError, OverflowError, RecursionError),
    *(RuntimeError, StopIteration, TypeError, ValueError, pickle.PicklingError),
)


class Raised(LookupError):
    """What user code raises on purpose."""


# The classes: new ones for each graph, as many are changed, and a class's address is used again.


def reduction(world: World, obj: object) -> Any:
    """What a reducer of `obj` gives: of every shape, and sometimes of none that is allowed."""
    r = world.random
    kind = r.randrange(16) if world.calm else 0
    if kind <= 4:
        return int, ("1",)
    if kind == 5:
        return list, (), None, world.iterator(False), None
    if kind == 6:
        return dict, (), None, None, world.iterator(True)
    if kind == 7:
        return list, (), world.something(), None, None, graphs.set_value
    if kind == 8:
        return copyreg.__newobj__, (type(obj), world.something()), world.something()
    if kind == 9:
        return copyreg.__newobj_ex__, (type(obj), (world.something(),), {"key": world.something()})
    if kind == 10:
        return Raised, (obj, world.something())
    if kind == 11:
        return Raised, (world.something(),), world.something()
    if kind == 12:
        return "Raised"
    if kind == 13:
        return r.choice([None, 7, "no such name", (), (int,), (int, None), (1, ()), (int, (), 1, 2, 3, 4, 5)])
    if kind == 14:
        return (
            Raised,
            world.a_tuple(),
            None,
            world.iterator(r.random() < 0.1),
            world.iterator(r.random() < 0.9),
        )
    return Raised, (), (world.something(), {"slot": world.something()})


def make_classes(world: World) -> dict[str, type]:
    def hook(self: object, *args: object) -> Any:
        world.meddle()
        return reduction(world, self)

    def state(self: object) -> Any:
        world.meddle()
        return world.random.choice([None, False, world.something(), getattr(self, "__dict__", 1)])

    def arguments(self: object) -> Any:
        world.meddle()
        return world.random.choice([(), world.a_tuple(), (self,), None])

    def with_keywords(self: object) -> Any:
        world.meddle()
        return world.random.choice([((), {}), (world.a_tuple(), {"key": world.something()}), ((self,), {})])

    def finalize(self: object) -> None:
        world.meddle()

    def attribute(self: object, name: str) -> Any:
        world.meddle()
        return object.__getattribute__(self, name)

    def equal(self: object, other: object) -> bool:
        world.meddle()
        return self is other

    def hashed(self: object) -> int:
        world.meddle()
        return 7

    def pretend(self: object) -> type:
        world.meddle()
        return type(self)

    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            world.meddle()
            return type.__getattribute__(cls, name)

    bodies: dict[str, tuple[type, tuple[type, ...], dict[str, Any]]] = {
        "Plain": (type, (), {}),
        "Slots": (type, (), {"__slots__": ("left", "right", "third")}),
        "SlotsAndDict": (type, (), {"__slots__": ("left", "__dict__")}),
        "Reduces": (type, (), {"__reduce__": hook}),
        "ReducesEx": (type, (), {"__reduce_ex__": hook}),
        "HasState": (type, (), {"__getstate__": state}),
        "HasArguments": (type, (), {"__getnewargs__": arguments}),
        "HasKeywords": (type, (), {"__getnewargs_ex__": with_keywords}),
        "Finalizes": (type, (), {"__del__": finalize}),
        "FinalizesSlots": (type, (), {"__slots__": ("left", "right"), "__del__": finalize}),
        "GetsAttributes": (type, (), {"__getattribute__": attribute}),
        "Compares": (type, (), {"__eq__": equal, "__hash__": hashed}),
        "Pretends": (type, (), {"__class__": property(pretend)}),
        "OfMeta": (Meta, (), {}),
        "List": (type, (list,), {}),
        "Dict": (type, (dict,), {}),
        "Tuple": (type, (tuple,), {}),
        "Text": (type, (str,), {"__hash__": hashed, "__eq__": equal}),
    }
    made: dict[str, type] = {}
    for name, (meta, bases, body) in bodies.items():
        full = f"Made{name}"
        made[name] = meta(full, bases, {"__module__": __name__, "__qualname__": full, **body})
        globals()[full] = made[name]
    return made


def empty(mapping: dict[object, object]) -> None:
    if sys.version_info < (3, 13):
        mapping.clear()
        return
    # There, clear() goes on with an instance's values that a finalizer has freed meanwhile.
    for key in list(mapping):
        mapping.pop(key, None)


class World:
    """One graph, and all that happens while it is written. Everything comes out of one seeded generator."""

    def __init__(self, number: int, wire: Wire) -> None:
        self.number, self.random, self.wire = number, random.Random(number), wire
        self.exposed = False
        self.budget = 0  # how often user code may still do something; while the graph grows, never
        self.calm = True  # whether reducers may still give more to write
        self.inside = 0
        self.containers: list[Any] = []
        self.classes = make_classes(self)
        self.patched: list[type] = []
        self.pickler: Any = None
        self.pads = [f"pad {i}" for i in range(self.random.choice((3, 3, 3, 3, 1500)))]
        self.root = [self.grow(self.random.choice((2, 3, 4, 5))) for _ in range(self.random.randint(1, 4))]
        self.containers.append(self.root)
        for _ in range(self.random.choice((0, 0, 0, 0, 0, 60, 300))):
            self.root = [self.random.choice((list, tuple, lambda x: dict(enumerate(x))))([self.root])]
            self.containers.append(self.root)

    # Growing

    def grow(self, depth: int) -> Any:
        r = self.random
        if depth == 0 or r.random() < 0.15:
            return self.atom()
        kind = r.randrange(12)
        parts = [self.grow(depth - 1) for _ in range(r.choice((0, 1, 1, 2, 3, 4)))]
        made: Any
        if kind <= 2:
            made = parts if r.random() < 0.8 else self.classes["List"](parts)
        elif kind <= 4:
            keys = [self.key(n) for n in range(len(parts))]
            # No OrderedDict: on 3.11, its own iterator crashes where a key's __eq__ changes it.
            of = r.choice((dict, dict, dict, self.classes["Dict"]))
            made = of(zip(keys, parts, strict=True))
        elif kind == 5:
            return r.choice((tuple, tuple, self.classes["Tuple"]))(parts)
        elif kind == 6:
            made = set()
            for n in range(r.randrange(6)):
                made.add(self.key(n))
            made = r.choice((set, frozenset))(made)
        elif kind == 7:
            made = collections.deque(parts)
        elif kind == 8:
            return PARTIAL(len, *parts)
        else:
            made = self.instance(parts)
        if r.random() < 0.1 and self.containers:
            parts.append(r.choice(self.containers))
        if not isinstance(made, frozenset):
            self.containers.append(made)
        return (made, made) if r.random() < 0.1 else made

    def instance(self, parts: list[Any]) -> Any:
        made = object.__new__(self.random.choice(self.kinds()))
        for name, part in zip(("left", "right", "third", "fourth"), parts, strict=False):
            try:
                object.__setattr__(made, name, part)
            except AttributeError:
                break
        return made

    def kinds(self) -> list[type]:
        return [cls for cls in self.classes.values() if cls.__base__ is object]

    def key(self, n: int) -> Any:
        r = self.random
        kind = r.randrange(8)
        if kind == 0:
            return object.__new__(self.classes["Compares"])
        if kind == 1:
            return self.classes["Text"](f"text {n}")
        if kind == 2:
            return object.__new__(self.classes["Reduces"])
        if kind == 3:
            return n, f"in a tuple {n}"
        return r.choice((n, f"key {n}", f"ключ {n}", float(n), b"%d" % n))

    def atom(self) -> Any:
        r = self.random
        kind = r.randrange(60)
        if kind == 0:
            return r.choice(("x" * 70_000, b"x" * 70_000, bytearray(70_000), "ü" * 33_000))
        if kind == 1:
            return self.pads
        if kind <= 4:
            return r.choice((pickle.PickleBuffer(b"data"), pickle.PickleBuffer(bytearray(b"data" * 10))))
        if kind <= 7:
            return r.choice(
                (bytearray(b"bytes"), frozenset([1, ()]), range(3), iter([1, 2]), 1 << 70, Ellipsis)
            )
        if kind <= 10:
            return r.choice([int, graphs.function, Raised, self.classes["OfMeta"], self.classes["Plain"]])
        if kind <= 14:
            return graphs.make_family(r)
        if kind <= 40:
            return self.instance([r.choice((1, "text", [], {}))] * r.randrange(4))
        return r.choice((1, -1, 300, 1 << 40, 1.5, None, True, "text", "ключ", b"bytes", [], {}, (), ""))

    # What user code does

    def something(self) -> Any:
        r = self.random
        # Without a memo, a list that holds another forty times writes it forty times, and so on inwards.
        if r.random() < 0.5 and not (self.pickler is not None and self.pickler.fast):
            return r.choice(self.containers)
        return r.choice((1, "text", [[]], (1, "two", []), {"key": []}, "x" * 300, frozenset([(1, 2)])))

    def a_tuple(self) -> tuple[Any, ...]:
        return tuple(self.something() for _ in range(self.random.randrange(5)))

    def iterator(self, pairs: bool) -> Iterator[Any]:
        for n in range(self.random.choice((0, 1, 2, 3, 5, 1001))):
            if n < 5:
                self.meddle()
                yield (n, self.something()) if pairs else self.something()
            else:
                yield (n, n) if pairs else n

    def meddle(self) -> None:
        self.exposed = self.exposed or exposed() > 0
        if self.budget <= 0 or self.inside >= MOST_INSIDE:
            return
        self.budget -= 1
        self.calm = self.budget > 0
        self.inside += 1
        try:
            for _ in range(self.random.choice((0, 1, 1, 2))):
                self.random.choice(ACTS)(self)
        finally:
            self.inside -= 1

    def change_a_container(self) -> None:
        r = self.random
        c = r.choice(self.containers)
        if isinstance(c, (list, collections.deque)):
            kind = r.randrange(6)
            if kind == 0:
                c.clear()
            elif kind == 1:
                c.extend([self.something()] * r.choice((1, 2, 40)))
            elif kind == 2 and c:
                del c[0]
            elif kind == 3 and c:
                c.pop()
            elif kind == 4 and c:
                c[r.randrange(len(c))] = self.something()
            else:
                c.reverse()
        elif isinstance(c, dict):
            kind = r.randrange(6)
            if kind == 0:
                empty(c)
            elif kind == 1:
                c.update({self.key(n): self.something() for n in range(r.choice((1, 3, 20)))})
            elif kind == 2 and c:
                c.popitem()
            elif kind == 3 and c:
                c[next(iter(c))] = self.something()
            elif kind == 4 and c:
                before = list(c.items())
                empty(c)
                c.update(before)
            elif c:
                del c[next(iter(c))]
        elif isinstance(c, set):
            kind = r.randrange(3)
            if kind == 0:
                c.clear()
            elif kind == 1:
                keys = [self.key(n) for n in range(8)]
                # No key's __eq__ may change a set that is being changed: from 3.11 to 3.13 the set then
                # miscounts its keys, and crashes when it goes.
                inside, self.inside = self.inside, MOST_INSIDE
                try:
                    c.update(keys)
                finally:
                    self.inside = inside
            elif c:
                c.pop()
        elif type(c) is not tuple:
            self.change_an_instance(c)

    def change_an_instance(self, obj: Any) -> None:
        r = self.random
        kind = r.randrange(7)
        name = r.choice(("left", "right", "third", f"new{r.randrange(40)}"))
        if kind == 0:
            object.__setattr__(obj, name, self.something())
        elif kind == 1:
            object.__delattr__(obj, name)
        elif kind == 2:
            obj.__dict__ = {name: self.something()}
        elif kind == 3:
            empty(obj.__dict__)
        elif kind == 4:
            self.containers.append(obj.__dict__)
        elif kind == 5:
            object.__setattr__(obj, "__class__", r.choice(self.kinds()))
        else:
            for n in range(40):  # beyond what inline values hold
                object.__setattr__(obj, f"more{n}", n)

    def let_go(self) -> None:
        """Of all that is not in the graph itself."""
        self.containers[:] = self.containers[: self.random.randrange(2)] or [[]]
        if self.random.random() < 0.3:
            self.root.clear()

    def change_a_class(self) -> None:
        r = self.random
        cls = r.choice(self.kinds())
        kind = r.randrange(6)
        if kind == 0:
            cls.__reduce__ = lambda obj: (int, ("2",))  # type: ignore[method-assign,assignment]
        elif kind == 1:
            cls.__getstate__ = lambda obj: {"state": 1}  # type: ignore[attr-defined]
        elif kind == 2:
            cls.attribute = self.something()  # type: ignore[attr-defined]
        elif kind == 3:
            del cls.__reduce__
        elif kind == 4:
            self.classes.update(make_classes(self))
        else:
            copyreg.dispatch_table[cls] = lambda obj: reduction(self, obj)
            self.patched.append(cls)

    def pickle_within(self) -> None:
        """In the middle of a dump: with another Pickler, and with this one, which has to refuse."""
        r = self.random
        kind = r.randrange(7)
        if kind <= 1:
            self.wire.dumps(self.something(), r.randrange(6))
        elif kind == 2:
            self.wire.dump(r.choice(self.containers), io.BytesIO(), r.randrange(6))
        elif self.pickler is None:
            return
        elif kind == 3:
            self.pickler.dump([1])
        elif kind == 4:
            self.pickler.clear_memo()
        elif kind == 5:
            self.pickler.memo.copy()
        else:
            self.pickler.__init__(io.BytesIO(), 4)

    def raise_something(self) -> None:
        raise self.random.choice((Raised, Raised, KeyError, AttributeError, RuntimeError, StopIteration))(
            "why"
        )

    def make_garbage(self) -> None:
        """Cycles whose finalizers run when the collector does, at any allocation from then on."""
        for _ in range(3):
            obj = object.__new__(self.classes["Finalizes"])
            object.__setattr__(obj, "left", [obj, self.something()])

    # Dumping

    def hooks(self) -> dict[str, Any]:
        r = self.random
        hooks: dict[str, Any] = {}

        def persistent_id(pickler: object, obj: object) -> Any:
            if r.random() < 0.2:
                self.meddle()
            return r.choice(("id", 7, ("a", "tuple"), [])) if r.random() < 0.03 else None

        def reducer_override(pickler: object, obj: object) -> Any:
            self.meddle()
            return reduction(self, obj) if r.random() < 0.2 else NotImplemented

        class Table(dict[type, Any]):
            def __getitem__(table, cls: type) -> Any:
                self.meddle()
                return dict.__getitem__(table, cls)

        if r.random() < 0.25:
            hooks["persistent_id"] = persistent_id
        if r.random() < 0.25:
            hooks["reducer_override"] = reducer_override
        if r.random() < 0.25:
            table = r.choice((dict, Table, collections.ChainMap))()
            table[self.classes["Plain"]] = lambda obj: (self.meddle(), reduction(self, obj))[1]
            hooks["dispatch_table"] = table
        return hooks

    def plan(self) -> WritePlan:
        if self.random.random() < 0.6:
            return PLAIN_WRITE
        return WritePlan(rules=Rules(self))  # type: ignore[arg-type]

    def buffer_callback(self, buffer: object) -> bool:
        self.meddle()
        return self.random.random() < 0.5

    def write(self) -> list[bytes]:
        """Dump the graph two or three times with one Pickler; the streams of those that succeeded."""
        r = self.random
        module = engine.get(self.wire.name)
        plan, hooks = self.plan(), self.hooks()
        protocol = r.choice((0, 1, 2, 3, 4, 4, 4, 5, 5, 5))
        callback = self.buffer_callback if protocol == 5 and r.random() < 0.5 else None
        found: list[bytes] = []
        file = File(self)
        if r.random() < 0.4:
            dumper = module.Dumper(lambda: plan)
            once: Callable[[], Any] = partial(dumper.dumps, self.root, protocol, buffer_callback=callback)
            if r.random() < 0.3:
                once = partial(dumper.dump, self.root, file, protocol, buffer_callback=callback)
        else:
            cls = type("Pickler", (module.Pickler,), {"_plan_source": staticmethod(lambda: plan), **hooks})
            self.pickler = cls(file, protocol, buffer_callback=callback)
            if r.random() < 0.05:
                self.pickler.fast = True
            once = partial(self.pickler.dump, self.root)
        for _ in range(3):
            self.budget = r.choice((0, 3, 10, 30))
            self.calm = True
            # In one graph of three, the same code runs wherever the compiled engine says that any may run.
            sabotaged(self.meddle if self.number % 3 == 1 else None)
            try:
                data = once()
            except ALLOWED:
                # The exception holds objects whose finalizers would dump with the Pickler, now free again.
                self.budget = 0
                data = None
            else:
                found.append(file.whole() if data is None else data)
            finally:
                sabotaged(None)
            self.budget = 0
            file.begin_anew()
            if self.pickler is not None and r.random() < 0.5:
                self.pickler.clear_memo()
                found.append(b"")  # the memo of what is read next is empty too
        return found

    def close(self) -> None:
        self.budget = 0
        for cls in self.patched:
            copyreg.dispatch_table.pop(cls, None)
        self.containers.clear()
        self.root = []


PARTIAL = partial

ACTS: tuple[Callable[[World], None], ...] = (
    *(World.change_a_container,) * 12,
    *(World.let_go,) * 3,
    *(World.change_a_class,) * 2,
    *(World.pickle_within,) * 2,
    World.raise_something,
    *(World.make_garbage,) * 2,
    lambda world: gc.collect(0) and None,
)


class Rules:
    """A rule table that has something to say about some of the types, and meddles when asked."""

    def __init__(self, world: World) -> None:
        self.world = world

    def epoch(self) -> int | None:
        self.world.meddle()
        return self.world.random.choice((None, 1, 2))

    def rule_for(self, cls: type) -> TypeRule | None:
        world = self.world
        world.meddle()

        def claim(obj: object, dump: object) -> object:
            world.meddle()
            return world.random.choice((None, None, None, "an ID"))

        def override(obj: object) -> object:
            world.meddle()
            return NotImplemented if world.random.random() < 0.7 else reduction(world, obj)

        if world.random.random() < 0.5:
            return None
        return TypeRule(claim, (override, override), partial(reduction, world))


class File(io.BytesIO):
    """A file whose write meddles."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def write(self, data: Any) -> int:
        self.world.meddle()
        return super().write(data)

    def whole(self) -> bytes:
        return self.getvalue()

    def begin_anew(self) -> None:
        self.seek(0)
        self.truncate()


def unsound(number: int, found: list[bytes]) -> Iterator[str]:
    """Walk the streams with the Python engine, one memo for all of them."""
    file = io.BytesIO()
    unpickler: Any = None
    for data in found:
        if not data:
            unpickler = None
            continue
        if unpickler is None:
            unpickler = engine.get("python").Unpickler(file, buffers=iter([b""] * 10_000))
            unpickler.persistent_load = []
        file.seek(0)
        file.truncate()
        file.write(data)
        file.seek(0)
        try:
            unpickler.noload()
        except Exception as exc:
            yield f"graph {number}: {exc!r}\n    {data[:2000]!r}"
        else:
            if file.read():
                yield f"graph {number}: bytes behind the end"


def compare(number: int, wire: Wire) -> Iterator[str]:
    """An inert graph: what C pickle writes, or the type of what it raises."""
    graph = graphs.grow(number, size=12, buffers=number % 5 == 0)

    def outcome(dumps: Callable[..., bytes], protocol: int) -> object:
        try:
            return dumps(graph, protocol)
        except Exception as exc:
            return stdlib_type(exc)

    def by_file(graph: object, protocol: int) -> bytes:
        file = io.BytesIO()
        wire.Pickler(file, protocol).dump(graph)
        return file.getvalue()

    protocol = number // 4 % 6
    theirs = outcome(pickle.dumps, protocol)
    for ours in (outcome(wire.dumps, protocol), outcome(by_file, protocol)):
        if ours != theirs:
            yield f"graph {number}, protocol {protocol}\n ours   {ours!r:.2000}\n theirs {theirs!r:.2000}"


def write_one(number: int, wire: Wire) -> list[str]:
    if number % 4 == 0:
        return list(compare(number, wire))
    world = World(number, wire)
    # Every so often the collector runs at each allocation or so, and finalizers anywhere.
    gc.set_threshold(*world.random.choice(((700, 10, 10), (700, 10, 10), (50, 5, 5), (10, 3, 20))))
    try:
        found = list(unsound(number, world.write()))
        return (
            found + [f"graph {number}: user code ran where the writer was not ready for it"] * world.exposed
        )
    finally:
        gc.set_threshold(700, 10, 10)
        world.close()


def write_many(options: argparse.Namespace) -> None:
    """In a child: print what is wrong."""
    sys.unraisablehook = lambda unraisable: None  # finalizers may raise as well
    wire = Wire(options.engine)
    gc.freeze()  # so that collecting at each allocation does not take forever
    for number in fuzzing.numbers(options):
        for problem in write_one(number, wire):
            print(problem, flush=True)


def problems(engine_name: str, first: int, count: int) -> Iterator[str]:
    """What is wrong with writing the `count` graphs from number `first` on, one text for each problem."""

    def explain(printed: str) -> Iterator[str]:
        return filter(None, [printed])

    return fuzzing.watch(__file__, engine_name, first, count, explain)


def main() -> None:
    options = fuzzing.command(__doc__).parse_args()
    if options.child is not None:
        write_many(options)
    else:
        fuzzing.report(problems(options.engine, options.first, options.inputs), options.inputs)


if __name__ == "__main__":
    main()
