"""Which plugins are installed: the entry points of the group ``brinery``."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from brinery.errors import PluginError
from brinery.plugin_host.plugins import Plugin

__all__ = ["GROUP", "Installed", "installed_plugins", "only_one"]

#: The entry-point group in which distributions name their plugins.
GROUP = "brinery"


class Installed(NamedTuple):
    """An installed plugin, not loaded."""

    plugin: Plugin
    entry_point: EntryPoint


def installed_plugins() -> dict[str, list[Installed]]:
    """All installed plugins by name, in the order of their names; nothing is imported.

    A name with two entries is a conflict that :func:`only_one` reports where the name is used.
    """
    found: dict[str, list[Installed]] = {}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda entry_point: entry_point.name):
        distribution = entry_point.dist
        plugin = Plugin(
            entry_point.name,
            "installed",
            entry_point.value,
            distribution.name if distribution is not None else None,
            distribution.version if distribution is not None else None,
        )
        found.setdefault(plugin.name, []).append(Installed(plugin, entry_point))
    return found


def only_one(entries: list[Installed]) -> Installed:
    """The one plugin of a name; raises PluginError where two distributions use the same name."""
    if len(entries) > 1:
        name = entries[0].plugin.name
        distributions = " and ".join(
            f"{plugin.distribution} {plugin.version} ({plugin.where})" for plugin, _ in entries
        )
        raise PluginError(
            f"the plugin name {name!r} is used by {distributions}; uninstall one of them, "
            f"or leave the name out: Profile(without={{{name!r}}})"
        )
    return entries[0]
