"""Stores bound to names of the user's own: what they add to a profile's plans.

The name travels in the stream, as part of the persistent ID (see :mod:`brinery.persistent_ids`), so
that several stores share a stream. One bare store may be bound beside them, whose IDs go into the
stream as they are: that is how other programs' streams are read and written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import StoreError
from brinery.persistence.checks import checked
from brinery.persistence.claims import BoundRules, Claimant
from brinery.persistence.dumping import Binding, StoresWriter, claim_for
from brinery.persistence.loading import Missing, StoresReader

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from brinery.persistence.stores import SimpleStore, Store
    from brinery.plan import ReadPlan, WritePlan

__all__ = ["bind", "option_names", "options_given", "with_options"]


def bind(
    write_plan: WritePlan,
    read_plan: ReadPlan,
    stores: Mapping[str, Store | SimpleStore],
    *,
    bare: Store | SimpleStore | None = None,
    missing: Missing = "raise",
    opened: Collection[int] = (),
) -> tuple[WritePlan, ReadPlan]:
    """`write_plan` and `read_plan`, which have no stores yet, with these stores in them.

    An object is offered to the stores that claim its class, the nearest base first, then in the order of
    `stores`, `bare` last; the first key that one gives is written. Where none gives one and one of
    them raised NotStored, that is raised.

    `missing` says what becomes of a reference whose object is gone: ``"raise"`` MissingReference,
    ``"none"``, or a function of the store's name (None for the bare one) and the key, which gives
    what is read in its place. `opened` has the `id` of each store that brinery itself opened.

    Raises StoreError for a store that cannot work as it is written, or claims what cannot be claimed, and for
    plans that have stores already.
    """
    if write_plan.stores is not None or read_plan.stores is not None:
        raise StoreError("stores are bound already: bind all of them at once, profile.bind(shop=…, users=…)")
    named: list[tuple[str | None, Any]] = [*stores.items()]
    if bare is not None:
        named.append((None, bare))
    bindings: list[Binding] = []
    claimants: list[Claimant] = []
    adapted: dict[int, Store] = {}
    for name, store in named:
        owner = "the bare store" if name is None else f"the store bound as {name!r}"
        if name is not None and (not isinstance(name, str) or not name):
            raise StoreError(f"a store is bound under a name that is not empty; this is {name!r}")
        if id(store) not in adapted:
            adapted[id(store)] = checked(owner, store)
        binding = Binding(
            len(bindings),
            name,
            adapted[id(store)],
            id(store) in opened,
            frozenset(stores) if name is None else frozenset(),
        )
        bindings.append(binding)
        claimants.append(Claimant(owner, binding.store, claim_for(binding), name, binding.number))
    rules = BoundRules(write_plan.rules, claimants)
    writer = StoresWriter(bindings, {})
    reader = StoresReader(list(zip(bindings, claimants, strict=True)), missing, {})
    return write_plan._replace(rules=rules, stores=writer), read_plan._replace(stores=reader)


def option_names(write_plan: WritePlan) -> frozenset[str]:
    """The names of the options that the bound stores take for a single call."""
    assert isinstance(write_plan.stores, StoresWriter)
    return frozenset(name for binding in write_plan.stores.bindings for name in binding.store.options)


def options_given(write_plan: WritePlan) -> Mapping[str, Any]:
    """The options that the bound stores were given for all calls."""
    assert isinstance(write_plan.stores, StoresWriter)
    return write_plan.stores.options


def with_options(
    write_plan: WritePlan, read_plan: ReadPlan, options: Mapping[str, Any]
) -> tuple[WritePlan, ReadPlan]:
    """The plans of bound stores, for calls with these options.

    Raises TypeError for an option that no store takes.
    """
    writer, reader = write_plan.stores, read_plan.stores
    assert isinstance(writer, StoresWriter)
    assert isinstance(reader, StoresReader)
    known = option_names(write_plan)
    for name in options:
        if name not in known:
            raise TypeError(
                f"no bound store takes the option {name!r}; there are: {', '.join(sorted(known)) or 'none'}"
            )
    return (
        write_plan._replace(stores=StoresWriter(writer.bindings, {**writer.options, **options})),
        read_plan._replace(
            stores=StoresReader(reader.bindings, reader.missing, {**reader.options, **options})
        ),
    )
