"""What brinery says on an exception: notes (PEP 678) and attributes, once, however often it is raised.

Programs keep exceptions and raise them again: one that a module holds, one that a mock raises at each call.
So what is said of where it happened takes the place of what was said before, and leaves alone what others put
there. On its way out of a dump within a dump it is told by both: the inner place, then the outer.

What is brinery's is remembered on the exception itself: most exceptions of the interpreter cannot be referred
to weakly.
"""

from __future__ import annotations

import sys
from _thread import _local as Local
from contextlib import suppress

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType, TracebackType
    from typing import Any

__all__ = ["add", "advise", "belongs_to_class", "place"]

#: The attribute for it: the notes since the last place, those before it, and the attributes' names.
_SAID = "_brinery_said"

_Said = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

_NOTHING: _Said = (), (), ()

_last = Local()


def add(exc: BaseException, note: str, *, before: bool = False) -> None:
    """Put `note` beneath the text of `exc`, where its class takes notes.

    `before` is for what is said before it is known where it happened, which :func:`place` then leaves there.
    """
    with suppress(Exception):
        early, late, names = _said(exc)
        if note in early or (note in late and not before):
            return
        _append(exc, note)
        _remember(exc, (*early, note) if before else early, late if before else (*late, note), names)


def advise(exc: BaseException, advice: str, *, as_note: bool) -> None:
    """Say on `exc`, of which :func:`place` has said where it happened, what to do about it: as an attribute.

    And beneath the last note of that, in the same one, where there may be something `as_note`.
    """
    with suppress(Exception):
        early, late, names = _said(exc)
        kept = tuple(_keep(exc, {"pickle_advice": advice}, names))
        there = exc.__dict__.get("__notes__")
        if as_note and late and type(there) is list and late[-1] in there:
            whole = f"{late[-1]}\n{advice}"
            there[there.index(late[-1])] = whole
            late = (*late[:-1], whole)
        _remember(exc, early, late, (*names, *kept))


def place(
    exc: BaseException, notes: Sequence[str], levels: Sequence[str], where: Mapping[str, object]
) -> None:
    """Say that `exc` happened at a place: its `notes`, and the attributes of `where`.

    `levels` are notes that C pickle adds as well, and adds again each time.
    """
    # A class may refuse notes and attributes: where an error happened must never hide the error.
    with suppress(Exception):
        early, late, names = _said(exc)
        if not _still_rises(exc):
            _take_away(exc, late)
            for name in names:
                exc.__dict__.pop(name, None)
            late = names = ()
        for note in levels:
            _append(exc, note)
        for note in notes:
            _append(exc, note)
        kept = tuple(_keep(exc, where, names))
        _remember(exc, (), (*early, *late, *notes), (*names, *kept))


def belongs_to_class(exc: BaseException, name: str) -> bool:
    """Whether the class of `exc` has an attribute `name` of its own, which means something else."""
    for owner in type(exc).__mro__:
        if name in vars(owner):
            return owner.__module__ != "brinery.errors"
    return False


def _keep(exc: BaseException, where: Mapping[str, object], ours: Sequence[str]) -> Iterator[str]:
    for name, value in where.items():
        if belongs_to_class(exc, name) or (name in vars(exc) and name not in ours):
            continue
        with suppress(Exception):  # a refusing __setattr__
            setattr(exc, name, value)
            yield name


def _said(exc: BaseException) -> _Said:
    said: _Said = exc.__dict__.get(_SAID, _NOTHING)
    return said


def _remember(exc: BaseException, *said: Any) -> None:
    # Not by the class's own __setattr__: it may refuse, or count.
    exc.__dict__[_SAID] = said


def _append(exc: BaseException, note: str) -> None:
    with suppress(Exception):
        # BaseException's own method: a subclass may have made add_note something else.
        BaseException.add_note(exc, note)


def _take_away(exc: BaseException, notes: Sequence[str]) -> None:
    there = exc.__dict__.get("__notes__")
    if type(there) is list:
        for note in notes:
            with suppress(ValueError):
                there.remove(note)


def _still_rises(exc: BaseException) -> bool:
    """Whether `exc` comes from the place that was said last, inside of a call of what fails now.

    Else it was caught since, and raised again. The traceback tells: what it has come through since was called
    by whatever stands above it there, or it was not.
    """
    before, caller = getattr(_last, "place", None), _caller()
    _last.place = id(exc), id(caller)
    if before is None or before[0] != id(exc):
        return False
    frames = [frame for frame in _frames(exc.__traceback__) if not _is_ours(frame)]
    if not frames or frames[0] in _stack():
        return False
    frame: FrameType | None = next((frame for frame in frames if id(frame) == before[1]), None)
    while frame is not None and frame is not frames[0]:
        frame = frame.f_back
    return frame is not None


def _caller() -> FrameType | None:
    return next((frame for frame in _stack() if not _is_ours(frame)), None)


def _stack() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _frames(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("brinery.")
