"""statsmodels: its cache of results was a class of its own until 0.9."""

from __future__ import annotations

from brinery import NameTable

NAMES = [
    NameTable(
        "statsmodels",
        fallback={"statsmodels.tools.decorators:ResettableCache": "brinery_science.plain:PlainDict"},
    )
]
