"""The rule table: what plugins have to say about the objects of one type, worked out once per type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.declarations import Override, Reducer, check_class, target_name
from brinery.dotted import import_dotted, name_of_class
from brinery.errors import DeclarationError
from brinery.lineage import Lineage, PerType
from brinery.plan import NATIVE_TYPES, TypeRule
from brinery.plugin_host.conflicts import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from brinery.lineage import Level
    from brinery.plugin_host.plugins import Claim

__all__ = ["Rules"]


class Rules:
    """The reducers and overrides of all plugins of a profile (a plan's RuleTable)."""

    def __init__(self, claims: Sequence[Claim[Reducer | Override]], prefer: Mapping[str, str]) -> None:
        self._claims = claims
        self._prefer = prefer
        self._lineage = Lineage([(claim.declared.target, claim) for claim in claims], _check_found)
        #: See :class:`brinery.plan.RuleTable`. Engines ask in every dump: no method around it.
        self.epoch = self._lineage.epoch
        self._answers = PerType(self._work_out, self._lineage.epoch)

    def settle(self) -> None:
        """Raise PluginConflict where two plugins declare a reducer for one class, as far as that is known."""
        for _, declared in self._claims:
            if not isinstance(declared, Reducer):
                continue
            if isinstance(declared.target, str):
                same = self._lineage.declared_as(declared.target)
            else:
                same = self._lineage.declared_for(declared.target)
            self._settle(target_name(declared.target), _reducers(same))

    def rule_for(self, cls: type, /) -> TypeRule | None:
        """See :class:`brinery.plan.RuleTable`.

        Raises PluginConflict where two plugins' reducers turn out to be for one class, DeclarationError
        where a class that was declared by name turns out to be none, and what importing a reducer raises.
        """
        return self._answers.get(cls)

    def _work_out(self, cls: type) -> TypeRule | None:
        if any(cls is own for own in NATIVE_TYPES):
            return None
        levels = list(self._lineage.levels(cls))
        overrides = tuple(
            _function(claim) for level in levels for _, claim in level.found if _is_override(claim)
        )
        winner = self.reducer_for(cls, levels)
        if not overrides and winner is None:
            return None
        return TypeRule(overrides=overrides, reduce=_function(winner[0]) if winner is not None else None)

    def levels(self, cls: type) -> list[Level[Claim[Reducer | Override]]]:
        """Everything declared for `cls` and its ancestors, nearest first: for explanations."""
        self._lineage.epoch()
        return list(self._lineage.levels(cls))

    def reducer_for(
        self, cls: type, levels: Sequence[Level[Claim[Reducer | Override]]]
    ) -> tuple[Claim[Reducer], str] | None:
        """The reducer for objects of exactly `cls`, and why that one; None where there is none."""
        for level in levels:
            claims = [
                (target, claim)
                for target, claim in level.found
                if isinstance(claim.declared, Reducer)
                and (claim.declared.subclasses or (level.ancestor is cls and not level.virtual))
            ]
            if level.virtual:
                claims = _nearest(claims)
            if claims:
                return self._settle(name_of_class(cls), _reducers([claim for _, claim in claims]))
        return None

    def _settle(self, name: str, claims: Sequence[Claim[Reducer]]) -> tuple[Claim[Reducer], str]:
        keys = dict.fromkeys((name, *(target_name(claim.declared.target) for claim in claims)))
        return settle(f"a reducer for {name}", list(keys), claims, self._prefer)


def _is_override(claim: Claim[Reducer | Override]) -> bool:
    return isinstance(claim.declared, Override)


def _reducers(claims: Sequence[Claim[Any]]) -> list[Claim[Reducer]]:
    return [claim for claim in claims if isinstance(claim.declared, Reducer)]


def _nearest(
    claims: list[tuple[type, Claim[Reducer | Override]]],
) -> list[tuple[type, Claim[Reducer | Override]]]:
    """Without the ABCs that are above another one of them."""
    return [
        (target, claim)
        for target, claim in claims
        if not any(other is not target and issubclass(other, target) for other, _ in claims)
    ]


def _check_found(found: object, claim: Claim[Reducer | Override]) -> None:
    try:
        check_class(found, type(claim.declared).__name__)
    except DeclarationError as wrong:
        raise DeclarationError(f"plugin {claim.plugin} declares {claim.declared!r}: {wrong}") from None


def _function(claim: Claim[Any]) -> Callable[[object], object]:
    """The reducer's function; imported now, where it was declared by name."""
    reduce: object = claim.declared.reduce
    if isinstance(reduce, str):
        try:
            reduce = import_dotted(reduce)
        except Exception as failure:
            raise DeclarationError(
                f"plugin {claim.plugin} declares {claim.declared!r}, but {reduce!r} cannot be imported: "
                f"{type(failure).__name__}: {failure}"
            ) from failure
    if not callable(reduce):
        raise DeclarationError(
            f"plugin {claim.plugin}: {claim.declared!r} names {reduce!r}, which is no function"
        )
    return reduce
