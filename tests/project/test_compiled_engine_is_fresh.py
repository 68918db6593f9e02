"""The compiled engine that the tests run is the one of the sources beside it.

An editable install builds the extension modules once; a source that is edited later changes nothing.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from engines import engines_under_test

import brinery

FOLDER = Path(brinery.__file__).parent / "engine" / "compiled"
SOURCES = [path for path in FOLDER.rglob("*") if path.suffix in (".pyx", ".pxi", ".pxd", ".h")]


@pytest.mark.skipif(
    "compiled" not in engines_under_test(), reason="BRINERY_TEST_ENGINES leaves the engine out"
)
@pytest.mark.parametrize("name", ["reading", "writing"])
def test_an_extension_module_is_newer_than_its_sources(name: str):
    built = Path(importlib.import_module(f"brinery.engine.compiled.{name}").__file__)
    newer = [path.name for path in SOURCES if path.stat().st_mtime > built.stat().st_mtime]
    assert not newer, (
        f"{', '.join(newer)} changed after {built} was built: delete that file and install again"
    )
