"""The memo of a reader: objects that later opcodes name by their index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_INDEX", "Memo"]

#: LONG_BINPUT reaches this far. The text form could write more, which nothing ever does.
MAX_INDEX = 2**32


class Memo:
    """Objects by index. Writers count from 0 upwards, so almost always a plain list holds them.

    dense    the objects of the indices 0, 1, 2, … without a gap
    sparse   the objects behind a gap: memory is used for what is there, never for what an index promises
    """

    __slots__ = ("dense", "sparse")

    def __init__(self) -> None:
        self.dense: list[object] = []
        self.sparse: dict[int, object] = {}

    def __len__(self) -> int:
        """How many objects there are, which is the index that MEMOIZE gives to the next."""
        return len(self.dense) + len(self.sparse)

    def put(self, index: int, obj: object) -> None:
        """Keep `obj` under `index`. Raises UnpicklingError where the index is too large to be meant."""
        count = len(self.dense)
        if index < count:
            self.dense[index] = obj
        elif index == count:
            self.sparse.pop(index, None)
            self.dense.append(obj)
        elif index <= MAX_INDEX:
            self.sparse[index] = obj
        else:
            raise ReadError(f"memo index {index} is over the limit of 2**32")

    def get(self, index: int) -> object:
        """The object under `index`. Raises UnpicklingError where there is none."""
        if 0 <= index < len(self.dense):
            return self.dense[index]
        try:
            return self.sparse[index]
        except KeyError:
            raise ReadError(f"Memo value not found at index {index}") from None

    def items(self) -> Iterator[tuple[int, object]]:
        """All pairs of index and object."""
        yield from enumerate(self.dense)
        yield from self.sparse.items()
