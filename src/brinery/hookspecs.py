"""The hooks: the contract between brinery and the authors of plugins.

A plugin is a module or an object, named in the entry-point group ``brinery`` of its distribution. Its
hook functions carry the mark :data:`hookimpl` and the prefix ``brinery_``. Hooks *declare*: each is
called once when a profile is composed, and never while an object is written or read.

What holds for every hook:

- It yields records of :mod:`brinery.declarations`, or returns a list of them.
- It may leave out `options`: a read-only mapping, the value of each option that the plugin declares.
- All results are collected. Order has no meaning: wrappers, ``tryfirst`` and ``trylast`` are refused.
- Hooks and arguments are only ever added. A plugin that wants a newer hook marks it
  ``@hookimpl(optionalhook=True)`` and works with this version too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from brinery.declarations import NameTable, Option, Override, PersistentScheme, Reducer
    from brinery.old_shapes import Shape, TextRule

__all__ = [
    "HOOKS",
    "PROJECT",
    "brinery_name_tables",
    "brinery_options",
    "brinery_overrides",
    "brinery_persistent_schemes",
    "brinery_reducers",
    "brinery_shapes",
    "brinery_text_rules",
    "hookimpl",
    "hookspec",
]

#: pluggy's name for this set of hooks, and the entry-point group in which plugins are found.
PROJECT = "brinery"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def brinery_options() -> Iterable[Option]:
    """Declare what ``Profile(options={"plugin": {…}})`` may say to this plugin.

    The other hooks are given each option's value, or its default. An option that no plugin declares, or a
    value of another type, is an error when the profile is made. Conflict: none, each plugin's are its own.
    A whole plugin::

        from decimal import Decimal

        from brinery import Option, Reducer, hookimpl


        @hookimpl
        def brinery_options():
            yield Option("places", int, 2, "digits behind the decimal point")


        @hookimpl
        def brinery_reducers(options):
            def reduce_decimal(number):
                return Decimal, (str(round(number, options["places"])),)

            yield Reducer(Decimal, reduce_decimal)
    """
    raise NotImplementedError


@hookspec
def brinery_reducers(options: Mapping[str, object]) -> Iterable[Reducer]:
    """Declare how objects of a class, or of a class and its subclasses, are written.

    Conflict: the same class declared twice. A whole plugin::

        from brinery import Reducer, hookimpl


        def reduce_uuid(value):
            return type(value), (value.hex,)


        @hookimpl
        def brinery_reducers():
            yield Reducer("uuid:UUID", reduce_uuid)
    """
    raise NotImplementedError


@hookspec
def brinery_overrides(options: Mapping[str, object]) -> Iterable[Override]:
    """Declare a say, before the built-in way, in how functions, classes or a family of objects are written.

    They are asked nearest base class first; the first that does not return NotImplemented decides.
    Conflict: two plugins for the same class, unless ``prefer`` says in which order to ask. A whole plugin::

        import types

        from brinery import Override, hookimpl


        def adder(number):
            def add(other):
                return number + other

            add.made_of = (number,)
            return add


        def reduce_made(function):
            if not hasattr(function, "made_of"):
                return NotImplemented
            return adder, function.made_of


        @hookimpl
        def brinery_overrides():
            yield Override(types.FunctionType, reduce_made)
    """
    raise NotImplementedError


@hookspec
def brinery_persistent_schemes(options: Mapping[str, object]) -> Iterable[PersistentScheme]:
    """Declare a kind of store for objects that are kept outside the stream, opened by URL.

    Conflict: the same scheme name twice. A whole plugin::

        from brinery import PersistentScheme, hookimpl


        class Shelf:
            claims = ("fractions:Fraction",)

            def __init__(self):
                self.kept = {}

            def persistent_id(self, obj):
                key = str(obj)
                self.kept[key] = obj
                return key

            def persistent_load(self, key):
                return self.kept[key]


        def open_shelf(url):
            return Shelf()


        @hookimpl
        def brinery_persistent_schemes():
            yield PersistentScheme("shelf", open_shelf)
    """
    raise NotImplementedError


@hookspec
def brinery_name_tables(options: Mapping[str, object]) -> Iterable[NameTable]:
    """Declare names that differ between streams and this process, such as those of classes that moved.

    Conflict: one name mapped two ways. A whole plugin::

        from brinery import NameTable, hookimpl


        @hookimpl
        def brinery_name_tables():
            yield NameTable("shop 2.0", {"shop.models:Client": "shop.people:Customer"})
    """
    raise NotImplementedError


@hookspec
def brinery_shapes(options: Mapping[str, object]) -> Iterable[Shape]:
    """Declare how the states and arguments of old streams fit a class that has changed since.

    Conflict: the same class declared twice. A whole plugin::

        from brinery import Shape, hookimpl


        def with_price_in_cents(state, version):
            if version is None:  # before 2.0, which stamps its version
                state["cents"] = round(state.pop("price") * 100)
            return state


        @hookimpl
        def brinery_shapes():
            yield Shape(
                "shop.models:Order",
                state=with_price_in_cents,
                version="shop_version",
                defaults={"currency": "EUR", "notes": lambda state: []},
            )
    """
    raise NotImplementedError


@hookspec
def brinery_text_rules(options: Mapping[str, object]) -> Iterable[TextRule]:
    """Declare what the str of Python 2 are in the objects of a class: bytes, or text in which encoding.

    Conflict: the same class declared twice. A whole plugin::

        from brinery import TextRule, hookimpl


        @hookimpl
        def brinery_text_rules():
            yield TextRule("shop.models:Order", {"photo": "bytes", "name": "utf-8", "*": "latin-1"})
    """
    raise NotImplementedError


#: The names of all hooks. What becomes of each is said in :mod:`brinery.plugin_host.kinds`.
HOOKS = tuple(name for name in globals() if name.startswith("brinery_"))
