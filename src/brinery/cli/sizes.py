"""``brinery sizes FILE``: why a pickle is so big."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, TypeVar

from brinery.cli.problems import Problem
from brinery.cli.streams import JSON_HELP, FirstBytes, Pickles, add_file_argument, count
from brinery.errors import ReadError
from brinery.files import written_whole
from brinery.stream import Sizes, sizes
from brinery.stream.globals import printable, shorten
from brinery.stream.members import members_of
from brinery.stream.sizing import ClassSize, GlobalSize, Part
from brinery.stream.soundness import sound_before

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from brinery.cli.streams import Stream

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "sizes"
SUMMARY = "show what makes a pickle big: by path, by class, by global"
HELP = """\
Show how many bytes each object of a pickle takes, by its path from the root,
then by class and by global. Nothing is imported or loaded. Of an archive, the
files that are no pickles count, too.

What is shared counts where it is met first. Of many objects in one place only
the largest are told apart; the others are one line, […], and so are their
parts: root[…]['name'] is the names of all records.

examples:
  brinery sizes data.pickle
  brinery sizes data.pickle --least 0.1    smaller parts too
  brinery sizes data.pickle --json
  brinery sizes data.pickle --html sizes.html    a map to click through"""

_ROWS = 12
_KINDS = {0: "no pickle", 1: "pickle"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser)
    parser.add_argument(
        "--least",
        type=_percent,
        default=1.0,
        metavar="P",
        help="leave out what takes less than P percent (default: 1)",
    )
    parser.add_argument("--depth", type=count, default=6, metavar="N", help="show N steps from the root")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=f"{JSON_HELP}; complete")
    form.add_argument("--html", metavar="OUT", help="write a page with a map of the sizes instead")


def run(options: argparse.Namespace) -> int:
    """Print the sizes, or write the page; 1 where a pickle in a container, or behind others, is malformed."""
    if options.html:
        _check_target(options.html, options.file)
    found: list[tuple[str, Sizes]] = []
    pickles = Pickles(options.file, options.column)
    for stream in pickles:
        with pickles.looking():
            found.append((stream.where, _sizes(stream, pickles)))
    alone = len(found) == 1 and not found[0][0]
    if not alone and options.column is None and options.file != "-":
        found += _others(options.file, {where for where, _ in found})
    if options.json:
        listed = [{"where": where, **as_json(one)} if where else as_json(one) for where, one in found]
        print(json.dumps(listed[0] if alone else listed, indent=2))
        return int(bool(pickles.failed))
    whole = found[0][1] if alone else _together(found)
    if options.html:
        from brinery.cli.sizes_page import page

        _write(options.html, page(pickles.called, as_json(whole)))
        print(f"{options.html}: {whole.bytes:,} bytes of {pickles.called}")
    else:
        print("\n".join(_report(whole, options.least / 100, options.depth)))
    return int(bool(pickles.failed))


def _others(name: str, looked_into: set[str]) -> list[tuple[str, Sizes]]:
    """The files of an archive that hold no pickle, as the arrays beside PyTorch's pickle: so many bytes."""
    return [
        (member.name, Sizes(member.size, 0, (), (), (), ()))
        for member in members_of(name).values()
        if member.name not in looked_into
    ]


def _sizes(stream: Stream, pickles: Pickles) -> Sizes:
    """Of all pickles in the stream, or of those before the first fault, which is named."""
    begin = stream.tell() if stream.seekable() else None
    try:
        return sizes(stream)
    except ReadError:
        if begin is None:
            raise
        stream.seek(begin)
        count, end = sound_before(stream)
        if not count:
            raise
        stream.seek(begin)
        found = sizes(FirstBytes(stream, end))
        pickles.fail_behind(count, end, stream)
        return found


def _check_target(out: str, source: str) -> None:
    """Raise Problem where the page would take the place of what it is about, or of another pickle."""
    if os.path.exists(source) and os.path.exists(out) and os.path.samefile(source, out):
        raise Problem(f"--html {out}: that is the file itself; give the page a name of its own")
    if os.path.isdir(out):
        raise Problem(f"--html {out}: that is a folder, and no file")
    if not os.path.isfile(out):
        return
    with open(out, "rb") as file:
        beginning = file.read(64).lstrip()
    if beginning and not beginning.startswith(b"<"):
        raise Problem(f"--html {out}: a file of that name is there, and it is no page; remove it first")


def _write(out: str, text: str) -> None:
    try:
        with written_whole(out) as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as failed:
        raise Problem(f"--html {out}: {failed.strerror or failed}") from failed


def _percent(text: str) -> float:
    """An option's percentage. Raises ArgumentTypeError for what is none."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage from 0 to 100")
    return number


def _together(found: list[tuple[str, Sizes]]) -> Sizes:
    """The sizes of a container: each pickle in it is a root, the largest first."""
    roots = [
        Part(printable(where), _KINDS.get(one.pickles, "pickles"), one.bytes, one.pickles, one.roots)
        for where, one in found
    ]
    return Sizes(
        sum(one.bytes for _, one in found),
        sum(one.pickles for _, one in found),
        tuple(sorted(roots, key=lambda root: -root.bytes)),
        _summed(row for _, one in found for row in one.classes),
        _summed(row for _, one in found for row in one.builtins),
        _summed(row for _, one in found for row in one.globals),
    )


_Row = TypeVar("_Row", ClassSize, GlobalSize)


def _summed(rows: Iterable[_Row]) -> tuple[_Row, ...]:
    """One row for each name, the largest first."""
    totals: dict[str, _Row] = {}
    for row in rows:
        there = totals.get(row[0])
        if there is not None:
            row = type(row)(row[0], there[1] + row[1], there[2] + row[2])
        totals[row[0]] = row
    return tuple(sorted(totals.values(), key=lambda row: -row.bytes))


def _report(found: Sizes, least: float, depth: int) -> Iterator[str]:
    pickles = "1 pickle" if found.pickles == 1 else f"{found.pickles:,} pickles"
    yield f"{found.bytes:,} bytes, {pickles}"
    yield ""
    yield f"{'bytes':>14}   {'%':>5}  path"
    for root in found.roots:
        if len(found.roots) > 1 and root.bytes < least * found.bytes:
            continue
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
