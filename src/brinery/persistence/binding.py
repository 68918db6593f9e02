"""Stores bound to names of the user's own: what they add to a profile's plans.

The name travels in the stream, as part of the persistent ID (see :mod:`brinery.persistent_ids`), so
that several stores share a stream. One bare store may be bound beside them, whose IDs go into the
stream as they are: that is how other programs' streams are read and written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.errors import NotStored, StoreError, WriteError
from brinery.lineage import Lineage, PerType
from brinery.persistence.loading import BoundReader, Missing
from brinery.persistence.stores import check_claims
from brinery.persistent_ids import store_name, write_id
from brinery.plan import TypeRule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from brinery.persistence.stores import Store
    from brinery.plan import ReadPlan, RuleTable, WritePlan

    Claim = Callable[[object, int], object | None]

__all__ = ["bind"]


def bind(
    write_plan: WritePlan,
    read_plan: ReadPlan,
    stores: Mapping[str, Store],
    *,
    bare: Store | None = None,
    missing: Missing = "raise",
) -> tuple[WritePlan, ReadPlan]:
    """`write_plan` and `read_plan`, which have no stores yet, with these stores in them.

    An object is offered to the stores that claim its class, the nearest base first, then in the order of
    `stores`, `bare` last; the first key that one gives is written. Where none gives one and one of
    them raised NotStored, that is raised.

    `missing` says what becomes of a reference whose object is gone: ``"raise"`` MissingReference,
    ``"none"``, or a function of the store's name (None for the bare one) and the key, which gives
    what is read in its place.

    Raises StoreError for a store that lacks a method, or claims what cannot be claimed, and for plans
    that have stores already.
    """
    if write_plan.stores is not None or read_plan.stores is not None:
        raise StoreError("stores are bound already: bind all of them at once, profile.bind(shop=…, users=…)")
    writer = _BoundWriter((*stores.values(), bare) if bare is not None else tuple(stores.values()))
    claimants = [_Claimant(f"the store bound as {name!r}", store, name) for name, store in stores.items()]
    if bare is not None:
        claimants.append(_BareClaimant("the bare store", bare, frozenset(stores)))
    rules = _BoundRules(write_plan.rules, claimants)
    reader = BoundReader(stores, bare, missing)
    return write_plan._replace(rules=rules, stores=writer), read_plan._replace(stores=reader)


class _Claimant:
    """A bound store, as one that is asked about objects."""

    def __init__(self, owner: str, store: Store, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise StoreError(f"a store is bound under a name that is not empty; this is {name!r}")
        self._ask = _checked(owner, store)
        self._name = name
        self.claims = check_claims(owner, store)

    def claim(self, obj: object, protocol: int) -> object | None:
        """What TypeRule.claim asks for."""
        key = self._ask(obj)
        return None if key is None else write_id(self._name, key, protocol)


class _BareClaimant(_Claimant):
    """The bare store: its IDs are written as they are."""

    def __init__(self, owner: str, store: Store, taken: frozenset[str]) -> None:
        super().__init__(owner, store, "bare")
        self._taken = taken

    def claim(self, obj: object, protocol: int) -> object | None:
        """What TypeRule.claim asks for."""
        pid = self._ask(obj)
        if pid is None:
            return None
        if protocol == 0 and (type(pid) is not str or not pid.isascii() or "\n" in pid):
            raise WriteError(
                f"the bare store gave the persistent ID {pid!r}: protocol 0 carries a line of ASCII text and"
                " nothing else, so that it would not come back as it is; use protocol 1 or later"
            )
        if store_name(pid) in self._taken:
            raise WriteError(
                f"the bare store gave the persistent ID {pid!r}, which would be read as one of the store"
                f" {store_name(pid)!r}; bind that store under another name"
            )
        return pid


def _checked(owner: str, store: Store) -> Callable[[object], object | None]:
    """The store's ``persistent_id``. Raises StoreError where it, or what else a store needs, is not there."""
    if isinstance(store, type):
        raise StoreError(f"{owner} is the class {store.__qualname__}; bind an instance of it")
    for name in ("persistent_id", "persistent_load"):
        if not callable(getattr(store, name, None)):
            raise StoreError(f"{owner}, a {type(store).__qualname__}, has no method {name}")
    return store.persistent_id


class _BoundRules:
    """A rule table with the claims of bound stores in front."""

    def __init__(self, rules: RuleTable | None, claimants: list[_Claimant]) -> None:
        self._rules = rules
        self._claims = Lineage([(claim, claimant) for claimant in claimants for claim in claimant.claims])
        self._answers = PerType(self._work_out, self.epoch)

    def epoch(self) -> int | None:
        """Changes with the rules below, and when a class turns out to be one that is claimed."""
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
        return rule._replace(claim=claim) if rule is not None else TypeRule(claim=claim)

    def _claim_on(self, cls: type) -> Claim | None:
        # A store that claims a class and its base is asked once, in the place of the nearer.
        near: dict[int, Claim] = {}
        for level in self._claims.levels(cls):
            for _, claimant in level.found:
                near.setdefault(id(claimant), claimant.claim)
        claims = list(near.values())
        return _first_of(claims) if len(claims) > 1 else claims[0] if claims else None


def _first_of(claims: list[Claim]) -> Claim:
    def claim(obj: object, protocol: int) -> object | None:
        refusal: NotStored | None = None
        for ask in claims:
            try:
                pid = ask(obj, protocol)
            except NotStored as refused:
                refusal = refusal or refused
            else:
                if pid is not None:
                    return pid
        if refusal is not None:
            raise refusal
        return None

    return claim


class _BoundWriter:
    """The bound stores as a WritePlan has them: all told of a dump's begin and end."""

    def __init__(self, stores: Iterable[Store]) -> None:
        # A store may be bound under two names: it is told once.
        unique = {id(store): store for store in stores}.values()
        self._stores = [
            (getattr(store, "begin_dump", _nothing), getattr(store, "end_dump", _nothing)) for store in unique
        ]

    def begin_dump(self) -> None:
        """Tell every store that a dump begins; where one raises, the dump does not begin."""
        begun = []
        try:
            for begin, end in self._stores:
                begin()
                begun.append(end)
        except BaseException:
            _end(begun, False)
            raise

    def end_dump(self, succeeded: bool, /) -> None:
        """Tell every store that the dump is over.

        Where one cannot commit, those after it are told that the dump failed, and what it raised
        is raised. Those before it have committed: what they inserted is there, and nothing refers to it.
        """
        _end([end for _, end in self._stores], succeeded)


def _end(ends: list[Callable[[bool], object]], succeeded: bool) -> None:
    failure: BaseException | None = None
    for end in ends:
        try:
            end(succeeded and failure is None)
        except BaseException as raised:
            failure = failure or raised
    if failure is not None:
        raise failure


def _nothing(*_: object) -> None:
    pass
