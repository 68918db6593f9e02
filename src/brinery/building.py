"""What BUILD does where nobody but the class has a say: the Python engine and stores share it."""

from __future__ import annotations

from sys import intern
from typing import Any

from brinery.errors import ReadError

_MISSING = object()


def build(instance: Any, state: Any) -> None:
    """Give `instance` its `state` as BUILD does (PEP 307): by ``__setstate__``, or else as attributes.

    Raises:
        ReadError: for a state that is neither a dict nor a pair of dicts, and no ``__setstate__`` to take it.
    """
    set_state: Any = getattr(instance, "__setstate__", _MISSING)
    if set_state is not _MISSING:
        set_state(state)
    else:
        set_state_by_attributes(instance, state)


def set_state_by_attributes(instance: Any, state: Any) -> None:
    """What BUILD does where there is no ``__setstate__``. A pair's second is what ``__slots__`` hold."""
    slot_state: Any = _MISSING
    if isinstance(state, tuple) and len(state) == 2:
        state, slot_state = state
    if state is not None:
        set_attributes(instance, state)
    if slot_state is not _MISSING:
        set_slots(instance, slot_state)


def set_attributes(instance: Any, state: object) -> None:
    """Put `state` into the instance's ``__dict__``.

    Names of attributes are interned everywhere else; doing so here too makes reading them as fast.
    """
    if not isinstance(state, dict):
        raise ReadError("state is not a dictionary")
    attributes = instance.__dict__
    for name, value in dict.items(state):
        attributes[intern(name) if type(name) is str else name] = value


def set_slots(instance: object, state: object) -> None:
    """Set each of `state` as an attribute (the form of ``__slots__``, PEP 307)."""
    if not isinstance(state, dict):
        raise ReadError("slot state is not a dictionary")
    for name, value in dict.items(state):
        setattr(instance, name, value)
