"""``brinery refs FILE``: what a pickle refers to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from brinery.cli.installation import add_plugins_argument, chosen_look
from brinery.cli.streams import JSON_HELP, Pickles, add_file_argument, fault_words
from brinery.stream import Nested, References, references
from brinery.stream.globals import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from brinery.stream import GlobalName
    from brinery.stream.naming import Today

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "refs"
SUMMARY = "list globals and persistent IDs, without loading anything"
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

What stands before a fault is listed, then the fault is named: a load does what
stands before it, too. The exit code is 1 then.

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
    parser.add_argument(
        "--all", action="store_true", help=f"list all persistent IDs and pickles in bytes, not only {_SHOWN}"
    )
    add_plugins_argument(parser)
    parser.add_argument("--json", action="store_true", help=JSON_HELP)


def run(options: argparse.Namespace) -> int:
    """Print what the file refers to; 1 where a pickle in a container is malformed.

    Raises Problem for a malformed pickle behind what was found before the fault, and where plugins are wanted
    that do not go together.
    """
    look = chosen_look(options)
    listed: list[dict[str, object]] = []
    contained = False
    pickles = Pickles(options.file, options.column)
    try:
        for stream in pickles:
            with pickles.looking():
                found = references(stream, strict=False)
                stream.done()
                contained = contained or bool(stream.where)
                if found.fault is not None and not _anything(found):
                    raise found.fault
                report = _Report(found, look)
                if options.json:
                    where = {"where": stream.where} if contained else {}
                    listed.append({**where, **report.as_json()})
                else:
                    if stream.where:
                        print(f"{chr(10) if pickles.met > 1 else ''}{printable(stream.where)}: ", end="")
                    print(_count(found.pickles, "pickle"))
                    report.show(options.all)
                if found.fault is not None:
                    raise found.fault
    finally:
        if listed:
            print(json.dumps(listed if contained else listed[0], indent=2))
    if options.json and not listed:
        print("[]")
    return int(bool(pickles.failed))


def _anything(found: References) -> bool:
    return bool(found.pickles or found.globals or found.persistent_ids or found.extensions or found.nested)


class _Report:
    """What one stream refers to, and what becomes of its names here."""

    def __init__(self, found: References, look: Callable[[str, str, bool, bool], Today]) -> None:
        self.found = found
        self.look = look
        self.today = {name: look(*name, name in found.era, name in found.dotted) for name in found.globals}

    def show(self, every: bool) -> None:
        """Print it all."""
        found = self.found
        _section("global", ((n, self._described(name)) for name, n in found.globals.most_common()))
        ids = found.persistent_ids.most_common()
        _section("persistent ID", ((n, i) for i, n in ids), None if every else _SHOWN)
        if found.extensions:
            _section("extension code", ((n, str(code)) for code, n in found.extensions.most_common()))
        self._show_nested(every)
        if found.unlooked:
            print(
                f"\n{_count(found.unlooked, 'more byte string')} may hold a pickle and could not be looked "
                "into: long text of older protocols, or pickles that lie more than 32 deep in each other"
            )

    def _show_nested(self, every: bool) -> None:
        """Pickles in bytes; those that refer to the very same are told of once."""
        alike: dict[int, list[Nested]] = {}
        for nested in self.found.nested:
            alike.setdefault(id(nested.references), []).append(nested)
        groups = list(alike.values())
        for group in groups if every else groups[:_SHOWN]:
            first, *others = group
            if others:
                size = sum(nested.size for nested in group)
                print(
                    f"\neach of {len(group):,} pickles in bytes, {size:,} together, "
                    f"of which the first are at offset {first.offset}:"
                )
            else:
                print(f"\na pickle in the {first.size:,} bytes at offset {first.offset}:")
            _Report(first.references, self.look).show(every)
            if first.references.fault is not None:
                print(f"\nthen, in these bytes: {printable(fault_words(first.references.fault))}")
        if not every and len(groups) > _SHOWN:
            more = sum(map(len, groups[_SHOWN:]))
            print(f"\n{_count(more, 'more pickle')} in bytes; --all lists them")

    def _described(self, name: GlobalName) -> str:
        today = self.today[name]
        plain = ".".join(today.name)
        text = str(name) if name == today.name else f"{name}  →  {printable(plain)}"
        if today.reaches and today.reaches != plain:
            text += f"  =  {printable(today.reaches)}"
        if today.status in ("no module", "no name"):
            what = today.name[0] if today.status == "no module" else today.name[1]
            why = f"; {printable(today.reason)}" if today.reason else ""
            text += f"  (not found here: {today.status} {printable(what)}{why})"
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
                    "loads_as": ".".join(today.name),
                    "status": today.status,
                    "reaches": today.reaches or ".".join(today.name),
                    "stands_in": today.stands_in,
                    "reason": today.reason,
                    "uses": count,
                }
                for name, count in found.globals.most_common()
                for today in (self.today[name],)
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
                    **_Report(nested.references, self.look).as_json(),
                }
                for nested in found.nested
            ],
            "unlooked": found.unlooked,
            "fault": None if found.fault is None else fault_words(found.fault),
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
