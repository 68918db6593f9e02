"""Which engine is taken on a Python without a GIL: see brinery.engine.status()."""

import os
import subprocess
import sys

import pytest

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


def test_it_was_built_in_the_mode_that_was_asked_for_or_is_the_best_here():
    from brinery.engine.compiled import layout

    best = "private" if layout.HAS_LAYOUT else "public"
    assert (os.environ.get("BRINERY_BUILD") or best) == layout.MODE
