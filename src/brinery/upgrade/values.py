"""Pickles that are values of a database: each is upgraded for itself, and they are counted."""

from __future__ import annotations

from brinery.errors import ReadError
from brinery.upgrade.contents import upgrade_value, words_of
from brinery.upgrade.done import Done
from brinery.upgrade.rules import Changes, Rules

__all__ = ["Values"]

_NAMED = 100  # faults that are kept


class Values:
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
