"""Compose a profile: from the choice of plugins to plans, once."""

from __future__ import annotations

import os
import sys
import warnings
from _thread import get_ident

from brinery.dotted import import_dotted
from brinery.errors import ChoiceError, DeclarationError, PluginError, PluginLoadError, PluginWarning
from brinery.lean_typing import TYPE_CHECKING, NamedTuple
from brinery.plan import ReadPlan, WritePlan
from brinery.plugin_host.collecting import Collected, collect, collect_built_in
from brinery.plugin_host.kinds import KINDS
from brinery.plugin_host.plugins import Claim, Plugin, PluginState
from brinery.plugin_host.selection import BUILT_IN, VARIABLE, Choice, Selected, Selection, is_strict, select
from brinery.plugin_host.settling import Conflict, all_of
from brinery.plugin_host.signals import raise_interruption
from brinery.records import Record, is_own

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import Any

    from brinery.plugin_host.places import Place
    from brinery.plugin_host.preferences import Preference

__all__ = ["Composition", "Gathered", "callers_level", "compose", "gather"]


class Gathered(NamedTuple):
    """What the chosen plugins declare, before anything is settled between them.

    plugins   every plugin that was chosen or left out, and what became of it.
    asked_by  who named the plugins; None where all installed ones were taken.
    claims    every record, with the plugin that declares it, in the profile's order.
    prefer    which plugins are meant, by kind and subject.
    options   what the profile was given for each plugin.
    """

    plugins: tuple[PluginState, ...]
    asked_by: str | None
    claims: tuple[Claim[Record], ...]
    prefer: Mapping[tuple[str, str], Preference]
    options: Mapping[str, Mapping[str, object]]


class Composition(NamedTuple):
    """What a profile is made of.

    places   where declarations landed, in the order of the kinds.
    profile  what the profile itself uses of them, such as the kinds of stores under "schemes".
    """

    gathered: Gathered
    places: tuple[Place, ...]
    write_plan: WritePlan
    read_plan: ReadPlan
    profile: Mapping[str, Any]

    def conflicts(self) -> list[Conflict]:
        """Everything that plugins disagree on, as far as it can be told now."""
        return [conflict for place in self.places for conflict in place.conflicts()]


#: The threads in which code of a plugin runs, while it is imported or asked for what it declares.
loading_plugins: set[int] = set()


def compose(choice: Choice) -> Composition:
    """Load the plugins of `choice`, ask each what it declares, and settle who wins.

    Raises what :func:`gather` raises; and PluginConflict, with all conflicts, where the plugins were asked
    for by name or ``BRINERY_STRICT`` is set. Elsewhere a conflict is raised by the plans, where it is met.
    """
    gathered = gather(choice)
    places = tuple(_places(gathered))
    fields = [place.fields() for place in places]
    composition = Composition(
        gathered,
        places,
        WritePlan(**_joined(field.write for field in fields), hints=_hints(gathered, places)),
        ReadPlan(**_joined(field.read for field in fields)),
        _joined(field.profile for field in fields),
    )
    at_once = not choice.lenient and (gathered.asked_by is not None or is_strict())
    if at_once and (conflicts := composition.conflicts()):
        raise all_of(conflicts)
    return composition


def gather(choice: Choice) -> Gathered:
    """Load the plugins of `choice` and ask each what it declares.

    A plugin that was named and cannot be used raises PluginLoadError or DeclarationError. One that is only
    installed is skipped: PluginWarning the first time, an error where ``BRINERY_STRICT`` is set.

    Raises ChoiceError for a plugin, a preference or an option that is not there.
    """
    states: list[PluginState] = []
    claims: list[Claim[Record]] = []
    for name, module in BUILT_IN.items():
        plugin = Plugin(name, "built-in", module)
        collected = collect_built_in(module)
        states.append(PluginState(plugin, "active", "built in", collected.hooks))
        claims += [Claim(plugin, record, record.place) for record in collected.records]
    selection = select(choice)
    for selected in selection.plugins:
        state, records = _load(selected, choice)
        states.append(state)
        claims += [Claim(selected.plugin, record, record.place) for record in records]
    _check_options(choice, states)
    prefer = _preferences(choice, selection, states, claims)
    return Gathered(tuple(states), selection.asked_by, tuple(claims), prefer, choice.options)


def _places(gathered: Gathered) -> list[Place]:
    """The places that something lands in. What no plugin declares is not even imported."""
    landing: dict[str, list[Claim[Record]]] = {}
    for kind in KINDS:
        if kind.lands:
            claims = [claim for claim in gathered.claims if type(claim.declared) is kind.record]
            if claims:
                landing.setdefault(kind.lands, []).extend(claims)
    return [_place(name)(claims, gathered.prefer) for name, claims in landing.items()]


def _place(name: str) -> type[Place]:
    return import_dotted(name)  # type: ignore[return-value]


def _joined(fields: Any) -> dict[str, Any]:
    return {name: value for field in fields for name, value in field.items()}


class _Hints(tuple[str, ...]):
    """The hints of a plan, who has a part in how the objects of a class are written, and what is misspelt."""

    blame: Callable[[BaseException, type, int | None], list[str]]
    misspelt: Callable[[], list[str]]


def _hints(gathered: Gathered, places: Sequence[Place]) -> tuple[str, ...]:
    hints = _Hints(
        f"plugin {state.plugin} is installed but was skipped: {state.reason}"
        for state in gathered.plugins
        if state.state == "broken"
    )
    for place in places:
        if hasattr(place, "blame"):
            hints.blame, hints.misspelt = place.blame, place.misspelt
            return hints
    return tuple(hints)


def _preferences(
    choice: Choice, selection: Selection, states: Sequence[PluginState], claims: Sequence[Claim[Record]]
) -> Mapping[tuple[str, str], Preference]:
    # What the environment prefers is asked where there is a plugin that it could be about.
    environment = os.environ.get(VARIABLE) if selection.plugins and choice.from_here else None
    if not choice.prefer and not environment:
        return {}
    from brinery.plugin_host.preferences import read_preferences

    of_installed = selection.asked_by is None and not choice.without
    return read_preferences(choice.prefer, environment, states, claims, of_installed)


def _load(selected: Selected, choice: Choice) -> tuple[PluginState, list[Record]]:
    plugin = selected.plugin
    if selected.blocked is not None:
        return PluginState(plugin, "blocked", selected.blocked), []
    # A plugin may make a profile of its own, while it is loaded.
    thread, within = get_ident(), get_ident() in loading_plugins
    loading_plugins.add(thread)
    try:
        if selected.broken is not None:
            raise DeclarationError(selected.broken)
        loaded = selected.installed.entry_point.load() if selected.installed is not None else selected.given
        collected: Collected = collect(loaded, plugin.name, choice.options.get(plugin.name, {}))
    except ChoiceError:
        raise
    # A module that calls sys.exit() when it is imported must not end the program either.
    except (Exception, SystemExit) as failure:
        raise_interruption(failure)  # a timeout of the program's is no fault of the plugin's
        error, reason = _explained(plugin, failure)
        if type(failure).__name__ == "NoHooks" and selected.installed is None:
            # It was never meant to be one: that is a wrong argument, and no plugin that is broken.
            raise TypeError(f"Profile(plugins=…): {failure}") from None
        if selected.named or (is_strict() and not choice.lenient):
            raise error from failure
        _warn_once(plugin, reason)
        return PluginState(plugin, "broken", reason), []
    finally:
        if not within:
            loading_plugins.discard(thread)
    reason = "asked for by name" if selected.named else "installed"
    return PluginState(plugin, "active", reason, collected.hooks, selected.given), collected.records


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
    frame, line = next(((frame, line) for frame, line in reversed(lines) if not is_own(frame)), lines[-1])
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
            stacklevel=callers_level(),
        )


def callers_level() -> int:
    """The stack level, as the caller's warning counts it, of the program's line that needed the profile.

    Where there is none, as in the task of an InterpreterPoolExecutor, it is beyond the stack: then a warning
    names no line, rather than one of brinery's.
    """
    level = 1
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_own(frame):
        level, frame = level + 1, frame.f_back
    return level


def _check_options(choice: Choice, states: Sequence[PluginState]) -> None:
    """Refuse options for a plugin that nobody knows, or that is left out: they settle nothing."""
    from_name = {state.plugin.name: state for state in states}
    for name in choice.options:
        state = from_name.get(name)
        if state is None:
            from brinery.wording import nearest

            raise ChoiceError(
                f"Profile(options=…) is for the plugin {name!r}, which is not there"
                + nearest(name, set(from_name) - set(BUILT_IN), "plugins")
            )
        if name in BUILT_IN:
            raise ChoiceError(f"Profile(options=…) is for {name!r}, which is built in and takes no options")
        if state.state == "blocked":
            raise ChoiceError(
                f"Profile(options=…) is for the plugin {name!r}, and Profile(without=…) leaves it out: take "
                "it out of one of the two"
            )
