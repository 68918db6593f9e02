"""One value in one column.

None, int (of 64 bits), float, str and bytes are stored as SQLite's own NULL, INTEGER, REAL, TEXT and
BLOB, so that the table can be read and queried by other programs. The columns that brinery makes have
no declared type, since SQLite would convert values to it (``"007"`` to 7 in an INTEGER column). A
field that is annotated ``bool`` holds 0 and 1.

Everything else is a BLOB that begins with a mark:

``brinery\\x00`` and a pickle
    a value that refers to no other row.
``brinery\\x01`` and two pickles
    the list of the addresses (table and key) that the value refers to, then the value, in which a
    persistent ID stands for each of these objects.

The pickles are plain ones: no plugin takes part, so that a row never depends on what is installed.
"""

from __future__ import annotations

import io
import math
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from brinery import engine
from brinery.persistent_ids import Key

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["Address", "Cell", "addresses", "decode", "encode", "storable"]

#: What SQLite stores.
Cell: TypeAlias = int | float | str | bytes | None
#: A table's name, and the key of a row in it.
Address: TypeAlias = tuple[str, Key]

_PROTOCOL = 5
_ALONE = b"brinery\x00"
_REFERRING = b"brinery\x01"
_MARKS = (_ALONE, _REFERRING)


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
        return not value.startswith(_MARKS)  # type: ignore[attr-defined]
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
    pickler, _ = _picklers()
    addresses: dict[Address, None] = {}

    def persistent_id(obj: object) -> Address | None:
        address = refer(obj)
        if address is not None:
            addresses[address] = None
        return address

    file = io.BytesIO()
    writing = pickler(file, _PROTOCOL)
    writing.persistent_id = persistent_id
    writing.dump(value)
    if not addresses:
        return _ALONE + file.getvalue()
    listing = io.BytesIO()
    pickler(listing, _PROTOCOL).dump(list(addresses))
    return _REFERRING + listing.getvalue() + file.getvalue()


def addresses(cell: Cell) -> list[Address]:
    """The rows that a cell refers to. Raises what unpickling raises."""
    if type(cell) is not bytes or not cell.startswith(_REFERRING):
        return []
    _, unpickler = _picklers()
    return unpickler(io.BytesIO(cell[len(_REFERRING) :])).load()  # type: ignore[no-any-return]


def decode(cell: Cell, boolean: bool, resolve: Callable[[Address], object]) -> object:
    """The reverse of :func:`encode`; `resolve` gives the object at an address."""
    if type(cell) is not bytes or not cell.startswith(_MARKS):
        return bool(cell) if boolean and type(cell) is int else cell
    _, unpickler = _picklers()
    file = io.BytesIO(cell)
    file.seek(len(_ALONE))
    if cell.startswith(_REFERRING):
        unpickler(file).load()
    reading = unpickler(file)
    reading.persistent_load = resolve
    return reading.load()


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


@cache
def _picklers() -> tuple[Any, Any]:
    """The engine's classes, whose own plans are the empty ones."""
    module = engine.choose()
    return module.Pickler, module.Unpickler
