"""Which members of sets can be told from one another: those whose copy has to be equal to them."""

from __future__ import annotations

from typing import Any

from brinery.checking.asking import Patience
from brinery.checking.parts import BY_NAME, MISSING, VALUES, Kinds, attribute, names_of

__all__ = ["by_value"]


def by_value(obj: object, kinds: Kinds) -> bool:
    """Whether a faithful copy of `obj` is equal to it, with the same hash.

    False where that is not certain: where something within it is equal to nothing but itself, as plain
    objects are, or to nothing at all, as a NaN is.
    """
    pending: list[Any] = [obj]
    seen: dict[int, object] = {}
    while pending:
        part = pending.pop()
        if id(part) in seen or part is MISSING or isinstance(part, BY_NAME):
            continue
        seen[id(part)] = part
        cls: Any = type(part)
        if cls in (tuple, list, set, frozenset):
            pending += part
        elif cls is dict:
            pending += part.keys()
            pending += part.values()
        elif not _is_equal_to_itself(part):
            return False
        elif cls not in VALUES:
            if cls.__eq__ is object.__eq__ or cls.__hash__ is object.__hash__:
                return False
            fields = kinds[cls].fields
            names = names_of(part, kinds[cls]) if fields is None else fields
            pending += [attribute(part, name) for name in names]
            if isinstance(part, (tuple, list, set, frozenset, dict)):
                pending += part
    return True


def _is_equal_to_itself(obj: Any) -> bool:
    return Patience().is_itself(obj)
