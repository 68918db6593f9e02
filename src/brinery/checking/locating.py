"""From a place in a stream to the object that stands there, on the writing side."""

from __future__ import annotations

from io import BytesIO
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.stream.feeds import BytesFeed
from brinery.stream.opcodes import BY_NAME
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Keeper, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Place", "objects_at", "path_to"]

_STOP = BY_NAME["STOP"].code[0]


def objects_at(
    pickler_class: type[Any],
    obj: object,
    protocol: int,
    fix_imports: bool,
    where: Callable[[bytes, bool], int | None],
) -> list[object]:
    """The object that an opcode of the pickle of `obj` makes or changes, then those around it.

    `where` is given the pickle, and `fix_imports`, and gives the opcode's offset; None: there is none.

    They are found by the memo: the writer's knows the object of each index, the stream each object's index.
    """
    file = BytesIO()
    pickler = pickler_class(file, protocol, fix_imports)
    pickler.dump(obj)
    offset = where(file.getvalue(), fix_imports)
    if offset is None:
        return []
    by_index = dict(pickler.memo.copy().values())
    return [by_index[index] for index in _memo_indices(file.getvalue(), offset) if index in by_index]


def _memo_indices(data: bytes, offset: int) -> list[int]:
    """The memo indices of these objects: what is made is memoized by the next opcode."""
    scanner = Scanner(BytesFeed(data))
    walk = Walk(scanner, _Places())
    while True:
        walk.step()
        if scanner.start >= offset:
            break
    around = walk.stack[::-1]
    if scanner.code != _STOP:
        walk.step()
    return [place[0] for place in around if place]


class _Places(Keeper):
    """Symbols that hold the memo index of their object, once it has one."""

    bounded = False  # what was just written

    def constant(self, walk: Walk, code: int) -> list[int]:
        return []

    def make(self, walk: Walk, code: int, first: int) -> list[int]:
        return []

    def call(self, walk: Walk, code: int, function: Any, first: int) -> list[int]:
        return []

    def name(self, walk: Walk, module: str, qualname: str) -> list[int]:
        return []

    def extension(self, walk: Walk, number: int) -> list[int]:
        return []

    def persistent(self, walk: Walk, code: int, first: int) -> list[int]:
        return []

    def store(self, walk: Walk, index: int, symbol: list[int]) -> list[int]:
        symbol[:1] = [index]
        return symbol


class _Here(Exception):
    """Raised where an object is met, for the path that the engine adds to it."""

    pickle_path: str
    pickle_type: str


class Place(NamedTuple):
    """The path to an object, and its type's name; not `exact`: that object is a part of it."""

    path: str
    type_name: str
    exact: bool


def path_to(pickler_class: type[Any], obj: object, targets: Sequence[object]) -> Place | None:
    """The place of the first of `targets` that is met from `obj`; None: none is.

    What a reduction makes anew each time is not met again; what it is a part of, is.
    """

    def look_for(target: object) -> type[Any]:
        def persistent_id(self: object, met: object) -> None:
            if met is target:
                raise _Here

        return type("Pickler", (pickler_class,), {"persistent_id": persistent_id})

    for number, target in enumerate(targets):
        if number and isinstance(target, (str, bytes, type, FunctionType)):
            continue  # nothing is a part of these
        try:
            look_for(target)(BytesIO(), 4).dump(obj)
        except _Here as here:
            return Place(here.pickle_path, here.pickle_type, not number)
        except Exception:  # it was written a moment ago, and is not now
            return None
    return None
