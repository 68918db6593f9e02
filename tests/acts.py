"""An object that does something while it is being written."""

from __future__ import annotations

from collections.abc import Callable


class Acts:
    """Does something while it is being reduced."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __reduce__(self) -> tuple[object, ...]:
        self.act()
        return int, ("1",)
