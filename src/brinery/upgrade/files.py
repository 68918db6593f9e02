"""Files: what they hold is upgraded into a new file, which takes the old one's place when it is verified.

In place, the old file stays beside the new one, as ``.NAME.brinery-old``, until all files of the run are
done: a hard link that is made before the new file takes the name. So at any point in time there is a whole
file of that name, the old one or the new one, and a run that was interrupted sees what it had done: where the
name beside is another file than the name itself, it was replaced.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from typing import IO, Any, Literal, NamedTuple, TypeAlias

from brinery.errors import ReadError, WriteError
from brinery.files import is_device
from brinery.stream.kinds import LONGEST_MAGIC, could_begin, no_pickle, only_text, recognise
from brinery.stream.packing import packed, unpacked
from brinery.upgrade.rules import Changes, Rules
from brinery.upgrade.streams import check_upgraded, upgrade_stream
from brinery.upgrade.swapping import interrupted, keep, kept_beside, part_of_dumb, remove, take_over

__all__ = ["Done", "finish", "upgrade_file", "upgrade_value", "words_of"]

#: ``replaced`` by the new one; ``written`` elsewhere; ``copied`` there, as it holds no pickles; ``same``, as
#: nothing changes; ``done before``, by a run that was interrupted; ``other``, no file of pickles; ``left
#: out``, a link to a folder; ``failed``.
State: TypeAlias = Literal[
    "replaced", "written", "copied", "same", "done before", "other", "left out", "failed"
]


#: What a file can be to blame for, or the disk.
_FAILURES = (ReadError, ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error)


class Done(NamedTuple):
    """What became of a file.

    path, state  which, and what
    changes      what was changed in it
    error        why it failed, or what it is in the place of pickles
    faults       of a database, what failed in it, each with its place; no more than the first hundred
    note         what is good to know of it
    """

    path: str
    state: State
    changes: Changes = Changes()
    error: str = ""
    faults: tuple[str, ...] = ()
    note: str = ""


def upgrade_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None,
    rules: Rules,
    *,
    dry_run: bool = False,
    again: bool = False,
    copy: bool = False,
) -> Done:
    """Upgrade the file at `source` into the file at `target`, or in place where that is None.

    A file of pickles, perhaps compressed; a zip archive, of which the members that are pickles are upgraded
    and all others copied; an ``.npy`` file of objects. What is none of these is left alone: its state is
    ``other``. Nothing is raised for a file that cannot be upgraded: its state is ``failed``, and it stays as
    it is.

    With `dry_run`, nothing is written. A target that has the time of its source to the nanosecond, as an
    earlier run gives it, is ``done before``; any other that is there is nothing to be written over, unless
    `again` is true. With `copy`, a file that holds no pickles is copied to the target.

    A file in place is replaced, and the old one kept beside it until :func:`finish` is called. A target that
    is a device or a pipe is written into, when all is verified.
    """
    path = os.path.realpath(source)
    shown = os.fspath(source)
    beside = kept_beside(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return Done(shown, "other", error="no regular file")
    except OSError as missing:
        return Done(shown, "failed", error=str(missing))
    dumb = part_of_dumb(path)
    if dumb is not None and interrupted(dumb):
        return Done(
            shown,
            "failed",
            error=f"the upgrade in place of the dbm.dumb database {dumb} was interrupted: run that again",
        )
    # Said once for its files.
    left = f"a dbm.dumb database, left as it is: name {dumb}, for its values" if path.endswith(".dat") else ""
    if dumb is not None and target is None:
        return Done(shown, "other", error=f"of the dbm.dumb database {dumb}", note=left)
    if target is None and not dry_run and os.path.exists(beside) and not os.path.samefile(path, beside):
        return _go_on(shown, path, beside, rules, again)
    if target is not None and not dry_run and is_device(target):
        return _write_into(shown, path, target, rules)
    to = path if target is None else os.path.realpath(target)
    if target is not None and not dry_run and os.path.exists(to):
        if os.path.samefile(to, path):
            return Done(
                shown, "failed", error="it would be written over itself: --in-place keeps the old one"
            )
        if not again and _has_its_time(to, path):
            return Done(shown, "done before")
        if not again:
            return Done(
                shown,
                "failed",
                error=f"{target} is there, and is not what this upgrade made of it: it is written over only "
                "with again (--again)",
            )
    folder, name = os.path.split(to)
    new = os.path.join(
        folder, f".{name[:200]}.brinery-new"
    )  # the next run takes the place of one left behind
    try:
        if dry_run:
            with open(path, "rb") as file:
                return Done(
                    shown, "same", _rewrite(file, io.BytesIO() if _is_container(file) else _Nowhere(), rules)
                )
        os.makedirs(folder, exist_ok=True)
        if dumb is not None:
            raise _OtherError(f"of the dbm.dumb database {dumb}")
        with open(path, "rb") as file, open(new, "wb") as out:
            changes = _rewrite(file, out, rules)
        if target is None and (_are_equal(path, new) or _hold_the_same(path, new)):
            os.unlink(new)
            return Done(shown, "same", changes)
        with open(new, "rb") as one, open(new, "rb") as same, open(path, "rb") as old:
            _verify(one, same, old, rules)
        take_over(path, new)
        note = ""
        if target is None:
            if os.path.exists(beside):
                remove(beside)  # of a run that had not replaced the file yet: the same file
            note = "; ".join(filter(None, (_by_a_link(source, path), _other_names(path))))
            keep(path, beside)
        os.replace(new, to)
    except _OtherError as other:
        if copy and target is not None and not dry_run:
            try:
                shutil.copy2(path, new)
                take_over(path, new)
                os.replace(new, to)
            except OSError as failure:
                remove(new)
                return Done(shown, "failed", error=str(failure))
            return Done(shown, "copied", error=str(other), note=left if dumb is not None else "")
        remove(new)
        return Done(shown, "other", error=str(other))
    except Exception as failure:
        if not isinstance(failure, _FAILURES):
            failure.add_note(f"while {shown} was upgraded") if hasattr(failure, "add_note") else None
            remove(new)
            raise
        remove(new)
        return Done(shown, "failed", error=words_of(failure))
    return Done(shown, "replaced" if target is None else "written", changes, note=note)


def _write_into(shown: str, path: str, device: str | os.PathLike[str], rules: Rules) -> Done:
    """What is upgraded goes into a device or a pipe, which takes nothing back: so it is verified before."""
    with tempfile.TemporaryDirectory(prefix="brinery-upgrade-") as folder:
        new = os.path.join(folder, "new")
        try:
            with open(path, "rb") as file, open(new, "wb") as out:
                changes = _rewrite(file, out, rules)
            with open(new, "rb") as one, open(new, "rb") as same, open(path, "rb") as old:
                _verify(one, same, old, rules)
            with open(new, "rb") as content, open(device, "wb") as into:
                shutil.copyfileobj(content, into, 1 << 20)
        except _OtherError as other:
            return Done(shown, "other", error=str(other))
        except _FAILURES as failure:
            return Done(shown, "failed", error=words_of(failure))
    return Done(shown, "written", changes)


def _by_a_link(source: str | os.PathLike[str], path: str) -> str:
    return f"it is a link: {path} was replaced, and the link stays" if os.path.islink(source) else ""


def _other_names(path: str) -> str:
    """A note on hard links: a file that is replaced leaves them to the old one."""
    count = os.stat(path).st_nlink - 1
    if count < 1:
        return ""
    names = "another name" if count == 1 else f"{count} other names"
    return f"it had {names}, by hard links, where its old content stays until that is upgraded, too"


def _go_on(shown: str, path: str, beside: str, rules: Rules, again: bool) -> Done:
    """A file of which the old one is still kept: an earlier run replaced it, or somebody else did.

    What this upgrade makes of the old one is compared with what is there. It is the old one alone that nobody
    can make again, so whatever the rules were then, it stays until what is there is theirs.
    """
    if _are_equal(path, beside):  # a copy, where there are no hard links, of what was not replaced yet
        remove(beside)
        return upgrade_file(shown, None, rules, again=again)
    new = f"{beside}.new"
    try:
        with open(beside, "rb") as file, open(new, "wb") as out:
            changes = _rewrite(file, out, rules)
        if _are_equal(path, new) or _hold_the_same(path, new):
            return Done(shown, "done before")
        if not again:
            return Done(
                shown,
                "failed",
                error=f"it is not what this upgrade makes of {beside}: other rules upgraded it, or it was "
                "changed since. With again (--again) the upgrade begins with that old file anew; to upgrade "
                "what is there now, remove that file",
            )
        with open(new, "rb") as one, open(new, "rb") as same, open(beside, "rb") as old:
            _verify(one, same, old, rules)
        take_over(beside, new)
        os.replace(new, path)
        return Done(shown, "replaced", changes)
    except _OtherError as other:
        return Done(shown, "failed", error=f"{beside}: {other}")
    except _FAILURES as failure:
        return Done(shown, "failed", error=f"{beside}: {words_of(failure)}")
    finally:
        remove(new)


def finish(paths: list[str]) -> None:
    """To be called when all files are done: those that were replaced are on the disk, and the old ones go."""
    left = [beside for path in paths if os.path.exists(beside := kept_beside(os.path.realpath(path)))]
    if left and hasattr(os, "sync"):
        os.sync()
    for beside in left:
        remove(beside)


def words_of(failure: Exception) -> str:
    """The text of what failed, with the place in the stream where that is known."""
    text = str(failure)
    offset, opcode = getattr(failure, "pickle_offset", None), getattr(failure, "pickle_opcode", None)
    return text if offset is None else f"{text} (at offset {offset}, opcode {opcode})"


class _OtherError(Exception):
    """A file that holds no pickles."""


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: Any) -> int:
        return memoryview(data).nbytes

    def flush(self) -> None:
        pass


def _has_its_time(target: str, source: str) -> bool:
    return os.stat(target).st_mtime_ns == os.stat(source).st_mtime_ns


def _are_equal(one: str, other: str) -> bool:
    if os.stat(one).st_size != os.stat(other).st_size:
        return False
    with open(one, "rb") as first, open(other, "rb") as second:
        while True:
            piece = first.read(1 << 20)
            if piece != second.read(1 << 20):
                return False
            if not piece:
                return True


def _hold_the_same(one: str, other: str) -> bool:
    """Whether two compressed files hold the same, however they were compressed."""
    with open(one, "rb") as first, open(other, "rb") as second:
        kind = recognise(_beginning(first))
        if kind is None or not kind.packed or kind != recognise(_beginning(second)):
            return False
        return _read_the_same(unpacked(first), unpacked(second))


def _read_the_same(first: Any, second: Any) -> bool:
    while True:
        piece = _whole(first, 1 << 20)
        if piece != _whole(second, 1 << 20):
            return False
        if not piece:
            return True


def _whole(file: Any, size: int) -> bytes:
    """`size` bytes, or all that is left."""
    pieces = []
    while size and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


# What a file is


def _beginning(file: IO[bytes]) -> bytes:
    data = file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC]  # type: ignore[attr-defined]
    return bytes(data)


def _is_container(file: IO[bytes]) -> bool:
    kind = recognise(_beginning(file))
    return kind is not None and kind.name == "zip"


def _rewrite(file: IO[bytes], out: Any, rules: Rules) -> Changes:
    """Upgrade what `file` holds into `out`, which is compressed as `file` is."""
    beginning = _beginning(file)
    kind = recognise(beginning)
    name = kind.name if kind is not None else ""
    if name == "zip":
        return _rewrite_zip(file, out, rules)
    if name == "npy":
        return _rewrite_npy(file, out, rules)
    if kind is not None and not kind.packed:
        raise _OtherError(no_pickle(beginning))
    if not beginning:
        raise _OtherError("the file is empty")
    if kind is None:
        return _rewrite_plain(file, out, rules)
    with unpacked(file) as content:
        if name in ("gzip", "bzip2", "xz", "zstd"):
            with packed(out, name) as inner:
                return _rewrite_plain(content, inner, rules)
        # The other forms have no file to write into: their content is put together first.
        pieces = io.BytesIO()
        changes = _rewrite_plain(content, pieces, rules)
    data = pieces.getvalue()
    if name == "zlib":
        out.write(zlib.compress(data))
    else:
        import lzma

        out.write(lzma.compress(data, lzma.FORMAT_ALONE))
    return changes


def _rewrite_plain(content: Any, out: Any, rules: Rules) -> Changes:
    beginning = content.peek(8)[:8]
    if not could_begin(beginning):
        raise _OtherError("it does not begin as a pickle does")
    begin = content.tell() if content.seekable() else None
    written = False

    def write(data: bytes) -> None:
        nonlocal written
        written = True
        out.write(data)

    try:
        return upgrade_stream(content, write, rules)
    except ReadError as fault:
        if not written and begin is not None and not isinstance(fault.__cause__, WriteError):
            content.seek(begin)
            if only_text(iter(lambda: content.read(1 << 16), b"")):
                raise _OtherError("this is no pickle but text") from None
        raise


def _rewrite_npy(file: Any, out: Any, rules: Rules) -> Changes:
    """An ``.npy`` file of objects is a pickle behind a header; any other has none."""
    head = file.read(8)
    size = file.read(2 if head[6:7] == b"\x01" else 4)
    header = file.read(int.from_bytes(size, "little"))
    if b"'|O'" not in header:
        raise _OtherError("an array of numbers, which is no pickle")
    out.write(head + size + header)
    return upgrade_stream(file, out.write, rules)


def _rewrite_zip(file: IO[bytes], out: Any, rules: Rules) -> Changes:
    changes = Changes()
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(out, "w") as new:
        new.comment = archive.comment
        for member in archive.infolist():
            copy = zipfile.ZipInfo(member.filename, member.date_time)
            copy.compress_type = member.compress_type
            copy.external_attr, copy.comment = member.external_attr, member.comment
            copy.create_system, copy.internal_attr = member.create_system, member.internal_attr
            copy.extra = _extra(member.extra)
            copy.file_size = member.file_size  # whether it needs the form for large ones is told by this
            if member.flag_bits & 1:
                raise ReadError(f"{member.filename} is encrypted")
            form = _form(archive, member)
            with archive.open(member) as inner, new.open(copy, "w") as into:
                try:
                    if form == "npy":
                        changes = changes.plus(_rewrite_npy(inner, into, rules))
                        continue
                    if form == "pickle":
                        changes = changes.plus(upgrade_stream(inner, into.write, rules))
                        continue
                except ReadError as fault:
                    raise ReadError(f"{member.filename}: {words_of(fault)}") from fault
                except _OtherError:
                    pass
                with archive.open(member) as plain:
                    shutil.copyfileobj(plain, into, 1 << 20)
    if not changes.pickles:
        raise _OtherError("an archive without pickles")
    return changes


def _form(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """``"npy"``, ``"pickle"``, or ``""`` for a member that is copied as it is."""
    with archive.open(member) as inner:
        beginning = inner.read(8)
    if beginning.startswith(b"\x93NUMPY"):
        return "npy"
    named = member.filename.endswith((".pkl", ".pickle"))
    begins = beginning[:1] == b"\x80" and beginning[1:2] <= b"\x05" and len(beginning) > 2
    return "pickle" if named or begins else ""


def _extra(data: bytes) -> bytes:
    """What archives have of their own about a member, without what says how large it is."""
    kept = b""
    while len(data) >= 4:
        size = 4 + int.from_bytes(data[2:4], "little")
        if data[:2] != b"\x01\x00":
            kept += data[:size]
        data = data[size:]
    return kept


def _verify(one: IO[bytes], same: IO[bytes], old: IO[bytes], rules: Rules) -> None:
    """Read back what was written in the place of `old`. Raises UnpicklingError where it is not what was
    meant."""
    kind = recognise(_beginning(one))
    name = kind.name if kind is not None else ""
    if name == "zip":
        _verify_zip(one, old, rules)
        return
    if name == "npy":
        _past_header(one)
        _past_header(same)
        check_upgraded(one, same, rules)
        return
    with unpacked(one) as first, unpacked(same) as second:
        check_upgraded(first, second, rules)


def _past_header(npy: IO[bytes]) -> None:
    head = npy.read(8)
    npy.read(int.from_bytes(npy.read(2 if head[6:7] == b"\x01" else 4), "little"))


def _verify_zip(new: IO[bytes], old: IO[bytes], rules: Rules) -> None:
    """Each member that was a pickle is one of today, and every other is what it was."""
    with zipfile.ZipFile(new) as archive, zipfile.ZipFile(old) as before:
        for member, was in zip(archive.infolist(), before.infolist(), strict=True):
            form = _form(before, was)
            with before.open(was) as content:
                if form == "npy" and b"'|O'" not in content.read(1 << 12):
                    form = ""
            with archive.open(member) as one, archive.open(member) as same, before.open(was) as content:
                if form == "npy":
                    _past_header(one)
                    _past_header(same)
                if form:
                    check_upgraded(one, same, rules)
                elif not _read_the_same(one, content):
                    raise ReadError(f"{member.filename} does not read back as what it was")


def upgrade_value(value: bytes, rules: Rules) -> tuple[bytes, Changes] | None:
    """A value in a column or a shelf, upgraded and verified, with what was changed; None where it is no
    pickle, compressed or not.

    Raises UnpicklingError where it begins as one, and is damaged.
    """
    kind = recognise(value[:LONGEST_MAGIC])
    if kind is not None and not kind.packed:
        return None
    if kind is None and not (
        (value[:1] == b"\x80" and value[1:2] <= b"\x05" and len(value) > 2)
        or (could_begin(value[:2]) and value[-1:] == b".")
    ):
        return None
    out = io.BytesIO()
    try:
        changes = _rewrite(_reader(value), out, rules)
    except _OtherError:
        return None
    except (EOFError, OSError, zlib.error) as damaged:
        raise damaged if isinstance(damaged, ReadError) else ReadError(words_of(damaged)) from damaged
    new = out.getvalue()
    if kind is not None and _read_the_same(unpacked(_reader(value)), unpacked(_reader(new))):
        return value, changes
    _verify(_reader(new), _reader(new), _reader(value), rules)
    return new, changes


def _reader(data: bytes) -> Any:
    return io.BufferedReader(io.BytesIO(data))
