"""What looks at streams without loading them, beside pickletools: MB/s, and peak memory."""

from __future__ import annotations

import argparse
import io
import os
import pickle
import pickletools
import time
import tracemalloc
from collections import deque
from collections.abc import Callable
from typing import Any

from table import Table

from brinery.cli.dis import line
from brinery.stream import diff, disassemble, references, sizes
from brinery.upgrade import Rules, upgrade_stream
from brinery.upgrade.streams import check_upgraded


class Record:
    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"name of number {number}"
        self.place = (number, number / 3)


def samples(size: float) -> dict[str, list[Any]]:
    """Kinds of data that pickles hold, a few MB of each."""
    count = int(60_000 * size)
    rows = [
        {
            "id": i,
            "name": f"name {i}",
            "email": f"user{i}@example.org",
            "tags": ["new", "paid"],
            "score": i / 7,
        }
        for i in range(count)
    ]
    return {
        "rows": rows,
        "instances": [Record(i) for i in range(count)],
        "numbers": list(range(10 * count)),
        "text": [f"a line of text that is number {i}, of the usual length for lines" for i in range(count)],
    }


class Repeated:
    """A file that gives the same pickle many times, and holds it once."""

    def __init__(self, data: bytes, times: int) -> None:
        self.data, self.left = data, times
        self.file = io.BytesIO()

    def read(self, size: int, /) -> bytes:
        data = self.file.read(size)
        if not data and self.left:
            self.left -= 1
            self.file = io.BytesIO(self.data)
            data = self.file.read(size)
        return data


def verified(file: Any) -> None:
    """What ``brinery upgrade`` does with each file: what was written is read, and written once more."""
    pieces: list[bytes] = []
    upgrade_stream(file, pieces.append, Rules())
    data = b"".join(pieces)
    check_upgraded(io.BytesIO(data), io.BytesIO(data), Rules())


WAYS: dict[str, Callable[[Any], object]] = {
    "genops": lambda file: deque(pickletools.genops(file), maxlen=0),
    "refs": references,
    "sizes": sizes,
    "upgrade": lambda file: upgrade_stream(file, len, Rules()),
    "verified": verified,
    "diff": lambda file: list(diff(file.getvalue(), file.getvalue())),
}


def dis(file: Any, out: Any) -> None:
    """What ``brinery dis`` does for each opcode."""
    for instruction in disassemble(file):
        out.write(line(instruction, 100) + "\n")


TEXTS: dict[str, Callable[[Any, Any], object]] = {"pickletools.dis": pickletools.dis, "brinery dis": dis}


def run(options: argparse.Namespace) -> None:
    """Print tables of speeds, then of memory."""
    repeat = min(options.repeat or 5, 5)
    table = Table("MB/s, the best of the turns", ["", *WAYS, "refs/genops", "sizes/genops"], 12)
    for name, sample in samples(0.2 if options.quick else options.size).items():
        data = pickle.dumps(sample, options.protocol)
        best = dict.fromkeys(WAYS, 0.0)
        for _ in range(repeat):  # in turns
            for way, look in WAYS.items():
                file = io.BytesIO(data)
                began = time.thread_time()
                look(file)
                best[way] = max(best[way], len(data) / 1e6 / (time.thread_time() - began))
        ratios = [f"{best[way] / best['genops']:.1f} x" for way in ("refs", "sizes")]
        table.row([name, *(f"{best[way]:.1f}" for way in WAYS), *ratios])
    table = Table("Opcode by opcode as text: MB/s", ["", *TEXTS, "ratio"], 16)
    for name, sample in samples(0.05 if options.quick else options.size / 4).items():
        data = pickle.dumps(sample, options.protocol)
        best = dict.fromkeys(TEXTS, 0.0)
        for _ in range(min(repeat, 3)):
            for way, tell in TEXTS.items():
                with open(os.devnull, "w", encoding="utf-8") as out:
                    began = time.thread_time()
                    tell(io.BytesIO(data), out)
                    best[way] = max(best[way], len(data) / 1e6 / (time.thread_time() - began))
        first, second = best.values()
        table.row([name, f"{first:.2f}", f"{second:.2f}", f"{second / first:.2f} x"])
    table = Table("Peak memory, in kB", ["", "10 pickles", "100 pickles"], 12)
    data = pickle.dumps(samples(0.02)["rows"], options.protocol)
    for way, look in list(WAYS.items())[1:-2]:
        peaks = []
        for times in (10, 100):
            tracemalloc.start()
            look(Repeated(data, times))
            peaks.append(tracemalloc.get_traced_memory()[1] // 1000)
            tracemalloc.stop()
        table.row([way, *map(str, peaks)])
