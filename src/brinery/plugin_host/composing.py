"""Compose a profile: from the choice of plugins to plans, once."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from brinery.declarations import NameTable, Override, PersistentScheme, Record, Reducer
from brinery.errors import DeclarationError, PluginError, PluginLoadError, PluginWarning
from brinery.plan import ReadPlan, WritePlan
from brinery.plugin_host.collecting import collect, collect_built_in
from brinery.plugin_host.conflicts import settle
from brinery.plugin_host.name_maps import name_map
from brinery.plugin_host.plugins import Claim, Plugin, PluginState
from brinery.plugin_host.selection import BUILT_IN, Choice, Selected, is_strict, select

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from brinery.plugin_host.rules import Rules

__all__ = ["Composition", "Gathered", "claims_of", "compose", "gather", "rules_of"]

R = TypeVar("R", bound=Record)


class Gathered(NamedTuple):
    """What the chosen plugins declare, before anything is settled between them.

    plugins   every plugin that was chosen or left out, and what became of it.
    asked_by  who named the plugins; None where all installed ones were taken.
    claims    every record, with the plugin that declares it, in the profile's order.
    prefer    which plugin wins for a name, as the profile was told.
    options   what each plugin's hooks were given.
    """

    plugins: tuple[PluginState, ...]
    asked_by: str | None
    claims: tuple[Claim[Record], ...]
    prefer: Mapping[str, str]
    options: Mapping[str, Mapping[str, object]]


class Composition(NamedTuple):
    """What a profile is made of.

    rules    the table of reducers and overrides; None where there are none.
    schemes  the kinds of store, by the name in a URL.
    """

    gathered: Gathered
    rules: Rules | None
    schemes: Mapping[str, PersistentScheme]
    write_plan: WritePlan
    read_plan: ReadPlan


def compose(choice: Choice) -> Composition:
    """Load the plugins of `choice`, ask each what it declares, and settle who wins.

    Raises what :func:`gather` raises, and PluginConflict where plugins declare one thing in different ways.
    """
    return _settle(gather(choice))


def gather(choice: Choice) -> Gathered:
    """Load the plugins of `choice` and ask each what it declares.

    A plugin that was named and cannot be used raises PluginLoadError or DeclarationError. One that is only
    installed is skipped: PluginWarning the first time, an error where ``BRINERY_STRICT`` is set.
    """
    built_in = [Plugin(name, "built-in", module) for name, module in BUILT_IN.items()]
    states = [PluginState(plugin, "active", "built in") for plugin in built_in]
    claims = [Claim(plugin, record) for plugin in built_in for record in collect_built_in(plugin.where)]
    selection = select(choice)
    for selected in selection.plugins:
        state, records = _load(selected, choice.options.get(selected.plugin.name, {}))
        states.append(state)
        claims += [Claim(selected.plugin, record) for record in records]
    _check_choice(choice, states)
    return Gathered(tuple(states), selection.asked_by, tuple(claims), choice.prefer, choice.options)


def rules_of(gathered: Gathered) -> Rules | None:
    """The table of reducers and overrides; None where there are none. Nothing is settled between them yet."""
    said = [claim for claim in gathered.claims if isinstance(claim.declared, Reducer | Override)]
    if not said:
        return None
    from brinery.plugin_host.rules import Rules

    return Rules(cast("list[Claim[Reducer | Override]]", said), gathered.prefer)


def claims_of(claims: tuple[Claim[Record], ...], kind: type[R]) -> list[Claim[R]]:
    """The claims that are records of `kind`."""
    return [Claim(claim.plugin, claim.declared) for claim in claims if isinstance(claim.declared, kind)]


def _load(selected: Selected, options: Mapping[str, object]) -> tuple[PluginState, list[Record]]:
    plugin = selected.plugin
    if selected.blocked is not None:
        return PluginState(plugin, "blocked", selected.blocked), []
    try:
        loaded = selected.installed.entry_point.load() if selected.installed is not None else selected.given
        records = collect(loaded, plugin.name, options)
    # A module that calls sys.exit() when it is imported must not end the program either.
    except (Exception, SystemExit) as failure:
        error, reason = _explained(plugin, failure)
        if selected.named or is_strict():
            raise error from failure
        _warn_once(plugin, reason)
        return PluginState(plugin, "broken", reason), []
    return PluginState(plugin, "active", "asked for by name" if selected.named else "installed"), records


def _explained(plugin: Plugin, failure: BaseException) -> tuple[PluginError, str]:
    """The error to raise for a plugin that cannot be used, and the reason in one line."""
    if isinstance(failure, DeclarationError):
        return DeclarationError(f"plugin {plugin}: {failure}"), str(failure)
    reason = f"{type(failure).__name__}: {failure} ({_place_of(failure)})"
    return PluginLoadError(f"plugin {plugin} cannot be loaded from {plugin.where}: {reason}"), reason


def _place_of(failure: BaseException) -> str:
    """The last line of the plugin's own, or of what it uses: not one of brinery's that it called."""
    import traceback

    lines = list(traceback.walk_tb(failure.__traceback__))
    frame, line = next(((frame, line) for frame, line in reversed(lines) if not _is_own(frame)), lines[-1])
    return f"{frame.f_code.co_filename}:{line}"


_warned: set[tuple[Plugin, str]] = set()


def _warn_once(plugin: Plugin, reason: str) -> None:
    """Once in a process, however many profiles are composed."""
    if (plugin, reason) not in _warned:
        _warned.add((plugin, reason))
        warnings.warn(
            f"plugin {plugin} is installed but cannot be used, and is skipped: {reason}. Mend it, uninstall "
            f"it, or leave it out: Profile(without={{{plugin.name!r}}})",
            PluginWarning,
            stacklevel=_callers_level(),
        )


def _callers_level() -> int:
    """The stack level, as the caller's warning counts it, of the program's line that needed the profile."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_own(frame):
        level, frame = level + 1, frame.f_back
    return level


def _is_own(frame: FrameType) -> bool:
    """Whether it is brinery's own code. By module: the files of the compiled engine have other names."""
    name: str = frame.f_globals.get("__name__", "")
    return name == "brinery" or name.startswith("brinery.")


def _check_choice(choice: Choice, states: list[PluginState]) -> None:
    """Refuse options and preferences for a plugin that nobody knows: they are misspelt."""
    known = {state.plugin.name for state in states}
    for argument, names in (("options", choice.options), ("prefer", choice.prefer.values())):
        for name in names:
            if name not in known:
                raise PluginError(
                    f"Profile({argument}=…) names the plugin {name!r}, which is not there; "
                    f"there are: {', '.join(sorted(known))}"
                )
            if argument == "options" and name in BUILT_IN:
                raise PluginError(
                    f"Profile(options=…) is for {name!r}, which is built in and takes no options"
                )


def _settle(gathered: Gathered) -> Composition:
    claims, prefer = gathered.claims, gathered.prefer
    rules = rules_of(gathered)
    if rules is not None:
        rules.settle()
    tables = claims_of(claims, NameTable)
    write_plan = WritePlan(
        rules=rules,
        era_names=name_map(tables, "python2", "write", prefer),
        names=name_map(tables, "always", "write", prefer),
        hints=tuple(
            f"plugin {state.plugin} is installed but was skipped: {state.reason}"
            for state in gathered.plugins
            if state.state == "broken"
        ),
    )
    read_plan = ReadPlan(
        era_names=name_map(tables, "python2", "read", prefer),
        names=name_map(tables, "always", "read", prefer),
    )
    return Composition(gathered, rules, _schemes(claims, prefer), write_plan, read_plan)


def _schemes(claims: tuple[Claim[Record], ...], prefer: Mapping[str, str]) -> dict[str, PersistentScheme]:
    by_name: dict[str, list[Claim[PersistentScheme]]] = {}
    for claim in claims_of(claims, PersistentScheme):
        by_name.setdefault(claim.declared.name, []).append(claim)
    return {
        name: settle(f"the scheme {name}:", (f"{name}:",), same, prefer)[0].declared
        for name, same in by_name.items()
    }
