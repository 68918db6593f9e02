"""Run where brinery-paths is installed: installing is all that a plugin needs."""

import importlib.metadata
import os
import pickle
import pickletools
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

import brinery

PATH = Path("data/jobs.db")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture(autouse=True, scope="module")
def installed():
    """Without this, a plugin that is not there would look like one that does nothing."""
    if "paths" not in importlib.metadata.entry_points(group="brinery").names:
        pytest.fail("brinery-paths is not installed; run: pip install -e plugins/brinery-paths")


def globals_of(data):
    """The globals that a stream of protocol 2 names."""
    return [argument for opcode, argument, _ in pickletools.genops(data) if opcode.name == "GLOBAL"]


def test_a_path_is_written_as_a_path_of_any_system():
    assert globals_of(brinery.dumps(PATH, 2)) == ["pathlib Path"]
    assert globals_of(pickle.dumps(PATH, 2)) != ["pathlib Path"]  # or this plugin would not be needed


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_standard_library_reads_what_is_written(protocol):
    data = brinery.dumps({"here": [PATH]}, protocol)
    assert pickle.loads(data) == brinery.loads(data) == {"here": [PATH]}


def test_backslashes_of_windows_become_slashes():
    # A WindowsPath cannot be made elsewhere; the reducer asks of it only what every pure path has.
    reduce_path = importlib.import_module("brinery_paths").reduce_path
    assert reduce_path(PureWindowsPath("data\\jobs.db")) == (Path, ("data/jobs.db",))


def test_paths_of_both_systems_are_written_so():
    # Neither system has objects of the other's class to write; who would write them can be asked.
    for name in ("pathlib:PosixPath", "pathlib:WindowsPath"):
        (say,) = [say for say in brinery.Profile().explain(name).says if say.kind == "reducer"]
        assert (say.plugin.name, say.wins) == ("paths", True)


def test_pure_paths_keep_their_kind():
    for path in (PurePosixPath("a/b"), PureWindowsPath("a\\b")):
        data = brinery.dumps(path, 2)
        assert brinery.loads(data) == path
        assert globals_of(data)[0] == f"pathlib {type(path).__name__}"


def test_a_path_that_python_3_13_wrote_is_read():
    assert brinery.loads(b"cpathlib._local\nPurePosixPath\n(Va\nVb\ntR.") == PurePosixPath("a/b")


def test_brinery_plugins_empty_undoes_it():
    code = (
        "import brinery, pathlib, sys; sys.stdout.buffer.write(brinery.dumps(pathlib.Path('data/jobs.db')))"
    )

    def written(**environment):
        environment = {**os.environ, **environment}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True
        ).stdout

    assert written(BRINERY_PLUGINS="") == pickle.dumps(PATH)
    assert written(BRINERY_PLUGINS="paths") == brinery.dumps(PATH) != pickle.dumps(PATH)


def test_a_profile_may_leave_it_out():
    assert brinery.Profile(without={"paths"}).dumps(PATH) == pickle.dumps(PATH)
