"""What every test may ask for: above all `wire`, which gives a test each engine in turn."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from engines import Wire, engines_under_test
from user_code import exposed


def pytest_collection_finish() -> None:
    """What the modules of the tests have imported stays: a collection need not walk over it each time.

    Hundreds of tests collect, some of them thousands of times.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(params=engines_under_test(), scope="session")
def wire(request: pytest.FixtureRequest) -> Wire:
    """Each engine in turn."""
    return Wire(request.param)


@pytest.fixture(autouse=True)
def settings_of_the_process() -> Iterator[None]:
    """No test may find the collector switched off, or leave it so, or leave a load open."""
    assert gc.isenabled()
    yield
    enabled = gc.isenabled()
    gc.enable()  # or all tests behind this one would fail
    assert enabled
    assert exposed() == 0
