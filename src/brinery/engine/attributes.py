"""An instance's attributes, read as the engines read them: without making a dict that is not there yet."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any

from brinery.engine import choose

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["comparer", "reader"]


def reader() -> Callable[[Any, tuple[str, ...], tuple[Any, ...]], tuple[Any, ...] | None]:
    """``attributes_of(obj, names, more)``: the values of an object's attributes, and `more` behind them.

    It gives None where they are not `names`, which are interned, in that order. There is a ``__dict__``.
    """
    return getattr(choose(), "attributes_of", _attributes_of)


def _attributes_of(obj: Any, names: tuple[str, ...], more: tuple[Any, ...]) -> tuple[Any, ...] | None:
    attributes = obj.__dict__
    return (*attributes.values(), *more) if tuple(attributes) == names else None


def comparer() -> Callable[[Any, tuple[str, ...], tuple[Any, ...]], bool]:
    """``has_attributes(obj, names, given)``: whether these are an object's attributes, and their values.

    The names as for :func:`reader`; the values are the very first objects of `given`.
    """
    return getattr(choose(), "has_attributes", _has_attributes)


def _has_attributes(obj: Any, names: tuple[str, ...], given: tuple[Any, ...]) -> bool:
    attributes = obj.__dict__
    return tuple(attributes) == names and all(map(is_, attributes.values(), given))
