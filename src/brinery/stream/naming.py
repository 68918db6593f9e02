"""What the names of a stream have become: the one place that applies a plan's tables outside of a load."""

from __future__ import annotations

import _compat_pickle
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from brinery.dotted import called
from brinery.plan import NameMap, ReadPlan
from brinery.stream.resolving import resolve, seems_to_have

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from brinery.stream.resolving import Status

    _Pair: TypeAlias = tuple[str, str]

__all__ = ["PLAIN", "Today", "by_fallback", "looker", "namer", "plugin_for", "stand_in"]

#: Without plugins: names as they stand in streams of protocol 2 and lower, to those of today.
PLAIN = ReadPlan(era_names=NameMap(_compat_pickle.NAME_MAPPING, _compat_pickle.IMPORT_MAPPING))

#: Distributions of plugins by the packages whose old names they know. The page about old pickles lists them.
_PLUGINS = {
    "brinery-science": (
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "joblib",
        "networkx",
        "sympy",
        "statsmodels",
        "pytz",
        "PIL",
        "attr",
    ),
    "brinery-python2": (
        "__builtin__",
        "copy_reg",
        "exceptions",
        "sets",
        "UserDict",
        "UserList",
        "UserString",
    ),
    "brinery-paths": ("pathlib",),
}
_TOO_COMMON = ("__builtin__", "copy_reg", "exceptions")  # the standard library's own tables speak of them


class Today(NamedTuple):
    """What a load makes of a name here, as far as can be told without importing anything.

    name      the name that is imported: what the tables make of it, or a fallback
    status    ``found``, ``no module``, ``no name``, or ``unknown`` where only running code could tell
    reaches   the name of what it reaches, where that is another
    stands_in the function that takes its place; empty where none does
    reason    why a plugin says that nothing has the name any more, and what to do; or empty
    """

    name: _Pair
    status: Status
    reaches: str = ""
    stands_in: str = ""
    reason: str = ""


def namer(plan: ReadPlan = PLAIN) -> Callable[[str, str, bool], _Pair]:
    """A function of module, name and whether Python 2's tables count: the name that is imported today.

    It raises PluginConflict for a name that plugins dispute.
    """
    era_names, names = plan.era_names, plan.names

    @cache
    def today(module: str, qualname: str, era: bool) -> _Pair:
        pair = module, qualname
        if era and era_names is not None:
            pair = era_names.apply(*pair)
            if pair in era_names.stand_ins:
                return pair
        return pair if names is None else names.apply(*pair)

    return today


def looker(plan: ReadPlan = PLAIN) -> Callable[[str, str, bool, bool], Today]:
    """A function that looks for a name as a load does: of module, name, whether Python 2's tables count, and
    whether the name's dots are walked.

    It raises PluginConflict for a name that plugins dispute.
    """
    names = namer(plan)

    @cache
    def look(module: str, qualname: str, era: bool, dotted: bool) -> Today:
        pair = names(module, qualname, era)
        function = stand_in(plan, pair, era)
        if function:
            return Today(pair, "found", function.replace(":", "."), function)
        if plan.fallbacks is not None:
            pair = by_fallback(plan.fallbacks, pair)
        found = resolve(*pair, dotted=dotted)
        reason = ""
        if found.status in ("no module", "no name"):
            reason = plan.why_gone((module, qualname), pair)
        return Today(pair, *found, "", reason)

    return look


def stand_in(plan: ReadPlan, pair: _Pair, era: bool = True) -> str:
    """The dotted name of the function that a table has in the place of a name; empty where none has one.

    `era` is whether the tables of Python 2 count.
    """
    for table in (plan.names, plan.era_names if era else None):
        if table is not None and pair in table.stand_ins:
            function = table.stand_ins[pair]
            return function if isinstance(function, str) else called(function)
    return ""


def by_fallback(fallbacks: NameMap, pair: _Pair) -> _Pair:
    """Which of a name and its fallbacks is there, as far as sources and extension modules' files tell; the
    name itself where none is."""
    chain = [pair]
    while (step := fallbacks.step(*chain[-1])) not in chain:
        chain.append(step)
    if len(chain) == 1:
        return pair
    status = {each: resolve(*each).status for each in chain}
    if status[pair] == "found":
        return pair
    there = [each for each in chain if status[each] == "found"]
    # Of an extension module only its file can be asked.
    there += [each for each in chain if status[each] == "unknown" and seems_to_have(*each)]
    there += [each for each in chain if status[each] == "unknown"]
    return there[0] if there else pair


def plugin_for(module: str, plan: ReadPlan | None) -> str:
    """The distribution of a plugin that knows old names of the module's package, if `plan` has none of its
    names; else empty."""
    package = module.partition(".")[0]
    for distribution, packages in _PLUGINS.items():
        if package in packages and not _is_active(package, plan):
            return distribution
    return ""


def _is_active(package: str, plan: ReadPlan | None) -> bool:
    """Whether some plugin speaks of the package: then it is not missing."""
    if plan is None or package in _TOO_COMMON:
        return False
    tables = [table for table in (plan.names, plan.fallbacks) if table is not None]
    return any(
        name.partition(".")[0] == package
        for table in tables
        for name in (*table.modules, *table.prefixes, *(module for module, _ in table.names))
    )
