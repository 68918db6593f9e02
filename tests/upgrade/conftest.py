"""What the tests of the upgrade share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from stream_builds import BUILDS, build

from brinery.upgrade import streams

PYTHON2 = Path(__file__).parents[1] / "wire" / "python2"


@pytest.fixture(params=BUILDS)
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> object:
    """What rewrites a stream, compiled, and interpreted from the same sources."""
    found = build(request.param)
    for module, name in (
        ("graph", "Graph"),
        ("rewriting", "Rewriter"),
        ("scanner", "Scanner"),
        ("walk", "Walk"),
        ("faults", "locating"),
        ("raw_arrays", "read_through"),
    ):
        monkeypatch.setattr(streams, name, getattr(getattr(found, module), name))
    return request.param


@pytest.fixture
def wire_python2(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the tests with Python 2's golden pickles; `people`, which these name, is there."""

    def module(name: str, path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, made)
        spec.loader.exec_module(made)
        return made

    module("people", PYTHON2 / "people.py")
    return module("wire_python2", PYTHON2.parent / "test_python2.py")
