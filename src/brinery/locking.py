"""A lock against a second writer of a file: held by a process, and gone with it."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from brinery.said import add

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["locked"]

# Descriptors of locks that this process holds. A child that is forked meanwhile shares them, and would hold
# the lock with its parent, for as long as it lives: it closes them, which leaves the parent's lock as it is.
_held: set[int] = set()


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)

_PAUSE = 0.02  # seconds between two looks
_BUSY = "another process or thread writes {}; with lock=SECONDS, dump_file() waits for its end"


@contextmanager
def locked(path: str | os.PathLike[str], timeout: float, *, busy: str = _BUSY) -> Iterator[None]:
    """Be the only one in this block for the file at `path`, among all that ask in this way.

    The lock is the operating system's, on a file beside it (``.NAME.brinery-lock``), for the file itself is
    replaced. When its holder ends, even by being killed, it is free. On a network file system it is worth
    what locks are worth there. The file is removed at the end, unless there is something in it. A child that
    is forked in the block does not hold the lock.

    Raises PermissionError where the file beside it may be neither made nor opened, and BlockingIOError where
    another holds it for longer than `timeout` seconds; its text is `busy`, with the file's name for ``{}``.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    beside = os.path.join(folder, f".{name[:200]}.brinery-lock")
    until = time.monotonic() + timeout
    while True:
        descriptor = _open(beside, target)
        if _try(descriptor):
            # Whoever held it before may have removed the file that is locked here: then it locks nothing.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(beside)):
                    break
        os.close(descriptor)
        if time.monotonic() >= until:
            raise BlockingIOError(busy.format(target))
        time.sleep(_PAUSE)
    _held.add(descriptor)
    try:
        yield
    finally:
        if descriptor in _held:  # else this is a child, and the lock its parent's
            _held.discard(descriptor)
            with suppress(OSError):
                if not os.fstat(descriptor).st_size:  # else it is somebody's
                    os.unlink(beside)
            os.close(descriptor)


def _open(beside: str, target: str) -> int:
    """The lock's file, opened. Another user's can be locked when it can only be read."""
    flags = getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(beside, os.O_RDWR | os.O_CREAT | flags, 0o666)
    except PermissionError as refused:
        with suppress(OSError):
            return os.open(beside, os.O_RDONLY | flags)
        add(
            refused,
            f"the lock for {target!r} is a file beside it, which this user may neither make nor read: give "
            f"all who write there permission to write in the folder, and to read {beside!r} where it is "
            "another user's",
        )
        raise


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
