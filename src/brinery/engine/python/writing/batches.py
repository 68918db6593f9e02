"""Filling an object with what an iterator gives, in batches between MARK and APPENDS or SETITEMS.

Generators, as in :mod:`.containers`: what they yield is written before they go on.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from brinery.stream.opcodes import codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from brinery.engine.python.writing.writer import Steps, Writer

__all__ = ["BATCH", "append_items", "set_pairs"]

MARK, APPEND, APPENDS, SETITEM, SETITEMS = codes("MARK", "APPEND", "APPENDS", "SETITEM", "SETITEMS")

#: So many items at most, or so many pairs, so that a reader's stack stays small.
BATCH = 1000


def append_items(w: Writer, items: Iterator[object]) -> Steps:
    """What an iterator gives: a reduction's fourth item, and any list at protocol 0."""
    if w.protocol == 0:
        for item in items:
            yield (item,)
            w.buffer += APPEND
        return
    for first in items:
        # A single item is appended without a MARK, so the second has to be known before the first is written.
        for second in items:
            w.buffer += MARK
            yield chain((first, second), islice(items, BATCH - 2))
            w.buffer += APPENDS
            break
        else:
            yield (first,)
            w.buffer += APPEND


def set_pairs(w: Writer, pairs: Iterator[object]) -> Steps:
    """What an iterator gives: a reduction's fifth item, and any dict at protocol 0.

    Raises TypeError for anything that is not a tuple of two.
    """
    checked = map(_check_pair, pairs)
    if w.protocol == 0:
        for pair in checked:
            yield pair
            w.buffer += SETITEM
        return
    for first in checked:
        for second in checked:
            w.buffer += MARK
            yield chain(first, second, chain.from_iterable(islice(checked, BATCH - 2)))
            w.buffer += SETITEMS
            break
        else:
            yield first
            w.buffer += SETITEM


def _check_pair(pair: object) -> Iterable[object]:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise TypeError("dict items iterator must return 2-tuples")
    return pair
