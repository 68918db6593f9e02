"""What a stream refers to: globals, persistent IDs, extension codes, and pickles that lie in its bytes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from brinery.errors import ReadError
from brinery.stream.faults import locating
from brinery.stream.feeds import BytesFeed, Excerpt
from brinery.stream.names import Names, write_id
from brinery.stream.raw_arrays import read_through
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from brinery.stream.feeds import Feed, Readable
    from brinery.stream.globals import GlobalName
    from brinery.stream.raw_arrays import RawArray

__all__ = ["Nested", "References", "references"]

_DEEPEST = 5  # pickles in pickles


class Nested(NamedTuple):
    """A pickle that lies in the bytes of another.

    offset      where the opcode stands that carries the bytes
    size        how many bytes they are
    references  what the inner pickle refers to
    """

    offset: int
    size: int
    references: References


class References(NamedTuple):
    """What a stream refers to. Counted is every use, be it by name or through the memo.

    pickles         how many complete pickles the stream holds
    globals         classes and functions, as the stream names them; INST names one, too
    era             those of `globals` that a pickle of protocol 2 or lower names: `fix_imports` applies
    dotted          those that a pickle of protocol 4 or higher names: dots of the name are walked
    persistent_ids  each as Python would write it
    extensions      codes of copyreg's extension registry
    nested          pickles within the stream's bytes, as far as these are at hand
    """

    pickles: int
    globals: Counter[GlobalName]
    era: frozenset[GlobalName]
    persistent_ids: Counter[str]
    extensions: Counter[int]
    dotted: frozenset[GlobalName] = frozenset()
    nested: tuple[Nested, ...] = ()


def references(source: Readable | Buffer, *, progress: Callable[[int], object] | None = None) -> References:
    """Count what `source` refers to: bytes, or a file of which only ``read(n)`` is used, read to its end.

    `progress` is called now and then with how many bytes were read. Bytes of more than 4,096 are looked
    into for nested pickles where `source` itself is bytes.

    Raises :class:`~brinery.errors.ReadError` at the first fault, as :func:`disassemble` does.
    """
    whole = source if type(source) is bytes else None
    return read_through(source, progress, lambda feed, arrays: _references(feed, arrays, 0, whole))


def _references(
    feed: Feed, arrays: tuple[RawArray, ...] | None, depth: int, whole: bytes | None
) -> References:
    nested: list[Nested] = []

    def look_inside(walk: Walk, value: bytes | Excerpt) -> None:
        scanner = walk.scanner
        if isinstance(value, Excerpt):
            if whole is None:
                return
            value = whole[scanner.end - scanner.size : scanner.end]
        if value[-1] != 0x2E:
            return
        try:
            found = _references(BytesFeed(value), (), depth + 1, value)
        except ReadError:
            return  # other bytes that end in a dot
        if found.globals or found.persistent_ids or found.extensions or value[0] == 0x80:
            nested.append(Nested(scanner.start, len(value), found))

    keeper = Names(look_inside if depth < _DEEPEST else None)
    scanner = Scanner(feed)
    walk = Walk(scanner, keeper, arrays=arrays)
    with locating(walk):
        while True:
            walk.run()
            if scanner.at_end():
                break
            walk.next_pickle()
        scanner.finish()
    named = sorted(keeper.globals.values(), key=lambda one: -one.uses)
    return References(
        walk.pickle + 1,
        Counter({one.name: one.uses for one in named}),
        frozenset(one.name for one in named if one.era),
        Counter({write_id(key): uses for key, uses in keeper.persistent_ids.items()}),
        Counter(keeper.extensions),
        frozenset(one.name for one in named if one.dotted),
        tuple(nested),
    )
