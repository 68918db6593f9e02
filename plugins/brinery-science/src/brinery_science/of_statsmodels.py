"""statsmodels: its cache of results was a class of its own until 0.9."""

from __future__ import annotations

from typing import Any

from brinery import NameTable

NAMES = [NameTable("statsmodels", stand_ins={"statsmodels.tools.decorators:ResettableCache": "brinery_science.of_statsmodels:cache"})]


class _Cache(dict[str, Any]):
    """What the cache of results becomes: a dict, whose own attributes nobody asks for."""


def cache(*args: Any) -> dict[str, Any]:
    """A cache of results; it fills again."""
    return _Cache(*args)
