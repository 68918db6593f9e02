"""Many files: in this process, in several, or on a Dask cluster; interrupted, and gone on with."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from brinery.files import is_device
from brinery.locking import locked
from brinery.upgrade.files import Done, finish, kept_beside, upgrade_file
from brinery.upgrade.rules import Rules, check_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["files_of", "upgrade_files"]

_CHUNK = 16  # files that a process is given at a time
# A file, where it is to be written, and whether it is copied there if it holds no pickles: one that was named
# was named as pickles.
_Work = tuple[str, str | None, bool]
_AHEAD = 4  # chunks for each process that are waiting


def files_of(
    sources: Iterable[str | os.PathLike[str]], without: str | None = None
) -> Iterator[tuple[str, str]]:
    """Every file of `sources`, and its name below the source; of folders all in them, in order.

    The folder `without`, a real path, is left out. Files whose names begin with a dot and end as those of an
    upgrade do are left out, too; links are not followed into other folders.
    """
    for source in sources:
        path = os.fspath(source)
        if not os.path.isdir(path):
            yield path, os.path.basename(path)
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(
                name
                for name in folders
                if without is None or os.path.realpath(os.path.join(folder, name)) != without
            )
            for name in sorted(names):
                if not (
                    name.startswith(".")
                    and name.endswith((".brinery-old", ".brinery-old.new", ".brinery-new", ".lock"))
                ):
                    file = os.path.join(folder, name)
                    yield file, os.path.relpath(file, path)


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
    the files of a folder get the same names below that one, and those that are no pickles are copied; one
    file may also go into a device or a pipe that `to` names.

    Raises ValueError for two sources that would be written into one file of `to`, for a folder that would be
    written into itself, and for an encoding that nobody knows; BlockingIOError where another upgrade of one
    of the sources is at work.
    """
    rules = rules or Rules()
    check_rules(rules)
    work = partial(_one, rules=rules, dry_run=dry_run, again=again)
    listed = [os.fspath(source) for source in sources]
    for source in listed:
        if to is not None and os.path.isdir(source) and os.path.realpath(source) == os.path.realpath(to):
            raise ValueError(f"{source} would be written into itself: --in-place replaces its files")
    if to is not None and is_device(to) and (len(listed) != 1 or os.path.isdir(listed[0])):
        raise ValueError(f"{to} is no folder, and only one file can be written into it")
    if to is not None and os.path.isfile(to):
        raise ValueError(f"{to} is a file: --to names the folder into which the new files go")
    clean = True
    with ExitStack() as locks:
        for source in () if dry_run else listed:
            locks.enter_context(
                locked(os.path.join(source, "upgrade") if os.path.isdir(source) else source, 0)
            )
        for done in _work(work, _targets(listed, to), jobs, dask):
            clean = clean and done.state != "failed"
            yield done
        if to is None and not dry_run and clean and not keep_old:
            _finish_all(listed)


def _targets(sources: list[str], to: Any) -> Iterator[_Work]:
    seen: dict[str, str] = {}
    named = set(sources)
    for path, name in files_of(sources, None if to is None else os.path.realpath(to)):
        if to is None:
            yield path, None, False
            continue
        target = os.fspath(to) if is_device(to) else os.path.join(os.fspath(to), name)
        if len(sources) > 1 and seen.setdefault(target, path) != path:
            raise ValueError(f"{path} and {seen[target]} would both become {target}")
        yield path, target, path not in named


def _one(pair: _Work, *, rules: Rules, dry_run: bool, again: bool) -> Done:
    path, target, copy = pair
    return upgrade_file(path, target, rules, dry_run=dry_run, again=again, copy=copy)


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
        while True:
            while len(waiting) < _AHEAD * width and (chunk := list(islice(pairs, _CHUNK))):
                waiting.append(pool.submit(_several, chunk, work, **how))
            if not waiting:
                return
            yield from waiting.pop(0).result()


def _pool(jobs: int, dask: str | None) -> tuple[Any, int]:
    if dask is None:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        # A process that was started anew has no threads or locks of this one's in it.
        return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")), jobs
    try:
        from distributed import Client
    except ImportError as missing:
        raise ValueError("--dask needs Dask's package distributed: pip install distributed") from missing
    client: Any = Client(dask)  # type: ignore[no-untyped-call]
    return client, max(len(client.scheduler_info()["workers"]), 1)


def _finish_all(sources: list[Any]) -> None:
    """Remove what was kept, a folder at a time."""
    held: list[str] = []
    for path, _ in files_of(sources):
        if os.path.exists(kept_beside(os.path.realpath(path))):
            held.append(path)
    finish(held)
