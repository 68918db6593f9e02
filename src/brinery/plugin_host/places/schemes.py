"""Kinds of stores, by the scheme of their URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.declarations import PersistentScheme
from brinery.plugin_host.kinds import kind_of
from brinery.plugin_host.places import Fields, Place
from brinery.plugin_host.settling import Conflict, Settlement, refusal, settle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from brinery.plugin_host.plugins import Claim
    from brinery.plugin_host.preferences import Preferences
    from brinery.plugin_host.saying import Asked, Say

__all__ = ["Schemes"]


class Schemes(Place):
    """A Place: the profile's ``schemes``, by the part of a URL before the colon."""

    def __init__(self, claims: Sequence[Claim[Any]], preferences: Preferences) -> None:
        self._claims: dict[str, list[Claim[PersistentScheme]]] = {}
        for claim in claims:
            self._claims.setdefault(claim.declared.name, []).append(claim)
        self._settled: dict[str, Settlement] = {
            name: settle(kind_of(same[0].declared), (name,), same, preferences)
            for name, same in self._claims.items()
        }

    def fields(self) -> Fields:
        """See Place."""
        return Fields(
            schemes={
                name: PersistentScheme(name, refusal(settled.conflict))
                if settled.conflict is not None
                else settled.chosen[0].declared
                for name, settled in self._settled.items()
            }
        )

    def conflicts(self) -> Iterator[Conflict]:
        """See Place."""
        for settled in self._settled.values():
            if settled.conflict is not None:
                yield settled.conflict

    def says(self, asked: Asked, conflicts: list[Conflict]) -> Iterator[Say]:
        """See Place: for a scheme with its colon, ``"sqlite:"``."""
        from brinery.plugin_host.saying import Say

        name = asked.name.removesuffix(":")
        if name == asked.name or name not in self._claims:
            return
        settled = self._settled[name]
        if settled.conflict is not None:
            conflicts.append(settled.conflict)
        for claim in self._claims[name]:
            wins = claim in settled.chosen
            rule = settled.rule
            if settled.chosen and not wins:
                rule = f"{settled.chosen[0].plugin} wins: {rule}"
            yield Say("scheme", claim.plugin, claim.declared.describe(), wins, rule)
