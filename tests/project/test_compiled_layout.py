"""The compiled engine finds out at its import whether objects lie in memory as it was built to think."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from engines import engines_under_test

if "compiled" not in engines_under_test():
    pytest.skip("BRINERY_TEST_ENGINES leaves the engine out", allow_module_level=True)

from brinery.engine.compiled import layout

private = pytest.mark.skipif(
    layout.MODE == "public", reason="by documented interfaces alone, nothing can lie elsewhere"
)

# The module on its own: its package would import the engine.
LOAD = f"""
import importlib.util, sys
name = "brinery.engine.compiled.layout"
spec = importlib.util.spec_from_file_location(name, {str(Path(layout.__file__))!r})
layout = importlib.util.module_from_spec(spec)
spec.loader.exec_module(layout)
sys.modules[name] = layout
"""

# What begins with such a name is looked at in another way than where it is said to be.
EVERY_PLACE = """
for place, number in layout.PLACES.items():
    for shifted in (number - 8, number + 8):
        print(place, "|", layout.mismatch({**layout.PLACES, place: shifted}), flush=True)
"""

FALL_BACK = """
layout.PLACES["list: items"] += 8
from brinery.cli import main
main(["--version"])
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOAD + code], capture_output=True, text=True, env=environment, check=False
    )


def test_it_was_built_for_this_interpreter():
    assert layout.mismatch() is None


@private
def test_whatever_lies_elsewhere_is_found_without_a_crash():
    child = run(EVERY_PLACE)
    lines = [line.split(" | ") for line in child.stdout.splitlines()]
    assert child.returncode == 0, f"{child.returncode} behind {lines[-1:]}: {child.stderr}"
    assert {place for place, _ in lines} == set(layout.PLACES)
    assert not [place for place, found in lines if found == "None"]


@private
def test_all_kinds_that_are_reached_into_are_looked_at():
    kinds = {place.partition(":")[0] for place in layout.PLACES}
    assert kinds >= {
        "int",
        "str",
        "list",
        "dict",
        "keys",
        "set",
        "slot",
        "type",
        "instance",
        "values",
        "datetime",
    }


@private
def test_then_the_python_engine_is_used_and_the_reason_is_told():
    child = run(FALL_BACK)
    assert "the python engine is in use" in child.stdout, child.stderr
    assert f"built for Python {layout.PYTHON}" in child.stdout
    assert "list: items" in child.stdout


@private
def test_whoever_insists_is_told_the_same():
    child = run(FALL_BACK, BRINERY_ENGINE="compiled")
    assert child.returncode != 0
    assert "list: items" in child.stderr
