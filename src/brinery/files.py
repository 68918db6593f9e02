"""Pickles in files: written whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from brinery.pickling import default_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from brinery.profile import Profile

__all__ = ["dump_file", "load_file", "written_whole"]


def dump_file(
    obj: object,
    path: str | os.PathLike[str],
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[Any], Any] | None = None,
    profile: Profile | None = None,
    check: bool = False,
) -> None:
    """Write `obj` into the file at `path`, which afterwards holds all of it or what it held before.

    The arguments are those of :func:`brinery.dump`; `profile` is used in the place of the default one.

    Raises what dumping raises, and OSError; either way the old file, if there was one, is as it was.
    """
    with written_whole(path) as file:
        (profile or default_profile()).dump(
            obj, file, protocol, fix_imports=fix_imports, buffer_callback=buffer_callback, check=check
        )


def load_file(
    path: str | os.PathLike[str],
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = None,
    profile: Profile | None = None,
) -> Any:
    """The object in the file at `path`.

    The arguments are those of :func:`brinery.load`; `profile` is used in the place of the default one.
    """
    with open(path, "rb") as file:
        return (profile or default_profile()).load(
            file, fix_imports=fix_imports, encoding=encoding, errors=errors, buffers=buffers
        )


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of the one at `path` when the ``with`` ends without an exception.

    It is written beside the other, because only within one file system can it be renamed in one step, and
    it is flushed to the disk first, because the name may reach the disk before the content does. A
    symbolic link stays one, and an existing file's permissions stay.
    """
    target = os.path.realpath(path)
    directory, name = os.path.split(target)
    beside = os.path.join(directory, f".{name[:100]}.{os.urandom(6).hex()}.tmp")
    # O_EXCL: never a file, or a link, that somebody else put there.
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with open(descriptor, "wb") as file:
            with suppress(FileNotFoundError):
                os.chmod(beside, stat.S_IMODE(os.stat(target).st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    _flush_directory(directory)


def _flush_directory(directory: str) -> None:
    """Bring the new name to the disk; not every system lets a directory be opened for that."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
