"""From a place in a stream to the object that stands there, on the writing side."""

from __future__ import annotations

from io import BytesIO
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.disassembly.machine import Machine
from brinery.disassembly.scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Place", "objects_at", "path_to"]

_STORES = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")


def objects_at(
    pickler_class: type[Any], obj: object, protocol: int, fix_imports: bool, offset: int
) -> list[object]:
    """The object that the opcode at `offset` of the pickle of `obj` makes or changes, then those around it.

    They are found by the memo: the writer's knows the object of each index, the stream each object's index.
    """
    file = BytesIO()
    pickler = pickler_class(file, protocol, fix_imports)
    pickler.dump(obj)
    by_index = dict(pickler.memo.copy().values())
    return [by_index[index] for index in _memo_indices(file.getvalue(), offset) if index in by_index]


def _memo_indices(data: bytes, offset: int) -> Iterator[int]:
    """The memo indices of these objects: what is made is memoized by the next opcode."""
    machine = Machine(0)
    around: list[int] | None = None
    for token in Scanner(BytesIO(data)).scan():
        if around is None and token.offset >= offset:
            around = machine.memoized(token.opcode)
            machine.step(token)
        elif around is None:
            machine.step(token)
        else:
            memo = machine.step(token).memo
            if token.opcode.name in _STORES and memo is not None:
                yield memo
            yield from around
            return


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
