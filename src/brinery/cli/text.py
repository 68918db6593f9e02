"""How commands lay out text."""

from __future__ import annotations

import textwrap

__all__ = ["WIDTH", "fold"]

#: Columns. Fixed, so that output is the same wherever it goes.
WIDTH = 96


def fold(head: str, text: str) -> str:
    """`head`, then `text`, which goes on under its own beginning where the line is full."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
