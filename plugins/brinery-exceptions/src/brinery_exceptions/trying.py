"""What can be pickled: it is tried, for nothing else can tell."""

from __future__ import annotations

import functools
import reprlib
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brinery import Profile

__all__ = ["CONTAINERS", "LEAF_TYPES", "LEAVES", "Trials", "alone", "is_trial", "survives"]

LEAVES = (str, int, float, bool, bytes, type(None))
LEAF_TYPES = frozenset(LEAVES)
CONTAINERS = frozenset({tuple, list, dict, set, frozenset})

#: How much is kept of the repr of what cannot be pickled: beginning and end, in characters.
_REPR_KEPT = 400, 100
_REPR = reprlib.Repr()
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxfrozenset = _REPR.maxdict = 20
_REPR.maxstring = _REPR.maxother = 200


class _Trying(threading.local):
    """Whether something is tried out in this thread. Exceptions in it are not looked into: they survive."""

    now = False


_trying = _Trying()


def is_trial() -> bool:
    """Whether the dump that begins here only tries something out."""
    return _trying.now


class Trials:
    """What was tried out for one dump. What several exceptions share is tried out for the first of them."""

    def __init__(self) -> None:
        # By id. Each object is kept with the answer: else another might come to have its id.
        self._known: dict[int, tuple[object, bool]] = {}

    def survive(self, value: object) -> bool:
        """As :func:`survives`, once for each object."""
        if type(value) in LEAF_TYPES:
            return True
        if id(value) not in self._known:
            self._known[id(value)] = value, survives(value)
        return self._known[id(value)][1]

    def kept(self, name: str, value: object, lost: dict[str, str]) -> object:
        """`value`; or, where it cannot be pickled and read again, its repr, which then is in `lost`."""
        if self.survive(value):
            return value
        lost[name] = _text(value)
        return lost[name]


def survives(value: object) -> bool:
    """Whether a profile of this plugin alone writes `value`, and reads what it has written.

    What is written so does not depend on what else takes part, of which a reducer knows nothing.
    """
    return type(value) in LEAF_TYPES or _holds_leaves(value) or _is_brought_back(value)


def _text(value: object) -> str:
    """The repr of `value`; of one that is long, its beginning and its end, and of many items a few."""
    try:
        text = (_REPR.repr if type(value) in CONTAINERS else repr)(value)
    except Exception:
        text = object.__repr__(value)
    first, last = _REPR_KEPT
    left_out = len(text) - first - last
    if left_out <= first:
        return text
    return f"{text[:first]}<… {left_out:,} characters …>{text[-last:]}"


def _holds_leaves(value: Any) -> bool:
    """Whether it is a plain container of plain items, which need not be tried out."""
    cls = type(value)
    if cls not in CONTAINERS:
        return False
    try:
        items = LEAF_TYPES.issuperset(map(type, value))
        return items and (cls is not dict or LEAF_TYPES.issuperset(map(type, value.values())))
    except RuntimeError:  # another thread has changed it meanwhile
        return False


def _is_brought_back(value: object) -> bool:
    before, _trying.now = _trying.now, True
    try:
        profile = alone()
        profile.loads(profile.dumps(value))
    except Exception:
        return False
    finally:
        _trying.now = before
    return True


@functools.cache
def alone() -> Profile:
    """The profile of this plugin alone."""
    import brinery_exceptions
    from brinery import Profile

    return Profile([brinery_exceptions])
