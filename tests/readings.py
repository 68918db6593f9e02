"""What the tests of reading share: outcomes to compare, kinds of files, child processes, measured memory."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path


def outcome(load: Callable[[bytes], object], data: bytes) -> tuple[str, str]:
    """The object with its type, or the type of error; UnpicklingError's own subclasses count as it."""
    try:
        found = load(data)
    except pickle.UnpicklingError:
        return "error", "UnpicklingError"
    except Exception as exc:
        return "error", type(exc).__name__
    if isinstance(found, BaseException):
        return type(found).__name__, f"{found.args} {vars(found)}"
    return type(found).__name__, repr(found.tolist() if isinstance(found, memoryview) else found)


class ReadOnlyFile:
    """A file with nothing but read and readline."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def readline(self) -> bytes:
        return self._file.readline()


class Pipe(ReadOnlyFile):
    """A file that gives a few bytes at a time, as a pipe may."""

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, 3))


class ReadintoPipe(Pipe):
    """The same with readinto."""

    def readinto(self, target: memoryview) -> int:
        data = self._file.read(min(len(target), 3))
        target[: len(data)] = data
        return len(data)


def small_buffer(data: bytes) -> io.BufferedReader:
    """A file with peek that shows little at a time."""
    return io.BufferedReader(io.BytesIO(data), 16)


#: Each kind of file that a reader may meet.
FILES: tuple[Callable[[bytes], object], ...] = (
    io.BytesIO,
    ReadOnlyFile,
    Pipe,
    ReadintoPipe,
    small_buffer,
    lambda data: io.BufferedReader(io.BytesIO(data)),
)


def peak(action: Callable[[], object]) -> int:
    """The most bytes that were allocated at once while `action` ran, whatever it raised."""
    tracemalloc.start()
    try:
        action()
    except Exception:
        pass
    finally:
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return result


def run_child(engine: str, program: str) -> str:
    """What `program` prints in a process of its own, where ``wire`` is that engine; a crash is a failure."""
    prelude = f"from engines import Wire; wire = Wire({engine!r})\n"
    child = subprocess.run(
        [sys.executable, "-c", prelude + program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        timeout=120,
        check=False,
    )
    assert child.returncode == 0, f"status {child.returncode}: {child.stderr[-2000:]}"
    return child.stdout.strip()
