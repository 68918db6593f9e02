"""Filling an object with what an iterator gives, in batches between MARK and APPENDS or SETITEMS.

Generators, as in :mod:`.containers`: what they yield is written before they go on.
"""

from __future__ import annotations

from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from brinery.stream.opcodes import BATCH, codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brinery.engine.python.writing.writer import Steps, Writer

__all__ = ["Pairs", "append_items", "set_pairs"]

MARK, APPEND, APPENDS, SETITEM, SETITEMS = codes("MARK", "APPEND", "APPENDS", "SETITEM", "SETITEMS")

_second = itemgetter(1)


def append_items(w: Writer, given: Iterator[object]) -> Steps:
    """What an iterator gives: a reduction's fourth item, and any list at protocol 0."""
    numbered = enumerate(given)  # how far it is, an error asks for (see failures)
    items = map(_second, numbered)
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


def set_pairs(w: Writer, given: Iterator[object]) -> Steps:
    """What an iterator gives: a reduction's fifth item, and any dict at protocol 0.

    Raises TypeError for anything that is not a tuple of two.
    """
    pairs = Pairs(given)
    if w.protocol == 0:
        for first in pairs:
            yield first
            w.buffer += SETITEM
        return
    for first in pairs:
        for second in pairs:
            w.buffer += MARK
            yield chain(first, second, chain.from_iterable(islice(pairs, BATCH - 2)))
            w.buffer += SETITEMS
            break
        else:
            yield first
            w.buffer += SETITEM


class Pairs:
    """The pairs of an iterator. Raises TypeError for anything that is not a tuple of two."""

    __slots__ = ("_given", "last")

    def __init__(self, given: Iterator[object]) -> None:
        self._given = given
        #: The pair that was asked for last.
        self.last: tuple[object, ...] = ()

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        return self

    def __next__(self) -> tuple[object, ...]:
        pair = next(self._given)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError("dict items iterator must return 2-tuples")
        self.last = pair
        return pair
