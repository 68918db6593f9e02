"""Files: what they hold is upgraded into a new file, which takes the old one's place when it is verified.

In place, the old file stays beside the new one, as ``.NAME.brinery-old``, until all files of the run are
done: a hard link that is made before the new file takes the name. So at any point in time there is a whole
file of that name, the old one or the new one, and a run that was interrupted sees what it had done: where the
name beside is another file than the name itself, it was replaced.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from functools import partial
from typing import Any

from brinery.files import is_device
from brinery.stream.kinds import LONGEST_MAGIC, recognise
from brinery.upgrade.contents import FAILURES, OtherError, hold_the_same, rewrite, verify, words_of
from brinery.upgrade.databases import is_dbm_table, pickles_in_sqlite
from brinery.upgrade.done import Done
from brinery.upgrade.rules import Changes, Rules
from brinery.upgrade.shelves import upgrade_shelf
from brinery.upgrade.swapping import interrupted, keep, kept_beside, part_of_dumb, remove, take_over

__all__ = ["finish", "upgrade_file"]


def upgrade_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None,
    rules: Rules,
    *,
    dry_run: bool = False,
    again: bool = False,
    copy: bool = False,
    keep_old: bool = False,
) -> Done:
    """Upgrade the file at `source` into the file at `target`, or in place where that is None.

    A file of pickles, perhaps compressed; a zip or tar archive, of which the members that hold pickles are
    upgraded and all others copied; an ``.npy`` file of objects; a shelf that is one file, of dbm.gnu or
    dbm.sqlite3. What is none of these is left alone: its state is ``other``. Nothing is raised for a file
    that cannot be upgraded: its state is ``failed``, and it stays as it is.

    With `dry_run`, nothing is written. A target that is what this upgrade makes of the source is ``done
    before``; one that is a copy of the source is written over, as nothing is lost by it; any other that is
    there only if `again` is true. With `copy`, a file that holds no pickles is copied to the target.

    A file in place is replaced, and the old one kept beside it until :func:`finish` is called; that of a
    shelf until it is whole, or for good with `keep_old`. A target that is a device or a pipe is written into,
    when all is verified.
    """
    path = os.path.realpath(source)
    shown = os.fspath(source)
    beside = kept_beside(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return Done(shown, "other", error="no regular file")
        database = _is_database(path)
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
    note = f"a dbm.dumb database, left as it is: name {dumb}, for its values" if path.endswith(".dat") else ""
    if dumb is not None and target is None:
        return Done(shown, "other", error=f"of the dbm.dumb database {dumb}", note=note)
    if database == "shelf" and not (target is not None and is_device(target)):
        return upgrade_shelf(shown, rules, target, dry_run=dry_run, again=again, keep_old=keep_old)
    if target is None and not dry_run and os.path.exists(beside) and not os.path.samefile(path, beside):
        return _go_on(shown, path, beside, rules, again)
    if target is not None and not dry_run and is_device(target):
        return _write_into(shown, path, target, rules)
    to = path if target is None else os.path.realpath(target)
    if target is not None and not dry_run and os.path.exists(to) and os.path.samefile(to, path):
        return Done(shown, "failed", error="it would be written over itself: --in-place keeps the old one")
    folder, name = os.path.split(to)
    # The next run takes the place of one left behind.
    new = os.path.join(folder, f".{name[:200]}.brinery-new")
    try:
        if dry_run:
            with open(path, "rb") as file:
                written = rewrite(file, _Nowhere(), rules)
            return Done(shown, "same", written.changes, left=written.left)
        os.makedirs(folder, exist_ok=True)
        if dumb is not None:
            raise OtherError(f"of the dbm.dumb database {dumb}")
        with open(path, "rb") as file, open(new, "wb") as out:
            written = rewrite(file, out, rules)
        done = Done(shown, "written", written.changes, left=written.left)
        if target is None and (written.same or _are_equal(path, new) or hold_the_same(path, new)):
            os.unlink(new)
            return done._replace(state="same")
        if target is not None and os.path.exists(to) and not again:
            if _are_equal(to, new) or hold_the_same(to, new):
                os.unlink(new)
                return done._replace(state="done before", changes=Changes())
            if not _are_equal(to, path):
                os.unlink(new)
                return _is_another(shown, target)
        verify(partial(open, new, "rb"), written, rules)
        take_over(path, new)
        if target is None:
            if os.path.exists(beside):
                remove(beside)  # of a run that had not replaced the file yet: the same file
            note = "; ".join(filter(None, (_by_a_link(source, path), _other_names(path))))
            keep(path, beside)
            done = done._replace(state="replaced", note=note)
        os.replace(new, to)
    except OtherError as other:
        left = _pickles_left(path, database)
        if not (copy and target is not None and not dry_run):
            remove(new)
            return Done(shown, "other", error=str(other), left=left)
        try:
            if os.path.exists(to) and not again:
                remove(new)
                if _are_equal(to, path):
                    return Done(shown, "done before", left=left)
                return _is_another(shown, target)
            shutil.copy2(path, new)
            take_over(path, new)
            os.replace(new, to)
        except OSError as failure:
            remove(new)
            return Done(shown, "failed", error=str(failure))
        return Done(shown, "copied", error=str(other), note=note if dumb is not None else "", left=left)
    except Exception as failure:
        if not isinstance(failure, FAILURES):
            failure.add_note(f"while {shown} was upgraded") if hasattr(failure, "add_note") else None
            remove(new)
            raise
        remove(new)
        return Done(shown, "failed", error=words_of(failure))
    return done


def _is_another(shown: str, target: str | os.PathLike[str]) -> Done:
    return Done(
        shown,
        "failed",
        error=f"{target} is there, and is neither what this upgrade makes of it nor a copy of it: it is "
        "written over only with again (--again)",
    )


def _is_database(path: str) -> str:
    """``"shelf"`` for a dbm that is this one file, ``"sqlite"`` for another SQLite database; else empty."""
    with open(path, "rb") as file:
        kind = recognise(file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC])
    name = kind.name if kind is not None else ""
    if name == "gdbm" or (name == "sqlite" and is_dbm_table(path)):
        return "shelf"
    return name if name == "sqlite" else ""


def _pickles_left(path: str, database: str) -> tuple[str, ...]:
    where = pickles_in_sqlite(path) if database == "sqlite" else ""
    advice = f"brinery upgrade sqlite:///{path} --column TABLE.COLUMN upgrades them, one column at a time"
    return (f"an SQLite database with pickles in {where}, which stay old: {advice}",) if where else ()


def _write_into(shown: str, path: str, device: str | os.PathLike[str], rules: Rules) -> Done:
    """What is upgraded goes into a device or a pipe, which takes nothing back: so it is verified before."""
    with tempfile.TemporaryDirectory(prefix="brinery-upgrade-") as folder:
        new = os.path.join(folder, "new")
        try:
            with open(path, "rb") as file, open(new, "wb") as out:
                written = rewrite(file, out, rules)
            verify(partial(open, new, "rb"), written, rules)
            with open(new, "rb") as content, open(device, "wb") as into:
                shutil.copyfileobj(content, into, 1 << 20)
        except OtherError as other:
            return Done(shown, "other", error=str(other))
        except FAILURES as failure:
            return Done(shown, "failed", error=words_of(failure))
    return Done(shown, "written", written.changes, left=written.left)


def _by_a_link(source: str | os.PathLike[str], path: str) -> str:
    return f"it is a link: {path} was replaced, and the link stays" if os.path.islink(source) else ""


def _other_names(path: str) -> str:
    """A note on hard links: a file that is replaced leaves them to the old one."""
    count = os.stat(path).st_nlink - 1
    if count < 1:
        return ""
    names, have = ("another name", "has") if count == 1 else (f"{count} other names", "have")
    return (
        f"it had {names} (hard links), and is a file of its own now: what {have} its old content is upgraded "
        "only under its own name"
    )


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
            written = rewrite(file, out, rules)
        if _are_equal(path, new) or hold_the_same(path, new):
            return Done(shown, "done before", left=written.left)
        if not again:
            return Done(
                shown,
                "failed",
                error=f"it is not what this upgrade makes of {beside}: other rules upgraded it, or it was "
                "changed since. With again (--again) the upgrade begins with that old file anew; to upgrade "
                "what is there now, remove that file",
            )
        verify(partial(open, new, "rb"), written, rules)
        take_over(beside, new)
        os.replace(new, path)
        return Done(shown, "replaced", written.changes, left=written.left)
    except OtherError as other:
        return Done(shown, "failed", error=f"{beside}: {other}")
    except FAILURES as failure:
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


class _Nowhere:
    """A file that keeps nothing."""

    def __init__(self) -> None:
        self._size = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._size += size
        return size

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        pass


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
