"""The engine in Python: it reads like the specification, and every platform has it."""

from __future__ import annotations

from brinery.engine.python.pickler import Dumper, Pickler

__all__ = ["Dumper", "Pickler"]
