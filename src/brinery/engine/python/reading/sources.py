"""Files to read from: exact about what is taken, careful about what comes back."""

from __future__ import annotations

from io import BytesIO
from pickle import PickleBuffer
from typing import Any

from brinery.engine.explaining import no_reader
from brinery.errors import ReadError

__all__ = ["FileSource", "as_bytes", "lent"]

# A length in the stream is a promise. Reading this much at first and then as much as has come
# already, a promise that is not kept costs no more than twice of what did come.
_FIRST_CHUNK = 1 << 18

# How far to look ahead where a file has peek, which most answer with what they have buffered anyway.
_PEEK = 1 << 13


def as_bytes(data: Any) -> bytes:
    """The bytes of any contiguous buffer: bytearray, memoryview, PickleBuffer, mmap, an array.

    Raises TypeError for what is no buffer, and BufferError for one that is not contiguous.
    """
    if type(data) is bytes:
        return data
    with _shown(data) as view:
        return view.tobytes("A")


def lent(data: Any) -> memoryview:
    """The memory of any contiguous buffer, byte by byte. Its owner may write into it, but not resize it.

    To be released by the caller. Raises as :func:`as_bytes` does.
    """
    with _shown(data):
        return PickleBuffer(data).raw()  # whatever its format and shape


def _shown(data: Any) -> memoryview:
    try:
        view = memoryview(data)
    except TypeError as refused:
        words = str(refused)
        if words.startswith("memoryview: "):  # C pickle says the same, and asks no memoryview
            raise TypeError(words.removeprefix("memoryview: ")) from None
        raise
    if not view.contiguous:
        view.release()
        raise BufferError("the buffer to unpickle from is not contiguous")
    return view


class FileSource:
    """The bytes of a file, as a reader asks for them.

    Nothing is taken from the file that was not asked for. Where it has ``peek``, a window of bytes is
    only looked at, and taken when the reader goes on behind it or stops inside it.
    """

    _read: Any
    _readline: Any

    def __init__(self, file: Any) -> None:
        """Read from `file`. Raises TypeError where it has no read and readline."""
        # All four are asked for, so that an error in any of them shows; None is as good as missing.
        self._memory = file if type(file) is BytesIO else None
        #: Whether it is an io.BytesIO, which is looked into though it has no ``peek``.
        self.in_memory = self._memory is not None
        self._peek = getattr(file, "peek", None)
        self._readinto = getattr(file, "readinto", None)
        self._read = getattr(file, "read", None)
        self._readline = getattr(file, "readline", None)
        if self._read is None or self._readline is None:
            raise no_reader(file)
        #: How many bytes of the last window are still in the file, having only been looked at.
        self.peeked = 0

    def window(self) -> bytes:
        """The next byte or more; nothing at the end of the file."""
        if self.peeked:
            self.skip(self.peeked)
        if self._memory is not None:
            # A file in memory can go back at no cost. Opcodes of protocols 0 to 3 come in no frames, and
            # fetching each alone made loading from a BytesIO four times slower.
            data = self._memory.read(_PEEK)
            self._memory.seek(-len(data), 1)
            self.peeked = len(data)
            if data:
                return data
        elif self._peek is not None:
            try:
                data = self._peek(_PEEK)
            except NotImplementedError:  # the way of a wrapper to say that what it wraps has none
                self._peek = None
            else:
                if type(data) is not bytes:
                    data = as_bytes(data)
                self.peeked = len(data)
                if data:
                    return data
        return self._some(1)

    def read(self, size: int, before: bytes = b"") -> bytes:
        """`before` and the next `size` bytes. Raises UnpicklingError where the file ends before."""
        if self.peeked:
            self.skip(self.peeked)
        chunks = [before]
        received = 0
        while received < size:
            data = self._some(min(size - received, max(received, _FIRST_CHUNK)))
            if not data:
                raise ReadError("pickle data was truncated")
            chunks.append(data)
            received += len(data)
        return b"".join(chunks)

    def read_bytearray(self, size: int, before: bytes = b"") -> bytearray:
        """The same as a bytearray, by ``readinto`` where the file has it."""
        if self._readinto is None:
            return bytearray(self.read(size, before))
        self.skip(self.peeked)
        result = bytearray(before)
        filled = len(result)
        size += filled
        while filled < size:
            # Memory of its own, as the file may keep a part of it, and the result has to grow.
            piece = bytearray(min(size - filled, max(filled // 2, _FIRST_CHUNK)))
            with memoryview(piece) as room:
                count = self._readinto(room)
            if type(count) is not int:
                raise TypeError(f"readinto() should return an int, not {type(count).__name__}")
            if not 0 <= count <= len(piece):
                raise ValueError(f"readinto() returned {count} for a buffer of {len(piece)} bytes")
            if not count:
                raise ReadError("pickle data was truncated")
            filled += count
            result += piece if count == len(piece) else piece[:count]
        return result

    def readline(self, before: bytes = b"") -> bytes:
        """`before` and the rest of the line, without the newline.

        Raises UnpicklingError where the file ends before the line does.
        """
        if self.peeked:
            self.skip(self.peeked)
        data = as_bytes(self._readline())
        end = data.find(b"\n")
        if end < 0:  # a line without its end is the end of the file, as for C pickle
            raise ReadError("pickle data was truncated")
        if end < len(data) - 1:
            raise ReadError("readline() returned more than a line")
        return before + data[:-1]

    def skip(self, count: int) -> None:
        """Take the first `count` of the bytes that were only looked at; forget the others."""
        self.peeked = 0
        while count:
            data = self._some(count)
            if not data:
                raise ReadError("the file lost bytes that it had shown to peek()")
            count -= len(data)

    def _some(self, size: int) -> bytes:
        data = self._read(size)
        if type(data) is not bytes:
            data = as_bytes(data)
        if len(data) > size:
            raise ReadError(f"read({size}) returned {len(data)} bytes")
        return data
