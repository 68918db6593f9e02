"""The memo: which objects the stream holds already, and under which index."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from brinery.stream.opcodes import codes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Memo", "get_opcode", "put_opcode"]

PUT, BINPUT, LONG_BINPUT, MEMOIZE = codes("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
GET, BINGET, LONG_BINGET = codes("GET", "BINGET", "LONG_BINGET")

_pack_index1 = Struct("<cB").pack
_pack_index4 = Struct("<cI").pack


def put_opcode(index: int, protocol: int) -> bytes:
    """What puts the topmost object into the reader's memo."""
    if protocol >= 4:
        return MEMOIZE
    if protocol == 0:
        return b"%b%d\n" % (PUT, index)
    return _pack_index1(BINPUT, index) if index <= 0xFF else _pack_index4(LONG_BINPUT, index)


def get_opcode(index: int, protocol: int) -> bytes:
    """What gets an object out of the reader's memo."""
    if protocol == 0:
        return b"%b%d\n" % (GET, index)
    return _pack_index1(BINGET, index) if index <= 0xFF else _pack_index4(LONG_BINGET, index)


class Memo:
    """Indexes by object identity. The objects are kept alive, so that no other can get an identity in use.

    Two plain containers rather than one of pairs: every pair would be one more object for the garbage
    collector to visit.
    """

    __slots__ = ("indexes", "objects")

    def __init__(self) -> None:
        self.indexes: dict[int, int] = {}
        self.objects: list[object] = []

    def state(self) -> tuple[int, int]:
        """What :meth:`restore` needs to forget all that is added from now on."""
        return len(self.indexes), len(self.objects)

    def restore(self, state: tuple[int, int]) -> None:
        indexes, objects = state
        while len(self.indexes) > indexes:
            self.indexes.popitem()
        del self.objects[objects:]

    def copy(self) -> dict[int, tuple[int, object]]:
        """``{id: (index, object)}``, the shape that C pickle's memo has."""
        return {id(obj): (self.indexes[id(obj)], obj) for obj in self.objects}

    @classmethod
    def of(cls, entries: Mapping[int, tuple[int, object]]) -> Memo:
        """The reverse of :meth:`copy`. Raises TypeError for entries of another shape."""
        memo = cls()
        for entry in entries.values():
            if not isinstance(entry, tuple) or len(entry) != 2:
                raise TypeError("'memo' values must be 2-item tuples of index and object")
            index, obj = entry
            if not isinstance(index, int):
                raise TypeError(f"a memo index must be an integer, not {type(index).__name__}")
            memo.indexes[id(obj)] = index
            memo.objects.append(obj)
        return memo
