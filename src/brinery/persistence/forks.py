"""What holds a connection, when the process forks.

A child has a copy of everything in memory, also of what says that a lock is held or a connection is open, and
none of that is true for it. So what is held is given back before the fork, by the process that has it, and
taken anew by both. (SQLite keeps its locks in a table of the process: a child that opened the file again
beside an inherited connection lost commits that had been acknowledged.)
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Forking", "watch"]


class Forking(Protocol):
    """What has a say when its process forks."""

    def before_fork(self) -> None:
        """Give back what a child must not inherit, and let nobody take it until the fork is over."""

    def after_fork(self, in_child: bool) -> None:
        """The fork is over, in the parent or in the child."""


_watched: weakref.WeakSet[Forking] = weakref.WeakSet()
_ready: list[Forking] = []


def watch(holder: Forking) -> None:
    """Tell `holder` of every fork of this process, as long as it lives."""
    _watched.add(holder)


def _before() -> None:
    for holder in list(_watched):
        holder.before_fork()
        _ready.append(holder)


def _after(in_child: bool) -> None:
    while _ready:
        _ready.pop().after_fork(in_child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before,
        after_in_parent=lambda: _after(in_child=False),
        after_in_child=lambda: _after(in_child=True),
    )
