"""Tables as they are declared, and how the objects of a class become rows and come back.

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

import copyreg
import dataclasses
import functools
import inspect
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from brinery.dotted import is_dotted, name_of_class
from brinery.errors import NotStored, StoreError
from brinery.persistence.sqlite.cells import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Layout", "Table"]


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
                their columns hold its key, as a foreign key. Objects of claimed classes elsewhere in an
                object are references too, within a pickled column.
    """

    name: str
    cls: type | str
    key: tuple[str, ...]
    columns: tuple[str, ...] | None
    references: Mapping[str, str]

    def __init__(
        self,
        name: str,
        cls: type | str,
        *,
        key: str | Iterable[str] = "id",
        columns: Iterable[str] | None = None,
        references: Mapping[str, str] | None = None,
    ) -> None:
        """Raises StoreError for a declaration that does not fit the class."""
        fields = {
            "name": name,
            "cls": cls,
            "key": (key,) if isinstance(key, str) else tuple(key),
            "columns": None if columns is None else tuple(columns),
            "references": MappingProxyType(dict(references or {})),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        if not name or name.startswith(("sqlite_", "brinery_")):
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


# As an annotation is found with and without "from __future__ import annotations".
_BOOLEAN: tuple[object, ...] = (bool, bool | None, "bool", "bool | None", "Optional[bool]")


class Layout:
    """How the objects of one class become rows of its table, and come back."""

    #: The columns, in the order of a row.
    columns: tuple[str, ...]
    #: Whether an object can be made before its values: then rows may refer to each other in a circle.
    shells: bool

    def __init__(self, table: Table, cls: type) -> None:
        self.table = table
        self.cls: type[Any] = cls
        self.name = table.name
        self._whole = False
        self.shells = True
        if table.columns is not None:
            self.columns = table.columns
        elif dataclasses.is_dataclass(cls):
            self.columns = tuple(field.name for field in dataclasses.fields(cls))
        elif issubclass(cls, tuple) and hasattr(cls, "_fields"):
            self.columns = cls._fields
        else:
            self.columns = (*table.key, "state")
            self._whole = True
        if issubclass(cls, tuple):
            if getattr(cls, "_fields", None) != self.columns:
                raise StoreError(
                    f"the table {self.name!r} is for {cls.__qualname__}, a tuple: only a named tuple, with"
                    " all its fields, can live in a table"
                )
            self.shells = False
        if len(set(self.columns)) < len(self.columns):
            raise StoreError(f"the table {self.name!r} names a column twice: {', '.join(self.columns)}")
        for what, names in (("key", table.key), ("references", table.references)):
            unknown = [name for name in names if name not in self.columns]
            if unknown:
                raise StoreError(
                    f"the table {self.name!r} has {what}={unknown[0]!r}, but {cls.__qualname__} has no"
                    f" such column, only {', '.join(self.columns)}; a class that is neither a dataclass nor a"
                    " named tuple needs columns=(…)"
                )
        self._known_names = frozenset(self.columns)
        self._key_of = _getter(table.key)
        self._values_of = _getter(table.key if self._whole else self.columns)
        annotations = _annotations(cls)
        #: For each column: whether its field is annotated bool, and the table that it refers to.
        self.kinds: tuple[tuple[bool, str | None], ...] = tuple(
            (annotations.get(name) in _BOOLEAN, table.references.get(name)) for name in self.columns
        )
        #: No column is annotated bool or refers to a table.
        self.plain = not any(boolean or target is not None for boolean, target in self.kinds)
        # What the class has a data descriptor for (a slot, a property) is not in the __dict__.
        self._by_dict = not any(
            hasattr(cls, name) and _is_data_descriptor(cls, name) for name in self.columns
        )
        self.key_positions = tuple(map(self.columns.index, table.key))

    def key_of(self, obj: object) -> Any:
        """The key of `obj`, one value or a tuple of them. Raises NotStored where it cannot be a key."""
        values = self._read(self._key_of, obj)
        for name, value in zip(self.table.key, values, strict=True):
            if type(value) not in (int, str, bytes) or not storable(value):
                raise NotStored(
                    f"{_named(obj)} has {name}={value!r}, which cannot be the key of a row in {self.name!r}:"
                    " set it to an int (of 64 bits), a str or bytes first"
                )
        return values[0] if len(values) == 1 else values

    def values_of(self, obj: object) -> tuple[object, ...]:
        """What the columns of an object's row hold. Raises NotStored where it has more than they can."""
        if self._whole:
            return (*self._read(self._values_of, obj), _state_of(obj))
        values = self._read(self._values_of, obj)
        attributes = getattr(obj, "__dict__", None)
        if attributes and not attributes.keys() <= self._known_names:
            self._check_complete(obj, attributes)
        return values

    def new(self) -> object:
        """An object whose values are still to come."""
        return copyreg.__newobj__(self.cls)  # type: ignore[attr-defined]

    def fill(self, obj: object, values: tuple[object, ...]) -> None:
        """Give `obj`, which :meth:`new` made, what its row holds."""
        if self._whole:
            _set_state(obj, values[-1])
        elif self._by_dict:
            obj.__dict__.update(zip(self.columns, values, strict=True))
        else:
            for name, value in zip(self.columns, values, strict=True):
                object.__setattr__(obj, name, value)

    def make(self, values: tuple[object, ...]) -> object:
        """An object that cannot be made without its values."""
        return tuple.__new__(self.cls, values)

    def _read(self, getter: Callable[[object], tuple[object, ...]], obj: object) -> tuple[object, ...]:
        try:
            return getter(obj)
        except AttributeError as missing:
            raise NotStored(
                f"{_named(obj)} lacks a value for a column of {self.name!r}: {missing}"
            ) from missing

    def _check_complete(self, obj: object, attributes: Mapping[str, object]) -> None:
        for name in attributes:
            cached = isinstance(inspect.getattr_static(self.cls, name, None), functools.cached_property)
            if name not in self.columns and not cached:
                raise NotStored(
                    f"{_named(obj)} has the attribute {name!r}, for which the table {self.name!r} has no"
                    " column: it would be lost. Declare it as a field (or in columns=), or delete it"
                )


def _named(obj: object) -> str:
    return f"an object of class {type(obj).__qualname__}"


def _getter(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    return lambda obj: tuple([getattr(obj, name) for name in names])


def _annotations(cls: type) -> dict[str, object]:
    annotations: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        for name, annotation in inspect.get_annotations(base).items():
            # typing.NamedTuple makes a ForwardRef of an annotation that is a str.
            annotations[name] = getattr(annotation, "__forward_arg__", annotation)
    return annotations


def _is_data_descriptor(cls: type, name: str) -> bool:
    return hasattr(type(inspect.getattr_static(cls, name)), "__set__")


def _state_of(obj: object) -> object:
    """The state in the object's own reduction, where nothing else is needed to make it again."""
    reduction = obj.__reduce_ex__(2)
    if (
        isinstance(reduction, tuple)
        and reduction[0] is copyreg.__newobj__  # type: ignore[attr-defined]
        and reduction[1] == (type(obj),)
        and not any(part is not None for part in reduction[3:])
    ):
        return reduction[2] if len(reduction) > 2 else None
    raise NotStored(
        f"{_named(obj)} is pickled in a way of its own, which is more than a state: its table needs"
        " columns=(…), the attributes to keep"
    )


def _set_state(obj: Any, state: Any) -> None:
    """What pickle's BUILD does (PEP 307)."""
    if state is None:
        return
    setter = getattr(obj, "__setstate__", None)
    if setter is not None:
        setter(state)
        return
    slots = None
    if type(state) is tuple and len(state) == 2:
        state, slots = state
    if state:
        obj.__dict__.update(state)
    for name, value in (slots or {}).items():
        setattr(obj, name, value)
