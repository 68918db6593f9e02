"""What was being written when it failed, told by the levels of a Writer's one loop.

A level's steps are a suspended generator. Which reduction it writes, and how far it is, stands in its
local variables and nowhere else: a dump that succeeds pays nothing for it.
"""

from __future__ import annotations

from itertools import pairwise
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from brinery.engine.levels import KEY, PID, Item, Value, shorten
from brinery.engine.reductions import Reduction
from brinery.stream.opcodes import BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from brinery.engine.python.writing.writer import Level

__all__ = ["NO_PART", "chain_of"]

#: Stands for the part that failed, where it was none.
NO_PART: Any = object()


def chain_of(exc: BaseException, levels: list[Level], failed: object) -> list[object]:
    """The chain (:mod:`brinery.engine.levels`) of `levels`, with `failed`, a part of the last, at its end."""
    chain: list[object] = []
    kept: list[Any] = [*shorten(levels), (failed,)]
    for level, following in pairwise(kept):
        if not isinstance(level, tuple):
            chain.append(level)
            continue
        owner, steps, parts = level
        part = following[0] if isinstance(following, tuple) else NO_PART
        chain.append(owner)
        # Steps that failed themselves have left their frames in the traceback.
        frames = list(_frames(steps)) or list(_frames_of(exc))
        for frame in frames:
            chain += _written_as(frame)
        if part is not NO_PART:
            chain += _place(owner, parts, part, frames)
    return chain if failed is NO_PART else [*chain, failed]


def _frames(steps: object) -> Iterator[FrameType]:
    while isinstance(steps, GeneratorType) and steps.gi_frame is not None:
        yield steps.gi_frame
        steps = steps.gi_yieldfrom


def _frames_of(exc: BaseException) -> Iterator[FrameType]:
    trace = exc.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__package__") == __package__:
            yield trace.tb_frame
        trace = trace.tb_next


def _written_as(frame: FrameType) -> Iterator[object]:
    if frame.f_code.co_name == "_write_persistent_id":
        yield PID
        yield frame.f_locals["pid"]
    elif frame.f_code.co_name == "write_reduction":
        # What is no reduction, and was refused for that, is at fault as one.
        yield frame.f_locals.get("reduction", Reduction(type, ()))


def _place(
    owner: object, parts: Iterator[object], part: object, frames: list[FrameType]
) -> Iterator[Item | Value | object]:
    """Where in `owner` its `part` is, as far as only a place tells it."""
    for frame in frames:
        written = frame.f_locals
        match frame.f_code.co_name:
            case "write_list":
                yield Item(written["items"].__reduce__()[2] - 1 if "items" in written else 0)
            case "append_items":
                given: int = written["numbered"].__reduce__()[1][1]
                # The second of a batch is asked for before the first is written.
                ahead = given % BATCH == 2 and part is written.get("first")
                yield Item(given - 1 - ahead)
            case "set_pairs":
                key, value = written["first"]
                if part is not key and part is not value:
                    key, value = written["pairs"].last
                yield KEY if part is key else Value(key)
            case "write_tuple":
                yield Item(parts.__reduce__()[2] - 1)  # type: ignore[operator]
