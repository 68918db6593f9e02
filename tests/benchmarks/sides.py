"""The functions that a row measures: brinery's own, and the standard library's for the same job."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import NamedTuple

from workloads import Row

Function = Callable[[object], object]


class Sides(NamedTuple):
    ours_dumps: Function
    theirs_dumps: Function
    ours_loads: Function
    theirs_loads: Function


def sides(row: Row, beside: str, protocol: int) -> Sides:
    """brinery through its public face and default profile, beside the standard library's "C" or "Python"."""
    import brinery  # here, as BRINERY_ENGINE has to be set first

    in_c = beside == "C"
    theirs_dumps, theirs_loads = (pickle.dumps, pickle.loads) if in_c else (pickle._dumps, pickle._loads)
    if row.dialect == "persistent_id":
        return Sides(
            asking(brinery.Pickler, protocol),
            asking(pickle.Pickler if in_c else pickle._Pickler, protocol),
            brinery.loads,
            theirs_loads,
        )
    ours: object = brinery
    if row.dialect == "plugin":
        ours = brinery.Profile(plugins=(idle_plugin(),))
    return Sides(
        at_protocol(ours.dumps, protocol),  # type: ignore[attr-defined]
        at_protocol(theirs_dumps, protocol),
        ours.loads,  # type: ignore[attr-defined]
        theirs_loads,
    )


def at_protocol(dumps: Callable[..., bytes], protocol: int) -> Function:
    """Nothing in between where the protocol is the default: the smallest calls would show it."""
    if protocol == pickle.DEFAULT_PROTOCOL:
        return dumps
    return lambda obj: dumps(obj, protocol)


def asking(pickler_class: type[pickle.Pickler], protocol: int) -> Function:
    class Asking(pickler_class):  # type: ignore[misc,valid-type]
        def persistent_id(self, obj: object) -> None:
            return None

    def dumps(obj: object) -> bytes:
        file = io.BytesIO()
        Asking(file, protocol).dump(obj)
        return file.getvalue()

    return dumps


def idle_plugin() -> object:
    """A plugin whose reducers are for classes that no row has."""
    from brinery import Reducer, hookimpl

    class IdlePlugin:
        @hookimpl
        def brinery_reducers(self) -> object:
            yield Reducer("fractions:Fraction", lambda f: (type(f), (f.numerator, f.denominator)))
            yield Reducer("decimal:Decimal", lambda d: (type(d), (str(d),)), subclasses=True)

    return IdlePlugin()
