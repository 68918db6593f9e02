"""The kinds of declarations: one row for each, and everything else in the host reads this table.

A new kind is a record (:mod:`brinery.declarations`), its hook (:mod:`brinery.hookspecs`), a row here, and
the place where it lands, if none of those that there are will do (:mod:`brinery.plugin_host.places`).
"""

from __future__ import annotations

from brinery.declarations import NameTable, Option, Override, PersistentScheme, Reducer
from brinery.lean_typing import TYPE_CHECKING, NamedTuple
from brinery.old_shapes import Shape, TextRule

if TYPE_CHECKING:
    from typing import Literal

    from brinery.records import Record

__all__ = ["KINDS", "Kind", "by_key", "kind_of"]


class Kind(NamedTuple):
    """One kind of declaration.

    noun     what it is called in reports.
    key      what stands before the first colon in a key of ``prefer``.
    record   the class of its records.
    hook     the hook that yields them, and
    offers   the arguments that the hook may take.
    about    what a record is about, for errors; with its subject, and its aspect where it has one.
    settles  "one": of several plugins that speak of one subject, one wins. "in order": those that `prefer`
             names, in that order; each plugin's own in its order. "alone": every plugin speaks for itself.
    lands    the dotted name of the Place where what was declared goes; "" where it stays in the host.
             Imported only where something is declared.
    """

    noun: str
    key: str
    record: type[Record]
    hook: str
    offers: tuple[str, ...]
    about: str
    settles: Literal["one", "in order", "alone"]
    lands: str


# Hooks are called in this order. Options come first: the others are given them.
KINDS: list[Kind] = [
    Kind("option", "option", Option, "brinery_options", (), "the option {subject}", "alone", ""),
    Kind(
        "reducer",
        "reducer",
        Reducer,
        "brinery_reducers",
        ("options",),
        "a reducer for {subject}",
        "one",
        "brinery.plugin_host.places.rules:Rules",
    ),
    Kind(
        "override",
        "override",
        Override,
        "brinery_overrides",
        ("options",),
        "an override for {subject}",
        "in order",
        "brinery.plugin_host.places.rules:Rules",
    ),
    Kind(
        "scheme",
        "scheme",
        PersistentScheme,
        "brinery_persistent_schemes",
        ("options",),
        "the scheme {subject}:",
        "one",
        "brinery.plugin_host.places.schemes:Schemes",
    ),
    Kind(
        "name table",
        "name",
        NameTable,
        "brinery_name_tables",
        ("options",),
        "another name for {subject} in {aspect}",
        "one",
        "brinery.plugin_host.places.names:Names",
    ),
    Kind(
        "shape",
        "shape",
        Shape,
        "brinery_shapes",
        ("options",),
        "the shape of {subject}",
        "one",
        "brinery.plugin_host.places.shapes:Shapes",
    ),
    Kind(
        "text rule",
        "text",
        TextRule,
        "brinery_text_rules",
        ("options",),
        "the text of {subject}",
        "one",
        "brinery.plugin_host.places.shapes:Shapes",
    ),
]


def kind_of(record: Record) -> Kind:
    """The row of a record."""
    return next(kind for kind in KINDS if kind.record is type(record))


def by_key(key: str) -> Kind | None:
    """The row that has `key` in front of its subjects in ``prefer``; None where there is none."""
    return next((kind for kind in KINDS if kind.key == key and kind.settles != "alone"), None)
