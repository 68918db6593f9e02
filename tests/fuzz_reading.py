"""Feeds damaged pickles to an engine's reader: it may refuse them, and may not crash, hang or take memory.

    python tests/fuzz_reading.py                             a million inputs for the compiled engine
    python tests/fuzz_reading.py --engine python --inputs 10000
    python tests/fuzz_reading.py --from 4711 --inputs 1      one input again

An input is its number: the same number is the same bytes. Each is read from bytes, from a file in memory
and from a pipe-like file that has neither peek nor readinto and gives less than was asked for; and where no
store is bound, from bytes, and from files in memory, in a buffer and on disk as they are. All
have to come to the same, which for the compiled engine is what the Python engine says. (Where bytes
end in an empty payload of bytes, their UnpicklingError is taken for the EOFError that it is from a file.)

The inputs run in child processes with little memory and a time limit, thousands in each, so that what
leaks shows as well.
"""

from __future__ import annotations

import argparse
import gc
import io
import pickle
import pickletools
import random
import tempfile
from collections.abc import Callable, Iterator
from functools import cache

import fuzzing
import graphs
from outcomes import outcome

from brinery import engine
from brinery.errors import ReadError
from brinery.plan import ReadPlan

# The inputs

#: Subclasses of builtin types, and what one of each is made of.
CHILDREN = (
    (graphs.ListChild, [1, "two"]),
    (graphs.DictChild, {"one": 1}),
    (graphs.SetChild, (1, "two")),
    (graphs.FrozensetChild, (1, "two")),
    (graphs.TupleChild, (1, "two")),
    (graphs.IntChild, 300),
    (graphs.StrChild, "text"),
    (graphs.FloatChild, 0.5),
    (graphs.Trouble, "message"),
)


def children(seed: int) -> object:
    """Instances of a few subclasses of builtin types, with attributes, several of each in turn."""
    chance = random.Random(seed)
    kinds = chance.sample(CHILDREN, 2)
    made: list[object] = []
    for number in range(chance.randrange(3, 8)):
        cls, content = kinds[number % 2] if chance.random() < 0.8 else chance.choice(CHILDREN)
        new: object = cls(content)  # type: ignore[call-arg]
        for name in ("name", "value", "more")[: chance.randrange(4)]:
            setattr(new, name, chance.choice((number, f"text {number}", None, made)))
        made.append(new)
        if chance.random() < 0.2:
            made.append(chance.choice((graphs.Point(number, "y"), graphs.Colour.RED, vars(new))))
    return made


def instances(seed: int) -> object:
    """Objects with state in all its forms: what readers treat specially, and graphs hold little of."""
    chance = random.Random(seed)
    made: list[object] = []
    for number in range(chance.randrange(2, 8)):
        kind = chance.choice((graphs.Plain, graphs.Record, graphs.Slotted, graphs.SlottedWithDict))
        new = object.__new__(kind)
        names = ("left", "right") if kind is graphs.Slotted else ("name", "value", "more", "left")
        for name in names[number % 2 :]:
            setattr(new, name, chance.choice((number, f"text {number}", None, made[:2], made)))
        made.append(new)
        if chance.random() < 0.3 and hasattr(new, "__dict__"):
            made.append(new.__dict__)
        if chance.random() < 0.2:
            made.append(dict.fromkeys(("one", "two", "three", "four", "five", "six"), number))
    return made


@cache
def corpus() -> tuple[tuple[bytes, ...], ...]:
    """Small whole pickles of every protocol, each as the opcodes with their arguments."""
    found = []
    for seed in range(160):
        grown = (instances, children, _grow, _grow)[seed % 4]
        graph = grown(seed)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                data = pickle.dumps(graph, protocol)
            except Exception:  # not every protocol holds every object
                continue
            if len(data) > 700:
                continue
            found.append(opcodes_of(data))
            if data[2:3] == pickle.FRAME:
                found.append(opcodes_of(data[:2] + data[11:]))
    return tuple(found)


def _grow(seed: int) -> object:
    return graphs.grow(seed, size=8, buffers=False)


def opcodes_of(data: bytes) -> tuple[bytes, ...]:
    starts = [position for _, _, position in pickletools.genops(data)]
    return tuple(data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True))


def make_input(number: int) -> bytes:
    """The input of that number."""
    chance = random.Random(number)
    pieces = list(chance.choice(corpus()))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(pieces) + 1)
        kind = chance.randrange(9)
        if kind == 0:
            pieces.insert(at, chance.choice(chance.choice(corpus())))
        elif kind == 1:
            pieces[at:at] = [pickle.BINGET + bytes([chance.randrange(12)])]
        elif kind == 2:
            pieces[at:at] = [chance.choice((pickle.BINPUT, pickle.BINGET)) + bytes([chance.randrange(40)])]
        elif kind == 3:
            pieces.insert(at, chance.choice(SHORT))
        elif kind == 4:
            del pieces[at : at + chance.randrange(1, 4)]
        elif kind == 5:
            other = chance.choice(corpus())
            start = chance.randrange(len(other))
            pieces[at:at] = other[start : start + chance.randrange(1, 12)]
        elif kind == 6 and pieces:
            a, b = chance.randrange(len(pieces)), chance.randrange(len(pieces))
            pieces[a], pieces[b] = pieces[b], pieces[a]
        else:
            pieces = [damaged_bytes(chance, b"".join(pieces))]
    return b"".join(pieces)


#: Opcodes without an argument, each equally likely, whatever pickles are made of.
SHORT = [bytes([opcode.code.encode("latin-1")[0]]) for opcode in pickletools.opcodes if opcode.arg is None]


def damaged_bytes(chance: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data or b".")
    at = chance.randrange(len(damaged))
    kind = chance.randrange(5)
    if kind == 0:
        damaged[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        damaged[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    elif kind == 2:
        del damaged[at : at + chance.randrange(1, 4)]
    elif kind == 3:
        damaged[at:at] = damaged[at : at + chance.randrange(1, 8)]
    else:
        del damaged[at:]
    return bytes(damaged)


# Reading one


class Trickle(io.RawIOBase):
    """A file that gives a few bytes at a time and cannot be looked into."""

    readinto = None  # type: ignore[assignment]

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 3) if size > 0 else size)

    def readline(self, size: int | None = -1) -> bytes:
        return self._data.readline()


class Known:
    """In the place of a plan's names: only what whole pickles name, as others may do anything."""

    def __init__(self) -> None:
        self.pairs: set[tuple[str, str]] = set()
        noted = self.pairs

        class Noting(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> object:
                noted.add((module, name))
                return super().find_class(module, name)

        for pieces in corpus():
            Noting(io.BytesIO(b"".join(pieces))).load()

    def apply(self, module: str, name: str) -> tuple[str, str]:
        if (module, name) not in self.pairs:
            raise ReadError(f"no pickle of the corpus names {module}.{name}")
        return module, name


class Stores:
    """Knows an object for every persistent ID, so that streams are walked for IDs before they are loaded."""

    def begin_load(self, *_: object) -> Stores:
        return self

    def resolve(self, pid: object, /) -> object:
        return [pid]

    def close(self, succeeded: bool, /) -> None:
        pass


#: The opcodes whose payload becomes bytes, with the size of all that is before it.
OF_BYTES = {"SHORT_BINBYTES": 2, "BINBYTES": 5, "BINBYTES8": 9, "BYTEARRAY8": 9}


def ends_in_nothing(data: bytes, refused: ReadError) -> bool:
    """Whether `data` ends in an empty payload of bytes: the one case that is another error from a file."""
    offset: int = refused.pickle_offset  # type: ignore[attr-defined]
    size = OF_BYTES.get(refused.pickle_opcode)  # type: ignore[attr-defined]
    return size is not None and offset + size == len(data) and not any(data[offset + 1 :])


class Reader:
    """One engine, by three ways into it."""

    def __init__(self, name: str, known: Known) -> None:
        module = engine.get(name)
        plan = ReadPlan(names=known, stores=Stores())  # type: ignore[arg-type]

        class Unpickler(module.Unpickler):  # type: ignore[misc,name-defined]
            _plan_source = staticmethod(lambda: plan)

        def from_bytes(data: bytes) -> object:
            try:
                return module.Loader(lambda: plan).loads(data)
            except ReadError as exc:
                if ends_in_nothing(data, exc):
                    raise EOFError from exc
                raise

        def from_memory(data: bytes) -> object:
            return Unpickler(io.BytesIO(data)).load()

        def from_pipe(data: bytes) -> object:
            return Unpickler(Trickle(data)).load()

        # Without stores nothing stands between the reader and a file: these are what most programs call.
        plain = ReadPlan(names=known)  # type: ignore[arg-type]
        loader = module.Loader(lambda: plain)

        def plainly_from_bytes(data: bytes) -> object:
            try:
                return loader.loads(data)
            except ReadError as exc:
                if ends_in_nothing(data, exc):
                    raise EOFError from exc
                raise

        def plainly_from_memory(data: bytes) -> object:
            return loader.load(io.BytesIO(data))

        def plainly_from_buffer(data: bytes) -> object:
            return loader.load(io.BufferedReader(io.BytesIO(data), 32))  # type: ignore[arg-type]

        def plainly_from_disk(data: bytes) -> object:
            with tempfile.TemporaryFile(buffering=0) as file:
                file.write(data)
                file.seek(0)
                return loader.load(file)

        self.name = name
        self.ways = (from_bytes, from_memory, from_pipe)
        self.plain_ways = (plainly_from_bytes, plainly_from_memory, plainly_from_buffer, plainly_from_disk)


def ways_of(engine_name: str) -> dict[str, Callable[[bytes], object]]:
    """All ways into the engine, and one into the Python engine, as one stands for all."""
    known = Known()
    own = Reader(engine_name, known)
    ways = {f"{own.name} {way.__name__}": way for way in (*own.ways, *own.plain_ways)}
    python = Reader("python", known)
    return ways | {f"python {way.__name__}": way for way in (python.ways[0], python.plain_ways[0])}


def disagree(found: dict[str, str]) -> bool:
    """Whether ways come to different things: those with stores among each other, and those without."""
    plain = {what for way, what in found.items() if "plainly" in way}
    return len(plain) > 1 or len({what for way, what in found.items() if "plainly" not in way}) > 1


# The children, and the parent that watches them


def read_many(options: argparse.Namespace) -> None:
    """In a child: print the number of each input that comes to different things by different ways."""
    ways = ways_of(options.engine)
    for number in fuzzing.numbers(options):
        data = make_input(number)
        if disagree({name: outcome(way, data) for name, way in ways.items()}) or not gc.isenabled():
            gc.enable()
            print(number)


def read_one(engine_name: str, number: int, way: str) -> None:
    """In a child of its own: print what one input comes to."""
    read = ways_of(engine_name)[way]
    fuzzing.guard()
    print(outcome(read, make_input(number)), "" if gc.isenabled() else "and the collector off")


def problems(engine_name: str, first: int, count: int) -> Iterator[str]:
    """What is wrong with reading the `count` inputs from number `first` on, one text for each problem."""

    def explain(printed: str) -> Iterator[str]:
        for number in map(int, printed.split()):
            yield from differences(engine_name, number)

    return fuzzing.watch(__file__, engine_name, first, count, explain)


def differences(engine_name: str, number: int) -> Iterator[str]:
    """The same once more, each way in a process of its own: an earlier input may have changed a class."""
    found = {
        way: fuzzing.run_child(__file__, ["--way", way], engine_name, number, 1).stdout.strip()
        for way in ways_of(engine_name)
    }
    if disagree(found) or "off" in "".join(found.values()):
        yield "\n    ".join([f"input {number}: {make_input(number)!r}", *map(": ".join, found.items())])


def main() -> None:
    parser = fuzzing.command(__doc__)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        read_many(options)
    elif options.way is not None:
        read_one(options.engine, options.first, options.way)
    else:
        fuzzing.report(problems(options.engine, options.first, options.inputs), options.inputs)


if __name__ == "__main__":
    main()
