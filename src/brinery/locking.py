"""A lock against a second writer of a file: held by a process, and gone with it."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["locked"]

_PAUSE = 0.02  # seconds between two looks
_BUSY = "another process or thread writes {}; with lock=SECONDS, dump_file() waits for its end"


@contextmanager
def locked(path: str | os.PathLike[str], timeout: float, *, busy: str = _BUSY) -> Iterator[None]:
    """Be the only one in this block for the file at `path`, among all that ask in this way.

    The lock is the operating system's, on a file beside it (``.NAME.brinery-lock``), for the file itself is
    replaced. When its holder ends, even by being killed, it is free. On a network file system it is worth
    what locks are worth there. The file is removed at the end, unless there is something in it.

    Raises BlockingIOError where another holds it for longer than `timeout` seconds; its text is `busy`, with
    the file's name for ``{}``.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    beside = os.path.join(folder, f".{name[:200]}.brinery-lock")
    until = time.monotonic() + timeout
    while True:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        if _try(descriptor):
            # Whoever held it before may have removed the file that is locked here: then it locks nothing.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(beside)):
                    break
        os.close(descriptor)
        if time.monotonic() >= until:
            raise BlockingIOError(busy.format(target))
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        with suppress(OSError):
            if not os.fstat(descriptor).st_size:  # else it is somebody's
                os.unlink(beside)
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    """Take the lock, if nobody has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
