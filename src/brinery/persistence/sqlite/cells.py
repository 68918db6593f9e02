"""One value in one column.

None, int (of 64 bits), float, str and bytes are stored as SQLite's own NULL, INTEGER, REAL, TEXT and
BLOB, so that the table can be read and queried by other programs. The columns that brinery makes have
no declared type, since SQLite would convert values to it (``"007"`` to 7 in an INTEGER column). A
field that is annotated ``bool`` holds 0 and 1.

Everything else is a BLOB that begins with a mark (see :mod:`brinery.persistence.records.values`): a pickle,
in which an address, a table and a key, stands for each object that has a row.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from brinery.persistence.records import values
from brinery.persistence.records.values import MARKS
from brinery.persistent_ids import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Address", "Cell", "decode", "encode", "references", "same", "storable"]

#: What SQLite stores.
Cell: TypeAlias = int | float | str | bytes | None
#: A table's name, and the key of a row in it.
Address: TypeAlias = tuple[str, Key]


def storable(value: object) -> bool:
    """Whether SQLite stores `value` as it is and gives it back as it was."""
    kind = type(value)
    if kind is int:
        return -(2**63) <= value < 2**63  # type: ignore[operator]
    if kind is str:
        # SQLite's text is UTF-8, which has no lone surrogates.
        return value.isascii() or not _has_surrogates(value)  # type: ignore[attr-defined, arg-type]
    if kind is float:
        return not math.isnan(value)  # type: ignore[arg-type]  # SQLite stores NaN as NULL
    if kind is bytes:
        return not value.startswith(MARKS)  # type: ignore[attr-defined]
    return value is None


def encode(value: object, boolean: bool, refer: Callable[[object], Address | None]) -> Cell:
    """`value` for a column; `boolean` where its field is annotated bool.

    `refer` is asked about every object in a value that is pickled: the address of one that lives in a
    row of its own, or None. Raises what pickling `value` raises.
    """
    kind = type(value)
    if boolean and kind is bool:
        return int(value)  # type: ignore[call-overload,no-any-return]
    if storable(value) and not (boolean and kind is int):
        return value  # type: ignore[return-value]
    return values.encode(value, refer)


def references(cell: Cell) -> Iterable[Address]:
    """The rows that a cell refers to. Raises what unpickling raises."""
    return values.references(cell) if type(cell) is bytes else ()  # type: ignore[return-value]


def decode(
    cell: Cell,
    boolean: bool,
    resolve: Callable[[Address], object],
    find_class: Callable[[str, str], object] | None,
) -> object:
    """The reverse of :func:`encode`; `resolve` gives the object at an address, `find_class` finds globals."""
    if type(cell) is not bytes or not cell.startswith(MARKS):
        return bool(cell) if boolean and type(cell) is int else cell
    return values.decode(cell, resolve, find_class)


def same(one: Cell, other: Cell) -> bool:
    """Whether two cells hold the same value. No code of the value's runs."""
    if type(one) is not type(other):
        return False
    if type(one) is float:  # 0.0 and -0.0 are equal, and different
        return repr(one) == repr(other)
    return one == other or (type(one) is bytes and values_same(one, other))  # type: ignore[arg-type]


def values_same(one: bytes, other: bytes) -> bool:
    """As records.canonical.same, which is imported when it is needed."""
    from brinery.persistence.records.canonical import same as canonically_same

    return canonically_same(one, other)


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
