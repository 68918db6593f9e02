"""Where a dump's bytes go: frames (PEP 3154), payloads beside them, and the file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from brinery.engine.files import write_all
from brinery.stream.opcodes import FRAME_LEAST, FRAME_TARGET, codes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Output"]

(FRAME,) = codes("FRAME")


class Output:
    """The bytes of one dump, collected or handed to ``file.write`` frame by frame.

    `buffer` is the open frame's content; writers add to it directly. Before each object they compare its
    length with `frame_limit` and call :meth:`end_frame`. Below protocol 4 there are no frames, and all is
    one write.
    """

    __slots__ = ("_finished", "_framed", "buffer", "frame_limit", "to_file")

    def __init__(self, protocol: int, write: Callable[[Any], object] | None) -> None:
        self.buffer = bytearray()
        self._framed = protocol >= 4
        self.frame_limit = FRAME_TARGET if self._framed else sys.maxsize
        self._finished: list[bytes] = []
        self.to_file = write

    def begin(self, header: bytes) -> None:
        """What stands before the first frame."""
        self._finished.append(header)

    def end_frame(self) -> None:
        """End the open frame; the next byte opens another."""
        self._close_frame()
        self._flush()

    def _close_frame(self) -> None:
        size = len(self.buffer)
        if self._framed and size >= FRAME_LEAST:
            self._finished.append(FRAME + size.to_bytes(8, "little"))
        if size:
            self._finished.append(bytes(self.buffer))
            # Emptied in place: writers hold on to it while they write their children.
            self.buffer.clear()

    def add_payload(self, header: bytes, data: bytes) -> None:
        """An opcode with its length, and the data that it announces."""
        if len(data) < FRAME_TARGET:
            self.buffer += header
            self.buffer += data
        else:
            self.end_frame()
            self._finished.append(header)
            self._flush()
            self._finished.append(data)
            self._flush()

    def finish(self) -> bytes:
        """End the last frame. All bytes of the dump, or none where they went to a file."""
        self.end_frame()
        return b"".join(self._finished)

    def held_back(self) -> bytes:
        """End the last frame, and hand out what is not in the file yet; with STOP as its last byte."""
        self._close_frame()
        return b"".join(self._finished)

    def _flush(self) -> None:
        if self.to_file is not None and self._finished:
            data = b"".join(self._finished)  # of a single bytes object that is the object itself, not a copy
            self._finished.clear()
            write_all(self.to_file, data)
