"""Writing to a file of any kind, whole."""

from __future__ import annotations

from brinery.engine.explaining import text_file
from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["write_all", "write_rest"]


def write_all(write: Callable[[Any], object], data: bytes | memoryview) -> None:
    """Write all of `data`, also through a raw file, which may take less than it was given.

    Many file-like objects return None and mean that they took everything. Raises OSError where
    `write` returns anything else that is not a number of bytes between 1 and what it was given.
    """
    try:
        taken = write(data)
    except TypeError as refused:
        text_file(refused, write)
        raise
    write_rest(write, data, taken)


def write_rest(write: Callable[[Any], object], data: bytes | memoryview, taken: object) -> None:
    """What :func:`write_all` goes on with when ``write(data)`` has returned `taken`."""
    rest: bytes | memoryview = data
    while taken is not None and taken != len(rest):
        if not isinstance(taken, int) or not 0 < taken < len(rest):
            raise OSError(f"file.write() was given {len(rest)} bytes and returned {taken!r}")
        rest = memoryview(rest)[taken:]
        taken = write(rest)
