"""What became of a file, a shelf or a column."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from brinery.upgrade.rules import Changes

__all__ = ["Done", "State"]

#: ``replaced`` by the new one; ``written`` elsewhere; ``copied`` there, as it holds no pickles; ``same``, as
#: nothing changes; ``done before``, by a run that was interrupted; ``other``, no file of pickles; ``left
#: out``, a link to a folder; ``failed``.
State: TypeAlias = Literal[
    "replaced", "written", "copied", "same", "done before", "other", "left out", "failed"
]


class Done(NamedTuple):
    """What became of a file.

    path, state  which, and what
    changes      what was changed in it
    error        why it failed, or what it is in the place of pickles
    faults       of a database, what failed in it, each with its place; no more than the first hundred
    note         what is good to know of it
    left         what in it stays old, though it may hold pickles, each with the reason: members of an
                 archive, a database in a folder
    """

    path: str
    state: State
    changes: Changes = Changes()
    error: str = ""
    faults: tuple[str, ...] = ()
    note: str = ""
    left: tuple[str, ...] = ()
