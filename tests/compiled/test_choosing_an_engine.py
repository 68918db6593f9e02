"""Which engine is taken on a Python without a GIL: see brinery.engine.status()."""

import os
import shutil
import subprocess
import sys
import warnings
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from stream_builds import COMPILED

import brinery
from brinery.interpreters import foreign_is_none

PROGRAM = """
import sys
sys._is_gil_enabled = lambda: {enabled}
import brinery
from brinery import engine
print(engine.status().name, "brinery.engine.compiled" in sys.modules, engine.status().reason)
assert brinery.loads(brinery.dumps([1])) == [1]
"""


def chosen(enabled: bool, wanted: str) -> list[str]:
    environment = os.environ | {"BRINERY_ENGINE": wanted}
    program = [sys.executable, "-c", PROGRAM.format(enabled=enabled)]
    return subprocess.run(program, env=environment, check=True, capture_output=True, text=True).stdout.split()


def test_the_gil_is_not_turned_on_unasked():
    name, imported, *reason = chosen(False, "")
    assert (name, imported) == ("python", "False")
    assert "(BRINERY_ENGINE=compiled)" in reason


@pytest.mark.parametrize(("enabled", "wanted"), [(True, ""), (False, "compiled")])
def test_where_it_is_on_or_may_be_the_compiled_engine_is_taken(enabled: bool, wanted: str):
    assert chosen(enabled, wanted)[:2] == ["compiled", "True"]


def test_a_tree_that_was_built_for_another_python_says_so(tmp_path: Path):
    tree = Path(brinery.__file__).parent
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__", "not_built.txt")
    shutil.copytree(tree, tmp_path / "brinery", ignore=ignored)
    (tmp_path / "brinery" / "engine" / "compiled" / "layout.cpython-42-other.so").write_bytes(b"")
    program = "from brinery import engine; print(engine.status().reason)"
    environment = {key: value for key, value in os.environ.items() if key != "BRINERY_ENGINE"}
    environment["PYTHONPATH"] = str(tmp_path)
    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert "it was built for another Python (layout.cpython-42-other.so), and this is " in said
    assert "pip install -e ." in said


ASK = """
import sys, warnings
warnings.simplefilter("error")
import brinery
from brinery import engine
plain = brinery.Profile.plain(engine="python")
assert plain.loads(plain.dumps([1])) == [1]
sys.argv = ["brinery", "--version"]
from brinery.cli import main
main()
"""


def others() -> list[str]:
    """Pythons of other versions on this machine, of those that brinery knows."""
    found = []
    for minor in (11, 12, 13, 14, 15):
        kept = Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3")
        # Not pyenv's own command of that name, which may lead nowhere.
        python = next(map(str, kept), None) or shutil.which(f"python3.{minor}")
        if python is not None and minor != sys.version_info.minor:
            found.append(python)
    return found


def renamed(folder: Path, suffix: str, content: bytes | None = None) -> None:
    """A copy of the package whose extension modules are of this Python, or of no use, under another name."""
    tree = Path(brinery.__file__).parent
    shutil.copytree(tree, folder / "brinery", ignore=shutil.ignore_patterns("*.c", "__pycache__"))
    for file in list((folder / "brinery").rglob("*")):
        if file.suffix in (".so", ".pyd"):
            data = file.read_bytes() if content is None else content
            file.unlink()
            file.with_name(file.name.partition(".")[0] + suffix).write_bytes(data)


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
@pytest.mark.parametrize("python", others() or [pytest.param("", marks=pytest.mark.skip("no other Python"))])
def test_what_was_built_for_this_one_does_no_harm_in_another(python: str, tmp_path: Path):
    ask = "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))"
    suffix = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    renamed(tmp_path, suffix)
    assert_it_steps_back(python, tmp_path)


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_what_cannot_be_loaded_at_all_does_no_harm(tmp_path: Path):
    renamed(tmp_path, EXTENSION_SUFFIXES[0], b"no library")
    assert_it_steps_back(sys.executable, tmp_path)


def assert_it_steps_back(python: str, folder: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "BRINERY_ENGINE"}
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    # The site's packages, of which an editable install may be one, are left out.
    done = subprocess.run(
        [python, "-S", "-c", ASK], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    _, engine_line, streams_line = done.stdout.splitlines()
    assert engine_line.startswith("the python engine is in use: the compiled engine cannot be imported: ")
    assert streams_line.startswith("what is compiled of brinery/stream cannot be loaded (")


def test_a_warning_that_a_module_is_foreign_is_an_import_error():
    with pytest.raises(ImportError, match="it was built for another Python: compile time"), foreign_is_none():
        warnings.warn("compile time Python version 3.1 of module 'm' does not match", RuntimeWarning)  # noqa: B028


def test_any_other_warning_is_no_matter_of_the_engines():
    with pytest.warns(RuntimeWarning, match="something else"), foreign_is_none():
        warnings.warn("something else", RuntimeWarning)  # noqa: B028


IMPORTED_ELSEWHERE = """
import sys
sys.implementation.name = "another"
import brinery
from brinery import engine
assert brinery.loads(brinery.dumps([1])) == [1]
print(engine.status().name, "brinery.engine.compiled.layout" in sys.modules, engine.status().remedy or "none")
print(engine.status().reason)
"""


def test_another_implementation_does_not_try_what_is_there():
    environment = os.environ | {"BRINERY_ENGINE": "", "PYTHONWARNINGS": "ignore"}
    program = [sys.executable, "-c", IMPORTED_ELSEWHERE]
    done = subprocess.run(program, env=environment, check=True, capture_output=True, text=True)
    first, second = done.stdout.splitlines()
    assert first.split() == ["python", "False", "none"]
    assert second.endswith("it is for CPython, and this is another")


BUILT_ELSEWHERE = """
import sys
sys.implementation.name = "another"
import setuptools
from setuptools.command.build_ext import build_ext
def never(*arguments, **options): raise AssertionError("it tries")
build_ext.build_extensions = never
asked = {}
def setup(ext_modules, cmdclass):
    asked.update(ext_modules=ext_modules, build_ext=cmdclass["build_ext"])
setuptools.setup = setup
exec(compile(open("setup.py").read(), "setup.py", "exec"))
command = asked["build_ext"](setuptools.Distribution({"ext_modules": asked["ext_modules"]}))
command.find_compiler = never
command.get_ext_fullpath = lambda name: sys.argv[1] + "/" + name
command.leave_word = print
command.note_sources = lambda: None
command.ensure_finalized()
command.run()
print(command.extensions)
"""


@pytest.mark.parametrize("wanted", ["", "private", "public"])
def test_another_implementation_does_not_try_to_build_it(wanted: str, tmp_path: Path):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", BUILT_ELSEWHERE, str(tmp_path)],
        cwd=root,
        env=os.environ | {"BRINERY_BUILD": wanted},
        check=False,
        capture_output=True,
        text=True,
    )
    if wanted:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.strip() == f"BRINERY_BUILD={wanted}: it is for CPython, and this is another"
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["it is for CPython, and this is another", "[]"]


def test_where_nothing_was_built_that_is_what_is_said(tmp_path: Path):
    tree = Path(brinery.__file__).parent
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__", "not_built.txt")
    shutil.copytree(tree, tmp_path / "brinery", ignore=ignored)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "BRINERY_ENGINE": "compiled"}
    program = [
        sys.executable,
        "-c",
        "import traceback\ntry: import brinery\nexcept ImportError as e: print(e)",
    ]
    said = subprocess.run(program, env=environment, check=True, capture_output=True, text=True).stdout
    assert "it was not built: there is no layout." in said
    assert "circular" not in said


def test_it_was_built_in_the_mode_that_was_asked_for_or_is_the_best_here():
    from brinery.engine.compiled import layout

    best = "private" if layout.HAS_LAYOUT else "public"
    assert (os.environ.get("BRINERY_BUILD") or best) == layout.MODE
