"""Reading a stream twice from a file that can be read only once.

Where stores are bound, a load walks the stream for its persistent IDs first and reads it for real
afterwards. The walk ends at STOP as every reading does, so nothing behind the pickle is taken from the file.
"""

from __future__ import annotations

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Lookahead"]


class Lookahead:
    """A file between a reader and `file`, which keeps what is read after :meth:`record` until :meth:`rewind`.

    It has ``peek`` and ``readinto`` where `file` has them. What comes back is what `file` gave:
    judging it is the reader's work.
    """

    _read: Any
    _readline: Any
    peek: Callable[[int], Any]
    readinto: Callable[[Any], Any]

    def __init__(self, file: Any) -> None:
        """Stand before `file`. Raises TypeError where that has no read and readline."""
        self._file_peek = getattr(file, "peek", None)
        self._file_readinto = getattr(file, "readinto", None)
        self._read = getattr(file, "read", None)
        self._readline = getattr(file, "readline", None)
        if self._read is None or self._readline is None:
            raise TypeError("file must have 'read' and 'readline' attributes")
        self._recording = False
        self._chunks: list[bytes] = []  # what was read while recording
        self._kept = b""  # what has to be read again
        self._at = 0  # how far that has come
        if self._file_peek is not None:
            self.peek = self._peek
        if self._file_readinto is not None:
            self.readinto = self._read_into

    def record(self) -> None:
        """From here on keep what is read."""
        self._kept = self._kept[self._at :]
        self._at = 0
        self._recording = True
        self._chunks = []

    def rewind(self) -> None:
        """Go back to where :meth:`record` was called, and keep no more."""
        self._kept = b"".join([*self._chunks, self._kept[self._at :]])
        self._at = 0
        self._recording = False
        self._chunks = []

    def read(self, size: int, /) -> Any:
        """Up to `size` bytes: from what was kept, and from the file once that is used up."""
        if self._at < len(self._kept):
            return self._take(size)
        return self._note(self._read(size))

    def readline(self) -> Any:
        """A line, or as much of it as was kept."""
        if self._at < len(self._kept):
            end = self._kept.find(b"\n", self._at) + 1 or len(self._kept)
            return self._take(end - self._at)
        return self._note(self._readline())

    def _peek(self, size: int, /) -> Any:
        if self._at < len(self._kept):
            return self._kept[self._at :]
        return self._file_peek(size)  # type: ignore[misc]

    def _read_into(self, target: Any, /) -> Any:
        if self._at < len(self._kept):
            data = self._take(len(target))
            target[: len(data)] = data
            return len(data)
        size = self._file_readinto(target)  # type: ignore[misc]
        if isinstance(size, int) and 0 < size <= len(target):
            self._note(bytes(target[:size]))
        return size

    def _take(self, size: int) -> bytes:
        data = self._kept[self._at : self._at + size]
        self._at += len(data)
        if self._recording:
            self._chunks.append(data)
        return data

    def _note(self, data: Any) -> Any:
        if self._recording and isinstance(data, (bytes, bytearray, memoryview)):
            self._chunks.append(bytes(data))
        return data
