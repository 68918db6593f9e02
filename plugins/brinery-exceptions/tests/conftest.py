"""Tests of brinery-exceptions run where it is installed."""

from __future__ import annotations

import copyreg
import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)  # for failing_tasks, which workers of pools import too


@pytest.fixture(autouse=True, scope="session")
def installed():
    """Without this, a plugin that is not there would look like one that does nothing."""
    if "exceptions" not in importlib.metadata.entry_points(group="brinery").names:
        pytest.fail("brinery-exceptions is not installed; run: pip install -e plugins/brinery-exceptions")


@pytest.fixture(autouse=True)
def nothing_is_registered():
    """Dask, which pint imports where it is there, registers every exception class with tblib, for good."""
    before = copyreg.dispatch_table.copy()
    for cls in before:
        if issubclass(cls, BaseException):
            del copyreg.dispatch_table[cls]
    yield
    copyreg.dispatch_table.clear()
    copyreg.dispatch_table.update(before)


@pytest.fixture
def tasks(monkeypatch):
    """The module of failing tasks, which the workers of a pool find too."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [HERE, os.environ.get("PYTHONPATH")])))
    import failing_tasks

    return failing_tasks
