"""The contract between brinery and a store.

A store whose objects are at hand needs no more than :class:`SimpleStore` names; there is nothing to inherit
from::

    class Users:
        claims = (User,)

        def __init__(self, users):
            self.users = users

        def persistent_id(self, user):
            return user.name

        def persistent_load(self, name):
            if name not in self.users:
                raise NoSuchKey(name)
            return self.users[name]

A database derives from :class:`Store`. To it a dump is a transaction, with an object of its own, a
:class:`Dump`; and so is a load, a :class:`Load`. Nothing is kept in the store itself, so threads, dumps
within dumps and loads within loads do not meet::

    begin_dump ─► key_of, key_of, … ─► assign ─► prepare ─► commit     the end of the stream is written
                         └──────────────┴──────────┴──────────┴─► rollback
    begin_load ─► fetch ─► (fetch …) ─► close

**STOP is the commit record.** What a dump writes goes to the file as it comes, but for its last bytes, which
hold the opcode STOP. They are written when every store has committed. A pickle without STOP cannot be loaded,
so no stream that loads refers to what was never stored.
"""

from __future__ import annotations

import copy
import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, Protocol, runtime_checkable

from brinery.errors import NoSuchKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from brinery.persistent_ids import Key

__all__ = [
    "PENDING",
    "Dump",
    "DumpContext",
    "Foresight",
    "Load",
    "LoadContext",
    "Pending",
    "SimpleStore",
    "Store",
]


class Pending(enum.Enum):
    """The type of :data:`PENDING`."""

    PENDING = "pending"


#: What ``key_of`` gives for an object that is the store's, and whose key only the database can make.
PENDING: Final = Pending.PENDING


class Foresight(NamedTuple):
    """Where the key of most objects of a class stands.

    attributes  the attributes whose values are the key, or its parts: each an int or a str, as a rule.
    first       what comes first in the key, if it is a tuple: ``Foresight(("id",), "customers")`` is the pair
                ``("customers", obj.id)``. None where the attributes are all of it.
    """

    attributes: tuple[str, ...]
    first: str | None = None


@dataclass(frozen=True, slots=True)
class DumpContext:
    """What a store is told of a dump.

    name      what the store is bound under; None for the bare store.
    protocol  that of the stream.
    opened    whether brinery opened the store, from a URL. Otherwise it belongs to the caller, and so may
              what it works on: a session of the caller's is the caller's to commit.
    options   the options of this call that the store declares.
    alone     whether no other store is bound. Then an object that is refused is refused by all, and a store
              may wait with that until `prepare`, and ask for all objects at once.
    stores    what all stores that are bound are called, this one too; None for the bare store.
    """

    name: str | None = None
    protocol: int = 5
    opened: bool = False
    alone: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    stores: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadContext:
    """What a store is told of a load.

    name, opened, options  as in :class:`DumpContext`.
    stores                 as in :class:`DumpContext`.
    find_class             what a user's Unpickler has in the place of the engine's own ``find_class(module,
                           name)``; None where there is none. A store that unpickles what it keeps looks
                           globals up with it, so that a restriction holds there too.
    """

    name: str | None = None
    opened: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    find_class: Callable[[str, str], object] | None = None
    stores: tuple[str | None, ...] = ()


class Dump(ABC):
    """One dump, as one store sees it: a transaction. It is used by one thread.

    It is begun with the first object of the dump that the store claims, and ends with :meth:`commit` or
    :meth:`rollback`. Raise :class:`~brinery.errors.NotStored` for an object that ought to be stored and is
    not; whatever else a method raises is a fault of the store, and fails the dump.
    """

    #: Whether `prepare` makes everything durable, so that only a lost connection can keep `commit` from
    #: succeeding: of several such stores all commit, or none does.
    two_phase: ClassVar[bool] = False

    @abstractmethod
    def key_of(self, obj: Any, /) -> Key | Pending | None:
        """The key of `obj`; None: not mine, write it as if I were not there; or PENDING.

        Asked about each object once, of exactly the classes that are claimed. `obj` stays alive until the
        dump is over. Best is a key that the client makes (a natural one, a UUID, one out of a block of a
        sequence that was reserved): an object that gets one need not be sent before the dump ends, and all
        are sent together.
        """

    def assign(self, objects: Sequence[Any], /) -> Sequence[Key]:
        """The keys of all that was PENDING, in their order. Called once, before `prepare`."""
        raise NotImplementedError("key_of gave PENDING, so assign(objects) has to make the keys")

    def prepare(self) -> None:  # noqa: B027  # a store that only refers to what is there has nothing to do
        """Send every write, and have it checked: after this `commit` should not fail.

        No code of the user's runs between this and `commit`.
        """

    def commit(self) -> None:  # noqa: B027
        """Make it last.

        Raise :class:`~brinery.errors.NotCommitted` where nothing is there for certain. Any other exception
        means that nobody knows: a connection that is lost meanwhile may have been lost behind the commit.
        """

    def rollback(self) -> None:  # noqa: B027
        """Undo it all, after whatever came before. May come twice, and on a connection that is dead."""


class Load(ABC):
    """One load, as one store sees it. It is used by one thread."""

    @abstractmethod
    def fetch(self, keys: list[Key], /) -> Mapping[Key, object]:
        """The objects with those keys; what is missing is left out. Each of `keys` is there once.

        Called with all keys that the stream names, before anything is built, so one query will do. It may
        come again, where an ID holds an object that only the load itself can build.
        """

    def another(self, key: Key, obj: Any, /) -> object:
        """Another object like `obj`, which has that key, for the next place that names it: a deep copy.

        For stores whose identity is "value".
        """
        return copy.deepcopy(obj)

    def fetch_unhashable(self, pid: Any, /) -> object:
        """What a bare store has for an ID that is no key and cannot be hashed, such as a list.

        Raises NoSuchKey where there is none.
        """
        raise NoSuchKey(f"the bare store knows no ID that is a {type(pid).__name__}")

    def close(self) -> None:  # noqa: B027
        """The load is over, whether it succeeded or not. Always called."""


class Store(ABC):
    """Where objects live that streams only refer to. To be derived from; see the module's documentation."""

    #: The classes whose objects `key_of` is asked about, with those of their subclasses. A class may be
    #: named, as ``"package.module:QualName"``, which imports nothing. Read once, when the store is bound.
    claims: Iterable[type | str] = ()

    #: The options of a single call that this store takes: ``bound.loads(data, session=s)``.
    options: tuple[str, ...] = ()

    #: "key": within one load, one key is one object. "value": each place that names a key gets an object of
    #: its own (see Load.another), as it has to be where the key is made of the content: two equal objects
    #: are two.
    identity: Literal["key", "value"] = "key"

    def claims_type(self, cls: type, /) -> bool:
        """Whether objects whose type is exactly `cls` are claimed, beyond `claims`.

        For stores whose classes are known later than they are bound. Asked once for each class, when the
        first object of it is met; it may not query, and its answer must not change.
        """
        return False

    def foresee(self, cls: type, /) -> Foresight | None:
        """Where the key of most objects of exactly `cls` stands; None where that cannot be said.

        It makes dumps faster, and changes nothing else: a dump to bytes may write what is foreseen and go on,
        as no code runs for that, and `key_of` is asked about each object later, but before any reducer runs
        that would have run behind it. Where `key_of` gives another key, None or an error, the dump is done
        again with its answers. Asked once for each class; it may not query.
        """
        return None

    @abstractmethod
    def begin_dump(self, context: DumpContext, /) -> Dump:
        """A dump meets the first object that the store claims."""

    @abstractmethod
    def begin_load(self, context: LoadContext, /) -> Load:
        """A load has found a reference to the store."""

    def close(self) -> None:  # noqa: B027
        """Give back what the store holds open. brinery calls it on what it opened from a URL."""


@runtime_checkable
class SimpleStore(Protocol):
    """A store that has its objects at hand: it neither begins nor ends anything."""

    @property
    def claims(self) -> Iterable[type | str]:
        """As :attr:`Store.claims`."""

    def persistent_id(self, obj: Any, /) -> Key | None:
        """The key of `obj`; None: not one of mine, write it as if I were not there.

        Raise NotStored for an object that ought to be in the store and is not. (A bare store may give
        anything that the protocol can carry.)
        """

    def persistent_load(self, key: Any, /) -> object:
        """The object with that key. Raise NoSuchKey where there is none; anything else is a fault."""
