"""Tables as they are declared.

=====================  ============================================================================
the class              its row
=====================  ============================================================================
a dataclass            a column for each field
a named tuple          a column for each field
any, with ``columns``  a column for each attribute named there
any other              the key's columns, and ``state``: what pickle would write as the object's state
=====================  ============================================================================

As in pickle, ``__init__`` is not called: an object is made by ``__new__`` and then gets its
attributes or its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from brinery.dotted import is_dotted, name_of_class
from brinery.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Table"]


@dataclass(frozen=True, init=False)
class Table:
    """A named table, and the class whose objects are its rows.

    name        the table's name, as it is in the database and in persistent IDs.
    cls         the class: objects whose type is exactly this live here. Or its name,
                ``"package.module:QualName"``, imported when the first row is loaded.
    key         the attribute that tells the objects apart, or a tuple of several. Its values are ints, strs
                or bytes, and never change.
    columns     the attributes that become columns; left out, what the table above says.
    references  attributes that hold an object of another table (or None), and the name of that table:
                their columns hold its key, as a foreign key, with an index. Objects of claimed classes
                elsewhere in an object are references too, within a pickled column.
    indexes     attributes, or tuples of them, by which rows are looked for: an index for each.
    """

    name: str
    cls: type | str
    key: tuple[str, ...]
    columns: tuple[str, ...] | None
    references: Mapping[str, str]
    indexes: tuple[tuple[str, ...], ...]

    def __init__(
        self,
        name: str,
        cls: type | str,
        *,
        key: str | Iterable[str] = "id",
        columns: Iterable[str] | None = None,
        references: Mapping[str, str] | None = None,
        indexes: Iterable[str | Iterable[str]] = (),
    ) -> None:
        """Raises StoreError for a declaration that does not fit the class."""
        from brinery.persistence.sqlite.layouts import Layout

        fields = {
            "name": name,
            "cls": cls,
            "key": (key,) if isinstance(key, str) else tuple(key),
            "columns": None if columns is None else tuple(columns),
            "references": MappingProxyType(dict(references or {})),
            "indexes": tuple([(index,) if isinstance(index, str) else tuple(index) for index in indexes]),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        if not name or "\0" in name or name.lower().startswith(("sqlite_", "brinery_")):
            raise StoreError(f"{name!r} cannot be a table's name: it is empty, or kept for SQLite or brinery")
        if not self.key:
            raise StoreError(f"the table {name!r} has no key")
        if isinstance(cls, type):
            Layout(self, cls)
        elif not is_dotted(cls):
            raise StoreError(
                f"the table {name!r} is for {cls!r}; write the class as 'package.module:QualName'"
            )

    @property
    def class_name(self) -> str:
        """The class as ``package.module:QualName``."""
        return self.cls if isinstance(self.cls, str) else name_of_class(self.cls)
