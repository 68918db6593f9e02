"""Whether two rows hold the same values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.persistence.sqlite.cells import decode, encode

if TYPE_CHECKING:
    from brinery.persistence.sqlite.cells import Address, Cell
    from brinery.persistence.sqlite.tables import Layout

__all__ = ["differences"]


def differences(layout: Layout, one: tuple[Cell, ...], other: tuple[Cell, ...]) -> list[str]:
    """The columns in which two rows differ.

    Pickles of one value may differ, in what was shared or in a set's order. They are compared as they are,
    then as the same value pickled again, then as values.
    """
    return [
        name
        for name, a, b, (boolean, _) in zip(layout.columns, one, other, layout.kinds, strict=True)
        if (type(a) is not type(b) or a != b) and not _same_value(a, b, boolean)
    ]


class _Elsewhere:
    """What stands for an object at an address, while values are compared."""

    def __init__(self, address: Address) -> None:
        self.address = address


def _same_value(one: Cell, other: Cell, boolean: bool) -> bool:
    if type(one) is not bytes or type(other) is not bytes:
        return False
    places: dict[Address, _Elsewhere] = {}

    def resolve(address: Address) -> _Elsewhere:
        return places.setdefault(address, _Elsewhere(address))

    def refer(obj: object) -> Address | None:
        return obj.address if type(obj) is _Elsewhere else None

    values = [decode(cell, boolean, resolve) for cell in (one, other)]
    if encode(values[0], boolean, refer) == encode(values[1], boolean, refer):
        return True
    try:
        return bool(values[0] == values[1])
    except Exception:  # an array's, for one, which has no single answer
        return False
