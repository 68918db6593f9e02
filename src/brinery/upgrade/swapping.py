"""New files in the place of old ones: one, or those of a dbm, which belong together.

A dbm can be several files, and no file system renames these in one step. So the new ones are made in a folder
beside (``.NAME.brinery-shelf-new``), and when they are whole and on the disk that folder is renamed
(``.NAME.brinery-shelf-swap``): this one step decides. Before it, all old files are untouched. After it, each
new file is either in that folder still or has taken its place, and who comes next goes on from there. The old
ones are moved into a third folder (``.NAME.brinery-shelf-old``) until all of it is done.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from contextlib import suppress

from brinery.errors import ReadError

__all__ = [
    "ONES_OWN",
    "base_of_swap",
    "complete",
    "decide",
    "interrupted",
    "is_dumb",
    "keep",
    "kept_beside",
    "kept_shelf",
    "making",
    "part_of_dumb",
    "remove",
    "take_over",
]

#: How the names end, after a dot at their beginning, of what an upgrade makes beside the files.
ONES_OWN = (
    ".brinery-old",
    ".brinery-old.new",
    ".brinery-old.tmp",
    ".brinery-new",
    ".brinery-lock",
    ".brinery-shelf-new",
    ".brinery-shelf-swap",
    ".brinery-shelf-old",
)


def kept_beside(path: str) -> str:
    """Where the old file at `path` is kept meanwhile."""
    return _beside(path, "old")


def kept_shelf(base: str) -> str:
    """The folder in which the old files of the dbm at `base` are kept meanwhile."""
    return _beside(base, "shelf-old")


def _beside(path: str, what: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name[:200]}.brinery-{what}")


def take_over(old: str, new: str) -> None:
    """Give `new` the mode, times and, where that is allowed, the owner of `old`."""
    status = os.stat(old)
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(new, status.st_uid, status.st_gid)
    shutil.copystat(old, new)


def keep(path: str, beside: str) -> None:
    """Give the file at `path` a second name; where there are no hard links, a copy."""
    try:
        try:
            os.link(path, beside)
        except FileExistsError:  # left behind by a run that had not replaced the file yet
            os.unlink(beside)
            os.link(path, beside)
    except OSError:
        copy = f"{beside}.tmp"
        shutil.copy2(path, copy)
        os.replace(copy, beside)


def remove(path: str) -> None:
    """Remove the file at `path`, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def part_of_dumb(path: str) -> str | None:
    """The name of the dbm.dumb database of which the file at `path` is one; None where it is of none."""
    base, suffix = os.path.splitext(path)
    if suffix not in (".dat", ".dir", ".bak"):
        return None
    return base if interrupted(base) or is_dumb(base) else None


def is_dumb(base: str) -> bool:
    """Whether there is a dbm.dumb database of that name, and not just two files that are called so."""
    try:
        with open(f"{base}.dir", "rb") as index:
            first = index.read(1)
        size = os.path.getsize(f"{base}.dat")
    except OSError:
        return False
    # An index that is empty says nothing of what lies beside it.
    return first in (b"'", b'"') or (not first and not size)


# The files of a dbm


def making(base: str) -> str:
    """An empty folder for the new files of the dbm at `base`: what a killed run had there goes."""
    folder = _beside(base, "shelf-new")
    if os.path.isdir(folder):
        shutil.rmtree(folder)
    os.mkdir(folder, 0o700)
    return folder


def interrupted(base: str) -> bool:
    """Whether the new files of the dbm at `base` are made, and have not all taken their places yet."""
    return os.path.isdir(_beside(base, "shelf-swap"))


def base_of_swap(name: str) -> str:
    """The name of the dbm whose new files, all made, lie in a folder of that name; empty for any other."""
    end = ".brinery-shelf-swap"
    return name[1 : -len(end)] if name.startswith(".") and name.endswith(end) else ""


def decide(base: str, folder: str) -> None:
    """The files in `folder`, which :func:`making` gave, are the new ones: call :func:`complete` next."""
    for name in os.listdir(folder):
        _flush(os.path.join(folder, name))
    _flush(folder)
    os.rename(folder, _beside(base, "shelf-swap"))
    _flush(os.path.dirname(base))


def complete(base: str, keep_old: bool) -> None:
    """Put the new files of the dbm at `base` into their places, from wherever a run before was ended.

    Raises UnpicklingError where somebody has written other files there meanwhile; all are kept then.
    """
    at, new, old = os.path.dirname(base), _beside(base, "shelf-swap"), kept_shelf(base)
    # Where the index of a dumb database is not there, nobody takes values from the wrong places.
    names = sorted(os.listdir(new), key=lambda name: not name.endswith(".dir"))
    single = len(names) == 1 and not os.path.isdir(old)
    os.makedirs(old, 0o700, exist_ok=True)
    for name in names:
        place, kept = os.path.join(at, name), os.path.join(old, name)
        if not os.path.exists(place):
            continue
        if os.path.exists(kept):
            if not os.path.samefile(place, kept) and not filecmp.cmp(place, kept, shallow=False):
                raise ReadError(
                    f"{place} was written by another program after an upgrade was interrupted. {old} has the "
                    f"old files, {new} those that are new and not yet in their places: move {place} away, "
                    "and run the upgrade again"
                )
        elif single:
            keep(place, kept)  # one file is replaced in one step
        else:
            os.rename(place, kept)
    _flush(old)
    for name in reversed(names):
        os.replace(os.path.join(new, name), os.path.join(at, name))
    _flush(at)
    if not keep_old:
        shutil.rmtree(old)
    os.rmdir(new)
    _flush(at)


def _flush(path: str) -> None:
    """Bring a file, or the names in a folder, to the disk; not every system lets a folder be opened."""
    if os.name != "posix" and os.path.isdir(path):
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
