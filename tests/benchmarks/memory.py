"""Peak memory of one dumps and of one loads, each in a child process, beside the standard library's."""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

from sides import sides
from speed import reference
from table import Table, size
from workloads import ROWS, rows_named

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
    # A thousandth: what two runs of the same thing differ by.
    return "met" if ratio <= at_most + 0.001 else "above"


def peak_in_child(row: str, direction: str, side: str, options: argparse.Namespace) -> int:
    child = subprocess.run(
        [
            sys.executable,
            __file__,
            row,
            direction,
            side,
            options.engine,
            str(options.size),
            str(options.protocol),
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    return int(child.stdout)


def peak(row_name: str, direction: str, side: str, engine: str, scale: str, protocol: str) -> int:
    """Bytes by which the process grew at the most while one call ran."""
    row = next(row for row in ROWS if row.name == row_name)
    both = sides(row, engine, int(protocol))
    argument = row.make(float(scale))
    function = both.ours_dumps if side == "ours" else both.theirs_dumps
    if direction == "loads":
        argument = pickle.dumps(argument, int(protocol))
        function = both.ours_loads if side == "ours" else both.theirs_loads
    warm_up(both)
    gc.collect()
    before = resident()
    forget_peak()
    made = function(argument)
    after = resident_peak()
    del made
    return max(after - before, 0)


def warm_up(both: tuple) -> None:
    """The first call of a side imports and prepares what it needs."""
    both.ours_loads(both.ours_dumps([1]))  # type: ignore[attr-defined]
    both.theirs_loads(both.theirs_dumps([1]))  # type: ignore[attr-defined]


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
    os.environ["BRINERY_ENGINE"] = sys.argv[4]
    print(peak(*sys.argv[1:]))
