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


def check(value: object, obj: object) -> Reduction:
    """`value`, which a reducer returned for `obj`, as a Reduction.

    A str, which is the name of a global, is the caller's to see first. Raises PicklingError where
    the shape is not that of the specification.
    """
    if not isinstance(value, tuple):
        raise WriteError(f"__reduce__ must return a string or tuple, not {type(value).__name__}")
    if not 2 <= len(value) <= 6:
        raise WriteError(f"tuple returned by __reduce__ must contain 2 through 6 elements, not {len(value)}")
    reduction = Reduction(*value)
    _require("first", "be callable", reduction.callable, callable(reduction.callable))
    _require("second", "be a tuple", reduction.args, isinstance(reduction.args, tuple))
    for position, items in (("fourth", reduction.items), ("fifth", reduction.pairs)):
        _require(position, "be an iterator", items, items is None or hasattr(type(items), "__next__"))
    setter = reduction.state_setter
    _require("sixth", "be a function", setter, setter is None or callable(setter))
    return reduction


def _require(position: str, what: str, item: object, holds: bool) -> None:
    if not holds:
        raise WriteError(
            f"{position} element of the tuple returned by __reduce__ must {what}, not {type(item).__name__}"
        )
