"""pendulum: moments of 1.x, intervals that are durations now and periods that are intervals, and zones of 2.x."""

from __future__ import annotations

from typing import Any

from brinery import NameTable, Shape

_HERE = "brinery_science.of_pendulum:"

NAMES = [
    NameTable(
        "pendulum",
        fallback={"pendulum.period:Period": "pendulum.interval:Interval"},
        stand_ins={
            "pendulum.pendulum:Pendulum": f"{_HERE}moment",
            "pendulum.tz.zoneinfo.transition:Transition": f"{_HERE}Transition",
            "pendulum.tz.zoneinfo.transition_type:TransitionType": f"{_HERE}Transition",
        },
    )
]


def moment(*arguments: Any) -> Any:
    """A ``Pendulum`` of 1.x: year to microsecond, a zone's name or its hours from UTC, and whether it is the later
    one where clocks were set back.
    """
    import pendulum

    zone, fold = arguments[7:] if len(arguments) > 8 else (*arguments[7:], 1)
    tz = pendulum.timezone(zone if isinstance(zone, str) else round(zone * 3600))
    year, month, day, hour, minute, second, microsecond = arguments[:7]
    return pendulum.DateTime(year, month, day, hour, minute, second, microsecond, tzinfo=tz, fold=fold)


class Transition:
    """What 2.x kept of a zone's transitions: the zone of today has them by its name."""


def interval(cls: type, *arguments: Any) -> Any:
    """Of 1.x it was what a ``Duration`` is now: days, seconds, microseconds."""
    if not all(type(argument) is int for argument in arguments):
        return cls(*arguments)
    import pendulum

    days, seconds, microseconds = (*arguments, 0, 0, 0)[:3]
    return pendulum.Duration(days=days, seconds=seconds, microseconds=microseconds)


def by_name(zone: Any, state: Any) -> None:
    """A zone is what its name says, and has no state besides."""


SHAPES = [
    Shape("pendulum.interval:Interval", create=f"{_HERE}interval", instances=("pendulum.duration:Duration",)),
    Shape("pendulum.tz.timezone:Timezone", build=f"{_HERE}by_name"),
]
