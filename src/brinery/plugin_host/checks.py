"""Whether a plugin keeps the contract of the hooks, and what is wrong where it does not."""

from __future__ import annotations

import difflib
import inspect
import types
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import pluggy

from brinery.declarations import Rule, check_class
from brinery.dotted import MISSING, find_loaded
from brinery.errors import DeclarationError
from brinery.hookspecs import HOOKS, PROJECT
from brinery.plugin_host.kinds import KINDS, Kind
from brinery.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NoHooks", "check_hooks", "check_records", "place_of"]

ORDER_OPTIONS = ("wrapper", "hookwrapper", "tryfirst", "trylast")


def place_of(function: Callable[..., object]) -> str:
    """The name of a function with file and line, as ``name (file.py:12)``."""
    name = getattr(function, "__name__", repr(function))
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    if code is None:
        return name
    return f"{name} ({code.co_filename}:{code.co_firstlineno})"


def check_hooks(plugin: object, manager: pluggy.PluginManager) -> None:
    """Raise DeclarationError unless every hook function of `plugin` is one that will be called.

    What looks like a hook and is none would otherwise be passed over in silence.
    """
    if isinstance(plugin, type):
        raise DeclarationError(
            f"{plugin!r} is a class; a plugin is a module or an object, such as an instance of it"
        )
    found = False
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is not None:
            found = True
            _check_hook(plugin, name, options)
        elif name.startswith("brinery_"):
            _check_no_hook(plugin, name)

    if not found:
        raise NoHooks(_without_hooks(plugin))


def _check_no_hook(plugin: object, name: str) -> None:
    """What has a hook's name and is none for pluggy, which would pass it over."""
    value = getattr(plugin, name)
    if inspect.isroutine(value) and not isinstance(value, partial):  # from 3.14 on partials are routines
        marked = "mark it with @brinery.hookimpl" if name in HOOKS else _no_such_hook(name)
        raise DeclarationError(f"{place_of(value)} looks like a hook but is not marked as one: {marked}")
    if name in HOOKS or hasattr(value, f"{PROJECT}_impl"):
        raise DeclarationError(
            f"{name} is {value!r}, and only functions and methods are taken for hooks: write it as a def"
        )


class NoHooks(DeclarationError):
    """What is meant as a plugin has no hook at all."""


def _without_hooks(plugin: object) -> str:
    wants = (
        "a plugin is a module, or an object, that has hooks: functions such as brinery_reducers, marked with "
        "@brinery.hookimpl"
    )
    if isinstance(plugin, Record):
        return (
            f"{plugin!r} is what a hook yields, and {wants}; without one, "
            "brinery.testing.profile_of(…) makes a profile of it"
        )
    if isinstance(plugin, types.ModuleType):
        return f"the module {plugin.__name__!r} has no hook, and {wants}"
    shown = place_of(plugin) if isinstance(plugin, types.FunctionType) else repr(plugin)
    return f"{shown} has no hook, and {wants}"


def _check_hook(plugin: object, name: str, options: pluggy.HookimplOpts) -> None:
    function = getattr(plugin, name)
    hook = options["specname"] or name
    if hook not in HOOKS:
        if options["optionalhook"]:  # a hook of a version to come
            return
        raise DeclarationError(f"{place_of(function)}: {_no_such_hook(hook)}")
    for option in ORDER_OPTIONS:
        if options[option]:  # type: ignore[literal-required]
            raise DeclarationError(
                f"{place_of(function)} is marked {option}=True: all results of a hook are collected and "
                "order has no meaning, so wrappers, tryfirst and trylast are refused"
            )
    implementation = pluggy.HookImpl(plugin, name, function, options)
    offers = next(kind.offers for kind in KINDS if kind.hook == hook)
    if unknown := sorted(set(implementation.argnames) - set(offers)):
        raise DeclarationError(
            f"{place_of(function)} takes {unknown[0]!r}, but {hook} offers: {', '.join(offers) or 'nothing'}"
        )
    if implementation.kwargnames:
        raise DeclarationError(
            f"{place_of(function)} has a default for {implementation.kwargnames[0]!r}, so that pluggy would "
            "never give it a value: take options without a default, or leave it out"
        )


def _no_such_hook(name: str) -> str:
    close = difflib.get_close_matches(name, HOOKS, 1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"there is no hook {name!r}{meant} (the hooks are: {', '.join(HOOKS)})"


def check_records(kind: Kind, place: str, result: object) -> list[Record]:
    """What a hook yielded, as a list; raises DeclarationError for anything but records of its kind."""
    noun = kind.record.__name__
    if inspect.iscoroutine(result) or inspect.isasyncgen(result):
        if inspect.iscoroutine(result):
            result.close()  # or Python warns that it was never awaited
        raise DeclarationError(f"{place} is async, and nobody would await it: make it a plain def")
    if isinstance(result, Record | str) or not isinstance(result, Iterable):
        raise DeclarationError(f"{place} gives {result!r}; yield each {noun}, or return a list of them")
    records: list[Record] = []
    try:
        for record in result:
            if type(record) is not kind.record:
                raise DeclarationError(f"it yields {record!r}, but {kind.hook} wants a {noun}")
            _check_loaded_target(record)
            records.append(record)
    except DeclarationError as wrong:  # the record's own constructor, too
        raise DeclarationError(f"{place}: {wrong}") from wrong
    if kind.settles != "in order":
        _check_twice(kind, place, records)
    return records


def _check_loaded_target(record: Record) -> None:
    """A class that is declared by name and is already there is checked now, the others when they turn up."""
    target = getattr(record, "target", None)
    # A shape may be a function's, too.
    if isinstance(target, str) and isinstance(record, Rule):
        found = find_loaded(target)
        if found is not MISSING:
            try:
                check_class(found, type(record).__name__)
            except DeclarationError as wrong:
                raise DeclarationError(f"{wrong} (at {record.place})") from None


def _check_twice(kind: Kind, place: str, records: list[Record]) -> None:
    """No plugin may say two things of one subject."""
    seen: dict[tuple[str, str], object] = {}
    for record in records:
        for subject, aspect, meaning in record.statements():
            if seen.setdefault((subject, aspect), meaning) != meaning:
                about = kind.about.format(subject=subject, aspect=aspect)
                raise DeclarationError(
                    f"{place} declares {about} twice, in different ways (at {record.place})"
                )
