"""Pickles in shelves and other dbm files."""

from __future__ import annotations

import os
import shutil
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.locking import locked
from brinery.upgrade.databases import ReadTable, is_dbm_table
from brinery.upgrade.done import Done
from brinery.upgrade.rules import Rules, check_rules
from brinery.upgrade.swapping import (
    base_of_swap,
    complete,
    decide,
    interrupted,
    is_dumb,
    kept_shelf,
    making,
    take_over,
)
from brinery.upgrade.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["is_interrupted", "shelves_in", "upgrade_dbm", "upgrade_shelf"]

#: What the names of a dbm's files end with. Those of dbm.sqlite3 write each value in a transaction.
_SUFFIXES = {
    "dbm.dumb": (".dat", ".dir", ".bak"),
    "dbm.gnu": ("",),
    "dbm.ndbm": (".db", ".dir", ".pag"),
}


def is_interrupted(path: str | os.PathLike[str]) -> bool:
    """Whether an upgrade in place of the dbm of that name was ended when it was nearly done."""
    return interrupted(_base(os.fspath(path)))


def upgrade_dbm(
    path: str | os.PathLike[str],
    rules: Rules,
    to: str | os.PathLike[str] | None = None,
    *,
    dry_run: bool = False,
    again: bool = False,
    keep_old: bool = False,
) -> Done:
    """Upgrade every value of a shelf, or of any other dbm file of pickles, that is a pickle.

    In place, a whole new dbm is written beside, read back, and takes the place of the old one, whose files
    are kept until then, or for good with `keep_old`, in the folder ``.NAME.brinery-shelf-old``. Whatever ends
    this at any time, the same call goes on; a dbm of dbm.dumb cannot be opened if it was ended between the
    renames of its files. A dbm of dbm.sqlite3 is upgraded value by value, each in a transaction. With `to`,
    all values are written into the dbm file of that name; what it has already under a key is written over
    only with `again`.

    Raises OSError and ``dbm.error`` where it cannot be opened, BlockingIOError where another upgrade of it is
    at work, ValueError for an encoding that nobody knows, and where this Python has no such dbm.
    """
    check_rules(rules)
    shown = os.fspath(path)
    values = Values(rules)
    if dry_run:
        return _read(shown, values) or values.done(shown, dry_run=True)
    if to is not None:
        with locked(to, 0, busy="another upgrade writes {}: wait for its end"):
            return _into(shown, os.fspath(to), values, again)
    base = _base(shown)
    with locked(base, 0, busy="another upgrade of {} is at work: wait for its end"):
        try:
            went_on = interrupted(base)
            if went_on:
                complete(base, keep_old)
            done = _in_place(shown, base, values, keep_old)
        except ReadError as refused:
            return Done(shown, "failed", error=str(refused))
    return done._replace(state="done before") if went_on and done.state == "same" else done


def upgrade_shelf(
    path: str,
    rules: Rules,
    to: str | os.PathLike[str] | None,
    *,
    dry_run: bool = False,
    again: bool = False,
    keep_old: bool = False,
) -> Done:
    """The same for one that is found in a folder: what would be raised is told, and the others go on."""
    import dbm

    try:
        if to is not None and not dry_run:
            os.makedirs(os.path.dirname(os.fspath(to)) or os.curdir, exist_ok=True)
        return upgrade_dbm(path, rules, to, dry_run=dry_run, again=again, keep_old=keep_old)
    except (OSError, ValueError, *dbm.error) as failure:
        return Done(path, "failed", error=f"a dbm database, {dbm.whichdb(path) or 'damaged'}: {failure}")


def shelves_in(folder: str, names: Iterable[str], folders: Iterable[str]) -> dict[str, frozenset[str]]:
    """The dbm databases of several files, or of one whose name is not that of the database, in a folder.

    By the name of each, the names of its files; `names` and `folders` are what the folder has. One whose
    upgrade in place was interrupted is among them, whatever of it is there.
    """
    import dbm

    there = set(names)
    found = {}
    for name in there:
        base, suffix = os.path.splitext(name)
        parts = frozenset(base + other for other in (".dat", ".dir", ".bak", ".pag", ".db")) & there
        path = os.path.join(folder, base)
        if suffix == ".dir" and parts & {f"{base}.dat", f"{base}.pag"}:
            if is_dumb(path) or dbm.whichdb(path) == "dbm.ndbm":
                found[base] = parts - {f"{base}.db"}
        elif suffix == ".db" and dbm.whichdb(path) == "dbm.ndbm":
            found.setdefault(base, frozenset({name}))
        elif name.endswith("-wal") and is_dbm_table(os.path.join(folder, name[:-4])):
            found[name[:-4]] = frozenset({name[:-4], name, f"{name[:-4]}-shm"}) & there
    for name in folders:
        base = base_of_swap(name)
        if base and base not in there:
            found[base] = frozenset(base + other for other in (".dat", ".dir", ".bak", ".pag", ".db")) & there
    return found


def _in_place(shown: str, base: str, values: Values, keep_old: bool) -> Done:
    import dbm

    kind = dbm.whichdb(shown)
    if kind not in _SUFFIXES:
        with closing(dbm.open(shown, "w")) as shelf:
            for key in list(shelf.keys()):
                new = values.upgrade(f"[{key!r}]", shelf[key])
                if new is not None:
                    shelf[key] = new
        return values.done(shown, dry_run=False)
    folder = making(base)
    try:
        _write_anew(kind, shown, os.path.join(folder, os.path.basename(base)), values)
        if values.written:
            old = kept_shelf(base)
            if os.path.isdir(old):
                raise ReadError(
                    f"{old} has the files of an earlier upgrade that kept them, which are not written over: "
                    "move that folder away"
                )
            for suffix in _SUFFIXES[kind]:
                made = os.path.join(folder, os.path.basename(base) + suffix)
                if suffix == ".bak" and os.path.exists(base + suffix):  # the index once more
                    shutil.copyfile(f"{made.removesuffix(suffix)}.dir", made)
                if os.path.exists(made) and os.path.exists(base + suffix):
                    take_over(base + suffix, made)
            decide(base, folder)
            complete(base, keep_old)
    finally:
        if os.path.isdir(folder):
            shutil.rmtree(folder)
    return values.done(shown, dry_run=False)


def _write_anew(kind: str, path: str, new: str, values: Values) -> None:
    """Write all values of the dbm at `path`, upgraded, into the one at `new`, and read them back."""
    module = _module(kind)
    sums: list[int] = []
    with closing(_to_read(path)) as shelf, closing(module.open(new, "n")) as into:
        for key, value, upgraded in _upgraded(shelf, values):
            into[key] = written = value if upgraded is None else upgraded
            sums.append(zlib.crc32(written))
    with closing(_to_read(path)) as shelf, closing(module.open(new, "r")) as into:
        keys = list(shelf.keys())
        if len(keys) != len(into.keys()) or any(
            zlib.crc32(into[key]) != wanted for key, wanted in zip(keys, sums, strict=True)
        ):
            raise ReadError(
                "what was written does not read back as what was meant: the disk, or another program wrote "
                "into it meanwhile"
            )


def _upgraded(shelf: Any, values: Values) -> Iterator[tuple[Any, bytes, bytes | None]]:
    """Each key, its value, and the new one, or None where the value stays."""
    for key in list(shelf.keys()):
        value = shelf[key]
        yield key, value, values.upgrade(f"[{key!r}]", value)


def _to_read(path: str) -> Any:
    import dbm

    return ReadTable(path) if dbm.whichdb(path) == "dbm.sqlite3" else dbm.open(path, "r")


def _module(kind: str) -> Any:
    import importlib

    try:
        return importlib.import_module(kind)
    except ImportError as missing:
        raise ValueError(f"this Python was built without {kind}: {missing}") from missing


def _read(path: str, values: Values) -> Done | None:
    if refused := _unfinished(path):
        return refused
    with closing(_to_read(path)) as shelf:
        for _ in _upgraded(shelf, values):
            pass
    return None


def _into(path: str, to: str, values: Values, again: bool) -> Done:
    import dbm

    if refused := _unfinished(path):
        return refused
    kind = dbm.whichdb(path) or ""
    # What reads the one is to read the other; one that is there is of its own kind.
    module: Any = _module(kind) if kind and dbm.whichdb(to) is None else dbm
    with closing(_to_read(path)) as shelf, closing(module.open(to, "c")) as target:
        failed = 0
        for key, value, upgraded in _upgraded(shelf, values):
            if values.failed > failed:
                failed = values.failed
                continue
            there, new = target.get(key), value if upgraded is None else upgraded
            if there is None or (there != new and (again or there == value)):  # or a copy of the source
                target[key] = new
            elif there != new:
                values.fail(f"[{key!r}]", f"{to} has another value there: --again writes over it")
                failed = values.failed
    for suffix in _SUFFIXES.get(kind, ("",)):
        if os.path.exists(path + suffix) and os.path.exists(to + suffix):
            take_over(path + suffix, to + suffix)
    done = values.done(path, dry_run=False)
    return done if done.state == "failed" else done._replace(state="written")


def _unfinished(path: str) -> Done | None:
    if not is_interrupted(path):
        return None
    return Done(
        path, "failed", error="its upgrade in place was interrupted: first run that again (--in-place)"
    )


def _base(path: str) -> str:
    """The name of a dbm without links, as its files are to be replaced where they are."""
    real = {
        os.path.realpath(path + suffix).removesuffix(suffix)
        for suffixes in _SUFFIXES.values()
        for suffix in suffixes
        if os.path.exists(path + suffix)
    }
    if len(real) == 1:
        return real.pop()
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)
