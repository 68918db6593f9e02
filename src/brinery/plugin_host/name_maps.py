"""Name tables of many plugins made into the name maps of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from brinery.plan import NameMap
from brinery.plugin_host.conflicts import settle
from brinery.plugin_host.plugins import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from brinery.declarations import NameTable

    Direction = Literal["read", "write"]

__all__ = ["claims_by_name", "name_map", "subject_of"]


def claims_by_name(
    tables: Iterable[Claim[NameTable]], era: str, direction: Direction
) -> dict[str, list[Claim[str]]]:
    """What each name is mapped to, and by whom, in the tables of `era`."""
    claims: dict[str, list[Claim[str]]] = {}
    for plugin, table in tables:
        if table.era == era:
            for name, other in getattr(table, direction).items():
                claims.setdefault(name, []).append(Claim(plugin, other))
    return claims


def subject_of(name: str, direction: Direction) -> str:
    """What a claim on `name` is about, for errors."""
    return f"another name for {name} in {'reading' if direction == 'read' else 'writing'}"


def name_map(
    tables: Iterable[Claim[NameTable]], era: str, direction: Direction, prefer: Mapping[str, str]
) -> NameMap | None:
    """The tables of `era` as one map, or None where there is nothing in them.

    Raises PluginConflict for a name that is mapped two ways.
    """
    names: dict[tuple[str, str], tuple[str, str]] = {}
    modules: dict[str, str] = {}
    for name, claims in claims_by_name(tables, era, direction).items():
        winner, _ = settle(subject_of(name, direction), (name,), claims, prefer)
        module, colon, qualname = name.partition(":")
        other_module, _, other_qualname = winner.declared.partition(":")
        if colon:
            names[module, qualname] = other_module, other_qualname
        else:
            modules[module] = other_module
    return NameMap(names, modules) if names or modules else None
