"""What importing brinery and its first call cost a fresh process, beside the standard library's pickle.

The children see brinery and what it needs, nothing else: no plugin, and no distribution with entry points.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from table import Table, seconds

#: Milliseconds more than the standard library's, at most.
AT_MOST = {"import": 8.0, "first dumps": 5.0, "first loads": 5.0}

CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from time import process_time
start = process_time()
import {module} as module
imported = process_time()
stream = module.dumps({{"a": [1]}})
dumped = process_time()
module.loads(stream)
print(imported - start, dumped - imported, process_time() - dumped, len(sys.modules))
"""


def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("brinery", "pluggy", "typing_extensions"):
            link(name, Path(folder))
        ours: list[list[float]] = []
        theirs: list[list[float]] = []
        for _ in range(max(options.repeat, 10)):
            ours.append(once("brinery", folder))
            theirs.append(once("pickle", folder))
    table = Table("a fresh process", ["", "brinery", "pickle", "more", "at most", ""])
    for number, (what, at_most) in enumerate(AT_MOST.items()):
        our_time, their_time = (min(sample[number] for sample in samples) for samples in (ours, theirs))
        more = our_time - their_time
        verdict = "met" if more * 1e3 <= at_most else "above"
        table.row(
            [what, seconds(our_time), seconds(their_time), f"{more * 1e3:.2f} ms", f"{at_most:g} ms", verdict]
        )
    table.row(["modules then loaded", f"{ours[0][3]:.0f}", f"{theirs[0][3]:.0f}", "", "", ""])


def link(name: str, folder: Path) -> None:
    """Make the module `name` importable from `folder`."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name} is not installed")
    origin = Path(spec.origin)
    origin = origin.parent if spec.submodule_search_locations else origin
    os.symlink(origin, folder / origin.name)


def once(module: str, folder: str) -> list[float]:
    command = [sys.executable, "-I", "-S", "-c", CHILD.format(module=module), folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return [float(word) for word in done.stdout.split()]
