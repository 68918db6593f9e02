"""Pickles in files: written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, nullcontext, suppress
from typing import IO, TYPE_CHECKING, Any

from brinery.engine import advice
from brinery.locking import locked
from brinery.pickling import default_profile
from brinery.stream.packing import choose, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from brinery.profile import Profile
    from brinery.stream.packing import Compression

    #: Told how many bytes are done, and of how many; None where that is not known.
    Progress: TypeAlias = Callable[[int, int | None], object]

__all__ = ["dump_file", "is_device", "load_all", "load_file", "written_whole"]

_STEP = 1 << 18  # bytes between two reports


def dump_file(
    obj: object,
    path: str | os.PathLike[str],
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[Any], Any] | None = None,
    profile: Profile | None = None,
    check: bool = False,
    compress: Compression | None = "infer",
    lock: float | None = None,
    progress: Progress | None = None,
) -> None:
    """Write `obj` into the file at `path`, which afterwards holds all of it or what it held before.

    The arguments are those of :func:`brinery.dump`; `profile` is used in the place of the default one.

    `compress` is ``"gzip"``, ``"bzip2"``, ``"xz"``, ``"zstd"`` (from Python 3.14 on, or with the package
    backports.zstd), ``"lz4"`` (with the package lz4) or ``"none"``; ``"infer"`` takes what the suffix says
    (``.gz``, ``.bz2``, ``.xz``, ``.zst``, ``.lz4``). With `lock`, a number of
    seconds, no other ``dump_file`` that has a `lock` writes the file meanwhile: it is waited for so long.
    `progress` is called with how many bytes were written, before compression, and None.

    Raises what dumping raises, and OSError (BlockingIOError where another writer holds the lock); either way
    the old file, if there was one, is as it was. ValueError: this Python cannot do that `compress`.
    TypeError: `path` is no path, or `lock` no number of seconds.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        swapped = isinstance(obj, str | os.PathLike)
        hint = f"; write dump_file(…, {os.fspath(obj)!r})" if swapped else ""
        raise TypeError(
            f"dump_file() wants the object, then the path of a file; the path cannot be a "
            f"{type(path).__qualname__}{hint}"
        )
    path = os.fsdecode(path)
    if lock is not None and not (
        isinstance(lock, int | float) and not isinstance(lock, bool) and lock >= 0  # which no nan is
    ):
        raise TypeError(
            f"lock is a number of seconds to wait for another writer, such as lock=10, or None, not {lock!r}"
        )
    _check_target(path)
    method = choose(path, compress)
    with nullcontext() if lock is None else locked(path, lock), written_whole(path) as whole:  # noqa: SIM117
        with packed(whole, method) as file:
            (profile or default_profile()).dump(
                obj,
                file if progress is None else _Writing(file, progress),
                protocol,
                fix_imports=fix_imports,
                buffer_callback=buffer_callback,
                check=check,
            )


def load_file(
    path: str | os.PathLike[str],
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Iterable[Any] | None = None,
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Any:
    """The object in the file at `path`; of several pickles in it the first, which see :func:`load_all`.

    The arguments are those of :func:`brinery.load`; `profile` is used in the place of the default one. What
    is compressed is decompressed, whatever its name, and read to its end, where its check sum stands.
    `progress` is called with how many bytes of the file were read, and how many there are. What is raised
    while it is loaded has a note with the file's name.

    Raises what loading raises; for a compressed file that is cut short EOFError, for one that is damaged what
    its decompressor raises: OSError or ``zlib.error`` (gzip), OSError (bzip2), ``lzma.LZMAError`` (xz, lzma),
    ZstdError (zstd), ValueError (zlib, lz4); ValueError where this Python cannot decompress it;
    and OSError.
    """
    with _opened(path, progress) as (file, is_packed):
        if not file.peek(1):
            empty = EOFError("Ran out of input")
            advice.add(
                empty,
                "the file has nothing in it: whatever was to write it never did, or ended before it had. "
                "dump_file() leaves a file whole or as it was",
            )
            raise empty
        loaded = (profile or default_profile()).load(
            file, fix_imports=fix_imports, encoding=encoding, errors=errors, buffers=buffers
        )
        if is_packed:  # its check sum stands at its end
            while file.read(_STEP):
                pass
        return loaded


def _check_target(path: str | os.PathLike[str]) -> None:
    """Raise OSError, with the name that was asked for, where no file can be put there."""
    if is_device(path):
        return
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, "this is a folder, and not the name of a file to write", target)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        missing = FileNotFoundError(errno.ENOENT, "there is no such folder to write the file in", folder)
        advice.add(missing, f"make it first: os.makedirs({folder!r}, exist_ok=True)")
        raise missing


def load_all(
    path: str | os.PathLike[str],
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    profile: Profile | None = None,
    progress: Progress | None = None,
) -> Iterator[Any]:
    """The objects of all pickles in the file at `path`, one after the other, each as it is asked for.

    The arguments are those of :func:`load_file`. An empty file has no objects.

    Raises what :func:`load_file` raises, where the pickle that cannot be loaded is met: those before it were
    yielded. A note says which of the file's pickles it is, and where it begins; ``pickle_offset`` counts
    from there.
    """
    loading = profile or default_profile()
    with _opened(path, progress) as (file, _):
        number = 0
        while file.peek(1):
            number += 1
            begin = file.tell()
            try:
                loaded = loading.load(file, fix_imports=fix_imports, encoding=encoding, errors=errors)
            except Exception as failure:
                at = getattr(failure, "pickle_offset", None)
                where = (
                    f", so it failed at offset {begin + at:,} of the file" if at is not None and begin else ""
                )
                advice.add(failure, f"in pickle {number}, which begins at offset {begin:,}{where}")
                raise
            yield loaded


@contextmanager
def _opened(path: str | os.PathLike[str], progress: Progress | None) -> Iterator[tuple[Any, bool]]:
    """The content of the file at `path`, and whether it is compressed."""
    with open(path, "rb") as file:
        try:
            # Never closed by itself: that would close `file`, which the block does.
            content: Any = unpacked(file)
            is_packed = content is not file
            if progress is not None:
                content = _Reading(content, file, os.fstat(file.fileno()).st_size, progress)
            yield content, is_packed
        except Exception as failure:
            advice.add(failure, f"in the file {os.fspath(path)!r}")
            raise


class _Writing:
    """A file that tells how much was written into it."""

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self._done = 0

    def write(self, data: Any) -> Any:
        count = self._file.write(data)
        self._done += len(data) if count is None else count
        self._progress(self._done, None)
        return count


class _Reading:
    """A file that tells how far it was read."""

    def __init__(self, content: Any, file: IO[bytes], size: int, progress: Progress) -> None:
        self.peek = content.peek
        self.tell = content.tell
        self._content = content
        self._file = file
        self._size = size
        self._progress = progress
        self._told = -1

    def read(self, size: int, /) -> Any:
        return self._tell(self._content.read(size))

    def readline(self) -> Any:
        return self._tell(self._content.readline())

    def readinto(self, target: Any, /) -> Any:
        return self._tell(self._content.readinto(target))

    def _tell(self, result: Any) -> Any:
        done = self._file.tell()
        if done - self._told >= _STEP or (done == self._size and done != self._told):
            self._told = done
            self._progress(done, self._size)
        return result


def is_device(path: str | os.PathLike[str]) -> bool:
    """Whether there is something at `path` that is no file and no folder: a device, a pipe.

    The path is asked as it is. Of ``/dev/stdout`` in a pipeline, what :func:`os.path.realpath` gives does not
    exist.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of the one at `path` when the ``with`` ends without an exception.

    It is written beside the other, because only within one file system can it be renamed in one step, and
    it is flushed to the disk first, because the name may reach the disk before the content does. A
    symbolic link stays one, and an existing file's permissions stay. What is there and no regular file, as a
    device or a pipe, is written into: a file in its place (of ``/dev/null``, say) would be nobody's wish.
    """
    if is_device(path):
        with open(path, "wb") as file:
            yield file
        return
    target = os.path.realpath(path)
    directory, name = os.path.split(target)
    # A name's length is limited in bytes, of which a character of UTF-8 takes up to four.
    beside = os.path.join(directory, f".{name[:50]}.{os.urandom(6).hex()}.tmp")
    try:
        mode: int | None = stat.S_IMODE(os.stat(target).st_mode)
    except FileNotFoundError:
        mode = None
    # O_EXCL: never a file, or a link, that somebody else put there. And never one that others can open while
    # the one that it replaces is closed to them: what is open stays so, whatever its mode becomes.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(beside, flags, 0o666 if mode is None else 0o600)
    try:
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.chmod(beside, mode)
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
