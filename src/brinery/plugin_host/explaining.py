"""Who has a say about a class or a name, who wins, and by which rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from brinery.declarations import NameTable, Override, PersistentScheme, Reducer, target_name
from brinery.dotted import import_dotted, is_dotted, name_of_class
from brinery.plan import NATIVE_TYPES
from brinery.plugin_host.conflicts import settle
from brinery.plugin_host.name_maps import claims_by_name, subject_of
from brinery.plugin_host.plugins import Claim
from brinery.plugin_host.report import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brinery.plugin_host.composing import Composition
    from brinery.plugin_host.plugins import Plugin

__all__ = ["Explanation", "Say", "explain"]


class Say(NamedTuple):
    """What one plugin has to say about a name.

    kind  "override", "reducer", "read name", "write name" or "scheme".
    what  the declaration, in words.
    wins  whether it decides. Overrides all win: each is asked in turn.
    rule  why it wins, or who wins instead.
    """

    kind: str
    plugin: Plugin
    what: str
    wins: bool
    rule: str


class Explanation(NamedTuple):
    """Everything that a profile has to say about `name`; `note` says more where that is of use."""

    name: str
    says: tuple[Say, ...]
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The explanation in types that JSON has."""
        return {
            "name": self.name,
            "says": [{**say._asdict(), "plugin": say.plugin._asdict()} for say in self.says],
            "note": self.note,
        }

    def __str__(self) -> str:
        lines = [f"{self.name}:"]
        lines += [
            f"  {'*' if say.wins else ' '} {say.what}, from {say.plugin}: {say.rule}" for say in self.says
        ]
        if not self.says:
            lines.append("    no plugin has a say")
        if self.note:
            lines.append(f"    {self.note}")
        return "\n".join(lines)


def explain(composition: Composition, name: str | type) -> Explanation:
    """See :meth:`brinery.profile.Profile.explain`."""
    if isinstance(name, str) and name.endswith(":"):
        return Explanation(name, tuple(_schemes(composition, name)))
    cls, note = (name, "") if isinstance(name, type) else _class_called(name)
    spelled = name if isinstance(name, str) else name_of_class(name)
    says = [*_of_class(composition, cls)] if cls is not None else [*_of_name(composition, spelled)]
    return Explanation(spelled, (*says, *_other_names(composition, spelled)), note)


def _class_called(name: str) -> tuple[type | None, str]:
    if not is_dotted(name):
        return None, ""
    try:
        found = import_dotted(name)
    except Exception as failure:
        return None, (
            f"it cannot be imported ({type(failure).__name__}: {failure}), so that only what is declared "
            "under this very name is shown"
        )
    if not isinstance(found, type):
        return type(found), f"it is no class: what is shown is for all objects of {type(found)!r}"
    if any(found is own for own in NATIVE_TYPES):
        return found, "one of the format's own data types: never offered to plugins or stores"
    return found, ""


def _of_class(composition: Composition, cls: type) -> Iterator[Say]:
    """In the order of decisions: overrides, then reducers; nearest base class first."""
    if composition.rules is None or any(cls is own for own in NATIVE_TYPES):
        return
    levels = composition.rules.levels(cls)
    found = [(target, claim) for level in levels for target, claim in level.found]
    for target, claim in found:
        if isinstance(claim.declared, Override):
            near = "" if target is cls else f", as {name_of_class(target)} is above it"
            yield Say(
                "override",
                claim.plugin,
                describe(claim.declared),
                True,
                f"asked before the built-in way{near}",
            )
    decided = composition.rules.reducer_for(cls, levels)
    for _, claim in found:
        if isinstance(claim.declared, Reducer) and decided is not None:
            winner, rule = decided
            wins = claim == winner
            yield Say(
                "reducer",
                claim.plugin,
                describe(claim.declared),
                wins,
                rule if wins else f"{winner.plugin} wins: {_why_not(claim.declared, cls, rule)}",
            )


def _why_not(declared: Reducer, cls: type, rule: str) -> str:
    if not declared.subclasses and target_name(declared.target) != name_of_class(cls):
        return "this one is not for subclasses"
    return rule if rule != "the only one" else "its class is nearer"


def _of_name(composition: Composition, name: str) -> Iterator[Say]:
    """For a class that cannot be imported: what is declared under its very name."""
    for plugin, declared in composition.gathered.claims:
        if isinstance(declared, Reducer | Override) and target_name(declared.target) == name:
            yield Say(
                type(declared).__name__.lower(), plugin, describe(declared), True, "declared under this name"
            )


def _other_names(composition: Composition, name: str) -> Iterator[Say]:
    tables = [
        Claim(claim.plugin, claim.declared)
        for claim in composition.gathered.claims
        if isinstance(claim.declared, NameTable)
    ]
    module, colon, _ = name.partition(":")
    directions: tuple[Literal["read", "write"], ...] = ("read", "write")
    for era in ("python2", "always"):
        for direction in directions:
            claims = claims_by_name(tables, era, direction)
            key = name if name in claims or not colon else module
            if key in claims:
                winner, rule = settle(
                    subject_of(key, direction), (key,), claims[key], composition.gathered.prefer
                )
                for claim in claims[key]:
                    where = "below protocol 3" if era == "python2" else "at every protocol"
                    way = "read as" if direction == "read" else "written as"
                    yield Say(
                        f"{direction} name",
                        claim.plugin,
                        f"{key} is {way} {claim.declared} {where}",
                        claim.declared == winner.declared,
                        rule if claim.declared == winner.declared else f"{winner.plugin} wins: {rule}",
                    )


def _schemes(composition: Composition, name: str) -> Iterator[Say]:
    claims = [
        Claim(claim.plugin, claim.declared)
        for claim in composition.gathered.claims
        if isinstance(claim.declared, PersistentScheme) and claim.declared.name == name[:-1]
    ]
    if claims:
        winner, rule = settle(f"the scheme {name}", (name,), claims, composition.gathered.prefer)
        for claim in claims:
            wins = claim.declared == winner.declared
            yield Say(
                "scheme",
                claim.plugin,
                describe(claim.declared),
                wins,
                rule if wins else f"{winner.plugin} wins: {rule}",
            )
