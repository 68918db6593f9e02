"""Where declarations land: what the plans and the profile get from them, and what is to be said of them.

``rules``    reducers and overrides, in the rule table of a WritePlan.
``names``    name tables, in the name maps of both plans.
``schemes``  kinds of stores, in the profile.

What is in conflict among plugins that are merely installed lands too: as something that raises the
conflict when it is asked. So a place never raises for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from brinery.plugin_host.plugins import Claim, Plugin
    from brinery.plugin_host.preferences import Preferences
    from brinery.plugin_host.settling import Conflict

__all__ = ["Asked", "Fields", "Place", "Say"]


class Fields(NamedTuple):
    """What a place gives: fields of the WritePlan, of the ReadPlan, and what the profile itself uses."""

    write: Mapping[str, Any] = {}
    read: Mapping[str, Any] = {}
    profile: Mapping[str, Any] = {}


class Asked(NamedTuple):
    """What an explanation is wanted of.

    name  as it was written, and
    cls   the class that it is, or that the object of that name has; None where it is none.
    """

    name: str
    cls: type | None

    def is_beneath(self, subject: str) -> bool:
        """Whether `subject` is in the module that was asked for."""
        return ":" not in self.name and subject.startswith((f"{self.name}.", f"{self.name}:"))


class Say(NamedTuple):
    """What one plugin, or a bound store, has to say about a name.

    kind  "store", "override", "reducer", "read name", "write name" or "scheme".
    what  the declaration, in words.
    wins  whether it decides. Overrides that count all win: each is asked in turn. In a conflict none does.
    rule  why it wins, or who wins instead.
    """

    kind: str
    plugin: Plugin
    what: str
    wins: bool
    rule: str


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
