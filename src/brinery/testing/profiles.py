"""Profiles without discovery: of these plugins and these records, whatever is installed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from brinery.hookspecs import hookimpl
from brinery.plugin_host.kinds import KINDS
from brinery.profile import Profile
from brinery.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["declaring", "profile_of"]


def declaring(*records: Record, name: str = "declared") -> object:
    """A plugin that declares `records`, as if its hooks yielded them.

    Raises TypeError for anything but records.
    """
    for record in records:
        if not isinstance(record, Record):
            raise TypeError(f"a plugin declares records, such as Reducer(…); not {record!r}")

    def hook(kind: type[Record]) -> Callable[[], list[Record]]:
        return lambda: [record for record in records if type(record) is kind]

    def again(plugin: object) -> tuple[object, ...]:  # it travels with a profile
        return partial(declaring, *records, name=name), ()

    hooks = {kind.hook: staticmethod(hookimpl(hook(kind.record))) for kind in KINDS}
    return type("Declaring", (), {"__name__": name, "__module__": __name__, "__reduce__": again, **hooks})()


def profile_of(
    *plugins: object,
    options: Mapping[str, Mapping[str, object]] | None = None,
    prefer: Mapping[str, Any] | None = None,
    engine: str | None = None,
) -> Profile:
    """A profile of `plugins` alone: modules, objects with hooks, or records, which make one plugin together.

    Nothing that is installed takes part, and ``BRINERY_PLUGINS`` is not looked at. The arguments are those
    of :class:`brinery.Profile`, and so is what is raised.
    """
    records = [plugin for plugin in plugins if isinstance(plugin, Record)]
    others = [plugin for plugin in plugins if not isinstance(plugin, Record)]
    made = [declaring(*records)] if records else []
    return Profile([*others, *made], options=options, prefer=prefer, engine=engine)
