"""Every exception survives: a plugin for brinery.

An exception is pickled as its class and its ``args``, with which the class is called again. Where
``__init__`` wants something else, that cannot be read back, and the pool that was waiting for it hangs
or dies; and its cause, context and traceback are lost in any case. With this plugin an exception is
made anew without calling ``__init__``, and gets back all that it had.

:func:`surviving` does the same for pools that pickle with the standard library.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

from brinery import Reducer, hookimpl
from brinery_exceptions.carrying import prepare, surviving

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["prepare", "surviving"]


@hookimpl
def brinery_reducers() -> Iterator[Reducer]:
    """Exceptions of every class, and tracebacks."""
    made_by = "brinery_exceptions.rebuilding:"
    yield Reducer(
        BaseException,
        "brinery_exceptions.reducing:reduce_exception",
        subclasses=True,
        # Beside the exception's own class, and what its author's reduction names.
        emits=(
            "copyreg:__newobj__",
            *(made_by + name for name in ("make", "restore", "restore_group", "stand_in", "unpack")),
        ),
    )
    yield Reducer(
        types.TracebackType,
        "brinery_exceptions.reducing:reduce_traceback",
        emits=("tblib.pickling_support:unpickle_traceback", "tblib:Frame", "tblib:Code", "tblib:Traceback"),
    )
