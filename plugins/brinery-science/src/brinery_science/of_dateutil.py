"""dateutil: time zones whose state lacked what today's read, and zones of files, which were kept otherwise."""

from __future__ import annotations

import struct
from typing import Any

from brinery import NameTable, Shape

_HERE = "brinery_science.of_dateutil"

NAMES = [
    NameTable(
        "dateutil",
        fallback={
            # Of zones from files until 2.9: parts of a state that only `zone_state` reads.
            "dateutil.tz:_ttinfo": f"{_HERE}:LocalType",
            "dateutil.tz.tz:_ttinfo": f"{_HERE}:LocalType",
            "dateutil.zoneinfo:tzfile": "dateutil.tz.tz:tzfile",
        },
    )
]


class LocalType:
    """An offset from UTC with its name, of a zone from a file: what it has of its own is its state."""

    offset: Any
    isdst: Any
    abbr: Any

    def __setstate__(self, state: Any) -> None:
        plain, slots = state if isinstance(state, tuple) else (state, None)
        for part in (plain, slots):
            self.__dict__.update(part or {})


def local(cls: Any, *args: Any) -> Any:
    """The zone of the machine, which had nothing of its own until 2.2."""
    return cls()


def saved(state: Any) -> Any:
    """What a zone of rules adds to its time in summer."""
    return state["_dst_offset"] - state["_std_offset"]


def has_summer(state: Any) -> bool:
    """Whether a zone of rules has a summer time."""
    return bool(state["_start_delta"])


def zone_state(instance: Any, state: Any) -> Any:
    """A zone from a file: made again of its transitions, as the file would have them.

    Raises UnpicklingError where they are not what a file can say.
    """
    if not isinstance(state, dict) or "_ttinfo_list" not in state:
        return (state,)
    types = state["_ttinfo_list"] or [each for each in (state.get("_ttinfo_std"),) if each is not None]
    if not all(isinstance(each, LocalType) for each in types) or not types:
        return (state,)
    import io

    numbers = {id(each): number for number, each in enumerate(types)}
    times = state.get("_trans_list_utc") or state.get("_trans_list") or ()
    instance.__init__(
        io.BytesIO(_file(times, [numbers[id(each)] for each in state.get("_trans_idx") or ()], types)),
        filename=state.get("_filename"),
    )
    return None


def _file(times: Any, which: list[int], types: list[LocalType]) -> bytes:
    """The bytes of a file of the format TZif (RFC 8536, version 1).

    Raises UnpicklingError for numbers that it cannot hold.
    """
    from pickle import UnpicklingError

    names = b""
    places = []
    for each in types:
        places.append(len(names))
        names += each.abbr.encode("ascii") + b"\0"
    try:
        return b"".join(
            (
                b"TZif" + bytes(16),
                struct.pack(">6l", 0, 0, 0, len(times), len(types), len(names)),
                struct.pack(f">{len(times)}l", *times),
                bytes(which),
                *(
                    struct.pack(">lBB", int(each.offset), bool(each.isdst), place)
                    for each, place in zip(types, places, strict=True)
                ),
                names,
            )
        )
    except (struct.error, ValueError) as refused:
        raise UnpicklingError(f"this time zone has what no file of one can hold: {refused}") from refused


_RULES = {"hasdst": has_summer, "_dst_base_offset_": saved}

SHAPES = [
    Shape("dateutil.tz.tz:tzlocal", create=f"{_HERE}:local"),
    Shape("dateutil.tz:tzlocal", create=f"{_HERE}:local"),
    *(
        Shape(f"{module}:{name}", defaults=_RULES)
        for module in ("dateutil.tz", "dateutil.tz.tz")
        for name in ("tzrange", "tzstr")
    ),
    *(Shape(f"{module}:tzfile", build=f"{_HERE}:zone_state") for module in ("dateutil.tz", "dateutil.tz.tz")),
]
