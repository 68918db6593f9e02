"""All files in an archive, whatever they are: to tell whether two archives differ behind their pickles."""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from typing import IO, NamedTuple

__all__ = ["Member", "members_of"]


class Member(NamedTuple):
    """A file in an archive: its whole name, its size in bytes, and a check sum (CRC-32) of its content."""

    name: str
    size: int
    check: int


def members_of(path: str | os.PathLike[str]) -> dict[str, Member]:
    """The files in the zip or tar archive at `path`, by name; none where it is no such archive, or damaged.

    The folder in which all of them are, as PyTorch's files have one named after the file, is left out.
    Memory does not grow with the files; of a zip archive nothing but the directory is read.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found = {
                    one.filename: Member(one.filename, one.file_size, one.CRC)
                    for one in archive.infolist()
                    if not one.is_dir()
                }
        elif os.path.isfile(path) and tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                found = {one.name: _sum(one.name, tar.extractfile(one)) for one in tar if one.isreg()}
        else:
            return {}
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError):
        return {}
    top = {name.partition("/")[0] + "/" for name in found}
    if len(top) == 1 and all("/" in name for name in found):
        return {name.partition("/")[2]: member for name, member in found.items()}
    return found


def _sum(name: str, file: IO[bytes] | None) -> Member:
    size = check = 0
    while file is not None and (piece := file.read(1 << 20)):
        size += len(piece)
        check = zlib.crc32(piece, check)
    return Member(name, size, check)
