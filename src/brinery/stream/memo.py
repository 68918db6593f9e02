# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""The memo of a reader or a walk: what later opcodes name by an index.

This file is also compiled, with the types in ``memo.pxd``.
"""

from __future__ import annotations

from brinery.errors import ReadError
from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["Memo"]


class Memo:
    """Objects, or their symbols, by index. Writers count from 0 upwards: almost always a list holds them.

    dense    what has the indices 0, 1, 2, … without a gap
    sparse   what lies behind a gap: memory is used for what is there, never for what an index promises
    """

    __slots__ = ("dense", "sparse")

    def __init__(self) -> None:
        self.dense: list[Any] = []
        self.sparse: dict[int, Any] = {}

    def __len__(self) -> int:
        """How many there are, which is the index that MEMOIZE gives to the next."""
        return self.count()

    def count(self) -> int:
        """The same. (Where this is compiled, a method of its own is the faster one.)"""
        return len(self.dense) + len(self.sparse)

    def put(self, index: int, obj: Any) -> None:
        """Keep `obj` under `index`, which is 0 or more and fits into 64 bits with its sign."""
        dense = self.dense
        count = len(dense)
        if index == count:
            if self.sparse:
                self.sparse.pop(index, None)
            dense.append(obj)
        elif index < count:
            dense[index] = obj
        else:
            self.sparse[index] = obj

    def has(self, index: int) -> bool:
        """Whether something is kept under `index`."""
        return 0 <= index < len(self.dense) or index in self.sparse

    def get(self, index: int) -> Any:
        """What is kept under `index`. Raises UnpicklingError where there is nothing."""
        if 0 <= index < len(self.dense):
            return self.dense[index]
        try:
            return self.sparse[index]
        except KeyError:
            raise ReadError(f"Memo value not found at index {index}") from None

    def items(self) -> Iterator[tuple[int, Any]]:
        """All pairs of index and object."""
        return iter([*enumerate(self.dense), *self.sparse.items()])
