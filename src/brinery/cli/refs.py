"""``brinery refs FILE``: what a pickle refers to."""

from __future__ import annotations

import _compat_pickle
import json
from typing import TYPE_CHECKING

from brinery.cli.installation import chosen_profile
from brinery.cli.problems import Problem
from brinery.cli.streams import add_file_argument, open_stream
from brinery.errors import PluginConflict
from brinery.plan import NameMap, ReadPlan
from brinery.stream import GlobalName, References, references

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
of Python 2 is followed by the name under which it is loaded today. The name
tables of installed plugins count with --plugins, which imports these plugins.

examples:
  brinery refs data.pickle
  brinery refs data.pickle --all       every persistent ID, however many
  brinery refs data.pickle --plugins   every name as brinery.load would read it
  brinery refs data.pickle --json      the same for other programs, complete"""

_SHOWN = 20

# Without plugins: names as they stand in streams of protocol 2 and lower, to those of today.
_PLAIN = ReadPlan(era_names=NameMap(_compat_pickle.NAME_MAPPING, _compat_pickle.IMPORT_MAPPING))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser)
    parser.add_argument("--all", action="store_true", help=f"list all persistent IDs, not only {_SHOWN}")
    parser.add_argument(
        "--plugins", action="store_true", help="show names as the installed plugins' tables have them read"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(options: argparse.Namespace) -> None:
    """Print what the file refers to. Raises Problem where plugins are wanted that do not go together."""
    plan = chosen_profile().read_plan if options.plugins else _PLAIN
    with open_stream(options.file) as stream:
        found = references(stream)
    try:
        loaded_as = {name: _loaded_as(name, found, plan) for name in found.globals}
    except PluginConflict as conflict:
        raise Problem(str(conflict)) from conflict
    if options.json:
        print(json.dumps(_as_json(found, loaded_as), indent=2))
        return
    print(_count(found.pickles, "pickle"))
    _section("global", ((n, _described(name, loaded_as[name])) for name, n in found.globals.most_common()))
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


def _described(name: GlobalName, loaded_as: GlobalName) -> str:
    return str(name) if loaded_as == name else f"{name}  →  {loaded_as}"


def _loaded_as(name: GlobalName, found: References, plan: ReadPlan) -> GlobalName:
    """The name that is imported for `name`: brinery.engine.globals.find_global without the import."""
    if name in found.era and plan.era_names is not None:
        name = GlobalName(*plan.era_names.apply(*name))
    return name if plan.names is None else GlobalName(*plan.names.apply(*name))


def _as_json(found: References, loaded_as: dict[GlobalName, GlobalName]) -> dict[str, object]:
    return {
        "pickles": found.pickles,
        "globals": [
            {
                "module": name.module,
                "name": name.qualname,
                "loads_as": ".".join(loaded_as[name]),
                "uses": count,
            }
            for name, count in found.globals.most_common()
        ],
        "persistent_ids": [
            {"id": identity, "uses": count} for identity, count in found.persistent_ids.most_common()
        ],
        "extension_codes": [{"code": code, "uses": count} for code, count in found.extensions.most_common()],
    }
