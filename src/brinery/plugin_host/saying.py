"""What explanations are made of: what is asked for, and what each plugin or bound store says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from brinery.plugin_host.plugins import Plugin

__all__ = ["Asked", "Say"]


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
