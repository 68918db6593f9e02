"""Profiles between processes: pickled as the recipe from which the reader makes one of its own.

A recipe names the plugins, which the reader has to have installed; its hooks are asked again there. So
``pool.map(profile.loads, blobs)`` works, with the standard library's pickle as well as with brinery's.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections import OrderedDict
from contextvars import ContextVar
from functools import cache

from brinery.errors import PluginLoadError, PluginWarning
from brinery.forking import whole
from brinery.lean_typing import TYPE_CHECKING, NamedTuple
from brinery.plugin_host.composing import Composition, compose
from brinery.plugin_host.selection import Choice
from brinery.plugin_host.signals import raise_interruption
from brinery.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from brinery.persistence.loading import Missing
    from brinery.persistence.stores import SimpleStore, Store
    from brinery.plugin_host.plugins import PluginState
    from brinery.profile import Profile

__all__ = ["Made", "Recipe", "is_elsewhere", "rebuilt", "rebuilt_method_owner", "recipe_of", "travelling"]


class Made(NamedTuple):
    """What a profile was made of in this process.

    stores         those that are bound, as URLs or live, by name, None for the bare one; None where none are.
    store_options  the options that these were given for all calls.
    """

    composition: Composition
    engine: str | None
    stores: Mapping[str | None, Store | SimpleStore | str] | None = None
    missing: Missing = "raise"
    store_options: Mapping[str, object] = {}


class Recipe(NamedTuple):
    """What travels.

    plugins  ``("installed", name, distribution, version)``, ``("module", name)`` or ``("object", plugin)``,
             in the profile's order; built-in ones not among them.
    prefer   pairs of a key of ``prefer`` and plugins' names.
    """

    brinery: str
    plugins: tuple[tuple[Any, ...], ...]
    prefer: tuple[tuple[str, tuple[str, ...]], ...]
    options: dict[str, dict[str, object]]
    engine: str | None
    stores: tuple[tuple[str | None, str], ...] | None
    missing: Missing
    store_options: dict[str, object]


def recipe_of(made: Made) -> Recipe:
    """The recipe of a profile. Raises TypeError where something of it cannot travel, and says what."""
    for name, value in made.store_options.items():
        if value is not None and type(value) not in (bool, int, float, str, bytes):
            raise TypeError(
                f"cannot pickle a Profile whose stores were given an object of this process: {name} is a "
                f"{type(value).__qualname__}. Pickle the profile that they were bound to, and give it where "
                f"that is read: bound.using({name}=…)"
            )
    gathered = made.composition.gathered
    active = [
        state for state in gathered.plugins if state.state == "active" and state.plugin.origin != "built-in"
    ]
    names = {state.plugin.name for state in active}
    return Recipe(
        __version__,
        tuple(_plugin(state) for state in active),
        tuple((f"{kind}:{subject}", said.plugins) for (kind, subject), said in gathered.prefer.items()),
        {name: dict(given) for name, given in gathered.options.items() if name in names},
        made.engine,
        None
        if made.stores is None
        else tuple((name, _url(name, store)) for name, store in made.stores.items()),
        made.missing,
        dict(made.store_options),
    )


def _plugin(state: PluginState) -> tuple[Any, ...]:
    name, origin, _, distribution, version = state.plugin
    if origin == "installed":
        return "installed", name, distribution, version
    given = state.given
    if isinstance(given, types.ModuleType):
        if given.__name__ != "__main__" and sys.modules.get(given.__name__) is given:
            return "module", given.__name__
        reason = f"is the module {given.__name__!r}, which another process cannot import"
    elif type(given).__module__ == "__main__":
        reason = f"is an object of __main__ ({type(given).__qualname__})"
    elif "<locals>" in type(given).__qualname__ and type(given).__reduce__ is object.__reduce__:
        reason = f"is an object of a class within a function ({type(given).__qualname__})"
    else:
        return "object", given
    raise TypeError(
        f"cannot pickle a Profile whose plugin {name!r} {reason}: only what is installed, or in a module of "
        "its own, is found where the profile is read"
    )


def _url(name: str | None, store: Store | SimpleStore | str) -> str:
    if isinstance(store, str):
        return store
    bound = "the bare store" if name is None else f"the store bound as {name!r}"
    raise TypeError(
        f"cannot pickle a Profile with a live store: {bound} is an object of this process, a "
        f"{type(store).__qualname__}. Bind it by its URL, or pickle the profile without stores and bind it "
        "where it is read"
    )


# Every task of a pool brings the recipe anew. What was made of one is kept, with the stores that are open.
_KEPT = 16
_profiles: OrderedDict[bytes, Profile] = OrderedDict()


_elsewhere: ContextVar[bool] = ContextVar("_elsewhere", default=False)


def is_elsewhere() -> bool:
    """Whether the profile that asks a plugin just now came from another process.

    So a plugin may spare its warnings about what is there in the process that made it, and not here.
    """
    return _elsewhere.get()


def rebuilt(recipe: Recipe) -> Profile:
    """A profile after `recipe`, one for all that bring an equal one.

    Where it cannot be made, because a plugin is not installed here, say, what is given raises that at its
    first use. Raised now, it would be raised in a pool's own code, and nobody would get it.

    Other versions of plugins than where the profile was pickled are a PluginWarning.
    """
    try:
        return _rebuilt(recipe)
    except Exception as failure:
        raise_interruption(failure)
        return _unusable(recipe, failure)


def _rebuilt(recipe: Recipe) -> Profile:
    """The same, and what making the profile raises: PluginLoadError for plugins that are not here."""
    from brinery.profile import BoundProfile, Profile

    # The plain profile's bytes: the default one may hold a plugin that is just being loaded.
    key = Profile.plain().dumps(tuple(recipe))
    with whole:
        known = _profiles.get(key)
        if known is not None and not (isinstance(known, BoundProfile) and known.is_closed):
            _profiles.move_to_end(key)
            return known
        made = _make(recipe)
        _profiles[key] = made
        if len(_profiles) > _KEPT:
            _profiles.popitem(last=False)
        return made


def _make(recipe: Recipe) -> Profile:
    from brinery.profile import Profile

    given = [_found(plugin) for plugin in recipe.plugins]
    _check_installed(recipe)
    if not given and not recipe.prefer:
        profile = Profile.plain(engine=recipe.engine)
    else:
        choice = Choice(
            tuple(given),
            prefer=dict(recipe.prefer),
            options=recipe.options,
            asked_by="the profile that was pickled",
            lenient=True,
            from_here=False,
        )
        profile = Profile.__new__(Profile)
        token = _elsewhere.set(True)
        try:
            profile._set_up(compose(choice), recipe.engine)
        finally:
            _elsewhere.reset(token)
        _compare_versions(recipe, profile)
    if recipe.stores is None:
        return profile
    stores = dict(recipe.stores)
    bare = stores.pop(None, None)
    bound = profile.bind({str(name): url for name, url in stores.items()}, bare=bare, missing=recipe.missing)
    return bound._using_for_good(recipe.store_options) if recipe.store_options else bound


def _found(plugin: tuple[Any, ...]) -> object:
    if plugin[0] != "module":
        return plugin[1]
    try:
        __import__(plugin[1])
    except Exception as failure:
        raise_interruption(failure)
        raise PluginLoadError(
            f"the profile that was pickled has the module {plugin[1]!r} as a plugin, which cannot be "
            f"imported here: {type(failure).__name__}: {failure}"
        ) from failure
    return sys.modules[plugin[1]]


def _check_installed(recipe: Recipe) -> None:
    """Name every plugin that is missing, with its distribution, rather than the first one."""
    wanted = {plugin[1]: plugin for plugin in recipe.plugins if plugin[0] == "installed"}
    if not wanted:
        return
    from brinery.plugin_host.discovery import installed_plugins

    missing = [
        f"{name!r} ({distribution} {version})"
        for _, name, distribution, version in (
            wanted[name] for name in wanted.keys() - installed_plugins().keys()
        )
    ]
    if missing:
        raise PluginLoadError(
            "the profile that was pickled has plugins that are not installed here: "
            + ", ".join(sorted(missing))
        )


def _compare_versions(recipe: Recipe, profile: Profile) -> None:
    wanted = {plugin[1]: plugin[3] for plugin in recipe.plugins if plugin[0] == "installed"}
    others = [
        f"{state.plugin}, not {wanted[state.plugin.name]}"
        for state in profile._composition.gathered.plugins
        if state.plugin.name in wanted and state.plugin.version != wanted[state.plugin.name]
    ]
    if recipe.brinery != __version__:
        others.insert(0, f"brinery {__version__}, not {recipe.brinery}")
    if others:
        warnings.warn(
            f"a profile was pickled with other versions than are installed here: {'; '.join(others)}",
            PluginWarning,
            stacklevel=2,
        )


def rebuilt_method_owner(recipe: Recipe, method: str) -> Any:
    """What ``profile.loads`` and its like are methods of; see :func:`rebuilt`."""
    try:
        return getattr(_rebuilt(recipe), method).__self__
    except Exception as failure:
        raise_interruption(failure)
        return _UnusableOwner(recipe, method, failure)


def _unusable(recipe: Recipe, failure: Exception) -> Profile:
    from brinery.profile import BoundProfile, Profile

    made: Any = _unusable_class(Profile if recipe.stores is None else BoundProfile)
    profile: Profile = made.__new__(made)
    object.__setattr__(profile, "recipe", recipe)
    object.__setattr__(profile, "failure", failure)
    return profile


@cache
def _unusable_class(base: type[Any]) -> type[Any]:
    """Profiles that raise why they could not be made. All that one has is in slots, and these are empty."""

    class Unusable(base):  # type: ignore[misc]
        __slots__ = ("failure", "recipe")

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__") and name.endswith("__"):
                raise AttributeError(name)
            raise self.failure.with_traceback(None)

        def __repr__(self) -> str:
            return f"<{base.__name__} that cannot be used here: {self.failure}>"

        def __reduce__(self) -> tuple[object, ...]:
            return rebuilt, (self.recipe,)

        def using(self, **options: object) -> NoReturn:
            raise self.failure.with_traceback(None)

        def close(self) -> None:
            """Nothing was opened."""

    Unusable.__name__ = Unusable.__qualname__ = base.__name__
    return Unusable


class _UnusableOwner:
    """Has the one method, which raises why the profile that it belongs to could not be made."""

    def __init__(self, recipe: Recipe, method: str, failure: Exception) -> None:
        self._made_of = recipe, method
        self._failure = failure

    # A bound method travels as its owner and its name.

    def dump(self, *arguments: object, **options: object) -> NoReturn:
        raise self._failure.with_traceback(None)

    def dumps(self, *arguments: object, **options: object) -> NoReturn:
        raise self._failure.with_traceback(None)

    def load(self, *arguments: object, **options: object) -> NoReturn:
        raise self._failure.with_traceback(None)

    def loads(self, *arguments: object, **options: object) -> NoReturn:
        raise self._failure.with_traceback(None)

    def __reduce__(self) -> tuple[object, ...]:
        return rebuilt_method_owner, self._made_of


@cache
def travelling(base: type[Any]) -> type[Any]:
    """An engine's Dumper or Loader whose methods travel with the profile that they belong to."""
    method = "dumps" if hasattr(base, "dumps") else "loads"

    class Travelling(base):  # type: ignore[misc]
        __slots__ = ("_made",)
        __doc__ = base.__doc__

        def __init__(self, made: Made, *arguments: Any) -> None:
            super().__init__(*arguments)
            self._made = made

        def __reduce__(self) -> tuple[object, ...]:
            return rebuilt_method_owner, (recipe_of(self._made), method)

    Travelling.__name__ = Travelling.__qualname__ = base.__name__
    return Travelling
