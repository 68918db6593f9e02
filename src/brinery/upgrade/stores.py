"""Pickles in columns of SQL databases."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from brinery.stream.columns import Column, database
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
    damaged: it begins as a pickle and is none. `progress` is called with how many rows were looked at.

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
