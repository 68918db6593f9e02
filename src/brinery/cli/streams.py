"""Where a command reads a pickle from, and what it says where there is none."""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from brinery.cli.problems import Problem
from brinery.errors import ReadError
from brinery.stream.containers import pickles_in
from brinery.stream.kinds import LONGEST_MAGIC, no_pickle, recognise
from brinery.stream.packing import unpacked

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

__all__ = [
    "FILE_HELP",
    "Stream",
    "add_file_argument",
    "explain_fault",
    "open_stream",
    "open_streams",
]

FILE_HELP = "a file of one or more pickles, perhaps compressed; - reads standard input"

_WORTH_A_BAR = 8_000_000  # bytes


def add_file_argument(parser: argparse.ArgumentParser) -> None:
    """The one argument of every command that reads a pickle."""
    parser.add_argument("file", metavar="FILE", help=FILE_HELP)


class Stream:
    """A binary file that remembers how it began, and shows on a terminal how far it has come."""

    def __init__(self, file: IO[bytes], where: str = "") -> None:
        self._file = file
        self.where = where
        self.beginning = b""
        self._bar: _Bar | None = None

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        data = self._file.read(size)
        if len(self.beginning) < LONGEST_MAGIC:
            self.beginning += data[: LONGEST_MAGIC - len(self.beginning)]
        if self._bar is not None:
            self._bar.show()
        return data

    def watch(self, file: IO[bytes]) -> None:
        """Show how far `file`, which this one reads, has come, if that is worth it."""
        self._bar = _Bar.of(file)

    def done(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.end()


class _Bar:
    """A bar on standard error, for a long file and where that is a terminal."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size
        self._began = self._next = time.monotonic()

    @classmethod
    def of(cls, file: IO[bytes]) -> _Bar | None:
        try:
            status = os.fstat(file.fileno())
        except (OSError, AttributeError):
            return None
        long = stat.S_ISREG(status.st_mode) and status.st_size >= _WORTH_A_BAR
        return cls(file, status.st_size) if long and sys.stderr.isatty() else None

    def show(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 0.1
        done = self._file.tell()
        speed = done / 1e6 / max(now - self._began, 1e-3)
        filled = round(30 * done / self._size)
        bar = "#" * filled + "." * (30 - filled)
        print(
            f"\r[{bar}] {100 * done // self._size:>3} % of {self._size / 1e6:,.0f} MB, {speed:,.0f} MB/s ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def end(self) -> None:
        print("\r" + " " * 78 + "\r", end="", file=sys.stderr, flush=True)


@contextmanager
def open_stream(name: str, *, bar: bool = True) -> Iterator[Stream]:
    """The file called `name`, to be read inside the block; what goes wrong there becomes a Problem.

    With `bar`, a long file shows how far it has come; not where lines are printed meanwhile. What is
    compressed is decompressed. A container of several files is a Problem.
    """
    where = "standard input" if name == "-" else name
    with problems(where):
        if name == "-":
            stream = Stream(unpacked(sys.stdin.buffer))
            with _reading(where, stream):
                yield stream
            return
        with open(name, "rb") as file:
            kind = recognise(file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC])
            if kind is not None and not kind.packed:
                raise Problem(f"{where}: {no_pickle(file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC])}")
            stream = Stream(unpacked(file))
            if bar:
                stream.watch(file)
            with _reading(where, stream):
                yield stream


def open_streams(name: str) -> Iterator[Stream]:
    """The pickles that the file called `name` is or holds, one after the other.

    What goes wrong with the file becomes a Problem; what is wrong with one pickle is the caller's.
    """
    if name == "-":
        with open_stream(name) as stream:
            yield stream
        return
    with problems(name):
        for found in pickles_in(name):
            stream = Stream(found.file, found.where)
            stream.watch(found.file)
            try:
                yield stream
            finally:
                stream.done()


@contextmanager
def problems(where: str) -> Iterator[None]:
    """What goes wrong with the file called `where` while it is read becomes a Problem."""
    try:
        yield
    except BrokenPipeError:
        raise  # that is the output's, not this file's
    except Problem:
        raise
    except OSError as failed:
        text = failed.strerror or _damaged(where, failed)
        raise Problem(f"{where}: {text}") from failed
    except Exception as damage:
        if not isinstance(damage, (ValueError, EOFError, *_damages())):
            raise
        raise Problem(f"{where}: {_damaged(where, damage)}") from damage


@contextmanager
def _reading(where: str, stream: Stream) -> Iterator[None]:
    try:
        yield
    except ReadError as fault:
        raise Problem(f"{where}: {explain_fault(fault, stream)}") from fault
    finally:
        stream.done()


def _damages() -> Iterator[type[Exception]]:
    """What decompressing raises for damage; of modules that are loaded, for others raise nothing."""
    for module, name in (("zlib", "error"), ("lzma", "LZMAError"), ("compression.zstd", "ZstdError")):
        if module in sys.modules:
            yield getattr(sys.modules[module], name)


def _damaged(where: str, damage: Exception) -> str:
    known = no_pickle(_beginning(where))
    return f"{known}. It is damaged, or no such thing: {damage}" if known else str(damage)


def _beginning(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read(LONGEST_MAGIC)
    except OSError:
        return b""


def explain_fault(fault: ReadError, stream: Stream) -> str:
    """What is wrong with the stream, and for a file that is no pickle, what it is."""
    beginning = stream.beginning
    if not beginning:
        return "the file is empty; a pickle has at least two bytes"
    text = str(fault)
    known = no_pickle(beginning, fault.pickle_offset, text)
    if known:
        return known
    for note in getattr(fault, "__notes__", ()):
        text += f" ({note.removeprefix('while unpickling, ')})"
    if beginning[0] != 0x80 and getattr(fault, "pickle_offset", 0) < 16:
        text += ". Is it a pickle at all?"
    return text
