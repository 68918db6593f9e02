"""pytz: names of zones that left the database of time zones."""

from __future__ import annotations

from typing import Any

from brinery import Shape

_RENAMED = {"US/Pacific-New": "US/Pacific"}


def zone(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a time zone of pytz, its name first."""
    return (_RENAMED.get(args[0], args[0]), *args[1:]) if args else args


SHAPES = [Shape("pytz:_p", arguments="brinery_science.of_pytz:zone")]
