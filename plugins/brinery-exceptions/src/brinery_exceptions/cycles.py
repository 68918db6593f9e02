"""Whether a group of exceptions leads back to itself: looked for in what the interpreter knows of objects."""

from __future__ import annotations

import gc
import sys
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from brinery_exceptions.trying import LEAF_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Search"]

#: What is written by name, or as text alone.
_ENDS = (type, ModuleType, BuiltinFunctionType, CodeType, FrameType, TracebackType)

#: How many objects are looked at, 1 to 3 ms. Where there are more, the answer is yes: then a group's
#: exceptions are listed twice, which is right in any case.
_MOST = 10_000

#: And for all groups of one dump, which may share what they have: a fifth of a second.
_MOST_IN_ALL = 1_000_000


class Search:
    """That of one dump."""

    def __init__(self) -> None:
        self._left = _MOST_IN_ALL

    def leads_back(self, group: BaseExceptionGroup[Any], args: tuple[Any, ...] | None = None) -> bool:
        """Whether `group` may be found in what its exceptions have.

        With `args`, its own: whether that matters for these. If it was given a list that somebody else has,
        too, the group may be met while that list is being written.
        """
        # The arguments have it, and the call. Most lists are made for the group.
        if args is not None and not (
            len(args) > 1 and type(args[1]) is list and sys.getrefcount(args[1]) > 2
        ):
            return False
        seen = {id(group)}
        most = min(_MOST, self._left)
        try:
            return _is_found(group, seen, most)
        finally:
            self._left -= len(seen)


def _is_found(group: BaseExceptionGroup[Any], seen: set[int], most: int) -> bool:
    ahead: list[Any] = list(group.exceptions)
    while ahead:
        found = ahead.pop()
        if found is group or len(seen) > most:
            return True
        if id(found) in seen:
            continue
        seen.add(id(found))
        parts = _parts(found)
        if LEAF_TYPES.issuperset(map(type, parts)):
            continue
        if len(parts) > most:
            return True
        ahead += (each for each in parts if not isinstance(each, _ENDS))
    return False


def _parts(obj: object) -> Sequence[object]:
    if isinstance(obj, FunctionType):  # without its module, which is among them
        return (obj.__closure__, obj.__defaults__, obj.__kwdefaults__, vars(obj))
    return gc.get_referents(obj)
