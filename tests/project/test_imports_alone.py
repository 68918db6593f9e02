"""Each module imports alone, without a warning: none relies on what another happens to have imported."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import brinery

SOURCES = str(Path(brinery.__file__).parents[1])
MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(brinery.__path__, "brinery.")
    if not found.name.startswith("brinery.engine.compiled") and found.name != "brinery.__main__"
)

# One process, which forks for each module: a fresh interpreter for each would take half a minute.
CHILD = """
import os, sys, traceback
failed = False
for module in sys.argv[1:]:
    if not (child := os.fork()):
        try:
            __import__(module)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    failed |= os.waitpid(child, 0)[1] != 0
sys.exit(failed)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.slow
def test_each_module_imports_alone_with_warnings_as_errors() -> None:
    assert len(MODULES) > 40
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CHILD, *MODULES],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.returncode == 0
