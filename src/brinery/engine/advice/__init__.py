"""What to do about an error: notes beneath C pickle's own text (PEP 678), the same from both engines.

Everything here runs when there is an error already, and must neither hide it nor take long. What it needs is
imported then, and in no other program.
"""

from __future__ import annotations

from contextlib import suppress

__all__ = ["add"]


def add(exc: BaseException, note: str) -> None:
    """Put `note` beneath the text of `exc`, where its class takes notes."""
    with suppress(Exception):
        # BaseException's own method: a subclass may have made add_note something else.
        BaseException.add_note(exc, note)
