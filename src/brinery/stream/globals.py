"""How a stream names a class or function, and text that is safe to show."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BRIEF", "GlobalName", "printable", "shorten"]

#: Characters of a name where it is part of another text. What a stream computes is named after what it is
#: computed with: without an end to that, such names double with each step.
BRIEF = 200


class GlobalName(NamedTuple):
    """A class or function as a stream names it."""

    module: str
    qualname: str

    def __str__(self) -> str:
        return printable(f"{self.module}.{self.qualname}")

    def brief(self, limit: int = BRIEF) -> str:
        """The same in at most `limit` characters, and in no more time than these take."""
        return shorten(printable(f"{self.module[:limit]}.{self.qualname[:limit]}"), limit)


def shorten(text: str, limit: int) -> str:
    """`text`, with its end cut off at `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def printable(text: str) -> str:
    """`text` with everything escaped that could move a terminal's cursor or forge a line."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
