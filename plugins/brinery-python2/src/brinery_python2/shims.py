"""What takes the place of classes of Python 2's library, and of their states."""

from __future__ import annotations

from typing import Any

__all__ = ["new_set", "policy", "set_state", "string_io"]


def policy(state: object) -> object:
    """What a message of ``email`` follows: as in Python 2, which had no policies."""
    from email.policy import compat32

    return compat32


def new_set(*args: Any) -> set[Any]:
    """A set in the place of ``sets.Set``, which wrote its members as its state."""
    return set()


def set_state(instance: set[Any], state: Any) -> Any:
    """The members: the keys of a dict, within a tuple."""
    if isinstance(state, tuple) and len(state) == 1 and isinstance(state[0], dict):
        instance.update(state[0])
        return None
    return (state,)


def string_io(state: Any) -> Any:
    """The attributes of a ``StringIO.StringIO``: what was written in pieces, and where it stood."""
    if not isinstance(state, dict) or "buf" not in state:
        return state
    pieces = [state["buf"], *state.get("buflist", [])]
    whole = pieces[0][:0].join(pieces)
    position = state.get("pos", 0)
    return (whole, "\n", position, None) if isinstance(whole, str) else (whole, position, None)
