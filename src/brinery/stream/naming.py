"""What the names of a stream have become: the one place that applies a plan's tables outside of a load."""

from __future__ import annotations

import _compat_pickle
from functools import cache
from typing import TYPE_CHECKING

from brinery.plan import NameMap, ReadPlan

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PLAIN", "namer"]

#: Without plugins: names as they stand in streams of protocol 2 and lower, to those of today.
PLAIN = ReadPlan(era_names=NameMap(_compat_pickle.NAME_MAPPING, _compat_pickle.IMPORT_MAPPING))


def namer(plan: ReadPlan = PLAIN) -> Callable[[str, str, bool], tuple[str, str]]:
    """A function of module, name and whether Python 2's tables count: the name that is imported today.

    It raises PluginConflict for a name that plugins dispute.
    """
    era_names, names = plan.era_names, plan.names

    @cache
    def today(module: str, qualname: str, era: bool) -> tuple[str, str]:
        pair = module, qualname
        if era and era_names is not None:
            pair = era_names.apply(*pair)
        return pair if names is None else names.apply(*pair)

    return today
