"""The dispatch table of ``load()``."""

from __future__ import annotations

from brinery.engine.python.reading import containers, objects, scalars, stack, stream
from brinery.engine.python.reading.dispatch import dispatch_table

__all__ = ["LOAD"]

LOAD = dispatch_table(scalars.handles, containers.handles, stack.handles, stream.handles, objects.handles)
