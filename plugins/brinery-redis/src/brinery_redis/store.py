"""Objects under keys of Redis. What a store of objects needs is brinery's; here is what is Redis's own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal, cast

import redis
from redis.cluster import RedisCluster

from brinery import Profile
from brinery.dotted import import_dotted, name_of_class
from brinery.errors import NotCommitted, NotStored, StoreError
from brinery.persistence import Foresight
from brinery.persistence.records import KeyValueStore
from brinery.persistence.schemes import take_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from brinery.persistence import Key

__all__ = ["RedisStore", "open_store"]

# A server does one command at a time, and everybody waits for it: so many keys are a millisecond.
_BATCH = 1000


class RedisStore(KeyValueStore):
    """Objects of some classes, each under a key ``prefix:name:key`` of Redis.

    client      a :class:`redis.Redis`, or a :class:`redis.cluster.RedisCluster`, which stays yours to close.
    claims      the classes, by the name that goes into keys and streams: ``{"customer": Customer}``. Objects
                of their subclasses too.
    key         the attribute that tells objects apart, or a function that gives it.
    by_content  the key is made of the content instead: what is equal is kept once, and cannot change.
    prefix      what keys begin with. On a cluster, all keys of a store are in one slot, as only then are
                they written together: write the part that makes the slot in braces, ``{shop}``.
    on_new      what becomes of an object whose key holds nothing: "refuse", or "insert".
    expire      seconds after which an object is gone, from when it was last stored, loaded or referred to.

    Raises StoreError for a client that gives texts for bytes, and for a prefix without a slot on a cluster.
    """

    def __init__(
        self,
        client: redis.Redis | RedisCluster,
        claims: Mapping[str, type | str],
        *,
        key: str | Callable[[Any], Key] = "id",
        by_content: bool = False,
        prefix: str = "brinery",
        on_new: Literal["refuse", "insert"] = "refuse",
        expire: float | None = None,
    ) -> None:
        super().__init__(claims.values(), on_new=on_new)
        if any(":" in name for name in claims):
            raise StoreError(
                f"claims={claims!r}: a name is part of Redis's keys, between colons; it has none"
            )
        if isinstance(client, RedisCluster) and "}" not in prefix.partition("{")[2]:
            raise StoreError(
                f"prefix={prefix!r} would spread the objects over all slots of the cluster, and what lies in"
                f" two slots cannot be written together. Name a slot, in braces: prefix='{{{prefix}}}'"
            )
        if client.get_encoder().decode_responses:
            raise StoreError(
                "the client decodes what it is sent, and pickles are bytes: decode_responses=False"
            )
        if expire is not None and not (isinstance(expire, int | float) and expire > 0):
            raise StoreError(f"expire={expire!r}; it is a number of seconds, or None")
        self.client: Any = client
        self.identity = "value" if by_content else "key"
        self.opened = False
        self._key, self._prefix = key, prefix
        self._milliseconds = None if expire is None else max(1, round(expire * 1000))
        self._names = {
            claim if isinstance(claim, str) else name_of_class(claim): name for name, claim in claims.items()
        }

    def foresee(self, cls: type, /) -> Foresight | None:
        """The name of its class, and the attribute that is its key."""
        if callable(self._key) or self.identity == "value":
            return None
        name = self._name_of(cls)
        return None if name is None else Foresight((self._key,), name)

    # what a KeyValueStore asks for

    def key_for(self, obj: Any, /) -> Key:
        """The name of its class, and what tells it apart from others of that class."""
        name = cast("str", self._name_of(type(obj)))
        if self.identity == "value":
            return name, hashlib.sha256(Profile.plain().dumps(obj, 5)).hexdigest()
        key = self._key(obj) if callable(self._key) else getattr(obj, self._key)
        if key is None:
            raise NotStored(
                f"an object of class {type(obj).__qualname__} has no key yet: its {self._key} is None"
            )
        return name, key

    def read(self, keys: Sequence[Key], /) -> Mapping[Key, bytes]:
        """All at once. Where objects expire, what is read begins to live anew."""
        if self._milliseconds is None:
            return self._read_plainly(keys)
        with self.client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.getex(self.name_of(key), px=self._milliseconds)
            found = pipe.execute(raise_on_error=False)
        return self._held(keys, found)

    def write(self, items: Mapping[Key, bytes], /, *, replace: bool) -> Iterable[Key]:
        """All in one transaction of Redis, or nothing."""
        return self._send(items, None if replace or self.identity == "value" else {})

    def exchange(self, items: Mapping[Key, bytes], seen: Mapping[Key, bytes], /) -> Iterable[Key]:
        """As :meth:`write`, where what was seen is still there."""
        return self._send(items, seen)

    def _send(self, items: Mapping[Key, bytes], expected: Mapping[Key, bytes] | None) -> Iterable[Key]:
        """Write `items`, where their keys hold what is expected; None: whatever they hold."""
        keys = list(items)
        with self.client.pipeline(transaction=True) as pipe:
            try:
                if expected is not None:
                    pipe.watch(*map(self.name_of, keys))  # from here on a write of somebody else's stops it
                    there = self._read_plainly(keys)
                    changed = [key for key in keys if there.get(key) != expected.get(key)]
                    if changed:
                        return changed
                other = self._other(keys if expected is None else [key for key in keys if key not in there])
            except redis.RedisError as failed:
                raise NotCommitted(f"Redis failed before anything was sent: {failed}") from failed
            if other is not None:
                raise NotCommitted(
                    f"{other}; nothing was stored. Delete that, or give the store another prefix="
                )
            if expected is not None:
                pipe.multi()
            for key, data in items.items():
                pipe.set(self.name_of(key), data, px=self._milliseconds)
            try:
                pipe.execute()
            except redis.WatchError:
                # Somebody else wrote; or the connection was lost, maybe behind the transaction.
                there = self._read_plainly(keys)
                if there == items:
                    return ()
                changed = [key for key in keys if there.get(key) != (expected or {}).get(key)]
                if not changed:
                    raise
                return changed
        return ()

    def _read_plainly(self, keys: Sequence[Key]) -> dict[Key, bytes]:
        """What the keys hold; nothing is renewed."""
        found: list[Any] = []
        for start in range(0, len(keys), _BATCH):
            found += self.client.mget(list(map(self.name_of, keys[start : start + _BATCH])))
        return self._held(keys, found)

    @staticmethod
    def _held(keys: Sequence[Key], found: Sequence[Any]) -> dict[Key, bytes]:
        for answer in found:
            # What is no string is as good as missing here; MGET does not tell it from nothing. See _other.
            if isinstance(answer, Exception) and "WRONGTYPE" not in str(answer):
                raise answer
        return {key: data for key, data in zip(keys, found, strict=True) if isinstance(data, bytes)}

    def _other(self, missing: Sequence[Key]) -> str | None:
        """What is said of a key that holds what is none of ours: a list, a hash …; None if there is none."""
        for start in range(0, len(missing), _BATCH):
            names = list(map(self.name_of, missing[start : start + _BATCH]))
            if self.client.exists(*names):
                for name in names:
                    kind = self.client.type(name).decode()
                    if kind not in ("none", "string"):
                        return f"the key {name} of Redis holds a {kind}, which this store did not write"
        return None

    # what an application calls

    def load_many(
        self, keys: Iterable[Key], find_class: Callable[[str, str], object] | None = None
    ) -> dict[Key, Any]:
        """As KeyValueStore's. Raises redis.ResponseError for a key that holds a list, a hash …"""
        wanted = list(keys)
        found = super().load_many(wanted, find_class)
        other = self._other([key for key in wanted if key not in found])
        if other is not None:
            raise redis.ResponseError(f"WRONGTYPE {other}")
        return found

    def name_of(self, key: Key) -> str:
        """Under which key of Redis the object with `key` is."""
        name, own = cast("tuple[str, Key]", key)
        return f"{self._prefix}:{name}:{own!a}"

    def _name_of(self, cls: type) -> str | None:
        found = [self._names[name] for name in map(name_of_class, cls.__mro__) if name in self._names]
        return found[0] if found else None

    def delete(self, *objects: object) -> int:
        """Delete what `objects` are stored as; how many there were. References to them go on to nothing."""
        names = [self.name_of(self.key_for(obj)) for obj in objects]
        return sum(
            self.client.delete(*names[start : start + _BATCH]) for start in range(0, len(names), _BATCH)
        )

    def close(self) -> None:
        """Close the client, if the store was opened from a URL."""
        if self.opened:
            self.client.close()


def open_store(url: str, **options: Any) -> RedisStore:
    """The store at `url`; `options` are RedisStore's, which may also stand in the URL's query.

    ``redis://localhost:6379/0?claims=shop.models:STORED&on_new=insert``; the rest is for redis-py.
    """
    readers: dict[str, Callable[[str], object]] = {
        "claims": import_dotted,
        "key": str,
        "by_content": lambda text: {"0": False, "1": True}[text],
        "prefix": str,
        "on_new": str,
        "expire": float,
    }
    rest = take_options(url, readers, options)
    if "claims" not in options:
        raise StoreError(
            "which objects live in Redis? Say claims=module:NAME in the URL, of a dict name → class"
        )
    store = RedisStore(redis.Redis.from_url(rest), **options)
    store.opened = True
    return store
