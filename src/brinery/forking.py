"""What must not be half done when the process forks: composing a profile, explaining an error.

A child gets a copy of everything in memory and only the thread that forked. A lock that another thread held
is held there for ever, also the interpreter's own for a module that was being imported, and that one nobody
can give back. So a fork waits until what :data:`whole` is held for is done; in the child, nobody holds it.
"""

from __future__ import annotations

import os
from _thread import RLock, get_ident  # threading itself takes a millisecond to import

__all__ = ["whole"]

#: Held by the thread that composes or explains. One lock for all of it, so that two threads never hold one
#: each and wait for the other's.
whole = RLock()

#: How many seconds a fork waits. More than what plugins take to be imported; but where the thread that
#: composes waits itself, for what the forking thread is importing, it would be for ever.
_PATIENCE = 30.0

#: The threads that are forking and hold the lock for it.
_forking: set[int] = set()


def _before() -> None:
    if whole.acquire(timeout=_PATIENCE):
        _forking.add(get_ident())


def _in_parent() -> None:
    if get_ident() in _forking:
        _forking.discard(get_ident())
        whole.release()


def _in_child() -> None:
    mine = get_ident() in _forking
    _forking.clear()
    if mine:
        whole.release()
    else:
        whole._at_fork_reinit()  # type: ignore[attr-defined]  # as threading's and logging's locks are


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
