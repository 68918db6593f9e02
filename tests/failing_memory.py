"""Memory that runs out, at each allocation in turn."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest
from user_code import exposed

_testcapi = pytest.importorskip("_testcapi", reason="its allocator fails when it is told to")

ENOUGH = 40  # times in a row that all goes well: the act does not come to what would fail


def without_memory(prepare: Callable[[], Callable[[], object]]) -> Iterator[None]:
    """Call what `prepare` gives without its first allocation, without its second, and so on, until it asks
    for no more: once without that one alone, and once without the next twenty as well.

    Comes back after each call. What was raised is gone by then.
    """
    # Not without all that follow: where Python code runs, the interpreter may then try for ever.
    for missing in (1, 20):
        first = well = 0
        while well < ENOUGH:
            well = well + 1 if attempt(prepare(), first, first + missing) else 0
            first += 1
            yield


def attempt(act: Callable[[], object], first: int, behind: int) -> bool:
    """Whether `act` succeeds although its allocations from number `first` up to `behind` fail."""
    _testcapi.set_nomemory(first, behind)
    try:
        act()
    except Exception:  # MemoryError, or what somebody makes of it
        return False
    else:
        return True
    finally:
        _testcapi.remove_mem_hooks()
        assert gc.isenabled()
        assert exposed() == 0
