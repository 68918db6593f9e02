"""Stream modules that were compiled from other sources are not used, and it is said."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stream_builds import COMPILED, FOLDER

pytestmark = pytest.mark.skipif(not COMPILED, reason="nothing is compiled")

ASK = """\
from brinery.stream import names, walk
print(*(module.__file__.endswith(".py") for module in (names, walk)))"""


def copied(tmp_path):
    """The package once more, of links; what is written into it does no harm."""
    package = tmp_path / "brinery"
    shutil.copytree(FOLDER.parent, package, copy_function=os.symlink)
    return package / "stream"


def run(tmp_path, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def test_as_they_are_they_are_used(tmp_path):
    copied(tmp_path)
    assert run(tmp_path, "-c", ASK) == "False False\n"
    assert "interpreted" not in run(tmp_path, "-m", "brinery", "--version")


@pytest.mark.parametrize("name", ["walk.py", "names.pxd"])
def test_a_source_that_has_changed(name, tmp_path):
    source = copied(tmp_path) / name
    text = source.read_text(encoding="utf-8")
    source.unlink()
    source.write_text(text + "# another\n", encoding="utf-8")
    assert run(tmp_path, "-c", ASK) == "True True\n"
    said = run(tmp_path, "-m", "brinery", "--version")
    assert f"brinery/stream/{name} has changed since it was compiled" in said
    assert "pip install" in said
    data = tmp_path / "data.pickle"
    data.write_bytes(b"cos\ngetcwd\n.")
    assert "os.getcwd" in run(tmp_path, "-m", "brinery", "refs", str(data))


def test_a_change_that_keeps_the_size(tmp_path):
    source = copied(tmp_path) / "walk.py"
    text = source.read_text(encoding="utf-8")
    source.unlink()
    source.write_text(text.replace("marks", "Marks", 1), encoding="utf-8")
    assert run(tmp_path, "-c", ASK) == "True True\n"
    source.write_text(text, encoding="utf-8")  # younger, and the same
    assert run(tmp_path, "-c", ASK) == "False False\n"


def test_what_was_noted_is_about_all_that_is_compiled():
    noted = {line.split()[0] for line in (FOLDER / "compiled_from.txt").read_text().splitlines()}
    assert noted == {f"{path.stem}.{kind}" for path in Path(FOLDER).glob("*.pxd") for kind in ("py", "pxd")}
