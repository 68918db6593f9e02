"""Lists, dicts, tuples and sets; and bytes where a protocol has no opcode for them.

Each function is a generator that writes its object's opcodes and, where parts of the object belong in
the stream, yields an iterable of them. When it goes on, they have been written. So nothing here
calls itself, however deep the object is.
"""

from __future__ import annotations

import codecs
from itertools import chain, islice
from typing import TYPE_CHECKING

from brinery.cpython import LISTS_KEEP_THEIR_SIZE, RESTS_STAND_ALONE
from brinery.engine.python.writing.batches import append_items, set_pairs
from brinery.engine.python.writing.reducing import write_reduction
from brinery.engine.reductions import Reduction
from brinery.stream.opcodes import BATCH, codes

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from brinery.engine.python.writing.writer import Steps, Writer

__all__ = ["CONTAINERS", "TUPLE_OF"]

MARK, POP, POP_MARK = codes("MARK", "POP", "POP_MARK")
EMPTY_LIST, LIST, APPEND, APPENDS = codes("EMPTY_LIST", "LIST", "APPEND", "APPENDS")
EMPTY_DICT, DICT, SETITEM, SETITEMS = codes("EMPTY_DICT", "DICT", "SETITEM", "SETITEMS")
EMPTY_SET, ADDITEMS, FROZENSET = codes("EMPTY_SET", "ADDITEMS", "FROZENSET")
EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3 = codes("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3")

TUPLE_OF = (EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3)


def write_list(w: Writer, obj: list[object]) -> Steps:
    w.buffer += EMPTY_LIST
    w.memoize(obj)
    if len(obj) == 1:
        yield (obj[0],)
        w.buffer += APPEND
    elif obj:
        # The list is read as it is by then, for user code may be changing it.
        items = iter(obj)
        size = len(obj)
        written = 0
        while written < len(obj) or not written:
            if RESTS_STAND_ALONE and written and len(obj) - written == 1:
                yield islice(items, 1)
                w.buffer += APPEND
                return
            w.buffer += MARK
            yield islice(items, BATCH)
            w.buffer += APPENDS
            if LISTS_KEEP_THEIR_SIZE and len(obj) != size:
                raise RuntimeError("list changed size during iteration")
            written += BATCH


def write_list_0(w: Writer, obj: list[object]) -> Steps:
    w.buffer += MARK + LIST
    w.memoize(obj)
    yield from append_items(w, iter(obj))


def write_dict(w: Writer, obj: dict[object, object]) -> Steps:
    """Before Python 3.15, a multiple of 1,000 items ends in an empty batch, as C pickle writes it.

    Raises RuntimeError where user code changes the dict meanwhile.
    """
    w.buffer += EMPTY_DICT
    w.memoize(obj)
    size = len(obj)
    if size == 1:
        yield next(iter(obj.items()))
        w.buffer += SETITEM
    elif size:
        pairs = iter(obj.items())
        for batch in range(_batches(size)):
            if RESTS_STAND_ALONE and size - batch * BATCH == 1:
                yield chain.from_iterable(islice(pairs, 1))
                w.buffer += SETITEM
                return
            w.buffer += MARK
            yield chain.from_iterable(islice(pairs, BATCH))
            w.buffer += SETITEMS
            if len(obj) != size:
                raise RuntimeError("dictionary changed size during iteration")


def _batches(size: int) -> int:
    return -(-size // BATCH) if RESTS_STAND_ALONE else size // BATCH + 1


def write_dict_0(w: Writer, obj: dict[object, object]) -> Steps:
    w.buffer += MARK + DICT
    w.memoize(obj)
    yield from set_pairs(w, iter(obj.items()))


def write_tuple(w: Writer, obj: tuple[object, ...]) -> Steps:
    """A tuple is memoized after its items. Where they lead back to it, it is in the memo by then."""
    size = len(obj)
    if not size:
        w.buffer += EMPTY_TUPLE if w.protocol else MARK + TUPLE
        return
    if size <= 3 and w.protocol >= 2:
        yield obj
        if id(obj) in w.indexes:
            w.buffer += POP * size
            w.get(obj)
            return
        w.buffer += TUPLE_OF[size]
    else:
        w.buffer += MARK
        yield obj
        if id(obj) in w.indexes:
            w.buffer += POP_MARK if w.protocol else POP * (size + 1)
            w.get(obj)
            return
        w.buffer += TUPLE
    w.memoize(obj)


def write_set(w: Writer, obj: set[object]) -> Steps:
    """Protocol 4 and up (PEP 3154). In all else like a dict."""
    w.buffer += EMPTY_SET
    w.memoize(obj)
    size = len(obj)
    if not size:
        return
    items = iter(obj)
    for _ in range(_batches(size)):
        w.buffer += MARK
        yield islice(items, BATCH)
        w.buffer += ADDITEMS
        if len(obj) != size:
            raise RuntimeError("set changed size during iteration")


def write_frozenset(w: Writer, obj: frozenset[object]) -> Steps:
    """Protocol 4 and up (PEP 3154). Memoized after its items, as a tuple is."""
    w.buffer += MARK
    yield obj
    if id(obj) in w.indexes:
        w.buffer += POP_MARK
        w.get(obj)
    else:
        w.buffer += FROZENSET
        w.memoize(obj)


def write_set_as_call(w: Writer, obj: set[object] | frozenset[object]) -> Steps:
    """Protocols 0 to 3: a call of the type with a list."""
    return write_reduction(w, obj, Reduction(type(obj), (list(obj),)))


def write_bytes_as_call(w: Writer, obj: bytes) -> Steps:
    """Protocols 0 to 2: a call that gives bytes in Python 3 and str in Python 2."""
    if obj:
        return write_reduction(w, obj, Reduction(codecs.encode, (obj.decode("latin1"), "latin1")))
    return write_reduction(w, obj, Reduction(bytes, ()))


def write_bytearray_as_call(w: Writer, obj: bytearray) -> Steps:
    """Protocols 0 to 4: a call of bytearray with bytes."""
    return write_reduction(w, obj, Reduction(bytearray, (bytes(obj),) if obj else ()))


_BINARY: dict[type, Callable[[Writer, Any], Steps]] = {
    list: write_list,
    dict: write_dict,
    tuple: write_tuple,
    set: write_set_as_call,
    frozenset: write_set_as_call,
    bytes: write_bytes_as_call,
    bytearray: write_bytearray_as_call,
}

#: By protocol: how an object of exactly that type is written, where it is not a leaf.
CONTAINERS: tuple[dict[type, Callable[[Writer, Any], Steps]], ...] = (
    _BINARY | {list: write_list_0, dict: write_dict_0},
    _BINARY,
    _BINARY,
    _BINARY,
    _BINARY | {set: write_set, frozenset: write_frozenset},
    _BINARY | {set: write_set, frozenset: write_frozenset},
)
