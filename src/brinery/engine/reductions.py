"""Checking what a reducer gave back (PEP 307; pickle documentation, ``object.__reduce__``)."""

from __future__ import annotations

from brinery import refusals
from brinery.lean_typing import TYPE_CHECKING, NamedTuple

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


def check(value: object) -> Reduction:
    """`value`, which a reducer returned, as a Reduction.

    A str, which is the name of a global, is the caller's to see first. Raises BadReduction where
    the shape is not that of the specification.
    """
    if not isinstance(value, tuple):
        raise refusals.reduction_kind(value)
    if not 2 <= len(value) <= 6:
        raise refusals.reduction_length()
    # By tuple's own constructor: the one that takes keywords costs as much as all of the checks.
    reduction = tuple.__new__(Reduction, value + _LEFT_OUT[len(value)])
    function, args, _, items, pairs, setter = reduction
    if not callable(function):
        raise refusals.reduction_item(0, function)
    if not isinstance(args, tuple):
        raise refusals.reduction_item(1, args)
    if items is not None and not hasattr(type(items), "__next__"):
        raise refusals.reduction_item(3, items)
    if pairs is not None and not hasattr(type(pairs), "__next__"):
        raise refusals.reduction_item(4, pairs)
    if setter is not None and not callable(setter):
        raise refusals.reduction_item(5, setter)
    return reduction
