"""Where declarations land: what the plans and the profile get from them, and what is to be said of them.

``rules``    reducers and overrides, in the rule table of a WritePlan.
``names``    name tables, in the name maps of both plans.
``schemes``  kinds of stores, in the profile.
``shapes``   shapes of classes that have changed, and rules for Python 2's text, in the ReadPlan.

What is in conflict among plugins that are merely installed lands too: as something that raises the
conflict when it is asked. So a place never raises for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from brinery.plugin_host.plugins import Claim
    from brinery.plugin_host.preferences import Preferences
    from brinery.plugin_host.saying import Asked, Say
    from brinery.plugin_host.settling import Conflict

__all__ = ["Fields", "Place"]


class Fields:
    """What a place gives: fields of the WritePlan, of the ReadPlan, and what the profile itself uses."""

    __slots__ = ("profile", "read", "write")

    # No NamedTuple: every process that pickles makes this class, and that would take four times as long.
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
