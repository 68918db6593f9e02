"""Which rows streams refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery import engine
from brinery.errors import StoreError
from brinery.persistent_ids import read_key, store_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from brinery.persistence.sqlite.cells import Address

__all__ = ["addresses_in"]


def addresses_in(streams: Iterable[bytes], name: str) -> Iterator[Address]:
    """The addresses that pickles name in the store bound as `name`. Nothing is built or imported.

    Raises what reading a malformed stream raises: a row must not be taken for unreferenced for that.
    """
    import io

    unpickler: Any = engine.choose().Unpickler
    for stream in streams:
        ids: list[Any] = []
        reading = unpickler(io.BytesIO(stream))
        reading.persistent_load = ids
        reading.noload()
        for pid in ids:
            if store_name(pid) == name:
                key = read_key(pid)
                if type(key) is not tuple or len(key) != 2 or type(key[0]) is not str:
                    raise StoreError(f"{key!r} is no key of an SqliteStore")
                yield key[0], key[1]
