"""The compiled modules that the tests run are those of the sources beside them.

An editable install builds the extension modules once; a source that is edited later changes nothing.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from engines import engines_under_test
from stream_builds import COMPILED, SOURCES
from stream_builds import FOLDER as STREAM

import brinery

FOLDER = Path(brinery.__file__).parent / "engine" / "compiled"
INCLUDED = re.compile(r'^\s*(?:include|#\s*include|cdef extern from) "([^"]+)"', re.MULTILINE)


def sources(path: Path) -> set[Path]:
    """`path`, and all that it includes."""
    found = {path}
    for name in INCLUDED.findall(path.read_text(encoding="utf-8")):
        for included in (FOLDER / name, path.parent / name):
            if included.exists() and included not in found:
                found |= sources(included)
    return found


def test_every_source_belongs_to_an_extension_module():
    """Else the test below would not see it."""
    there = {path for path in FOLDER.rglob("*") if path.suffix in (".pyx", ".pxi", ".pxd", ".h")}
    assert there == {source for path in FOLDER.glob("*.pyx") for source in sources(path)}


@pytest.mark.skipif(
    "compiled" not in engines_under_test(), reason="BRINERY_TEST_ENGINES leaves the engine out"
)
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.pyx")), ids=lambda path: path.stem)
def test_an_extension_module_is_newer_than_its_sources(path: Path):
    built = Path(importlib.import_module(f"brinery.engine.compiled.{path.stem}").__file__)
    newer = [source.name for source in sources(path) if source.stat().st_mtime > built.stat().st_mtime]
    assert not newer, f"{', '.join(newer)} changed after {built} was built: pip install -e . builds it again"


@pytest.mark.skipif(
    not COMPILED, reason="BRINERY_TEST_ENGINES leaves what is compiled out, or there is no GIL"
)
@pytest.mark.parametrize("name", SOURCES)
def test_a_module_of_brinery_stream_is_newer_than_its_source_and_all_types(name: str):
    built = Path(importlib.import_module(f"brinery.stream.{name}").__file__)
    assert built.suffix != ".py"
    newer = [
        path.name
        for path in [STREAM / f"{name}.py", *STREAM.glob("*.pxd")]
        if path.stat().st_mtime > built.stat().st_mtime
    ]
    assert not newer, f"{', '.join(newer)} changed after {built} was built: pip install -e . builds it again"
