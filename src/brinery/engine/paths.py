"""The way from the root of a dump to the object that failed, as text."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["path_of"]


def path_of(chain: Sequence[object]) -> str:
    """The path along `chain`: the objects being written when it failed, the root first, the failing one last.

    Where an object is written through a reduction, the chain may hold the Reduction between the
    object and its part; where an engine wrote the instance's state without one, the state follows the
    object. Steps are found by identity, which is exact: an object met twice fails at its first place.
    """
    raise NotImplementedError
