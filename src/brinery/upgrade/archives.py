"""Zip and tar archives written anew, with other content for some of their members and all else as it was.

What becomes of a member, the one who calls says: :data:`Each` is asked with the name, how it begins, and a
function that opens it, and gives what is to stand there, or None where the member stays as it is.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import warnings
import zipfile
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from brinery.errors import ReadError
from brinery.upgrade.holding import Held, Spooled, Summed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Each", "Sums", "check_archive", "rewrite_tar", "rewrite_zip"]

#: What becomes of a member: see above.
Each: TypeAlias = "Callable[[str, bytes, Callable[[], Any]], Held | None]"

#: The names of members, in order, and the CRC-32 of each one's content.
Sums: TypeAlias = "list[tuple[str, int]]"

_BEGINNING = 512
_PIECE = 1 << 16  # shorter than the buffer of what is decompressed
_ZEROS = bytes(tarfile.BLOCKSIZE)


def rewrite_zip(file: IO[bytes], out: Any, each: Callable[[frozenset[str]], Each]) -> Sums:
    """Write the zip archive in `file` into `out`. `each` is called with all names first.

    Raises UnpicklingError for a member that cannot be read: encrypted, or compressed as nobody here knows.
    """
    sums = []
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(out, "w") as new:
        new.comment = archive.comment
        ask = each(frozenset(archive.namelist()))
        for member in archive.infolist():
            if member.flag_bits & 1:
                raise ReadError(f"{member.filename} is encrypted")
            try:
                with archive.open(member) as inner:
                    beginning = inner.read(_BEGINNING)
            except NotImplementedError as unknown:
                raise ReadError(f"{member.filename}: {unknown}") from unknown
            copy = _of_zip(member)
            held = (
                None
                if member.is_dir()
                else ask(member.filename, beginning, partial(_opened, archive, member))
            )
            with held or Held(), warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of two members with one name, both stay
                # Whether it needs the form for large ones is told by this.
                copy.file_size = member.file_size if held is None else held.size
                with (
                    archive.open(member) if held is None else held.open() as content,
                    new.open(copy, "w") as into,
                ):
                    shutil.copyfileobj(summed := Summed(content), into, _PIECE)
                sums.append((member.filename, summed.sum))
    return sums


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:
    return io.BufferedReader(archive.open(member))


def _of_zip(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    copy = zipfile.ZipInfo(member.filename, member.date_time)
    copy.compress_type = member.compress_type
    copy.external_attr, copy.comment = member.external_attr, member.comment
    copy.create_system, copy.internal_attr = member.create_system, member.internal_attr
    copy.extra = _extra(member.extra)
    return copy


def _extra(data: bytes) -> bytes:
    """What archives have of their own about a member, without what says how large it is."""
    kept = b""
    while len(data) >= 4:
        size = 4 + int.from_bytes(data[2:4], "little")
        if data[:2] != b"\x01\x00":
            kept += data[:size]
        data = data[size:]
    return kept


def rewrite_tar(file: Any, out: Any, each: Callable[[frozenset[str]], Each]) -> Sums:
    """Write the tar archive in `file`, which can be read twice, into `out`.

    `each` is called with all names first. Headers keep what they say, in the archive's own form. Raises
    UnpicklingError where there is more than an archive, or a damaged one.
    """
    begin = file.tell()
    gnu = file.peek(_BEGINNING)[257:265] == b"ustar  \0"
    form = tarfile.GNU_FORMAT if gnu else tarfile.PAX_FORMAT
    with tarfile.open(fileobj=file, mode="r:") as archive:
        ask = each(frozenset(archive.getnames()))
        _check_end(file, archive.offset)
    file.seek(begin)
    sums = []
    size = 0
    with tarfile.open(fileobj=file, mode="r:") as archive:
        common = dict(archive.pax_headers)
        if common and not gnu:
            size += out.write(tarfile.TarInfo.create_pax_global_header(common))
        for member in archive:
            if not member.isreg():
                size += out.write(_header(member, common, form, archive))
                sums.append((member.name, 0))
                continue
            with Spooled(archive.extractfile(member)) as content:
                held = ask(member.name, content.beginning(_BEGINNING), content)
                with held or Held():
                    if held is not None:
                        member.size = held.size
                    size += out.write(_header(member, common, form, archive))
                    with content.last() if held is None else held.open() as reader:
                        shutil.copyfileobj(summed := Summed(reader), out, _PIECE)
                    size += member.size + out.write(bytes(-member.size % tarfile.BLOCKSIZE))
                    sums.append((member.name, summed.sum))
    out.write(bytes(2 * tarfile.BLOCKSIZE + -(size + 2 * tarfile.BLOCKSIZE) % tarfile.RECORDSIZE))
    return sums


def _header(member: tarfile.TarInfo, common: dict[str, str], form: Any, archive: tarfile.TarFile) -> bytes:
    if member.sparse is not None:
        member.type, member.sparse = tarfile.REGTYPE, None  # its holes are written as zeros
    member.pax_headers = {
        key: value
        for key, value in member.pax_headers.items()
        if common.get(key) != value and key != "size" and not key.startswith("GNU.sparse.")
    }
    encoding, errors = archive.encoding or "utf-8", "surrogateescape"
    if form == tarfile.PAX_FORMAT and not member.pax_headers:
        with suppress(ValueError):  # what the older form cannot say
            return member.tobuf(tarfile.USTAR_FORMAT, encoding, errors)
    return member.tobuf(form, encoding, errors)


def _check_end(file: Any, end: int) -> None:
    """A reader of tar takes a damaged header for the end; and what stands behind the end, it does not see."""
    file.seek(end)
    while data := file.read(_PIECE):
        if data.strip(b"\0"):
            raise ReadError(
                "the tar archive has something behind its end: it is damaged there, or two are in one file"
            )


def check_archive(file: Any, kind: str, sums: Sums) -> None:
    """Raise UnpicklingError where the ``"zip"`` or ``"tar"`` archive in `file` is not what `sums` say."""
    wanted = iter(sums)
    for name, found in (_sums_of_zip if kind == "zip" else _sums_of_tar)(file):
        named, meant = next(wanted, ("", 0))
        if named != name:
            raise ReadError("its members are not those of the old archive")
        if found != meant:
            raise ReadError(f"{name} does not read back as what was meant")
    if next(wanted, None) is not None:
        raise ReadError("its members are not those of the old archive")


def _sums_of_zip(file: IO[bytes]) -> Iterator[tuple[str, int]]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            with archive.open(member) as content:
                yield member.filename, Summed(content).rest()


def _sums_of_tar(file: IO[bytes]) -> Iterator[tuple[str, int]]:
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            yield member.name, Summed(archive.extractfile(member)).rest() if member.isreg() else 0
