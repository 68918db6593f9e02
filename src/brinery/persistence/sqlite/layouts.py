"""How the objects of one class become rows of its table, and come back."""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import inspect
import typing
from contextlib import suppress
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any

from brinery.building import build
from brinery.errors import NotStored, StoreError
from brinery.persistence.records.known import KnownObjects
from brinery.persistence.sqlite.cells import encode, storable
from brinery.persistence.sqlite.quick import maker, reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from brinery.persistence.sqlite.cells import Address, Cell
    from brinery.persistence.sqlite.lazy import Loading
    from brinery.persistence.sqlite.tables import Table

__all__ = ["Layout"]

# As an annotation is found where it cannot be evaluated.
_BOOLEAN: tuple[object, ...] = (bool, bool | None, "bool", "bool | None", "None | bool", "Optional[bool]")
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, or at run time


class Layout:
    """How the objects of one class become rows of its table, and come back."""

    #: The columns, in the order of a row.
    columns: tuple[str, ...]
    #: Whether an object can be made before its values: then rows may refer to each other in a circle.
    shells: bool
    #: Whether the table counts the changes of each row; known once it is compared with the database. Then a
    #: row has its version behind its cells.
    versioned: bool = False
    #: Gives the row of an object whose values are SQLite's own; None where there is no such short way.
    row_of: Callable[[Any], tuple[Cell, ...] | None] | None = None
    #: Whether a row without bytes is the object's values as they are, under a key of one column.
    quick: bool = False
    #: Whether objects of such rows are made without any code of their class's.
    makes_quietly: bool = False
    _objects_of: Callable[[Iterable[tuple[Cell, ...]]], list[Any]] | None = None

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
        indexed = [name for index in table.indexes for name in index]
        for what, names in (("key", table.key), ("references", table.references), ("indexes", indexed)):
            unknown = [name for name in names if name not in self.columns]
            if unknown:
                raise StoreError(
                    f"the table {self.name!r} has {what}={unknown[0]!r}, but {cls.__qualname__} has no"
                    f" such column, only {', '.join(self.columns)}; a class that is neither a dataclass nor a"
                    " named tuple needs columns=(…)"
                )
        self._check_class()
        self._known_names = frozenset(self.columns)
        self._slots = [] if self._whole else _slots_beside(cls, self._known_names)
        self._key_of = _getter(table.key)
        self._values_of = _getter(table.key if self._whole else self.columns)
        booleans = _booleans(cls)
        #: For each column: whether its field is annotated bool, and the table that it refers to.
        self.kinds: tuple[tuple[bool, str | None], ...] = tuple(
            (name in booleans, table.references.get(name)) for name in self.columns
        )
        #: No column is annotated bool or refers to a table.
        self.plain = not any(boolean or target is not None for boolean, target in self.kinds)
        # What the class has a data descriptor for (a slot, a property) is not in the __dict__.
        self._by_dict = not any(
            hasattr(cls, name) and _is_data_descriptor(cls, name) for name in self.columns
        )
        self._by_dict_alone = self._by_dict and self.shells and not self._whole and hasattr(cls, "__dict__")
        self.key_positions = tuple(map(self.columns.index, table.key))
        #: The place of a key of one column.
        self.key_position = self.key_positions[0] if len(self.key_positions) == 1 else None
        #: The objects of this class that were loaded or stored, with their rows.
        self.known: KnownObjects[tuple[Cell, ...]] = KnownObjects(len(self.columns))
        #: Those that are still to be loaded: their keys, and what they are loaded with.
        self.ghosts: KnownObjects[tuple[Any, Loading]] = KnownObjects()
        #: What these are of (see lazy), or None where there can be none; decided when it is needed.
        self.ghost_class: type | None = None
        self.ghosts_decided = False

    def is_compared(self, versioned: bool) -> None:
        """The table is compared with the database: whether it counts the changes of each row."""
        self.versioned = versioned
        if versioned:
            self.known = KnownObjects(len(self.columns) + 1)
        self.quick = self.plain and not self._whole and self.key_position is not None
        if self.plain and self._by_dict_alone:
            if self.key_position is not None:
                self.row_of = reader(self.columns, (1,) if versioned else ())
            self._objects_of = maker(self.cls, self.columns, int(versioned))
            new: Any = self.cls.__new__
            self.makes_quietly = self._objects_of is not None and new is object.__new__

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

    def is_as_loaded(self, obj: Any, cells: tuple[Cell, ...]) -> bool:
        """Whether `obj` holds the very objects that its row was read as, as most do that did not change.

        False where that cannot be told so cheaply.
        """
        return (
            self._by_dict_alone
            and len(obj.__dict__) == len(self.columns)
            and all(map(is_, self._values_of(obj), cells))
        )

    def simple_cells(self, obj: object) -> tuple[Cell, ...] | None:
        """The cells of an object whose values are SQLite's own; None where it takes more to tell them."""
        if not self.plain:
            return None
        values = self._all_values_of(obj)
        for value in values:
            kind = type(value)
            if kind is int:
                if not -(2**63) <= value < 2**63:  # type: ignore[operator]
                    return None
            elif not (kind is str and value.isascii()) and not storable(value):  # type: ignore[attr-defined]
                return None
        return values  # type: ignore[return-value]  # what is storable is a cell

    def encode(
        self, obj: object, refer: Callable[[object], Address | None], place: list[object] | None = None
    ) -> tuple[Cell, ...]:
        """The cells of an object's row. Raises NotStored where it has more than they can hold.

        The last item of `place` is the column whose value `refer` is asked about.
        """
        simple = self.simple_cells(obj)
        if simple is not None:
            return simple
        values = self._all_values_of(obj)
        cells: list[Cell] = []
        for value, name, (boolean, target) in zip(values, self.columns, self.kinds, strict=True):
            if target is None:
                if place is not None:
                    place[-1] = name
                try:
                    cells.append(encode(value, boolean, refer))
                except NotStored:
                    raise
                except Exception as failed:
                    raise NotStored(
                        f"an object of class {self.cls.__qualname__} cannot be a row of {self.name!r}:"
                        f" its {name} cannot be pickled: {failed}"
                    ) from failed
                continue
            address = refer(value) if value is not None else None
            if value is not None and (address is None or address[0] != target):
                raise NotStored(
                    f"{self.cls.__qualname__}.{name} refers to the table {target!r}, and holds a"
                    f" {type(value).__qualname__}, which does not live there"
                )
            cells.append(None if address is None else address[1])  # type: ignore[arg-type]
        return tuple(cells)

    def new(self) -> object:
        """An object whose values are still to come."""
        make: Any = self.cls.__new__
        return make(self.cls)

    def fill(self, obj: object, values: tuple[object, ...]) -> None:
        """Give `obj`, which :meth:`new` made, what its row holds; what is behind the columns is left out."""
        if self._whole:
            state = values[len(self.columns) - 1]
            if state is not None:  # a reduction without a state is no BUILD
                build(obj, state)
        elif self._by_dict:
            obj.__dict__.update(zip(self.columns, values, strict=False))
        else:
            for name, value in zip(self.columns, values, strict=False):
                object.__setattr__(obj, name, value)

    def all_simple(self, rows: Iterable[tuple[Cell, ...]]) -> Iterator[object]:
        """The objects of rows whose cells are their values: as new and fill, for many at once."""
        if self._objects_of is not None:
            yield from self._objects_of(rows)
            return
        cls, columns = self.cls, self.columns
        make: Any = cls.__new__
        if self._by_dict_alone:
            for cells in rows:
                obj = make(cls)
                obj.__dict__.update(zip(columns, cells, strict=False))
                yield obj
        elif self.shells:
            for cells in rows:
                obj = make(cls)
                self.fill(obj, cells)
                yield obj
        else:
            for cells in rows:
                yield self.make(cells)

    def make(self, values: tuple[object, ...]) -> object:
        """An object that cannot be made without its values."""
        return tuple.__new__(self.cls, values[: len(self.columns)])

    def _all_values_of(self, obj: object) -> tuple[object, ...]:
        if self._whole:
            return (*self._read(self._values_of, obj), _state_of(obj))
        values = self._read(self._values_of, obj)
        attributes = getattr(obj, "__dict__", None)
        if attributes and not attributes.keys() <= self._known_names:
            self._check_complete(obj, attributes)
        for slot in self._slots:
            if hasattr(obj, slot):
                raise self._lost(obj, slot)
        return values

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
            if name not in self._known_names and not cached:
                raise self._lost(obj, name)

    def _lost(self, obj: object, name: str) -> NotStored:
        return NotStored(
            f"{_named(obj)} has the attribute {name!r}, for which the table {self.name!r} has no"
            " column: it would be lost. Declare it as a field (or in columns=), or delete it"
        )

    def _check_class(self) -> None:
        """Refuse a class whose objects are more than their attributes, or cannot be made from these."""
        cls = self.cls
        for base in cls.__mro__:
            # What C made may keep what no attribute shows: a list's items, a str's text, an exception's args.
            if (
                not base.__flags__ & _HEAP_TYPE
                and base is not object
                and not (base is tuple and not self.shells)
            ):
                raise StoreError(
                    f"the table {self.name!r} is for {cls.__qualname__}, a {base.__qualname__}: what that"
                    " holds of"
                    " its own has no column and would be lost. Keep it in an attribute instead"
                )
        if self.shells:
            new: Any = cls.__new__
            if new is not object.__new__ and not _takes_no_arguments(new):
                raise StoreError(
                    f"the table {self.name!r} is for {cls.__qualname__}, whose __new__ takes arguments:"
                    " its objects"
                    " could be written and not read"
                )
        if not self._whole and self.shells:
            for name in self.columns:
                found = inspect.getattr_static(cls, name, None)
                if isinstance(found, property) and found.fset is None:
                    raise StoreError(
                        f"the table {self.name!r} has the column {name!r}, which is a property of"
                        f" {cls.__qualname__} that cannot be set: it could be written and not read"
                    )


def _named(obj: object) -> str:
    return f"an object of class {type(obj).__qualname__}"


def _getter(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda obj: (get(obj),)


def _takes_no_arguments(new: Any) -> bool:
    try:
        inspect.signature(new).bind(None)
    except (TypeError, ValueError):
        return False
    return True


def _slots_beside(cls: type, names: frozenset[str]) -> list[str]:
    """The slots of a class and its bases that no column stands for."""
    found: list[str] = []
    for base in cls.__mro__:
        slots = vars(base).get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else tuple(slots):
            private = slot.startswith("__") and not slot.endswith("__")
            name = f"_{base.__name__.lstrip('_')}{slot}" if private else slot
            if name not in names and name not in ("__dict__", "__weakref__"):
                found.append(name)
    return found


def _booleans(cls: type) -> set[str]:
    """The fields that are annotated bool, in whatever way that is spelled."""
    annotations: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        for name, annotation in inspect.get_annotations(base).items():
            # typing.NamedTuple makes a ForwardRef of an annotation that is a str.
            annotations[name] = getattr(annotation, "__forward_arg__", annotation)
    with suppress(Exception):  # a name that only a type checker knows: what can be told is told by the text
        annotations.update(typing.get_type_hints(cls))
    return {name for name, annotation in annotations.items() if _is_boolean(annotation)}


def _is_boolean(annotation: object) -> bool:
    try:
        if annotation in _BOOLEAN:
            return True
    except Exception:  # an annotation may be anything
        return False
    if isinstance(annotation, str):
        return annotation.replace("typing.", "").replace("builtins.", "").replace(" ", "") in (
            "bool",
            "bool|None",
            "None|bool",
            "Optional[bool]",
            "Union[bool,None]",
            "Union[None,bool]",
        )
    return False


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
