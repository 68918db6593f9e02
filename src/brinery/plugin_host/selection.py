"""Which plugins a profile takes: the program's choice, the environment's, and what can be loaded."""

from __future__ import annotations

import os

from brinery.errors import ChoiceError, PluginError, PluginLoadError
from brinery.lean_typing import TYPE_CHECKING, NamedTuple
from brinery.plugin_host.plugins import Plugin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Literal

    from brinery.plugin_host.discovery import Installed

__all__ = ["BUILT_IN", "VARIABLE", "Choice", "Selected", "Selection", "is_strict", "select"]

#: The built-in plugins, part of every profile: name and module.
BUILT_IN = {
    "python2-names": "brinery.plugin_host.builtin.python2_names",
    "sqlite": "brinery.plugin_host.builtin.sqlite",
}


#: Where the environment says which plugin is meant; see :mod:`brinery.plugin_host.preferences`.
VARIABLE = "BRINERY_PREFER"


class Choice(NamedTuple):
    """What a profile was asked for, as Profile takes it.

    asked_by who names `plugins`, for errors.
    lenient  true: what the plugins disagree on is no error yet, though they were named. So it is for reports,
             and for a profile that came from another process.
    from_here
             false for a profile that came from another process: the environment prefers nothing.
    """

    plugins: Literal["installed"] | tuple[object, ...]
    without: frozenset[str] = frozenset()
    prefer: Mapping[str, str | tuple[str, ...]] = {}
    options: Mapping[str, Mapping[str, object]] = {}
    asked_by: str = "Profile(plugins=…)"
    lenient: bool = False
    from_here: bool = True


class Selected(NamedTuple):
    """A plugin of the choice, before it is loaded.

    installed  its entry point; None for one that was given as an object.
    given      the object that was given; None for the others.
    named      true where the program or the environment asked for this plugin: then it must work.
    blocked    why it is left out, or None.
    broken     why it cannot even be loaded, or None.
    """

    plugin: Plugin
    installed: Installed | None
    given: object
    named: bool
    blocked: str | None = None
    broken: str | None = None


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

    Raises PluginLoadError for a name that is not installed, ChoiceError for one that is left out and not
    there, and PluginError for a name that two distributions, or two plugins of the choice, share; where it
    was merely installed, such a plugin is broken.
    """
    environment = os.environ.get("BRINERY_PLUGINS")
    asked_by = None
    if choice.plugins != "installed":
        asked_by = choice.asked_by
        selected = _named(choice.plugins, choice.without, asked_by)
    elif environment is not None:
        asked_by = "BRINERY_PLUGINS"
        names = tuple(name.strip() for name in environment.split(",") if name.strip())
        selected = _named(names, choice.without, asked_by)
    else:
        selected = _all_installed(choice.without)
    selection = Selection(tuple(_each_once(selected)), asked_by)
    if choice.without:
        _check_without(choice, selection)
    return selection


def _check_without(choice: Choice, selection: Selection) -> None:
    known = {selected.plugin.name for selected in selection.plugins}
    if choice.plugins == "installed" and selection.asked_by is not None:
        # The environment took the place of "installed", which is what the program left these out of.
        from brinery.plugin_host.discovery import installed_plugins

        known |= set(installed_plugins())
    for name in sorted(choice.without):
        if name in BUILT_IN:
            raise ChoiceError(
                f"Profile(without=…) names {name!r}, which is built in and part of every profile"
            )
        if name not in known:
            from brinery.wording import nearest

            raise ChoiceError(
                f"Profile(without=…) names the plugin {name!r}, which is not there"
                + nearest(name, known, "plugins")
            )


def _all_installed(without: frozenset[str]) -> Iterator[Selected]:
    from brinery.plugin_host.discovery import installed_plugins, only_one

    for name, entries in installed_plugins().items():
        if name in without:
            for installed in entries:
                yield Selected(installed.plugin, installed, None, False, "left out by Profile(without=…)")
            continue
        wrong = None
        try:
            only_one(entries)
            _check_name(entries[0].plugin)
        except PluginError as refused:
            wrong = str(refused)
        for installed in entries:
            yield Selected(installed.plugin, installed, None, False, broken=wrong)


#: The plugins that come from where brinery does, each as a distribution of its own.
_OURS = frozenset({"exceptions", "functions", "paths", "python2", "redis", "science", "sqlalchemy"})


def _named(plugins: tuple[object, ...], without: frozenset[str], asked_by: str) -> Iterator[Selected]:
    names = [plugin for plugin in plugins if isinstance(plugin, str)]
    installed: dict[str, list[Installed]] = {}
    if names:
        from brinery.plugin_host.discovery import installed_plugins, only_one

        installed = installed_plugins()
    for wanted in plugins:
        if not isinstance(wanted, str):
            plugin, entry = Plugin(_name_of(wanted), "given", repr(wanted)), None
        elif wanted not in installed:
            from brinery.wording import nearest

            ours = f": pip install brinery-{wanted}" if wanted in _OURS else ""
            raise PluginLoadError(
                f"{asked_by} asks for plugin {wanted!r}, which is not installed"
                + (ours or nearest(wanted, installed, "plugins installed"))
            )
        else:
            entry = installed[wanted][0]
            plugin = entry.plugin
        blocked = "left out by Profile(without=…)" if plugin.name in without else None
        if blocked is None:
            _check_name(plugin)
            if entry is not None:
                only_one(installed[plugin.name])
        yield Selected(plugin, entry, wanted if entry is None else None, True, blocked)


def _check_name(plugin: Plugin) -> None:
    if not plugin.name.strip() or any(mark in plugin.name for mark in (*",;=", "://")):
        raise PluginError(
            f"plugin {plugin} wants a name, of which BRINERY_PREFER and its like can be made: not empty, and "
            "without , ; = and ://"
        )
    if plugin.name in BUILT_IN:
        raise PluginError(f"plugin {plugin} has the name of one that is built in; it wants another name")


def _name_of(plugin: object) -> str:
    name = getattr(plugin, "__name__", None)
    return name if isinstance(name, str) else type(plugin).__name__


def _each_once(selected: Iterator[Selected]) -> Iterator[Selected]:
    seen: dict[str, Plugin] = {}
    for entry in selected:
        name = entry.plugin.name
        if entry.blocked is None and entry.broken is None:
            if name in seen:
                raise PluginError(
                    f"a profile has each plugin once, but {name!r} is there as {seen[name]} and as "
                    f"{entry.plugin}; give an object a __name__ of its own to tell it apart"
                )
            seen[name] = entry.plugin
        yield entry
