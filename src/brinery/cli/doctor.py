"""``brinery doctor FILE``: why a pickle does not load."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from brinery.cli.installation import add_plugins_argument, chosen_plan
from brinery.cli.streams import JSON_HELP, Damaged, Pickles, add_file_argument, damage_words
from brinery.stream import Diagnosis, Finding, diagnose
from brinery.stream.globals import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "doctor"
SUMMARY = "say why a pickle does not load here, and what would help"
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

_NAMED = 10  # pickles of which the same is said
_SIGNS = {"fails": "x", "unsure": "?", "fine": "-"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser)
    add_plugins_argument(parser)
    parser.add_argument("--json", action="store_true", help=JSON_HELP)


def run(options: argparse.Namespace) -> int:
    """Print what was found; 1 where a load would fail."""
    # A conflict of plugins is a finding here.
    plan = chosen_plan(options)
    found: list[tuple[str, Diagnosis]] = []

    def unlooked(where: str, why: str) -> None:
        finding = Finding("fails", why, "what a load makes of it is not known")
        found.append((where, Diagnosis("not looked at" if where else "not all of it", "fails", (finding,))))

    pickles = Pickles(options.file, options.column, forgiving=True, unlooked=unlooked)
    try:
        for stream in pickles:
            with pickles.looking():
                one = diagnose(stream, plan=plan)
                if stream.damage is not None:
                    words = damage_words(options.file, stream)
                    one = _damaged(words, one if stream.beginning else None)
                found.append((stream.where, one))
    except Damaged as damaged:
        if not damaged.damage:
            raise
        found.append(("", _damaged(damaged.damage)))
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
        alone = len(found) == 1 and not found[0][0]
        print(json.dumps(listed[0] if alone else listed, indent=2))
    else:
        # Of a shelf or column with thousands of pickles, those of which the same is said are told of once.
        alike: dict[Any, list[tuple[str, Diagnosis]]] = {}
        for where, one in found:
            alike.setdefault((one.weight, one.findings), []).append((where, one))
        for (where, one), *others in alike.values():
            print("\n".join(_report(pickles.called, where, one, [where for where, _ in others])))
    return int(bool(pickles.failed) or any(one.weight == "fails" for _, one in found))


def _damaged(words: str, one: Diagnosis | None = None) -> Diagnosis:
    """What is to be said where what a stream lies in is damaged, and `one` of what stands before that."""
    finding = Finding("fails", words, "get it again from where it came: what can be read of it is not all")
    if one is None:
        return Diagnosis("nothing of it can be read", "fails", (finding,))
    return Diagnosis(one.what, "fails", (finding, *one.findings))


def _report(name: str, where: str, one: Diagnosis, others: list[str]) -> Iterator[str]:
    yield f"{name}{f', {printable(where)}' if where else ''}: {one.what}"
    if others:
        rest = f", and {len(others) - _NAMED:,} more, which --json names" if len(others) > _NAMED else ""
        yield f"    and the same of {', '.join(map(printable, others[:_NAMED]))}{rest}"
    for finding in one.findings:
        yield f"{_SIGNS[finding.weight]} {printable(finding.what)}"
        if finding.advice:
            yield f"    {printable(finding.advice)}"
    if one.weight == "fine":
        yield "nothing keeps it from loading here. Whether to trust it is another question:"
        yield "a load calls what it names, which brinery refs lists"
