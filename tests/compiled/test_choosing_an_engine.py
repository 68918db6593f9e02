"""Which engine is taken on a Python without a GIL: see brinery.engine.status()."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import brinery

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


def test_it_was_built_in_the_mode_that_was_asked_for_or_is_the_best_here():
    from brinery.engine.compiled import layout

    best = "private" if layout.HAS_LAYOUT else "public"
    assert (os.environ.get("BRINERY_BUILD") or best) == layout.MODE
