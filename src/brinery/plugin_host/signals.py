"""Exceptions that come from a signal's handler.

They are raised wherever the program happens to be, and belong to it: a timeout that fires while a plugin is
imported says nothing of the plugin.
"""

from __future__ import annotations

import sys

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

__all__ = ["raise_interruption"]


def raise_interruption(failure: BaseException) -> None:
    """Raise what a signal's handler raised, where `failure` is that or came of it; else do nothing.

    A handler is known by its code, in the traceback: those are asked for that are in force now.
    """
    signal = sys.modules.get("signal") or sys.modules.get("_signal")
    if signal is None:
        return
    numbers = signal.valid_signals() if hasattr(signal, "valid_signals") else range(1, signal.NSIG)
    handlers = {code for number in numbers for code in _codes(signal.getsignal(number))}
    if not handlers:
        return
    for exc in _line_of(failure):
        trace = exc.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code in handlers:
                raise exc
            trace = trace.tb_next


def _codes(handler: object) -> Iterator[CodeType]:
    """The code of a handler: of a function, a method, a partial of one, or a class's ``__call__``."""
    while hasattr(handler, "func"):  # functools.partial, by its shape
        handler = handler.func
    for called in (handler, type(handler).__call__ if callable(handler) else None):
        code = getattr(getattr(called, "__func__", called), "__code__", None)
        if code is not None:
            yield code


def _line_of(failure: BaseException) -> Iterator[BaseException]:
    """`failure`, and what it was raised from, or in the handling of."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [failure]
    while waiting:
        exc = waiting.pop()
        if exc is not None and id(exc) not in seen:
            seen.add(id(exc))
            yield exc
            waiting += (exc.__context__, exc.__cause__)
