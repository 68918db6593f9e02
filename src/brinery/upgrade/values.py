"""Pickles that are values of a database: each is upgraded for itself, and they are counted."""

from __future__ import annotations

from typing import Any

from brinery.errors import ReadError
from brinery.upgrade.contents import upgrade_value, words_of
from brinery.upgrade.done import Done
from brinery.upgrade.rules import Changes, Rules
from brinery.upgrade.texts import upgrade_text

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
        self.texts = 0
        self.written = 0

    def upgrade(self, where: str, value: object) -> Any:
        """The new value, bytes or text as the old one is; None where there is nothing to write."""
        if value is None:
            return None
        data: bytes | str
        upgraded: tuple[bytes | str, Changes] | None
        try:
            if isinstance(value, str):
                data = value
                upgraded = upgrade_text(data, self.rules)
            else:
                data = bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else b""
                upgraded = upgrade_value(data, self.rules)
        except (ReadError, ValueError) as fault:
            self.fail(where, words_of(fault))
            return None
        if upgraded is None:
            self.others += 1
            return None
        new, changes = upgraded
        self.changes = self.changes.plus(changes)
        if isinstance(new, str) and "\n" in new and new.endswith("."):
            self.texts += 1
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
        texts = f"{self.texts:,} pickle{'s' * (self.texts > 1)} as text, of protocol 0, which no other one is"
        note = "; ".join(
            [others] * bool(self.others) + [texts] * (self.texts > 0 and self.rules.protocol > 0)
        )
        if self.failed:
            more = f" (and {self.failed - 1} more)" if self.failed > 1 else ""
            return Done(shown, "failed", self.changes, self.faults[0] + more, tuple(self.faults), note)
        state = "replaced" if self.written and not dry_run else "same"
        return Done(shown, state, self.changes, note=note)  # type: ignore[arg-type]
