"""Where a command reads a pickle from, and what it says where there is none."""

from __future__ import annotations

import io
import os
import shutil
import stat
import sys
import tempfile
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from brinery.cli.problems import Problem
from brinery.cli.progress import Line, bar_of
from brinery.errors import ReadError
from brinery.stream.columns import is_url
from brinery.stream.containers import Found, pickles_in
from brinery.stream.faults import FileDamaged
from brinery.stream.globals import printable
from brinery.stream.kinds import LONGEST_MAGIC, is_tar, no_pickle, recognise
from brinery.stream.packing import unpacked
from brinery.urls import shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

__all__ = [
    "FILE_HELP",
    "JSON_HELP",
    "Damaged",
    "FirstBytes",
    "Pickles",
    "Stream",
    "add_file_argument",
    "called",
    "count",
    "damage_words",
    "explain_fault",
    "fault_words",
]

FILE_HELP = (
    "a file of one or more pickles, perhaps compressed; an archive, a database, or the URL of one, with "
    "pickles in it; - reads standard input"
)

JSON_HELP = "print JSON instead: an object, of an archive, shelf or database a list with one for each pickle"

_WORTH_A_BAR = 8_000_000  # bytes
_PIECE = 1 << 18
_DRAINED = 1 << 28  # bytes; beyond that, nobody waits to be told that there is damage, too
_KEPT_IN_MEMORY = 1 << 23  # bytes of a pipe


def add_file_argument(parser: argparse.ArgumentParser, *names: str) -> None:
    """What every command takes that looks into pickles: FILE, or one for each of `names`; and --column."""
    for name in names or ("FILE",):
        parser.add_argument(name.lower(), metavar=name, help=FILE_HELP)
    parser.add_argument(
        "--column",
        metavar="TABLE.COLUMN",
        help="of a database, look at this column only",
    )


def count(text: str) -> int:
    """An option's number, which is not negative. Raises ArgumentTypeError for what is none."""
    from argparse import ArgumentTypeError

    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise ArgumentTypeError(f"{text!r} is no number from 0 on")
    return number


def called(file: str) -> str:
    """`file` as it is named to people."""
    return "standard input" if file == "-" else shown(file) if is_url(file) else file


class Stream:
    """A binary file that remembers how it began, and shows on a terminal how far it has come.

    Where what it lies in is damaged, it ends.

    damage   what a decompressor or an archive said of that; None where nothing was met
    failure  what the system said where it did not give the file's content; None where it did
    size     how many bytes of it were readable
    """

    def __init__(self, file: IO[bytes], where: str = "") -> None:
        self._file = file
        self._begin = self._at = file.tell() if file.seekable() else 0
        self._ended = False
        self.damage: Exception | None = None
        self.failure: OSError | None = None
        self.size = 0
        self.where = where
        self.beginning = b""
        self._bar: _Bar | None = None

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        data = b"" if self._ended else self._read_on(size)
        self._at += len(data)
        self.size = max(self.size, self._at - self._begin)
        if len(self.beginning) < LONGEST_MAGIC:
            self.beginning += data[: LONGEST_MAGIC - len(self.beginning)]
        if self._bar is not None:
            self._bar.show()
        return data

    def drain(self) -> None:
        """Read on, to see whether what it lies in is damaged; but not without end."""
        while self.size < _DRAINED and self.read(_PIECE):
            pass

    def _read_on(self, size: int) -> bytes:
        try:
            # What stands before the damage, which read() would throw away.
            data: bytes = getattr(self._file, "read1", self._file.read)(size)
        except Exception as damage:
            if not _is_damage(damage):
                self.failure = damage if isinstance(damage, OSError) else None
                raise
            self.damage, self._ended = damage, True
            return b""
        return data

    def seekable(self) -> bool:
        """Whether it can be read again."""
        return self._file.seekable()

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()

    def seek(self, offset: int, /) -> int:
        """Go there."""
        self._ended = False
        try:
            self._at = self._file.seek(offset)
        except OSError as failed:
            self.failure = failed
            raise
        return self._at

    def watch(self, file: IO[bytes]) -> None:
        """Show how far `file`, which this one reads, has come, if that is worth it."""
        self._bar = _Bar.of(file)

    def done(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.clear()


class _Kept(io.RawIOBase):
    """What a pipe gives, to be read more than once: from memory, or where it is long from a file."""

    def __init__(self, pipe: Any) -> None:
        self._take = getattr(pipe, "read1", pipe.read)
        self._kept = tempfile.SpooledTemporaryFile(_KEPT_IN_MEMORY)  # noqa: SIM115 - gone with it
        self._at = self._size = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go there; what was not read yet is read."""
        if whence == 2:
            raise io.UnsupportedOperation("the end of a pipe is not known")
        self._at = offset if whence == 0 else self._at + offset
        while self._size < self._at and self._more(_PIECE):
            pass
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, target: Any) -> int:
        if self._at == self._size:
            data = self._more(len(target))
        else:
            self._kept.seek(self._at)
            data = self._kept.read(len(target))
        target[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _more(self, size: int) -> bytes:
        data: bytes = self._take(size)
        self._kept.seek(self._size)
        self._kept.write(data)
        self._size += len(data)
        return data

    def close(self) -> None:
        self._kept.close()
        super().close()


class FirstBytes:
    """The first `size` bytes of `source`, a file that is where it begins."""

    def __init__(self, source: Stream, size: int) -> None:
        self._source = source
        self._begin = source.tell()
        self._end = self._begin + size

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        return self._source.read(min(size, self._end - self._source.tell()))

    def seekable(self) -> bool:
        """Whether it can be read again."""
        return True

    def tell(self) -> int:
        """Where it is."""
        return self._source.tell()

    def seek(self, offset: int, /) -> int:
        """Go there."""
        return self._source.seek(offset)


class _Bar(Line):
    """A bar for a long file."""

    def __init__(self, descriptor: int, size: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._size = size

    @classmethod
    def of(cls, file: IO[bytes]) -> _Bar | None:
        try:
            descriptor = file.fileno()
            status = os.fstat(descriptor)
        except (OSError, AttributeError):
            return None
        long = stat.S_ISREG(status.st_mode) and status.st_size >= _WORTH_A_BAR
        return cls(descriptor, status.st_size) if long and sys.stderr.isatty() else None

    def show(self) -> None:
        if self.due():
            # Where the file itself has been read to, and not what it was decompressed to.
            done = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            self.draw(f"{bar_of(done, self._size)} of {self._size / 1e6:,.0f} MB, {self.speed(done)}")


class Pickles:
    """The pickles that a file, or what a URL names, is or holds, one :class:`Stream` after the other.

    What goes wrong with the file becomes a Problem, and so does a fault of the pickle that the file is. Of
    the pickles in a container, one that is malformed is named on standard error, and the others are looked
    at: `failed` says how many there were of these, and `met` how many pickles. None at all is a Problem.
    """

    def __init__(
        self,
        name: str,
        column: str | None = None,
        *,
        bar: bool = True,
        forgiving: bool = False,
        unlooked: Callable[[str, str], object] | None = None,
    ) -> None:
        """With `bar`, a long file shows how far it has come; not where lines are printed meanwhile.
        Where it is `forgiving`, damage of what a stream lies in is only told by the stream. What cannot be
        looked at of a container is told to `unlooked`, where it is and why; else it counts as failed."""
        self.called = called(name)
        self.met = self.failed = self.missed = 0
        self._name = name
        self._column = column
        self._bar = bar
        self._forgiving = forgiving
        self._tell = unlooked
        self._stream: Stream | None = None

    def __iter__(self) -> Iterator[Stream]:
        """Each is to be read within :meth:`looking` before the next one is asked for."""
        with _problems(self._name):
            for found in _found(self._name, self._column, self._unlooked):
                self.met += 1
                stream = self._stream = Stream(found.file, found.where)
                if self._bar:
                    stream.watch(found.file)
                try:
                    yield stream
                finally:
                    stream.done()
        if not self.met and not self.missed:
            known = "" if self._name == "-" else no_pickle(_beginning(self._name))
            raise Problem(f"{self.called}: {known or 'there is no pickle in it'}")

    def _unlooked(self, where: str, why: Exception) -> None:
        self.missed += 1
        words = f"it could not be looked at: {why}" if where else str(why)
        if self._tell is not None:
            self._tell(where, words)
        else:
            self.fail(f"{self.called}{f', {printable(where)}' if where else ''}: {words}")

    def fail(self, text: str) -> None:
        """Say that something in a container is damaged, which the others are not."""
        sys.stdout.flush()
        print(text, file=sys.stderr)
        self.failed += 1

    def fail_behind(self, count: int, end: int, stream: Stream) -> None:
        """Say that behind `count` sound pickles of `stream`, which end at `end`, stands no other."""
        stream.done()
        shown_are = "the pickle before it is" if count == 1 else f"the {count:,} pickles before it are"
        self.fail(
            f"{self._place(stream)}: what stands from offset {end:,} on is no sound pickle, {shown_are}; "
            "brinery doctor says more"
        )

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Where the stream at hand is read."""
        stream = self._stream
        assert stream is not None
        try:
            try:
                with _problems(self._name, stream.where):
                    yield
            except Damaged as failed:
                # What the system does not take is the output, and no fault of what is read.
                if isinstance(failed.__cause__, OSError) and not failed.damage and not stream.failure:
                    raise failed.__cause__ from None
                raise
            if stream.damage is not None and not self._forgiving:
                stream.done()
                self.fail(f"{self._place(stream)}: {damage_words(self._name, stream)}")
        except ReadError as fault:
            stream.done()
            text = self._fault_words(fault, stream)
            if not stream.where:
                raise Problem(f"{self.called}: {text}") from fault
            self.fail(f"{self._place(stream)}: {text}")
        except Damaged as damage:
            if not stream.where:
                raise
            self.fail(str(damage))
        finally:
            stream.done()

    def _place(self, stream: Stream) -> str:
        return f"{self.called}, {printable(stream.where)}" if stream.where else self.called

    def _fault_words(self, fault: ReadError, stream: Stream) -> str:
        """What is wrong with the stream; and with what it lies in, which may be why."""
        ends = stream.damage is not None
        if not ends and (stream.where or _is_packed(self._name)):
            with suppress(OSError, ValueError):
                stream.drain()
        if stream.damage is None:
            return explain_fault(fault, stream)
        words = damage_words(self._name, stream)
        return words if ends else f"{words}. What it is decompressed to breaks before: {fault_words(fault)}"


class Damaged(Problem):
    """What cannot be read of a file or a value.

    damage  what is wrong with its content, in words; empty where the system does not give it, or this Python
            cannot decompress it
    """

    def __init__(self, where: str, words: str, damage: str = "") -> None:
        super().__init__(f"{where}: {words}")
        self.damage = damage


def _found(name: str, column: str | None, unlooked: Callable[[str, Exception], object]) -> Iterator[Found]:
    if name != "-":
        yield from pickles_in(name, column=column, unlooked=unlooked)
        return
    file: Any = sys.stdin.buffer
    if not file.seekable():
        file = io.BufferedReader(_Kept(file), _PIECE)
    kind = recognise(file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC])
    if kind is None or kind.packed:
        content = unpacked(file)
        if not is_tar(content.peek(512)[:512]):
            yield Found("", content)
            return
        file = content
    with tempfile.NamedTemporaryFile() as copy:  # an archive is read from its end
        shutil.copyfileobj(file, copy)
        copy.flush()
        yield from pickles_in(copy.name, column=column, unlooked=unlooked)


@contextmanager
def _problems(name: str, within: str = "") -> Iterator[None]:
    """What goes wrong with the file called `name` while it is read becomes a Problem."""
    where = called(name) + (f", {printable(within)}" if within else "")
    try:
        yield
    except BrokenPipeError:
        raise  # that is the output's, not this file's
    except (Problem, ReadError):
        raise
    except Exception as failed:
        if _is_damage(failed):
            words = _damage_words(name, within, failed)
            raise Damaged(where, words, words) from failed
        if isinstance(failed, IsADirectoryError):
            words = "this is a folder: name one of the files in it; for all, find FOLDER -type f gives them"
            raise Damaged(where, words) from failed
        if isinstance(failed, OSError):
            raise Damaged(where, failed.strerror or str(failed)) from failed
        if not isinstance(failed, ValueError):
            raise
        kind = None if within or name == "-" else recognise(_beginning(name))
        what = f"this is no pickle but {kind.what}: " if kind is not None and kind.packed else ""
        raise Damaged(where, what + str(failed)) from failed


_DAMAGES = (
    ("zlib", "error"),
    ("lzma", "LZMAError"),
    ("compression.zstd", "ZstdError"),
    ("backports.zstd", "ZstdError"),
    ("zipfile", "BadZipFile"),
    ("tarfile", "TarError"),
)


def _is_damage(failed: Exception) -> bool:
    """Whether it says that a file's content is damaged or cut short."""
    if isinstance(failed, OSError) and not failed.errno:  # as gzip and bz2 have it
        return True
    return isinstance(failed, (EOFError, FileDamaged, *_damages())) and not isinstance(failed, ReadError)


def _damages() -> Iterator[type[Exception]]:
    """What decompressing raises for damage; of modules that are loaded, for others raise nothing."""
    for module, name in _DAMAGES:
        if module in sys.modules:
            yield getattr(sys.modules[module], name)


def damage_words(name: str, stream: Stream) -> str:
    """What is wrong with what `stream` lies in, of the file called `name`, and how far it could be read."""
    assert stream.damage is not None
    return _damage_words(name, stream.where, stream.damage, stream.size)


def _damage_words(name: str, within: str, damage: Exception, size: int = 0) -> str:
    kind = None if within or name == "-" else recognise(_beginning(name))
    cut = isinstance(damage, EOFError) or "truncated" in str(damage)
    how = "cut short" if cut else "damaged"
    if size:
        how += f" behind {size:,} readable bytes"
    if kind is None:
        return f"what it lies in is {how}: {damage}" if within else f"it is {how}: {damage}"
    return f"this is no pickle but {kind.what}, by how it begins, and {how}: {damage}"


def _is_packed(name: str) -> bool:
    kind = recognise(_beginning(name)) if name != "-" else None
    return kind is not None and kind.packed


def _beginning(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read(LONGEST_MAGIC)
    except OSError:
        return b""


def explain_fault(fault: ReadError, stream: Stream) -> str:
    """What is wrong with the stream, and for a file that is no pickle, what it is."""
    beginning = stream.beginning
    if not beginning:
        return "the file is empty; a pickle has at least two bytes"
    text = str(fault)
    known = no_pickle(beginning, fault.pickle_offset, text)
    if known:
        return known
    text = fault_words(fault)
    if beginning[0] != 0x80 and getattr(fault, "pickle_offset", 0) < 16:
        text += ". Is it a pickle at all?"
    return text


def fault_words(fault: ReadError) -> str:
    """What is wrong, and where."""
    where = "".join(
        f" ({note.removeprefix('while unpickling, ')})" for note in getattr(fault, "__notes__", ())
    )
    return f"{fault}{where}"
