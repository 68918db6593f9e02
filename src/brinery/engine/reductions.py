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
    """`value`, which a reducer returned for `obj`, as a Reduction. (A str, a global's name, is the caller's to see first.)

    Raises PicklingError where the shape is not that of the specification.
    """
    if not isinstance(value, tuple):
        raise WriteError("__reduce__ must return a string or tuple")
    if not 2 <= len(value) <= 6:
        raise WriteError("tuple returned by __reduce__ must contain 2 through 6 elements")
    reduction = Reduction(*value)
    if not callable(reduction.callable):
        raise WriteError("first item of the tuple returned by __reduce__ must be callable")
    if not isinstance(reduction.args, tuple):
        raise WriteError("second item of the tuple returned by __reduce__ must be a tuple")
    if reduction.items is not None and not hasattr(reduction.items, "__next__"):
        raise WriteError(f"fourth element of the tuple returned by __reduce__ must be an iterator, not {type(reduction.items).__name__}")
    if reduction.pairs is not None and not hasattr(reduction.pairs, "__next__"):
        raise WriteError(f"fifth element of the tuple returned by __reduce__ must be an iterator, not {type(reduction.pairs).__name__}")
    if reduction.state_setter is not None and not callable(reduction.state_setter):
        raise WriteError(f"sixth element of the tuple returned by __reduce__ must be a function, not {type(reduction.state_setter).__name__}")
    return reduction
