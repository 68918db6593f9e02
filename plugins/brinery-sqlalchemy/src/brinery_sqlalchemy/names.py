"""Names of mapped classes, and keys of their entities, as a stream has them.

("Customer", 7)                     the entity of Customer whose primary key is 7
("OrderLine", 7, 2)                 one whose primary key has two columns
("Customer", 7, (None, "asia"))     one with an identity token: the shard that it comes from
("Price", ("decimal", "1.50"))      a value that is no part of a brinery key, as text
(None, "table", "customers")        a Table; "column", "mapper" and "attribute" likewise
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import orm

from brinery.errors import NotStored, ReadError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from brinery.persistence import Key

__all__ = ["SCHEMA", "Entity", "Names"]

#: What goes by its name beside entities.
SCHEMA = (sa.Table, sa.Column, orm.Mapper, orm.QueryableAttribute)

_PLAIN = frozenset((str, int, bytes, UUID, date, type(None)))
_TEXTS: dict[type, tuple[str, Any]] = {
    Decimal: ("decimal", str),
    datetime: ("datetime", datetime.isoformat),
    time: ("time", time.isoformat),
    float: ("float", float.hex),
    bool: ("bool", repr),
}
_VALUES: dict[str, Any] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "float": float.fromhex,
    "bool": {"False": False, "True": True}.__getitem__,
}


class Entity:
    """A mapped class, by its name."""

    def __init__(self, name: str, mapper: orm.Mapper[Any]) -> None:
        self.name = name
        self.mapper = mapper
        self.cls: type = mapper.class_
        self.width = len(mapper.primary_key)
        #: The primary key's columns, as attributes of the class.
        self.columns = [
            getattr(self.cls, mapper.get_property_by_column(column).key) for column in mapper.primary_key
        ]
        self._kinds = [_kind(column) for column in mapper.primary_key]
        self._scales = [_scale(column) for column in mapper.primary_key]
        #: Whether a database may keep another primary key than it is given: a rounded, cut or padded one.
        self.may_round = any(_may_round(column) for column in mapper.primary_key)
        self._limits = [_limits(column) for column in mapper.primary_key]
        #: The names of those columns' attributes.
        self.key_attributes = frozenset(column.key for column in self.columns)

    def key(self, identity: Sequence[Any], token: Any) -> Key:
        """The key of the entity with a primary key. Raises NotStored where a value cannot be in one."""
        if self.width == 1 and type(identity[0]) is self._kinds[0] and type(identity[0]) in _PLAIN:
            key: tuple[Any, ...] = (self.name, identity[0])
        else:
            key = (self.name, *map(self._part, identity, self._kinds, self._scales))
        return key if token is None else (*key, (None, token))

    def _part(self, value: Any, kind: type | None, scale: int | None) -> Key:
        cls = type(value)
        # Other than the column's own type, and the database would give back another value than was asked for.
        if kind is not None and value is not None and cls is not kind:
            raise NotStored(
                f"the primary key of a {self.cls.__qualname__} is {value!r}, a {cls.__qualname__}, where its"
                f" column holds {kind.__qualname__}: give it that type, or refresh it from the database,"
                " session.refresh(obj)"
            )
        if cls in _PLAIN:
            return cast("Key", value)
        if isinstance(value, Enum):
            return "enum", value.name
        if scale is not None and cls is Decimal and value.is_finite() and value != round(value, scale):
            raise NotStored(
                f"the primary key of a {self.cls.__qualname__} is {value!r}, and its column keeps {scale}"
                " digits behind the point, so that it would not be found again: round it first"
            )
        if cls in _TEXTS:
            name, text = _TEXTS[cls]
            return name, text(value)
        raise NotStored(
            f"the primary key of a {self.cls.__qualname__} is {value!r}, and a key cannot have a"
            f" {cls.__qualname__} in it"
        )

    def may_change(self, identity: Sequence[Any]) -> bool:
        """Whether a database may keep another primary key than this one, and not say so."""
        if self.may_round:
            return True
        for value, (length, end) in zip(identity, self._limits, strict=True):
            cls = type(value)
            if cls is int:
                if not -end <= value < end:
                    return True
            elif (cls is str or cls is bytes) and len(value) > length:
                return True
        return False

    def identity(self, key: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
        """The primary key and the identity token in a key. Raises ReadError where it has another shape."""
        parts, token = key[1:], None
        if parts and type(parts[-1]) is tuple and len(parts[-1]) == 2 and parts[-1][0] is None:
            parts, token = parts[:-1], parts[-1][1]
        if len(parts) != self.width:
            raise ReadError(
                f"the key {key!r} has {len(parts)} values, and the primary key of"
                f" {self.cls.__qualname__} has {self.width} columns"
            )
        if any(type(part) is tuple for part in parts):
            parts = tuple(map(self._value, parts, self.mapper.primary_key))
        return parts, token

    def _value(self, part: Any, column: sa.ColumnElement[Any]) -> Any:
        if type(part) is not tuple:
            return part
        try:
            kind, text = part
            if kind == "enum":
                return cast("sa.Enum", column.type).enum_class[text]  # type: ignore[index]
            return _VALUES[kind](text)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as wrong:
            raise ReadError(f"{part!r} in a key of {self.cls.__qualname__} cannot be read: {wrong}") from None


def _kind(column: sa.ColumnElement[Any]) -> type | None:
    """The type of a column's values, where it is known exactly."""
    if isinstance(column.type, sa.types.TypeDecorator | sa.types.NullType):
        return None
    try:
        kind = column.type.python_type
    except NotImplementedError:
        return None
    return kind if kind in _PLAIN or kind in _TEXTS or issubclass(kind, Enum) else None


def _scale(column: sa.ColumnElement[Any]) -> int | None:
    """How many digits a decimal column keeps, where that is known."""
    kind = column.type
    return kind.scale if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float) else None


def _may_round(column: sa.ColumnElement[Any]) -> bool:
    # Types that keep what they are given, within their limits: all others are compared.
    exact = (sa.Integer, sa.Uuid, sa.Date, sa.Enum, sa.LargeBinary, sa.VARBINARY, sa.String, sa.Boolean)
    kinds = [column.type, *column.type._variant_mapping.values()]  # what it is on other databases
    return any(not isinstance(kind, exact) or isinstance(kind, sa.CHAR) for kind in kinds)


def _limits(column: sa.ColumnElement[Any]) -> tuple[int, int]:
    """How long a text, and how large an int a column holds for certain: others may be cut to that."""
    kind = column.type
    length = getattr(kind, "length", None)
    bits = 15 if isinstance(kind, sa.SmallInteger) else 63 if isinstance(kind, sa.BigInteger) else 31
    return (length if type(length) is int else 1 << 62), 1 << bits


class Names:
    """Which classes a store has, and what they are called."""

    def __init__(self, entities: Any) -> None:
        """`entities` as SqlalchemyStore takes them. Raises StoreError for what is none."""
        self._registries: list[orm.registry] = []
        self._given: dict[str, type] = {}
        self._names: dict[type, str] = {}
        self._entities: dict[str, Entity] = {}
        self._mappers = -1
        if isinstance(entities, Mapping):
            for name, cls in entities.items():
                self._give(name, cls)
        else:
            for item in entities if isinstance(entities, list | tuple | set | frozenset) else [entities]:
                self._add(item)

    def _add(self, item: Any) -> None:
        if isinstance(item, orm.registry):
            self._registries.append(item)
        elif isinstance(item, type) and sa.inspect(item, raiseerr=False) is not None:
            self._give(item.__name__, item)
        elif isinstance(getattr(item, "registry", None), orm.registry):
            self._registries.append(item.registry)
        else:
            raise StoreError(
                f"{item!r} is not mapped: entities= takes a declarative Base, a registry, mapped classes, or"
                " a dict of names to mapped classes"
            )

    def _give(self, name: str, cls: Any) -> None:
        if sa.inspect(cls, raiseerr=False) is None:
            raise StoreError(f"entities[{name!r}] is {cls!r}, which is not mapped")
        if self._given.setdefault(name, cls) is not cls:
            raise StoreError(f"{cls} and {self._given[name]} are both called {name!r}; give one another name")

    @property
    def metadata(self) -> Iterable[sa.MetaData]:
        """The tables that there are."""
        found = [registry.metadata for registry in self._registries]
        for cls in self._given.values():
            mapper: orm.Mapper[Any] = sa.inspect(cls)
            if mapper.registry.metadata not in found:
                found.append(mapper.registry.metadata)
        return found

    def entity_of(self, cls: type) -> Entity | None:
        """What is known of a class; None where it is none of the store's."""
        self._look()
        name = self._names.get(cls)
        return None if name is None else self.entity(name)

    def entity(self, name: str) -> Entity:
        """The entity called `name`. Raises ReadError where there is none, StoreError where there are two."""
        found = self._entities.get(name)
        if found is not None:
            return found
        self._look()
        classes = [cls for cls, known in self._names.items() if known == name]
        if not classes:
            raise ReadError(
                f"no mapped class is called {name!r} here; there are:"
                f" {', '.join(sorted(self._names.values()))}. If it was renamed, give its old name too:"
                f" entities={{{name!r}: TheClass, …}}"
            )
        if len(classes) > 1:
            raise StoreError(
                f"{' and '.join(map(str, classes))} are both called {name!r}. Give them names:"
                " entities={'name': TheClass, …}"
            )
        found = self._entities[name] = Entity(name, sa.inspect(classes[0]))
        return found

    def _look(self) -> None:
        # Classes may be mapped later than the store is bound.
        count = sum(len(registry.mappers) for registry in self._registries)
        if count == self._mappers:
            return
        self._mappers = count
        self._names = {cls: name for name, cls in self._given.items()}
        for registry in self._registries:
            for mapper in list(registry.mappers):
                self._names.setdefault(mapper.class_, mapper.class_.__name__)

    # tables, columns, mappers, attributes

    def schema_key(self, obj: Any) -> Key:
        """The name of a table, column, mapper or attribute; None where it is none of the store's."""
        if isinstance(obj, sa.Table):  # its name may be of a subclass of str
            known = any(metadata.tables.get(obj.key) is obj for metadata in self.metadata)
            return (None, "table", str(obj.key)) if known else None
        if isinstance(obj, sa.Column):
            table = obj.table if isinstance(obj.table, sa.Table) else None
            if table is None or table.columns.get(obj.key) is not obj or self.schema_key(table) is None:
                return None
            return None, "column", str(table.key), str(obj.key)
        cls: Any = obj.class_
        entity = self.entity_of(cls)
        if entity is None:
            return None
        if isinstance(obj, orm.Mapper):
            return None, "mapper", entity.name
        attribute = obj.key
        return (None, "attribute", entity.name, attribute) if getattr(cls, attribute, None) is obj else None

    def schema_object(self, key: tuple[Any, ...]) -> Any:
        """What has such a name; None where there is nothing."""
        kind, *names = key[1:]
        if kind in ("table", "column"):
            tables = [found for data in self.metadata if (found := data.tables.get(names[0])) is not None]
            if not tables:
                return None
            return tables[0] if kind == "table" else tables[0].columns.get(names[1])
        entity = self.entity(names[0])
        if kind == "mapper":
            return entity.mapper
        return getattr(entity.cls, names[1], None) if names[1] in entity.mapper.all_orm_descriptors else None
