"""Which objects are known to be stored, and as what."""

from __future__ import annotations

from collections import OrderedDict
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import getweakrefcount, getweakrefs, ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["KnownObjects"]

State = TypeVar("State")

# So many objects that cannot be referred to weakly are held on to.
_HELD = 10_000
# References are kept in many sets of some size: one large set takes 27 to 107 bytes for each, and has the
# table before beside it, or leaves a hole for that, when it grows. These take 27. Of 8,192 places 4,915 can
# be taken before the set grows; and one that is merged with another grows to twice what both have, not to
# four times.
_MOST, _TOGETHER = 4_900, 700


class _Ref(ref[Any]):
    __slots__ = ()

    # Itself, whatever the object that it refers to makes of these.
    __hash__ = object.__hash__
    __eq__ = object.__eq__


class KnownObjects(Generic[State]):
    """What is known of objects that were loaded or stored: by identity, as equality is the class's affair.

    It is known as long as somebody holds the object. Named tuples, and classes with ``__slots__`` and no
    ``__weakref__``, cannot be referred to weakly: the last ten thousand of these are held. Any number of
    threads may use it.

    Where every state is a tuple of `width` items, saying so takes a third off what an entry takes.
    """

    def __init__(self, width: int = 0) -> None:
        # What keeps the references alive. An object leads to those that refer to it, so there is no table of
        # identities: that would take half as much memory again. No set is ever taken away: another thread may
        # be about to add to it.
        self._homes: list[set[_Ref]] = [set()]
        self._home = self._homes[0]
        self._held: OrderedDict[int, tuple[Any, State]] = OrderedDict()
        # The items of a tuple are kept in the reference: a tuple around them would be half as large again.
        names = [f"item{place}" for place in range(width)] if width > 1 else ["state"]
        self._kind: type[_Ref] = type("_Known", (_Ref,), {"__slots__": names, "__module__": __name__})
        self._state_of: Callable[[_Ref], Any] = attrgetter(*names)
        self._add_new = _adder(names)

    def add(self, obj: object, state: State) -> None:
        """Know that `obj` is stored as `state`, in the place of what was known of it."""
        before = self._ref_of(obj)
        self._add_new(((obj, state),), self._kind, self._room, self._hold)
        if before is not None:
            _home_of(before).discard(before)

    def add_many(self, known: Iterable[tuple[object, State]]) -> None:
        """Know of each object that it is stored as that."""
        self._add_new(self._unknown_of(known), self._kind, self._room, self._hold)

    def find(self, obj: object) -> State | None:
        """What `obj` is known to be stored as; None where it is not known."""
        kind = self._kind
        # As _ref_of, without a call: this is asked about each object of a dump.
        for known in getweakrefs(obj):
            if type(known) is kind and known in known.__callback__.__self__:  # type: ignore[attr-defined]
                return self._state_of(known)  # type: ignore[no-any-return]
        held = self._held.get(id(obj))
        return None if held is None else held[1]

    def forget(self, obj: object) -> None:
        """Know nothing of `obj` any more."""
        known = self._ref_of(obj)
        if known is not None:
            _home_of(known).discard(known)
        self._held.pop(id(obj), None)

    def _ref_of(self, obj: object) -> _Ref | None:
        for found in getweakrefs(obj):
            if type(found) is self._kind and found in _home_of(found):
                return found
        return None

    def _room(self) -> set[_Ref]:
        """A set that has room for some more."""
        home = self._home
        if len(home) > _MOST - _TOGETHER:
            # One whose objects are mostly gone is filled up before there is another.
            for home in self._homes:
                if len(home) < _MOST // 4:
                    break
            else:
                home = set()
                self._homes.append(home)
            self._home = home
        return home

    def _hold(self, obj: object, state: State) -> None:
        self._held[id(obj)] = obj, state
        if len(self._held) > _HELD:
            self._held.popitem(last=False)

    def _unknown_of(self, known: Iterable[tuple[object, State]]) -> Iterable[tuple[object, State]]:
        for entry in known:
            if getweakrefcount(entry[0]):  # it may be known already
                self.add(*entry)
            else:
                yield entry

    def __len__(self) -> int:
        return sum(map(len, self._homes)) + len(self._held)


def _home_of(known: _Ref) -> set[_Ref]:
    """The set that it is in, if it is still known: it is taken out of that when its object dies."""
    return known.__callback__.__self__  # type: ignore[attr-defined, no-any-return]


def _adder(names: list[str]) -> Callable[..., None]:
    """A function that makes the references, of a kind with the slots `names`, and keeps them.

    They come into a set some at a time. What they refer to is held until then, as nobody would take a
    reference out again that was not there yet.
    """
    items = ", ".join(names)
    state = f"({items})" if len(names) > 1 else items
    assigned = "; ".join(f"made.{name} = {name}" for name in names)
    text = (
        "def add_new(known, kind, room, hold):\n"
        "    home = room()\n"
        "    forget = home.discard\n"
        "    new, held = set(), []\n"
        "    keep, held_too = new.add, held.append\n"
        f"    for obj, {state} in known:\n"
        "        try:\n"
        "            made = kind(obj, forget)\n"
        "        except TypeError:\n"
        f"            hold(obj, {state})\n"
        "            continue\n"
        f"        {assigned}\n"
        "        keep(made)\n"
        "        held_too(obj)\n"
        f"        if len(held) == {_TOGETHER}:\n"
        "            home.update(new)\n"
        "            new.clear()\n"
        "            held.clear()\n"
        "            home = room()\n"
        "            forget = home.discard\n"
        "    home.update(new)\n"
    )
    space: dict[str, Any] = {}
    exec(text, space)
    return space["add_new"]  # type: ignore[no-any-return]
