"""What a stream refers to: globals, persistent IDs, extension codes, and pickles that lie in its bytes."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.errors import ReadError
from brinery.stream import text
from brinery.stream.faults import locating
from brinery.stream.feeds import BytesFeed, Excerpt, FileFeed
from brinery.stream.kinds import could_begin
from brinery.stream.names import Names, write_id
from brinery.stream.opcodes import BY_NAME, HIGHEST_PROTOCOL
from brinery.stream.raw_arrays import read_through
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from brinery.stream.feeds import Feed, Readable
    from brinery.stream.globals import GlobalName
    from brinery.stream.raw_arrays import RawArray

__all__ = ["Nested", "References", "nested_in", "references"]

_DEEPEST = 32  # pickles in pickles
_FEW = 8  # persistent IDs of a pickle that may be what another one refers to, too

# What a stream of protocol 0 or 1 that refers to anything has in it: a global, an extension code, an ID.
# A line is tried once, from its first c or i on: it may be long, and all of it c.
_REFERS = re.compile(rb"(?m:^)[^\nci]*+[ci][^\n]++\n[^\n]++\n|[\x82\x83\x84\x93PQ]")
_STRING = BY_NAME["STRING"].code[0]
_UNICODE = BY_NAME["UNICODE"].code[0]
_LINES = (_STRING, _UNICODE)


class Nested(NamedTuple):
    """A pickle that lies in the bytes of another, at their beginning.

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
    persistent_ids  each as Python would write it; of a long tuple or list, as it begins
    extensions      codes of copyreg's extension registry
    nested          pickles within the stream's bytes and bytearrays
    fault           what is wrong behind all this; None where the stream is sound. A load does what stands
                    before the fault, and one that stops behind a pickle never meets it
    unlooked        how many bytes and bytearrays may hold a pickle and could not be looked into: in a stream
                    that cannot be read twice, or deeper than 32 pickles in each other
    """

    pickles: int
    globals: Counter[GlobalName]
    era: frozenset[GlobalName]
    persistent_ids: Counter[str]
    extensions: Counter[int]
    dotted: frozenset[GlobalName] = frozenset()
    nested: tuple[Nested, ...] = ()
    fault: ReadError | None = None
    unlooked: int = 0


def references(
    source: Readable | Buffer,
    *,
    strict: bool = True,
    progress: Callable[[int], object] | None = None,
) -> References:
    """Count what `source` refers to: bytes, or a file of which only ``read(n)`` is used, read to its end.

    `progress` is called now and then with how many bytes were read. Bytes of more than 4,096 that may be a
    pickle are looked into afterwards, for which a file is read again: it has to be seekable.

    Raises :class:`~brinery.errors.ReadError` at the first fault, as :func:`disassemble` does; where `strict`
    is false, the fault is in the result, with all that was found before it.
    """
    whole = _Whole(source)
    found = read_through(source, progress, lambda feed, arrays: _Look(0).through(feed, arrays))
    result = found.result(whole)
    if strict and result.fault is not None:
        raise result.fault
    return result


def nested_in(source: Readable | Buffer) -> Iterator[tuple[int, Feed, bool]]:
    """The pickles in the bytes of `source`, those in their bytes left out: at which offset the opcode stands
    that carries one, its bytes, to be read before the next is asked for, and whether there may be more in
    them. `source` is read from where it stands."""
    whole = _Whole(source)

    def look(feed: Feed, arrays: tuple[RawArray, ...] | None) -> _Look:
        return _Look(_DEEPEST - 1, keeping=True).through(feed, arrays)

    found = read_through(source, None, look)
    found.result(whole)
    for nested, data in sorted(found.kept, key=lambda one: one[0].offset):
        yield nested.offset, data.feed(nested.size), nested.references.unlooked > 0


class _Whole:
    """What long bytes are read from once more: bytes, or a file that is seekable; from `begin` on."""

    def __init__(self, source: Any, begin: int | None = None) -> None:
        self._source = source
        self._is_file = hasattr(source, "read")
        if begin is None:
            begin = 0
            if self._is_file:
                begin = source.tell() if getattr(source, "seekable", bool)() else -1
        self._begin = begin

    def within(self, begin: int) -> _Whole | None:
        """The same from there on; None where it cannot be read again."""
        return None if self._begin < 0 else _Whole(self._source, self._begin + begin)

    def feed(self, size: int) -> Feed:
        """The first `size` bytes."""
        if self._is_file:
            self._source.seek(self._begin)
            return FileFeed(_Part(self._source, size))
        view = memoryview(self._source).cast("B")
        return BytesFeed(view[self._begin : self._begin + size])


class _Part:
    """The next `size` bytes of a file."""

    def __init__(self, file: Readable, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int, /) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


class _Long(NamedTuple):
    """Bytes that are too long to be kept: where their opcode stands, and where they do, as what."""

    offset: int
    begin: int
    size: int
    code: int
    as_text: bool


class _Look:
    """One look through a stream; what is long is looked at behind it."""

    def __init__(
        self, depth: int, known: dict[Any, References] | None = None, *, keeping: bool = False
    ) -> None:
        """Where it is `keeping`, it knows what each pickle that it finds is read from: `kept`.

        `known` is what others have found, by what they found: of a million small pickles in one stream, most
        refer to the same.
        """
        self._depth = depth
        self._known: dict[Any, References] = {} if known is None else known
        self._keeping = keeping
        self.kept: list[tuple[Nested, _Whole]] = []
        self._nested: list[Nested] = []
        self._long: list[_Long] = []
        self._pickles = 0
        self._fault: ReadError | None = None
        self._unlooked = 0
        self.keeper = Names(self._inside)
        self.first = b""  # its first byte

    def through(self, feed: Feed, arrays: tuple[RawArray, ...] | None = ()) -> _Look:
        """Go through it to its end, or to its first fault."""
        scanner = Scanner(feed)
        walk = Walk(scanner, self.keeper, arrays=arrays)
        try:
            if not scanner.at_end():
                self.first = bytes((scanner.peek(),))
            with locating(walk):
                while True:
                    walk.run()
                    self._pickles += 1
                    if scanner.at_end():
                        break
                    walk.next_pickle()
                scanner.finish()
        except ReadError as fault:
            self._fault = fault
        return self

    def _inside(self, walk: Walk, value: bytes | bytearray | Excerpt) -> None:
        scanner = walk.scanner
        if isinstance(value, Excerpt):
            self._note_long(walk, value)
            return
        data = bytes(value)
        if not _may_be(data):
            return
        if self._depth == _DEEPEST:
            self._unlooked += 1
            return
        look = _Look(self._depth + 1, self._known).through(BytesFeed(data))
        self._keep(scanner.start, len(data), data[:1], look, _Whole(data))

    def _note_long(self, walk: Walk, value: Excerpt) -> None:
        scanner = walk.scanner
        head, long_text = value.head, self.keeper.long_text
        if long_text is not None and long_text[0] is value:  # as protocols 0 to 2 write bytes
            _, offset, begin, code = long_text
            beginning = head[:2] if isinstance(head, bytes) else head[:2].encode("latin-1", "replace")
            if _could(beginning) or beginning[:1] == b"\\":
                self._long.append(_Long(offset, begin - (code in _LINES), value.size, code, True))
            return
        if isinstance(head, str):  # text of before, which nobody can tell from other text any more
            self._unlooked += 1
            return
        code = scanner.code
        beginning = head[1:3] if code == _STRING else head[:2]
        if _could(beginning) or beginning[:1] == b"\\":
            begin = scanner.end - scanner.size - (code in _LINES)
            self._long.append(_Long(scanner.start, begin, value.size, code, False))

    def _keep(self, offset: int, size: int, first: bytes, look: _Look, whole: _Whole | None) -> None:
        """Take what `look` found in `size` bytes for a pickle, if it is one."""
        keeper, fault = look.keeper, look._fault
        refers = bool(keeper.globals or keeper.extensions)
        begun = first == b"\x80"
        if look._pickles:
            # Text may say a persistent ID by chance.
            exact = fault is None and look._pickles == 1
            is_one = refers or begun or (exact and bool(keeper.persistent_ids))
        else:
            # Nothing but a pickle calls what it names before it breaks.
            is_one = (begun and (refers or bool(keeper.persistent_ids))) or (refers and keeper.calls > 0)
        if is_one:
            nested = Nested(offset, size, look.result(whole))
            self._nested.append(nested)
            if self._keeping and whole is not None:
                self.kept.append((nested, whole))

    def result(self, whole: _Whole | None) -> References:
        """All that was found. `whole` is the stream, for what is long in it."""
        for long in self._long:
            within = whole.within(long.begin) if whole is not None else None
            if within is None or self._depth == _DEEPEST:
                self._unlooked += 1
                continue
            feed = within.feed(long.size)
            first = b""
            if long.as_text or long.code in _LINES:
                data = _decoded(feed, long.code)
                if data is None or not _may_be(data):
                    continue
                within, feed, first = _Whole(data), BytesFeed(data), data[:1]
            look = _Look(self._depth + 1, self._known).through(feed)
            self._keep(long.offset, long.size, first or look.first, look, within)
        keeper = self.keeper
        key: Any = None
        if self._fault is None and not self._nested and len(keeper.persistent_ids) <= _FEW:
            key = (
                self._pickles,
                self._unlooked,
                tuple([(one.name, one.uses, one.era, one.dotted) for one in keeper.globals.values()]),
                tuple(keeper.persistent_ids.items()),
                tuple(keeper.extensions.items()),
            )
            known = self._known.get(key)
            if known is not None:
                return known
        found = self._found()
        if key is not None:
            self._known[key] = found
        return found

    def _found(self) -> References:
        keeper = self.keeper
        named = sorted(keeper.globals.values(), key=lambda one: -one.uses)
        ids: Counter[str] = Counter()
        for key, uses in keeper.persistent_ids.items():
            ids[write_id(key)] += uses  # of long ones that begin alike, the texts are one
        return References(
            self._pickles,
            Counter({one.name: one.uses for one in named}),
            frozenset(one.name for one in named if one.era),
            ids,
            Counter(keeper.extensions),
            frozenset(one.name for one in named if one.dotted),
            tuple(sorted(self._nested, key=lambda one: one.offset)),
            self._fault,
            self._unlooked,
        )


def _may_be(data: bytes) -> bool:
    """Whether bytes may be a pickle that refers to something, or one that says so of itself."""
    return _could(data[:2]) and (data[:1] == b"\x80" or _REFERS.search(data) is not None)


def _could(beginning: bytes) -> bool:
    """Whether bytes that begin so may be a pickle."""
    if beginning[:1] == b"\x80":
        return beginning[1:2] <= bytes((HIGHEST_PROTOCOL,))
    return could_begin(beginning)


def _decoded(feed: Feed, code: int) -> bytes | None:
    """Bytes that stand in the stream as a literal, or as text; None where these are none."""
    pieces = []
    while piece := feed.more(0):
        pieces.append(piece)
    data = b"".join(pieces)
    try:
        if code == _STRING:
            return text.parse_string(data)
        said = text.parse_unicode(data) if code == _UNICODE else data.decode("utf-8", "surrogatepass")
        return said.encode("latin-1")
    except ValueError:
        return None
