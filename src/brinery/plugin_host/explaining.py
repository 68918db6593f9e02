"""Who has a say about a class or a name, who wins, and by which rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from brinery.declarations import NameTable, Override, PersistentScheme, Reducer, target_name
from brinery.dotted import import_dotted, is_dotted, name_of_class
from brinery.errors import PluginConflict
from brinery.plan import NATIVE_TYPES
from brinery.plugin_host.conflicts import settle
from brinery.plugin_host.name_maps import claims_by_name, subject_of
from brinery.plugin_host.plugins import Claim
from brinery.plugin_host.report import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from brinery.plugin_host.composing import Gathered
    from brinery.plugin_host.plugins import Plugin
    from brinery.plugin_host.rules import Rules

__all__ = ["Explanation", "Say", "explain"]

Declared = TypeVar("Declared")

#: The rule where there is none.
_CONFLICT = "in conflict: nothing says which is meant"


class Say(NamedTuple):
    """What one plugin has to say about a name.

    kind  "override", "reducer", "read name", "write name" or "scheme".
    what  the declaration, in words.
    wins  whether it decides. Overrides all win: each is asked in turn. In a conflict none does.
    rule  why it wins, or who wins instead.
    """

    kind: str
    plugin: Plugin
    what: str
    wins: bool
    rule: str


class Explanation(NamedTuple):
    """Everything that plugins have to say about `name`.

    note      says more where that is of use.
    conflict  which plugins declare the same thing in different ways, and what to do; "" where none do.
    """

    name: str
    says: tuple[Say, ...]
    note: str = ""
    conflict: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The explanation in types that JSON has."""
        return {
            "name": self.name,
            "says": [{**say._asdict(), "plugin": say.plugin._asdict()} for say in self.says],
            "note": self.note,
            "conflict": self.conflict,
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
        if self.conflict:
            lines.append(self.conflict)
        return "\n".join(lines)


def explain(gathered: Gathered, rules: Rules | None, name: str | type) -> Explanation:
    """See :meth:`brinery.profile.Profile.explain`. `rules` are those of `gathered`."""
    conflicts: list[str] = []
    if isinstance(name, str) and name.endswith(":"):
        schemes = tuple(_schemes(gathered, name, conflicts))
        return Explanation(name, schemes, conflict="\n".join(conflicts))
    cls, note = (name, "") if isinstance(name, type) else _class_called(name)
    spelled = name if isinstance(name, str) else name_of_class(name)
    says = (
        [*_of_class(rules, cls, conflicts)] if cls is not None else [*_of_name(gathered, spelled, conflicts)]
    )
    says += _other_names(gathered, spelled, conflicts)
    return Explanation(spelled, tuple(says), note, "\n".join(conflicts))


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


def _of_class(rules: Rules | None, cls: type, conflicts: list[str]) -> Iterator[Say]:
    """In the order of decisions: overrides, then reducers; nearest base class first."""
    if rules is None or any(cls is own for own in NATIVE_TYPES):
        return
    levels = rules.levels(cls)
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
    winner: Claim[Reducer] | None = None
    rule = _CONFLICT
    try:
        decided = rules.reducer_for(cls, levels)
    except PluginConflict as conflict:
        conflicts.append(str(conflict))
    else:
        if decided is None:
            return
        winner, rule = decided
    for target, claim in found:
        if isinstance(claim.declared, Reducer):
            why = rule
            if claim != winner and target is not cls and not claim.declared.subclasses:
                why = "this one is not for subclasses"
            elif claim != winner and rule == "the only one":
                why = "its class is nearer"
            yield _say("reducer", claim, describe(claim.declared), claim == winner, winner, why)


def _say(
    kind: str, claim: Claim[object], what: str, wins: bool, winner: Claim[object] | None, rule: str
) -> Say:
    """Of claims of which one wins, or none where they are in conflict."""
    return Say(
        kind, claim.plugin, what, wins, rule if wins or winner is None else f"{winner.plugin} wins: {rule}"
    )


def _settled(
    subject: str, key: str, claims: Sequence[Claim[Declared]], gathered: Gathered, conflicts: list[str]
) -> tuple[Claim[Declared] | None, str]:
    """The claim that wins, and why; None in a conflict, which is added to `conflicts`."""
    try:
        return settle(subject, (key,), claims, gathered.prefer)
    except PluginConflict as conflict:
        conflicts.append(str(conflict))
        return None, _CONFLICT


def _of_name(gathered: Gathered, name: str, conflicts: list[str]) -> Iterator[Say]:
    """For a class that cannot be imported: what is declared under its very name."""
    rule = "declared under this name"
    reducers = []
    for plugin, declared in gathered.claims:
        if isinstance(declared, Reducer) and target_name(declared.target) == name:
            reducers.append(Claim(plugin, declared))
        elif isinstance(declared, Override) and target_name(declared.target) == name:
            yield Say("override", plugin, describe(declared), True, rule)
    if reducers:
        winner, why = _settled(f"a reducer for {name}", name, reducers, gathered, conflicts)
        for claim in reducers:
            wins = winner is not None and claim.declared == winner.declared
            yield _say(
                "reducer", claim, describe(claim.declared), wins, winner, rule if len(reducers) == 1 else why
            )


def _other_names(gathered: Gathered, name: str, conflicts: list[str]) -> Iterator[Say]:
    tables = [
        Claim(claim.plugin, claim.declared)
        for claim in gathered.claims
        if isinstance(claim.declared, NameTable)
    ]
    module, colon, _ = name.partition(":")
    directions: tuple[Literal["read", "write"], ...] = ("read", "write")
    for era in ("python2", "always"):
        for direction in directions:
            claims = claims_by_name(tables, era, direction)
            key = name if name in claims or not colon else module
            if key in claims:
                winner, rule = _settled(subject_of(key, direction), key, claims[key], gathered, conflicts)
                for claim in claims[key]:
                    where = "below protocol 3" if era == "python2" else "at every protocol"
                    way = "read as" if direction == "read" else "written as"
                    what = f"{key} is {way} {claim.declared} {where}"
                    wins = winner is not None and claim.declared == winner.declared
                    yield _say(f"{direction} name", claim, what, wins, winner, rule)


def _schemes(gathered: Gathered, name: str, conflicts: list[str]) -> Iterator[Say]:
    claims = [
        Claim(claim.plugin, claim.declared)
        for claim in gathered.claims
        if isinstance(claim.declared, PersistentScheme) and claim.declared.name == name[:-1]
    ]
    if claims:
        winner, rule = _settled(f"the scheme {name}", name, claims, gathered, conflicts)
        for claim in claims:
            wins = winner is not None and claim.declared == winner.declared
            yield _say("scheme", claim, describe(claim.declared), wins, winner, rule)
