"""Files are upgraded whole or not at all, whatever they are packed in, and whatever ends the process."""

import bz2
import gzip
import importlib.util
import io
import lzma
import os
import pickle
import random
import signal
import stat
import subprocess
import sys
import threading
import time
import zipfile
import zlib

import pytest

from brinery.upgrade import Rules, upgrade_file, upgrade_files

OLD = b"\x80\x02]q\x00(U\x04caf\xe9q\x01c__builtin__\nset\nq\x02]q\x03K\x01a\x85Re."
MEANS = ["café", {1}]
LATIN = Rules(encoding="latin1")


@pytest.mark.parametrize(
    ("pack", "unpack"),
    [
        (bytes, bytes),
        (gzip.compress, gzip.decompress),
        (bz2.compress, bz2.decompress),
        (lzma.compress, lzma.decompress),
        (zlib.compress, zlib.decompress),
        (lambda data: lzma.compress(data, lzma.FORMAT_ALONE), lzma.decompress),
    ],
    ids=["plain", "gzip", "bzip2", "xz", "zlib", "lzma"],
)
def test_what_is_compressed_stays_compressed(tmp_path, pack, unpack):
    file = tmp_path / "old.pickle"
    file.write_bytes(pack(OLD * 3))
    done = upgrade_file(file, None, LATIN)
    assert (done.state, done.changes.pickles, done.changes.text) == ("replaced", 3, 3)
    assert done.changes.renamed == {("__builtin__:set", "builtins:set"): 3}
    stream = io.BytesIO(unpack(file.read_bytes()))
    assert [pickle.load(stream) for _ in range(3)] == [MEANS] * 3


def test_archives_keep_their_other_members(tmp_path):
    file = tmp_path / "model.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/data.pkl", OLD)
        archive.writestr("model/data/0", b"\x00" * 1000)
        archive.writestr(zipfile.ZipInfo("model/version"), "3\n", zipfile.ZIP_DEFLATED)
    assert upgrade_file(file, None, LATIN).state == "replaced"
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["model/data.pkl", "model/data/0", "model/version"]
        assert pickle.loads(archive.read("model/data.pkl")) == MEANS
        assert archive.read("model/data/0") == b"\x00" * 1000
        assert archive.getinfo("model/version").compress_type == zipfile.ZIP_DEFLATED


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b"", "other"),
        (b"<html>", "other"),
        (b"SQLite format 3\x00", "other"),
        (OLD[:-3], "failed"),
        (OLD + b"\xff", "failed"),
        (b"\x80\x02U\x01\xe9.", "failed"),
        (b"\x80\x04\x8c\x01a\x8c\x01b\x86\x8c\x01c\x93.", "failed"),
    ],
)
def test_what_cannot_be_upgraded_is_left_as_it_is(tmp_path, content, state):
    file = tmp_path / "file"
    file.write_bytes(content)
    done = upgrade_file(file, None, Rules())
    assert (done.state, bool(done.error)) == (state, True)
    assert file.read_bytes() == content
    assert os.listdir(tmp_path) == ["file"]


def test_folders_go_into_folders(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.pickle", "deep/b.pickle"):
        (tmp_path / "in" / name).write_bytes(OLD)
    states = [done.state for done in upgrade_files([tmp_path / "in"], LATIN, to=tmp_path / "out")]
    assert states == ["written"] * 2
    assert pickle.loads((tmp_path / "out" / "deep" / "b.pickle").read_bytes()) == MEANS
    assert (tmp_path / "in" / "a.pickle").read_bytes() == OLD
    assert [done.state for done in upgrade_files([tmp_path / "in"], LATIN, to=tmp_path / "out")] == [
        "done before"
    ] * 2
    again = upgrade_files([tmp_path / "in"], LATIN, to=tmp_path / "out", again=True)
    assert [done.state for done in again] == ["written"] * 2


def test_in_place_the_old_ones_are_kept_until_all_are_done(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.pickle").write_bytes(OLD)
    (tmp_path / "9.pickle").write_bytes(OLD[:-1])
    states = [done.state for done in upgrade_files([tmp_path], LATIN)]
    assert states == ["replaced", "replaced", "replaced", "failed"]
    assert (tmp_path / ".0.pickle.brinery-old").read_bytes() == OLD  # one has failed
    (tmp_path / "9.pickle").write_bytes(OLD)
    states = [done.state for done in upgrade_files([tmp_path], LATIN)]
    assert states == ["done before"] * 3 + ["replaced"]
    assert sorted(os.listdir(tmp_path)) == ["0.pickle", "1.pickle", "2.pickle", "9.pickle"]
    assert [done.state for done in upgrade_files([tmp_path], LATIN)] == ["same"] * 4


def test_permissions_and_links_stay(tmp_path):
    file = tmp_path / "real.pickle"
    file.write_bytes(OLD)
    file.chmod(0o640)
    (tmp_path / "link.pickle").symlink_to(file)
    assert upgrade_file(tmp_path / "link.pickle", None, LATIN).state == "replaced"
    assert (tmp_path / "link.pickle").is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert pickle.loads(file.read_bytes()) == MEANS


def test_several_processes(tmp_path):
    for i in range(40):
        (tmp_path / f"{i}.pickle").write_bytes(OLD)
    done = list(upgrade_files([tmp_path], LATIN, jobs=2))
    assert len(done) == 40
    assert {one.state for one in done} == {"replaced"}
    assert all(pickle.loads(path.read_bytes()) == MEANS for path in tmp_path.iterdir())


def test_workers_of_dask(tmp_path):
    """In a process of its own: Dask registers reducers in copyreg for exceptions, so it is not imported here.

    With these, an exception is pickled otherwise the second time than the first, by C pickle too.
    """
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("needs distributed")
    for i in range(40):
        (tmp_path / f"{i}.pickle").write_bytes(OLD)
    program = (
        "from distributed import LocalCluster\n"
        "from brinery.cli import main\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(1, processes=False, dashboard_address=None) as cluster:\n"
        f"        assert not main(['upgrade', {str(tmp_path)!r}, '--in-place', '--encoding', 'latin1',"
        " '--dask', cluster.scheduler_address])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert "40 files: 40 replaced" in run.stdout, run.stderr
    assert all(pickle.loads(path.read_bytes()) == MEANS for path in tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_killed_at_any_point_nothing_is_lost(tmp_path):
    """200 real kills: after each, every name has a whole file, and in the end all are upgraded."""
    choose = random.Random(18)
    count = 12
    names = [f"{i}.pickle" for i in range(count)]
    began = time.monotonic()
    list(_run(tmp_path / "warm", names[:3]))
    folder = tmp_path / "files"
    span = 0.02
    kills = interrupted = 0
    while kills < 200:
        if not folder.exists() or not any((folder / name).read_bytes() == OLD for name in names):
            _fill(folder, names)
        child = os.fork()
        if not child:
            try:
                for _ in upgrade_files([folder], LATIN):
                    pass
            finally:
                os._exit(0)
        time.sleep(choose.random() * span)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        kills += os.WIFSIGNALED(status)
        # Ended before it was killed: the next is killed earlier.
        span = span * 0.9 if not os.WIFSIGNALED(status) else min(span * 1.02, 0.5)
        states = {name: (folder / name).read_bytes() for name in names}
        new = [name for name in names if states[name] != OLD]
        interrupted += 0 < len(new) < count
        for name in new:
            assert pickle.loads(states[name]) == MEANS
        if interrupted % 7 == 3:
            list(upgrade_files([folder], LATIN))
    assert interrupted > 20
    list(upgrade_files([folder], LATIN))
    assert sorted(names) == sorted(name for name in os.listdir(folder) if not name.endswith(".brinery-new"))
    assert all(pickle.loads((folder / name).read_bytes()) == MEANS for name in names)
    assert time.monotonic() - began < 120


def _fill(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name in names:
        (folder / name).write_bytes(OLD)


def _run(folder, names):
    _fill(folder, names)
    return upgrade_files([folder], LATIN)


def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    import tracemalloc

    for i in range(600):
        (tmp_path / f"{i:04}.pickle").write_bytes(OLD)
    peaks = []
    tracemalloc.start()
    for number, _ in enumerate(upgrade_files([tmp_path], LATIN, keep_old=True)):
        if number in (99, 599):
            peaks.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert peaks[1] - peaks[0] < 100_000, sys.version


class TestDevicesAndPipes:
    """Written into when all is verified, and never replaced by a file."""

    def test_a_pipe(self, tmp_path):
        file, pipe = tmp_path / "old.pickle", tmp_path / "pipe"
        file.write_bytes(OLD)
        os.mkfifo(pipe)
        found = []
        reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
        reader.start()
        (done,) = upgrade_files([file], LATIN, to=pipe)
        reader.join(30)
        assert done.state == "written"
        assert pickle.loads(found[0]) == MEANS
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert sorted(one.name for one in tmp_path.iterdir()) == ["old.pickle", "pipe"]

    def test_a_pipe_is_not_opened_for_what_fails(self, tmp_path):
        """Nobody reads from it: opening it would wait for ever."""
        file, pipe = tmp_path / "old.pickle", tmp_path / "pipe"
        os.mkfifo(pipe)
        file.write_bytes(OLD[:-3])
        assert upgrade_file(file, pipe, LATIN).state == "failed"
        file.write_bytes(b"text")
        assert upgrade_file(file, pipe, LATIN).state == "other"

    def test_a_device(self, tmp_path):
        file = tmp_path / "old.pickle"
        file.write_bytes(OLD)
        terminal, device = os.openpty()
        try:
            name = os.ttyname(device)
            assert upgrade_file(file, name, LATIN, again=True).state == "written"
            assert stat.S_ISCHR(os.stat(name).st_mode)
            assert os.read(terminal, 1) == b"\x80"
        finally:
            os.close(terminal)
            os.close(device)

    def test_standard_output(self, tmp_path):
        """What /dev/stdout leads to has no name in a pipeline; and what is told goes elsewhere."""
        file = tmp_path / "old.pickle"
        file.write_bytes(OLD)
        command = [sys.executable, "-m", "brinery", "upgrade", str(file), "--to", "/dev/stdout"]
        done = subprocess.run([*command, "--encoding", "latin1"], capture_output=True, check=True)
        assert pickle.loads(done.stdout) == MEANS
        assert b"1 file" in done.stderr

    def test_only_one_file(self, tmp_path):
        for name in ("a", "b"):
            (tmp_path / name).write_bytes(OLD)
        os.mkfifo(pipe := tmp_path / "pipe")
        for sources in ([tmp_path / "a", tmp_path / "b"], [tmp_path]):
            with pytest.raises(ValueError, match="only one file can be written into it"):
                list(upgrade_files(sources, LATIN, to=pipe))

    def test_a_file_is_no_folder(self, tmp_path):
        for name in ("a", "b"):
            (tmp_path / name).write_bytes(OLD)
        with pytest.raises(ValueError, match="is a file"):
            list(upgrade_files([tmp_path / "a"], LATIN, to=tmp_path / "b"))
        assert (tmp_path / "b").read_bytes() == OLD


def test_an_empty_file_is_no_pickle(tmp_path):
    file = tmp_path / "empty.pickle"
    file.write_bytes(b"")
    done = upgrade_file(file, None, LATIN)
    assert (done.state, done.error) == ("other", "the file is empty")
    (done,) = upgrade_files([file], LATIN, to=tmp_path / "new")
    assert done.state == "other"
    assert not (tmp_path / "new" / "empty.pickle").exists()
