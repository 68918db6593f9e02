"""Each test in this folder runs on brinery.stream compiled, and interpreted from the same sources."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from stream_builds import BUILDS, build

import brinery.stream


@pytest.fixture(params=BUILDS, autouse=True)
def streams(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The package in each form in turn; what the test's module imports of it is that form's, too."""
    found = build(request.param)
    for name in brinery.stream.__all__:
        if hasattr(request.module, name):
            monkeypatch.setattr(request.module, name, getattr(found, name))
    return found
