"""From bytes to opcodes with their arguments: the reading half of the disassembler.

Lengths that the stream declares are never believed: an argument is read in pieces, and of a long one
only the beginning is kept. The rules for frames are the engines' own: no opcode straddles a frame's
end, and no frame begins inside another.
"""

from __future__ import annotations

import codecs
import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from brinery.errors import ReadError
from brinery.stream import text
from brinery.stream.opcodes import BY_CODE, HIGHEST_PROTOCOL, Argument, Opcode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["KEEP", "Excerpt", "Readable", "Scanner", "Token"]

#: Of an argument that is longer than this many bytes, only so many are kept.
KEEP = 4096

_PIECE = 1 << 16
_LARGEST_INDEX = 1 << 32  # the engines refuse a memo index above this


class Readable(Protocol):
    """A binary file, as far as it is used."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Excerpt(NamedTuple):
    """What is kept of an argument longer than :data:`KEEP`: its beginning, and its whole size in bytes."""

    head: str | bytes
    size: int


class Token(NamedTuple):
    """One opcode as it stands in the stream: `size` bytes from `offset` on, argument included."""

    offset: int
    size: int
    opcode: Opcode
    argument: object


class Scanner:
    """Reads opcodes from a file, pickle after pickle.

    ``opcode_offset`` and ``opcode_name`` say where it stands, for the error that a caller raises.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._piece = b""
        self._next = 0
        self._offset = 0
        self._frame_end: int | None = None
        # The frame that goes furthest: where it ends, and where its opcode stands.
        self._furthest = (0, 0)
        self.opcode_offset = 0
        self.opcode_name = "none"

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return not self._available()

    def scan(self) -> Iterator[Token]:
        """The opcodes of one pickle, STOP included. Raises ReadError where the stream is malformed."""
        self._frame_end = None
        while True:
            start = self.opcode_offset = self._offset
            self.opcode_name = "none"
            if self._frame_end is not None and start >= self._frame_end:
                self._frame_end = None
            if self.at_end():
                raise ReadError("there is nothing here" if start == 0 else "the stream ends before STOP")
            code = self._take(1)[0]
            opcode = BY_CODE.get(code)
            if opcode is None:
                self.opcode_name = f"0x{code:02x}"
                raise ReadError("this byte is no opcode")
            self.opcode_name = opcode.name
            argument = self._argument(opcode.argument)
            _check(opcode.name, argument)
            if opcode.name == "FRAME":
                self._enter_frame(argument)
            yield Token(start, self._offset - start, opcode, argument)
            if opcode.name == "STOP":
                return

    def _enter_frame(self, size: object) -> None:
        assert isinstance(size, int)
        if self._frame_end is not None:
            raise ReadError(f"a frame begins inside another, which ends at offset {self._frame_end}")
        self._frame_end = self._offset + size
        self._furthest = max(self._furthest, (self._frame_end, self.opcode_offset))

    def finish(self) -> None:
        """To be called at the end. Raises ReadError for a frame that would have gone beyond it."""
        end, offset = self._furthest
        if end > self._offset:
            self.opcode_offset, self.opcode_name = offset, "FRAME"
            raise ReadError(f"the frame ends at offset {end}, and the stream at {self._offset}")

    # Arguments

    def _argument(self, form: Argument) -> object:
        if form.size:
            return _FIXED[form.name](self._take(form.size))
        if form.lines == 1:
            return _convert(_LINES[form.name], self._line())
        if form.lines == 2:
            return _name(self._line()), _name(self._line())
        if form.prefix:
            size = int.from_bytes(self._take(form.prefix), "little", signed=form.signed)
            if size < 0:
                raise ReadError(f"the length {size} is negative")
            return self._counted(size, form.name)
        return None

    def _counted(self, size: int, name: str) -> object:
        """`size` bytes: text, a number or bytes, by the name of the argument."""
        self._check_frame(size)
        decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass") if name in _TEXTS else None
        head: str | bytes = "" if decoder else b""
        left = size
        while True:
            piece = self._some(left)
            left -= len(piece)
            if not piece and left:
                raise ReadError(
                    f"the argument has a length of {size} bytes, and the stream ends {left} earlier"
                )
            # The whole argument is decoded, so that a fault in it is found, but only its head is kept.
            found = _decode(decoder, piece, final=not left) if decoder else piece
            if len(head) < KEEP:
                head += found  # type: ignore[operator]
            if not left:
                break
        if size > KEEP:
            return Excerpt(head[:KEEP], size)
        if isinstance(head, bytes) and name in _INTEGERS:
            return text.decode_long(head)
        return head

    def _line(self) -> bytes | Excerpt:
        """What comes before the next newline, which is consumed."""
        head, size = b"", 0
        while True:
            if not self._available():
                raise ReadError("the stream ends inside a line")
            stop = self._piece.find(b"\n", self._next)
            piece = self._some((stop + 1 if stop >= 0 else len(self._piece)) - self._next)
            if len(head) < KEEP:
                head += piece
            size += len(piece)
            if stop >= 0:
                size -= 1
                return head[:size] if size <= KEEP else Excerpt(head[:KEEP], size)

    # Bytes

    def _available(self) -> bool:
        """Make sure that a byte can be taken; false at the end."""
        if self._next == len(self._piece):
            self._piece, self._next = self._file.read(_PIECE), 0
        return bool(self._piece)

    def _some(self, size: int) -> bytes:
        """At least one of the next `size` bytes, unless `size` is 0 or the stream is at its end."""
        if not size or not self._available():
            return b""
        start = self._next
        self._next = min(start + size, len(self._piece))
        taken = self._piece[start : self._next]
        self._check_frame(len(taken))
        self._offset += len(taken)
        return taken

    def _take(self, size: int) -> bytes:
        """Exactly `size` bytes, a few."""
        taken = self._some(size)
        while len(taken) < size:
            more = self._some(size - len(taken))
            if not more:
                raise ReadError("the stream ends inside an argument")
            taken += more
        return taken

    def _check_frame(self, size: int) -> None:
        if self._frame_end is not None and self._offset + size > self._frame_end:
            raise ReadError(f"it goes beyond the frame, which ends at offset {self._frame_end}")


_TEXTS = {"text1", "text4", "text8"}
_INTEGERS = {"long1", "long4"}

_FIXED: dict[str, Callable[[bytes], object]] = {
    "uint1": lambda data: data[0],
    "uint2": lambda data: int.from_bytes(data, "little"),
    "int4": lambda data: int.from_bytes(data, "little", signed=True),
    "uint4": lambda data: int.from_bytes(data, "little"),
    "uint8": lambda data: int.from_bytes(data, "little"),
    "float8": lambda data: struct.unpack(">d", data)[0],
}

_LINES: dict[str, Callable[[bytes], object]] = {
    "int_line": text.parse_int,
    "long_line": text.parse_long,
    "float_line": text.parse_float,
    "string_line": text.parse_string,
    "unicode_line": text.parse_unicode,
    "index_line": text.parse_index,
    "id_line": lambda line: line.decode("ascii"),
}


def _convert(convert: Callable[[bytes], object], line: bytes | Excerpt) -> object:
    if isinstance(line, Excerpt):
        return line
    try:
        return convert(line)
    except ValueError as bad:  # UnicodeDecodeError is one
        raise ReadError(f"the argument cannot be read: {bad}") from None


def _decode(decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool) -> str:
    try:
        return decoder.decode(piece, final)
    except UnicodeDecodeError as bad:
        raise ReadError(f"the text is not UTF-8: {bad.reason}") from None


def _name(line: bytes | Excerpt) -> str:
    data = line if isinstance(line, bytes) else bytes(line.head) + b"..."  # type: ignore[arg-type]
    if not data:
        raise ReadError("the name is empty")
    try:
        return data.decode()
    except UnicodeDecodeError as bad:
        raise ReadError(f"the name is not UTF-8: {bad.reason}") from None


def _check(name: str, argument: object) -> None:
    """What an opcode's argument must not be, whatever is on the stack."""
    if name == "PROTO" and argument > HIGHEST_PROTOCOL:  # type: ignore[operator]
        raise ReadError(f"protocol {argument} is unknown; the highest is {HIGHEST_PROTOCOL}")
    if name in ("PUT", "GET") and not (isinstance(argument, int) and 0 <= argument <= _LARGEST_INDEX):
        raise ReadError(f"{_short(argument)} is no memo index")
    if name in ("EXT1", "EXT2", "EXT4") and argument <= 0:  # type: ignore[operator]
        raise ReadError(f"{argument} is no extension code; they begin at 1")


def _short(argument: object) -> str:
    return "a very long line" if isinstance(argument, Excerpt) else repr(argument)[:40]
