"""Cost per object from a thousand objects up to ten million: it should not grow with their number."""

from __future__ import annotations

import argparse
import gc
import pickle
from collections.abc import Callable
from time import perf_counter

from sides import Function, sides
from speed import reference
from table import Table
from workloads import NO_SLOWER, Row, Vector

KINDS: dict[str, Callable[[int], object]] = {
    "ints": lambda n: list(range(300, 300 + n)),
    "unique strings": lambda n: [str(k) for k in range(n)],
    "pairs": lambda n: [(k, None) for k in range(n)],
    "dict of strings": lambda n: {str(k): k for k in range(n)},
    "__slots__ instances": lambda n: [Vector(k, k, k) for k in range(n)],
    "one object, n times": lambda n: [[]] * n,
}


def run(options: argparse.Namespace) -> None:
    sizes = [10**power for power in range(3, options.largest + 1)]
    for direction in ("dumps", "loads"):
        table = Table(
            f"{direction}: nanoseconds per object, the {options.engine} engine / {reference(options.engine)}",
            ["", *(f"{size:,}" for size in sizes), "growth     "],
        )
        for name, make in KINDS.items():
            if options.rows and not any(pattern in name for pattern in options.rows):
                continue
            costs = [cost(make, size, direction, options) for size in sizes]
            growth = (f"{last / first:.2f}" for first, last in zip(costs[0], costs[-1], strict=True))
            table.row([name, *(f"{ours:.0f} / {theirs:.0f}" for ours, theirs in costs), " / ".join(growth)])


def cost(
    make: Callable[[int], object], size: int, direction: str, options: argparse.Namespace
) -> tuple[float, float]:
    """Nanoseconds per object, brinery's and the standard library's."""
    row = Row("", lambda _: None, NO_SLOWER, NO_SLOWER)
    both = sides(row, options.beside, options.protocol)
    argument = make(size)
    functions: tuple[Function, Function] = (both.ours_dumps, both.theirs_dumps)
    if direction == "loads":
        argument = pickle.dumps(argument, options.protocol)
        functions = (both.ours_loads, both.theirs_loads)
    gc.collect()
    rounds = max(1, min(options.repeat, 10**6 // size))
    ours, theirs = (
        min(seconds(function, argument) for _ in range(rounds)) / size * 1e9 for function in functions
    )
    return ours, theirs


def seconds(function: Function, argument: object) -> float:
    start = perf_counter()
    made = function(argument)
    elapsed = perf_counter() - start
    del made
    return elapsed
