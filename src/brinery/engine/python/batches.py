"""Filling lists, dicts and sets: how many items go between a MARK and the opcode that takes them.

Each function is a generator that yields what belongs in the stream (see :mod:`.containers`).
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from brinery.opcodes import codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from brinery.engine.python.writer import Steps, Writer

__all__ = ["BATCH", "append_exact_list", "append_items", "set_exact_dict", "set_pairs"]

MARK, APPEND, APPENDS, SETITEM, SETITEMS = codes("MARK", "APPEND", "APPENDS", "SETITEM", "SETITEMS")

#: So many items at most, or so many pairs, so that a reader's stack stays small.
BATCH = 1000


def append_exact_list(w: Writer, obj: list[object]) -> Steps:
    """Protocol 1 and up. What is read is the list as it is by then: user code may be changing it."""
    if len(obj) == 1:
        yield (obj[0],)
        w.buffer += APPEND
        return
    items = iter(obj)
    written = 0
    while True:
        w.buffer += MARK
        yield islice(items, BATCH)
        w.buffer += APPENDS
        written += BATCH
        if written >= len(obj):
            return


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


def set_exact_dict(w: Writer, obj: dict[object, object]) -> Steps:
    """Protocol 1 and up. A dict of a multiple of 1,000 items gets an empty batch at its end, as in C pickle.

    Raises RuntimeError where user code changes the dict meanwhile.
    """
    size = len(obj)
    if size == 1:
        yield next(iter(obj.items()))
        w.buffer += SETITEM
        return
    pairs = iter(obj.items())
    for _ in range(size // BATCH + 1):
        w.buffer += MARK
        yield chain.from_iterable(islice(pairs, BATCH))
        w.buffer += SETITEMS
        if len(obj) != size:
            raise RuntimeError("dictionary changed size during iteration")


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
