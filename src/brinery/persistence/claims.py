"""Which store is asked about an object: a profile's rules, with the claims of bound stores in front."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from brinery.errors import BrineryError, NotStored, StoreError, StoreFault
from brinery.lineage import Lineage, PerType
from brinery.persistence import checks
from brinery.persistence.stores import Foresight, Store
from brinery.plan import Foreseen, TypeRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.persistence.dumping import StoresDump
    from brinery.plan import RuleTable

    Claim = Callable[[object, StoresDump], object | None]

__all__ = ["BoundRules", "Claimant"]


class Claimant:
    """A bound store, as one that claims classes.

    owner  what error texts call it.
    claim  what TypeRule.claim is.
    name   what it is bound under; None for the bare store.
    number its place among the bound stores.
    """

    def __init__(self, owner: str, store: Store, claim: Claim, name: str | None, number: int) -> None:
        self.owner = owner
        self._store = store
        self._name = name
        self._number = number
        self.claims = list(store.claims)
        self.claim = claim
        overridden = type(store).claims_type is not Store.claims_type
        self.claims_type: Callable[[type], bool] | None = store.claims_type if overridden else None
        self._near: PerType[bool] | None = None
        self._lineage: Lineage[Claimant] | None = None

    def foreseen(self, cls: type) -> Foreseen | None:
        """What TypeRule.foreseen is for objects of `cls`. Raises StoreError for what says nothing."""
        # A bare store's IDs have shapes of their own.
        if self._name is None or not _is_short(self._name):
            return None
        try:
            foresight = self._store.foresee(cls)
        except BrineryError:
            raise
        except Exception as error:
            raise StoreFault(
                f"{self.owner} failed in foresee ({cls.__qualname__}): {type(error).__name__}: {error}",
                self._name,
                "foresee",
            ) from error
        if foresight is None:
            return None
        if not isinstance(foresight, Foresight) or not _names_attributes(foresight):
            raise StoreError(
                f"{self.owner}: foresee({cls.__qualname__}) gave {foresight!r}; it gives None, or"
                " brinery.persistence.Foresight of a tuple of names and a str or None"
            )
        attributes, first = foresight
        # Tuples of more parts have no opcode.
        if len(attributes) + (first is not None) > 3 or not (first is None or _is_short(first)):
            return None
        return Foreseen(self._name, first, tuple(map(sys.intern, attributes)), self._number)

    def gives(self, cls: type) -> bool:
        """Whether an object of `cls` may come from this store: it claims that, or claims nothing."""
        if not self.claims and self.claims_type is None:
            return True
        if self._near is None or self._lineage is None:
            self._lineage = Lineage([(claim, self) for claim in self.claims])
            self._near = PerType(self._is_claimed, self._lineage.epoch)
        return self._near.get(cls)

    def _is_claimed(self, cls: type) -> bool:
        assert self._lineage is not None
        if any(True for _ in self._lineage.levels(cls)):
            return True
        return self.claims_type is not None and self.claims_type(cls)


class BoundRules:
    """A rule table with the claims of bound stores in front."""

    def __init__(self, rules: RuleTable | None, claimants: list[Claimant]) -> None:
        self._rules = rules
        self._claimants = claimants
        self._claims = Lineage(
            [(claim, claimant) for claimant in claimants for claim in claimant.claims],
            lambda found, claimant: checks.check_claim(claimant.owner, found),
        )
        self._names = {
            claim: claimant for claimant in claimants for claim in claimant.claims if isinstance(claim, str)
        }
        self._modules = len(sys.modules)
        self._answers = PerType(self._work_out, self.epoch)

    def epoch(self) -> int | None:
        """Changes with the rules below, and when a class turns out to be one that is claimed.

        Raises StoreError for a name that is claimed and that its module, imported by now, does not have.
        """
        if self._names and len(sys.modules) != self._modules:
            for name in checks.absent(self._names):
                raise checks.lacking(self._names[name].owner, name)
            self._modules = len(sys.modules)
        claims = self._claims.epoch()
        rules = self._rules.epoch() if self._rules is not None else 0
        return None if claims is None or rules is None else claims + rules

    def rule_for(self, cls: type, /) -> TypeRule | None:
        """The rule for objects whose type is exactly `cls`; None where nobody has anything to say."""
        return self._answers.get(cls)

    def _work_out(self, cls: type) -> TypeRule | None:
        rule = self._rules.rule_for(cls) if self._rules is not None else None
        claim = self._claim_on(cls)
        if claim is None:
            return rule
        of_one = [claimant for claimant in self._claimants if claimant.claim is claim]
        foreseen = of_one[0].foreseen(cls) if of_one else None
        return (rule or TypeRule())._replace(claim=claim, foreseen=foreseen)

    def _claim_on(self, cls: type) -> Claim | None:
        # A store that claims a class and its base is asked once, in the place of the nearer.
        near: dict[int, Claim] = {}
        levels = list(self._claims.levels(cls))
        itself = {
            id(claimant)
            for level in levels
            if level.ancestor is cls and not level.virtual
            for _, claimant in level.found
        }
        for claimant in self._claimants:
            if id(claimant) in itself or (claimant.claims_type is not None and claimant.claims_type(cls)):
                near[id(claimant)] = claimant.claim
        for level in levels:
            for _, claimant in level.found:
                near.setdefault(id(claimant), claimant.claim)
        claims = list(near.values())
        return _first_of(claims) if len(claims) > 1 else claims[0] if claims else None


def _is_short(text: str) -> bool:
    return len(text) < 100 and text.isascii()


def _names_attributes(foresight: Foresight) -> bool:
    attributes, first = foresight
    return (
        type(attributes) is tuple
        and bool(attributes)
        and all(type(name) is str for name in attributes)
        and (first is None or type(first) is str)
    )


def _first_of(claims: list[Claim]) -> Claim:
    def claim(obj: object, dump: Any) -> object | None:
        refusal: NotStored | None = None
        for ask in claims:
            try:
                pid = ask(obj, dump)
            except NotStored as refused:
                refusal = refusal or refused
            else:
                if pid is not None:
                    return pid
        if refusal is not None:
            raise refusal
        return None

    return claim
