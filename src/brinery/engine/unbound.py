"""A persistent ID, and nothing that could load it."""

from __future__ import annotations

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brinery.errors import UnpicklingError

__all__ = ["no_persistent_load"]


def no_persistent_load(pid: object) -> UnpicklingError:
    """The error for it, which says which store to bind where the ID names one."""
    # Needed here only: what reads the IDs' text would take time at every start.
    from brinery.persistent_ids import unbound

    return unbound(pid)
