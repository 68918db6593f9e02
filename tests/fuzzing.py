"""What fuzzers share: inputs that are known by a number, tried in children that a parent watches."""

from __future__ import annotations

import argparse
import mmap
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

#: Bytes of address space for a child; BRINERY_FUZZ_MEMORY=0 for as much as a sanitizer wants.
MEMORY = int(os.environ.get("BRINERY_FUZZ_MEMORY", 1 << 30))
SECONDS = 20  # for one input
INPUTS_OF_A_CHILD = 20_000


def guard() -> None:
    """In a child, before each input."""
    if MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(SECONDS)


def numbers(options: argparse.Namespace) -> Iterator[int]:
    """In a child: each number in turn, noted where the parent finds it should the child die of its input."""
    with open(options.child, "r+b") as file:
        here = mmap.mmap(file.fileno(), 8)
    for number in range(options.first, options.first + options.inputs):
        here[:8] = number.to_bytes(8, "little")
        guard()
        yield number
    signal.alarm(0)


def run_child(
    program: str, mode: list[str], engine_name: str, first: int, count: int
) -> subprocess.CompletedProcess[str]:
    arguments = ["--engine", engine_name, "--from", str(first), "--inputs", str(count)]
    return subprocess.run(
        [sys.executable, program, *mode, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"},
        check=False,
    )


def watch(
    program: str, engine_name: str, first: int, count: int, explain: Callable[[str], Iterator[str]]
) -> Iterator[str]:
    """Try `count` inputs from number `first` on; a text for each problem.

    `explain` makes such texts of what a child printed.
    """
    last = first + count
    with tempfile.TemporaryDirectory() as folder:
        progress = Path(folder) / "progress"
        while first < last:
            size = min(INPUTS_OF_A_CHILD, last - first)
            progress.write_bytes(first.to_bytes(8, "little"))
            done = run_child(program, ["--child", str(progress)], engine_name, first, size)
            yield from explain(done.stdout)
            if done.returncode == 0:
                first += size
                continue
            at = int.from_bytes(progress.read_bytes(), "little")
            how = "hangs" if done.returncode == -signal.SIGALRM else f"ends with {done.returncode}"
            # The beginning is AddressSanitizer's report, the end Python's traceback.
            said = (
                done.stderr
                if len(done.stderr) < 8000
                else f"{done.stderr[:6000]}\n...\n{done.stderr[-2000:]}"
            )
            yield f"input {at}: the process {how}\n{said}"
            first = at + 1


def command(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=("compiled", "python"), default="compiled")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="NUMBER")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser


def report(problems: Iterator[str], count: int) -> None:
    """Print the problems as they come, and end the program."""
    failed = 0
    for problem in problems:
        failed += 1
        print(problem, flush=True)
    print(f"{count} inputs, {failed or 'no'} problems")
    sys.exit(bool(failed))
