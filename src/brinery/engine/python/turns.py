"""One dump or load at a time: who is at work with a Pickler or Unpickler.

A lock would do against threads. But a signal's handler may raise behind any call, so between taking the
lock and the ``try`` that gives it back, and then it is taken for good. So the turn is a dict, and who takes
it puts in an object of his own, within the ``try``::

    me: list[object] = []
    try:
        if turn.setdefault(TAKEN, me) is not me:  # asked and taken in one step
            raise RuntimeError(...)
        ...
    finally:
        if TAKEN in turn and turn[TAKEN] is me:  # without a call
            del turn[TAKEN]
"""

from __future__ import annotations

__all__ = ["TAKEN", "Turn"]

Turn = dict[str, object]

TAKEN = "taken"
