"""The shape of a graph: what it holds and which of its objects are the same one, as plain text lines.

Two graphs are the same, for all that pickle could say of them, where their shapes are equal.
"""

from __future__ import annotations

import copyreg
import types
from collections.abc import Iterator
from pickle import PickleBuffer

_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
_BY_NAME = (type, types.FunctionType, types.ModuleType)


def shape(root: object) -> list[str]:
    """One line per object, in the order in which they are met; an object met again is its number."""
    lines: list[str] = []
    numbers: dict[int, int] = {}
    kept: list[object] = []  # what is walked must outlive the walk, or an id could come twice
    pending: list[object] = [root]
    while pending:
        obj = pending.pop()
        kept.append(obj)
        kind = type(obj)
        if kind in _ATOMS:
            # hex, as there is a limit on the digits of a decimal
            lines.append(f"{kind.__name__} {hex(obj) if kind is int else repr(obj)}")
            continue
        if isinstance(obj, _BY_NAME):
            lines.append(f"global {obj.__module__}.{obj.__qualname__}")
            continue
        if isinstance(obj, types.BuiltinFunctionType) and isinstance(
            obj.__self__, types.ModuleType | type | None
        ):
            lines.append(f"global {obj!r}")
            continue
        if id(obj) in numbers and not (kind is tuple and not obj):
            lines.append(f"again {numbers[id(obj)]}")
            continue
        numbers[id(obj)] = len(numbers)
        parts = list(_parts(obj))
        kept.extend(parts)
        lines.append(f"{kind.__module__}.{kind.__qualname__} of {len(parts)}")
        pending.extend(reversed(parts))
    return lines


def _parts(obj: object) -> Iterator[object]:
    kind = type(obj)
    if kind in (list, tuple):
        yield from obj  # type: ignore[misc]
    elif kind is dict:
        for key, value in obj.items():  # type: ignore[attr-defined]
            yield key
            yield value
    elif isinstance(obj, set | frozenset):
        # Sets have no order: their items' own shapes give one.
        yield from sorted(" / ".join(shape(item)) for item in obj)
        yield getattr(obj, "__dict__", None)
    elif kind is bytearray:
        yield bytes(obj)  # type: ignore[call-overload]
    elif kind in (PickleBuffer, memoryview):
        yield memoryview(obj).readonly  # type: ignore[arg-type]
        yield bytes(obj)  # type: ignore[call-overload]
    else:
        yield from _reduction_parts(obj)


def _reduction_parts(obj: object) -> Iterator[object]:
    """What pickle would write of an instance. Tuples made for that have no identity: their items count."""
    reducer = copyreg.dispatch_table.get(type(obj))
    reduction = obj.__reduce_ex__(4) if reducer is None else reducer(obj)
    if isinstance(reduction, str):
        yield reduction
        return
    function, args, state, items, pairs, setter = (*reduction, *[None] * (6 - len(reduction)))
    yield function
    yield len(args)
    yield from args
    if type(state) is tuple:  # the __dict__ and the slots' values, which were put into a dict for this
        for part in state:
            yield from [item for pair in part.items() for item in pair] if type(part) is dict else [part]
    elif type(state) is dict:
        yield from [item for pair in state.items() for item in pair]
    else:
        yield state
    yield from items or ()
    for pair in pairs or ():
        yield from pair
    yield setter
