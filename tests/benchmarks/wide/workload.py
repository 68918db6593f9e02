"""What a row of the wide suite is, and the ways in which its object is written and read."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

#: What stands where the module ``pickle`` would: it has dumps, loads, Pickler and so on.
Side = Any

#: A function of one argument, and the argument: what is timed.
Timed = tuple[Callable[[Any], object], object]


class Way:
    """How an object is written and read: here by one call of dumps and one of loads."""

    def writing(self, side: Side, obj: object, protocol: int) -> Timed:
        if protocol == pickle.DEFAULT_PROTOCOL:  # nothing in between: the smallest calls would show it
            return side.dumps, obj
        dumps = side.dumps
        return lambda obj: dumps(obj, protocol), obj

    def reading(self, side: Side, obj: object, protocol: int) -> Timed:
        return side.loads, self.stream(obj, protocol)

    def stream(self, obj: object, protocol: int) -> bytes:
        """What is read, written by the standard library."""
        return pickle.dumps(obj, protocol)


class Workload(NamedTuple):
    """One row.

    make      makes the object
    protocol  None: the running Python's default
    way       how it is written and read
    dumps, loads    whether that direction is measured
    copying   what is measured is copying, or the object's own constructor in Python
    plain     the data types of JSON: marshal and msgpack can write it too
    """

    group: str
    name: str
    make: Callable[[], object]
    protocol: int | None = None
    way: Way = Way()
    dumps: bool = True
    loads: bool = True
    copying: bool = False
    plain: bool = False

    def writing(self, side: Side) -> Timed:
        return self.way.writing(side, self.make(), self.protocol_number)

    def reading(self, side: Side) -> Timed:
        return self.way.reading(side, self.make(), self.protocol_number)

    @property
    def protocol_number(self) -> int:
        return pickle.DEFAULT_PROTOCOL if self.protocol is None else self.protocol

    @property
    def least(self) -> float:
        """The standard library's time / brinery's, at least."""
        return 0.95 if self.copying else 1.0


class Optimized(Way):
    """Without the memo's entries that nothing asks for, as pickletools.optimize() leaves a stream."""

    def stream(self, obj: object, protocol: int) -> bytes:
        return pickletools.optimize(pickle.dumps(obj, protocol))


class Buffered(Way):
    """Read from another kind of buffer than bytes."""

    def __init__(self, buffer: Callable[[bytes], object]) -> None:
        self.buffer = buffer

    def reading(self, side: Side, obj: object, protocol: int) -> Timed:
        return side.loads, self.buffer(self.stream(obj, protocol))


class InMemoryFile(Way):
    """dump() into a new BytesIO, load() from one."""

    def writing(self, side: Side, obj: object, protocol: int) -> Timed:
        dump = side.dump

        def written(obj: object) -> bytes:
            file = io.BytesIO()
            dump(obj, file, protocol)
            return file.getvalue()

        return written, obj

    def reading(self, side: Side, obj: object, protocol: int) -> Timed:
        load = side.load
        return lambda stream: load(io.BytesIO(stream)), self.stream(obj, protocol)


class File(Way):
    """A file on disk (or what `opened` makes of its path), which is written and read again and again."""

    def __init__(self, path: Path, opened: Callable[[Path, str], Any]) -> None:
        self.path, self.opened = path, opened

    def writing(self, side: Side, obj: object, protocol: int) -> Timed:
        file, dump = self.opened(self.path.with_suffix(".written"), "wb"), side.dump

        def written(obj: object) -> None:
            file.seek(0)
            dump(obj, file, protocol)

        return written, obj

    def reading(self, side: Side, obj: object, protocol: int) -> Timed:
        with self.opened(self.path, "wb") as file:
            file.write(self.stream(obj, protocol))
        file, load = self.opened(self.path, "rb"), side.load

        def read(file: Any) -> object:
            file.seek(0)
            return load(file)

        return read, file


class ManyFromOneFile(File):
    """The object is a list, of which each item is a pickle of its own, one behind the other in one file."""

    def reading(self, side: Side, obj: Any, protocol: int) -> Timed:
        with self.opened(self.path, "wb") as file:
            for item in obj:
                file.write(self.stream(item, protocol))
        file, load, count = self.opened(self.path, "rb"), side.load, len(obj)

        def read(file: Any) -> object:
            file.seek(0)
            return [load(file) for _ in range(count)]

        return read, file


class OnePickler(Way):
    """The object is a list: a new Pickler writes its items one by one, and a new Unpickler reads them."""

    def __init__(self, clear_memo: bool = False) -> None:
        self.clear_memo = clear_memo

    def writing(self, side: Side, obj: object, protocol: int) -> Timed:
        pickler_class, clear_memo = side.Pickler, self.clear_memo

        def written(items: Any) -> bytes:
            file = io.BytesIO()
            pickler = pickler_class(file, protocol)
            for item in items:
                pickler.dump(item)
                if clear_memo:
                    pickler.clear_memo()
            return file.getvalue()

        return written, obj

    def reading(self, side: Side, obj: Any, protocol: int) -> Timed:
        unpickler_class, count = side.Unpickler, len(obj)
        function, argument = self.writing(pickle, obj, protocol)

        def read(stream: bytes) -> object:
            unpickler = unpickler_class(io.BytesIO(stream))
            return [unpickler.load() for _ in range(count)]

        return read, function(argument)


class PicklerEach(Way):
    """The object is a list, of which each item gets a Pickler, or an Unpickler, of its own."""

    def writing(self, side: Side, obj: object, protocol: int) -> Timed:
        pickler_class = side.Pickler

        def written(items: Any) -> None:
            for item in items:
                pickler_class(io.BytesIO(), protocol).dump(item)

        return written, obj

    def reading(self, side: Side, obj: Any, protocol: int) -> Timed:
        unpickler_class = side.Unpickler

        def read(streams: Any) -> object:
            return [unpickler_class(io.BytesIO(stream)).load() for stream in streams]

        return read, [self.stream(item, protocol) for item in obj]


class OutOfBand(Way):
    """Buffers beside the stream (PEP 574)."""

    def writing(self, side: Side, obj: object, protocol: int) -> Timed:
        dumps = side.dumps
        return lambda obj: dumps(obj, 5, buffer_callback=[].append), obj

    def reading(self, side: Side, obj: object, protocol: int) -> Timed:
        buffers: list[pickle.PickleBuffer] = []
        stream, loads = pickle.dumps(obj, 5, buffer_callback=buffers.append), side.loads
        return lambda stream: loads(stream, buffers=buffers), stream
