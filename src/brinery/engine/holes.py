"""What a walk for persistent IDs puts where an object would be, and which IDs can be told despite that."""

from __future__ import annotations

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

__all__ = ["HOLE", "is_literal", "is_whole"]


class _Hole:
    """Stands where an object would be. None would not do, as an ID may hold a None that is meant."""

    __slots__ = ()


HOLE: Final = _Hole()

_LEAVES = frozenset((str, int, bytes))
# So many parts of one ID are looked at for holes. An ID with more is left to be resolved by itself.
_MAX_PARTS = 100


def is_literal(obj: object) -> bool:
    """Whether `obj` is made of nothing but what most IDs are: text, bytes, a number, a tuple of these."""
    if type(obj) is tuple:
        return len(obj) <= _MAX_PARTS and all(type(part) in (int, str, bytes) for part in obj)
    return type(obj) in (int, str, bytes)


def is_whole(pid: object) -> bool:
    """Whether there is no hole in `pid`, and it is small enough to tell."""
    # Most are a name and a key, which is a leaf or a tuple of a few.
    if type(pid) is tuple and len(pid) == 2 and type(pid[0]) is str:
        key = pid[1]
        if type(key) in _LEAVES or (
            type(key) is tuple and _LEAVES.issuperset(map(type, key)) and len(key) < _MAX_PARTS
        ):
            return True
    parts = [pid]
    for count, part in enumerate(parts):  # grows while it is walked
        if part is HOLE or count >= _MAX_PARTS:
            return False
        if isinstance(part, (tuple, list)):
            parts += part[:_MAX_PARTS]
    return True
