"""`brinery new-plugin`: what it writes installs, passes its tests and shows, in a fresh environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import brinery
from brinery.cli import main

SOURCES = Path(brinery.__file__).parents[1]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder; exit code and both outputs."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main(["new-plugin", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


class Environment:
    """A virtual environment with brinery and pytest, and nothing else."""

    def __init__(self, folder):
        self.python = folder / "bin" / "python"
        own = {name: value for name, value in os.environ.items() if not name.startswith("BRINERY_")}
        self.environment = {name: value for name, value in own.items() if name not in ("CI", "PYTHONPATH")}
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.pip("pytest", "pluggy", "typing-extensions")
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "brinery.pth").write_text(f"{SOURCES}\n")

    def pip(self, *arguments):
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet"]
        subprocess.run([*pip, *arguments], env=self.environment, check=True)

    def run(self, *arguments, cwd):
        return subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("fresh"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "name", "declares"),
    [(["colours"], "colours", "1 reducer"), (["shelf-life", "--store"], "shelf-life", "1 scheme")],
    ids=["reducer", "store"],
)
def test_it_installs_passes_its_tests_and_shows(run, fresh, tmp_path, arguments, name, declares):
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    folder = tmp_path / f"brinery-{name}"
    assert f"cd {folder.name}" in out
    fresh.pip("--no-deps", str(folder))
    tested = fresh.run("-m", "pytest", "-q", cwd=folder)
    assert tested.returncode == 0, tested.stdout
    assert " passed" in tested.stdout
    assert "skipped" not in tested.stdout
    if "--store" in arguments:
        assert "StoreContract" in (folder / "tests" / "test_store.py").read_text(encoding="utf-8")
    listed = fresh.run("-m", "brinery", "plugins", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    (line,) = [line for line in listed.stdout.splitlines() if line.split()[:1] == [name]]
    assert f"brinery-{name} 0.1.0" in line
    assert declares in line
    assert not (tmp_path / f"brinery-{name}" / "tests" / "__init__.py").exists()


@pytest.mark.slow
def test_the_plugin_does_what_its_readme_says(run, fresh, tmp_path):
    run("colours")
    run("tastes")
    code = """if True:
        import brinery, brinery_colours, brinery_tastes, pickle
        brinery.default_profile().check()  # two of them do not disagree
        for module in (brinery_colours, brinery_tastes):
            sample = module.Sample("x", 1)
            sample.cache = {"kept": 1}
            assert b"kept" not in brinery.dumps(sample)
            assert pickle.loads(brinery.dumps({"v": sample}))["v"] == sample
        print(True)
    """
    fresh.pip("--no-deps", "--force-reinstall", str(tmp_path / "brinery-tastes"))
    fresh.pip("--no-deps", "--force-reinstall", str(tmp_path / "brinery-colours"))
    assert fresh.run("-c", code, cwd=tmp_path).stdout.strip() == "True"


@pytest.mark.parametrize("name", ["Colours", "two words", "a--b", "1st", "../up", "ä", "-x", "true/false"])
def test_a_name_that_will_not_do(run, tmp_path, name):
    code, _, err = run("--", name)
    assert code == 1
    assert "no name for a plugin" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("9x", "it becomes the name of a class, and begins with a digit; 'x' would do"),
        ("brinery-9", "it becomes the name of a class, and begins with a digit"),
        ("Two Words", "small letters, digits and single hyphens, a letter first; 'two-words' would do"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(run, name, said):
    assert run(name)[2] == f"brinery new-plugin: {name!r} is no name for a plugin: {said}\n"


@pytest.mark.slow
def test_its_store_says_so_where_the_folder_is_missing(run, tmp_path, monkeypatch):
    assert run("notes", "--store")[0] == 0
    monkeypatch.syspath_prepend(tmp_path / "brinery-notes" / "src")
    from brinery_notes.store import NotesStore, open_store  # type: ignore[import-not-found]

    for open_one in (NotesStore, lambda path: open_store(f"notes:{path}")):
        with pytest.raises(
            brinery.errors.StoreError, match=r"there is no folder .*no/such'.*; make it first"
        ):
            open_one(tmp_path / "no/such/notes.db")


@pytest.mark.parametrize("name", ["sqlite", "python2-names", "brinery-sqlite", "exceptions"])
def test_the_name_of_a_plugin_that_is_there(run, tmp_path, name):
    code, _, err = run(name)
    assert code == 1
    assert "is the name of a plugin that is " in err
    assert list(tmp_path.iterdir()) == []


def test_the_prefix_may_be_given(run, tmp_path):
    assert run("brinery-colours")[0] == 0
    assert (tmp_path / "brinery-colours" / "src" / "brinery_colours" / "__init__.py").exists()


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "brinery-colours").mkdir()
    code, _, err = run("colours")
    assert code == 1
    assert "is there already" in err
    assert list((tmp_path / "brinery-colours").iterdir()) == []
