"""What the host knows of a plugin, and of one thing that a plugin declares."""

from __future__ import annotations

from brinery.lean_typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["Claim", "Plugin", "PluginState"]

Declared = TypeVar("Declared", covariant=True)


class Plugin(NamedTuple):
    """A plugin's name, and where it comes from.

    origin        "built-in"; "installed", through an entry point; "given", as an object in code; in an
                  explanation also "store", for a store that is bound under that name.
    distribution  the distribution that it was installed with, and its `version`; None where there is none.
    where         what the entry point names, "package.module" or "package.module:object".
    """

    name: str
    origin: Literal["built-in", "installed", "given", "store"]
    where: str
    distribution: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        if self.distribution is None:
            return f"{self.name!r} ({self.origin})"
        return f"{self.name!r} ({self.distribution} {self.version})"


class Claim(NamedTuple, Generic[Declared]):
    """One thing that one plugin declares, a record or what a name is mapped to; and the file and line."""

    plugin: Plugin
    declared: Declared
    place: str


class PluginState(NamedTuple):
    """What became of a plugin in one profile, and why.

    state  "active"; "blocked", left out on purpose; "broken", it could not be loaded or breaks the contract.
    hooks  the names of the hooks that it has.
    given  the object that was given as the plugin; None for the others.
    """

    plugin: Plugin
    state: Literal["active", "blocked", "broken"]
    reason: str
    hooks: tuple[str, ...] = ()
    given: object = None
