"""Kinds of stores, by the scheme of their URLs."""

from __future__ import annotations

from brinery.declarations import PersistentScheme
from brinery.lean_typing import TYPE_CHECKING
from brinery.plugin_host.places import BySubject, Fields
from brinery.plugin_host.settling import refusal

if TYPE_CHECKING:
    from brinery.plugin_host.saying import Asked

__all__ = ["Schemes"]


class Schemes(BySubject):
    """A Place: the profile's ``schemes``, by the part of a URL before the colon."""

    def fields(self) -> Fields:
        """See Place."""
        return Fields(schemes={name: self._scheme(name) for _, name in self._claims})

    def _scheme(self, name: str) -> PersistentScheme:
        settled = self.settled(PersistentScheme, name)
        assert settled is not None
        if settled.conflict is not None:
            return PersistentScheme(name, refusal(settled.conflict))
        scheme: PersistentScheme = settled.chosen[0].declared
        return scheme

    def is_about(self, subject: str, asked: Asked) -> bool:
        """A scheme is asked for with its colon, ``"sqlite:"``."""
        return asked.name == f"{subject}:"
