"""A table of mistakes: each is a function that does what somebody did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from brinery import Profile

Mistake = Callable[[Profile, Path], Any]


def mistakes() -> tuple[Callable[[str], Callable[[Any], Any]], dict[str, Mistake]]:
    """A decorator that enters a function into a table, and the table."""
    table: dict[str, Mistake] = {}

    def mistake(name: str) -> Callable[[Mistake], Mistake]:
        assert name not in table, name

        def enter(function: Mistake) -> Mistake:
            table[name] = function
            return function

        return enter

    return mistake, table
