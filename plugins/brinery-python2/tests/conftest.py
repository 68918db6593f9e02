"""Tests of brinery-python2 run where it is installed."""

from __future__ import annotations

import importlib.metadata

import pytest


@pytest.fixture(autouse=True, scope="session")
def installed() -> None:
    """Without this, a plugin that is not there would look like one that does nothing."""
    if "python2" not in importlib.metadata.entry_points(group="brinery").names:
        pytest.fail("brinery-python2 is not installed; run: pip install -e plugins/brinery-python2")
