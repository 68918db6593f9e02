"""One load: every store is asked once, and what is missing is known before anything is built."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from brinery.errors import BrineryError, MissingReference, ReadError, StoreError, locate_reading
from brinery.persistence.checks import check_parts
from brinery.persistence.inorder import InOrder
from brinery.persistence.stores import Load, LoadContext
from brinery.persistent_ids import SCALARS, bounded, is_plain, read_key, store_name, unbound
from brinery.plan import NOT_READY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from brinery.persistence.claims import Claimant
    from brinery.persistence.dumping import Binding

__all__ = ["Missing", "StoresReader"]

#: What a reference becomes whose object its store does not hold: an error, None, or what a function
#: gives for the store's name (None for the bare store) and the key.
Missing: TypeAlias = "Literal['raise', 'none'] | Callable[[str | None, object], object]"

_NOT_YET: Any = object()

_first, _second = itemgetter(0), itemgetter(1)


class StoresReader:
    """The bound stores, as a ReadPlan has them."""

    def __init__(
        self,
        bindings: Sequence[tuple[Binding, Claimant]],
        missing: Missing,
        options: Mapping[str, Any],
    ) -> None:
        """Raises StoreError for a `missing` that is no policy."""
        if missing not in ("raise", "none") and not callable(missing):
            raise StoreError(
                f"missing={missing!r}; it is 'raise', 'none', or a function of store name and key"
            )
        self.bindings = bindings
        self.missing = missing
        self.options = options
        self.by_name = {binding.name: place for place, (binding, _) in enumerate(bindings)}

    def begin_load(
        self,
        ids: list[object],
        offsets: Sequence[int],
        find_class: Callable[[str, str], object] | None,
        decided: bool,
        /,
    ) -> StoresLoad:
        """Fetch what `ids` name. See brinery.plan.StoreReader."""
        load = StoresLoad(self, find_class)
        try:
            load.fetch(ids, offsets, decided)
        except BaseException:
            load.close(False)
            raise
        return load


class StoresLoad:
    """What one load has from all stores."""

    __slots__ = ("_by_name", "_find_class", "_reader", "_shelves", "ready")

    def __init__(self, reader: StoresReader, find_class: Callable[[str, str], object] | None) -> None:
        self._reader = reader
        self._find_class = find_class
        self._shelves = [_Shelf(*bound, reader.missing) for bound in reader.bindings]
        self._by_name = {shelf.binding.name: shelf for shelf in self._shelves}
        #: See brinery.plan.StoreLoad.
        self.ready: list[object] | None = None

    def fetch(self, ids: list[object], offsets: Sequence[int], decided: bool) -> None:
        """Ask each store that is named for all that the stream names of it. It may empty `ids`.

        Raises MissingReference with all that is missing, where `decided` and the policy say so.
        """
        wanted: dict[_Shelf, dict[Any, None]] = {}
        by_name = self._by_name
        name: object = None
        known: dict[Any, None] = {}
        keys_met: list[Any] = []
        pairs = _pairs_of(ids)
        if pairs is not None and pairs[0] in by_name:
            self._fetch_of_one(by_name[pairs[0]], pairs[1], ids, offsets, decided)
            return
        for pid in ids:
            # Most are pairs of a bound name and a key, and most keys are such pairs, too.
            if type(pid) is tuple and len(pid) == 2 and type(pid[0]) is str and pid[0] in by_name:
                key = pid[1]
                if type(key) is tuple and len(key) == 2:
                    plain = type(key[0]) in SCALARS and type(key[1]) in SCALARS
                else:
                    plain = type(key) in SCALARS
                if not plain and not is_plain(key):
                    try:
                        key = read_key(pid)
                    except ReadError:  # raised again where the ID is met, which tells its place
                        continue
                if pid[0] is not name:
                    name = pid[0]
                    known = wanted.setdefault(by_name[name], {})
                known[key] = None
                keys_met.append(key)
                continue
            try:
                found = self._shelf_of(pid)
            except ReadError:
                continue
            if found is not None and _hashable(found[1]):
                wanted.setdefault(found[0], {})[found[1]] = None
        for shelf, keys in wanted.items():
            shelf.fetch(list(keys), self._begin)
        if decided and self._reader.missing == "raise" and any(shelf.absent for shelf in wanted):
            self._refuse(ids, offsets)
        if len(wanted) == 1 and len(keys_met) == len(ids):
            (shelf,) = wanted
            if shelf.binding.store.identity == "key":
                self.ready = [*map(shelf.objects.get, keys_met, repeat(NOT_READY))]

    def _fetch_of_one(
        self, shelf: _Shelf, keys: list[Any], ids: list[object], offsets: Sequence[int], decided: bool
    ) -> None:
        """As fetch, where all that the stream names is of one store, as in most streams."""
        # Of many references each thing here is as large as what they are all about: none stays without need.
        ids.clear()
        each = dict.fromkeys(keys)
        once = keys if len(each) == len(keys) else list(each)
        del each
        found = shelf.ask(once, self._begin)
        if decided and self._reader.missing == "raise" and shelf.absent:
            self._refuse([(shelf.binding.name, key) for key in keys], offsets)
        if shelf.binding.store.identity == "key":
            if type(found) is InOrder and once is keys:
                self.ready = found.objects
            else:
                self.ready = [*map(found.get, keys, repeat(NOT_READY))]
            shelf.later = keys, self.ready
        else:
            shelf.objects.update(found)

    def resolve(self, pid: object, /) -> object:
        """The object that `pid` names."""
        if type(pid) is tuple and len(pid) == 2 and type(pid[0]) is str and is_plain(pid[1]):
            shelf = self._by_name.get(pid[0])
            if shelf is not None:
                return shelf.get(pid[1], self._begin)
        found = self._shelf_of(pid)
        if found is None:
            raise unbound(pid)
        shelf, key = found
        if shelf.binding.name is None and not _hashable(key):
            return shelf.get_unhashable(key, self._begin)
        return shelf.get(key, self._begin)

    def close(self, succeeded: bool, /) -> None:
        """Close what was begun. Where the load succeeded, a store that cannot close is an error."""
        failure: BrineryError | None = None
        for shelf in self._shelves:
            if shelf.load is None:
                continue
            try:
                shelf.load.close()
            except Exception as error:
                failure = failure or shelf.binding.fault("close", error).with_traceback(error.__traceback__)
        if failure is not None and succeeded:
            raise failure

    def _shelf_of(self, pid: object) -> tuple[_Shelf, Any] | None:
        name = store_name(pid)
        shelf = self._by_name.get(name) if name is not None else None
        if shelf is not None:
            return shelf, read_key(pid)
        bare = self._by_name.get(None)
        return None if bare is None else (bare, pid)

    def _begin(self, shelf: _Shelf) -> Load:
        binding = shelf.binding
        # A store that is bound under two names has one Load.
        for other in self._shelves:
            if other.load is not None and other.binding.store is binding.store:
                return other.load
        context = LoadContext(
            binding.name,
            binding.opened,
            binding.options(self._reader.options),
            self._find_class,
            tuple([bound.name for bound, _ in self._reader.bindings]),
        )
        try:
            load = binding.store.begin_load(context)
        except BrineryError:
            raise
        except Exception as error:
            raise binding.fault("begin_load", error) from error
        check_parts(binding.owner, load, Load, "begin_load")
        return load

    def _refuse(self, ids: Sequence[object], offsets: Sequence[int]) -> None:
        found: dict[tuple[str | None, Any], list[int]] = {
            (shelf.binding.name, key): [] for shelf in self._shelves for key in shelf.absent
        }
        for pid, offset in zip(ids, offsets, strict=True):
            with suppress(ReadError):
                shelf_and_key = self._shelf_of(pid)
                if shelf_and_key is not None and _hashable(shelf_and_key[1]):
                    shelf, key = shelf_and_key
                    if (shelf.binding.name, key) in found:
                        found[shelf.binding.name, key].append(offset)
        references = [(name, key, tuple(places)) for (name, key), places in found.items()]
        error = missing_reference(references)
        first = min((places[0] for _, _, places in references if places), default=0)
        locate_reading(error, first, "", ())
        raise error


def _pairs_of(ids: Sequence[object]) -> tuple[str, list[Any]] | None:
    """The name and the keys of IDs that are all of one named store, and as plain as most are; else None."""
    pairs: Any = ids
    if set(map(type, pairs)) != {tuple} or set(map(len, pairs)) != {2}:
        return None
    name = pairs[0][0]
    if set(map(type, map(_first, pairs))) != {str} or set(map(_first, pairs)) != {name}:
        return None
    keys = list(map(_second, pairs))
    kinds = set(map(type, keys))
    if tuple in kinds:
        if kinds != {tuple} or set(map(len, keys)) != {2}:
            return None
        kinds = set(map(type, chain.from_iterable(keys)))
    return (name, keys) if SCALARS.issuperset(kinds) else None


def missing_reference(references: Sequence[tuple[str | None, object, Sequence[int]]]) -> MissingReference:
    """The error for all that stores do not hold."""
    by_store: dict[str | None, list[object]] = {}
    for name, key, _ in references:
        by_store.setdefault(name, []).append(key)
    parts = []
    for name, keys in by_store.items():
        store = "the bare store" if name is None else f"the store {name!r}"
        if len(keys) == 1:
            parts.append(f"{store} holds no object with the key {keys[0]!r}")
        else:
            shown = ", ".join([*(repr(key) for key in keys[:5]), *(["…"] if len(keys) > 5 else [])])
            parts.append(f"{store} holds no objects with {len(keys)} of the keys: {shown}")
    return MissingReference(
        f"{'; '.join(parts)}: deleted, or another store is meant."
        " Bind with missing='none' to read None in their place, or with missing=function(name, key)",
        references,
    )


class _Shelf:
    """What one load has from one store."""

    __slots__ = ("_claimant", "_handed_out", "_missing", "absent", "binding", "later", "load", "objects")

    def __init__(self, binding: Binding, claimant: Claimant, missing: Missing) -> None:
        self.binding = binding
        self.load: Load | None = None
        self.absent: set[Any] = set()
        self._claimant = claimant
        self._missing = missing
        self.objects: dict[Any, object] = {}
        #: Keys, and what each stands for, or NOT_READY: not in `objects` yet, as mostly nobody asks again.
        self.later: tuple[list[Any], list[object]] | None = None
        # Where each place gets an object of its own: the keys that were asked for.
        self._handed_out: set[Any] | None = set() if binding.store.identity == "value" else None

    def fetch(self, keys: list[Any], begin: Callable[[_Shelf], Load]) -> None:
        """Ask the store for all of `keys` at once, and keep what it has."""
        # What the store does with a dict of its own is its affair.
        self.objects.update(self.ask(keys, begin))

    def ask(self, keys: list[Any], begin: Callable[[_Shelf], Load]) -> Mapping[Any, object]:
        """What the store has of `keys`, all at once; the rest is absent. It may be a dict of the store's.

        It is InOrder only in the order of `keys`.
        """
        if self.load is None:
            self.load = begin(self)
        try:
            # A list of its own, which it may sort or empty.
            asked = list(keys)
            found: Any = self.load.fetch(asked)
        except BrineryError:
            raise
        except Exception as error:
            raise self.binding.fault("fetch", error, keys) from error
        if type(found) is InOrder and found.asked is asked:
            self.absent.update(found.absent())
        elif not (type(found) is dict and len(found) == len(keys) and all(map(found.__contains__, keys))):
            get = getattr(found, "get", None)
            if get is None:
                raise self._wrong(
                    keys, f"a {type(found).__qualname__}. fetch gives a mapping of keys to objects"
                )
            objects: dict[Any, object] = {}
            for key in keys:
                obj = get(key, _NOT_YET)
                if obj is _NOT_YET:
                    self.absent.add(key)
                else:
                    objects[key] = obj
            found = objects
        given: Mapping[Any, object] = found
        self._check(given)
        return given

    def get(self, key: Any, begin: Callable[[_Shelf], Load]) -> object:
        """The object with that key: the same one each time, or another one where the store says so."""
        obj = self.objects.get(key, _NOT_YET)
        if obj is _NOT_YET and self.later is not None:
            keys, ready = self.later
            self.later = None
            self.objects = {met: obj for met, obj in zip(keys, ready, strict=True) if obj is not NOT_READY}
            obj = self.objects.get(key, _NOT_YET)
        if obj is _NOT_YET:
            if key not in self.absent:
                self.fetch([key], begin)
            if key in self.absent:
                self.objects[key] = obj = self._stand_in(key)
                return obj
            obj = self.objects[key]
        if self._handed_out is not None and key not in self.absent:
            if key in self._handed_out:
                return self._another(key, obj)
            self._handed_out.add(key)
        return obj

    def get_unhashable(self, pid: object, begin: Callable[[_Shelf], Load]) -> object:
        """What a bare store has for an ID that cannot be hashed: asked anew each time."""
        if self.load is None:
            self.load = begin(self)
        from brinery.errors import NoSuchKey

        try:
            return self.load.fetch_unhashable(pid)
        except NoSuchKey:
            return self._stand_in(pid)
        except BrineryError:
            raise
        except Exception as error:
            raise self.binding.fault("fetch_unhashable", error, [pid]) from error

    def _another(self, key: Any, obj: object) -> object:
        assert self.load is not None
        try:
            return self.load.another(key, obj)
        except BrineryError:
            raise
        except Exception as error:
            raise self.binding.fault("another", error, [key]) from error

    def _check(self, found: Mapping[Any, object]) -> None:
        # (What InOrder has for what is missing is an object of no class that a store could claim.)
        objects = found.objects if type(found) is InOrder else found.values()
        for cls in set(map(type, objects)):
            if cls is object and NOT_READY in objects:
                continue
            if cls is type(None):
                what = "None. Leave out what is missing, or raise NoSuchKey"
            # A bare store speaks for other programs, which keep anything.
            elif self.binding.name is not None and not self._claimant.gives(cls):
                what = f"an object of class {cls.__qualname__}, which it does not claim"
            else:
                continue
            raise self._wrong([key for key, obj in found.items() if type(obj) is cls], what)

    def _wrong(self, keys: list[Any], what: str) -> BrineryError:
        from brinery.errors import StoreFault

        return StoreFault(
            f"{self.binding.owner} gave, for the key {keys[0]!r}, {what}", self.binding.name, "fetch", keys
        )

    def _stand_in(self, key: object) -> object:
        if self._missing == "none":
            return None
        if self._missing != "raise":
            return self._missing(self.binding.name, key)
        raise missing_reference([(self.binding.name, key, ())])


def _hashable(key: object) -> bool:
    if not bounded(key):
        return False
    try:
        hash(key)
    except TypeError:
        return False
    return True
