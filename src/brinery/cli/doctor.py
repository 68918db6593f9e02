"""``brinery doctor FILE``: why a pickle does not load."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from brinery.cli.installation import add_plugins_argument, chosen_plan
from brinery.cli.streams import Pickles, add_file_argument
from brinery.stream import diagnose
from brinery.stream.globals import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from brinery.stream import Diagnosis

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "doctor"
SUMMARY = "say why a pickle does not load here, and what would help, without running any of it"
HELP = """\
Say what a file is, where it breaks, and which rule, plugin, encoding or Python
version would help. Nothing in it is imported, called or built. It tells whether
a load goes well, not whether whoever wrote the file means well.

  x  a load fails because of this
  ?  only a load can tell
  -  good to know

The exit code is 1 where something makes a load fail.

examples:
  brinery doctor data.pickle
  brinery doctor data.pickle --plugins    with the installed plugins' rules
  brinery doctor model.pt --json"""

_SIGNS = {"fails": "x", "unsure": "?", "fine": "-"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser)
    add_plugins_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(options: argparse.Namespace) -> int:
    """Print what was found; 1 where a load would fail."""
    # A conflict of plugins is a finding here.
    plan = chosen_plan(options)
    found: list[tuple[str, Diagnosis]] = []
    pickles = Pickles(options.file, options.column)
    for stream in pickles:
        with pickles.looking():
            found.append((stream.where, diagnose(stream, plan=plan)))
    if options.json:
        listed = [
            {
                "where": where,
                "what": one.what,
                "weight": one.weight,
                "findings": [f._asdict() for f in one.findings],
            }
            for where, one in found
        ]
        print(json.dumps(listed if len(listed) > 1 else listed[0], indent=2))
    else:
        for where, one in found:
            print("\n".join(_report(pickles.called, where, one)))
    return int(any(one.weight == "fails" for _, one in found))


def _report(name: str, where: str, one: Diagnosis) -> Iterator[str]:
    yield f"{name}{f', {printable(where)}' if where else ''}: {one.what}"
    for finding in one.findings:
        yield f"{_SIGNS[finding.weight]} {finding.what}"
        if finding.advice:
            yield f"    {finding.advice}"
    if one.weight == "fine":
        yield "nothing keeps it from loading here. Whether to trust it is another question:"
        yield "a load calls what it names, which brinery refs lists"
