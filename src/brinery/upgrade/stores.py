"""Pickles in columns of SQL databases."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from brinery.stream.columns import Column, database, refusals
from brinery.upgrade.rules import Rules, check_rules
from brinery.upgrade.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.upgrade.done import Done

__all__ = ["upgrade_column"]

_BATCH = 500


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
    damaged: it begins as a pickle and is none; and what the column is too short for, with what it becomes.
    `progress` is called with how many rows were looked at.

    Needs SQLAlchemy, which is imported here. Raises ValueError where that is missing, the table has no such
    column, or no primary key, or nobody knows an encoding, and for what the database refuses.
    """
    check_rules(rules)
    values = Values(rules)
    seen = 0
    with database(url) as engine:
        cells = Column(engine, table, column)
        with closing(cells.batches(batch)) as batches:
            for connection, rows in batches:
                _upgrade_batch(connection, cells, rows, values, dry_run)
                seen += len(rows)
                if progress is not None:
                    progress(seen)
    return values.done(cells.name, dry_run)


def _upgrade_batch(connection: Any, cells: Column, rows: list[Any], values: Values, dry_run: bool) -> None:
    replaced: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def refuse(key: tuple[Any, ...], why: str) -> None:
        values.written -= 1
        values.fail(_where(cells, key), why)

    for key, value in rows:
        new = values.upgrade(_where(cells, key), value)
        if new is None or dry_run:
            continue
        try:
            if cells.replace(connection, key, value, new):
                replaced[key] = value, new
            else:
                refuse(key, "another program has changed it meanwhile: run it again")
        except refusals() as refused:
            if len(new) <= len(value):
                raise
            why = str(getattr(refused, "orig", None) or refused).strip().partition("\n")[0]
            refuse(key, f"its pickle grows from {_size(value)} to {_size(new)}. {_TOO_SHORT}: {why}")
    if not replaced:
        return
    # A server may be set to cut what is too long, in silence.
    kept = cells.read(connection, rows[0][0], rows[-1][0])
    for key, (old, new) in replaced.items():
        there = kept.get(key)
        if there != new:
            if there is None or not cells.replace(connection, key, there, old):
                raise ValueError(f"{_where(cells, key)}: what was written is not there; this batch is undone")
            refuse(key, f"of {_size(new)} the database kept {_size(there)}. {_TOO_SHORT}")


_TOO_SHORT = "Make the column longer, and run it again"


def _where(cells: Column, key: tuple[Any, ...]) -> str:
    return f"{cells.name}[{', '.join(map(str, key))}]"


def _size(value: bytes | str) -> str:
    return f"{len(value):,} {'characters' if isinstance(value, str) else 'bytes'}"
