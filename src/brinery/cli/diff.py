"""``brinery diff A B``: what differs between two pickles."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from brinery.cli.installation import add_plugins_argument, chosen_names
from brinery.cli.problems import Problem
from brinery.cli.streams import Pickles, add_file_argument, called, explain_fault
from brinery.errors import ReadError
from brinery.stream import Difference, diff
from brinery.stream.globals import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from brinery.cli.streams import Stream

__all__ = ["HELP", "NAME", "SUMMARY", "TROUBLE", "arguments", "run"]

NAME = "diff"
SUMMARY = "show what differs between two pickles, by path and value, without loading them"
HELP = """\
Show what differs between two pickles, one line each: the path from the root,
and what is there. Nothing is imported or loaded. Protocols, frames and memos
are no differences, nor are the forms in which older protocols write things.

  -  only the first has it      +  only the second has it
  ~  both have it, and it differs
  =  equal, but one object with another place in one of the two only

The exit code is that of diff: 0 nothing differs, 1 something does, 2 trouble.

examples:
  brinery diff before.pickle after.pickle
  brinery diff old.pickle.gz new.pickle
  brinery diff a.pickle b.pickle --plugins    names as brinery.load reads them
  brinery diff model-1.pt model-2.pt --json"""

#: The exit code where something is wrong, as diff has it: 1 says that there are differences.
TROUBLE = 2

_SIGNS = {"changed": "~", "removed": "-", "added": "+", "shared": "="}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser, "A", "B")
    parser.add_argument("--limit", type=int, metavar="N", help="stop after N differences")
    parser.add_argument(
        "--encoding",
        default="ASCII",
        metavar="NAME",
        help="of Python 2's strings, as for a load (default: ASCII)",
    )
    add_plugins_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(options: argparse.Namespace) -> int:
    """Print the differences; 1 if there are any. Raises Problem where either file is no sound pickle."""
    try:
        found = list(islice(_differences(options, chosen_names(options)), options.limit))
    except LookupError as unknown:
        raise Problem(f"--encoding {options.encoding}: {unknown}") from unknown
    if options.json:
        print(json.dumps([one._asdict() for one in found], indent=2))
    for one in () if options.json else found:
        print(_line(one))
    return 1 if found else 0


def _line(one: Difference) -> str:
    text = " → ".join(part for part in (one.left, one.right) if part)
    return f"{_SIGNS[one.kind]} {one.path}  {text}"


def _differences(
    options: argparse.Namespace, names: Callable[[str, str, bool], tuple[str, str]]
) -> Iterator[Difference]:
    """Of each pickle that is in both, by where it is; and what is in one only."""
    first, second = _contents(options.a, options.column), _contents(options.b, options.column)
    if len(first) == len(second) == 1:
        first, second = {"": next(iter(first.values()))}, {"": next(iter(second.values()))}
    for where, (data, one) in first.items():
        if where not in second:
            yield Difference(where, "removed", f"a pickle of {len(data):,} bytes", "")
            continue
        other_data, other = second[where]
        prefix = f"{printable(where)}: " if where else ""
        try:
            for found in diff(data, other_data, names=names, encoding=options.encoding):
                yield found._replace(path=prefix + found.path)
        except ReadError as fault:
            here = "in the second stream" not in getattr(fault, "__notes__", ())
            name, stream = (options.a, one) if here else (options.b, other)
            raise Problem(f"{called(name)}: {prefix}{explain_fault(fault, stream)}") from fault
    for where, (data, _) in second.items():
        if where not in first:
            yield Difference(where, "added", "", f"a pickle of {len(data):,} bytes")


def _contents(name: str, column: str | None) -> dict[str, tuple[bytes, Stream]]:
    """The pickles in a file, by where they are."""
    found = {}
    pickles = Pickles(name, column)
    for stream in pickles:
        with pickles.looking():
            pieces = []
            while piece := stream.read(1 << 20):
                pieces.append(piece)
            found[stream.where] = b"".join(pieces), stream
    return found
