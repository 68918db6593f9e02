"""What a file or a value holds: pickles, arrays of objects, archives of these, compressed or not."""

from __future__ import annotations

import io
import lzma
import os
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from brinery.errors import ReadError, WriteError
from brinery.stream.containers import PICKLE_SUFFIXES, looks_like_pickle
from brinery.stream.kinds import LONGEST_MAGIC, could_begin, is_tar, no_pickle, only_text, recognise
from brinery.stream.packing import packed, unpacked
from brinery.stream.soundness import is_sound
from brinery.upgrade.archives import Sums, check_archive, rewrite_tar, rewrite_zip
from brinery.upgrade.databases import pickles_in_sqlite
from brinery.upgrade.holding import Held, beginning_of, read_the_same
from brinery.upgrade.rules import Changes, Rules
from brinery.upgrade.streams import check_upgraded, upgrade_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "FAILURES",
    "OtherError",
    "Written",
    "hold_the_same",
    "rewrite",
    "upgrade_value",
    "verify",
    "words_of",
]

#: What a file can be to blame for, or the disk.
FAILURES = (
    ReadError,
    ValueError,
    EOFError,
    OSError,
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
)

_DEEPEST = 8  # archives within archives: one that holds itself has no end
_BUFFER = 1 << 18
_BEGINNING = 512  # by so much of it a tar archive is told


class OtherError(Exception):
    """What holds no pickles."""


class _TooDeepError(OtherError):
    """An archive within too many others."""


class Written(NamedTuple):
    """What was written in the place of something.

    changes  what was changed
    sums     of an archive, what its members are
    left     of an archive, which members stay though they may hold pickles, each with the reason
    same     whether it is an archive of which no member became another
    """

    changes: Changes
    sums: Sums | None = None
    left: tuple[str, ...] = ()
    same: bool = False


def words_of(failure: BaseException) -> str:
    """The text of what failed, with the place in the stream where that is known."""
    text = str(failure) or type(failure).__name__
    offset, opcode = getattr(failure, "pickle_offset", None), getattr(failure, "pickle_opcode", None)
    return text if offset is None else f"{text} (at offset {offset}, opcode {opcode})"


def rewrite(file: Any, out: Any, rules: Rules, depth: int = 0) -> Written:
    """Upgrade what `file`, a reader with ``peek``, holds into `out`, which is compressed as `file` is.

    `depth` says in how many archives it lies. Raises :class:`OtherError` where it holds no pickles, and one
    of :data:`FAILURES` where it cannot be upgraded.
    """
    kind = recognise(beginning_of(file, LONGEST_MAGIC))
    if kind is None or not kind.packed:
        return _rewrite_content(file, out, rules, depth)
    with _buffered(unpacked(file)) as content:
        if kind.name not in ("zlib", "lzma"):
            with packed(out, kind.name) as inner:
                return _rewrite_content(content, inner, rules, depth)
        # The other forms have no file to write into: their content is put together first.
        pieces = io.BytesIO()
        written = _rewrite_content(content, pieces, rules, depth)
    data = pieces.getvalue()
    out.write(zlib.compress(data) if kind.name == "zlib" else lzma.compress(data, lzma.FORMAT_ALONE))
    return written


def _buffered(file: Any) -> Any:
    """A reader of what a decompressor gives.

    Short steps back, as with tar archives, stay in its buffer: a decompressor begins anew for them.
    """
    return file if isinstance(file, io.BufferedReader) else io.BufferedReader(file, _BUFFER)


def _rewrite_content(content: Any, out: Any, rules: Rules, depth: int) -> Written:
    beginning = beginning_of(content, _BEGINNING)
    kind = recognise(beginning[:LONGEST_MAGIC])
    name = kind.name if kind is not None else "tar" if is_tar(beginning) else ""
    if name in ("zip", "tar"):
        return _rewrite_archive(name, content, out, rules, depth)
    if name == "npy":
        return Written(_rewrite_npy(content, out, rules))
    if kind is not None:
        raise OtherError(no_pickle(beginning[:LONGEST_MAGIC]))
    if not beginning:
        raise OtherError("the file is empty")
    return Written(_rewrite_plain(content, out, rules))


def _rewrite_plain(content: Any, out: Any, rules: Rules) -> Changes:
    if not could_begin(beginning_of(content, 8)):
        raise OtherError("it does not begin as a pickle does")
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
                raise OtherError("this is no pickle but text") from None
        raise


def _rewrite_npy(file: Any, out: Any, rules: Rules) -> Changes:
    """An ``.npy`` file of objects is a pickle behind a header; any other has none."""
    head, header = _header_of_npy(file)
    if b"'|O'" not in header:
        raise OtherError("an array of numbers, which is no pickle")
    out.write(head + header)
    return upgrade_stream(file, out.write, rules)


def _header_of_npy(file: Any) -> tuple[bytes, bytes]:
    head = file.read(8)
    head += file.read(2 if head[6:7] == b"\x01" else 4)
    return head, file.read(int.from_bytes(head[8:], "little"))


# Archives


def _rewrite_archive(kind: str, file: Any, out: Any, rules: Rules, depth: int) -> Written:
    if depth >= _DEEPEST:
        raise _TooDeepError(f"an archive within {depth} others: unpack it")
    members: list[_Members] = []

    def each(names: frozenset[str]) -> _Members:
        members.append(_Members(names, rules, depth))
        return members[-1]

    sums = (rewrite_zip if kind == "zip" else rewrite_tar)(file, out, each)
    done = members[-1]
    if done.faults:
        more = f" (and {len(done.faults) - 1} more)" if len(done.faults) > 1 else ""
        raise ReadError(done.faults[0] + more)
    if not done.changes.pickles and not done.left:
        raise OtherError("an archive without pickles")
    return Written(done.changes, sums, tuple(done.left), done.same)


class _Members:
    """What becomes of the members of an archive, one after the other."""

    def __init__(self, names: frozenset[str], rules: Rules, depth: int) -> None:
        self._names = names
        self._rules = rules
        self._depth = depth
        self.changes = Changes()
        self.left: list[str] = []
        self.faults: list[str] = []
        self.same = True

    def __call__(self, name: str, beginning: bytes, open_it: Callable[[], Any]) -> Held | None:
        """What is to stand in the place of a member; None where it stays."""
        if reason := self._database(name, beginning, open_it):
            self.left.append(f"{name}: {reason}")
        elif _may_hold_pickles(name, beginning, open_it):
            held = Held()
            try:
                return self._upgraded(name, open_it, held)
            except BaseException:
                held.close()
                raise
        return None

    def _upgraded(self, name: str, open_it: Callable[[], Any], held: Held) -> Held | None:
        try:
            with open_it() as file:
                written = rewrite(file, held, self._rules, self._depth + 1)
            verify(held.open, written, self._rules)
            self.changes = self.changes.plus(written.changes)
            self.left += [f"{name}: {one}" for one in written.left]
            with open_it() as old, held.open() as new:
                if not written.same and not _equal(old, new):
                    self.same = False
                    return held
        except _TooDeepError as deep:
            self.left.append(f"{name}: {deep}")
        except OtherError:
            pass
        except FAILURES as fault:
            # As a pickle or an archive begins much that is none: numbers of a model, for example.
            damaged = isinstance(fault, (zipfile.BadZipFile, tarfile.TarError))
            if _is_named(name) or (_is_known(open_it) and not damaged) or _is_whole(open_it):
                self.faults.append(f"{name}: {words_of(fault)}")
            else:
                what = "an archive" if damaged else "a pickle"
                self.left.append(
                    f"{name}: it begins as {what} does, and is none, or damaged: {words_of(fault)}"
                )
        held.close()
        return None

    def _database(self, name: str, beginning: bytes, open_it: Callable[[], Any]) -> str:
        """Why a member that is of a database stays as it is; empty where it is none, or has no pickles."""
        base, suffix = os.path.splitext(name)
        if suffix in (".dat", ".bak", ".dir") and {f"{base}.dat", f"{base}.dir"} <= self._names:
            return "" if suffix != ".dat" else f"of a dbm.dumb database: unpack it, and name {base}"
        kind = recognise(beginning[:LONGEST_MAGIC])
        if kind is not None and kind.name == "gdbm":
            return "a GDBM database: unpack it, and name it, for its values"
        if kind is not None and kind.name == "sqlite":
            with Held() as copy, open_it() as file:
                while data := file.read(1 << 20):
                    copy.write(data)
                where = pickles_in_sqlite(copy.path())
            return f"an SQLite database with pickles in {where}: unpack it" if where else ""
        return ""


def _may_hold_pickles(name: str, beginning: bytes, open_it: Callable[[], Any]) -> bool:
    kind = recognise(beginning[:LONGEST_MAGIC])
    if kind is not None:
        return kind.name in ("zip", "npy") or (kind.packed and _may_be_packed(name, open_it))
    if is_tar(beginning) or looks_like_pickle(beginning) or name.endswith(PICKLE_SUFFIXES):
        return True
    return could_begin(beginning) and _is_whole(open_it)


def _may_be_packed(name: str, open_it: Callable[[], Any]) -> bool:
    if _is_named(name):
        return True
    try:
        with open_it() as file, _buffered(unpacked(file)) as content:
            beginning = beginning_of(content, _BEGINNING)
            if could_begin(beginning) and not looks_like_pickle(beginning):
                return is_tar(beginning) or is_sound(content)
            kind = recognise(beginning[:LONGEST_MAGIC])
            return (
                is_tar(beginning)
                or looks_like_pickle(beginning)
                or (kind is not None and kind.name in ("zip", "npy"))
            )
    except Exception:  # whatever a decompressor raises: it is no pickle's name that it has
        return False


def _is_named(name: str) -> bool:
    """Whether a name says that it is a pickle, compressed or not."""
    return name.endswith(PICKLE_SUFFIXES) or os.path.splitext(name)[0].endswith(PICKLE_SUFFIXES)


def _is_known(open_it: Callable[[], Any]) -> bool:
    with open_it() as file:
        beginning = beginning_of(file, _BEGINNING)
    return is_tar(beginning) or recognise(beginning[:LONGEST_MAGIC]) is not None


def _is_whole(open_it: Callable[[], Any]) -> bool:
    with open_it() as file:
        return is_sound(file)


def _equal(old: Any, new: Any) -> bool:
    kind = recognise(beginning_of(old, LONGEST_MAGIC))
    if kind is None or not kind.packed or kind != recognise(beginning_of(new, LONGEST_MAGIC)):
        return read_the_same(old, new)
    return read_the_same(unpacked(old), unpacked(new))


# What was written, read back


def verify(open_it: Callable[[], Any], written: Written, rules: Rules) -> None:
    """Read back what was written. Raises UnpicklingError where it is not what was meant."""
    with _content(open_it) as one, _content(open_it) as same:
        beginning = beginning_of(one, _BEGINNING)
        kind = recognise(beginning[:LONGEST_MAGIC])
        name = kind.name if kind is not None else ""
        if written.sums is not None:
            check_archive(one, "zip" if name == "zip" else "tar", written.sums)
            return
        if name == "npy":
            _header_of_npy(one)
            _header_of_npy(same)
        check_upgraded(one, same, rules)


@contextmanager
def _content(open_it: Callable[[], Any]) -> Iterator[Any]:
    with open_it() as file, _buffered(unpacked(file)) as content:
        yield content


def hold_the_same(one: str, other: str) -> bool:
    """Whether two compressed files hold the same, however they were compressed."""
    with open(one, "rb") as first, open(other, "rb") as second:
        kind = recognise(beginning_of(first, LONGEST_MAGIC))
        if kind is None or not kind.packed or kind != recognise(beginning_of(second, LONGEST_MAGIC)):
            return False
        return read_the_same(unpacked(first), unpacked(second))


# Values


def upgrade_value(value: bytes, rules: Rules) -> tuple[bytes, Changes] | None:
    """A value in a column or a shelf, upgraded and verified, with what was changed; None where it is no
    pickle, compressed or not.

    Raises UnpicklingError where it begins as one, and is damaged.
    """
    kind = recognise(value[:LONGEST_MAGIC])
    if kind is not None and not kind.packed:
        return None
    if kind is None and not (
        (looks_like_pickle(value) and len(value) > 2) or (could_begin(value[:2]) and value[-1:] == b".")
    ):
        return None
    out = io.BytesIO()
    try:
        written = rewrite(_reader(value), out, rules)
    except OtherError:
        return None
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as damaged:
        raise damaged if isinstance(damaged, ReadError) else ReadError(words_of(damaged)) from damaged
    new = out.getvalue()
    if kind is not None and read_the_same(unpacked(_reader(value)), unpacked(_reader(new))):
        return value, written.changes
    verify(partial(_reader, new), written, rules)
    return new, written.changes


def _reader(data: bytes) -> IO[bytes]:
    return io.BufferedReader(io.BytesIO(data))
