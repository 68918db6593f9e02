"""Which plugins a profile takes: the program's choice, the environment's, and what can be loaded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, NamedTuple

from brinery.errors import PluginError, PluginLoadError
from brinery.plugin_host.plugins import Plugin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from brinery.plugin_host.discovery import Installed

__all__ = ["BUILT_IN", "Choice", "Selected", "Selection", "is_strict", "select"]

#: The built-in plugins, part of every profile: name and module.
BUILT_IN = {
    "python2-names": "brinery.plugin_host.builtin.python2_names",
    "sqlite": "brinery.plugin_host.builtin.sqlite",
}


class Choice(NamedTuple):
    """What a profile was asked for, as Profile takes it."""

    plugins: Literal["installed"] | tuple[object, ...]
    without: frozenset[str] = frozenset()
    prefer: Mapping[str, str] = {}
    options: Mapping[str, Mapping[str, object]] = {}


class Selected(NamedTuple):
    """A plugin of the choice, before it is loaded.

    installed  its entry point; None for one that was given as an object.
    given      the object that was given; None for the others.
    named      true where the program or the environment asked for this plugin: then it must work.
    blocked    why it is left out, or None.
    """

    plugin: Plugin
    installed: Installed | None
    given: object
    named: bool
    blocked: str | None = None


class Selection(NamedTuple):
    """The plugins of a choice in order, built-in ones not among them, and who chose them.

    asked_by  "Profile(plugins=…)" or "BRINERY_PLUGINS" where the plugins were named; None for all installed.
    """

    plugins: tuple[Selected, ...]
    asked_by: str | None


def is_strict() -> bool:
    """Whether ``BRINERY_STRICT`` makes errors of the warnings about plugins that are skipped."""
    return os.environ.get("BRINERY_STRICT", "") not in ("", "0")


def select(choice: Choice) -> Selection:
    """The plugins of `choice`; none is imported.

    ``BRINERY_PLUGINS`` stands in for "installed": a list of names, or the empty string for none.

    Raises PluginLoadError for a name that is not installed, and PluginError for a name that two
    distributions, or two plugins of the choice, share.
    """
    environment = os.environ.get("BRINERY_PLUGINS")
    asked_by = None
    if choice.plugins != "installed":
        asked_by = "Profile(plugins=…)"
        selected = _named(choice.plugins, choice.without, asked_by)
    elif environment is not None:
        asked_by = "BRINERY_PLUGINS"
        names = tuple(name.strip() for name in environment.split(",") if name.strip())
        selected = _named(names, choice.without, asked_by)
    else:
        selected = _all_installed(choice.without)
    return Selection(tuple(_each_once(selected)), asked_by)


def _all_installed(without: frozenset[str]) -> Iterator[Selected]:
    from brinery.plugin_host.discovery import installed_plugins, only_one

    for name, entries in installed_plugins().items():
        if name in without:
            for installed in entries:
                yield Selected(installed.plugin, installed, None, False, "left out by Profile(without=…)")
        else:
            installed = only_one(entries)
            yield Selected(installed.plugin, installed, None, False)


def _named(plugins: tuple[object, ...], without: frozenset[str], asked_by: str) -> Iterator[Selected]:
    names = [plugin for plugin in plugins if isinstance(plugin, str)]
    installed: dict[str, list[Installed]] = {}
    if names:
        from brinery.plugin_host.discovery import installed_plugins, only_one

        installed = installed_plugins()
    for wanted in plugins:
        if not isinstance(wanted, str):
            plugin = Plugin(_name_of(wanted), "given", repr(wanted))
            blocked = "left out by Profile(without=…)" if plugin.name in without else None
            yield Selected(plugin, None, wanted, True, blocked)
        elif wanted not in installed:
            there = ", ".join(installed) or "none"
            raise PluginLoadError(
                f"{asked_by} asks for plugin {wanted!r}, which is not installed; there are: {there}"
            )
        elif wanted in without:
            yield Selected(
                installed[wanted][0].plugin,
                installed[wanted][0],
                None,
                True,
                "left out by Profile(without=…)",
            )
        else:
            yield Selected(only_one(installed[wanted]).plugin, installed[wanted][0], None, True)


def _name_of(plugin: object) -> str:
    name = getattr(plugin, "__name__", None)
    return name if isinstance(name, str) else type(plugin).__name__


def _each_once(selected: Iterator[Selected]) -> Iterator[Selected]:
    seen: dict[str, Plugin] = {}
    for entry in selected:
        name = entry.plugin.name
        if name in BUILT_IN:
            raise PluginError(
                f"plugin {entry.plugin} has the name of one that is built in; it wants another name"
            )
        if entry.blocked is None:
            if name in seen:
                raise PluginError(
                    f"a profile has each plugin once, but {name!r} is there as {seen[name]} and as "
                    f"{entry.plugin}; give an object a __name__ of its own to tell it apart"
                )
            seen[name] = entry.plugin
        yield entry
