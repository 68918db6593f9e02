"""The stream itself: its protocol, its frames, its end, and the buffers that travel beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.cpython import NESTED_FRAMES_FIRST
from brinery.engine.python.reading.dispatch import Handlers
from brinery.engine.python.reading.scalars import size8
from brinery.errors import ReadError
from brinery.stream.opcodes import HIGHEST_PROTOCOL

if TYPE_CHECKING:
    from brinery.engine.python.reading.machine import Machine

__all__ = ["handles"]

handles = Handlers()


@handles("PROTO")
def proto(machine: Machine, pos: int) -> int:
    protocol = machine.data[pos]
    if protocol > HIGHEST_PROTOCOL:
        raise ValueError(f"unsupported pickle protocol: {protocol}")
    machine.protocol = protocol
    return pos + 1


@handles("FRAME")
def frame(machine: Machine, pos: int) -> int:
    if NESTED_FRAMES_FIRST:
        machine.check_nested(pos + 8)
    return machine.enter_frame(pos + 8, size8(machine, pos, "FRAME"))


@handles("STOP")
def stop(machine: Machine, pos: int) -> int:
    if not machine.stack:
        raise machine.underflow()
    machine.result = machine.stack[-1]
    machine.stopped = True
    machine.safe = -1  # no opcode begins there: the loop ends
    return pos


# Out-of-band buffers (PEP 574)


@handles("NEXT_BUFFER")
def next_buffer(machine: Machine, pos: int) -> int:
    if machine.buffers is None:
        raise ReadError("pickle stream refers to out-of-band data but no *buffers* argument was given")
    for buffer in machine.buffers:
        machine.stack.append(buffer)
        return pos
    raise ReadError("not enough out-of-band buffers")


@handles("READONLY_BUFFER")
def readonly_buffer(machine: Machine, pos: int) -> int:
    if not machine.stack:
        raise machine.underflow()
    view = memoryview(machine.stack[-1])  # type: ignore[arg-type]
    if not view.readonly:
        machine.stack[-1] = view.toreadonly()
    return pos
