"""Which brinery this is, and which plugins it uses: for the commands that tell."""

from __future__ import annotations

import platform
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import brinery
from brinery import engine
from brinery.cli.problems import Problem
from brinery.errors import PluginError, PluginWarning
from brinery.stream import interpreted_because
from brinery.stream.naming import PLAIN, by_fallback, looker, namer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from brinery.plan import ReadPlan
    from brinery.profile import Profile
    from brinery.stream.naming import Today

__all__ = [
    "Installation",
    "add_plugins_argument",
    "chosen_look",
    "chosen_names",
    "chosen_plan",
    "chosen_profile",
    "describe_installation",
    "installation",
    "listed_profile",
]


class Installation(NamedTuple):
    """Versions, and the engine with the reason for it."""

    brinery: str
    python: str
    engine: str
    engine_reason: str


def installation() -> Installation:
    """What this process runs on."""
    return Installation(brinery.__version__, platform.python_version(), *engine.status()[:2])


def describe_installation() -> str:
    """The same in two lines; in a third, why the stream tools are slow, if they are."""
    version, python, name, reason = installation()
    stale = f"\n{interpreted_because}" if interpreted_because else ""
    return f"brinery {version}, Python {python}\nthe {name} engine is in use: {reason}{stale}"


def chosen_profile() -> Profile:
    """The profile that brinery.dumps uses. Raises Problem where its plugins cannot be composed."""
    with _problems():
        return brinery.default_profile()


def add_plugins_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --plugins, of commands that tell what names have become."""
    parser.add_argument(
        "--plugins",
        action="store_true",
        help="the installed plugins' rules count, as for brinery.load: names, fallbacks, text rules, …",
    )


def chosen_plan(options: argparse.Namespace) -> ReadPlan:
    """Whose rules count, as --plugins says."""
    return chosen_profile().read_plan if options.plugins else PLAIN


def chosen_names(options: argparse.Namespace) -> Callable[[str, str, bool], tuple[str, str]]:
    """What names have become, as --plugins says. Raises Problem where plugins are wanted and disagree."""
    plan = chosen_plan(options)
    names = namer(plan)

    def today(module: str, qualname: str, era: bool) -> tuple[str, str]:
        with _problems():
            pair = names(module, qualname, era)
        return pair if plan.fallbacks is None else by_fallback(plan.fallbacks, pair)

    return today


def chosen_look(options: argparse.Namespace) -> Callable[[str, str, bool, bool], Today]:
    """What a load would make of names, as --plugins says: see :func:`brinery.stream.naming.looker`.

    It raises Problem where plugins are wanted and disagree.
    """
    look = looker(chosen_plan(options))

    def today(module: str, qualname: str, era: bool, dotted: bool) -> Today:
        with _problems():
            return look(module, qualname, era, dotted)

    return today


def listed_profile() -> Profile:
    """The profile that brinery.dumps uses or, where its plugins disagree, would: to tell about.

    Raises Problem where the plugins cannot even be asked.
    """
    with _problems():
        try:
            return brinery.default_profile()
        except PluginError:
            # Only now: looking at a pickle needs no plugin host.
            from brinery.profile import listed

            return listed()


@contextmanager
def _problems() -> Iterator[None]:
    """Plugins' errors as problems of the command, and no warnings: what is broken is what it tells about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        try:
            yield
        except PluginError as failed:
            raise Problem(str(failed)) from failed
