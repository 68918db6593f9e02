"""attrs: classes with slots, whose state was the pair ``(None, {name: value})`` once.

Today's ``__setstate__`` takes a tuple as the values by position, and a dict by name: it would silently put
None into the first attribute and the dict into the second. The rule is for the user's own classes, which
nobody can list: they are known by the attribute that attrs gives to each.
"""

from __future__ import annotations

from typing import Any

from brinery import Shape


def by_name(state: Any) -> Any:
    """The values by name."""
    return state[1]


SHAPES = [Shape("*:__attrs_attrs__", state="brinery_science.of_attrs:by_name")]
