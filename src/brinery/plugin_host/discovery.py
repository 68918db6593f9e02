"""Which plugins are installed: the entry points of the group ``brinery``."""

from __future__ import annotations

import os
import sys

from brinery.errors import PluginError
from brinery.lean_typing import TYPE_CHECKING, NamedTuple
from brinery.plugin_host.plugins import Plugin
from brinery.plugin_host.signals import raise_interruption

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

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
    if not may_be_there():
        return {}
    from importlib.metadata import entry_points  # 18 ms of the first dumps

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


def may_be_there() -> bool:
    """Whether a distribution may name plugins. False only where all of the path are folders that show none.

    importlib.metadata asks the finders of ``sys.meta_path``, and the standard one looks into the folders of
    the path, into zip files and eggs. So it is asked where another finder has a say, or not all are folders.
    """
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    if [getattr(finder, "__name__", "") for finder in finders] != ["PathFinder"]:
        return True
    return any(_names_plugins(folder) for folder in dict.fromkeys(sys.path))


def _names_plugins(folder: str) -> bool:
    if not isinstance(folder, str):  # nothing is imported from there either
        return False
    if folder.lower().rstrip("/\\").endswith(".egg"):
        return True
    try:
        names = os.listdir(folder or ".")
    except (FileNotFoundError, PermissionError):
        return False
    except OSError as failure:  # a zip file, or what nobody has thought of
        raise_interruption(failure)  # TimeoutError is one
        return True
    return any(
        _has_group(os.path.join(folder, name, "entry_points.txt"))
        for name in names
        if name.lower().endswith((".dist-info", ".egg-info"))
    )


def _has_group(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"[%s]" % GROUP.encode() in file.read()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as failure:
        raise_interruption(failure)
        return True


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
