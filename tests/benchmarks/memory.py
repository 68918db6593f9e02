"""Peak memory of one dumps and of one loads, each in a child process, beside the standard library's."""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from sides import Sides, sides
from speed import reference
from table import Table, size
from workloads import ROWS, Row, rows_named

#: Rows are this much larger here, so that pages and what the allocator keeps back weigh little: of one dump
#: that is up to 0.4 MB more or less, on either side, from one environment to another.
LARGER = 20

#: What is asked of a direction: brinery's peak / the standard library's, at most.
AT_MOST = {"dumps": 1.0, "loads": 1.1}


def run(options: argparse.Namespace) -> None:
    for direction, at_most in AT_MOST.items():
        table = Table(
            f"peak memory of {direction}: the {options.engine} engine, then {reference(options.engine)}",
            ["", "brinery", "theirs", "ratio", "at most", ""],
        )
        for row in rows_named(options.rows):
            if row.dialect != "plain" or getattr(row, direction) is None:
                continue
            ours, theirs = (
                min(peak_in_child(row.name, direction, side, options) for _ in range(min(options.repeat, 3)))
                for side in ("ours", "theirs")
            )
            if theirs < 1e6:
                continue  # pages are too coarse a measure for it
            ratio = ours / theirs
            table.row(
                [row.name, size(ours), size(theirs), f"{ratio:.3f}", f"{at_most:g}", verdict(ratio, at_most)]
            )


def verdict(ratio: float, at_most: float) -> str:
    # Two hundredths: pages, and what two runs of the same thing differ by.
    return "met" if ratio <= at_most + 0.02 else "above"


def peak_in_child(row: str, direction: str, side: str, options: argparse.Namespace) -> int:
    asked = (row, direction, side, options.engine, options.size, options.protocol)
    child = subprocess.run(
        [sys.executable, __file__, "peak", *map(str, asked)], stdout=subprocess.PIPE, check=True
    )
    return int(child.stdout)


def peak(row: str, direction: str, side: str, engine: str, scale: str, protocol: str) -> None:
    """Print the bytes by which this process grows at the most while one call runs."""
    os.environ["BRINERY_ENGINE"] = engine
    both = sides(row_called(row), "C" if engine == "compiled" else "Python", int(protocol))
    if direction == "dumps":
        argument = made(row, scale)
        function = both.ours_dumps if side == "ours" else both.theirs_dumps
    else:
        # Pickled by a process of its own: what making the object left free here could be used again.
        with tempfile.TemporaryFile() as file:
            subprocess.run(
                [sys.executable, __file__, "pickled", row, scale, protocol], stdout=file, check=True
            )
            file.seek(0)
            argument = file.read()
        function = both.ours_loads if side == "ours" else both.theirs_loads
    warm_up(both, row)
    gc.collect()
    before = resident()
    forget_peak()
    result = function(argument)
    print(max(resident_peak() - before, 0))
    del result


def pickled(row: str, scale: str, protocol: str) -> None:
    """Print the pickle of a row's object."""
    pickle.dump(made(row, scale), sys.stdout.buffer, int(protocol))


def made(row: str, scale: str) -> object:
    return row_called(row).make(float(scale) * (1 if row.startswith("64 MB") else LARGER))


def row_called(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


def warm_up(both: Sides, row: str) -> None:
    """The first call of a side imports and prepares what it needs, and reads its code into memory."""
    # The second is one whose pickle, of 100 kB, is larger than what either side begins with.
    for little in (row_called(row).make(0.001), ["text"] * 50_000):
        both.ours_loads(both.ours_dumps(little))
        both.theirs_loads(both.theirs_dumps(little))


STATUS = Path("/proc/self/status")


def resident() -> int:
    return _status("VmRSS") if STATUS.exists() else _maxrss()


def resident_peak() -> int:
    return _status("VmHWM") if STATUS.exists() else _maxrss()


def forget_peak() -> None:
    if STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")


def _status(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def _maxrss() -> int:
    """The peak since the process began, where nothing better can be had."""
    value = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return value if sys.platform == "darwin" else value * 1024


if __name__ == "__main__":
    {"peak": peak, "pickled": pickled}[sys.argv[1]](*sys.argv[2:])
