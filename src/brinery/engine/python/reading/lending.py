"""Reading memory that is lent: a bytearray, an mmap, an array.

C pickle reads such memory where it is. So user code in the middle of a load may write into it, and what it
writes is read from there on; but nobody can resize it before the load is over. All that a load hands out is
bytes of its own.
"""

from __future__ import annotations

from brinery.engine.python.reading import containers, objects, scalars, stack, stream
from brinery.engine.python.reading.dispatch import Handlers, dispatch_table
from brinery.engine.python.reading.machine import Machine

__all__ = ["LOAD_LENT", "LentMachine"]

# So much is looked at first to find the end of a line; a longer one is looked through in steps that double.
_LINE = 128


class LentMachine(Machine):
    """A machine whose window is a memoryview of bytes, and all that there is to read."""

    __slots__ = ()

    def take(self, pos: int, size: int) -> tuple[bytes, int]:
        """`size` bytes of an argument from `pos` on, and the offset behind them."""
        end = pos + size
        if end > self.limit:
            self.truncated()
        return bytes(self.data[pos:end]), end

    def line(self, pos: int) -> tuple[bytes, int]:
        """The line from `pos` on without its newline, and the offset behind that."""
        step = _LINE
        while True:
            line = bytes(self.data[pos : min(pos + step, self.limit)])
            length = line.find(b"\n")
            if length >= 0:
                return line[:length], pos + length + 1
            if pos + step >= self.limit:
                self.truncated()
            step *= 2

    def _sample(self, begin: int, end: int) -> bytes:
        return bytes(self.data[begin:end])


# The handlers that look into the window themselves, for speed.
_handles = Handlers()


@_handles("SHORT_BINUNICODE")
def _short_binunicode(machine: Machine, pos: int) -> int:
    text, end = machine.take(pos + 1, machine.data[pos])
    machine.stack.append(text.decode("utf-8", "surrogatepass"))
    return end


@_handles("BINUNICODE")
def _binunicode(machine: Machine, pos: int) -> int:
    text, end = machine.take(pos + 4, int.from_bytes(machine.data[pos : pos + 4], "little"))
    machine.stack.append(text.decode("utf-8", "surrogatepass"))
    return end


@_handles("SHORT_BINBYTES")
def _short_binbytes(machine: Machine, pos: int) -> int:
    data, end = machine.take_bytes(pos + 1, machine.data[pos])
    machine.stack.append(data)
    return end


LOAD_LENT = dispatch_table(
    *(scalars.handles, containers.handles, stack.handles, stream.handles, objects.handles), _handles
)
