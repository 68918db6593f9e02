"""The compiled engine: fast, and absent where it was not built (then importing this fails)."""

from __future__ import annotations

from brinery.engine.compiled.reading import Loader, Unpickler
from brinery.engine.compiled.writing import Dumper, Pickler

__all__ = ["Dumper", "Loader", "Pickler", "Unpickler"]
