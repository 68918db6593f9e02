"""Where declarations land: what the plans and the profile get from them, and what is to be said of them.

``rules``    reducers and overrides, in the rule table of a WritePlan.
``names``    name tables, in the name maps of both plans.
``schemes``  kinds of stores, in the profile.
``shapes``   shapes of classes that have changed, and rules for Python 2's text, in the ReadPlan.

A place for records that each speak of one subject is a :class:`BySubject` and the fields that it gives.

What is in conflict among plugins that are merely installed lands too: as something that raises the
conflict when it is asked. So a place never raises for one.
"""

from __future__ import annotations

from brinery.lean_typing import TYPE_CHECKING
from brinery.plugin_host.kinds import kind_of
from brinery.plugin_host.settling import settle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from brinery.plugin_host.plugins import Claim
    from brinery.plugin_host.preferences import Preferences
    from brinery.plugin_host.saying import Asked, Say
    from brinery.plugin_host.settling import Conflict, Settlement
    from brinery.records import Record

__all__ = ["BySubject", "Fields", "Place"]


class Fields:
    """What a place gives: fields of the WritePlan, of the ReadPlan, and what the profile itself uses."""

    __slots__ = ("profile", "read", "write")

    # No named tuple: every process that pickles makes this class, and that would take longer.
    def __init__(
        self, write: dict[str, Any] | None = None, read: dict[str, Any] | None = None, **profile: Any
    ) -> None:
        self.write = write or {}
        self.read = read or {}
        self.profile = profile


class Place:
    """A place where declarations of one kind, or of several, land. Made once for a profile."""

    def __init__(self, claims: Sequence[Claim[Any]], preferences: Preferences) -> None:
        raise NotImplementedError

    def fields(self) -> Fields:
        """What the plans and the profile get."""
        raise NotImplementedError

    def conflicts(self) -> Iterator[Conflict]:
        """Every conflict that can be told now."""
        raise NotImplementedError

    def says(self, asked: Asked, conflicts: list[Conflict]) -> Iterator[Say]:
        """What there is to say about a name; conflicts about it are added to `conflicts`."""
        raise NotImplementedError

    def misspelt(self, asked: type | None = None) -> list[str]:
        """Lines about what is declared for a class that is not there, and was perhaps meant for `asked`."""
        return []


class BySubject(Place):
    """A place of kinds whose records each say one thing of one subject: all but the fields that it gives."""

    def __init__(self, claims: Sequence[Claim[Any]], preferences: Preferences) -> None:
        self._preferences = preferences
        self._claims: dict[tuple[type[Record], str], list[Claim[Any]]] = {}
        for claim in claims:
            (statement,) = claim.declared.statements()
            self._claims.setdefault((type(claim.declared), statement.subject), []).append(claim)

    def settled(self, kind: type[Record], subject: str) -> Settlement | None:
        """Who counts of those that declare such a record about `subject`; None where nobody does."""
        claims = self._claims.get((kind, subject))
        if claims is None:
            return None
        return settle(kind_of(claims[0].declared), (subject,), claims, self._preferences)

    def is_about(self, subject: str, asked: Asked) -> bool:
        """Whether what is declared about `subject` is to be told to somebody who asked."""
        return subject == asked.name or asked.is_beneath(subject)

    def conflicts(self) -> Iterator[Conflict]:
        """See Place."""
        for (kind, subject), claims in self._claims.items():
            if len(claims) > 1:
                settled = self.settled(kind, subject)
                if settled is not None and settled.conflict is not None:
                    yield settled.conflict

    def says(self, asked: Asked, conflicts: list[Conflict]) -> Iterator[Say]:
        """See Place."""
        from brinery.plugin_host.saying import Say

        for (kind, subject), claims in self._claims.items():
            if not self.is_about(subject, asked):
                continue
            settled = self.settled(kind, subject)
            assert settled is not None
            if settled.conflict is not None:
                conflicts.append(settled.conflict)
            noun = kind_of(claims[0].declared).noun
            for claim in claims:
                wins = any(claim.declared == chosen.declared for chosen in settled.chosen)
                rule = settled.rule
                if settled.chosen and not wins:
                    rule = f"{settled.chosen[0].plugin} wins: {rule}"
                yield Say(noun, claim.plugin, claim.declared.describe(), wins, rule)
