"""Which objects are known to be stored, and as what."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KnownObjects"]

State = TypeVar("State")

# So many objects that cannot be referred to weakly are held on to.
_HELD = 10_000


class _Known(weakref.ref[Any]):
    __slots__ = ("identity", "state")

    identity: int
    state: Any


class KnownObjects(Generic[State]):
    """What is known of objects that were loaded or stored: by identity, as equality is the class's affair.

    It is known as long as somebody holds the object. Named tuples, and classes with ``__slots__`` and no
    ``__weakref__``, cannot be referred to weakly: the last ten thousand of these are held. Any number of
    threads may use it.
    """

    def __init__(self) -> None:
        refs: dict[int, _Known] = {}

        def forget(gone: weakref.ref[Any]) -> None:
            # Only its own entry: the identity may have gone to another object since.
            identity = cast("_Known", gone).identity
            if refs.get(identity) is gone:
                del refs[identity]

        self._refs = refs
        self._forget = forget
        self._held: OrderedDict[int, tuple[Any, State]] = OrderedDict()

    def add(self, obj: object, state: State) -> None:
        """Know that `obj` is stored as `state`, in the place of what was known of it."""
        try:
            known = _Known(obj, self._forget)
        except TypeError:
            self._held[id(obj)] = obj, state
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
            return
        known.identity, known.state = id(obj), state
        self._refs[id(obj)] = known

    def add_many(self, known: Iterable[tuple[object, State]]) -> None:
        """Know of each object that it is stored as that."""
        refs, forget, known_as = self._refs, self._forget, _Known
        for obj, state in known:
            try:
                ref = known_as(obj, forget)
            except TypeError:
                self.add(obj, state)
                continue
            ref.identity = identity = id(obj)
            ref.state = state
            refs[identity] = ref

    def find(self, obj: object) -> State | None:
        """What `obj` is known to be stored as; None where it is not known."""
        known = self._refs.get(id(obj))
        if known is not None:
            return known.state if known() is obj else None
        held = self._held.get(id(obj))
        return None if held is None else held[1]

    def forget(self, obj: object) -> None:
        """Know nothing of `obj` any more."""
        self._refs.pop(id(obj), None)
        self._held.pop(id(obj), None)

    def __len__(self) -> int:
        return len(self._refs) + len(self._held)
