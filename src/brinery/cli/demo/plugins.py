"""Two plugins that write what pickle cannot, a memoryview, each in its own way.

They are as in a distribution of their own, but given to a Profile as objects instead of being installed.
What both write needs no plugin, and no brinery, to be read.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from brinery.declarations import Reducer
from brinery.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Squeezing", "Views"]


def copy_view(view: memoryview) -> tuple[object, ...]:
    """A memoryview of the same bytes."""
    return memoryview, (bytes(view),)


class Views:
    """Declares :func:`copy_view`."""

    __name__ = "views"

    @hookimpl
    def brinery_reducers(self) -> Iterator[Reducer]:
        """One reducer, for one class."""
        yield Reducer(memoryview, copy_view)


def squeeze_view(view: memoryview) -> tuple[object, ...]:
    """The bytes, compressed until they are read."""
    return zlib.decompress, (zlib.compress(view),)


class Squeezing:
    """Declares :func:`squeeze_view`, for the same class: the two do not go together."""

    __name__ = "squeezing"

    @hookimpl
    def brinery_reducers(self) -> Iterator[Reducer]:
        """One reducer, for one class."""
        yield Reducer(memoryview, squeeze_view)
