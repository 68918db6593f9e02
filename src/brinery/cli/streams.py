"""Where a command reads a pickle from, and what it says where there is none."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from brinery.cli.problems import Problem
from brinery.errors import ReadError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

__all__ = ["FILE_HELP", "add_file_argument", "open_stream"]

FILE_HELP = "a file of one or more pickles; - reads standard input"

#: How files begin that are often taken for pickles, and what to do with them.
_NO_PICKLES = (
    (b"PK\x03\x04", "a zip archive. Inside, PyTorch keeps its pickle as */data.pkl: unzip it first"),
    (b"\x1f\x8b", "compressed with gzip: gunzip -c FILE | brinery dis -"),
    (b"BZh", "compressed with bzip2: bunzip2 -c FILE | brinery dis -"),
    (b"\xfd7zXZ", "compressed with xz: xz -dc FILE | brinery dis -"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: zstd -dc FILE | brinery dis -"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy .npy file"),
)


def add_file_argument(parser: argparse.ArgumentParser) -> None:
    """The one argument of every command that reads a pickle."""
    parser.add_argument("file", metavar="FILE", help=FILE_HELP)


class _Watched:
    """A binary file that remembers how it began."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.beginning = b""

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        if len(self.beginning) < 8:
            self.beginning += data[: 8 - len(self.beginning)]
        return data


@contextmanager
def open_stream(name: str) -> Iterator[_Watched]:
    """The file called `name`, to be read inside the block; what goes wrong there becomes a Problem."""
    where = "standard input" if name == "-" else name
    try:
        with open(name, "rb") if name != "-" else _standard_input() as file:
            watched = _Watched(file)
            try:
                yield watched
            except ReadError as fault:
                raise Problem(f"{where}: {_explain(fault, watched.beginning)}") from fault
    except BrokenPipeError:
        raise  # that is the output's, not this file's
    except OSError as failed:
        raise Problem(f"{where}: {failed.strerror or failed}") from failed


@contextmanager
def _standard_input() -> Iterator[BinaryIO]:
    yield sys.stdin.buffer


def _explain(fault: ReadError, beginning: bytes) -> str:
    """What is wrong with the stream, and for a file that is no pickle, what it is."""
    if not beginning:
        return "the file is empty; a pickle has at least two bytes"
    for magic, meaning in _NO_PICKLES:
        if beginning.startswith(magic):
            return f"this is no pickle but {meaning}"
    text = str(fault)
    for note in getattr(fault, "__notes__", ()):
        text += f" ({note.removeprefix('while unpickling, ')})"
    if beginning[0] != 0x80 and getattr(fault, "pickle_offset", 0) < 16:
        text += ". Is it a pickle at all?"
    return text
