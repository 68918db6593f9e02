"""Puts what `--save` wrote on several Pythons side by side, as a table for a page of the documentation."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import geometric_mean
from typing import Any

#: An en dash.
NOTHING = "\N{EN DASH}"

DIRECTIONS = ("dumps", "loads", "kept")


def run(options: argparse.Namespace) -> None:
    runs = [json.loads(Path(path).read_text()) for path in options.files]
    for line in lines(runs):
        print(line)


def lines(runs: list[dict[str, Any]]) -> Iterator[str]:
    pythons = [run["python"] for run in runs]
    heads = [f"{direction} {python}" for direction in DIRECTIONS for python in pythons]
    yield f"| | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    by_row: dict[tuple[str, str], dict[tuple[str, str], float]] = {}
    for run in runs:
        for row in run["rows"]:
            cells = by_row.setdefault((row["group"], row["name"]), {})
            cells.update({(direction, run["python"]): ratio for direction, ratio in row["ratios"].items()})
    group = None
    for (row_group, name), cells in by_row.items():
        if row_group != group:
            group = row_group
            yield f"| **{group}** {'| ' * len(heads)}|"
        found = (cells.get((direction, python)) for direction in DIRECTIONS for python in pythons)
        yield f"| {name} | {' | '.join(NOTHING if ratio is None else f'{ratio:.2f}' for ratio in found)} |"
    means = [mean(run, direction) for direction in DIRECTIONS for run in runs]
    yield f"| geometric mean | {' | '.join(means)} |"


def mean(run: dict[str, Any], direction: str) -> str:
    ratios = [row["ratios"][direction] for row in run["rows"] if direction in row["ratios"]]
    return f"{geometric_mean(ratios):.2f}" if ratios else NOTHING
