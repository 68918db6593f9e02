"""What ``==`` says, for as long as one can wait for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["Patience", "equal"]

#: How many calls and returns there may be: one to two seconds. An ``==`` of a class's own that asks its parts
#: asks one that is shared once for each way to it, and there is no other way to learn what it says.
_MOST = 4_000_000


class _Enough(BaseException):
    """No Exception: what is asked may catch those."""


class Patience:
    """How much is left of it. Without a limit where another profiler is at work in this thread."""

    def __init__(self, left: int = _MOST) -> None:
        self.left = left

    def equal(self, one: object, other: object) -> bool | None:
        """As :func:`equal`; False where that takes longer than what is left."""
        return self._ask(lambda: equal(one, other))

    def is_itself(self, obj: object) -> bool:
        """Whether `obj` says that it is equal to itself; False where that takes longer than what is left."""
        return bool(self._ask(lambda: _is_itself(obj)))

    def _ask(self, question: Callable[[], bool | None]) -> bool | None:
        if sys.getprofile() is not None:
            return question()
        sys.setprofile(self._count)
        try:
            return question()
        except _Enough:
            return False
        finally:
            sys.setprofile(None)

    def _count(self, frame: FrameType, event: str, arg: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise _Enough


def equal(one: object, other: object) -> bool | None:
    """What ``==`` says; None where it says neither True nor False, as that of arrays.

    One that fails has met what the other does not have.
    """
    try:
        said = one == other
    except Exception:
        return False
    return said if isinstance(said, bool) else None


def _is_itself(obj: Any) -> bool:
    try:
        return bool(obj == obj)
    except Exception:
        return False
