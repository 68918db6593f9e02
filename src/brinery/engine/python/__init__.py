"""The engine in Python: it reads like the specification, and every platform has it."""

from __future__ import annotations

from brinery.engine.python.pickler import Dumper, Pickler
from brinery.engine.python.unpickler import Loader, Unpickler

__all__ = ["Dumper", "Loader", "Pickler", "Unpickler"]
