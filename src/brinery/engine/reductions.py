"""Checking what a reducer gave back (PEP 307; pickle documentation, ``object.__reduce__``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from brinery.errors import WriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Reduction", "check"]


class Reduction(NamedTuple):
    """A checked reduction: always six items, None where the reducer left one out."""

    callable: Callable[..., object]
    args: tuple[object, ...]
    state: object = None
    items: Iterator[object] | None = None
    pairs: Iterator[tuple[object, object]] | None = None
    state_setter: Callable[[object, object], object] | None = None


#: By how many items a reducer gave: what stands for the others.
_LEFT_OUT = [(None,) * (6 - given) for given in range(7)]


def check(value: object, obj: object) -> Reduction:
    """`value`, which a reducer returned for `obj`, as a Reduction.

    A str, which is the name of a global, is the caller's to see first. Raises PicklingError where
    the shape is not that of the specification.
    """
    if not isinstance(value, tuple):
        raise WriteError(f"__reduce__ must return a string or tuple, not {type(value).__name__}")
    if not 2 <= len(value) <= 6:
        raise WriteError(f"tuple returned by __reduce__ must contain 2 through 6 elements, not {len(value)}")
    # By tuple's own constructor: the one that takes keywords costs as much as all of the checks.
    reduction = tuple.__new__(Reduction, value + _LEFT_OUT[len(value)])
    function, args, _, items, pairs, setter = reduction
    if not callable(function):
        raise _refusal("first", "callable", function)
    if not isinstance(args, tuple):
        raise _refusal("second", "a tuple", args)
    if items is not None and not hasattr(type(items), "__next__"):
        raise _refusal("fourth", "an iterator", items)
    if pairs is not None and not hasattr(type(pairs), "__next__"):
        raise _refusal("fifth", "an iterator", pairs)
    if setter is not None and not callable(setter):
        raise _refusal("sixth", "a function", setter)
    return reduction


def _refusal(position: str, wanted: str, item: object) -> WriteError:
    return WriteError(
        f"{position} element of the tuple returned by __reduce__ must be {wanted}, not {type(item).__name__}"
    )
