"""What a subclass or an assignment puts in place of a method."""

from __future__ import annotations

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["put_in_place"]


def put_in_place(hook: Any) -> Any:
    """The hook to call. None is called, too, as by C pickle: who put it there may have meant to refuse."""
    return _none if hook is None else hook


def _none(*args: object) -> NoReturn:
    raise TypeError("'NoneType' object is not callable")
