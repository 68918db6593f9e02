"""What is declared for a class, or for one of its ancestors: by class, by dotted name, by ABC.

A declaration may name a class that is not imported. It is never imported for that. It matches a class
that says it lives there (its ``__module__`` and ``__qualname__``), and, once the module is loaded, the
class that is found there: "pandas:DataFrame" lives elsewhere and is only known under that name too.
"""

from __future__ import annotations

import abc
import sys
import weakref
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from brinery.dotted import MISSING, find_loaded, name_of_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Level", "Lineage", "PerType", "is_being_imported", "mro_of"]

T = TypeVar("T")

# `type`'s own descriptor: a metaclass may answer the attribute with anything it likes.
mro_of = type.__dict__["__mro__"].__get__


class Level(NamedTuple, Generic[T]):
    """What is declared for one ancestor of a class.

    ancestor  the class itself or a base class.
    virtual   false: `found` is declared for `ancestor`. True: it is declared for ABCs that `ancestor` belongs
              to without inheriting from them.
    found     what is declared, each with its class, in the order of declaration.
    """

    ancestor: type
    virtual: bool
    found: list[tuple[type, T]]


class PerType(Generic[T]):
    """What was worked out for each type, until the epoch changes.

    Safe to use from many threads: what two work out for one type at once is the same. Types are held weakly,
    since classes come and go, and by identity, since a metaclass may define ``__eq__`` and ``__hash__``.
    """

    def __init__(self, work_out: Callable[[type], T], epoch: Callable[[], int | None]) -> None:
        self._work_out = work_out
        self._epoch = epoch
        self._known: dict[int, tuple[weakref.ref[type], T]] = {}
        self._known_at = epoch()

    def get(self, cls: type) -> T:
        """What is worked out for `cls`, now or earlier."""
        epoch = self._epoch()
        if epoch is None:
            return self._work_out(cls)
        if epoch != self._known_at:
            self._known, self._known_at = {}, epoch
        # The dictionary of this epoch, also where another thread begins a new one meanwhile.
        known = self._known
        key = id(cls)
        entry = known.get(key)
        if entry is not None and entry[0]() is cls:
            return entry[1]
        found = self._work_out(cls)
        known[key] = weakref.ref(cls, lambda _: known.pop(key, None)), found
        return found

    def known(self) -> list[type]:
        """The types that something is worked out for."""
        types = [entry[0]() for entry in list(self._known.values())]
        return [cls for cls in types if cls is not None]


class Lineage(Generic[T]):
    """Things that are declared for classes, found along the line of a class's ancestors."""

    def __init__(
        self, declared: Iterable[tuple[type | str, T]], check: Callable[[object, T], None] | None = None
    ) -> None:
        """`declared` pairs a class, or its dotted name, with a thing.

        `check` is called with what a dotted name turned out to be, and raises where that is not wanted.
        """
        self._check = check
        self._order: list[T] = []
        # Classes by identity: a metaclass may define an __eq__ and __hash__ of its own.
        self._by_class: dict[int, tuple[type, list[T]]] = {}
        self._by_name: dict[str, list[T]] = {}
        self._abstract: list[tuple[type, T]] = []
        self._unseen: set[str] = set()
        self._unseen_modules: frozenset[str] = frozenset()
        # Modules that are loaded and do not have what is looked for there (``builtins`` has no ``function``),
        # with how many names they have. To look for each again whenever an epoch is asked for took the public
        # mode 21 µs for a dataclass, and 4 without.
        self._without: dict[str, tuple[object, int]] = {}
        self._settled = True  # no module is being imported in which a class is looked for
        self._registrations = abc.get_cache_token()
        self._epoch = 0
        for target, thing in declared:
            self._order.append(thing)
            if isinstance(target, str):
                self._by_name.setdefault(target, []).append(thing)
                self._unseen.add(target)
            else:
                self._admit(target, thing)
        self._look_for_unseen()

    def epoch(self) -> int | None:
        """Changes when :meth:`levels` may answer differently for a class; None: it may at any time.

        See :class:`brinery.plan.RuleTable`.
        """
        # Nearly always no such module is loaded, and that is seen in one step for all names.
        if self._unseen and (
            not sys.modules.keys().isdisjoint(self._unseen_modules)
            or (self._without and self._have_changed())
        ):
            self._look_for_unseen()
        if self._abstract and abc.get_cache_token() != self._registrations:
            self._registrations = abc.get_cache_token()
            self._epoch += 1
        return self._epoch if self._settled else None

    def levels(self, cls: type) -> Iterator[Level[T]]:
        """What is declared for `cls` and its ancestors, nearest first.

        An ABC stands behind the farthest base class that belongs to it, as in functools.singledispatch.
        """
        mro = mro_of(cls)
        belonging = self._abcs_by_base(cls, mro) if self._abstract else {}
        for base in mro:
            if direct := self.declared_for(base):
                yield Level(base, False, [(base, thing) for thing in direct])
            if virtual := belonging.get(id(base)):
                yield Level(base, True, virtual)

    def declared_for(self, cls: type) -> list[T]:
        """What is declared for `cls` itself, in the order of declaration."""
        _, by_class = self._by_class.get(id(cls), (cls, ()))
        by_name = self._by_name.get(name_of_class(cls), ()) if self._by_name else ()
        if not (by_class and by_name):
            return [*by_class, *by_name]
        found = {id(thing) for thing in (*by_class, *by_name)}
        return [thing for thing in self._order if id(thing) in found]

    def declared_as(self, name: str) -> list[T]:
        """What is declared for the class of that dotted name, which need not be known yet."""
        found = find_loaded(name)
        return self.declared_for(found) if isinstance(found, type) else self._by_name.get(name, [])

    def _abcs_by_base(self, cls: type, mro: tuple[type, ...]) -> dict[int, list[tuple[type, T]]]:
        belonging: dict[int, list[tuple[type, T]]] = {}
        for target, thing in self._abstract:
            if not any(base is target for base in mro) and issubclass(cls, target):
                farthest = next(base for base in reversed(mro) if issubclass(base, target))
                belonging.setdefault(id(farthest), []).append((target, thing))
        return belonging

    def _have_changed(self) -> bool:
        """Whether a module without what is looked for is another one by now, or has other names."""
        for name, (module, size) in self._without.items():
            if sys.modules.get(name) is not module or _size(module) != size:
                return True
        return False

    def _look_for_unseen(self) -> None:
        self._settled = True
        for name in list(self._unseen):
            found = find_loaded(name)
            if found is MISSING:
                if is_being_imported(name):
                    self._settled = False
                continue
            self._unseen.discard(name)
            for thing in self._by_name[name]:
                if self._check is not None:
                    self._check(found, thing)
                if isinstance(found, type):
                    self._admit(found, thing)
            self._epoch += 1
        modules = {name.partition(":")[0] for name in self._unseen}
        within_classes = {name.partition(":")[0] for name in self._unseen if "." in name.partition(":")[2]}
        self._without = {
            name: (module, _size(module))
            for name in modules - within_classes  # a class may get names, and its module none
            if (module := sys.modules.get(name)) is not None and not is_being_imported(name)
        }
        self._unseen_modules = frozenset(modules.difference(self._without))

    def _admit(self, cls: type, thing: T) -> None:
        things = self._by_class.setdefault(id(cls), (cls, []))[1]
        if not any(known is thing for known in things):
            things.append(thing)
        if type(cls).__subclasscheck__ is not type.__subclasscheck__:
            self._abstract.append((cls, thing))


def _size(module: object) -> int:
    """How many names a module has."""
    names = getattr(module, "__dict__", None)
    return len(names) if type(names) is dict else -1


def is_being_imported(name: str) -> bool:
    module = sys.modules.get(name.partition(":")[0])
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
