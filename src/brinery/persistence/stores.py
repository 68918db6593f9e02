"""The contract between brinery and a store.

A store is any object that has what :class:`Store` names; there is nothing to inherit from. One that
keeps users in a dict is four lines::

    class Users:
        claims = (User,)

        def __init__(self, users):
            self.users = users

        def persistent_id(self, user):
            return user.name

        def persistent_load(self, name):
            return self.users[name]

A store may have more, and is asked for it only where it has it:

``persistent_load_many(keys)``
    A mapping from each of `keys` (a list, each key once) to its object. A load asks it once for all
    that the stream names, instead of once for each reference. A key that is not in the mapping is
    missing.
``begin_dump()``, ``end_dump(succeeded)``
    Around every dump. A store that inserts objects stages them, commits when `succeeded` is true, and
    forgets them otherwise. Dumps nest where a reducer dumps something on the way, and each ends
    in the thread that began it. What ``end_dump`` raises is what the dump raises.
``close()``
    Give back what the store holds open. Called on stores that were opened from a URL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from brinery.dotted import is_dotted
from brinery.errors import StoreError
from brinery.plan import NATIVE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from brinery.persistent_ids import Key

__all__ = ["BulkStore", "Store", "check_claims"]


@runtime_checkable
class Store(Protocol):
    """Where objects live that streams only refer to."""

    @property
    def claims(self) -> Iterable[type | str]:
        """The classes whose objects `persistent_id` is asked about; objects of their subclasses too.

        A class may be named as ``"package.module:QualName"``, which imports nothing. Read once, when
        the store is bound.
        """

    def persistent_id(self, obj: object, /) -> Key | None:
        """The key of `obj` in this store; None: not one of mine, write it as if I were not there.

        A key is a str, an int or bytes, or a tuple of these. (A bare store's may be anything that
        the protocol can carry.) Raise :class:`brinery.errors.NotStored` for an object that ought to be
        in the store and is not.
        """

    def persistent_load(self, key: Key, /) -> object:
        """The object with that key. Raise KeyError (or another LookupError) where there is none."""


@runtime_checkable
class BulkStore(Store, Protocol):
    """A store that loads many objects at once."""

    def persistent_load_many(self, keys: list[Key], /) -> Mapping[Key, object]:
        """The objects with those keys; missing ones are left out."""


def check_claims(owner: str, store: Store) -> list[type | str]:
    """What `store`, called `owner` in error texts, claims. Raises StoreError for what nobody may claim."""
    claims = getattr(store, "claims", None)
    if claims is None or isinstance(claims, str | type) or not hasattr(claims, "__iter__"):
        raise StoreError(
            f"{owner}, a {type(store).__qualname__}, does not say what it claims: give it an attribute"
            " such as claims = (Customer, Order)"
        )
    found = list(claims)
    for claim in found:
        if isinstance(claim, str):
            if not is_dotted(claim):
                raise StoreError(f"{owner} claims {claim!r}; write the class as 'package.module:QualName'")
        elif not isinstance(claim, type):
            raise StoreError(f"{owner} claims {claim!r}, which is neither a class nor the name of one")
        elif any(claim is native for native in NATIVE_TYPES):
            raise StoreError(
                f"{owner} claims {claim.__qualname__}, one of the format's own data types, which no"
                " store is asked about; claim a class of your own instead, such as a subclass of it"
            )
    return found
