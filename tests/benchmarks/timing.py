"""Times two functions against each other, alternating, in one process.

Time is that of this thread on a processor: what else runs on the machine disturbs the caches, not the count.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import repeat
from statistics import median
from time import thread_time
from typing import NamedTuple

#: Seconds that one sample should take at least: far above the clock's resolution.
ENOUGH = 0.005

#: Seconds of a call that are too few for the clock: such calls are timed together.
SHORT = 20e-6


class Times(NamedTuple):
    """Seconds for one call.

    quarter  a quarter of the samples took less: where a virtual machine's clock steps back now and then, the
             minimum is the step's
    """

    minimum: float
    median: float
    quarter: float


class Call(NamedTuple):
    """One side of a comparison: ``function(argument)`` is what is timed."""

    function: Callable[[object], object]
    argument: object


def sample(function: Callable[[object], object], argument: object, calls: int) -> float:
    """Seconds for one call, of `calls` in a row. The collector is on, as it is where programs run."""
    gc.collect()
    if calls > ENOUGH / SHORT:
        return sample_let_go(function, argument, calls)
    seconds = 0.0
    for _ in repeat(None, calls):
        # What is made is kept until the clock has stopped: taking it apart is not the function's work.
        start = thread_time()
        made = function(argument)
        seconds += thread_time() - start
        del made
    return seconds / calls


def sample_let_go(function: Callable[[object], object], argument: object, calls: int) -> float:
    """Seconds for one call and for letting go of its result."""
    gc.collect()
    start = thread_time()
    for _ in repeat(None, calls):
        function(argument)
    return (thread_time() - start) / calls


def sample_kept(function: Callable[[object], object], argument: object, calls: int) -> float:
    """Seconds for one call, all results being kept until the clock has stopped."""
    kept: list[object] = [None] * calls
    gc.collect()
    start = thread_time()
    for number in range(calls):
        kept[number] = function(argument)
    return (thread_time() - start) / calls


Sampler = Callable[[Callable[[object], object], object, int], float]


def calls_for(
    function: Callable[[object], object], argument: object, sampler: Sampler = sample, enough: float = ENOUGH
) -> int:
    """How many calls make a sample of `enough` seconds."""
    calls = 1
    while (seconds := sampler(function, argument, calls) * calls) < enough:
        calls = max(2 * calls, int(calls * enough / max(seconds, 1e-9)))
    return calls


def compare(
    ours: Call, theirs: Call, samples: int, sampler: Sampler = sample, enough: float = ENOUGH
) -> tuple[Times, Times]:
    """Both functions' times over `samples` alternating samples, after one of each to warm up."""
    calls = calls_for(*theirs, sampler, enough)
    sides: tuple[list[float], list[float]] = ([], [])
    sampler(*ours, calls)
    for number in range(samples):
        for side in (0, 1) if number % 2 else (1, 0):  # neither side always follows the other
            sides[side].append(sampler(*(ours, theirs)[side], calls))
    return tuple(Times(min(side), median(side), sorted(side)[len(side) // 4]) for side in sides)  # type: ignore[return-value]
