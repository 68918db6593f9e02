"""The short way, for what most rows are: objects whose attributes are all columns, and SQLite's own values.

What it cannot tell at a glance it leaves to the layout, which looks at each value.
"""

from __future__ import annotations

import keyword
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

from brinery.engine import attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from brinery.persistence.sqlite.cells import Cell

    Row: TypeAlias = tuple[Cell, ...]

__all__ = ["maker", "reader"]

_LOW, _HIGH = -(2**63), 2**63
_SIMPLE = frozenset((int, str, float, type(None)))


def reader(columns: tuple[str, ...], more: tuple[Cell, ...]) -> Callable[[Any], Row | None]:
    """A function of an object: its values, and `more` behind them; None where it is not so simple.

    The object has a ``__dict__``, and what its class has under the names of `columns` does not matter.
    """
    # For the types of a row: where an int may be too large, a str may hold surrogates, a float may be NaN.
    known: dict[tuple[type, ...], tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {}

    def look(kinds: tuple[type, ...]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
        if not _SIMPLE.issuperset(kinds):
            return None
        places = [
            tuple([place for place, found in enumerate(kinds) if found is kind]) for kind in (int, str, float)
        ]
        known[kinds] = found = places[0], places[1], places[2]
        return found

    columns = tuple(map(sys.intern, columns))
    attributes_of = attributes.reader()

    def row_of(obj: Any) -> Row | None:
        row = attributes_of(obj, columns, more)
        if row is None:
            return None
        kinds = tuple(map(type, row))
        places = known.get(kinds) or look(kinds)
        if places is None:
            return None
        ints, strs, floats = places
        for place in ints:
            if not _LOW <= row[place] < _HIGH:
                return None
        for place in strs:
            if not row[place].isascii():
                return None
        for place in floats:
            if row[place] != row[place]:
                return None
        return row

    return row_of


def maker(cls: type, columns: tuple[str, ...], more: int) -> Callable[[Iterable[Row]], list[Any]] | None:
    """A function that makes objects of rows, which have `more` values behind those of `columns`.

    None where attributes cannot simply be assigned to. Assigning takes a third of the time of filling the
    ``__dict__``, and half of the memory, since none is made.
    """
    named = all(name.isascii() and name.isidentifier() and not keyword.iskeyword(name) for name in columns)
    setting: Any = cls.__setattr__
    if setting is not object.__setattr__ or not named or any(map(_is_dunder, columns)):
        return None
    values = [f"v{place}" for place in range(len(columns))]
    assigned = "; ".join(f"obj.{name} = {value}" for name, value in zip(columns, values, strict=True))
    text = (
        "def objects_of(rows):\n"
        "    made = []\n"
        "    add = made.append\n"
        f"    for {', '.join([*values, *['_'] * more])}, in rows:\n"
        "        obj = new(cls)\n"
        f"        {assigned}\n"
        "        add(obj)\n"
        "    return made\n"
    )
    space: dict[str, Any] = {"new": cls.__new__, "cls": cls}
    exec(text, space)  # as dataclasses makes its __init__: of names that are identifiers
    return space["objects_of"]  # type: ignore[no-any-return]


def _is_dunder(name: str) -> bool:
    return name.startswith("__")
