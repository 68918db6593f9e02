"""What a terminal shows while something takes long: one line on standard error, drawn over itself."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brinery.upgrade import Changes

__all__ = ["Line", "Progress", "bar_of"]

_WIDTH = 78
_BAR = 20
_EACH = 0.1  # seconds between two lines


def bar_of(done: int, total: int) -> str:
    """A bar for `done` of `total`, and the percentage."""
    filled = round(_BAR * done / total)
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {100 * done // total:>3} %"


class Line:
    """The line; nothing at all where standard error is no terminal."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self._began = self._next = time.monotonic()
        self._drawn = False

    def due(self) -> bool:
        """Whether it is time to draw."""
        return self.shown and time.monotonic() >= self._next

    def speed(self, count: int) -> str:
        """Of `count` bytes until now."""
        return f"{count / 1e6 / max(time.monotonic() - self._began, 1e-3):,.0f} MB/s"

    def draw(self, text: str) -> None:
        """Show `text` in the place of what is shown."""
        self._next = time.monotonic() + _EACH
        self._drawn = True
        print(f"\r{text[:_WIDTH]:<{_WIDTH}}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Show nothing, before something else is printed."""
        if self._drawn:
            print("\r" + " " * _WIDTH + "\r", end="", file=sys.stderr, flush=True)
            self._drawn = False


class Progress(Line):
    """How far an upgrade has come, and what was changed so far."""

    def __init__(self, sources: Sequence[str], without: str | None) -> None:
        """Of these files and folders, `without` the one that is written to."""
        super().__init__()
        self._sources = sources
        self._without = without
        self._total = -1

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        self.clear()

    def show(self, files: int, total: Changes) -> None:
        """So many files are done, with these changes."""
        if not self.due():
            return
        if self._total < 0:
            self._total = self._count()
        changed = f"{len(total.renamed):,} names, {total.text + total.binary:,} strings"
        far = bar_of(min(files, self._total), self._total)
        self.draw(f"{far} of {self._total:,} files; changed {changed}")

    def rows(self, count: int) -> None:
        """So many rows of a column were looked at."""
        if self.due():
            self.draw(f"{count:,} rows")

    def _count(self) -> int:
        """All files: looking at names alone, which is a second for 100,000."""
        import os

        from brinery.upgrade.running import files_of

        without = os.path.realpath(self._without) if self._without else None
        return max(sum(1 for _ in files_of(self._sources, without)), 1)
