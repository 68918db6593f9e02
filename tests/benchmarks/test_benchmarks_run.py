"""The benchmarks run, in all their modes. What they measure is no business of a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from engines import engines_under_test

MODES = {
    "speed": ["--rows", "JSON", "idle", "{'a': 1}"],
    "memory": ["--memory", "--rows", "64 MB of bytes"],
    "references": ["--references"],
    "scaling": ["--scaling", "--largest", "3", "--rows", "pairs"],
}


@pytest.mark.parametrize("engine", engines_under_test())
@pytest.mark.parametrize("mode", MODES)
def test_the_benchmarks_run(engine: str, mode: str):
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).parent,
            "--engine",
            engine,
            "--repeat",
            "1",
            "--size",
            "0.02",
            *MODES[mode],
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{engine} engine" in done.stdout
