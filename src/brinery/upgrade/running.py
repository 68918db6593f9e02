"""Many files: in this process, in several, or on a Dask cluster; interrupted, and gone on with."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from brinery.files import is_device
from brinery.locking import locked
from brinery.upgrade.done import Done
from brinery.upgrade.files import finish, upgrade_file
from brinery.upgrade.rules import Rules, check_rules
from brinery.upgrade.shelves import shelves_in, upgrade_shelf
from brinery.upgrade.swapping import ONES_OWN, kept_beside, take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["files_of", "upgrade_files"]

_CHUNK = 16  # files that a process is given at a time
# A file, where it is to be written, whether it is copied there if it holds no pickles (one that was named was
# named as pickles), and whether it is the name of a shelf.
_Work = tuple[str, str | None, bool, bool]
_AHEAD = 4  # chunks for each process that are waiting


def files_of(
    sources: Iterable[str | os.PathLike[str]],
    without: str | None = None,
    *,
    left_out: Callable[[Done], object] = lambda done: None,
    entered: Callable[[str, str], object] = lambda folder, name: None,
) -> Iterator[tuple[str, str, bool]]:
    """Every file of `sources`, and its name below the source; of folders all in them, in order.

    With each comes whether it is the name of a shelf: several files have one, which is given once.

    The folder `without`, a real path, is left out, and so is what an upgrade makes beside files. Links to
    folders are not followed, as what they lead to may be anywhere, or be met twice; `left_out` is told of
    them, and of folders that cannot be read. `entered` is told of each folder, and its name below the source,
    before its files are given.
    """
    for source in sources:
        path = os.fspath(source)
        if not os.path.isdir(path):
            yield path, os.path.basename(path), not os.path.exists(path) and _is_shelf(path)
            continue
        for folder, folders, names in os.walk(path, onerror=lambda error: left_out(_unread(error))):
            entered(folder, os.path.relpath(folder, path))
            shelves = shelves_in(folder, names, folders)
            parts = frozenset().union(*shelves.values())
            for name in folders:
                if os.path.islink(os.path.join(folder, name)):
                    left_out(
                        Done(
                            os.path.join(folder, name),
                            "left out",
                            error="a link to a folder is not followed: name it, for what is in there",
                        )
                    )
            folders[:] = sorted(
                name
                for name in folders
                if not _is_ones_own(name)
                and not os.path.islink(os.path.join(folder, name))
                and (without is None or os.path.realpath(os.path.join(folder, name)) != without)
            )
            for name in sorted({*names, *shelves} - parts if shelves else names):
                if not _is_ones_own(name):
                    file = os.path.join(folder, name)
                    yield file, os.path.relpath(file, path), name in shelves


def _is_shelf(path: str) -> bool:
    folder, name = os.path.split(path)
    try:
        with os.scandir(folder or os.curdir) as entries:
            near = [entry.name for entry in entries if entry.name.startswith((name, f".{name}"))]
    except OSError:
        return False
    return name in shelves_in(folder, near, near)


def _is_ones_own(name: str) -> bool:
    return name.startswith(".") and name.endswith(ONES_OWN)


def _unread(error: OSError) -> Done:
    return Done(os.fspath(error.filename), "failed", error=f"nothing in it was read: {error.strerror}")


def upgrade_files(
    sources: Iterable[str | os.PathLike[str]],
    rules: Rules | None = None,
    *,
    to: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    dask: str | None = None,
    dry_run: bool = False,
    again: bool = False,
    keep_old: bool = False,
) -> Iterator[Done]:
    """Upgrade every file of `sources` (files, and folders with all in them), in place or into a folder.

    Gives what became of each, as it is done; memory does not grow with their number. With `jobs`, that many
    processes work; with `dask`, the address of a scheduler, its workers do, which have to see the same files.

    In place, each new file is written beside the old one, verified, and takes its name in one step. The old
    ones are kept until all are done without a failure, and then removed, unless `keep_old` is true. Whatever
    ends this at any time, each name has a whole file: the next run goes on where this one ended. With `to`,
    the files of a folder get the same names below that one, and those that are no pickles are copied; folders
    keep their modes and owners, and nothing is written into the source. One file may also go into a device
    or a pipe that `to` names. A link to a folder is not followed: it is ``left out``.

    Raises ValueError for two sources that would be written into one file of `to`, for a folder that would be
    written into itself, and for an encoding that nobody knows; BlockingIOError where another upgrade of one
    of the sources is at work.
    """
    rules = rules or Rules()
    check_rules(rules)
    work = partial(_one, rules=rules, dry_run=dry_run, again=again, keep_old=keep_old)
    listed = [os.fspath(source) for source in sources]
    for source in listed:
        if to is not None and os.path.isdir(source) and os.path.realpath(source) == os.path.realpath(to):
            raise ValueError(f"{source} would be written into itself: --in-place replaces its files")
    if to is not None and is_device(to) and (len(listed) != 1 or os.path.isdir(listed[0])):
        raise ValueError(f"{to} is no folder, and only one file can be written into it")
    if to is not None and os.path.isfile(to):
        raise ValueError(f"{to} is a file: --to names the folder into which the new files go")
    clean = True
    aside: list[Done] = []
    folders = _Folders(listed, to, dry_run)
    with ExitStack() as locks:
        if not dry_run:
            folders.begin()
            for lock in _locks_of(listed, to):
                locks.enter_context(
                    locked(
                        lock, 0, busy="another upgrade of {} is at work: wait for its end, and run this again"
                    )
                )
        pairs = _targets(listed, to, aside.append, folders.entered)
        for done in chain(_work(work, pairs, jobs, dask), _taken(aside)):
            for one in (*_taken(aside), done):
                clean = clean and one.state != "failed"
                yield one
        folders.end()
        if to is None and not dry_run and clean and not keep_old:
            _finish_all(listed)


def _taken(aside: list[Done]) -> Iterator[Done]:
    while aside:
        yield aside.pop(0)


def _locks_of(sources: list[str], to: Any) -> Iterator[str]:
    """What is locked: where it is written, as a source may be on a disk that nobody can write to."""
    if to is not None and is_device(to):
        return
    seen = set()
    for source in map(os.path.realpath, sources):
        folder, name = (source, "") if os.path.isdir(source) else os.path.split(source)
        if to is not None:
            folder, name = os.fspath(to), name or f"upgrade-{os.path.basename(source)}"
        lock = os.path.join(folder, name or "upgrade")
        if lock not in seen:
            seen.add(lock)
            yield lock


class _Folders:
    """The folders below `to`: made as those of the sources are, with or without files in them."""

    def __init__(self, sources: list[str], to: Any, dry_run: bool) -> None:
        self._sources = sources
        self._to = None if to is None or dry_run or is_device(to) else os.fspath(to)
        self._made: list[tuple[str, str]] = []

    def begin(self) -> None:
        """Make `to` itself: as the one folder that is written into it, if it is not there."""
        if self._to is None or os.path.isdir(self._to):
            return
        os.makedirs(self._to)
        if len(self._sources) == 1 and os.path.isdir(self._sources[0]):
            self._make(self._sources[0], self._to)

    def entered(self, folder: str, name: str) -> None:
        """Make one before its files are written, so that nobody else can read these meanwhile."""
        if self._to is not None and name != os.curdir:
            self._make(folder, os.path.join(self._to, name))

    def _make(self, folder: str, made: str) -> None:
        os.makedirs(made, 0o700, exist_ok=True)
        take_over(folder, made)
        os.chmod(made, os.stat(made).st_mode | stat.S_IRWXU)
        self._made.append((folder, made))

    def end(self) -> None:
        """Their modes and times are those of the sources', now that nothing more is written into them."""
        for folder, made in reversed(self._made):
            take_over(folder, made)


def _targets(
    sources: list[str],
    to: Any,
    left_out: Callable[[Done], object],
    entered: Callable[[str, str], object],
) -> Iterator[_Work]:
    seen: dict[str, str] = {}
    named = set(sources)
    for path, name, shelf in files_of(
        sources, None if to is None else os.path.realpath(to), left_out=left_out, entered=entered
    ):
        if to is None:
            yield path, None, False, shelf
            continue
        target = os.fspath(to) if is_device(to) else os.path.join(os.fspath(to), name)
        if len(sources) > 1 and seen.setdefault(target, path) != path:
            raise ValueError(f"{path} and {seen[target]} would both become {target}")
        yield path, target, path not in named, shelf


def _one(work: _Work, *, rules: Rules, dry_run: bool, again: bool, keep_old: bool) -> Done:
    path, target, copy, shelf = work
    if shelf:
        return upgrade_shelf(path, rules, target, dry_run=dry_run, again=again, keep_old=keep_old)
    return upgrade_file(path, target, rules, dry_run=dry_run, again=again, copy=copy, keep_old=keep_old)


def _several(pairs: list[_Work], work: Callable[[Any], Done]) -> list[Done]:
    return [work(pair) for pair in pairs]


def _work(work: Any, pairs: Iterator[Any], jobs: int, dask: str | None) -> Iterator[Done]:
    if dask is None and jobs <= 1:
        yield from map(work, pairs)
        return
    pool, width = _pool(jobs, dask)
    # Dask would give the result of an equal call that it remembers.
    how = {"pure": False} if dask is not None else {}
    with pool:
        waiting: list[Any] = []
        try:
            while True:
                while len(waiting) < _AHEAD * width and (chunk := list(islice(pairs, _CHUNK))):
                    waiting.append(pool.submit(_several, chunk, work, **how))
                if not waiting:
                    return
                yield from waiting.pop(0).result()
        finally:
            for one in waiting:  # of whoever was interrupted: what has not begun yet does not begin
                one.cancel()


def _pool(jobs: int, dask: str | None) -> tuple[Any, int]:
    if dask is None:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        # A process that was started anew has no threads or locks of this one's in it.
        return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _undisturbed), jobs
    try:
        from distributed import Client
    except ImportError as missing:
        raise ValueError("--dask needs Dask's package distributed: pip install distributed") from missing
    client: Any = Client(dask)  # type: ignore[no-untyped-call]
    return client, max(len(client.scheduler_info()["workers"]), 1)


def _undisturbed() -> None:
    """Ctrl-C goes to all processes of a terminal: it is for the first one, which lets these finish a file."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _finish_all(sources: list[Any]) -> None:
    """Remove what was kept, a folder at a time."""
    held: list[str] = []
    for path, _, _ in files_of(sources):
        if os.path.exists(kept_beside(os.path.realpath(path))):
            held.append(path)
    finish(held)
