"""Pickles in shelves and other dbm files, and in columns of SQL databases."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream.columns import Column, database
from brinery.upgrade.files import Done, upgrade_value, words_of
from brinery.upgrade.rules import Changes, Rules, check_rules

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["upgrade_column", "upgrade_dbm"]

_BATCH = 500
_NAMED = 100  # faults that are kept


class _Values:
    """Upgrades one value after the other, and counts."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.changes = Changes()
        self.failed = 0
        self.faults: list[str] = []
        self.others = 0
        self.written = 0

    def upgrade(self, where: str, value: object) -> bytes | None:
        """The new value; None where there is nothing to write."""
        if value is None:
            return None
        data = bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else b""
        try:
            upgraded = upgrade_value(data, self.rules)
        except (ReadError, ValueError) as fault:
            self.fail(where, words_of(fault))
            return None
        if upgraded is None:
            self.others += 1
            return None
        new, changes = upgraded
        self.changes = self.changes.plus(changes)
        if new == data:
            return None
        self.written += 1
        return new

    def fail(self, where: str, why: str) -> None:
        self.failed += 1
        if len(self.faults) < _NAMED:
            self.faults.append(f"{where}: {why}")

    def done(self, shown: str, dry_run: bool) -> Done:
        others = (
            f"{self.others:,} value{'s are' if self.others > 1 else ' is'} no pickle{'s' * (self.others > 1)}"
        )
        note = others if self.others else ""
        if self.failed:
            more = f" (and {self.failed - 1} more)" if self.failed > 1 else ""
            return Done(shown, "failed", self.changes, self.faults[0] + more, tuple(self.faults), note)
        state = "replaced" if self.written and not dry_run else "same"
        return Done(shown, state, self.changes, note=note)  # type: ignore[arg-type]


def upgrade_dbm(
    path: str | os.PathLike[str],
    rules: Rules,
    to: str | os.PathLike[str] | None = None,
    *,
    dry_run: bool = False,
    again: bool = False,
) -> Done:
    """Upgrade every value of a shelf, or of any other dbm file of pickles, that is a pickle.

    In place, each value is replaced by itself: after an interruption some are new and the others old, all of
    them whole as far as the dbm's own writing is; the next run goes on. With `to`, all are written into the
    dbm file of that name; what it has already under a key is written over only with `again`.

    Raises OSError and ``dbm.error`` where it cannot be opened, ValueError for an encoding that nobody knows.
    """
    import dbm

    check_rules(rules)
    shown = os.fspath(path)
    values = _Values(rules)
    writes = to is None and not dry_run
    with closing(dbm.open(shown, "w" if writes else "r")) as shelf:
        target: Any = None
        if to is not None and not dry_run:
            target = dbm.open(os.fspath(to), "c")  # noqa: SIM115 - closed below
        elif writes:
            target = shelf
        try:
            for key in list(shelf.keys()):
                value = shelf[key]
                failed = values.failed
                new = values.upgrade(f"[{key!r}]", value)
                if target is shelf:
                    if new is not None:
                        shelf[key] = new
                elif target is not None and values.failed == failed:
                    there, new = target.get(key), value if new is None else new
                    if there is None or (again and there != new):
                        target[key] = new
                    elif there != new:
                        values.fail(f"[{key!r}]", f"{to} has another value there: --again writes over it")
            if hasattr(target, "sync"):
                target.sync()
        finally:
            if target is not None and target is not shelf:
                target.close()
    done = values.done(shown, dry_run)
    return done if to is None or done.state == "failed" else done._replace(state="written")


def upgrade_column(
    url: str,
    table: str,
    column: str,
    rules: Rules,
    *,
    batch: int = _BATCH,
    dry_run: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Done:
    """Upgrade the pickles in one column of a SQL table, whichever database the SQLAlchemy `url` names.

    Rows are read in the order of their primary key and written in batches, each in a transaction that takes
    a row only if it still has the value that was read. After an interruption the batches before it are done,
    and the next run finds nothing to change in them. What is no pickle stays as it is, and so does what is
    damaged: it begins as a pickle and is none. `progress` is called with how many rows were looked at.

    Needs SQLAlchemy, which is imported here. Raises ValueError where that is missing, the table has no such
    column, or no primary key, or nobody knows an encoding, and for what the database refuses.
    """
    check_rules(rules)
    values = _Values(rules)
    seen = 0
    with database(url) as engine:
        cells = Column(engine, table, column)
        with closing(cells.batches(batch)) as batches:
            for connection, rows in batches:
                for key, value in rows:
                    where = ", ".join(map(str, key))
                    new = values.upgrade(f"{cells.name}[{where}]", value)
                    if new is None or dry_run:
                        continue
                    if not cells.replace(connection, key, value, new):
                        values.written -= 1
                        values.fail(
                            f"{cells.name}[{where}]",
                            "another program has changed it meanwhile: run it again",
                        )
                seen += len(rows)
                if progress is not None:
                    progress(seen)
    return values.done(cells.name, dry_run)
