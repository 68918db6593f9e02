"""Whether a copy is like its original, as far as that can be told, and where it is not.

Values are compared as values, containers item by item, other objects by their ``__eq__``; where that
does not settle it, by their attributes, or by their reductions where their class has reductions of its own.
What has none of these, such as a lock, counts as equal where the type is. What is one object in several
places has to be one again, where it can be changed. Nothing recurses with the data.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.refusals import full_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    #: A pair of objects, and the way to them: the last step, and the way before it.
    Way = tuple[str, "Way"] | None
    Pair = tuple[object, object, Way]

__all__ = ["Difference", "first_difference"]

_VALUES = (bool, int, float, complex, str, bytes, bytearray, type(None), type(...), type(NotImplemented))
_BY_NAME = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.CodeType,
)
_MISSING = object()
_SHOWN = 60


class Difference(NamedTuple):
    """The first place where the two differ: its path, the type there, and both sides as text."""

    path: str
    type_name: str
    written: str
    read: str


def first_difference(written: object, read: object) -> Difference | None:
    """Where `read` is not like `written`; None where no difference is found."""
    pairs: list[Pair] = [(written, read, ("root", None))]
    # Each pair once: graphs have cycles. The objects are kept, so that no address comes twice.
    seen: dict[tuple[int, int], tuple[object, object]] = {}
    met: dict[int, Pair] = {}
    while pairs:
        one, other, way = pairs.pop()
        if one is other:
            continue
        if _is_one(one) and type(other) is type(one):
            _, first, where = met.setdefault(id(one), (one, other, way))
            if first is not other:
                said = f"the very object that {_path(where)} is"
                return Difference(_path(way), full_name(one), said, "another one, a copy of it")
        if (id(one), id(other)) in seen:
            continue
        seen[id(one), id(other)] = one, other
        found = _compare(one, other)
        if found is _DIFFERENT:
            texts = [_shown(one), _shown(other)]
            if type(one) is not type(other) and one is not _MISSING is not other:
                texts = [
                    f"{text}, of type {full_name(obj)}" for text, obj in zip(texts, (one, other), strict=True)
                ]
            return Difference(_path(way), full_name(one), *texts)
        # The last one is looked at first: so the first difference in order is what is reported.
        pairs += reversed([(a, b, (step, way)) for step, a, b in found])
    return None


#: What :func:`_compare` gives for two that differ; else the parts that are to be compared.
_DIFFERENT: list[tuple[str, object, object]] = [("", None, None)]
_ALIKE: list[tuple[str, object, object]] = []


def _is_one(obj: object) -> bool:
    """Whether it shows which object it is: it may be changed, and whoever shares it sees that."""
    return type(obj) in (list, dict, set, bytearray) or (
        # Not by asking for its __dict__, which would make one.
        type(obj).__dictoffset__ != 0 and not isinstance(obj, _BY_NAME) and not isinstance(obj, _VALUES)
    )


def _compare(one: Any, other: Any) -> list[tuple[str, object, object]]:
    cls = type(one)
    if isinstance(one, _BY_NAME):
        same = type(other) is cls and getattr(one, "__qualname__", 0) == getattr(other, "__qualname__", 0)
        if not same:
            return _DIFFERENT
        return _function_parts(one, other) if cls is types.FunctionType else _ALIKE
    if type(other) is not cls:
        # In-band, a buffer is written as the bytes or the bytearray that it shows.
        return _ALIKE if cls.__name__ == "PickleBuffer" else _DIFFERENT
    if cls in _VALUES:
        return _ALIKE if one == other or (one != one and other != other) else _DIFFERENT
    if cls in (list, tuple):
        return _items(one, other)
    if cls is dict:
        return _entries(one, other)
    if cls in (set, frozenset):
        return _sets(one, other)
    return _compare_objects(one, other)


def _function_parts(one: Any, other: Any) -> list[tuple[str, object, object]]:
    """What two functions hold, where they were written by value: variables, defaults, globals, attributes."""
    parts = [
        (".__code__.co_code", one.__code__.co_code, other.__code__.co_code),
        (".__defaults__", one.__defaults__, other.__defaults__),
        (".__kwdefaults__", one.__kwdefaults__, other.__kwdefaults__),
    ]
    cells = zip(one.__code__.co_freevars, one.__closure__ or (), other.__closure__ or (), strict=False)
    parts += [(f"<variable {name}>", _contents_of(cell), _contents_of(copy)) for name, cell, copy in cells]
    parts += [
        (f".__globals__[{name!r}]", one.__globals__[name], other.__globals__[name])
        for name in one.__code__.co_names
        if name in one.__globals__ and name in other.__globals__
    ]
    held, read = vars(one), vars(other)
    names = dict.fromkeys((*held, *read))
    return parts + [(f".{name}", held.get(name, _MISSING), read.get(name, _MISSING)) for name in names]


def _contents_of(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return _MISSING


def _compare_objects(one: Any, other: Any) -> list[tuple[str, object, object]]:
    cls: Any = type(one)
    equal = _equal(one, other) if cls.__eq__ is not object.__eq__ else None
    if equal is True:
        return _ALIKE
    parts: list[tuple[str, object, object]] = []
    if _has_own_reduction(cls):
        reductions = _reduction(one), _reduction(other)
        if None not in reductions:
            parts = _reduction_parts(*reductions)
        if equal is not False or parts is _DIFFERENT:
            return parts
    # Where == says no, attributes tell whether it is more than a NaN somewhere, which is equal to nothing.
    return [*parts, *_attributes(one, other), *_contents(one, other)]


def _sets(one: Any, other: Any) -> list[tuple[str, object, object]]:
    if len(one) != len(other):
        return _DIFFERENT
    # Members that are equal to themselves only come back as others.
    told = all(type(member) in (str, bytes, int, bool, type(None)) for member in one)
    return _DIFFERENT if told and one != other else _ALIKE


def _items(one: Any, other: Any) -> list[tuple[str, object, object]]:
    if len(one) != len(other):
        return _DIFFERENT
    return [(f"[{index}]", a, b) for index, (a, b) in enumerate(zip(one, other, strict=True))]


def _entries(one: Any, other: Any) -> list[tuple[str, object, object]]:
    if len(one) != len(other):
        return _DIFFERENT
    parts: list[tuple[str, object, object]] = []
    # In order: pickles keep it.
    for (key, value), (other_key, other_value) in zip(one.items(), other.items(), strict=True):
        parts.append(("<key>", key, other_key))
        parts.append((f"[{_shown(key)}]", value, other_value))
    return parts


def _attributes(one: object, other: object) -> Iterator[tuple[str, object, object]]:
    for name in dict.fromkeys((*_names(one), *_names(other))):
        yield f".{name}", _attribute(one, name), _attribute(other, name)


def _names(obj: object) -> Iterator[str]:
    yield from getattr(obj, "__dict__", ())
    for cls in type(obj).__mro__:
        for name, descriptor in vars(cls).items():
            if isinstance(descriptor, types.MemberDescriptorType) and name not in ("__dict__", "__weakref__"):
                yield name


def _attribute(obj: object, name: str) -> object:
    try:
        return object.__getattribute__(obj, name)
    except AttributeError:
        return _MISSING


def _contents(one: Any, other: Any) -> list[tuple[str, object, object]]:
    """What an object of a subclass of a container holds, and the value that one of a number is."""
    if isinstance(one, list):
        return _items(list(list.__iter__(one)), list(list.__iter__(other)))
    if isinstance(one, tuple):
        return _items(tuple(tuple.__iter__(one)), tuple(tuple.__iter__(other)))
    if isinstance(one, dict):
        return _entries(dict(dict.items(one)), dict(dict.items(other)))
    return _ALIKE


def _has_own_reduction(cls: Any) -> bool:
    return (
        cls.__reduce_ex__ is not object.__reduce_ex__
        or cls.__reduce__ is not object.__reduce__
        or getattr(cls, "__getstate__", None) is not getattr(object, "__getstate__", None)
    )


def _reduction(obj: Any) -> tuple[Any, ...] | None:
    """What the object says that it is made of; None where it does not say."""
    try:
        reduction: Any = obj.__reduce_ex__(4)
        if isinstance(reduction, str):
            return (reduction,)
        parts = (*reduction, None, None, None)
        # No state and an empty one are alike: an exception's dict is only made when it is asked for.
        state = None if type(parts[2]) is dict and not parts[2] else parts[2]
        return *parts[:2], state, list(parts[3] or ()), dict(parts[4] or ())
    except Exception:
        return None


def _reduction_parts(one: Any, other: Any) -> list[tuple[str, object, object]]:
    if len(one) != len(other):
        return _DIFFERENT
    if len(one) == 1:
        return [("", one[0], other[0])]
    parts: list[tuple[str, object, object]] = [
        (".__reduce__()[0]", one[0], other[0]),
        (".__reduce__()[1]", one[1], other[1]),
    ]
    if type(one[2]) is dict and type(other[2]) is dict:
        names = dict.fromkeys((*one[2], *other[2]))
        parts += [(f".{name}", one[2].get(name, _MISSING), other[2].get(name, _MISSING)) for name in names]
    else:
        parts.append((".__getstate__()", one[2], other[2]))
    for contents in (_items(one[3], other[3]), _entries(one[4], other[4])):
        if contents is _DIFFERENT:
            return _DIFFERENT
        parts += contents
    return parts


def _equal(one: object, other: object) -> bool | None:
    """What ``==`` says; None where it says neither True nor False, as that of arrays.

    One that fails has met what the other does not have.
    """
    try:
        said = one == other
    except Exception:
        return False
    return said if isinstance(said, bool) else None


def _path(way: Way) -> str:
    steps: list[str] = []
    while way is not None:
        step, way = way
        steps.append(step)
    return "".join(reversed(steps))


def _shown(obj: object) -> str:
    if obj is _MISSING:
        return "missing"
    try:
        text = repr(obj)
    except Exception:
        text = object.__repr__(obj)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
