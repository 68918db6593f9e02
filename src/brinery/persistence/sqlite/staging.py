"""What a dump has found new, until it is over; and which objects are known to be stored."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from brinery.persistence.sqlite.cells import Address, Cell
    from brinery.persistence.sqlite.tables import Layout

__all__ = ["KnownObjects", "Stage", "Staged"]


class Staged(NamedTuple):
    """A new object, held on to so that its identity stays its own, and its row once it is encoded."""

    obj: object
    layout: Layout
    cells: tuple[Cell, ...] | None


class Stage:
    """The new objects of one dump; or of one ``save``, which takes new ones whatever the store's rule."""

    def __init__(self, saving: bool = False) -> None:
        self.saving = saving
        self.staged: dict[Address, Staged] = {}
        #: Those whose rows are still to be encoded.
        self.pending: list[Address] = []
        self.encoding = False


class _Known(weakref.ref[Any]):
    __slots__ = ("address", "cells", "identity")

    identity: int
    address: Address
    cells: tuple[Cell, ...]


class KnownObjects:
    """The objects that were loaded from a store or inserted by it, as long as someone else holds them.

    By identity, not by equality. Named tuples and classes with ``__slots__`` but no ``__weakref__`` cannot
    be known: such an object's row is looked up each time.
    """

    def __init__(self) -> None:
        refs: dict[int, _Known] = {}

        def forget(gone: weakref.ref[Any]) -> None:
            # Only its own entry: the identity may have gone to another object since.
            identity = cast("_Known", gone).identity
            if refs.get(identity) is gone:
                del refs[identity]

        self._refs = refs
        self._forget = forget

    def add(self, obj: object, address: Address, cells: tuple[Cell, ...]) -> None:
        """Know that `obj` is stored, as a row of these cells."""
        try:
            known = _Known(obj, self._forget)
        except TypeError:
            return
        known.identity, known.address, known.cells = id(obj), address, cells
        self._refs[id(obj)] = known

    def find(self, obj: object, address: Address) -> tuple[Cell, ...] | None:
        """The cells that `obj` was loaded from or inserted as; None where it is not known there."""
        known = self._refs.get(id(obj))
        if known is None or known() is not obj or known.address != address:
            return None
        return known.cells

    def __len__(self) -> int:
        return len(self._refs)
