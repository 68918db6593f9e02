"""What every test may ask for: above all `wire`, which gives a test each engine in turn."""

from __future__ import annotations

import pytest
from engines import Wire, engines_under_test


@pytest.fixture(params=engines_under_test(), scope="session")
def wire(request: pytest.FixtureRequest) -> Wire:
    """Each engine in turn."""
    return Wire(request.param)
