"""Which brinery this is, and which plugins it uses: for the commands that tell."""

from __future__ import annotations

import platform
import warnings
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import brinery
from brinery import engine
from brinery.cli.problems import Problem
from brinery.errors import PluginConflict, PluginError, PluginWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brinery.plugin_host.composing import Gathered
    from brinery.plugin_host.explaining import Explanation
    from brinery.plugin_host.report import Report
    from brinery.profile import Profile

__all__ = [
    "Installation",
    "chosen_profile",
    "describe_installation",
    "explainer",
    "installation",
    "plugins_report",
]


class Installation(NamedTuple):
    """Versions, and the engine with the reason for it."""

    brinery: str
    python: str
    engine: str
    engine_reason: str


def installation() -> Installation:
    """What this process runs on."""
    return Installation(brinery.__version__, platform.python_version(), *engine.status())


def describe_installation() -> str:
    """The same in two lines."""
    version, python, name, reason = installation()
    return f"brinery {version}, Python {python}\nthe {name} engine is in use: {reason}"


def chosen_profile() -> Profile:
    """The profile that brinery.dumps uses. Raises Problem where its plugins cannot be composed."""
    with _problems():
        return brinery.default_profile()


def plugins_report() -> tuple[Report, str]:
    """What became of the plugins that brinery.dumps uses, and why they do not go together; "" where they do.

    Raises Problem where not even that can be told.
    """
    with _problems():
        try:
            return brinery.default_profile().report(), ""
        except PluginConflict as conflict:
            from brinery.plugin_host.report import report

            return report(_gathered()), str(conflict)


def explainer() -> tuple[Callable[[str], Explanation], str]:
    """What explains a name as Profile.explain does, and why the plugins do not go together; "" where they do.

    Raises Problem where the plugins cannot even be asked.
    """
    with _problems():
        try:
            return brinery.default_profile().explain, ""
        except PluginConflict as conflict:
            from brinery.plugin_host.composing import rules_of
            from brinery.plugin_host.explaining import explain

            gathered = _gathered()
            return partial(explain, gathered, rules_of(gathered)), str(conflict)


def _gathered() -> Gathered:
    """What the plugins that brinery.dumps uses declare, where it cannot be settled between them."""
    # Only now: looking at a pickle needs no plugin host.
    from brinery.plugin_host.composing import gather
    from brinery.plugin_host.selection import Choice

    return gather(Choice("installed"))


@contextmanager
def _problems() -> Iterator[None]:
    """Plugins' errors as problems of the command, and no warnings: what is broken is what it tells about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        try:
            yield
        except PluginError as failed:
            raise Problem(str(failed)) from failed
