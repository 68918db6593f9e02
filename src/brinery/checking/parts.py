"""What objects are made of, for comparing them: what their ``==`` looks at, and their attributes."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    #: A step of a path: text, the index of an item, or text with a place for a key. Few are ever shown.
    Step = str | int | tuple[str, object]
    Part = tuple[Step, object, object]

__all__ = [
    "BY_NAME",
    "MISSING",
    "VALUES",
    "Kinds",
    "attribute",
    "attributes",
    "names_of",
    "shown",
]

VALUES = (bool, int, float, complex, str, bytes, bytearray, type(None), type(...), type(NotImplemented))
BY_NAME = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.CodeType,
)
MISSING = object()
_SHOWN = 60


class Kind(NamedTuple):
    """What comparing has to know of a class.

    fields         the fields that ``==`` compares, where it is what dataclasses makes; None where it is not.
    own_reduction  whether it says otherwise than ``object`` what its objects are written as.
    asked_last     whether it has an ``__eq__`` of Python. What its objects are made of is compared first:
                   asked first, it would ask that of the parts, and that of theirs.
    slots          the names of its slots.
    """

    fields: list[str] | None
    own_reduction: bool
    asked_last: bool
    slots: list[str]


class Kinds(dict[Any, Kind]):
    """The kinds of classes, each found out once. Not for longer than one comparison: classes change."""

    def __missing__(self, cls: Any) -> Kind:
        """The kind of a class that was not asked for before."""
        fields, own_reduction = _compared_fields(cls), _has_own_reduction(cls)
        own_eq = isinstance(cls.__eq__, types.FunctionType) and fields is None
        kind = self[cls] = Kind(fields, own_reduction, own_eq, list(_slots(cls)))
        return kind


def _compared_fields(cls: Any) -> list[str] | None:
    eq: Any = cls.__eq__
    if not isinstance(eq, types.FunctionType) or not hasattr(cls, "__dataclass_fields__"):
        return None
    # What inherits it is compared by the fields of the class that has it.
    owner: Any = next(base for base in cls.__mro__ if "__eq__" in vars(base))
    fields: Any = vars(owner).get("__dataclass_fields__", {})
    params: Any = vars(owner).get("__dataclass_params__")
    if not getattr(params, "eq", False):
        return None
    # A dataclass may have an __eq__ of its own, and is not given another then. Nothing marks the one that
    # it is given but that it is of no file, and uses nothing but what it compares.
    code = eq.__code__
    made = code.co_filename == "<string>" and {"__class__"} <= set(code.co_names) <= {
        "__class__",
        "NotImplemented",
        *fields,
    }
    return [name for name, field in fields.items() if field.compare and _is_field(field)] if made else None


def _is_field(field: Any) -> bool:
    """Not a ClassVar or an InitVar, of which objects have none."""
    return getattr(field._field_type, "name", "_FIELD") == "_FIELD"


def _slots(cls: Any) -> Iterator[str]:
    for base in cls.__mro__:
        for name, descriptor in vars(base).items():
            if isinstance(descriptor, types.MemberDescriptorType) and name not in ("__dict__", "__weakref__"):
                yield name


def attributes(one: object, other: object, kind: Kind) -> list[Part]:
    """The attributes of two of one class, with their steps."""
    names = dict.fromkeys((*names_of(one, kind), *names_of(other, kind)))
    return [(f".{name}", attribute(one, name), attribute(other, name)) for name in names]


def names_of(obj: object, kind: Kind) -> Iterator[str]:
    """The names of an object's own attributes: those in its dict and in its slots."""
    yield from getattr(obj, "__dict__", ())
    yield from kind.slots


def attribute(obj: object, name: str) -> object:
    """An attribute, or MISSING."""
    try:
        return object.__getattribute__(obj, name)
    except AttributeError:
        return MISSING


def _has_own_reduction(cls: Any) -> bool:
    return (
        cls.__reduce_ex__ is not object.__reduce_ex__
        or cls.__reduce__ is not object.__reduce__
        or getattr(cls, "__getstate__", None) is not getattr(object, "__getstate__", None)
    )


def shown(obj: object) -> str:
    """An object as a short text."""
    if obj is MISSING:
        return "missing"
    try:
        text = repr(obj)
    except Exception:
        text = object.__repr__(obj)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
