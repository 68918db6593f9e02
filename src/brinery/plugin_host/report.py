"""What a profile is made of, for people and for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.plugin_host.fingerprints import fingerprint
from brinery.plugin_host.kinds import KINDS, kind_of
from brinery.plugin_host.plugins import PluginState
from brinery.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from brinery.plugin_host.composing import Composition, Gathered

__all__ = ["PluginReport", "Report", "report"]


class PluginReport(NamedTuple):
    """One plugin in one profile.

    state     "active"; "blocked", left out on purpose; "broken", installed and skipped.
    declares  how many records of each kind, such as ``{"reducer": 2}``.
    hooks     the names of the hooks that it has.
    options   each option that it declares, in words.
    records   everything else that it declares, in words.
    """

    name: str
    origin: str
    distribution: str | None
    version: str | None
    where: str
    state: str
    reason: str
    declares: Mapping[str, int]
    hooks: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    records: tuple[str, ...] = ()

    def __str__(self) -> str:
        source = f"{self.distribution} {self.version}" if self.distribution else self.origin
        declares = ", ".join(
            f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in self.declares.items()
        )
        said = declares or ("nothing declared" if self.state == "active" else self.reason)
        return f"{self.name} ({source}): {self.state}, {said}"


class Report(NamedTuple):
    """All plugins that a profile knows of, in its order, and the profile's fingerprint.

    conflicts  what they disagree on, each with the line that settles it.
    """

    plugins: tuple[PluginReport, ...]
    fingerprint: str
    conflicts: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report in types that JSON has."""
        return {
            "plugins": [{**plugin._asdict(), "declares": dict(plugin.declares)} for plugin in self.plugins],
            "fingerprint": self.fingerprint,
            "conflicts": list(self.conflicts),
        }

    def __str__(self) -> str:
        return "\n".join([*map(str, self.plugins), *self.conflicts])


def report(composition: Composition, stores: Mapping[str | None, object] | None = None) -> Report:
    """What became of every plugin that a composed profile took or that is installed."""
    gathered = composition.gathered
    states = (*gathered.plugins, *_passed_over(gathered))
    return Report(
        tuple(_plugin_report(gathered, state) for state in states),
        fingerprint(gathered, stores),
        tuple(conflict.text for conflict in composition.conflicts()),
    )


def _passed_over(gathered: Gathered) -> Iterator[PluginState]:
    """Installed plugins that were not named. They are looked for only now: most profiles are never asked."""
    from brinery.plugin_host.discovery import installed_plugins

    known = {state.plugin for state in gathered.plugins}
    for entries in installed_plugins().values():
        for plugin, _ in entries:
            if plugin not in known and gathered.asked_by is not None:
                yield PluginState(plugin, "blocked", f"{gathered.asked_by} does not name it")


def _plugin_report(gathered: Gathered, state: PluginState) -> PluginReport:
    records = [claim.declared for claim in gathered.claims if claim.plugin == state.plugin]
    counts = Counter(kind_of(record).noun for record in records)
    options = [record for record in records if kind_of(record).noun == "option"]
    return PluginReport(
        state.plugin.name,
        state.plugin.origin,
        state.plugin.distribution,
        state.plugin.version,
        redacted(state.plugin.where),
        state.state,
        state.reason,
        {kind.noun: counts[kind.noun] for kind in KINDS if kind.noun in counts},
        state.hooks,
        tuple(record.describe() for record in options),
        tuple(record.describe() for record in records if record not in options),
    )
