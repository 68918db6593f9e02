"""The files of a dbm are replaced all or none, whatever ends the process, and go on from any point."""

import dbm
import dbm.dumb
import importlib
import os
import pickle
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing, suppress

import pytest

from brinery.cli import main
from brinery.upgrade import Rules, swapping, upgrade_dbm, upgrade_files

OLD = b"\x80\x02]q\x00(cUserDict\nUserDict\nK\x01U\x05helloe."
NEW_NAME = b"collections"
COUNT = 150
KINDS = ["dbm.dumb", "dbm.gnu", "dbm.ndbm", "dbm.sqlite3"]


def fill(path, count=COUNT, kind="dbm.dumb"):
    with importlib.import_module(kind).open(str(path), "n") as shelf:
        for i in range(count):
            shelf[str(i)] = OLD + OLD * (i % 5 * 9)  # in one block and in several
        shelf["other"] = b"no pickle"
    return str(path)


def content(path):
    with dbm.open(path, "r") as shelf:
        found = {key: shelf[key] for key in shelf.keys()}  # noqa: SIM118 - a dbm has no iterator
    with suppress(FileNotFoundError):
        if not os.path.getsize(f"{path}-wal"):  # who reads a dbm.sqlite3 leaves that there, and another
            os.unlink(f"{path}-wal")
            os.unlink(f"{path}-shm")
    return found


@pytest.fixture
def whole(tmp_path, kind):
    """What the shelf is, before and after."""
    pytest.importorskip(kind, exc_type=ImportError)
    path = fill(tmp_path / "whole", kind=kind)
    before = content(path)
    assert upgrade_dbm(path, Rules()).state == "replaced"
    after = content(path)
    assert NEW_NAME in after[b"0"]
    assert after[b"other"] == b"no pickle"
    return before, after


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_moment_no_value_is_lost(tmp_path, whole, how, kind):
    """30 real kills of each kind, or as many as BRINERY_KILLS says: old, new, or completed by the next run.

    A dbm of dbm.sqlite3 is upgraded value by value, so each of its values is the old or the new one.
    """
    before, after = whole
    path = str(tmp_path / "shelves" / "big")
    (tmp_path / "shelves").mkdir()
    choose = random.Random(int(how))
    wanted = int(os.environ.get("BRINERY_KILLS", "30")) // 3
    began = time.monotonic()
    names = _filled(path, kind)
    assert upgrade_dbm(path, Rules()).state == "replaced"
    span = (time.monotonic() - began) * 2
    kills = 0
    while kills < wanted:
        shutil.rmtree(tmp_path / "shelves")
        (tmp_path / "shelves").mkdir()
        _filled(path, kind)
        child = os.fork()
        if not child:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                upgrade_dbm(path, Rules())
            finally:
                os._exit(0)
        time.sleep(choose.random() * span)
        os.kill(child, how)
        _, status = os.waitpid(child, 0)
        kills += os.WIFSIGNALED(status) or how == signal.SIGINT
        span = span * (0.9 if not os.WIFSIGNALED(status) and how != signal.SIGINT else 1.02)
        if not swapping.interrupted(path):
            found = content(path)
            assert found.keys() == after.keys()
            assert all(value in (before[key], after[key]) for key, value in found.items())
            assert kind == "dbm.sqlite3" or found in (before, after)
        assert upgrade_dbm(path, Rules()).state in ("replaced", "same", "done before")
        assert content(path) == after
        left = set(os.listdir(tmp_path / "shelves")) - {".big.brinery-lock"}
        assert left == names


def _filled(path, kind):
    """The names of the files of a new one; a dumb one has been opened again, and has its index twice."""
    fill(path, kind=kind)
    if kind == "dbm.dumb":
        shutil.copy(f"{path}.dir", f"{path}.bak")
    return set(os.listdir(os.path.dirname(path)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="ends a forked process")
@pytest.mark.parametrize("kind", ["dbm.dumb", "dbm.gnu", "dbm.ndbm"])
@pytest.mark.parametrize("links", [True, False])
def test_ended_before_and_after_each_step_of_the_swap(tmp_path, kind, links):
    """Random kills seldom meet the renames: the process ends before each call that changes a name."""
    pytest.importorskip(kind, exc_type=ImportError)
    at = 0
    ended = True
    while ended:
        folder = tmp_path / str(at)
        folder.mkdir()
        path = fill(folder / "s", 6, kind)
        if kind == "dbm.dumb":
            shutil.copy(f"{path}.dir", f"{path}.bak")
        before, names = content(path), sorted(os.listdir(folder))
        child = os.fork()
        if not child:
            try:
                _end_at(at, links)
                upgrade_dbm(path, Rules())
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        ended = os.waitstatus_to_exitcode(status) == 77
        assert ended or not status
        if not swapping.interrupted(path):
            found = content(path)
            assert found == before or NEW_NAME in found[b"0"]
        assert main(["upgrade", path, "--in-place"]) == 0
        found = content(path)
        assert found.keys() == before.keys()
        for key, value in found.items():
            assert (NEW_NAME in value) == (OLD in before[key])
        assert [name for name in sorted(os.listdir(folder)) if not name.endswith("-lock")] == names
        at += 1
    assert at > 9


def _end_at(count, links):
    """End this process before its call number `count` that changes names."""
    left = [count]

    def counted(function):
        def call(*arguments, **named):
            if not left[0]:
                os._exit(77)
            left[0] -= 1
            return function(*arguments, **named)

        return call

    for name in ("rename", "replace", "mkdir", "rmdir", "unlink", "link", "fsync"):
        setattr(os, name, counted(getattr(os, name)))
    if not links:

        def no_link(*names):
            raise OSError("not supported")

        os.link = no_link


def test_the_old_files_are_kept_where_that_is_wanted(tmp_path):
    path = fill(tmp_path / "s", 5)
    before = content(path)
    assert main(["upgrade", path, "--in-place", "--keep-old"]) == 0
    assert content(str(tmp_path / ".s.brinery-shelf-old" / "s")) == before
    fill(path, 5)
    done = upgrade_dbm(path, Rules())
    assert done.state == "failed"
    assert "move that folder away" in done.error
    assert content(path) == before


def test_what_was_written_between_an_end_and_the_next_run_is_not_lost(tmp_path):
    path = fill(tmp_path / "s", 5)
    new = swapping.making(path)
    fill(os.path.join(new, "s"), 2)
    swapping.decide(path, new)
    os.mkdir(swapping.kept_shelf(path))
    os.rename(f"{path}.dir", os.path.join(swapping.kept_shelf(path), "s.dir"))
    (tmp_path / "s.dir").write_text("'another', (0, 3)\n")
    done = upgrade_dbm(path, Rules())
    assert done.state == "failed"
    assert "written by another program" in done.error
    assert "another" in (tmp_path / "s.dir").read_text()
    assert upgrade_dbm(path, Rules(), dry_run=True).state == "failed"


@pytest.mark.skipif(not hasattr(os, "chown"), reason="no modes and owners")
def test_mode_and_owner_stay(tmp_path):
    path = fill(tmp_path / "s", 5)
    shutil.copy(f"{path}.dir", f"{path}.bak")
    names = [path + suffix for suffix in (".dat", ".dir", ".bak")]
    for name in names:
        os.chmod(name, 0o600)
        if os.geteuid() == 0:
            os.chown(name, 1000, 1001)
    wanted = [_rights(name) for name in names]
    assert upgrade_dbm(path, Rules()).state == "replaced"
    assert [_rights(name) for name in names] == wanted
    assert upgrade_dbm(path, Rules(), tmp_path / "new").state == "written"
    if dbm.whichdb(str(tmp_path / "new")) == "dbm.dumb":  # of what kind it is, the running Python says
        assert [_rights(f"{tmp_path}/new{suffix}") for suffix in (".dat", ".dir")] == wanted[:2]


def _rights(path):
    status = os.stat(path)
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_shelves_in_folders_are_upgraded_as_those_given_alone(tmp_path, kind, jobs):
    pytest.importorskip(kind, exc_type=ImportError)
    source = tmp_path / "in" / "deep"
    source.mkdir(parents=True)
    path = fill(source / "s", 5, kind)
    (source / "a.pickle").write_bytes(OLD)
    if kind == "dbm.dumb":
        shutil.copy(f"{path}.dir", f"{path}.bak")
    before, names = content(path), sorted(os.listdir(source))
    dry = upgrade_files([tmp_path / "in"], dry_run=True, jobs=jobs)
    assert [one.state for one in dry] == ["same"] * 2
    assert content(path) == before
    out = tmp_path / "out"
    for wanted in ("written", "done before"):
        done = list(upgrade_files([tmp_path / "in"], to=out, jobs=jobs))
        assert {one.path: one.state for one in done}[path] == "written"
        assert wanted in [one.state for one in done]
        assert dbm.whichdb(str(out / "deep" / "s")) == kind
    assert content(path) == before
    assert sorted(one.state for one in upgrade_files([tmp_path / "in"], jobs=jobs)) == ["replaced"] * 2
    after = content(path)
    assert content(str(out / "deep" / "s")) == after
    assert all((NEW_NAME in after[key]) == (OLD in value) for key, value in before.items())
    assert sorted(os.listdir(source)) == names
    assert sorted(one.state for one in upgrade_files([tmp_path / "in"], jobs=jobs)) == ["same"] * 2


def test_a_shelf_of_which_the_upgrade_was_interrupted_is_gone_on_with_in_its_folder(tmp_path):
    path = fill(tmp_path / "s", 5)
    new = swapping.making(path)
    fill(os.path.join(new, "s"), 2)
    after = content(os.path.join(new, "s"))
    swapping.decide(path, new)
    os.mkdir(swapping.kept_shelf(path))
    for end in (".dir", ".dat"):
        os.rename(f"{path}{end}", os.path.join(swapping.kept_shelf(path), f"s{end}"))
    [done] = upgrade_files([tmp_path], dry_run=True)
    assert done.state == "failed"
    [done] = upgrade_files([tmp_path])
    assert done.state == "replaced"
    assert content(path).keys() == after.keys()


def test_what_only_looks_like_a_dumb_database_is_files(tmp_path):
    (tmp_path / "a.dat").write_bytes(OLD)
    (tmp_path / "a.dir").write_bytes(b"")
    (tmp_path / "b.dat").write_bytes(OLD)
    (tmp_path / "b.dir").write_bytes(b"no index")
    assert [done.state for done in upgrade_files([tmp_path])] == ["replaced", "other"] * 2
    assert NEW_NAME in (tmp_path / "a.dat").read_bytes()


def test_a_shelf_that_this_python_cannot_open_fails_alone(tmp_path, monkeypatch):
    (tmp_path / "a.db").write_bytes((0x13579ACE).to_bytes(4, sys.byteorder) + bytes(60))
    (tmp_path / "b.pickle").write_bytes(OLD)
    monkeypatch.setitem(sys.modules, "_gdbm", None)
    monkeypatch.delitem(sys.modules, "dbm.gnu", raising=False)
    monkeypatch.setattr(dbm, "_modules", {})
    for to in (None, tmp_path / "out"):
        done = list(upgrade_files([tmp_path], to=to))
        assert done[0].state == "failed"
        assert "dbm.gnu" in done[0].error


def test_a_copy_of_a_shelf_elsewhere_is_written_over(tmp_path):
    (tmp_path / "in").mkdir()
    path = fill(tmp_path / "in" / "s", 5)
    shutil.copytree(tmp_path / "in", tmp_path / "out")
    assert [done.state for done in upgrade_files([tmp_path / "in"], to=tmp_path / "out")] == ["written"]
    assert NEW_NAME in content(str(tmp_path / "out" / "s"))[b"0"]
    with dbm.open(str(tmp_path / "out" / "s"), "w") as shelf:
        shelf["0"] = b"another's"
    assert [done.state for done in upgrade_files([tmp_path / "in"], to=tmp_path / "out")] == ["failed"]
    assert content(str(tmp_path / "out" / "s"))[b"0"] == b"another's"
    assert OLD in content(path)[b"0"]


def test_a_database_with_pickles_in_a_folder_is_named_and_the_command_fails(tmp_path, capsys):
    for name, value in (("with.db", OLD), ("without.db", b"text")):
        with closing(sqlite3.connect(tmp_path / name)) as database, database:
            database.execute("CREATE TABLE t (c BLOB)")
            database.execute("INSERT INTO t VALUES (?)", (value,))
    assert main(["upgrade", str(tmp_path), "--in-place"]) == 1
    error = capsys.readouterr().err
    assert "with.db: left as it is: an SQLite database with pickles in t.c" in error
    assert "--column" in error
    assert "without.db" not in error


def test_a_shelf_by_links_is_replaced_where_it_is(tmp_path):
    (tmp_path / "real").mkdir()
    path = fill(tmp_path / "real" / "s", 5)
    for suffix in (".dat", ".dir"):
        os.symlink(path + suffix, tmp_path / f"link{suffix}")
    assert upgrade_dbm(tmp_path / "link", Rules()).state == "replaced"
    assert (tmp_path / "link.dat").is_symlink()
    assert NEW_NAME in content(path)[b"0"]


def test_the_command_killed_goes_on(tmp_path):
    """As in a shell: by its name, and by SIGKILL."""
    path = fill(tmp_path / "s", 3000)
    command = [sys.executable, "-m", "brinery", "upgrade", path, "--in-place"]
    with subprocess.Popen(command) as running:
        while running.poll() is None and not (tmp_path / ".s.brinery-shelf-new").exists():
            time.sleep(0.01)
        running.kill()
    subprocess.run(command, check=True, capture_output=True)
    values = content(path)
    assert sum(NEW_NAME in value for value in values.values()) == 3000
    assert pickle.loads(values[b"0"])[1:] == [1, "hello"]
