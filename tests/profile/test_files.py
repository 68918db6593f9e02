"""dump_file writes a file whole or not at all."""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import os
import pickle
import stat
import subprocess
import sys
import threading
import zlib
from fractions import Fraction
from pathlib import Path

import pytest
from throwaway import declaring

import brinery
from brinery import Profile, Reducer
from brinery.files import written_whole
from brinery.stream.packing import choose, packed


def test_a_file_holds_what_dump_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.pickle"
    brinery.dump_file({"a": range(3)}, path, 2)
    assert path.read_bytes() == pickle.dumps({"a": range(3)}, 2)
    assert brinery.load_file(path) == brinery.load_file(str(path)) == {"a": range(3)}
    brinery.dump_file({"a": range(3)}, path, 2, fix_imports=False)
    assert path.read_bytes() == pickle.dumps({"a": range(3)}, 2, fix_imports=False)


def test_a_file_of_python_2_is_read_as_load_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(b"U\x02\xc3\xa9.")
    assert brinery.load_file(path, encoding="utf-8") == "é"
    assert brinery.load_file(path, encoding="bytes") == b"\xc3\xa9"
    assert brinery.load_file(path, errors="ignore") == ""
    path.write_bytes(b"c__builtin__\nxrange\n.")
    assert brinery.load_file(path) is range
    with pytest.raises(ModuleNotFoundError):
        brinery.load_file(path, fix_imports=False)


@pytest.mark.parametrize("before", [None, b"as it was"])
def test_a_dump_that_fails_changes_nothing_and_leaves_nothing_behind(
    tmp_path: Path, before: bytes | None
) -> None:
    path = tmp_path / "a.pickle"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(TypeError, match="cannot pickle"):
        brinery.dump_file(["x" * 1_000_000, threading.Lock()], path)
    with pytest.raises(KeyboardInterrupt), written_whole(path):
        raise KeyboardInterrupt
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == ([before] if before is not None else [])


def test_nobody_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(b"old")
    with written_whole(path) as file:
        file.write(b"new, first half")
        file.flush()
        assert path.read_bytes() == b"old"
        file.write(b", second half")
    assert path.read_bytes() == b"new, first half, second half"


def test_the_content_is_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(descriptor: int) -> None:
        done.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")
        fsync(descriptor)

    def recorded_replace(old: str, new: str) -> None:
        done.append("rename")
        assert os.path.dirname(old) == os.path.dirname(new)
        replace(old, new)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    brinery.dump_file(1, tmp_path / "a.pickle")
    assert done == ["content", "rename", "directory"]


def test_an_existing_files_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(b"")
    path.chmod(0o640)
    brinery.dump_file(1, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_gets_the_permissions_that_open_gives(tmp_path: Path) -> None:
    (tmp_path / "opened").write_bytes(b"")
    brinery.dump_file(1, tmp_path / "dumped")
    assert (tmp_path / "dumped").stat().st_mode == (tmp_path / "opened").stat().st_mode


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"")
    (tmp_path / "link").symlink_to("real")
    brinery.dump_file([1], tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert brinery.load_file(tmp_path / "real") == [1]


def test_a_bare_name_is_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    brinery.dump_file([1], "a.pickle")
    assert brinery.load_file("a.pickle") == [1]


def test_a_long_name_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250)
    brinery.dump_file([1], path)
    assert brinery.load_file(path) == [1]


@pytest.mark.parametrize("name", ["漢" * 80, "𐍈" * 60])
def test_a_long_name_counts_in_bytes(tmp_path: Path, name: str) -> None:
    brinery.dump_file([1], tmp_path / name)
    assert brinery.load_file(tmp_path / name) == [1]
    assert os.listdir(tmp_path) == [name]


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
def test_what_is_closed_to_others_is_so_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pickle"
    path.write_bytes(b"")
    path.chmod(0o600)
    modes = []
    chmod = os.chmod

    def watched(where: str, mode: int) -> None:
        modes.append(stat.S_IMODE(os.stat(where).st_mode))
        chmod(where, mode)

    monkeypatch.setattr(os, "chmod", watched)
    brinery.dump_file(1, path)
    assert modes == [0o600]


def test_buffers_and_profiles_are_passed_on(tmp_path: Path) -> None:
    path = tmp_path / "a.pickle"
    buffers: list[pickle.PickleBuffer] = []
    brinery.dump_file(pickle.PickleBuffer(b"data"), path, 5, buffer_callback=buffers.append)
    assert bytes(brinery.load_file(path, buffers=buffers)) == b"data"
    profile = Profile([declaring("p", Reducer(Fraction, lambda obj: (str, ("reduced",))))])
    brinery.dump_file(Fraction(1), path, profile=profile)
    assert brinery.load_file(path, profile=profile) == "reduced"


class TestSeveralPickles:
    def test_load_all_gives_each_and_load_file_the_first(self, tmp_path):
        path = tmp_path / "log"
        path.write_bytes(pickle.dumps([1]) + pickle.dumps("two", 2) + pickle.dumps(3, 0))
        assert list(brinery.load_all(path)) == [[1], "two", 3]
        assert brinery.load_file(path) == [1]

    def test_an_empty_file_has_none(self, tmp_path):
        (tmp_path / "empty").write_bytes(b"")
        assert list(brinery.load_all(tmp_path / "empty")) == []

    def test_an_empty_file_is_told_apart(self, tmp_path):
        """It has no object to load, and the reason is another than damage."""
        (tmp_path / "empty").write_bytes(b"")
        with pytest.raises(EOFError, match="Ran out of input") as caught:
            brinery.load_file(tmp_path / "empty")
        notes = " ".join(caught.value.__notes__)
        assert "the file has nothing in it" in notes
        assert "empty" in notes

    def test_those_before_a_fault_are_there(self, tmp_path):
        path = tmp_path / "torn"
        path.write_bytes(pickle.dumps(1) + pickle.dumps([2])[:-1])
        found = brinery.load_all(path)
        assert next(found) == 1
        with pytest.raises((EOFError, pickle.UnpicklingError)):
            next(found)


class TestCompression:
    @pytest.mark.parametrize(
        ("suffix", "module"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)], ids=["gzip", "bzip2", "xz"]
    )
    def test_the_suffix_chooses_and_the_content_is_recognised(self, tmp_path, suffix, module):
        path = tmp_path / f"data.pickle{suffix}"
        brinery.dump_file(["x"] * 1000, path)
        with module.open(path) as file:
            assert pickle.load(file) == ["x"] * 1000
        other = path.rename(tmp_path / "renamed")
        assert brinery.load_file(other) == ["x"] * 1000
        assert list(brinery.load_all(other)) == [["x"] * 1000]

    def test_it_may_be_said(self, tmp_path):
        brinery.dump_file([1], tmp_path / "a", compress="gzip")
        assert gzip.decompress((tmp_path / "a").read_bytes()) == brinery.dumps([1])
        brinery.dump_file([1], tmp_path / "b.gz", compress="none")
        assert (tmp_path / "b.gz").read_bytes() == brinery.dumps([1])

    def test_equal_objects_give_equal_files(self, tmp_path):
        brinery.dump_file([1], tmp_path / "a.gz")
        brinery.dump_file([1], tmp_path / "b.gz")
        assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()

    def test_a_name_that_is_none_is_refused_before_anything_is_written(self, tmp_path):
        with pytest.raises(ValueError, match="'infer' or one of 'none', 'gzip'"):
            brinery.dump_file([1], tmp_path / "a", compress="zip")
        assert list(tmp_path.iterdir()) == []

    def test_a_failure_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "a.gz"
        brinery.dump_file([1], path)
        with pytest.raises(TypeError):
            brinery.dump_file([1, (n for n in "x")], path)
        assert brinery.load_file(path) == [1]
        assert list(tmp_path.iterdir()) == [path]


def every_way() -> list[str]:
    """The suffixes of what can be done here."""
    found = [".gz", ".bz2", ".xz"]
    for suffix, modules in ((".zst", ("compression.zstd", "backports.zstd")), (".lz4", ("lz4.frame",))):
        for module in modules:
            try:
                importlib.import_module(module)
            except ImportError:
                continue
            found.append(suffix)
            break
    return found


class TestDamage:
    """A compressed file is read to its end, behind the pickle, where its check sum stands."""

    @pytest.fixture(params=every_way())
    def path(self, request, tmp_path):
        path = tmp_path / f"a{request.param}"
        brinery.dump_file(os.urandom(300_000), path)
        return path

    def test_a_file_that_is_whole(self, path):
        assert len(brinery.load_file(path)) == 300_000
        assert [len(one) for one in brinery.load_all(path)] == [300_000]

    @pytest.mark.parametrize("progress", [None, lambda done, size: None])
    @pytest.mark.parametrize("cut", [1, 4, 9])
    def test_one_that_is_cut_short_is_an_error(self, path, cut, progress):
        path.write_bytes(path.read_bytes()[:-cut])
        with pytest.raises(Exception, match=r"(?i)end") as error:
            brinery.load_file(path, progress=progress)
        assert any(str(path) in note for note in error.value.__notes__)
        with pytest.raises(Exception, match=r"(?i)end"):
            list(brinery.load_all(path, progress=progress))

    def test_a_check_sum_that_differs_is_an_error(self, path):
        data = bytearray(path.read_bytes())
        at = -6 if path.suffix == ".gz" else len(data) // 2
        data[at] ^= 0xFF
        path.write_bytes(data)
        with pytest.raises(Exception):  # noqa: B017, PT011 - each decompressor has its own
            brinery.load_file(path)
        with pytest.raises(Exception):  # noqa: B017, PT011
            list(brinery.load_all(path))

    def test_zlib(self, tmp_path):
        path = tmp_path / "a"
        data = zlib.compress(pickle.dumps(os.urandom(1000)))
        path.write_bytes(data)
        assert len(brinery.load_file(path)) == 1000
        path.write_bytes(data[:-1])
        with pytest.raises(EOFError, match="ends before its end"):
            brinery.load_file(path)


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(ValueError, match="pip install lz4"):
        brinery.dump_file(1, tmp_path / "a.lz4")
    (tmp_path / "b").write_bytes(b"\x04\x22\x4d\x18\x40\x40\xc0\0\0\0\0")
    with pytest.raises(ValueError, match="pip install lz4") as error:
        brinery.load_file(tmp_path / "b")
    assert str(tmp_path / "b") in error.value.__notes__[-1]


@pytest.mark.parametrize("suffix", ["", *every_way()])
@pytest.mark.parametrize("progress", [None, lambda done, size: None])
def test_an_error_of_load_all_says_which_pickle_it_is(tmp_path, suffix, progress):
    path = tmp_path / f"a{suffix}"
    data = pickle.dumps([1, 2, 3]) * 2
    with open(path, "wb") as whole, packed(whole, choose(path, "infer")) as file:
        file.write(data + b"\x80\x04]\x8c\x02\xff\xffa.")
    loading = brinery.load_all(path, progress=progress)
    assert [next(loading), next(loading)] == [[1, 2, 3]] * 2
    with pytest.raises(UnicodeDecodeError) as error:
        next(loading)
    assert error.value.pickle_offset == 3
    notes = error.value.__notes__
    begin = len(data)
    assert (
        f"in pickle 3, which begins at offset {begin}, so it failed at offset {begin + 3} of the file"
        in notes
    )


class TestProgress:
    def test_of_a_load_ends_with_the_whole(self, tmp_path):
        path = tmp_path / "data"
        brinery.dump_file([str(i) for i in range(200_000)], path)
        seen = []
        brinery.load_file(path, progress=lambda done, size: seen.append((done, size)))
        assert seen == sorted(set(seen))
        assert seen[-1] == (path.stat().st_size,) * 2

    def test_of_a_dump_ends_with_what_was_written(self, tmp_path):
        path = tmp_path / "data"
        seen = []
        brinery.dump_file([str(i) for i in range(100_000)], path, progress=lambda *done: seen.append(done))
        assert seen[-1] == (path.stat().st_size, None)


HOLDER = """
import sys, time
from brinery.locking import locked
with locked(sys.argv[1], 0):
    print("held", flush=True)
    time.sleep(60)
"""


class TestLock:
    @pytest.fixture
    def held(self, tmp_path):
        """A file that another process has locked, and that process."""
        path = tmp_path / "data"
        with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE) as holder:
            assert holder.stdout.readline() == b"held\n"
            yield path, holder
            holder.kill()

    def test_a_second_writer_is_refused(self, held):
        path, _ = held
        with pytest.raises(BlockingIOError, match="another process or thread writes"):
            brinery.dump_file([1], path, lock=0)
        assert not path.exists()
        brinery.dump_file([1], path)  # who does not ask for the lock is not held up
        assert brinery.load_file(path) == [1]

    @pytest.mark.parametrize("wrong", ["x", "10", True, -1, [1]])
    def test_what_is_no_number_of_seconds(self, tmp_path, wrong):
        with pytest.raises(TypeError, match=r"lock is a number of seconds .*, such as lock=10"):
            brinery.dump_file([1], tmp_path / "data", lock=wrong)
        assert not list(tmp_path.iterdir())

    def test_a_killed_holder_holds_nothing(self, held):
        path, holder = held
        holder.kill()
        brinery.dump_file([2], path, lock=30)
        assert brinery.load_file(path) == [2]
        assert list(path.parent.iterdir()) == [path]


def test_the_path_and_the_object_swapped(tmp_path):
    wanted = r"then the path of a file; .* a dict; write dump_file\(…, '.*a.pickle'\)"
    with pytest.raises(TypeError, match=wanted):
        brinery.dump_file(tmp_path / "a.pickle", {"a": 1})
    with pytest.raises(TypeError, match=r"cannot be a list$"):
        brinery.dump_file([1], [2])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_written_into_and_stays_one(tmp_path):
    """As a device would: /dev/null must never become a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        brinery.dump_file([1, 2], pipe)
        assert pipe.is_fifo()
        assert pickle.loads(os.read(reading, 1000)) == [1, 2]
    finally:
        os.close(reading)


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="there is no /dev/stdout")
def test_standard_output_of_a_pipeline(tmp_path):
    """What its name leads to has no name of its own there."""
    program = "import brinery; brinery.dump_file([1, 2], '/dev/stdout')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, cwd=tmp_path)
    assert (pickle.loads(done.stdout), done.stderr) == ([1, 2], b"")


def test_a_path_of_bytes_is_a_path(tmp_path):
    path = tmp_path / "data.gz"
    brinery.dump_file([1] * 1000, os.fsencode(path))
    assert gzip.decompress(path.read_bytes())
    assert brinery.load_file(os.fsencode(path)) == [1] * 1000
    brinery.dump_file([2], os.fsencode(path), lock=1)
    assert list(brinery.load_all(os.fsencode(path))) == [[2]]


def test_no_number_is_no_time_to_wait(tmp_path):
    with pytest.raises(TypeError, match="lock is a number of seconds"):
        brinery.dump_file([1], tmp_path / "data", lock=float("nan"))
    assert not list(tmp_path.iterdir())
