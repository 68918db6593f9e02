"""Ask a plugin what it declares, through pluggy: the one place where hooks are called."""

from __future__ import annotations

from types import MappingProxyType

from brinery.declarations import Option, fits, type_words
from brinery.errors import ChoiceError, DeclarationError
from brinery.lean_typing import TYPE_CHECKING, NamedTuple
from brinery.plugin_host.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from brinery.records import Record

__all__ = ["Collected", "collect", "collect_built_in"]


class Collected(NamedTuple):
    """What a plugin declares, and the names of the hooks that it has."""

    records: list[Record]
    hooks: tuple[str, ...]


def collect(plugin: object, name: str, given: Mapping[str, object]) -> Collected:
    """All records that `plugin` declares, hook by hook; `given` are the options that the profile has for it.

    Each plugin has a manager of its own, because its options and its results are its own.

    Raises DeclarationError where the plugin does not keep the contract, ChoiceError where it has no such
    option, and what its hooks raise.
    """
    import pluggy

    from brinery import hookspecs
    from brinery.plugin_host.checks import check_hooks, check_records, place_of

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    check_hooks(plugin, manager)
    manager.register(plugin, name)
    records: list[Record] = []
    hooks: list[str] = []
    options: Mapping[str, object] | None = None
    for kind in KINDS:
        if "options" in kind.offers and options is None:
            options = _options(name, records, given)
        caller = getattr(manager.hook, kind.hook)
        functions = [implementation.function for implementation in caller.get_hookimpls()]
        if not functions:
            continue
        hooks.append(kind.hook)
        try:
            results = caller(**({"options": options} if "options" in kind.offers else {}))
        except DeclarationError as wrong:
            raise DeclarationError(f"{place_of(functions[0])}: {wrong}") from wrong
        # pluggy leaves out what is None: a hook that forgets to return would go unnoticed.
        if len(results) < len(functions):
            raise DeclarationError(
                f"{place_of(functions[0])} returns None; yield records, or return a list of them"
            )
        # pluggy calls the last one registered first, and gives the results in that order.
        for function, result in zip(reversed(functions), results, strict=True):
            records += check_records(kind, place_of(function), result)
    return Collected(records, tuple(hooks))


def collect_built_in(module: str) -> Collected:
    """All records that a built-in plugin declares.

    It is asked without pluggy, so that a plain profile never has to import that; a test asks it with.
    """
    plugin = __import__(module, fromlist=["brinery"])
    hooks = tuple(name for name in dir(plugin) if name.startswith("brinery_"))
    return Collected([record for name in hooks for record in getattr(plugin, name)()], hooks)


def _options(plugin: str, declared: Sequence[Record], given: Mapping[str, object]) -> Mapping[str, object]:
    """The value of each option that is declared: what was given, else its default."""
    options = {option.name: option for option in declared if isinstance(option, Option)}
    for name, value in given.items():
        if name not in options:
            from brinery.wording import nearest

            raise ChoiceError(
                f"Profile(options={{{plugin!r}: …}}) has {name!r}, an option that the plugin does not declare"
                + nearest(name, options, "options of it")
            )
        if not fits(value, wanted := options[name].type):
            raise ChoiceError(
                f"Profile(options={{{plugin!r}: {{{name!r}: …}}}}) is a {type(value).__qualname__}, but the "
                f"plugin wants {type_words(wanted)}: {options[name].help}"
            )
    values = {name: given.get(name, option.default) for name, option in options.items()}
    return MappingProxyType(_Options(plugin, values))


class _Options(dict[str, object]):
    """What the hooks of a plugin are handed: a name that it did not declare is told with the nearest."""

    def __init__(self, plugin: str, values: Mapping[str, object]) -> None:
        super().__init__(values)
        self._plugin = plugin

    def __missing__(self, name: str) -> object:
        from brinery.wording import nearest

        raise KeyError(
            f"{name}: the plugin {self._plugin!r} declares no such option in brinery_options()"
            + nearest(name, self, "options of it")
        )
