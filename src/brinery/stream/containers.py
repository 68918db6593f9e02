"""Pickles within other files: compressed, in archives, in databases, between arrays.

Nothing of them is loaded. What is found is a pickle as far as it looks like one: whoever reads it will see.
"""

from __future__ import annotations

import io
import os
import zipfile
from contextlib import closing
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from brinery.stream.columns import (
    Column,
    binary_columns,
    database,
    is_url,
    missing_column,
    missing_table,
    refusals,
)
from brinery.stream.faults import FileDamaged
from brinery.stream.kinds import LONGEST_MAGIC, could_begin, is_tar, recognise
from brinery.stream.packing import unpacked
from brinery.stream.soundness import is_sound

if TYPE_CHECKING:
    import sqlite3
    import tarfile
    from collections.abc import Callable, Iterator

__all__ = ["PICKLE_SUFFIXES", "Found", "looks_like_pickle", "pickles_in", "sqlite_to_read"]

#: How the names of pickles end.
PICKLE_SUFFIXES = (".pkl", ".pickle", ".pck", ".p")
_SHELVES = (".db", ".dir", ".dat", ".pag")
# The files of a dbm database, by what stands behind its name; of any other kind, the name is the file's.
_FILES = {"dbm.dumb": (".dir", ".dat"), "dbm.ndbm": (".db", ".dir", ".pag")}

#: Where the pickle is that a container is, too.
_ITSELF = "the file itself"


class Found(NamedTuple):
    """A pickle within a file: where, and a file to read it from before the next one is asked for.

    where   the way to it, empty where the file is the pickle itself: ``archive/data.pkl``, ``t.column[3]``;
            ``the file itself`` where a container is one as well
    file    the bytes
    """

    where: str
    file: IO[bytes]


def pickles_in(
    source: str | os.PathLike[str],
    *,
    column: str | None = None,
    unlooked: Callable[[str, Exception], object] | None = None,
) -> Iterator[Found]:
    """The pickles that the file at the path `source` is or holds, or that lie in a database.

    Of a zip or tar archive, the members that begin with PROTO, as pickles of protocol 2 and later do
    (PyTorch's ``data.pkl`` for one), or are one of an older protocol from beginning to end, and the arrays of
    objects of an ``.npz``; of an SQLite database, the values of every column that are; of a dbm file (a
    shelve is one), every value. Members and values may be compressed themselves.

    A `source` that is the URL of a database, as SQLAlchemy has them, is asked for such values of every column
    of bytes. With `column`, as ``"table.column"``, only that one is looked at, bytes or text, and every value
    of it that may begin a pickle at all.

    A tar archive that begins as a pickle, too, is looked at as both: a load would run it.

    With `unlooked`, a part of a container that cannot be looked at, as a member that is encrypted or damaged
    or a table, is told to it, where it is and why, and the others are gone on with.

    Raises OSError, and ValueError for a file that is damaged, a database that cannot be asked, a column that
    is not there, and without `unlooked` for a part that cannot be looked at.
    """
    tell = _raise if unlooked is None else unlooked
    name = os.fspath(source)
    if is_url(name) and not os.path.exists(name):
        yield from _in_database(name, column, tell)
        return
    shelf = _shelf(name, tell) if column is None else None
    if shelf is not None:
        yield from shelf
        return
    with open(name, "rb") as file:
        kind = recognise(file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC])
        what = kind.name if kind is not None else ""
        if column is not None and what != "sqlite":
            raise ValueError(f"this is no database, and has no column {column}")
        if what == "zip":
            yield from _in_zip(file, tell)
        elif what == "sqlite":
            yield from _in_sqlite(name, column, tell)
        elif what == "npy":
            yield from _in_npy("", file)
        else:
            content = unpacked(file)
            if content.seekable():
                beginning = content.read(512)
                content.seek(0)
                if is_tar(beginning):
                    if _would_run(content):
                        content.seek(0)
                        yield Found(_ITSELF, content)
                    content.seek(0)
                    yield from _in_tar(content, tell)
                    return
            yield Found("", content)


def _raise(where: str, why: Exception) -> None:
    raise FileDamaged(f"{where}: {why}" if where else str(why)) from why


def _would_run(content: IO[bytes]) -> bool:
    """Whether a load of `content` from where it stands reads a pickle, or does anything before it fails.

    Names of files are not: a module's name has no control characters, with which a tar archive's are filled.
    """
    from brinery.stream.refs import references

    found = references(content, strict=False)
    names = (name.module + name.qualname for name in found.globals)
    return bool(found.pickles or found.persistent_ids or found.extensions or any(map(str.isprintable, names)))


def _table_and_column(column: str) -> tuple[str, str]:
    table, _, name = column.rpartition(".")
    if not table:
        raise ValueError(f"{column} is no column: write TABLE.COLUMN")
    return table, name


def _in_database(url: str, column: str | None, tell: Callable[[str, Exception], object]) -> Iterator[Found]:
    with database(url) as engine:
        columns = [_table_and_column(column)] if column is not None else list(binary_columns(engine))
        for table, name in columns:
            try:
                with closing(Column(engine, table, name).cells()) as cells:
                    for where, value in cells:
                        text = isinstance(value, str)
                        data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
                        yield from _value(where, data, wanted=column is not None, text=text)
            except refusals() as refused:
                if column is not None:
                    raise
                tell(
                    f"{table}.{name}", FileDamaged(f"the database says: {getattr(refused, 'orig', refused)}")
                )


def _value(where: str, value: bytes, *, wanted: bool, text: bool = False) -> Iterator[Found]:
    """The pickle that a value of a container is, perhaps compressed, if it may be one.

    With PROTO in front it most probably is; else it has to be one from its beginning to its end, and where it
    is `text`, have lines. All that may begin a pickle is one where such values are `wanted`.
    """
    kind = None if text else recognise(value[:LONGEST_MAGIC])
    if kind is not None and kind.packed:
        content: Any = None
        try:
            content = unpacked(io.BufferedReader(io.BytesIO(value)))
            if not _begins(content.peek(LONGEST_MAGIC)[:LONGEST_MAGIC], wanted):
                return
        except Exception as damage:
            # Whatever a decompressor raises. Where it was asked for, whoever reads it is told.
            if not wanted or isinstance(damage, MemoryError):
                return
            content = None
        yield Found(where, io.BytesIO(value) if content is None else content)
    elif _begins(value[:LONGEST_MAGIC], wanted) or _is_old(value, text):
        yield Found(where, io.BytesIO(value))


def _begins(beginning: bytes, wanted: bool) -> bool:
    return looks_like_pickle(beginning) or (wanted and could_begin(beginning))


def looks_like_pickle(beginning: bytes) -> bool:
    """Whether bytes out of a container may be a pickle; with PROTO in front they most probably are."""
    return beginning[:1] == b"\x80" and could_begin(beginning) and beginning[1:2] <= b"\x05"


def _is_old(value: bytes, text: bool) -> bool:
    """Whether it is a pickle of protocol 0 or 1, which says nothing of itself, from beginning to end."""
    return (
        value[-1:] == b"."
        and could_begin(value)
        and (not text or b"\n" in value)
        and recognise(value[:LONGEST_MAGIC]) is None
        and is_sound(value)
    )


def _in_zip(file: IO[bytes], tell: Callable[[str, Exception], object]) -> Iterator[Found]:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as damage:
        raise FileDamaged(f"the archive is damaged: {damage}") from damage
    except NotImplementedError as newer:  # than the zip files that this Python reads
        raise FileDamaged(f"the archive cannot be read: {newer}") from newer
    with archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            name = member.filename
            if member.flag_bits & 1:
                tell(name, FileDamaged("its entry says that it is encrypted"))
                continue
            try:
                yield from _member(name, partial(archive.open, member))
            except MemoryError:
                raise
            except OSError as failed:
                if failed.errno:
                    raise
                tell(name, failed)
            # Whatever a decompressor raises; and NotImplementedError for what zipfile does not read.
            except Exception as damage:
                tell(name, FileDamaged(str(damage) or type(damage).__name__))


def _in_tar(file: IO[bytes], tell: Callable[[str, Exception], object]) -> Iterator[Found]:
    import tarfile

    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if member.isreg():
                    yield from _member(member.name, partial(_extracted, archive, member))
            # tarfile takes a header that it cannot read for the end.
            file.seek(archive.offset)
            end = file.read(tarfile.BLOCKSIZE)
    except tarfile.TarError as damage:
        raise FileDamaged(f"the archive is damaged: {damage}") from damage
    if len(end) < tarfile.BLOCKSIZE:
        tell(
            "", FileDamaged("the archive is truncated: what was behind the last member that is there is gone")
        )
    elif end.strip(b"\0"):
        where = f"at offset {archive.offset:,}"
        tell("", FileDamaged(f"the archive is damaged {where}: what stands from there on was not looked at"))


def _extracted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(member)
    assert file is not None  # a regular file
    return file


def _member(name: str, open_it: Callable[[], IO[bytes]]) -> Iterator[Found]:
    """The pickles that a file in an archive is or holds, if it is one, perhaps compressed."""
    with open_it() as inner:
        beginning = inner.read(LONGEST_MAGIC)
    kind = recognise(beginning)
    if kind is not None and kind.name == "npy":
        with open_it() as inner:
            yield from _in_npy(name, inner)
    elif kind is not None and kind.packed:
        with open_it() as inner:
            content = unpacked(io.BufferedReader(inner))
            named = os.path.splitext(name)[0].endswith(PICKLE_SUFFIXES)
            try:
                looks = named or looks_like_pickle(content.peek(8)[:8])
            except Exception:  # whatever a decompressor raises: it is no pickle's name that it has
                looks = False
            if looks:
                yield Found(name, content)
    elif looks_like_pickle(beginning) or name.endswith(PICKLE_SUFFIXES) or _is_old_file(beginning, open_it):
        with open_it() as inner:
            yield Found(name, inner)


def _is_old_file(beginning: bytes, open_it: Callable[[], IO[bytes]]) -> bool:
    if not could_begin(beginning) or recognise(beginning) is not None:
        return False
    with open_it() as inner:
        return is_sound(inner)


def _in_npy(where: str, file: IO[bytes]) -> Iterator[Found]:
    """An .npy file of objects is a pickle behind a header; any other holds none."""
    major = file.read(8)[6:7]
    size = int.from_bytes(file.read(2 if major == b"\x01" else 4), "little")
    header = file.read(min(size, 1 << 16))
    if b"'|O'" in header:
        yield Found(where or "array", file)


def _in_sqlite(path: str, column: str | None, tell: Callable[[str, Exception], object]) -> Iterator[Found]:
    import sqlite3

    only = _table_and_column(column) if column is not None else None

    with closing(sqlite_to_read(path)) as database:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
        try:
            tables = [
                name
                for (name,) in database.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
                )
            ]
            if only is None and tables == ["Dict"] and _columns(database, "Dict") == ["key", "value"]:
                yield from _in_sqlite_shelf(database)
                return
            if only is not None and only[0] not in tables:
                raise missing_table(only[0], tables)
            if only is not None and only[1] not in _columns(database, only[0]):
                raise missing_column(*only, _columns(database, only[0]))
        except sqlite3.DatabaseError as damage:
            raise FileDamaged(f"the database cannot be read: {damage}") from damage
        database.text_factory = _Text
        for table in tables if only is None else only[:1]:
            try:
                parts = _read_together(database, table) if only is None else [[only[1]]]
            except sqlite3.DatabaseError as damage:
                tell(table, FileDamaged(f"the table cannot be read: {damage}"))
                continue
            for columns in parts:
                try:
                    yield from _in_table(database, table, columns, wanted=only is not None)
                except (sqlite3.DatabaseError, MemoryError) as damage:
                    where = table if len(columns) > 1 else f"{table}.{columns[0]}"
                    tell(
                        where, FileDamaged(f"it cannot be read: {str(damage) or 'too large for the memory'}")
                    )


def _in_table(
    database: sqlite3.Connection, table: str, columns: list[str], *, wanted: bool
) -> Iterator[Found]:
    for row, *values in _rows(database, table, ", ".join(map(_name, columns))):
        for name, value in zip(columns, values, strict=True):
            if isinstance(value, bytes):
                where = f"{table}.{name}[{row}]"
                yield from _value(where, value, wanted=wanted, text=type(value) is _Text)


def _read_together(database: sqlite3.Connection, table: str) -> list[list[str]]:
    """The columns of a table in lists, each to be read at a time.

    What is stored is as large as the file at most. What is computed when it is read may be of any size, and
    is read by itself.
    """
    columns = _columns(database, table)
    described = database.execute(f"PRAGMA table_xinfo({_name(table)})")
    computed = {_str(name) for _, name, *_, hidden in described if hidden == 2}
    stored = [name for name in columns if name not in computed]
    return [*([stored] if stored else []), *([name] for name in columns if name in computed)]


def _str(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")


def sqlite_to_read(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """A connection to an SQLite database that only reads, and leaves nothing beside it.

    One in WAL mode, as dbm.sqlite3 makes it, would get two more files from whoever reads it. Where it has
    none, all of it is in the one file, and nobody is writing.
    """
    import sqlite3

    with open(path, "rb") as file:
        wal = file.read(20)[18:20] == b"\x02\x02"
    how = "immutable=1" if wal and not os.path.exists(f"{os.fspath(path)}-wal") else "mode=ro"
    return sqlite3.connect(f"file:{_quoted(os.fspath(path))}?{how}", uri=True)


#: How large a value of an SQLite database is read: 1 GB would be allowed.
_LARGEST_VALUE = 1 << 29


class _Text(bytes):
    """A text of a database, which need not be UTF-8."""


def _rows(database: sqlite3.Connection, table: str, wanted: str) -> Iterator[tuple[Any, ...]]:
    """Each row's number, or its place where there is none (WITHOUT ROWID), and the columns `wanted`."""
    import sqlite3

    try:
        yield from database.execute(f"SELECT rowid, {wanted} FROM {_name(table)}")
    except sqlite3.OperationalError as without:
        if "rowid" not in str(without):
            raise
        for number, row in enumerate(database.execute(f"SELECT {wanted} FROM {_name(table)}")):
            yield number, *row


def _name(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'


def _columns(database: sqlite3.Connection, table: str) -> list[str]:
    found = database.execute(f"SELECT * FROM {_name(table)} LIMIT 0")
    return [column[0] for column in found.description]


def _in_sqlite_shelf(database: sqlite3.Connection) -> Iterator[Found]:
    """What dbm makes from Python 3.13 on."""
    every = "SELECT CAST(key AS BLOB), CAST(value AS BLOB) FROM Dict WHERE value IS NOT NULL ORDER BY key"
    for key, value in database.execute(every):
        yield _value_of(bytes(key or b""), value)


def _value_of(key: bytes, value: bytes) -> Found:
    return Found(_in_brackets(key), io.BytesIO(value))


def _in_brackets(key: bytes) -> str:
    return f"[{key.decode(errors='backslashreplace')!r}]"


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(os.path.abspath(path))


def _shelf(path: str, tell: Callable[[str, Exception], object]) -> Iterator[Found] | None:
    """The values of a dbm file, or None where there is none of that name."""
    import dbm

    if os.path.isfile(path) and not path.endswith(_SHELVES):
        return None
    base = path
    if not os.path.isfile(path + ".dir") and path.endswith(_SHELVES):
        base = path[: -len(os.path.splitext(path)[1])] if dbm.whichdb(path) in (None, "") else path
    try:
        kind = dbm.whichdb(base)
    except OSError:
        return None
    # Of an SQLite database dbm says so whatever is in it: from Python 3.13 on, which makes shelves in such.
    if not kind or kind == "dbm.sqlite3":
        return None
    files = [base + suffix for suffix in _FILES.get(kind, ("",))]
    if os.path.isfile(path) and path not in files:
        return None  # a shelf that only lies beside it
    return _in_shelf(base, path if os.path.isfile(path) else "", tell)


def _in_shelf(path: str, named: str, tell: Callable[[str, Exception], object]) -> Iterator[Found]:
    """The values of a dbm database; and the file of it that was `named`, if that begins as a pickle that is
    none of them."""
    import dbm

    beginning = b""
    if named:
        with open(named, "rb") as file:
            beginning = file.read(LONGEST_MAGIC)
    itself = looks_like_pickle(beginning) or could_begin(beginning)
    try:
        database = dbm.open(path, "r")  # noqa: SIM115 - closed below
    except dbm.error as damage:
        raise FileDamaged(f"the dbm file cannot be read: {damage}") from damage
    except (OSError, MemoryError):
        raise
    except Exception as damage:  # whatever dbm.dumb meets in the literals of its index
        raise FileDamaged(f"the index of the dbm file cannot be read: {damage}") from damage
    with closing(database) as shelf:
        for key in sorted(map(bytes, shelf.keys())):  # type: ignore[arg-type]
            try:
                found = _value_of(key, value := shelf[key])
            except Exception as damage:  # where the index says what cannot be
                tell(
                    _in_brackets(key), FileDamaged(f"the value cannot be read: {damage or 'it is too large'}")
                )
                continue
            itself = itself and not (value and beginning.startswith(value[:LONGEST_MAGIC]))
            yield found
    if itself:
        with open(named, "rb") as file:
            if _would_run(file):
                file.seek(0)
                yield Found(_ITSELF, file)
