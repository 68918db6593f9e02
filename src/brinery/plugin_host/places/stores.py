"""What bound stores claim, for explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.dotted import name_of_class
from brinery.lineage import Lineage
from brinery.persistence.checks import check_claims
from brinery.plugin_host.plugins import Plugin
from brinery.plugin_host.saying import Say
from brinery.urls import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brinery.persistence.stores import SimpleStore, Store

__all__ = ["claimed"]


def claimed(
    live: Mapping[str | None, Store | SimpleStore],
    given: Mapping[str | None, Store | SimpleStore | str],
    cls: type,
) -> list[Say]:
    """The stores that claim objects of `cls`, in the order in which they are asked."""
    lineage: Lineage[str | None] = Lineage(
        [(claim, name) for name, store in live.items() for claim in check_claims(f"store {name!r}", store)]
    )
    says: dict[str | None, Say] = {}
    for level in lineage.levels(cls):
        for target, name in level.found:
            where = given[name]
            kind = name_of_class(type(live[name]))
            plugin = Plugin(
                name or "the bare store", "store", shown(where) if isinstance(where, str) else kind
            )
            near = "" if target is cls else f", as {name_of_class(target)} is above it"
            says.setdefault(
                name,
                Say(
                    "store",
                    plugin,
                    f"a {kind} claims {name_of_class(target)}",
                    True,
                    f"asked before all plugins{near}; where it has a key for the object, that is written",
                ),
            )
    return list(says.values())
