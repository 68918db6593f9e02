"""Profile: choose plugins, compose them once, and write and read with them."""

from __future__ import annotations

import os
import types
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from brinery import engine as engines
from brinery.dotted import name_of_class
from brinery.errors import EngineWarning
from brinery.interpreters import in_main_interpreter
from brinery.lean_typing import TYPE_CHECKING
from brinery.plugin_host.composing import Composition, callers_level, compose
from brinery.plugin_host.selection import Choice
from brinery.plugin_host.settling import all_of
from brinery.recipes import Made, rebuilt, recipe_of, travelling
from brinery.urls import redacted, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import ModuleType, TracebackType
    from typing import Any, Literal, NoReturn, Self

    from brinery.engine.python import Dumper, Loader, Pickler, Unpickler
    from brinery.persistence.loading import Missing
    from brinery.persistence.stores import SimpleStore, Store
    from brinery.plan import ReadPlan, WritePlan
    from brinery.plugin_host.explaining import Explanation
    from brinery.plugin_host.report import Report
    from brinery.plugin_host.saying import Say

__all__ = ["NO_OBJECT", "BoundProfile", "Profile"]


class _NoObject:
    def __repr__(self) -> str:
        return "<none>"


#: Stands for the object that was not given, where None is one.
NO_OBJECT: object = _NoObject()


class Profile:
    """A choice of plugins, composed: what the plugins declare, in the tables that an engine reads.

    plugins  "installed": all installed plugins, or those that the environment's ``BRINERY_PLUGINS`` names.
             Or the plugins in order, each by the name of its entry point or as an object.
    without  the names of plugins to leave out.
    prefer   which plugin is meant where several speak of the same: ``{"reducer:numpy:ndarray": "plugin"}``.
             The key is the kind, which is ``reducer``, ``override``, ``name``, ``scheme``, ``shape`` or
             ``text``, and the subject: a class's dotted name, a name in a name table, a scheme. Without the
             kind it is accepted where only one can be meant. For overrides the value may be a tuple: the
             plugins in the order in which to ask. What the environment's ``BRINERY_PREFER`` says comes after
             it.
    options  what a plugin's hooks are given, of what it declares: ``{"plugin": {"option": value}}``.
    engine   "compiled" or "python"; None is the engine that :func:`brinery.engine.choose` chooses.

    Making one loads the plugins and calls each hook once; it takes milliseconds, so keep it. It never
    changes afterwards and may be shared between threads. It travels between processes as its recipe: the
    plugins' names, what is preferred, the options, the URLs of bound stores.

    Raises PluginLoadError for a plugin that was named and is not there or does not load, DeclarationError for
    one that does not keep the contract, ChoiceError for a name, key or option that settles nothing, and
    PluginConflict, with all conflicts, where plugins that were named declare the same thing in different
    ways. A plugin that is merely installed and broken is skipped with a PluginWarning, and a conflict among
    merely installed ones is raised where it is met: both are errors here where ``BRINERY_STRICT=1`` is set.

    ``dump``, ``dumps``, ``load`` and ``loads`` are called as those of :mod:`pickle`; the first two also with
    ``check=True``, which see :func:`brinery.check`; ``check(obj)`` is that function with this profile.
    """

    __slots__ = (
        "__weakref__",
        "_composition",
        "_engine",
        "_pickler",
        "_unpickler",
        "dump",
        "dumps",
        "load",
        "loads",
        "read_plan",
        "write_plan",
    )

    #: The plan that this profile's picklers read, and the one of its unpicklers.
    write_plan: WritePlan
    read_plan: ReadPlan

    def __init__(
        self,
        plugins: Literal["installed"] | Iterable[object] = "installed",
        *,
        without: Collection[str] = (),
        prefer: Mapping[str, str | tuple[str, ...]] | None = None,
        options: Mapping[str, Mapping[str, object]] | None = None,
        engine: str | None = None,
    ) -> None:
        self._set_up(compose(_choice(plugins, without, prefer, options)), engine)

    @classmethod
    def plain(cls, *, engine: str | None = None) -> Profile:
        """The profile without plugins but the built-in ones: the standard library's pickle, byte for byte."""
        return _plain(engine)

    def _set_up(self, composition: Composition, engine: str | None) -> None:
        self._composition = composition
        self._engine = engine
        self._take_plans(composition.write_plan, composition.read_plan)

    def _take_plans(self, write_plan: WritePlan, read_plan: ReadPlan) -> None:
        module = engines.get(self._engine) if self._engine is not None else _chosen_engine()
        self.write_plan = write_plan
        self.read_plan = read_plan
        made = self._made()
        checked = _checking(module, lambda: write_plan, lambda: read_plan)
        dumper: Dumper = travelling(module.Dumper)(made, lambda: write_plan, checked)
        loader: Loader = travelling(module.Loader)(made, lambda: read_plan)
        # The engine's bound methods: a method around them would cost tiny calls a third of their speed.
        self.dump = dumper.dump
        self.dumps = dumper.dumps
        self.load = loader.load
        self.loads = loader.loads
        engines.say_where_from(self.dump, self.dumps, self.load, self.loads)
        self._pickler: type[Pickler] = _bound_class(module.Pickler, write_plan)
        self._unpickler: type[Unpickler] = _bound_class(module.Unpickler, read_plan)

    def _made(self) -> Made:
        return Made(self._composition, self._engine)

    @property
    def Pickler(self) -> type[Pickler]:
        """The engine's Pickler with this profile; it may be subclassed."""
        return self._pickler

    @property
    def Unpickler(self) -> type[Unpickler]:
        """The engine's Unpickler with this profile; it may be subclassed."""
        return self._unpickler

    @property
    def fingerprint(self) -> str:
        """Equal for profiles of the same brinery, plugins, versions, options, declarations and bound stores.

        64 hexadecimal digits, the same in every process. Functions that no module holds are told apart by
        what they do and hold; objects of other classes by their class only. No password has a part in it.
        """
        from brinery.plugin_host.fingerprints import fingerprint

        return fingerprint(self._composition.gathered, self._made().stores)

    def check(self, obj: object = NO_OBJECT, protocol: int | None = None) -> None:
        """Make sure that `obj` survives, as :func:`brinery.check` does, with this profile.

        Without an object: make sure that no plugins disagree. Raises PluginConflict with all conflicts that
        can be told now. Each comes with the line that settles it. Classes that were declared by name and are
        not imported yet may turn out to be one, and a class may belong to two ABCs: that is only seen when it
        is met.
        """
        if obj is not NO_OBJECT:
            self.dumps(obj, protocol, check=True)
        elif protocol is not None:
            raise TypeError("check(protocol=…) wants an object, too: check(obj, protocol)")
        elif conflicts := self._composition.conflicts():
            raise all_of(conflicts)

    def report(self) -> Report:
        """Which plugins there are, which are active, which are not and why; and what they disagree on."""
        from brinery.plugin_host.report import report

        return report(self._composition, self._made().stores)

    def explain(self, name: str | type) -> Explanation:
        """Everyone who has a say about a class or a name, who wins, and by which rule.

        `name` is a class or its dotted name (which is imported); a module's name, for all that is declared
        beneath it; a scheme with its colon, ``"sqlite:"``; or a key of `prefer`. Bound stores are in it.
        Where plugins declare one thing in different ways, that is the explanation's `conflict`.
        """
        from brinery.plugin_host.explaining import explain

        skipped = self._composition.write_plan.hints
        return explain(self._composition.places, name, self._claimed, skipped)

    def _claimed(self, cls: type) -> list[Say]:
        """Which bound stores claim objects of a class."""
        return []

    def open_store(self, url: str, **options: object) -> Store | SimpleStore:
        """Open the store at `url` with the plugin that declares its scheme. Whoever opens it closes it.

        Raises StoreError for a scheme that no active plugin declares, and what opening raises.
        """
        from brinery.persistence.schemes import open_store

        return open_store(url, self._composition.profile["schemes"], options)

    def bind(
        self,
        stores: Mapping[str, Store | SimpleStore | str] | None = None,
        /,
        *,
        bare: Store | SimpleStore | str | None = None,
        missing: Missing = "raise",
        **named: Store | SimpleStore | str,
    ) -> BoundProfile:
        """This profile with stores, each under a name of your own, which travels in the stream::

            with profile.bind(shop="sqlite:///shop.db", users=my_store) as p:
                data = p.dumps(order)

        A store is an object, or a URL: then it is opened now, and closed by the ``with`` or by ``close()``.
        `stores` takes names that are no identifiers. `bare` is one store whose IDs go into the stream as
        they are. `missing` says what becomes of a reference whose object is gone: "raise", "none", or a
        function of the store's name (None for the bare one) and the key.

        Raises StoreError for a store that cannot be opened or bound.
        """
        return BoundProfile(self, {**(stores or {}), **named}, bare, missing)

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, name):
            raise AttributeError(f"a Profile never changes; make another one to have another {name}")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Profile never changes")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return rebuilt, (recipe_of(self._made()),)

    def __repr__(self) -> str:
        active = ", ".join(
            state.plugin.name
            for state in self._composition.gathered.plugins
            if state.state == "active" and state.plugin.origin != "built-in"
        )
        return f"<{type(self).__name__}: {active or 'plain'}>"


class BoundProfile(Profile):
    """A profile with stores bound to it; a context manager that closes what it opened. See Profile.bind."""

    __slots__ = ("_given", "_live", "_missing", "_opened", "_state")

    def __init__(
        self,
        profile: Profile,
        stores: Mapping[str, Store | SimpleStore | str],
        bare: Store | SimpleStore | str | None,
        missing: Missing,
    ) -> None:
        from brinery.persistence.binding import bind

        opened: list[Store | SimpleStore] = []
        self._opened = opened
        self._missing = missing
        self._given: dict[str | None, Store | SimpleStore | str] = dict(stores.items())
        if bare is not None:
            self._given[None] = bare
        self._live: dict[str | None, Store | SimpleStore] = {}
        self._state = {"closed": False}  # the one thing about a profile that changes

        def live(name: str | None, store: Store | SimpleStore | str) -> Store | SimpleStore:
            if isinstance(store, str):
                store = self.open_store(store)
                opened.append(store)
            self._live[name] = store
            return store

        self._composition = profile._composition
        self._engine = profile._engine
        try:
            named = {name: live(name, store) for name, store in stores.items()}
            nameless = live(None, bare) if bare is not None else None
            opened_here = {id(store) for store in opened}
            self._take_plans(
                *bind(
                    profile.write_plan,
                    profile.read_plan,
                    named,
                    bare=nameless,
                    missing=missing,
                    opened=opened_here,
                )
            )
        except BaseException:
            self.close()
            raise

    def _made(self) -> Made:
        from brinery.persistence.binding import options_given

        given = options_given(self.write_plan)
        return Made(self._composition, self._engine, self._given, self._missing, given)

    def _claimed(self, cls: type) -> list[Say]:
        from brinery.plugin_host.places.stores import claimed

        return claimed(self._live, self._given, cls)

    def __repr__(self) -> str:
        stores = ", ".join(
            f"{name or 'bare'}={shown(store) if isinstance(store, str) else type(store).__qualname__}"
            for name, store in self._given.items()
        )
        return f"{super().__repr__()[:-1]}; stores: {stores or 'none'}>"

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._state["closed"]

    def _take_plans(self, write_plan: WritePlan, read_plan: ReadPlan) -> None:
        from brinery.persistence.binding import option_names
        from brinery.persistence.calls import FUNCTIONS, taking_options

        super()._take_plans(write_plan, read_plan)
        if option_names(write_plan):
            for name in FUNCTIONS:
                function = taking_options(name, getattr(self, name), self)
                object.__setattr__(self, name, function)

    def using(self, **options: Any) -> BoundProfile:
        """This profile with options for its stores, those that a single call may be given::

            bound.loads(data, session=s)
            bound.using(session=s).Unpickler(file).load()

        The stores are the same, and closed by the profile that they were bound to. Raises TypeError for an
        option that no store takes.
        """
        from brinery.persistence.binding import with_options

        bound = BoundProfile.__new__(type(self))
        bound._opened = []
        bound._given, bound._live, bound._missing = self._given, self._live, self._missing
        bound._state = self._state
        bound._composition = self._composition
        bound._engine = self._engine
        bound._take_plans(*with_options(self.write_plan, self.read_plan, options))
        return bound

    def _using_for_good(self, options: Mapping[str, Any]) -> BoundProfile:
        """The same as :meth:`using`, where nobody keeps this profile: the stores are that one's to close."""
        bound = self.using(**options)
        bound._opened.extend(self._opened)
        return bound

    def close(self) -> None:
        """Close the stores that were opened from URLs. Calling it again does nothing."""
        self._state["closed"] = True
        while self._opened:
            close = getattr(self._opened.pop(), "close", None)
            if close is not None:
                close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def listed() -> Profile:
    """The profile of what is installed, for reports: what plugins disagree on is no error in it."""
    profile = Profile.__new__(Profile)
    profile._set_up(compose(Choice("installed", lenient=True)), None)
    return profile


def _checking(
    engine: Any, write_plan: Callable[[], WritePlan], read_plan: Callable[[], ReadPlan]
) -> Callable[..., bytes]:
    """`Checker.dumps`, which is only imported where it is used."""

    def checked(*arguments: Any) -> bytes:
        from brinery.checking import Checker

        return Checker(engine, write_plan, read_plan).dumps(*arguments)

    return checked


@cache
def _plain(engine: str | None) -> Profile:
    profile = Profile.__new__(Profile)
    profile._set_up(_plain_composition(), engine)
    return profile


@cache
def _plain_composition() -> Composition:
    return compose(Choice(()))


def _bound_class(base: type[Any], plan: object) -> type[Any]:
    """A subclass of an engine's class whose instances take `plan`."""
    return type(
        base.__name__,
        (base,),
        {"_plan_source": staticmethod(lambda: plan), "__module__": __name__, "__doc__": base.__doc__},
    )


def _choice(
    plugins: Literal["installed"] | Iterable[object],
    without: Collection[str],
    prefer: Mapping[str, str | tuple[str, ...]] | None,
    options: Mapping[str, Mapping[str, object]] | None,
) -> Choice:
    """What Profile was given, as a Choice. Raises TypeError for what is of another type."""
    if isinstance(plugins, str):
        if plugins != "installed":
            given = redacted(repr(plugins))
            raise TypeError(f"Profile(plugins={given}): it wants 'installed' or a list, such as [{given}]")
    elif not isinstance(plugins, Iterable):
        raise TypeError(
            f"Profile(plugins={_shown(plugins)}): it wants 'installed' or a list of plugins, each a name, a "
            f"module or an object with hooks, such as [{_shown(plugins)}]"
        )
    return Choice(
        "installed" if isinstance(plugins, str) else tuple(plugins),
        _names_to_leave_out(without),
        _preferred(prefer),
        _given_options(options),
    )


def _shown(plugin: object) -> str:
    return plugin.__name__ if isinstance(plugin, types.ModuleType) else repr(plugin)


def _names_to_leave_out(without: Collection[str]) -> frozenset[str]:
    wants = "it wants a set of names, such as {'labkit'}"
    if isinstance(without, str):
        given = redacted(repr(without))
        raise TypeError(f"Profile(without={given}): it wants a set of names, such as {{{given}}}")
    if without is None or not isinstance(without, Iterable):
        raise TypeError(f"Profile(without={without!r}): {wants}; () leaves none out")
    names = tuple(without)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"Profile(without=…) has {name!r}: {wants}")
    return frozenset(names)


def _preferred(prefer: Any) -> Mapping[str, str | tuple[str, ...]]:
    wants = (
        "a dict from what is meant to the plugin that is meant, such as {'reducer:numpy:ndarray': 'labkit'}"
    )
    if prefer is None:
        return MappingProxyType({})
    if not isinstance(prefer, Mapping):
        hint = ""
        if isinstance(prefer, str) and "=" in prefer:
            key, _, plugin = prefer.partition("=")
            hint = f"; write prefer={{{key.strip()!r}: {plugin.strip()!r}}}"
        raise TypeError(redacted(f"Profile(prefer={prefer!r}): it wants {wants}{hint}"))
    for key in prefer:
        if not isinstance(key, str):
            hint = ""
            if isinstance(key, type):
                hint = f"; a class is named, {name_of_class(key)!r}"
            raise TypeError(f"Profile(prefer=…) has the key {key!r}, and wants {wants}{hint}")
    return MappingProxyType(dict(prefer))


def _given_options(options: Any) -> Mapping[str, Mapping[str, object]]:
    wants = "a dict of each plugin's options, such as {'labkit': {'places': 3}}"
    if options is None:
        return MappingProxyType({})
    if not isinstance(options, Mapping):
        raise TypeError(f"Profile(options={redacted(repr(options))}): it wants {wants}")
    for name, given in options.items():
        if not isinstance(name, str):
            raise TypeError(f"Profile(options=…) has the key {name!r}, and wants {wants}")
        if not isinstance(given, Mapping):
            said = f"Profile(options={{{name!r}: {redacted(repr(given))}}})"
            raise TypeError(f"{said}: it wants {wants}; the plugin's name comes before those of its options")
        for option in given:
            if not isinstance(option, str):
                raise TypeError(f"Profile(options={{{name!r}: …}}) has the key {option!r}, and wants {wants}")
    return MappingProxyType({name: MappingProxyType(dict(given)) for name, given in options.items()})


_warned = False


def _chosen_engine() -> ModuleType:
    """The engine in use; with one warning in a process where that is a slow one that nobody asked for."""
    global _warned
    module = engines.choose()
    if not _warned and engines.status().name == "python" and os.environ.get("BRINERY_ENGINE") != "python":
        _warned = True
        # In an interpreter beside the main one, the variable would be set for the main one, too.
        silence = (
            "BRINERY_ENGINE=python in the environment"
            if in_main_interpreter()
            else 'warnings.filterwarnings("ignore", category=brinery.errors.EngineWarning) here'
        )
        status = engines.status()
        to_write, to_read = engines.TIMES_SLOWER
        slower = (
            f"It takes some {to_write} times as long as the standard pickle module to write,"
            f" and {to_read} times to read."
        )
        remedy = f" To have the compiled one: {status.remedy}." if status.remedy else ""
        warnings.warn(
            f"brinery's engine in Python is in use: {_short(status.reason)}. {slower}{remedy}"
            f" To use it all the same, and to hear no more of it: {silence}",
            EngineWarning,
            stacklevel=callers_level(),
        )
    return module


def _short(reason: str) -> str:
    """A reason without the arguments of a command that failed, which ``brinery --version`` has in full."""
    import re

    # As a list: in quotation marks where the standard library says it, and bare from setuptools.
    return re.sub(r"'?\['([^']*)'(?:, (?:'[^']*'|\"[^\"]*\"))*\]'?", r"\1 …", reason).rstrip(".")
