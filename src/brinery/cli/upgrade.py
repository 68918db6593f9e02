"""``brinery upgrade SRC…``: old pickles made new."""

from __future__ import annotations

import dbm
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brinery.cli.installation import chosen_profile
from brinery.cli.problems import Problem
from brinery.errors import BrineryError
from brinery.stream.globals import printable
from brinery.urls import redacted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from brinery.upgrade import Changes, Done, Rules

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "upgrade"
SUMMARY = "rewrite old pickles: protocol, names and Python 2's strings, without loading them"
HELP = """\
Rewrite pickles at another protocol, with today's names, and with Python 2's
strings as text or bytes. Nothing that they name is imported, called or built.

SRC is a file (of pickles, perhaps compressed; a zip archive; an .npy file of
objects), a folder with all that is in it, or a shelf or other dbm file. With
--column, SRC is the URL of a database, for which SQLAlchemy has to be there.

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
    where.add_argument("--to", metavar="DEST", help="write the new files into this folder")
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
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="as many processes (default: 1)")
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="a Dask scheduler, whose workers see the same files"
    )
    parser.add_argument(
        "--again", action="store_true", help="write files anew that an earlier run has written"
    )
    parser.add_argument("--keep-old", action="store_true", help="keep the old files: .NAME.brinery-old")


def run(options: argparse.Namespace) -> int:
    """Upgrade, and say what was changed; 1 if something failed."""
    from brinery.upgrade import Changes

    rules = _rules(options)
    total = Changes()
    states: dict[str, int] = {}
    with _Progress() as progress:
        try:
            for done in _work(options, rules, progress):
                total = total.plus(done.changes)
                states[done.state] = states.get(done.state, 0) + 1
                progress.show(sum(states.values()), total)
                if done.state == "failed" or (done.state == "other" and done.path in options.sources):
                    progress.clear()
                    print(f"{printable(done.path)}: {printable(done.error)}", file=sys.stderr)
        except (ValueError, OSError, *dbm.error) as failed:
            raise Problem(redacted(str(failed))) from failed
        except BrineryError as failed:
            raise Problem(str(failed)) from failed
    unknown = _unknown(total, options)
    print("\n".join(_report(states, total, unknown, options)))
    return int("failed" in states)


def _rules(options: argparse.Namespace) -> Rules:
    from brinery.upgrade import Rules

    attributes = {}
    for rule in options.text:
        place, equals, encoding = rule.rpartition("=")
        if not equals or ":" not in place:
            raise Problem(f"--text {rule}: a rule is module:Class.attribute=ENCODING, or =bytes")
        attributes[place] = encoding
    chosen_profile()  # whatever is wrong with plugins is told before anything is written
    return Rules(options.protocol, options.encoding, options.errors, attributes)


def _work(options: argparse.Namespace, rules: Rules, progress: _Progress) -> Iterator[Done]:
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
            yield upgrade_dbm(source, rules, to, dry_run=dry)
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
    if os.path.isdir(path):
        return False
    if os.path.isfile(path):
        with open(path, "rb") as file:
            if file.read(6) == b"SQLite" and not _is_dbm_table(path):
                return False
    try:
        return bool(dbm.whichdb(path))
    except OSError:
        return False


def _is_dbm_table(path: str) -> bool:
    """Whether an SQLite database is one of dbm.sqlite3's."""
    import sqlite3

    database = sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)
    try:
        columns = [row[1] for row in database.execute("PRAGMA table_info('Dict')")]
    except sqlite3.DatabaseError:
        return False
    finally:
        database.close()
    return columns == ["key", "value"]


def _unknown(total: Changes, options: argparse.Namespace) -> list[str]:
    """Names that are not found here; and with --learn, the table for them."""
    if not (options.dry_run or options.learn):
        return []
    from brinery.upgrade import learning

    if not options.learn:
        return learning.unresolved(total.names)
    proposals = learning.propose(total.names, options.search)
    Path(options.learn).write_text(learning.table_of(proposals), encoding="utf-8")
    certain = sum(len(one.places) == 1 for one in proposals)
    print(f"{options.learn}: {certain} rules for {len(proposals)} names that are not found here")
    return [one.name for one in proposals if len(one.places) != 1]


def _report(
    states: dict[str, int], total: Changes, unknown: list[str], options: argparse.Namespace
) -> Iterator[str]:
    words = {
        "other": "no pickles",
        "same": "would be read" if options.dry_run or options.learn else "the same already",
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
    if unknown:
        yield f"{len(unknown):,} names are not found here, and no rule knows them:"
        yield from (f"{total.names[name]:>8,}  {printable(name)}" for name in unknown)


class _Progress:
    """A line on standard error, where that is a terminal, that says what was changed so far."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._began = time.monotonic()
        self._next = 0.0
        self._drawn = False

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        self.clear()

    def show(self, files: int, total: Changes) -> None:
        now = time.monotonic()
        if not self._shown or now < self._next:
            return
        speed = total.before / 1e6 / max(now - self._began, 1e-3)
        names = f", {len(total.renamed):,} names changed" if total.renamed else ""
        strings = f", {total.text + total.binary:,} strings" if total.text + total.binary else ""
        self._draw(f"{files:,} files, {total.pickles:,} pickles, {speed:,.0f} MB/s{names}{strings}", now)

    def rows(self, count: int) -> None:
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._draw(f"{count:,} rows", now)

    def _draw(self, text: str, now: float) -> None:
        self._next = now + 0.1
        self._drawn = True
        print(f"\r{text[:78]:<78}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._drawn:
            print("\r" + " " * 78 + "\r", end="", file=sys.stderr, flush=True)
            self._drawn = False
