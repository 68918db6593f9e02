"""Tests of brinery-science run where it is installed."""

from __future__ import annotations

import importlib.metadata

import pytest


@pytest.fixture(autouse=True, scope="session")
def installed() -> None:
    """Without this, a plugin that is not there would look like one that does nothing."""
    if "science" not in importlib.metadata.entry_points(group="brinery").names:
        pytest.fail("brinery-science is not installed; run: pip install -e plugins/brinery-science")
