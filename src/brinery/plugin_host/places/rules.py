"""The rule table: what plugins have to say about the objects of one type, worked out once per type."""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.declarations import Override, Reducer, check_class, target_name
from brinery.dotted import MISSING, find_loaded, import_dotted, name_of_class
from brinery.errors import DeclarationError, PluginError, WriteError
from brinery.lineage import Lineage, PerType, mro_of
from brinery.plan import NATIVE_TYPES, AtProtocol, PerDump, TypeRule
from brinery.plugin_host.kinds import kind_of
from brinery.plugin_host.places import Fields, Place
from brinery.plugin_host.settling import Conflict, Settlement, refusal, settle
from brinery.plugin_host.signals import raise_interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from brinery.lineage import Level
    from brinery.plugin_host.plugins import Claim
    from brinery.plugin_host.preferences import Preferences
    from brinery.plugin_host.saying import Asked, Say

    RuleClaim = Claim[Reducer] | Claim[Override]

__all__ = ["Rules"]


class _Settled(NamedTuple):
    """What was settled at one step of a class's line of ancestors, and for which class that was declared."""

    targets: dict[int, type]
    settlement: Settlement


class Rules(Place):
    """The reducers and overrides of all plugins of a profile: a Place, and a plan's RuleTable."""

    def __init__(self, claims: Sequence[Claim[Any]], preferences: Preferences) -> None:
        self._claims = claims
        self._preferences = preferences
        self._lineage = Lineage([(claim.declared.target, claim) for claim in claims], _check_found)
        #: See :class:`brinery.plan.RuleTable`. Engines ask in every dump: no method around it.
        self.epoch = self._lineage.epoch
        self._answers = PerType(self._work_out, self._lineage.epoch)

    def rule_for(self, cls: type, /) -> TypeRule | None:
        """See :class:`brinery.plan.RuleTable`.

        Where plugins turn out to disagree, the rule raises PluginConflict when it is asked. Raises
        DeclarationError where a class that was declared by name turns out to be none, and what importing
        a reducer raises.
        """
        return self._answers.get(cls)

    def blame(self, exc: BaseException, cls: type, by: int | None) -> list[str]:
        """Whose function it was that `exc` comes of: a line for the plugin, if it is one's.

        `cls` and `by` are those of a :class:`brinery.engine.levels.Ruling`.
        """
        from brinery.plugin_host.checks import place_of

        if isinstance(exc, PluginError) or not isinstance(exc, Exception):
            return []  # what names its plugins itself; an interruption
        levels = list(self._lineage.levels(cls))
        asked = list(self._overriding(cls, levels))
        reducer = self._reducer(cls, levels)
        if reducer is not None:
            asked.append(reducer.conflict or reducer.chosen[0])
        if by is not None:
            asked = [asked[by]]
        elif len(asked) > 1:  # an override may have passed it on
            asked = [one for one in asked if not isinstance(one, Conflict) and _raised(exc, _given(one))]
        return [
            f"plugin {one.plugin} has the {type(one.declared).__name__.lower()} for "
            f"{target_name(one.declared.target)}: {_look_at(place_of(_given(one)), exc, one, by)}"
            for one in asked
            if not isinstance(one, Conflict)
        ]

    def misspelt(self, asked: type | None = None) -> list[str]:
        """A line for each declaration whose module is loaded and has no such class, but one called nearly so.

        With `asked`, of those alone that were perhaps meant for this class or an ancestor. A name that a
        version of the library does not have is no mistake by itself: so this is told where something fails
        already, or to whom asks about the class.
        """
        from brinery.wording import nearest_in_module

        declared = {target_name(claim.declared.target) for claim in self._claims}
        lines = []
        for claim in self._claims:
            target = claim.declared.target
            if not isinstance(target, str) or find_loaded(target) is not MISSING:
                continue
            near = nearest_in_module(target)
            meant = MISSING if near is None or near in declared else find_loaded(near)
            if not isinstance(meant, type):
                continue
            if asked is None or any(base is meant for base in mro_of(asked)):
                module, _, missing = target.partition(":")
                kind = type(claim.declared).__name__.lower()
                lines.append(
                    f"plugin {claim.plugin} has the {kind} for {target}, and {module} has no {missing}: "
                    f"did you mean {near}? ({claim.place})"
                )
        return lines

    def fields(self) -> Fields:
        """See Place."""
        return Fields(write={"rules": self})

    def conflicts(self) -> Iterator[Conflict]:
        """See Place. Between ABCs without an order it is only seen when a class turns up that has both."""
        seen: set[tuple[int, ...]] = set()
        for claim in self._claims:
            target = claim.declared.target
            same = (
                self._lineage.declared_as(target)
                if isinstance(target, str)
                else self._lineage.declared_for(target)
            )
            kind = type(claim.declared)
            rivals = [other for other in same if type(other.declared) is kind]
            known = tuple(id(other) for other in rivals)
            if len(rivals) > 1 and known not in seen:
                seen.add(known)
                settled = self._settle(target_name(target), rivals)
                if settled.conflict is not None:
                    yield settled.conflict

    def _work_out(self, cls: type) -> TypeRule | None:
        if any(cls is own for own in NATIVE_TYPES):
            return None
        levels = list(self._lineage.levels(cls))
        overrides = [
            refusal(one) if isinstance(one, Conflict) else _function(one)
            for one in self._overriding(cls, levels)
        ]
        reducer = self._reducer(cls, levels)
        if not overrides and reducer is None:
            return None
        return TypeRule(overrides=tuple(overrides), reduce=_settled_function(reducer))

    def _overriding(self, cls: type, levels: Sequence[Level[RuleClaim]]) -> Iterator[Any]:
        """The claims of the overrides for objects of exactly `cls`; at the end perhaps a Conflict."""
        for step in self._overrides(cls, levels):
            if step.settlement.conflict is not None:
                yield step.settlement.conflict
                return
            yield from step.settlement.chosen

    def _overrides(self, cls: type, levels: Sequence[Level[RuleClaim]]) -> Iterator[_Settled]:
        """The overrides for objects of exactly `cls`, step by step, in the order in which they are asked."""
        for level in levels:
            left: list[tuple[type, Any]] = [
                (target, claim) for target, claim in level.found if isinstance(claim.declared, Override)
            ]
            while left:
                # ABCs that a class belongs to without an order between them are one step.
                step = _nearest(left) if level.virtual else left
                yield _Settled(
                    {id(claim): target for target, claim in step},
                    self._settle(_about(cls, level), [claim for _, claim in step], cls),
                )
                left = [found for found in left if not any(found[1] is claim for _, claim in step)]

    def _reducer(self, cls: type, levels: Sequence[Level[RuleClaim]]) -> Settlement | None:
        """The reducer for objects of exactly `cls`, and why that one; None where there is none."""
        for level in levels:
            claims: list[tuple[type, Any]] = [
                (target, claim)
                for target, claim in level.found
                if isinstance(claim.declared, Reducer)
                and (claim.declared.subclasses or (level.ancestor is cls and not level.virtual))
            ]
            if level.virtual:
                claims = _nearest(claims)
            if claims:
                return self._settle(_about(cls, level), [claim for _, claim in claims], cls)
        return None

    def _settle(self, name: str, claims: Sequence[Claim[Any]], cls: type | None = None) -> Settlement:
        """`name` is what it is about. A key of `prefer` is a target, or the class `cls` that was met."""
        targets = dict.fromkeys(target_name(claim.declared.target) for claim in claims)
        # Several ABCs have no target in common: the key is the class that has them all.
        keys = [name, *targets] if name in targets or len(targets) > 1 else [*targets, name]
        if cls is not None:
            keys.append(name_of_class(cls))
        return settle(kind_of(claims[0].declared), keys, claims, self._preferences, subject=name)

    # Explanations

    def says(self, asked: Asked, conflicts: list[Conflict]) -> Iterator[Say]:
        """See Place: overrides in the order in which they are asked, then reducers, the winner first."""
        if asked.cls is None:
            yield from self._says_by_name(asked, conflicts)
        elif not any(asked.cls is own for own in NATIVE_TYPES):
            yield from self._says_of_class(asked.cls, conflicts)

    def _says_of_class(self, cls: type, conflicts: list[Conflict]) -> Iterator[Say]:
        self._lineage.epoch()  # looks for modules that were imported since
        levels = list(self._lineage.levels(cls))
        passed: list[Say] = []
        stopped = False
        for targets, settled in self._overrides(cls, levels):
            claims = [claim for claim in self._claims if id(claim) in targets]
            if settled.conflict is not None:
                conflicts.append(settled.conflict)
            for claim in settled.chosen:
                target = targets[id(claim)]
                near = "" if target is cls else f", as {name_of_class(target)} is above it"
                rule = "" if settled.rule == "the only one" else f" ({settled.rule})"
                yield _say(claim, not stopped, f"asked before the built-in way{near}{rule}")
            for claim in claims:
                if not any(claim is chosen for chosen in settled.chosen):
                    say = _say(claim, False, f"not asked: {settled.rule}" if settled.chosen else settled.rule)
                    if settled.chosen:
                        passed.append(say)
                    else:
                        yield say
            stopped = stopped or settled.conflict is not None
        yield from passed
        reducer = self._reducer(cls, levels)
        if reducer is None:
            return
        if reducer.conflict is not None:
            conflicts.append(reducer.conflict)
        winner = reducer.chosen[0] if reducer.chosen else None
        losers = []
        for level in levels:
            for target, claim in level.found:
                if not isinstance(claim.declared, Reducer):
                    continue
                if claim is winner:
                    yield _say(claim, True, reducer.rule)
                    continue
                rule = reducer.rule
                if winner is not None:
                    if target is not cls and not claim.declared.subclasses:
                        rule = "this one is not for subclasses"
                    elif rule == "the only one":
                        rule = "its class is nearer"
                    rule = f"{winner.plugin} wins: {rule}"
                losers.append(_say(claim, False, rule))
        yield from losers

    def _says_by_name(self, asked: Asked, conflicts: list[Conflict]) -> Iterator[Say]:
        """For a class that cannot be imported, and for a module: what is declared under such names."""
        subjects: dict[str, None] = {}
        for claim in self._claims:
            name = target_name(claim.declared.target)
            if name == asked.name or asked.is_beneath(name):
                subjects[name] = None
        for subject in subjects:
            for kind in (Override, Reducer):
                claims = [
                    claim
                    for claim in self._claims
                    if type(claim.declared) is kind and target_name(claim.declared.target) == subject
                ]
                if not claims:
                    continue
                settled = self._settle(subject, claims)
                if settled.conflict is not None:
                    conflicts.append(settled.conflict)
                rule = "declared under this name" if len(claims) == 1 else settled.rule
                for claim in settled.chosen:
                    yield _say(claim, True, rule)
                for claim in claims:
                    if not any(claim is chosen for chosen in settled.chosen):
                        lost = f"{settled.chosen[0].plugin} wins: {rule}" if settled.chosen else rule
                        yield _say(claim, False, lost)


def _about(cls: type, level: Level[Any]) -> str:
    """Several ABCs have nothing in common but the class that belongs to them."""
    return name_of_class(cls if level.virtual else level.ancestor)


def _say(claim: Claim[Any], wins: bool, rule: str) -> Say:
    from brinery.plugin_host.saying import Say

    return Say(kind_of(claim.declared).noun, claim.plugin, claim.declared.describe(), wins, rule)


def _nearest(claims: list[tuple[type, Any]]) -> list[tuple[type, Any]]:
    """Without the ABCs that are above another one of them."""
    return [
        (target, claim)
        for target, claim in claims
        if not any(other is not target and issubclass(other, target) for other, _ in claims)
    ]


def _check_found(found: object, claim: Claim[Any]) -> None:
    try:
        check_class(found, type(claim.declared).__name__)
    except DeclarationError as wrong:
        raise DeclarationError(
            f"plugin {claim.plugin} declares {claim.declared!r} ({claim.place}): {wrong}"
        ) from None


def _settled_function(settled: Settlement | None) -> Callable[..., object] | AtProtocol | PerDump | None:
    if settled is None:
        return None
    return _function(settled.chosen[0]) if settled.conflict is None else refusal(settled.conflict)


def _given(claim: Claim[Any]) -> Any:
    """The function of a reducer or override that has been asked."""
    reduce: Any = claim.declared.reduce
    found: Any = import_dotted(reduce) if isinstance(reduce, str) else reduce
    return found.__wrapped__ if type(found) is PerDump else found


def _look_at(place: str, exc: BaseException, claim: Claim[Any], by: int | None) -> str:
    """What of a function at `place` to look at, `exc` being what came of it: see Rules.blame."""
    raised = _raised(exc, _given(claim)) or (by is not None and not isinstance(exc, WriteError))
    return f"look at {place}, which raised this" if raised else f"look at what {place} returns"


def _raised(exc: BaseException, function: Any) -> bool:
    """Whether `exc` came through `function`, or through a function or generator written in it."""
    todo = [getattr(getattr(function, "__func__", function), "__code__", None)]
    codes = set()
    while todo:
        code = todo.pop()
        if isinstance(code, CodeType):
            codes.add(code)
            todo += code.co_consts
    trace = exc.__traceback__
    while trace is not None and trace.tb_frame.f_code not in codes:
        trace = trace.tb_next
    return trace is not None


def _function(claim: Claim[Any]) -> Callable[..., object] | AtProtocol | PerDump:
    """The reducer's function; imported now, where it was declared by name."""
    reduce: object = claim.declared.reduce
    if isinstance(reduce, str):
        try:
            reduce = import_dotted(reduce)
        except Exception as failure:
            raise_interruption(failure)
            raise DeclarationError(
                f"plugin {claim.plugin} declares {claim.declared!r} ({claim.place}), but {reduce!r} cannot "
                f"be imported: {type(failure).__name__}: {failure}"
            ) from failure
    if not callable(reduce):
        raise DeclarationError(
            f"plugin {claim.plugin}: {claim.declared!r} ({claim.place}) names {reduce!r}, "
            "which is no function"
        )
    if isinstance(reduce, PerDump):  # it is given the protocol in any case
        return reduce
    return AtProtocol(reduce) if claim.declared.protocol else reduce
