"""The two dispatch tables: for ``load()`` and for ``noload()``."""

from __future__ import annotations

from brinery.engine.python.reading import containers, objects, scalars, skipping, stack, stream
from brinery.engine.python.reading.dispatch import dispatch_table

__all__ = ["LOAD", "NOLOAD"]

_TOPICS = (scalars.handles, containers.handles, stack.handles, stream.handles, objects.handles)

LOAD = dispatch_table(*_TOPICS)
NOLOAD = dispatch_table(*_TOPICS, skipping.handles)
