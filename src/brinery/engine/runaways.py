"""Telling depth from endlessness.

Depth is bounded by memory alone, so a reduction that leads back to its own object, or to a new object
each time, would take all memory, where C pickle runs into the recursion limit. Both engines look
for that when a dump is :data:`FIRST_CHECK` levels deep, and again whenever that has doubled, so looking costs
nothing where there is nothing to find.
"""

from __future__ import annotations

import sys
from collections import Counter

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FIRST_CHECK", "check_depth"]

#: How many levels deep a dump is when it is looked at for the first time.
FIRST_CHECK = 10_000

# A tuple or instance inside itself is written inside itself until a list or dict on the way is met
# again. Where that does not happen a thousand times over, C pickle would have given up as well.
_INSIDE_ITSELF = 1_000
_CONTAINERS = frozenset({list, dict, tuple, set, frozenset, bytes, bytearray})


def check_depth(owners: Sequence[object], objects_there: int = 0) -> int:
    """Look at the objects that are being written, from the outermost inwards.

    `objects_there` is what the last call in this dump returned: how many objects there were at the first.

    Raises RecursionError where one object is inside itself over and over, or where more are nested by
    their reductions than there were: then it is the reductions that make them.
    """
    times = max(Counter(map(id, owners)).values(), default=0)  # most_common() would import something
    if times > _INSIDE_ITSELF:
        raise RecursionError(
            f"an object is written inside itself {times} times: its reduction leads to itself"
        )
    # Zero where Python's own allocator is not in use (PYTHONMALLOC=malloc): then there is no telling.
    objects_there = objects_there or sys.getallocatedblocks()
    reduced = sum(type(owner) not in _CONTAINERS for owner in owners)
    if reduced > objects_there > 0:
        raise RecursionError(
            f"{reduced} objects are nested, and not so many existed before: "
            "their reduction makes a new one each time"
        )
    return objects_there
