"""What can be pickled: it is tried, for nothing else can tell."""

from __future__ import annotations

import functools
import reprlib
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from brinery import Profile, Reducer, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CONTAINERS", "LEAF_TYPES", "LEAVES", "Trials", "alone"]

LEAVES = (str, int, float, bool, bytes, type(None))
LEAF_TYPES = frozenset(LEAVES)
CONTAINERS = frozenset({tuple, list, dict, set, frozenset})

#: How much is kept of the repr of what cannot be pickled: beginning and end, in characters.
_REPR_KEPT = 400, 100
_REPR = reprlib.Repr()
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxfrozenset = _REPR.maxdict = 20
_REPR.maxstring = _REPR.maxother = 200


class _Trying(threading.local):
    """What goes on in this thread.

    trials  those of the dump for which something is tried out: the dumps of the trial are part of it
    met     whether the trial that is at work has met an exception
    ahead   by id, what is tried out with its exceptions as they are
    """

    trials: Trials | None = None
    met = False

    def __init__(self) -> None:
        self.ahead: set[int] = set()


class Trials:
    """What was tried out for one dump. What several exceptions share is tried out for the first of them."""

    def __init__(self) -> None:
        # By id. Each object is kept with the answer: else another might come to have its id.
        self._known: dict[int, tuple[object, bool]] = {}

    @classmethod
    def of_dump(cls) -> Trials:
        """For a dump that begins here: its own, or those of the dump for which it is a trial."""
        return _trying.trials or cls()

    def survive(self, value: object) -> bool:
        """As :meth:`survives`, once for each object."""
        if type(value) in LEAF_TYPES:
            return True
        if id(value) not in self._known:
            self._known[id(value)] = value, self.survives(value)
        return self._known[id(value)][1]

    def survives(self, value: object) -> bool:
        """Whether a profile of this plugin alone writes `value`, and reads what it has written.

        What is written so does not depend on what else takes part, of which a reducer knows nothing.
        """
        return type(value) in LEAF_TYPES or _holds_leaves(value) or self._is_brought_back(value)

    def _is_brought_back(self, value: object) -> bool:
        """Exceptions in it are not looked into at first: they survive. But what holds them may want them."""
        before = _trying.met
        _trying.met = False
        try:
            if _comes_back(value, _without_exceptions()):
                return True
            if not _trying.met:
                return False
        finally:
            _trying.met = before
        if id(value) in _trying.ahead:  # it is within itself
            return True
        outer, _trying.trials = _trying.trials, self
        _trying.ahead.add(id(value))
        try:
            return _comes_back(value, alone())
        finally:
            _trying.ahead.discard(id(value))
            _trying.trials = outer

    def kept(self, name: str, value: object, lost: dict[str, str]) -> object:
        """`value`; or, where it cannot be pickled and read again, its repr, which then is in `lost`."""
        if self.survive(value):
            return value
        lost[name] = _text(value)
        return lost[name]


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


def _comes_back(value: object, profile: Profile) -> bool:
    try:
        profile.loads(profile.dumps(value))
    except Exception:
        return False
    return True


def _reduce_nothing(exc: BaseException) -> tuple[Any, ...]:
    _trying.met = True
    return str, ("",)


class _Nothing:
    """A plugin for which every exception is nothing."""

    __name__ = "exceptions left out"

    @hookimpl
    def brinery_reducers(self) -> Iterator[Reducer]:
        yield Reducer(BaseException, _reduce_nothing, subclasses=True)
        yield Reducer(TracebackType, "brinery_exceptions.reducing:reduce_traceback")


@functools.cache
def _without_exceptions() -> Profile:
    return Profile([_Nothing()])


@functools.cache
def alone() -> Profile:
    """The profile of this plugin alone."""
    import brinery_exceptions

    return Profile([brinery_exceptions])


_trying = _Trying()
