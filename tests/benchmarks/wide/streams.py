"""Files of every kind, other buffers than bytes, and Picklers and Unpicklers that are used again."""

from __future__ import annotations

import array
import atexit
import gzip
import mmap
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .classes import Plain
from .data import json_records
from .workload import (
    Buffered,
    File,
    InMemoryFile,
    ManyFromOneFile,
    OnePickler,
    OutOfBand,
    PicklerEach,
    Way,
    Workload,
)

SMALL = {"id": 4711, "state": "paid", "lines": [1, 2, 3]}


def row(name: str, make: Callable[[], object], way: Way, **rest: object) -> Workload:
    return Workload("files and streams", name, make, way=way, **rest)  # type: ignore[arg-type]


def mapped(stream: bytes) -> mmap.mmap:
    made = mmap.mmap(-1, len(stream))
    made[:] = stream
    return made


def buffered(path: Path, mode: str) -> Any:
    return path.open(mode)


def unbuffered(path: Path, mode: str) -> Any:
    return path.open(mode, buffering=0)


def zipped(path: Path, mode: str) -> Any:
    return gzip.open(path, mode, compresslevel=1)


def workloads() -> Iterator[Workload]:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, True)
    numbers = iter(range(10**6))

    def file(opened: Callable[[Path, str], Any], kind: type[File] = File) -> File:
        return kind(folder / f"{next(numbers)}.pickle", opened)

    def records() -> object:
        return json_records(300)

    yield row("a small dict, BytesIO", lambda: SMALL, InMemoryFile())
    yield row("records, BytesIO", records, InMemoryFile())
    yield row("a small dict, file", lambda: SMALL, file(buffered))
    yield row("records, file", records, file(buffered))
    yield row("a small dict, unbuffered file", lambda: SMALL, file(unbuffered))
    yield row("records, unbuffered file", records, file(unbuffered))
    yield row("records, gzip", records, file(zipped), dumps=False, copying=True)
    yield row(
        "200 records in one file", lambda: json_records(200), file(buffered, ManyFromOneFile), dumps=False
    )
    for megabytes in (2, 16):
        size = megabytes << 20
        for name, make in (
            ("bytes", lambda size=size: bytes(size)),
            ("a bytearray", lambda size=size: bytearray(size)),
            ("an array", lambda size=size: array.array("d", bytes(size))),
        ):
            yield row(f"{name} of {megabytes} MB, file", make, file(buffered), protocol=5, copying=True)
    yield row(
        "a bytearray of 2 MB, BytesIO", lambda: bytearray(2 << 20), InMemoryFile(), protocol=5, copying=True
    )
    yield row("one Pickler, 100 records", lambda: json_records(100), OnePickler())
    yield row("one Pickler, clear_memo, 100 records", lambda: json_records(100), OnePickler(clear_memo=True))
    yield row("one Pickler, 100 small dicts", lambda: [{"a": n} for n in range(100)], OnePickler())
    yield row(
        "one Pickler, clear_memo, 100 small dicts",
        lambda: [{"a": n} for n in range(100)],
        OnePickler(clear_memo=True),
    )
    yield row("one Pickler, 100 instances", lambda: [Plain(n, "a", 0.5) for n in range(100)], OnePickler())
    yield row("a Pickler each, 100 small dicts", lambda: [{"a": n} for n in range(100)], PicklerEach())
    yield row(
        "a Pickler each, 100 instances", lambda: [Plain(n, "a", 0.5) for n in range(100)], PicklerEach()
    )
    yield row("records, from a bytearray", records, Buffered(bytearray), dumps=False)
    yield row("records, from a memoryview", records, Buffered(memoryview), dumps=False)
    yield row("records, from an mmap", records, Buffered(mapped), dumps=False)
    yield row("a small dict, from a memoryview", lambda: SMALL, Buffered(memoryview), dumps=False)
    yield row(
        "bytearrays out of band",
        lambda: [bytearray(100) for _ in range(100)],
        OutOfBand(),
        protocol=5,
        dumps=False,
    )
