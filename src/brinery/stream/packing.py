"""Compressed files: chosen by a name or a suffix when written, known by their content when read."""

from __future__ import annotations

import importlib
import io
import os
import zlib
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, cast

from brinery.stream.faults import FileDamaged
from brinery.stream.kinds import LONGEST_MAGIC, recognise

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Compression", "choose", "packed", "unpacked"]

#: How a file is compressed; ``"infer"``: as its name ends, and not at all where that says nothing.
Compression: TypeAlias = Literal["infer", "none", "gzip", "bzip2", "xz", "zstd", "lz4"]

_SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zstd": "zstd", ".lz4": "lz4"}
_MODULES = {
    "gzip": "gzip",
    "bzip2": "bz2",
    "xz": "lzma",
    "lzma": "lzma",
    "zstd": "compression.zstd",
    "lz4": "lz4.frame",
}


def choose(path: str | os.PathLike[str], compress: str | None) -> str:
    """How to compress the file at `path`: ``none``, ``gzip``, ``bzip2``, ``xz``, ``zstd`` or
    ``lz4``.

    Raises ValueError for a name that is none of these.
    """
    if compress is None:
        return "none"
    if compress == "infer":
        return _SUFFIXES.get(os.path.splitext(os.fspath(path))[1].lower(), "none")
    names = ("none", *dict.fromkeys(_SUFFIXES.values()))
    if compress not in names:
        raise ValueError(f"compress={compress!r}; it is 'infer' or one of {', '.join(map(repr, names))}")
    return compress


def _module(name: str) -> Any:
    try:
        return importlib.import_module(_MODULES[name])
    except ImportError as missing:
        if name == "zstd":
            try:  # the same module for older Pythons
                return importlib.import_module("backports.zstd")
            except ImportError:
                raise ValueError(
                    "zstd needs Python 3.14, or the package backports.zstd on an older one"
                ) from missing
        if name == "lz4":
            raise ValueError("lz4 needs the package lz4: pip install lz4") from missing
        raise ValueError(f"this Python was built without {name}") from missing


@contextmanager
def packed(file: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    """What is written into the result is compressed into `file`; finished at the end of the ``with``."""
    if name == "none":
        yield file
        return
    module = _module(name)
    file = cast("IO[bytes]", gate := _Gate(file))
    if name == "gzip":
        # Neither a time nor a name: equal objects give equal files.
        inner = module.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)
    elif name == "bzip2":
        inner = module.BZ2File(file, "wb")
    elif name == "xz":
        inner = module.LZMAFile(file, "wb")
    elif name == "lz4":
        inner = module.LZ4FrameFile(file, "wb", content_checksum=True)
    else:
        # As with lz4: unless a check sum is asked for, there is none.
        inner = module.ZstdFile(file, "wb", options={module.CompressionParameter.checksum_flag: 1})
    try:
        yield inner
    except BaseException:
        # Nobody will read it. It is closed all the same, lest it try that by itself when `file` is gone.
        gate.shut()
        with suppress(Exception):
            inner.close()
        raise
    inner.close()


class _Gate:
    """A file that is written to, until the gate is shut."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._open = True

    def write(self, data: Any) -> Any:
        return self._file.write(data) if self._open else memoryview(data).nbytes

    def flush(self) -> None:
        if self._open:
            self._file.flush()

    def shut(self) -> None:
        self._open = False


def unpacked(file: Any) -> Any:
    """`file`, or what reads its content where that is compressed. `file` must have ``peek``.

    Raises ValueError where this Python cannot decompress it.
    """
    kind = recognise(file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC])
    if kind is None or not kind.packed:
        return file
    if kind.name == "zlib":
        return io.BufferedReader(_Inflated(file))
    module = _module(kind.name)
    if kind.name == "gzip":
        return module.GzipFile(fileobj=file, mode="rb")
    if kind.name == "bzip2":
        return module.BZ2File(file)
    if kind.name == "zstd":
        return module.ZstdFile(file)
    if kind.name == "lz4":
        return io.BufferedReader(_Lz4(module.LZ4FrameFile(file)), 1 << 16)
    return module.LZMAFile(file)


class _Lz4(io.RawIOBase):
    """What the package lz4 reads, which says RuntimeError of damage, as of its own mistakes."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def fileno(self) -> int:
        return int(self._file.fileno())

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to that place, from the beginning where it lies behind."""
        with _damage_of_lz4():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, target: Any) -> int:
        """Raises FileDamaged for damage, and EOFError where the end is missing."""
        with _damage_of_lz4():
            data = self._file.read1(len(target))
        target[: len(data)] = data
        return len(data)


@contextmanager
def _damage_of_lz4() -> Iterator[None]:
    try:
        yield
    except RuntimeError as damage:
        raise FileDamaged(f"the lz4 stream is damaged: {damage}") from damage


class _Inflated(io.RawIOBase):
    """A zlib stream, as joblib and Celery write them, to be read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._begin = file.tell() if file.seekable() else -1
        self._inflate = zlib.decompressobj()
        self._done = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._begin >= 0

    def fileno(self) -> int:
        return self._file.fileno()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go on to that place, from the beginning where it lies behind."""
        if not self.seekable() or whence == 2:
            raise io.UnsupportedOperation("seek")
        target = offset if whence == 0 else self._done + offset
        if target < self._done:
            self._file.seek(self._begin)
            self._inflate = zlib.decompressobj()
            self._done = 0
        while self._done < target and self.read(min(target - self._done, 1 << 16)):
            pass
        return self._done

    def readinto(self, target: Any) -> int:
        """Raises FileDamaged for damage, and EOFError where the end is missing."""
        data = b""
        while not data and not self._inflate.eof:
            more = self._inflate.unconsumed_tail or self._file.read(1 << 16)
            if not more:
                raise EOFError("the compressed file ends before its end")
            try:
                data = self._inflate.decompress(more, len(target))
            except zlib.error as damage:
                raise FileDamaged(f"the zlib stream is damaged: {damage}") from damage
        target[: len(data)] = data
        self._done += len(data)
        return len(data)
