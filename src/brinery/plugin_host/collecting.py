"""Ask a plugin what it declares, through pluggy: the one place where hooks are called."""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

from brinery.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brinery.declarations import Record

__all__ = ["collect", "collect_built_in"]


def collect(plugin: object, name: str, options: Mapping[str, object]) -> list[Record]:
    """All records that `plugin` declares, hook by hook.

    Each plugin has a manager of its own, because its options and its results are its own.

    Raises DeclarationError where the plugin does not keep the contract, and what its hooks raise.
    """
    import pluggy

    from brinery import hookspecs
    from brinery.plugin_host.checks import check_hooks, check_records, place_of

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    check_hooks(plugin, manager)
    manager.register(plugin, name)
    records: list[Record] = []
    for hook in hookspecs.HOOKS:
        caller = getattr(manager.hook, hook)
        functions = [implementation.function for implementation in caller.get_hookimpls()]
        if not functions:
            continue
        try:
            results = caller(options=MappingProxyType(dict(options)))
        except DeclarationError as wrong:
            raise DeclarationError(f"{place_of(functions[0])}: {wrong}") from wrong
        # pluggy leaves out what is None: a hook that forgets to return would go unnoticed.
        if len(results) < len(functions):
            raise DeclarationError(
                f"{place_of(functions[0])} returns None; yield records, or return a list of them"
            )
        # pluggy calls the last one registered first, and gives the results in that order.
        for function, result in zip(reversed(functions), results, strict=True):
            records += check_records(hook, place_of(function), result)
    return records


def collect_built_in(module: str) -> list[Record]:
    """All records that a built-in plugin declares.

    It is asked without pluggy, so that a plain profile never has to import that; a test asks it with.
    """
    plugin = importlib.import_module(module)
    return [
        record for name in dir(plugin) if name.startswith("brinery_") for record in getattr(plugin, name)()
    ]
