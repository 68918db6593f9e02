"""The lock of dump_file, with forks and other users."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

import brinery
from brinery.locking import locked

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there are no forks, and locks of another kind")


def is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


@POSIX
def test_a_forked_child_does_not_hold_it(tmp_path: Path) -> None:
    path = tmp_path / "data.pickle"
    with locked(path, 0):
        child = os.fork()
        if not child:
            time.sleep(30)
            os._exit(0)
    try:
        brinery.dump_file([1], path, lock=0)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


@POSIX
def test_a_child_leaves_its_parents_lock(tmp_path: Path) -> None:
    path = tmp_path / "data.pickle"
    child = 0
    with locked(path, 0):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            with pytest.raises(BlockingIOError), locked(path, 0):
                pass
    if not child:
        os._exit(0)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not is_root(), reason="only root can be another user")
def test_another_user_who_may_read_it_waits_for_it(tmp_path: Path) -> None:
    folder = tmp_path
    for each in (folder, *folder.parents[:3]):
        if os.stat(each).st_uid == os.geteuid() and str(each) != "/tmp":
            os.chmod(each, 0o777)
    path = folder / "data.pickle"
    lock = folder / ".data.pickle.brinery-lock"
    lock.touch()
    os.chmod(lock, 0o644)  # what another user left there
    assert in_child(path) == 0
    lock.touch()
    os.chmod(lock, 0o600)
    assert in_child(path) == 2


def in_child(path: Path) -> int:
    """What comes of dump_file for somebody else: 0 it wrote, 1 another error, 2 an error that teaches."""
    child = os.fork()
    if not child:
        code = 1
        try:
            os.setuid(65534)
            brinery.dump_file([1], path, lock=0)
            code = 0
        except PermissionError as refused:
            code = 2 if "permission to write in the folder" in " ".join(refused.__notes__) else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
