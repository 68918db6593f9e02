"""How texts for people are put together: laid out, and with what a misspelt name was meant to be."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["WIDTH", "fold", "is_near", "nearest", "nearest_in_module"]

#: Columns. Fixed, so that output is the same wherever it goes.
WIDTH = 96


def fold(head: str, text: str) -> str:
    """`head`, then `text`, which goes on under its own beginning where the line is full."""
    import textwrap  # for those who read reports, and no program else

    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def is_near(name: str, known: Iterable[str]) -> bool:
    """Whether `name` looks like one of `known`, misspelt."""
    import difflib

    return bool(difflib.get_close_matches(name, list(known), 1, 0.8))


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """A sentence's end that names the nearest of `known` and, where they are few, all of them.

    `what` is what they are, for the case that there are none: "plugins".
    """
    import difflib  # where something is misspelt, and nowhere else

    names = sorted(set(known))
    if not names:
        return f"; there are no {what}"
    close = difflib.get_close_matches(name, names, 1, 0.5)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    if len(names) > 20:
        return meant or f"; there are {len(names)} {what}"
    return f"{meant} There are: {', '.join(names)}" if meant else f"; there are: {', '.join(names)}"


def nearest_in_module(name: str) -> str | None:
    """What may have been meant by the dotted name ``"module:qualname"``, where that module is loaded."""
    import difflib

    module, colon, qualname = name.partition(":")
    loaded = sys.modules.get(module)
    if loaded is None or not colon:
        return None
    outer, _, last = qualname.rpartition(".")
    holder: object = loaded
    for part in outer.split(".") if outer else ():
        holder = getattr(holder, part, None)
    close = difflib.get_close_matches(last, [known for known in dir(holder) if known != last], 1, 0.75)
    return f"{module}:{outer}{'.' if outer else ''}{close[0]}" if close else None
