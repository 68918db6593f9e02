"""``brinery refs FILE``: what a pickle refers to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from brinery.cli.installation import add_plugins_argument, chosen_names
from brinery.cli.streams import Pickles, add_file_argument
from brinery.stream import GlobalName, References, references
from brinery.stream.globals import printable
from brinery.stream.resolving import resolve

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "refs"
SUMMARY = "list the globals and persistent IDs of a pickle, without loading it"
HELP = """\
List what a pickle refers to outside itself: its globals (the classes and
functions that loading would import) and its persistent IDs (what loading would
ask a store for). Nothing is imported or loaded.

The number is how often each is used, be it by name or through the memo. A name
of Python 2 is followed by the name under which it is loaded today; the name
tables of installed plugins count with --plugins, which imports these plugins.
Behind a = stands what a name reaches in truth, where that is another; names
that are not found here are marked. Pickles within bytes are listed too, and
those in compressed files, zip archives, joblib's files, databases and shelves.

examples:
  brinery refs data.pickle
  brinery refs model.pt
  brinery refs postgresql+psycopg://user@host/shop --column orders.data
  brinery refs data.pickle --all       every persistent ID, however many
  brinery refs data.pickle --plugins   every name as brinery.load would read it
  brinery refs data.pickle --json      the same for other programs, complete"""

_SHOWN = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser)
    parser.add_argument("--all", action="store_true", help=f"list all persistent IDs, not only {_SHOWN}")
    add_plugins_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(options: argparse.Namespace) -> int:
    """Print what the file refers to; 1 where a pickle in a container is malformed.

    Raises Problem where plugins are wanted that do not go together.
    """
    names = chosen_names(options)
    listed: list[dict[str, object]] = []
    contained = False
    pickles = Pickles(options.file, options.column)
    for stream in pickles:
        with pickles.looking():
            found = references(stream)
            stream.done()
            report = _Report(found, names)
            contained = contained or bool(stream.where)
            if options.json:
                listed.append({"where": stream.where, **report.as_json()} if contained else report.as_json())
                continue
            if stream.where:
                print(f"{chr(10) if pickles.met > 1 else ''}{printable(stream.where)}: ", end="")
            print(_count(found.pickles, "pickle"))
            report.show(options.all)
    if options.json:
        print(json.dumps(listed if contained or not listed else listed[0], indent=2))
    return int(bool(pickles.failed))


class _Report:
    """What one stream refers to, and what becomes of its names here."""

    def __init__(self, found: References, names: Callable[[str, str, bool], tuple[str, str]]) -> None:
        self.found = found
        self.names = names
        self.loaded_as = {name: GlobalName(*names(*name, name in found.era)) for name in found.globals}
        self.resolved = {
            name: resolve(*self.loaded_as[name], dotted=name in found.dotted) for name in found.globals
        }

    def show(self, every: bool) -> None:
        """Print it all."""
        found = self.found
        _section("global", ((n, self._described(name)) for name, n in found.globals.most_common()))
        ids = found.persistent_ids.most_common()
        _section("persistent ID", ((n, i) for i, n in ids), None if every else _SHOWN)
        if found.extensions:
            _section("extension code", ((n, str(code)) for code, n in found.extensions.most_common()))
        for nested in found.nested:
            print(f"\na pickle in the {nested.size:,} bytes at offset {nested.offset}:")
            _Report(nested.references, self.names).show(every)

    def _described(self, name: GlobalName) -> str:
        loaded_as, resolution = self.loaded_as[name], self.resolved[name]
        text = str(name) if loaded_as == name else f"{name}  →  {loaded_as}"
        if resolution.reaches and resolution.reaches != ".".join(loaded_as):
            text += f"  =  {printable(resolution.reaches)}"
        if resolution.status in ("no module", "no name"):
            what = loaded_as.module if resolution.status == "no module" else loaded_as.qualname
            text += f"  (not found here: {resolution.status} {printable(what)})"
        return text

    def as_json(self) -> dict[str, object]:
        """Everything, as JSON has it."""
        found = self.found
        return {
            "pickles": found.pickles,
            "globals": [
                {
                    "module": name.module,
                    "name": name.qualname,
                    "loads_as": ".".join(self.loaded_as[name]),
                    "status": self.resolved[name].status,
                    "reaches": self.resolved[name].reaches or ".".join(self.loaded_as[name]),
                    "uses": count,
                }
                for name, count in found.globals.most_common()
            ],
            "persistent_ids": [
                {"id": identity, "uses": count} for identity, count in found.persistent_ids.most_common()
            ],
            "extension_codes": [
                {"code": code, "uses": count} for code, count in found.extensions.most_common()
            ],
            "nested": [
                {
                    "offset": nested.offset,
                    "bytes": nested.size,
                    **_Report(nested.references, self.names).as_json(),
                }
                for nested in found.nested
            ],
        }


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
