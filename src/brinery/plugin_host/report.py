"""What a profile is made of, for people and for programs."""

from __future__ import annotations

import hashlib
from collections import Counter
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.declarations import NameTable, Override, PersistentScheme, Record, Reducer, target_name
from brinery.dotted import name_of_class
from brinery.plugin_host.plugins import PluginState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from brinery.plugin_host.composing import Gathered

__all__ = ["PluginReport", "Report", "describe", "fingerprint", "report"]

KINDS: dict[type[Record], str] = {
    Reducer: "reducer",
    Override: "override",
    PersistentScheme: "scheme",
    NameTable: "name table",
}


class PluginReport(NamedTuple):
    """One plugin in one profile.

    state     "active"; "blocked", left out on purpose; "broken", installed and skipped.
    declares  how many records of each kind, such as ``{"reducer": 2}``.
    """

    name: str
    origin: str
    distribution: str | None
    version: str | None
    where: str
    state: str
    reason: str
    declares: Mapping[str, int]

    def __str__(self) -> str:
        source = f"{self.distribution} {self.version}" if self.distribution else self.origin
        declares = ", ".join(
            f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in self.declares.items()
        )
        said = declares or ("nothing declared" if self.state == "active" else self.reason)
        return f"{self.name} ({source}): {self.state}, {said}"


class Report(NamedTuple):
    """All plugins that a profile knows of, in its order, and the profile's fingerprint."""

    plugins: tuple[PluginReport, ...]
    fingerprint: str

    def as_dict(self) -> dict[str, Any]:
        """The report in types that JSON has."""
        return {
            "plugins": [{**plugin._asdict(), "declares": dict(plugin.declares)} for plugin in self.plugins],
            "fingerprint": self.fingerprint,
        }

    def __str__(self) -> str:
        return "\n".join(map(str, self.plugins))


def report(gathered: Gathered) -> Report:
    """What became of every plugin that a composed profile took or that is installed."""
    states = (*gathered.plugins, *_passed_over(gathered))
    return Report(tuple(_plugin_report(gathered, state) for state in states), fingerprint(gathered))


def _passed_over(gathered: Gathered) -> Iterator[PluginState]:
    """Installed plugins that were not named. They are looked for only now: most profiles are never asked."""
    from brinery.plugin_host.discovery import installed_plugins

    known = {state.plugin for state in gathered.plugins}
    for entries in installed_plugins().values():
        for plugin, _ in entries:
            if plugin not in known and gathered.asked_by is not None:
                yield PluginState(plugin, "blocked", f"{gathered.asked_by} does not name it")


def _plugin_report(gathered: Gathered, state: PluginState) -> PluginReport:
    counts = Counter(KINDS[type(claim.declared)] for claim in gathered.claims if claim.plugin == state.plugin)
    plugin = state.plugin
    return PluginReport(
        plugin.name,
        plugin.origin,
        plugin.distribution,
        plugin.version,
        plugin.where,
        state.state,
        state.reason,
        dict(counts),
    )


def fingerprint(gathered: Gathered) -> str:
    """A digest of the active plugins in order, versions and options, what they declare, and preferences."""
    lines = [f"prefer {key!r} {plugin!r}" for key, plugin in sorted(gathered.prefer.items())]
    for state in gathered.plugins:
        if state.state == "active":
            plugin = state.plugin
            # Not where an object was given: its repr may hold its address.
            where = plugin.where if plugin.origin != "given" else ""
            options = sorted(gathered.options.get(plugin.name, {}).items())
            lines.append(f"plugin {plugin.name!r} {plugin.distribution} {plugin.version} {where} {options!r}")
    lines += [f"{claim.plugin.name!r} {describe(claim.declared)}" for claim in gathered.claims]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def describe(declared: object) -> str:
    """A record in words that are the same in every process: functions and classes by name."""
    match declared:
        case Reducer(target=target, reduce=reduce, subclasses=subclasses):
            family = " and its subclasses" if subclasses else ""
            return f"reducer for {target_name(target)}{family}: {_called(reduce)}"
        case Override(target=target, reduce=reduce):
            return f"override for {target_name(target)}: {_called(reduce)}"
        case PersistentScheme(name=name, open=open_store):
            return f"scheme {name}: opened by {_called(open_store)}"
        case NameTable(title=title, read=read, write=write, era=era):
            names = f"{sorted(read.items())} {sorted(write.items())}"
            return f"name table {title!r}, era {era}, {hashlib.sha256(names.encode()).hexdigest()[:12]}"
    return repr(declared)


def _called(function: object) -> str:
    if isinstance(function, str):
        return function
    if isinstance(function, type):
        return name_of_class(function)
    if isinstance(function, FunctionType | MethodType):
        return f"{function.__module__}:{function.__qualname__}"
    return name_of_class(type(function))
