"""``brinery upgrade SRC…``: old pickles made new."""

from __future__ import annotations

import dbm
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brinery.cli.installation import chosen_profile
from brinery.cli.problems import Problem
from brinery.cli.progress import Progress
from brinery.errors import BrineryError
from brinery.files import is_device
from brinery.stream.globals import printable
from brinery.urls import redacted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from brinery.upgrade import Changes, Done, Rules

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "upgrade"
SUMMARY = "rewrite old pickles: protocol, names and Python 2's strings"
HELP = """\
Rewrite pickles at another protocol, with today's names, and with Python 2's
strings as text or bytes. Nothing that they name is imported, called or built.
What only a plugin can mend, when a pickle is loaded, is said, file by file.

SRC is a file (of pickles, perhaps compressed; a zip or tar archive; an .npy
file of objects), a folder with all that is in it, or a shelf or other dbm file.
With --column, SRC is the URL of a database, for which SQLAlchemy has to be
there.

In place, each file is written beside the old one, verified, and takes its name
in one step; the old ones are kept until all are done. Whatever interrupts it,
the same command goes on.

examples:
  brinery upgrade old.pickle --to new/
  brinery upgrade archive/ --in-place --encoding utf-8 --jobs 4
  brinery upgrade archive/ --dry-run    what would change, and what nobody knows
  brinery upgrade archive/ --learn renamed.py     rules to look through
  brinery upgrade archive/ --in-place --text shop.models:Order.code=bytes
  brinery upgrade sqlite:///shop.db --column orders.data --in-place"""

_SHOWN = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "sources", nargs="+", metavar="SRC", help="files, folders, shelves; or a database's URL"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--to", metavar="DEST", help="write the new files into this folder, and copy what is no pickle"
    )
    where.add_argument("--in-place", action="store_true", help="replace the files")
    where.add_argument("--dry-run", action="store_true", help="write nothing; say what would change")
    where.add_argument("--learn", metavar="OUT", help="write nothing but a plugin's table for unknown names")
    parser.add_argument("--protocol", type=int, default=5, choices=range(6), help="to write (default: 5)")
    parser.add_argument(
        "--encoding", default="ASCII", metavar="NAME", help="of Python 2's strings (default: ASCII)"
    )
    parser.add_argument(
        "--errors", default="strict", metavar="HOW", help="as for a load; bytes keeps what fails"
    )
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="RULE",
        help="module:Class.attribute=ENCODING, or =bytes",
    )
    parser.add_argument("--column", metavar="TABLE.COLUMN", help="the pickles in a column of a database")
    parser.add_argument(
        "--search", action="append", default=[], metavar="PACKAGE", help="--learn looks there, too"
    )
    parser.add_argument("--jobs", type=_count, default=1, metavar="N", help="as many processes (default: 1)")
    parser.add_argument(
        "--report", metavar="FILE", help="write what became of each file there, as JSON lines"
    )
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="a Dask scheduler, whose workers see the same files"
    )
    parser.add_argument(
        "--again", action="store_true", help="write files anew that an earlier run has written"
    )
    parser.add_argument("--keep-old", action="store_true", help="keep the old files: .NAME.brinery-old")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


_count.__name__ = "number of processes"  # argparse says so of what it refuses


def run(options: argparse.Namespace) -> int:
    """Upgrade, and say what was changed; 1 if something failed."""
    from brinery.upgrade import Changes

    rules = _rules(options)
    total = Changes()
    states: dict[str, int] = {}
    left = 0
    wanting = _Wanting()
    with Progress(options.sources, options.to) as progress, _Report(options.report) as report:
        try:
            for done in _work(options, rules, progress):
                total = total.plus(done.changes)
                states[done.state] = states.get(done.state, 0) + 1
                left += len(done.left)
                wanting.add(done)
                report.add(done)
                progress.show(sum(states.values()), total)
                for line in _said(done, options):
                    progress.clear()
                    print(line, file=sys.stderr)
        except (ValueError, OSError, *dbm.error) as failed:
            raise Problem(redacted(str(failed))) from failed
        except BrineryError as failed:
            raise Problem(str(failed)) from failed
        except KeyboardInterrupt:
            progress.clear()
            print("\n".join(_interrupted(states, options)), file=sys.stderr)
            return 130
    unknown = _unknown(total, options)
    # What goes into a pipe may be this very output.
    out = sys.stderr if options.to and is_device(options.to) else sys.stdout
    print("\n".join([*_told(states, total, unknown, options), *wanting.told()]), file=out)
    return int("failed" in states or left > 0)


def _interrupted(states: dict[str, int], options: argparse.Namespace) -> Iterator[str]:
    """What is said after Ctrl-C: what is done, what that means, and how to go on."""
    counts = ", ".join(f"{count:,} {state}" for state, count in states.items())
    yield f"interrupted: of {'columns' if options.column else 'files'} so far: {counts or 'none'}"
    if options.in_place and not options.column:
        yield (
            "every name has a whole file, the old one or the new one; the old ones are kept as "
            ".NAME.brinery-old. The same command goes on, and removes them when all is done"
        )
    elif options.in_place:
        yield "each batch of rows is written whole or not at all; the same command goes on"
    elif options.to:
        yield f"the files in {options.to} are whole; the same command goes on"
    else:
        yield "nothing was written"


def _said(done: Done, options: argparse.Namespace) -> Iterator[str]:
    """What is said of a file or column as soon as it is done."""
    path = printable(redacted(done.path))
    if done.faults:
        yield from (f"{path}: {printable(fault)}" for fault in done.faults)
        if done.error.endswith("more)") and len(done.faults) == 100:
            yield f"{path}: and more of these"
    elif done.state in ("failed", "left out") or (
        done.state in ("other", "copied") and done.path in options.sources
    ):
        yield f"{path}: {printable(done.error)}"
    if done.note:
        yield f"{path}: {printable(done.note)}"
    yield from (f"{path}: left as it is: {printable(one)}" for one in done.left)


class _Wanting:
    """Which files want a plugin still when they are loaded, and for what."""

    def __init__(self) -> None:
        self._files = 0
        self._shown: list[tuple[str, list[str]]] = []
        self._names: dict[str, int] = {}
        self._why: dict[str, str] = {}

    def add(self, done: Done) -> None:
        needs = done.changes.needs
        if not needs:
            return
        self._files += 1
        if len(self._shown) < _SHOWN:
            self._shown.append((done.path, sorted(needs)))
        for name in needs:
            self._names[name] = self._names.get(name, 0) + 1
        self._why.update(done.changes.why)

    def told(self) -> Iterator[str]:
        if not self._files:
            return
        profile = chosen_profile()
        files = f"{self._files:,} file{'s' if self._files > 1 else ''}"
        yield f"{files} may want a plugin still, to mend what they hold when it is loaded:"
        names = sorted(self._names, key=lambda name: (-self._names[name], name))
        for name in names[:_SHOWN]:
            plugins = sorted({say.plugin.name for say in profile.explain(name).says if say.wins})
            by = f" (plugin {', '.join(plugins)})" if plugins else ""
            yield f"{self._names[name]:>8,}  {printable(name)}: {self._why[name]}{by}"
        if len(names) > _SHOWN:
            yield f"{'…':>8}  {len(names) - _SHOWN:,} more names"
        for path, needs in self._shown:
            some = printable(", ".join(needs[:3]))
            yield f"          {printable(path)}: {some}{', …' if len(needs) > 3 else ''}"
        if self._files > len(self._shown):
            yield f"{'…':>8}  {self._files - len(self._shown):,} more files; --report FILE has them all"
        yield "keep that plugin for them; or load each with it, and dump what comes of it"


class _Report:
    """What became of each file, in a file of its own: a line of JSON for each."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> _Report:
        if self._path is not None:
            self._file = Path(self._path).open("w", encoding="utf-8")
        return self

    def __exit__(self, *_: Any) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, done: Done) -> None:
        if self._file is None:
            return
        changes = done.changes
        line = {
            "path": redacted(done.path),
            "state": done.state,
            "error": done.error,
            "faults": list(done.faults),
            "note": done.note,
            "left": list(done.left),
            "pickles": changes.pickles,
            "before": changes.before,
            "after": changes.after,
            "renamed": [[old, new, count] for (old, new), count in changes.renamed.items()],
            "text": changes.text,
            "binary": changes.binary,
            "ruled": changes.ruled,
            "wants": {name: changes.why[name] for name in changes.needs},
        }
        print(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace").decode(), file=self._file)


def _rules(options: argparse.Namespace) -> Rules:
    from brinery.upgrade import Rules
    from brinery.upgrade.rules import check_rules

    attributes = {}
    for rule in options.text:
        place, equals, encoding = rule.rpartition("=")
        if not equals or ":" not in place or not encoding:
            raise Problem(f"--text {rule}: a rule is module:Class.attribute=ENCODING, or =bytes")
        attributes[place] = encoding
    chosen_profile()  # whatever is wrong with plugins is told before anything is written
    rules = Rules(options.protocol, options.encoding, options.errors, attributes)
    try:
        check_rules(rules)
    except ValueError as unknown:
        raise Problem(f"--encoding, --errors or --text: {unknown}") from unknown
    return rules


def _places(options: argparse.Namespace) -> Iterator[str]:
    yield from dict.fromkeys(rule.rpartition("=")[0] for rule in options.text)


def _work(options: argparse.Namespace, rules: Rules, progress: Progress) -> Iterator[Done]:
    from brinery.upgrade import upgrade_column, upgrade_dbm, upgrade_files

    dry = bool(options.dry_run or options.learn)
    if options.column:
        table, _, column = options.column.rpartition(".")
        if not table or options.to:
            raise Problem("--column is TABLE.COLUMN, and goes with --in-place or --dry-run")
        for url in options.sources:
            yield upgrade_column(url, table, column, rules, dry_run=dry, progress=progress.rows)
        return
    files = []
    for source in options.sources:
        if _is_shelf(source):
            to = os.path.join(options.to, os.path.basename(source)) if options.to else None
            if to is not None:
                os.makedirs(options.to, exist_ok=True)
            yield upgrade_dbm(source, rules, to, dry_run=dry, again=options.again, keep_old=options.keep_old)
        elif not os.path.exists(source):
            raise Problem(f"{source}: there is no such file or folder")
        else:
            files.append(source)
    yield from upgrade_files(
        files,
        rules,
        to=options.to,
        jobs=options.jobs,
        dask=options.dask,
        dry_run=dry,
        again=options.again,
        keep_old=options.keep_old,
    )


def _is_shelf(path: str) -> bool:
    from brinery.upgrade.databases import is_dbm_table
    from brinery.upgrade.shelves import is_interrupted

    if os.path.isdir(path):
        return False
    if is_interrupted(path):
        return True
    if os.path.isfile(path):
        with open(path, "rb") as file:
            if file.read(6) == b"SQLite" and not is_dbm_table(path):
                return False
    try:
        return bool(dbm.whichdb(path))
    except OSError:
        return False


def _unknown(total: Changes, options: argparse.Namespace) -> list[str]:
    """Names that are not found here; and with --learn, the table for them."""
    from brinery.upgrade import learning

    if not options.learn:
        return [name for name in learning.unresolved(total.names) if name not in total.needs]
    proposals = learning.propose(total.names, options.search)
    Path(options.learn).write_text(learning.table_of(proposals), encoding="utf-8")
    certain = sum(len(one.places) == 1 for one in proposals)
    print(f"{options.learn}: {certain} rules for {len(proposals)} names that are not found here")
    return [one.name for one in proposals if len(one.places) != 1]


def _told(
    states: dict[str, int], total: Changes, unknown: list[str], options: argparse.Namespace
) -> Iterator[str]:
    words = {
        "other": "no pickles",
        "same": "would be read" if options.dry_run or options.learn else "the same already",
        "copied": "no pickles, copied",
    }
    what = "columns or files" if options.column else "files"
    counts = ", ".join(f"{count:,} {words.get(state, state)}" for state, count in states.items())
    yield f"{sum(states.values()):,} {what}: {counts or 'none'}"
    size = f"{total.before:,} bytes → {total.after:,} bytes"
    yield f"{total.pickles:,} pickles, {size} at protocol {options.protocol}"
    if total.text or total.binary:
        yield f"strings of Python 2: {total.text:,} became text, {total.binary:,} bytes"
    if total.renamed:
        yield f"{len(total.renamed):,} names changed:"
        for (old, new), count in total.renamed.most_common(_SHOWN):
            yield f"{count:>8,}  {printable(old)} → {printable(new)}"
        if len(total.renamed) > _SHOWN:
            yield f"{'…':>8}  {len(total.renamed) - _SHOWN:,} more"
    unused = [place for place in _places(options) if not total.ruled[place]]
    if unused and not states.keys() & {"done before", "failed"}:
        yield "--text rules that no string of Python 2 met; is the name the one of today, and the attribute?"
        yield from (f"          {printable(place)}" for place in unused)
    if unknown:
        yield f"{len(unknown):,} names are not found here, and no rule knows them:"
        plan = chosen_profile().read_plan
        for name in unknown:
            module, _, qualname = name.partition(":")
            reason = plan.why_gone((module, qualname))
            yield f"{total.names[name]:>8,}  {printable(name)}{f' ({reason})' if reason else ''}"
