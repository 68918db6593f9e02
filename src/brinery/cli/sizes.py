"""``brinery sizes FILE``: why a pickle is so big."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from brinery.cli.streams import add_file_argument, open_stream
from brinery.stream import Sizes, sizes
from brinery.stream.globals import shorten

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from brinery.stream.sizing import Part

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "sizes"
SUMMARY = "show what makes a pickle big: by path, by class, by global"
HELP = """\
Show how many bytes each object of a pickle takes, by its path from the root,
then by class and by global. Nothing is imported or loaded.

What is shared counts where it is met first. Of many objects in one place only
the largest are told apart; the others are one line, […], and so are their
parts: root[…]['name'] is the names of all records.

examples:
  brinery sizes data.pickle
  brinery sizes data.pickle --least 0.1    smaller parts too
  brinery sizes data.pickle --json
  brinery sizes data.pickle --html sizes.html    a map to click through"""

_ROWS = 12


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser)
    parser.add_argument(
        "--least",
        type=float,
        default=1.0,
        metavar="P",
        help="leave out what takes less than P percent (default: 1)",
    )
    parser.add_argument("--depth", type=int, default=6, metavar="N", help="show N steps from the root")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead, complete")
    parser.add_argument("--html", metavar="OUT", help="write a page with a map of the sizes instead")


def run(options: argparse.Namespace) -> None:
    """Print the sizes, or write the page."""
    with open_stream(options.file) as stream:
        found = sizes(stream)
    if options.json:
        print(json.dumps(as_json(found), indent=2))
    elif options.html:
        from brinery.cli.sizes_page import page

        Path(options.html).write_text(page(options.file, as_json(found)), encoding="utf-8")
        print(f"{options.html}: {found.bytes:,} bytes of {options.file}")
    else:
        print("\n".join(_report(found, options.least / 100, options.depth)))


def _report(found: Sizes, least: float, depth: int) -> Iterator[str]:
    pickles = "1 pickle" if found.pickles == 1 else f"{found.pickles:,} pickles"
    yield f"{found.bytes:,} bytes, {pickles}"
    yield ""
    yield f"{'bytes':>14}   {'%':>5}  path"
    for root in found.roots:
        yield from _tree(root, found.bytes, least, depth)
    for heading, rows in (("class", found.classes), ("builtin", found.builtins)):
        if rows:
            yield ""
            yield f"{'bytes':>14}   {'%':>5}  {'objects':>10}  {heading}"
            for row in rows[:_ROWS]:
                yield f"{_share(row.bytes, found.bytes)}  {row.objects:>10,}  {shorten(row.name, 80)}"
    if found.globals:
        yield ""
        yield f"{'bytes':>14}   {'%':>5}  {'uses':>10}  global"
        for named in found.globals[:_ROWS]:
            yield f"{_share(named.bytes, found.bytes)}  {named.uses:>10,}  {shorten(named.name, 80)}"


def _tree(part: Part, whole: int, least: float, depth: int) -> Iterator[str]:
    several = f" x {part.objects:,}" if part.objects > 1 else ""
    yield f"{_share(part.bytes, whole)}  {shorten(part.path, 100)}  {part.kind}{several}"
    if depth > 0:
        for inner in part.parts:
            if inner.bytes >= least * whole:
                yield from _tree(inner, whole, least, depth - 1)


def _share(size: int, whole: int) -> str:
    return f"{size:>14,}   {100 * size / max(whole, 1):>5.1f}"


def as_json(found: Sizes) -> dict[str, object]:
    """Everything, as JSON has it."""
    return {
        "bytes": found.bytes,
        "pickles": found.pickles,
        "roots": [_part_as_json(root) for root in found.roots],
        "classes": [row._asdict() for row in found.classes],
        "builtins": [row._asdict() for row in found.builtins],
        "globals": [row._asdict() for row in found.globals],
    }


def _part_as_json(part: Part) -> dict[str, object]:
    return {
        "path": part.path,
        "kind": part.kind,
        "bytes": part.bytes,
        "objects": part.objects,
        "parts": [_part_as_json(inner) for inner in part.parts],
    }
