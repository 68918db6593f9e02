# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: cdivision=True, initializedcheck=False, freethreading_compatible=False
"""From bytes to opcodes: where each begins, what its argument is, and where it ends.

A :class:`Scanner` holds a window of the stream and looks at one opcode after the other. Lengths that
the stream declares are never believed: of a long argument only the beginning is kept, unless the
whole is wanted, and then memory grows with what has arrived. The rules for frames are the engines' own: no
opcode straddles a frame's end, and no frame begins inside another.

It raises what a load raises for the same fault: ValueError and its subclasses for an argument that cannot
be read, OverflowError for a length that nothing can have, UnpicklingError for everything else.

This file is also compiled, with the types in ``scanner.pxd``.
"""

from __future__ import annotations

import codecs
import struct
from typing import TYPE_CHECKING

from brinery.errors import ReadError
from brinery.stream import text
from brinery.stream.faults import BadArgument, TooLarge
from brinery.stream.feeds import KEEP, Excerpt
from brinery.stream.opcodes import BY_CODE, BY_NAME, HIGHEST_PROTOCOL, TABLE

if TYPE_CHECKING:
    from brinery.stream.feeds import Feed
    from brinery.stream.opcodes import Argument

__all__ = ["LARGEST_INDEX", "Scanner"]

#: A memo index above this is none. (The engines take one more, which would leave no number for that.)
LARGEST_INDEX = (1 << 63) - 2

#: Some loops over bytes are the fastest way when compiled, and the slowest when not.
_INTERPRETED = __file__.endswith(".py")
_LARGEST_SIZE = (1 << 63) - 1
_PIECE = 1 << 16  # of a long argument, so much is looked at in one go


# The forms of an argument, by opcode byte. What is no opcode has a form of its own.
_NONE, _FIXED, _COUNTED, _SIGNED, _LINE, _LINES, _UNKNOWN = range(7)

# What an argument means, by opcode byte: the order of the tests in value().
_TEXT, _UNSIGNED, _INT4, _BYTES, _FLOAT8, _LONG, _WORDS, _BYTEARRAY, _OTHER = range(9)

_MEANINGS = {
    **dict.fromkeys(("text1", "text4", "text8"), _TEXT),
    **dict.fromkeys(("uint1", "uint2", "uint4", "uint8"), _UNSIGNED),
    **dict.fromkeys(("string1", "string4", "bytes1", "bytes4", "bytes8"), _BYTES),
    **dict.fromkeys(("long1", "long4"), _LONG),
    "int4": _INT4,
    "float8": _FLOAT8,
}


def _form(argument: Argument) -> int:
    if argument.lines:
        return _LINE if argument.lines == 1 else _LINES
    if argument.prefix:
        return _SIGNED if argument.signed else _COUNTED
    return _FIXED if argument.size else _NONE


def _by_code(values: dict[int, int], default: int = 0) -> bytes:
    return bytes(values.get(code, default) for code in range(256))


_FORM = _by_code({op.code[0]: _form(op.argument) for op in TABLE}, _UNKNOWN)
_WIDTH = _by_code({op.code[0]: op.argument.size or op.argument.prefix for op in TABLE})
_MEANING = _by_code(
    {op.code[0]: _MEANINGS.get(op.argument.name, _WORDS if op.argument.lines else _OTHER) for op in TABLE}
    | {BY_NAME["BYTEARRAY8"].code[0]: _BYTEARRAY},
    _OTHER,
)
_PROTO = BY_NAME["PROTO"].code[0]
_FRAME = BY_NAME["FRAME"].code[0]

_double = struct.Struct(">d").unpack

_LINE_READERS = {
    BY_NAME["INT"].code[0]: text.parse_int,
    BY_NAME["LONG"].code[0]: text.parse_long,
    BY_NAME["FLOAT"].code[0]: text.parse_float,
    BY_NAME["STRING"].code[0]: text.parse_string,
    BY_NAME["UNICODE"].code[0]: text.parse_unicode,
}
_MAY_BE_EMPTY = _by_code({BY_NAME[name].code[0]: 1 for name in ("STRING", "UNICODE", "PERSID")})


class Scanner:
    """Looks at one opcode after the other.

    After :meth:`next`, these say what stands there (offsets count from the beginning of the feed):

    code    the opcode's byte, -1 at the end of the stream
    start   the offset of the opcode
    end     the offset behind its argument
    size    how long its argument is without the length in front of it, or the lines' newlines, in bytes
    long    whether only the beginning of the argument is kept
    """

    def __init__(self, feed: Feed, *, whole: bool = False) -> None:
        """Look at what `feed` gives. With `whole`, every argument is kept as a whole."""
        self._feed = feed
        self._whole = whole
        self._keep = _LARGEST_SIZE if whole else KEEP
        self._exact = feed.exact
        self._data = b""
        self._at = 0  # the first byte of the window that is not looked at yet
        self._limit = 0  # the end of the window
        self._base = 0  # the offset of the window's first byte
        self._begin = 0  # the opcode's place in the window
        self._body = 0  # its argument's, behind the length
        self._stop = 0  # and where that ends, without a newline
        self._middle = 0  # and where the first of two lines ends
        self._frame_end = -1
        self._heads: list[bytes] = []  # of what is long: the beginnings of its lines
        self._head: str | bytes = b""
        # The frame that goes furthest: where it ends, and where its opcode stands.
        self._furthest = 0
        self._furthest_at = 0
        self.code = -1
        self.start = 0
        self.end = 0
        self.size = 0
        self.long = False

    @property
    def name(self) -> str:
        """The opcode's name, for an error's text: "none" at the end, ``0xff`` for what is no opcode."""
        if self.code < 0:
            return "none"
        opcode = BY_CODE.get(self.code)
        return opcode.name if opcode is not None else f"0x{self.code:02x}"

    @property
    def frame_end(self) -> int:
        """The offset where the frame around the opcode ends; -1 outside of frames."""
        return self._frame_end

    def begin_pickle(self) -> None:
        """To be called between two pickles: no frame reaches from one into the other."""
        self._frame_end = -1

    def at_end(self) -> bool:
        """Whether nothing is left. (It asks the feed for more.)"""
        return self._at == self._limit and not self._fill()

    def finish(self) -> None:
        """To be called at the end of the stream. Raises UnpicklingError for a frame that goes beyond it."""
        if self._furthest > self.end:
            end = self.end
            self.start, self.code = self._furthest_at, _FRAME
            raise ReadError(f"the frame ends at offset {self._furthest}, and the stream at {end}")

    def next(self) -> int:
        """Go on to the next opcode; its byte, or -1 where the stream ends instead."""
        self.long = False
        if self._at == self._limit:
            if not self._fill():
                self.start = self.end
                self.code = -1
                return -1
        data = self._data
        at = self._at
        self._begin = at
        self.start = self._base + at
        if self._frame_end >= 0 and self.start >= self._frame_end:
            self._frame_end = -1
        code = data[at]
        self.code = code
        at += 1
        form = _FORM[code]
        width = _WIDTH[code]
        if self._limit - at < width:
            self._need(1 + width)
            data = self._data
            at = 1
        self._body = at + width
        self.size = 0
        if form == _NONE:
            self._at = at
        elif form == _FIXED:
            self._body = at
            self._at = self._stop = at + width
        elif form in (_COUNTED, _SIGNED):
            size = self._little(at, width)
            at += width
            if form == _SIGNED and size >= 1 << 31:
                raise ReadError(f"the length {_negative(size)} is negative")
            if size > self._keep or self._limit - at < size:
                self._counted(size)
            else:
                self.size = size
                self._at = self._stop = at + size
        elif form == _UNKNOWN:
            self._at = at
            self.end = self._base + at
            raise ReadError("this byte is no opcode")
        else:
            self._lines(form == _LINES)
        self.end = self._base + self._at
        if self._frame_end >= 0 and self.end > self._frame_end:
            raise ReadError(f"it goes beyond the frame, which ends at offset {self._frame_end}")
        if code == _PROTO:
            self._check_protocol()
        elif code == _FRAME:
            self._enter_frame()
        return code

    def skip(self, size: int) -> bytes:
        """Go over `size` bytes behind the opcode that are none; what they are, if everything is kept.

        Raises UnpicklingError where the stream ends before.
        """
        pieces = []
        left = size
        while left:
            if self._at == self._limit and not self._fill():
                raise ReadError(
                    f"an array of {size} bytes should stand here, and the stream ends {left} earlier"
                )
            count = left if left < self._limit - self._at else self._limit - self._at
            if self._whole:
                pieces.append(self._data[self._at : self._at + count])
            self._at += count
            left -= count
        self._begin = self._body = self._stop = self._at
        self.end = self._base + self._at
        return b"".join(pieces)

    def peek(self) -> int:
        """The byte behind the opcode. Raises UnpicklingError where the stream ends there."""
        if self._at == self._limit and not self._fill():
            raise ReadError("the stream ends where an array should stand")
        return self._data[self._at]

    def back_to(self, start: int, code: int) -> None:
        """The opcode at work is that one again, of which the argument is gone, and which ends here."""
        self.start, self.code = start, code
        self.size = 0
        self._body = self._stop = self._at

    def value(self) -> object:
        """The opcode's argument as a Python value.

        That is an int, a float, text, bytes (for a Python 2 string too), a bytearray, a pair of names, or
        None where the opcode has none. Of a long argument it is an Excerpt.

        Raises ValueError where the argument cannot be read.
        """
        code = self.code
        meaning = _MEANING[code]
        if self.long and meaning != _WORDS:
            return Excerpt(self._head, self.size)
        if meaning == _TEXT:
            data = self._data
            return data[self._body : self._stop].decode("utf-8", "surrogatepass")
        if meaning == _UNSIGNED:
            return self._little(self._body, self._stop - self._body)
        if meaning == _BYTES:
            return self.payload()
        if meaning == _INT4:
            return self.number()
        if meaning == _FLOAT8:
            return _double(self.payload())[0]
        if meaning == _LONG:
            return text.decode_long(self.payload())
        if meaning == _WORDS:
            return self._words()
        return bytearray(self.payload()) if meaning == _BYTEARRAY else None

    def number(self) -> int:
        """The argument of an opcode that has a fixed number of bytes, but for BINFLOAT."""
        found = self._little(self._body, self._stop - self._body)
        if _MEANING[self.code] == _INT4 and found >= 1 << 31:
            found -= 1 << 32
        return found

    def index(self) -> int:
        """The memo index that a GET or PUT of any form names.

        Raises ValueError where the line is no number, and OverflowError where it is no index.
        """
        if _MEANING[self.code] == _UNSIGNED:
            return self._little(self._body, self._stop - self._body)
        if self.long:
            return LARGEST_INDEX + 1
        if not _INTERPRETED and self._stop - self._body < 10:
            data = self._data
            found = 0
            for i in range(self._body, self._stop):
                if not 48 <= data[i] <= 57:
                    break
                found = 10 * found + data[i] - 48
            else:
                return found
        return text.parse_index(self.payload())

    def payload(self) -> bytes:
        """The bytes of the argument as they stand in the stream; of a long one the beginning."""
        if self.long:
            return b""
        return self._data[self._body : self._stop]

    def raw(self) -> bytes:
        """The whole opcode as it stands in the stream, argument included; where it is not long."""
        return self._data[self._begin : self._at]

    def rest(self, failed: bool = False) -> bytes:
        """What of the window comes behind the opcode, or if that `failed`, behind its first byte.

        It is for a feed that has to know what was used.
        """
        return self._data[self._begin + 1 if failed else self._at :]

    def names(self) -> tuple[str, str]:
        """The two lines of GLOBAL or INST; of a very long one the beginning, and ``...``.

        Raises ValueError where a line is not UTF-8, and UnpicklingError where it is empty.
        """
        if self.long:
            first, second = self._heads
        else:
            first = self._data[self._body : self._middle]
            second = self._data[self._middle + 1 : self._stop]
        if not first or not second:
            raise ReadError("the name is empty")
        return first.decode(), second.decode()

    # Arguments

    def _little(self, at: int, width: int) -> int:
        found = 0
        data = self._data
        for i in range(width):
            found |= _wide(data[at + i]) << (8 * i)
        return found

    def _words(self) -> object:
        code = self.code
        if _FORM[code] == _LINES:
            return self.names()
        if self.long:
            return Excerpt(self._heads[0], self.size)
        line = self.payload()
        reader = _LINE_READERS.get(code)
        if reader is not None:
            return reader(line)
        if _MAY_BE_EMPTY[code]:  # PERSID
            if not line.isascii():
                raise ReadError("persistent IDs in protocol 0 must be ASCII strings")
            return line.decode("ascii")
        return text.parse_index(line)

    def _counted(self, size: int) -> None:
        """An argument of `size` bytes that is long, or does not lie in the window."""
        if size > _LARGEST_SIZE:
            raise TooLarge(f"the argument has a length of {size} bytes, which nothing can have")
        self.size = size
        end = self._base + self._body + size
        if self._frame_end >= 0 and end > self._frame_end:
            raise ReadError(f"it goes beyond the frame, which ends at offset {self._frame_end}")
        head = self._body - self._begin
        # No stream has half of the largest size, to which no offset can be added: a look through says so.
        if size <= KEEP or (self._whole and size <= _LARGEST_SIZE >> 1):
            if self._limit - self._body < size:
                self._need(head + size)
            self._body = self._begin + head
            self._at = self._stop = self._body + size
        else:
            self._skim(size)

    def _skim(self, size: int) -> None:
        """Look through a long argument, of which the beginning is kept.

        All text is decoded, so that a fault in it is found.
        """
        decoder = None
        if _MEANING[self.code] == _TEXT:
            decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
        text_head, head = "", b""
        left = size
        at = self._body
        while left:
            if at == self._limit:
                self._at = at
                if not self._fill():
                    raise ReadError(
                        f"the argument has a length of {size} bytes, and the stream ends {left} earlier"
                    )
                at = 0
            count = left
            if count > self._limit - at:
                count = self._limit - at
            if decoder is not None:
                if count > _PIECE:
                    count = _PIECE
                decoded = decoder.decode(self._data[at : at + count], left == count)
                if len(text_head) < KEEP:
                    text_head += decoded
            elif len(head) < KEEP:
                head += self._data[at : at + (count if count < KEEP else KEEP)]
            at += count
            left -= count
        self._at = self._stop = at
        self.long = True
        self._head = head[:KEEP] if decoder is None else text_head[:KEEP]

    def _lines(self, two: bool) -> None:
        """One line, or two."""
        self._middle = self._line(self._begin + 1)
        if self.long:
            return
        self._stop = self._middle
        if two:
            self._stop = self._line(self._middle + 1)
            if self.long:
                return
        elif self._stop == self._begin + 1 and not _MAY_BE_EMPTY[self.code]:
            raise ReadError("the argument is an empty line")
        self._body = self._begin + 1
        self.size = self._stop - self._body
        self._at = self._stop + 1

    def _line(self, at: int) -> int:
        """Where the line that begins at `at` ends, in the window; or it is long, and has been read."""
        ahead = at - self._begin  # the window may move
        seen = at
        while True:
            end = self._newline(seen)
            if end >= 0 and (self._whole or end - self._begin - ahead <= KEEP):
                return end
            if not self._whole and (end if end >= 0 else self._limit) - self._begin - ahead > KEEP:
                self._skim_lines(ahead)
                return 0
            seen = self._limit - self._begin
            if not self._extend():
                raise ReadError("the stream ends inside a line")
            seen += self._begin

    def _newline(self, seen: int) -> int:
        """Where the next newline is in the window; -1 if there is none. Most lines are a few bytes long."""
        if not _INTERPRETED:
            data = self._data
            stop = seen + 64
            if stop > self._limit:
                stop = self._limit
            for i in range(seen, stop):
                if data[i] == 10:
                    return i
            seen = stop
        return self._data.find(b"\n", seen)

    def _skim_lines(self, ahead: int) -> None:
        """Look through lines of which one is long; `ahead` is where that begins, from the opcode on."""
        data = self._data
        start = self._begin + 1
        two = _FORM[self.code] == _LINES
        heads: list[bytes] = []
        size = 0
        if two and ahead > 1:
            heads.append(data[start : self._begin + ahead - 1])
            size = ahead - 1
        at = self._begin + ahead
        for _ in range(2 - len(heads) if two else 1):
            head = b""
            while True:
                if at == self._limit:
                    self._at = at
                    if not self._fill():
                        raise ReadError("the stream ends inside a line")
                    at = 0
                stop = self._data.find(b"\n", at)
                until = stop if stop >= 0 else self._limit
                if len(head) <= KEEP:
                    head += self._data[at : min(until, at + KEEP + 1)]
                size += until - at
                at = until
                if stop >= 0:
                    at += 1
                    break
            if len(head) > KEEP:
                head = head[:KEEP] + b"..." if two else head[:KEEP]
            heads.append(head)
        self._at = at
        self.long = True
        self.size = size
        self._heads = heads

    # Checks

    def _check_protocol(self) -> None:
        protocol = self._little(self._body, 1)
        if protocol > HIGHEST_PROTOCOL:
            raise BadArgument(f"protocol {protocol} is unknown; the highest is {HIGHEST_PROTOCOL}")

    def _enter_frame(self) -> None:
        size = self._little(self._body, 8)
        if size > _LARGEST_SIZE - self.end:
            raise TooLarge(f"the frame has a length of {size} bytes, which nothing can have")
        if self._frame_end >= 0 and self.end < self._frame_end:
            raise ReadError(f"a frame begins inside another, which ends at offset {self._frame_end}")
        if self._exact and self._limit - self._at < size:
            # What a frame holds may be taken from the file at once: it belongs to this pickle.
            self._need(self._at - self._begin + size)
            self._at = self._begin + 9
        self._frame_end = self.end + size
        if self._frame_end > self._furthest:
            self._furthest = self._frame_end
            self._furthest_at = self.start

    # The window

    def _fill(self) -> bool:
        """Put a new window behind the one that is used up; false at the end of the stream."""
        self._base += self._at
        self._data = self._feed.more(0)
        self._at = self._begin = 0
        self._limit = len(self._data)
        return self._limit > 0

    def _extend(self) -> bool:
        """Let the window, from the opcode on, grow by a part of a line; a long one doubles it."""
        pieces = [self._data[self._begin :]]
        left = len(pieces[0])
        while True:
            more = self._feed.more(-1)
            pieces.append(more)
            left -= len(more)
            if not more or left <= 0 or b"\n" in more:
                break
        self._grow(pieces)
        return len(pieces) > 2 or len(more) > 0

    def _need(self, count: int) -> None:
        """See to it that the window holds `count` bytes from the opcode on."""
        pieces = [self._data[self._begin :]]
        there = len(pieces[0])
        while there < count:
            more = self._feed.more(count - there)
            if not more:
                raise self._cut_short(count - there)
            pieces.append(more)
            there += len(more)
        self._grow(pieces)

    def _cut_short(self, missing: int) -> ReadError:
        if self.size:
            return ReadError(
                f"the argument has a length of {self.size} bytes, and the stream ends {missing} earlier"
            )
        return ReadError("the stream ends inside an argument")

    def _grow(self, pieces: list[bytes]) -> None:
        moved = self._begin
        self._data = b"".join(pieces)
        self._limit = len(self._data)
        self._base += moved
        self._begin = 0
        self._at -= moved
        self._body -= moved
        self._stop -= moved
        self._middle -= moved


def _wide(byte: int) -> int:
    """The byte as a number wide enough to be shifted by 56 bits, which matters where this is compiled."""
    return byte


def _negative(size: int) -> int:
    """A length of four bytes that was meant to be signed."""
    return size - (1 << 32)
