"""Times two functions against each other, alternating, in one process."""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import repeat
from statistics import median
from time import perf_counter
from typing import NamedTuple

#: Seconds that one sample should take at least: far above the clock's resolution.
ENOUGH = 0.005

#: Seconds of a call that are too few for the clock: such calls are timed together.
SHORT = 20e-6


class Times(NamedTuple):
    """Seconds for one call."""

    minimum: float
    median: float


def sample(function: Callable[[object], object], argument: object, calls: int) -> float:
    """Seconds for one call, of `calls` in a row. The collector is on, as it is where programs run."""
    gc.collect()
    if calls > ENOUGH / SHORT:
        start = perf_counter()
        for _ in repeat(None, calls):
            function(argument)
        return (perf_counter() - start) / calls
    seconds = 0.0
    for _ in repeat(None, calls):
        # What is made is kept until the clock has stopped: taking it apart is not the function's work.
        start = perf_counter()
        made = function(argument)
        seconds += perf_counter() - start
        del made
    return seconds / calls


def calls_for(function: Callable[[object], object], argument: object) -> int:
    """How many calls make a sample."""
    calls = 1
    while (seconds := sample(function, argument, calls) * calls) < ENOUGH:
        calls = max(2 * calls, int(calls * ENOUGH / max(seconds, 1e-9)))
    return calls


def compare(
    ours: Callable[[object], object],
    theirs: Callable[[object], object],
    argument: object,
    samples: int,
) -> tuple[Times, Times]:
    """Both functions' times over `samples` alternating samples, after one of each to warm up."""
    calls = calls_for(theirs, argument)
    sides: tuple[list[float], list[float]] = ([], [])
    sample(ours, argument, calls)
    for number in range(samples):
        for side in (0, 1) if number % 2 else (1, 0):  # neither side always follows the other
            sides[side].append(sample((ours, theirs)[side], argument, calls))
    return tuple(Times(min(side), median(side)) for side in sides)  # type: ignore[return-value]
