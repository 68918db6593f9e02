"""``brinery refs FILE``: what a pickle refers to."""

from __future__ import annotations

import _compat_pickle
import json
from typing import TYPE_CHECKING

from brinery.cli.streams import add_file_argument, open_stream
from brinery.disassembly import GlobalName, References, printable, references
from brinery.plan import NameMap

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "refs"
SUMMARY = "list the globals and persistent IDs of a pickle, without loading it"
HELP = """\
List what a pickle refers to outside itself: its globals (the classes and
functions that loading would import) and its persistent IDs (what loading would
ask a store for). Nothing is imported or loaded.

The number is how often each is used, be it by name or through the memo. A name
of Python 2 is followed by the name under which it is loaded today.

examples:
  brinery refs data.pickle
  brinery refs data.pickle --all       every persistent ID, however many
  brinery refs data.pickle --json      the same for other programs, complete"""

_SHOWN = 20

# Names as they stand in streams of protocol 2 and lower, to those of today; no import of what they name.
_ERA_NAMES = NameMap(_compat_pickle.NAME_MAPPING, _compat_pickle.IMPORT_MAPPING)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser)
    parser.add_argument("--all", action="store_true", help=f"list all persistent IDs, not only {_SHOWN}")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(options: argparse.Namespace) -> None:
    """Print what the file refers to."""
    with open_stream(options.file) as stream:
        found = references(stream)
    if options.json:
        print(json.dumps(_as_json(found), indent=2))
        return
    print(_count(found.pickles, "pickle"))
    _section("global", ((count, _described(name, found)) for name, count in found.globals.most_common()))
    ids = found.persistent_ids.most_common()
    _section("persistent ID", ((n, i) for i, n in ids), None if options.all else _SHOWN)
    if found.extensions:
        _section("extension code", ((n, str(code)) for code, n in found.extensions.most_common()))


def _section(kind: str, rows: Iterable[tuple[int, str]], limit: int | None = None) -> None:
    """A heading and one line for each of `rows`, the first `limit` of them."""
    listed = list(rows)
    print(f"\n{_count(len(listed), kind)}")
    for count, text in listed[:limit]:
        print(f"{count:>8,}  {text}")
    if limit is not None and len(listed) > limit:
        print(f"{'…':>8}  {len(listed) - limit:,} more; --all lists them")


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _described(name: GlobalName, found: References) -> str:
    today = _today(name, found)
    return str(name) if today == name else f"{name}  →  {today}"


def _today(name: GlobalName, found: References) -> GlobalName:
    return GlobalName(*_ERA_NAMES.apply(*name)) if name in found.era else name


def _as_json(found: References) -> dict[str, object]:
    return {
        "pickles": found.pickles,
        "globals": [
            {
                "module": name.module,
                "name": name.qualname,
                "loads_as": ".".join(_today(name, found)),
                "uses": count,
            }
            for name, count in found.globals.most_common()
        ],
        "persistent_ids": [
            {"id": printable(identity), "uses": count}
            for identity, count in found.persistent_ids.most_common()
        ],
        "extension_codes": [{"code": code, "uses": count} for code, count in found.extensions.most_common()],
    }
