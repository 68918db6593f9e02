"""The main table: every row's time beside the standard library's, and the geometric mean."""

from __future__ import annotations

import argparse
import pickle
from statistics import geometric_mean

from peers import Peer, peers
from sides import Function, sides
from table import Table, seconds
from timing import Call, calls_for, compare, sample
from workloads import MEANS, Asked, Row, rows_named


def run(options: argparse.Namespace) -> None:
    beside, absent = peers() if options.peers else ([], [])
    if absent:
        print(f"Not installed, so not beside it: {', '.join(absent)}")
    print("ratio = the standard library's time / brinery's; under a peer's name, the same ratio for the peer")
    for direction in ("dumps", "loads"):
        columns = ["", "minimum", "median", "theirs", "median", "ratio", "of medians", "at least", "aim"]
        table = Table(
            f"{direction}: brinery's {options.engine} engine beside {reference(options.beside)}",
            [*columns, "", *(peer.name for peer in beside)],
        )
        ratios = {}
        for row in rows_named(options.rows):
            asked = getattr(row, direction)
            if asked is not None:
                ratios[row] = time_row(table, row, asked, direction, beside, options)
        print_mean(table, ratios, direction, options.engine, len(beside))


def reference(beside: str) -> str:
    return "C pickle" if beside == "C" else "the standard library's Python pickler"


def time_row(
    table: Table, row: Row, asked: Asked, direction: str, beside: list[Peer], options: argparse.Namespace
) -> float:
    both = sides(row, options.beside, options.protocol)
    argument = row.make(options.size)
    if direction == "dumps":
        ours, theirs = both.ours_dumps, both.theirs_dumps
    else:
        ours, theirs = both.ours_loads, both.theirs_loads
        argument = pickle.dumps(argument, options.protocol)
    our_times, their_times = compare(Call(ours, argument), Call(theirs, argument), options.repeat)
    ratio = their_times.minimum / our_times.minimum
    table.row(
        [
            row.name,
            *map(seconds, (*our_times[:2], *their_times[:2])),
            f"{ratio:.2f}",
            f"{their_times.median / our_times.median:.2f}",
            # Of the Python engine only the mean is asked something.
            *(judged(ratio, asked) if options.engine == "compiled" else ("", "", "")),
            *(peer_ratio(peer, row, direction, their_times.minimum, options) for peer in beside),
        ]
    )
    return ratio


def judged(ratio: float, asked: Asked) -> tuple[str, str, str]:
    verdict = "below" if ratio < asked.least else "aim met" if ratio >= asked.aim else "met"
    return f"{asked.least:g}", f"{asked.aim:g}", verdict


def peer_ratio(peer: Peer, row: Row, direction: str, theirs: float, options: argparse.Namespace) -> str:
    if row.dialect != "plain" or (peer.plain_only and not row.plain):
        return ""
    argument = row.make(options.size)
    function: Function = peer.dumps  # type: ignore[assignment]
    try:
        written = peer.dumps(argument)
    except Exception:  # what a peer raises for what it does not know is its own affair
        return ""
    if direction == "loads":
        argument, function = written, peer.loads  # type: ignore[assignment]
    calls = calls_for(function, argument)
    return f"{theirs / min(sample(function, argument, calls) for _ in range(min(options.repeat, 3))):.2f}"


def print_mean(table: Table, ratios: dict[Row, float], direction: str, engine: str, peer_count: int) -> None:
    counted = [ratio for row, ratio in ratios.items() if engine == "compiled" or row.core]
    if not counted:
        return
    mean, asked = geometric_mean(counted), MEANS[engine, direction]
    blank = [""] * 4
    table.row(
        [
            f"geometric mean of {len(counted)}",
            *blank,
            f"{mean:.2f}",
            "",
            *judged(mean, asked),
            *[""] * peer_count,
        ]
    )
    print(f"lowest: {min(ratios.values()):.2f}, {min(ratios, key=ratios.__getitem__).name}")
