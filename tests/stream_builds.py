"""brinery.stream in the two forms that it has: compiled, and interpreted from the same sources."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from engines import engines_under_test

import brinery
import brinery.stream
from brinery.stream import walk

#: Without the GIL they are always interpreted.
COMPILED = "compiled" in engines_under_test() and not sysconfig.get_config_var("Py_GIL_DISABLED")
BUILDS = ("interpreted", "compiled") if COMPILED else ("interpreted",)

FOLDER = Path(brinery.stream.__file__).parent
#: The modules that are compiled.
SOURCES = sorted(path.stem for path in FOLDER.glob("*.pxd"))


@cache
def build(name: str) -> SimpleNamespace:
    """Everything that ``brinery.stream`` offers, and its modules, in that form; a missing one fails."""
    if name == "interpreted":
        return _interpreted()
    assert not walk.__file__.endswith(".py"), "brinery.stream is not compiled: pip install -e . compiles it"
    return _namespace()


class _FromSource:
    """Finds the package's modules as sources, whatever was compiled."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> object:
        if not name.startswith("brinery.stream"):
            return None
        file = FOLDER / (f"{name.rpartition('.')[2]}.py" if name != "brinery.stream" else "__init__.py")
        folders = [str(FOLDER)] if name == "brinery.stream" else None
        return importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)


def _interpreted() -> SimpleNamespace:
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("brinery.stream")}
    sys.meta_path.insert(0, _FromSource)
    try:
        brinery.stream = importlib.import_module("brinery.stream")
        return _namespace()
    finally:
        sys.meta_path.remove(_FromSource)
        for name in [name for name in sys.modules if name.startswith("brinery.stream")]:
            del sys.modules[name]
        sys.modules.update(kept)
        brinery.stream = kept["brinery.stream"]


def _namespace() -> SimpleNamespace:
    package = importlib.import_module("brinery.stream")
    modules = {
        path.stem: importlib.import_module(f"brinery.stream.{path.stem}") for path in FOLDER.glob("[a-z]*.py")
    }
    return SimpleNamespace(**modules | {name: getattr(package, name) for name in package.__all__})
