"""Walking a tuple before it is hashed.

``hash()`` of a tuple calls itself for every tuple inside, without any check of depth, and before
Python 3.14 it hashes a tuple again at every place where it is used. So a stream of a megabyte can end the
process by a key a million tuples deep, and one of two hundred bytes can keep it busy for centuries by
``t = (t, t)`` sixty times over. All other hashing is either flat (a frozenset keeps its items'
hashes) or done by Python code, whose depth the interpreter watches.
"""

from __future__ import annotations

from brinery.errors import ReadError
from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_DEPTH", "check_call", "check_hashable", "check_key"]

#: Tuples in tuples that may be hashed. A level of hash() takes less than 200 bytes of a thread's stack.
MAX_DEPTH = 500

#: Hashing may visit this many times the items that are there, as repeated tuples are hashed each time …
_REPEATS = 64
#: … and any tuple may cost this many visits.
_FREE = 1 << 16

#: Types whose hash needs no look; membership is one look-up for almost every key there is.
_FLAT = frozenset({str, int, bytes, float, bool, type(None), frozenset, complex, type})

_hash_of_tuples = tuple.__hash__


def check_hashable(keys: Iterable[object]) -> None:
    """Make sure that hashing each of `keys` neither ends the process nor hangs it (see :func:`check_key`)."""
    if not _FLAT.issuperset(map(type, keys)):
        for key in keys:
            check_key(key)


def check_key(key: object) -> None:
    """Make sure that hashing `key` neither ends the process nor hangs it.

    Whether it can be hashed at all is not looked at. Raises RecursionError where tuples are nested
    more than :data:`MAX_DEPTH` deep, and UnpicklingError where shared tuples multiply the work.
    """
    if isinstance(key, tuple) and not _FLAT.issuperset(map(type, key)):
        _walk(key)


def check_call(function: object, args: tuple[object, ...]) -> None:
    """The same for what ``function(*args)`` will hash: protocols 0 to 3 write sets as calls of their type."""
    if function is set or function is frozenset or function is dict:
        for argument in args:
            if type(argument) in (list, tuple):
                check_hashable(argument)  # type: ignore[arg-type]


def _walk(root: tuple[object, ...]) -> None:
    # Post-order over the distinct tuples: how deep each is, and how many items hash() visits in it.
    # Identities are safe as names, because root holds everything that is met.
    depths: dict[int, int] = {}
    visits: dict[int, int] = {}
    items = 0
    open_tuples = [(root, iter(root))]
    while open_tuples:
        current, rest = open_tuples[-1]
        for item in rest:
            if (
                type(item) not in _FLAT
                and isinstance(item, tuple)
                and type(item).__hash__ is _hash_of_tuples
                and id(item) not in depths
            ):
                if len(open_tuples) >= MAX_DEPTH:  # already: no need to see the bottom
                    raise RecursionError(
                        f"a key of tuples nested more than {MAX_DEPTH} deep cannot be hashed"
                    )
                open_tuples.append((item, iter(item)))
                break
        else:
            inner = [id(item) for item in current if isinstance(item, tuple) and id(item) in depths]
            depths[id(current)] = depth = 1 + max(map(depths.__getitem__, inner), default=0)
            visits[id(current)] = len(current) + sum(map(visits.__getitem__, inner))
            items += len(current)
            open_tuples.pop()
            if depth > MAX_DEPTH:
                raise RecursionError(f"a key of tuples nested more than {MAX_DEPTH} deep cannot be hashed")
    if visits[id(root)] > _FREE + _REPEATS * items:
        raise ReadError(
            f"hashing this key of {items} items would visit {visits[id(root)]}, as it repeats its own tuples"
        )
