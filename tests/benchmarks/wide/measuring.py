"""The wide suite's table: every row's time beside the standard library's, and the geometric means."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import pickle
import platform
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import geometric_mean
from typing import Any, NamedTuple

from peers import Peer, peers
from table import Table, seconds
from timing import ENOUGH, Call, calls_for, compare, sample_kept, sample_let_go

from . import all_workloads, third_party
from .workload import Way, Workload

#: What is asked of the geometric means of all rows.
MEANS = {"dumps": 3.5, "loads": 1.7}

DIRECTIONS = ("dumps", "loads", "kept")


class Measured(NamedTuple):
    """The standard library's time / brinery's, and brinery's seconds, by direction.

    What is not measured is not there.

    kept    loads again, with all results kept: letting go of a result costs both sides the same
    """

    workload: Workload
    ratios: dict[str, float]
    times: dict[str, float]

    @property
    def below(self) -> bool:
        return any(ratio < self.workload.least for ratio in self.ratios.values())


def run(options: argparse.Namespace) -> None:
    import brinery  # here, as BRINERY_ENGINE has to be set first

    # As where no plugin is installed: one might have reducers for a row's classes.
    brinery.set_default_profile(brinery.Profile.plain())
    beside, absent = peers() if options.peers else ([], [])
    absent += third_party.absent()
    if absent:
        print(f"Not installed, so not measured: {', '.join(absent)}")
    print(
        "a ratio is the standard library's time / brinery's; under a peer's name, dumps and loads of the peer"
    )
    wanted = [workload for workload in all_workloads() if selected(workload, options)]
    measured = list(measure_all(wanted, brinery, beside, options))
    print_summary(measured)
    if options.save:
        save(measured, options.save)


def selected(workload: Workload, options: argparse.Namespace) -> bool:
    name = f"{workload.group}: {workload.name}"
    return not options.rows or any(part in name for part in options.rows)


def measure_all(
    wanted: Iterable[Workload], side: Any, beside: list[Peer], options: argparse.Namespace
) -> Iterator[Measured]:
    group, table = None, None
    for workload in wanted:
        if workload.group != group or table is None:
            group = workload.group
            columns = [
                "",
                "dumps",
                "ratio",
                "loads",
                "ratio",
                "kept",
                "",
                *(peer.name.rjust(13) for peer in beside),
            ]
            table = Table(group, columns, first_width=42)
        measured = measure(workload, side, options)
        ratios, times = measured.ratios, measured.times
        cells = [seconds(times["dumps"]) if "dumps" in times else "", ratio_text(ratios, "dumps")]
        cells += [seconds(times["loads"]) if "loads" in times else "", ratio_text(ratios, "loads")]
        cells += [ratio_text(ratios, "kept"), "below" if measured.below else ""]
        table.row([workload.name, *cells, *(peer_ratios(peer, workload, options) for peer in beside)])
        yield measured


def reference(engine: str) -> Any:
    """What stands where the module ``pickle`` would on the other side: for the Python engine, Python."""
    names = ("dump", "dumps", "load", "loads", "Pickler", "Unpickler")
    python = types.SimpleNamespace(**{name: getattr(pickle, f"_{name}") for name in names})
    return pickle if engine == "compiled" else python


def ratio_text(ratios: dict[str, float], direction: str) -> str:
    return f"{ratios[direction]:.2f}" if direction in ratios else ""


def measure(workload: Workload, side: Any, options: argparse.Namespace) -> Measured:
    ratios, times = {}, {}
    for direction in DIRECTIONS:
        if direction not in options.directions or not getattr(workload, direction.replace("kept", "loads")):
            continue
        timed = workload.writing if direction == "dumps" else workload.reading
        ours, theirs = (Call(*timed(one)) for one in (side, reference(options.engine)))
        # What is here already is not for the collector to look at in between: it is the same for both sides.
        gc.collect()
        gc.freeze()
        sampler = sample_kept if direction == "kept" else sample_let_go
        our_times, their_times = compare(ours, theirs, options.repeat, sampler, enough(options))
        gc.unfreeze()
        ratios[direction] = their_times.quarter / our_times.quarter
        times[direction] = our_times.quarter
    return Measured(workload, ratios, times)


def enough(options: argparse.Namespace) -> float:
    return ENOUGH / 5 if options.quick else ENOUGH


def peer_ratios(peer: Peer, workload: Workload, options: argparse.Namespace) -> str:
    """The standard library's time / the peer's, of dumps and loads; nothing where it cannot do that."""
    if (
        type(workload.way) is not Way
        or workload.protocol is not None
        or (peer.plain_only and not workload.plain)
    ):
        return ""
    obj = workload.make()
    with contextlib.suppress(Exception):  # what a peer raises for what it does not know is its own affair
        stream = peer.dumps(obj)
        if type(peer.loads(stream)) is type(obj):
            writing = Call(peer.dumps, obj), Call(*workload.writing(pickle))
            reading = Call(peer.loads, stream), Call(*workload.reading(pickle))
            return " / ".join(f"{peer_ratio(*pair, options):.2f}" for pair in (writing, reading))
    return ""


def peer_ratio(peer: Call, theirs: Call, options: argparse.Namespace) -> float:
    minima = []
    for function, argument in (peer, theirs):
        calls = calls_for(function, argument, sample_let_go, enough(options))
        minima.append(min(sample_let_go(function, argument, calls) for _ in range(min(options.repeat, 3))))
    return minima[1] / minima[0]


def print_summary(measured: list[Measured]) -> None:
    print()
    for direction in DIRECTIONS:
        ratios = [one.ratios[direction] for one in measured if direction in one.ratios]
        if ratios:
            asked = f", at least {MEANS[direction]:g}" if direction in MEANS else ""
            below = sum(ratio < 1 for ratio in ratios)
            print(
                f"{direction}: geometric mean of {len(ratios)}: {geometric_mean(ratios):.2f}{asked}; "
                f"lowest {min(ratios):.2f}; below 1: {below}"
            )
    for one in measured:
        if one.below:
            found = ", ".join(
                f"{direction} {ratio:.2f}"
                for direction, ratio in one.ratios.items()
                if ratio < one.workload.least
            )
            print(f"below {one.workload.least:g}: {one.workload.group}: {one.workload.name}: {found}")


def save(measured: list[Measured], path: str) -> None:
    rows = [
        {
            "group": one.workload.group,
            "name": one.workload.name,
            "copying": one.workload.copying,
            "ratios": one.ratios,
            "times": one.times,
        }
        for one in measured
    ]
    Path(path).write_text(json.dumps({"python": platform.python_version(), "rows": rows}, indent=1))
