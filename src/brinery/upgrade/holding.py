"""What is put together before it goes elsewhere: in memory, or in a file where it is large."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

__all__ = ["Held", "Spooled", "Summed", "beginning_of", "read_the_same"]

_IN_MEMORY = 8 << 20
_PIECE = 1 << 20


class Held:
    """A file that is written once, and then read as often as wanted, also several times at once.

    size, sum  how much was written, and its CRC-32
    """

    def __init__(self) -> None:
        self.size = self.sum = 0
        self._memory: io.BytesIO | None = io.BytesIO()
        self._path = ""
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: Any) -> int:
        """Add bytes at the end."""
        with memoryview(data) as view:
            size = view.nbytes
            if self._memory is not None and self.size + size > _IN_MEMORY:
                self._to_disk()
            into: Any = self._file or self._memory
            into.write(view)
            self.sum = zlib.crc32(view, self.sum)
        self.size += size
        return size

    def tell(self) -> int:
        """Where the next bytes go: at the end."""
        return self.size

    def flush(self) -> None:
        """There is nobody else to whom it could be given."""

    def open(self) -> Any:
        """A reader of all of it, with ``peek``."""
        if self._memory is not None:
            return io.BufferedReader(io.BytesIO(self._memory.getvalue()))
        return open(self.path(), "rb")

    def path(self) -> str:
        """The name of a file that has it, until this is closed."""
        if self._memory is not None:
            self._to_disk()
        assert self._file is not None
        self._file.flush()
        return self._path

    def close(self) -> None:
        """Forget all of it."""
        self._memory = None
        if self._file is not None:
            self._file.close()
            os.unlink(self._path)
            self._file = None

    def _to_disk(self) -> None:
        assert self._memory is not None
        descriptor, self._path = tempfile.mkstemp(prefix="brinery-upgrade-")
        self._file = os.fdopen(descriptor, "wb")
        self._file.write(self._memory.getbuffer())
        self._memory = None


class Spooled:
    """What can be read only forwards, or only slowly backwards: kept when it is opened for the first time."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._held: Held | None = None

    def __enter__(self) -> Spooled:
        return self

    def __exit__(self, *_: object) -> None:
        if self._held is not None:
            self._held.close()

    def beginning(self, size: int) -> bytes:
        """How it begins; to be asked first."""
        return beginning_of(self._file, size)

    def __call__(self) -> Any:
        """A reader from its beginning."""
        if self._held is None:
            held = self._held = Held()
            shutil.copyfileobj(self._file, held, _PIECE)
        return self._held.open()

    def last(self) -> Any:
        """A reader from its beginning, after which there is no other."""
        return self._file if self._held is None else self._held.open()


class Summed:
    """A file that is read, and the CRC-32 of what was."""

    def __init__(self, file: Any) -> None:
        self._read: Callable[[int], bytes] = file.read
        self.sum = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._read(size)
        self.sum = zlib.crc32(data, self.sum)
        return data

    def rest(self) -> int:
        """The sum, when all is read."""
        while self.read(_PIECE):
            pass
        return self.sum


def beginning_of(file: Any, size: int) -> bytes:
    """How a file with ``peek`` goes on; it stands where it stood."""
    beginning = bytes(file.peek(size)[:size])
    if len(beginning) < size and file.seekable():  # of what is decompressed, as much as one block has
        place = file.tell()
        beginning = _whole(file, size)
        file.seek(place)
    return beginning


def read_the_same(first: Any, second: Any) -> bool:
    """Whether two files give the same from here to their ends."""
    while True:
        piece = _whole(first, _PIECE)
        if piece != _whole(second, _PIECE):
            return False
        if not piece:
            return True


def _whole(file: Any, size: int) -> bytes:
    """`size` bytes, or all that is left."""
    pieces = []
    while size and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
