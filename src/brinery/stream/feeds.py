"""Where the bytes of a stream come from: a buffer in memory, or a file in pieces."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["KEEP", "BytesFeed", "Excerpt", "Feed", "FileFeed", "Readable", "feed_of"]

#: Of an argument that is longer than this many bytes, only so many are kept.
KEEP = 4096

_PIECE = 1 << 18


class Readable(Protocol):
    """A binary file, as far as it is used."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Excerpt(NamedTuple):
    """What is kept of an argument longer than :data:`KEEP`: its beginning, and its whole size in bytes."""

    head: str | bytes
    size: int


class Feed(Protocol):
    """Gives a scanner the bytes of a stream, a part at a time.

    exact   whether no byte may be taken that is not asked for, as other things may follow the pickle
    """

    exact: bool

    def more(self, wanted: int, /) -> bytes:
        """The next bytes, at least one; none at the end.

        `wanted` is how many the opcode at work still needs, 0 where an opcode begins, and -1 for the rest
        of a line. A feed that is not exact may give more.
        """


class BytesFeed:
    """A buffer, in pieces unless it is ``bytes``: those are one piece."""

    exact = False

    def __init__(self, data: Buffer) -> None:
        """Raises TypeError for what is no buffer, and BufferError for one that is not contiguous."""
        if type(data) is bytes:
            self._whole: bytes | None = data
        else:
            self._whole = None
            view = memoryview(data)
            if not view.contiguous:
                raise BufferError("the buffer to read from is not contiguous")
            self._view = view.cast("B") if view.nbytes else memoryview(b"")
        self._next = 0

    def more(self, wanted: int, /) -> bytes:
        """All of it, or the next piece."""
        if self._whole is not None:
            data, self._whole = self._whole, b""
            return data
        start = self._next
        self._next += max(wanted, _PIECE)
        return self._view[start : self._next].tobytes()


class FileFeed:
    """A file of which only ``read(n)`` is used, read to its end.

    `progress`, if there is one, is called with how many bytes have been read so far.
    """

    exact = False

    def __init__(self, file: Readable, progress: Any = None) -> None:
        self._read = file.read
        self._progress = progress
        self._seen = 0

    def more(self, wanted: int, /) -> bytes:
        """What one read gives."""
        data = self._read(_PIECE)
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        if self._progress is not None and data:
            self._seen += len(data)
            self._progress(self._seen)
        return data


def feed_of(source: Readable | Buffer, progress: Any = None) -> Feed:
    """The feed for a file or for bytes. Raises TypeError for a path, and what else is neither."""
    if hasattr(source, "read"):
        return FileFeed(cast("Readable", source), progress)
    if isinstance(source, (str, os.PathLike)):
        raise TypeError(
            "a stream is bytes or a file to read from, and no path: open it, as in "
            f"open({os.fspath(source)!r}, 'rb'), or use brinery.stream.pickles_in(path), which looks into "
            "compressed files and archives, too"
        )
    return BytesFeed(source)
