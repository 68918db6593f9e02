"""Persistence: objects that live in a store, while the stream carries only their persistent IDs.

``stores``
    the contract between brinery and a store, which is four lines for a store of your own.
``schemes``
    from a URL to a live store.
``checks``, ``simple``
    what can be said of a store when it is bound; the four lines, as the contract has them.
``claims``, ``dumping``, ``pending``, ``loading``
    which store is asked about an object; one dump, in which all stores commit or none; keys that only the
    database gives; one load, every store asked once.
``binding``, ``calls``
    stores bound to names: what a WritePlan and a ReadPlan get from them; options of a single call.
``sqlite``
    the store that is always there.
"""

from __future__ import annotations

from brinery.persistence.stores import (
    PENDING,
    Dump,
    DumpContext,
    Foresight,
    Load,
    LoadContext,
    Pending,
    SimpleStore,
    Store,
)
from brinery.persistent_ids import Key

__all__ = [
    "PENDING",
    "Dump",
    "DumpContext",
    "Foresight",
    "Key",
    "Load",
    "LoadContext",
    "Pending",
    "SimpleStore",
    "Store",
]
