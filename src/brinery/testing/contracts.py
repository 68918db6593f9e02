"""What the contracts have in common."""

from __future__ import annotations

import unittest
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Contract", "skipping"]


class Contract:
    """A class whose methods are checks, to be subclassed.

    Its checks are ``assert`` statements, which Python leaves out where it is told to optimise: then a
    contract cannot be subclassed, since each check would pass. RuntimeError is raised, which says so.
    """

    def __init_subclass__(cls, **more: Any) -> None:
        # The contracts themselves are imported with what else is of use in tests.
        if not __debug__ and Contract not in cls.__bases__:
            raise RuntimeError(
                f"{cls.__qualname__} would check nothing: python -O, or PYTHONOPTIMIZE, leaves out assert "
                "statements, and a contract's checks are such; run the tests without"
            )
        super().__init_subclass__(**more)


@contextmanager
def skipping(what: str, check: str, *failures: type[Exception]) -> Iterator[None]:
    """Skip, where `check` fails for the same: a dozen failures that say one thing hide it."""
    try:
        yield
    except failures as failure:
        raise unittest.SkipTest(f"{what}, as {check} tells") from failure
