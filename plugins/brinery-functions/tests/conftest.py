"""Tests of brinery-functions run where it is installed."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture(autouse=True, scope="session")
def installed():
    """Without this, a plugin that is not there would look like one that does nothing."""
    if "functions" not in importlib.metadata.entry_points(group="brinery").names:
        pytest.fail("brinery-functions is not installed; run: pip install -e plugins/brinery-functions")


@pytest.fixture
def run(tmp_path):
    """Run a program as ``__main__`` in `tmp_path`, which its imports find, and give back what it prints."""

    def call(program, *arguments):
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(program))
        done = subprocess.run(
            [sys.executable, "-W", "error", script, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return call
