"""Whether user code runs only where an engine is ready for it.

The compiled engine says of itself when it is not (``reading.exposed()``): then no Python code may run,
whoever wrote it. A profile function is called for every Python function and sees it, so a test need not
know the places.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

try:
    from brinery.engine.compiled import reading, writing
except ImportError:  # the tests of the Python engine alone
    reading = writing = None  # type: ignore[assignment]


def exposed() -> int:
    """How many loads and dumps are in the middle of something during which nobody's code may run.

    Of dumps that is known where the engine was built with BRINERY_WATCHED=1.
    """
    return reading.exposed() + (writing.exposed() or 0) if reading is not None else 0


@contextmanager
def watched() -> Iterator[list[str]]:
    """The places where Python code ran although a load was not ready for it: empty, if all is well."""
    found: list[str] = []

    def look(frame: FrameType, event: str, argument: object) -> None:
        if exposed():
            code = frame.f_code
            found.append(f"{event} in {code.co_qualname} ({code.co_filename}:{frame.f_lineno})")

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)


def sabotaged(code: object) -> None:
    """Have the compiled engine call `code` wherever user code may run in a load or dump; None ends it."""
    if reading is not None:
        reading.sabotage(code)
        writing.sabotage(code)


__all__ = ["exposed", "sabotaged", "watched"]
