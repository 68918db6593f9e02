"""The pickle machine: what one reading knows at any moment, and the loop that runs it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from brinery.engine.construction import NAMED, names_of
from brinery.engine.explaining import SAMPLE, no_persistent_load, on_reading
from brinery.engine.globals import find_global
from brinery.engine.python.reading.dispatch import ARGUMENT_SIZE
from brinery.engine.shaping import Shaping, may_be_shaped
from brinery.errors import ReadError, locate_reading
from brinery.stream.memo import Memo
from brinery.stream.opcodes import BY_CODE
from brinery.stream.text import decode_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brinery.engine.python.reading.dispatch import Handler
    from brinery.engine.python.reading.sources import FileSource
    from brinery.plan import ReadPlan

__all__ = ["Machine"]

#: The largest argument of fixed size. An opcode that begins further than this (and its own byte) before
#: the end of a window lies in it as a whole.
_LARGEST_FIXED = max(ARGUMENT_SIZE)


class Machine:
    """The state of one reading, and, between the loads of one Unpickler, what lives on: memo and window.

    The stream
        data        the window: bytes of the stream. A reading begins at its first
        limit       where they end: the end of the frame, else that of the window
        safe        an opcode that begins before this offset lies in the window with its argument
        in_frame    whether `limit` is the end of a frame
        source      where more comes from; None where the window is all there is
        base        how many bytes the reading took before the window began
        beyond      and how many behind its end, in an argument that no window held

    The stack
        stack       the objects above the last MARK. Nothing can be popped from below it
        outer       the stacks below it, one for each MARK

    What has changed
        shaping     what was met of changed shapes and of Python 2's text; None before the first

    What comes from outside
        find_class, persistent_load
                    what a subclass or an instance put in place of the engine's own; else None.
                    A list as `persistent_load` collects the persistent IDs
    """

    __slots__ = (
        "base",
        "beginning",
        "beyond",
        "buffers",
        "data",
        "encoding",
        "errors",
        "find_class",
        "fix_imports",
        "hole",
        "in_frame",
        "limit",
        "memo",
        "met_at",
        "outer",
        "persistent_load",
        "plan",
        "protocol",
        "result",
        "safe",
        "shaping",
        "source",
        "stack",
        "stopped",
    )

    def __init__(
        self,
        data: bytes,
        source: FileSource | None,
        plan: ReadPlan,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterator[object] | None = None,
    ) -> None:
        self.data = data
        self.source = source
        self.in_frame = False
        self.limit = len(data)
        self.beginning = b""
        self.memo = Memo()
        self.plan = plan
        self.fix_imports = fix_imports
        self.encoding = encoding
        self.errors = errors
        self.buffers = buffers
        self.find_class: Callable[[str, str], object] | None = None
        self.persistent_load: Callable[[object], object] | list[object] | None = None
        self.protocol = 0
        self.shaping: Shaping | None = None
        #: Where the opcode of the persistent ID is that is being looked for.
        self.met_at = 0
        #: What ``noload()`` puts where an object would be.
        self.hole: object = None

    def run(self, handlers: list[Handler]) -> object:
        """Run opcodes up to and including STOP, and give the object that it leaves.

        Raises EOFError where the stream ends between opcodes, UnpicklingError where it is not
        well-formed, and whatever the code that it calls raises.
        """
        pos = 0
        self.base = 0
        self.beyond = 0
        self.safe = self.limit - _LARGEST_FIXED
        self.stack: list[object] = []
        self.outer: list[list[object]] = []
        self.protocol = 0
        self.stopped = False
        self.result: object = None
        self.beginning = b""
        try:
            while True:
                while pos < self.safe:
                    pos = handlers[self.data[pos]](self, pos + 1)
                if self.stopped:
                    break
                pos = self.approach(pos)
                pos = handlers[self.data[pos]](self, pos + 1)
            self._leave(pos)
            if self.shaping is not None:
                self.result = self.shaping.finish(self.result)
            return self.result
        except Exception as failure:
            refused = None if self.shaping is None else self.shaping.refused()
            with suppress(Exception):  # where it happened must never hide what happened
                self._locate(failure if refused is None else refused, pos)
            # The next load goes on behind the opcode that failed, as in C pickle, lest a program that
            # skips over errors meet the same one for ever.
            with suppress(Exception):
                self._leave(min(pos + 1, self.limit))
            if refused is not None and refused is not failure:
                raise refused from None  # it came first
            raise
        finally:
            self.result = None
            self.stack = []
            self.outer = []

    # The stream

    def approach(self, pos: int) -> int:
        """See to it that an opcode and the fixed part of its argument lie in the window; where it then is."""
        if pos == self.limit and self.in_frame:
            self.in_frame = False
            self.limit = len(self.data)
        if pos == self.limit:
            data = b"" if self.source is None else self.source.window()
            if not data:
                raise EOFError("Ran out of input")
            self._move(pos, data)
            pos = 0
        size = 1 + ARGUMENT_SIZE[self.data[pos]]
        if pos + size > self.limit:
            if self.in_frame or self.source is None:
                self.truncated()
            self._move(pos, self.source.read(pos + size - self.limit, self.data[pos:]))
            pos = 0
        self.safe = self.limit - _LARGEST_FIXED
        return pos

    def take(self, pos: int, size: int) -> tuple[bytes, int]:
        """`size` bytes of an argument from `pos` on, and the offset behind them."""
        end = pos + size
        if end <= self.limit:
            return self.data[pos:end], end
        if self.in_frame or self.source is None:
            self.truncated()
        self.beyond += end - self.limit
        return self.source.read(end - self.limit, self.data[pos:]), self.limit

    def take_bytes(self, pos: int, size: int) -> tuple[bytes, int]:
        """take() for bytes. Where no byte is left and no file to ask, C pickle does not even read none."""
        if not size and pos == len(self.data) and self.source is None:
            self.truncated()
        return self.take(pos, size)

    def take_bytearray(self, pos: int, size: int) -> tuple[bytearray, int]:
        """The same as a bytearray."""
        end = pos + size
        if end <= self.limit or self.in_frame or self.source is None:
            data, end = self.take_bytes(pos, size)
            return bytearray(data), end
        self.beyond += end - self.limit
        return self.source.read_bytearray(end - self.limit, self.data[pos:]), self.limit

    def line(self, pos: int) -> tuple[bytes, int]:
        """The line from `pos` on without its newline, and the offset behind that."""
        end = self.data.find(b"\n", pos, self.limit)
        if end >= 0:
            return self.data[pos:end], end + 1
        if self.in_frame or self.source is None:
            self.truncated()
        line = self.source.readline(self.data[pos:])
        self.beyond += len(line) + 1 - (self.limit - pos)
        return line, self.limit

    def check_nested(self, pos: int) -> None:
        """Refuse a frame that would begin at `pos`, inside another."""
        if self.in_frame and pos < self.limit:
            raise ReadError("a frame begins before the end of the one around it")

    def enter_frame(self, pos: int, size: int) -> int:
        """Begin a frame of `size` bytes at `pos`; where that lies, as the window may have moved."""
        self.check_nested(pos)
        end = pos + size
        if end > len(self.data):
            if self.source is None:
                self.truncated()
            self._move(pos, self.source.read(end - len(self.data), self.data[pos:]))
            pos, end = 0, size
        self.in_frame = True
        self.limit = end
        self.safe = end - _LARGEST_FIXED
        self.stand(end)
        return pos

    def stand(self, pos: int) -> None:
        """User code is about to be called: a file in memory is to stand at `pos`, and is asked anew there.

        A file that cannot peek is read by C pickle to the end of a frame, or opcode by opcode where there are
        none, and user code may read on from there. A file in memory is such a file, only looked into here.
        """
        if self.source is not None and self.source.in_memory and self.source.peeked:
            self.source.skip(pos)
            if not self.base:
                self.beginning = self.data[:SAMPLE]  # an error behind it is still told by all that is there
            self.data = self.data[:pos]
            self.limit = pos
            self.safe = pos - _LARGEST_FIXED

    def truncated(self) -> NoReturn:
        """Raise for an argument that is not all there."""
        if self.in_frame and (self.source is not None or self.limit < len(self.data)):
            raise ReadError("pickle exhausted before end of frame")
        raise ReadError("pickle data was truncated")

    def _move(self, pos: int, data: bytes) -> None:
        self.base += pos + self.beyond
        self.beyond = 0
        self.data = data
        self.limit = len(data)

    def _leave(self, pos: int) -> None:
        # What the file only showed is taken from it; what a frame holds behind STOP stays for the next load.
        if self.source is not None:
            shown = self.source.peeked
            self.data = b"" if shown or self.beyond else self.data[pos:]
            self.limit = len(self.data)
            self.in_frame = False
            self.source.skip(pos if shown else 0)

    # The stack

    def pop_mark(self) -> list[object]:
        """The objects above the last MARK, as a list of the caller's own; the stack below comes back.

        Raises UnpicklingError where there is no MARK.
        """
        if not self.outer:
            raise ReadError("could not find MARK")
        items = self.stack
        self.stack = self.outer.pop()
        return items

    def underflow(self) -> ReadError:
        """What to raise where an opcode needs more objects than the stack holds above the last MARK."""
        return ReadError("unexpected MARK found" if self.outer else "unpickling stack underflow")

    # The world outside

    def find_global(self, module: str, qualname: str) -> object:
        """The global of that name, by the engine's own rules or those of an overridden ``find_class``."""
        if self.find_class is None:
            return self.find_own(module, qualname)
        return self.find_class(module, qualname)

    def find_own(self, module: str, qualname: str) -> object:
        """The global of that name by the engine's own rules. What is declared of its shape counts from here
        on."""
        plan = self.plan
        shaping = self.shaping
        if shaping is None and may_be_shaped(plan):
            shaping = Shaping(plan.shapes, self.encoding, self.errors)
        found = find_global(module, qualname, self.protocol, self.fix_imports, plan, shaping)
        if shaping is not None and shaping.known:
            self.shaping = shaping
        return found

    def old_string(self, data: bytes, pos: int, opcode: str) -> object:
        """A str of Python 2 as this load wants it. Its opcode lies just before `pos`."""
        shapes = self.plan.shapes
        if shapes is None or not shapes.has_text:
            return decode_string(data, self.encoding, self.errors)
        if self.shaping is None:
            self.shaping = Shaping(shapes, self.encoding, self.errors)
        return self.shaping.read(data, self.base + pos - 1, opcode)

    def find_persistent(self, pid: object, pos: int) -> object:
        """The object of that persistent ID, whose opcode lies just before `pos`."""
        self.met_at = self.base + pos - 1
        if self.persistent_load is None:
            raise no_persistent_load(pid)
        if isinstance(self.persistent_load, list):
            self.persistent_load.append(pid)
            return pid
        return self.persistent_load(pid)

    # Errors

    def _locate(self, failure: Exception, pos: int) -> None:
        code = BY_CODE.get(self.data[pos]) if pos < self.limit else None
        opcode, offset = code.name if code else "", self.base + pos
        place = None if self.shaping is None else self.shaping.place_of(failure)
        if place is not None:
            offset, opcode = place
        # What was being built when such a str was met, nobody knows any more.
        locate_reading(failure, offset, opcode, self._under_construction() if place is None else [])
        beginning = self.beginning or (b"" if self.base else self._sample(0, SAMPLE))
        left = len(self.data) - pos if self.source is None else None
        on_reading(failure, opcode, offset, beginning, self._sample(pos, pos + 9), left)

    def _sample(self, begin: int, end: int) -> bytes:
        return self.data[begin:end]

    def _under_construction(self) -> list[str]:
        return names_of(level[-1] for level in [*self.outer[-NAMED:], self.stack] if level)
