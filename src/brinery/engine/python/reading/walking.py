"""Walking a stream without building it: for ``noload()``, and for its persistent IDs before it is read.

The symbolic machine is :mod:`brinery.stream.walk`; here is how it reads what a load reads, exactly as
far as a load reads it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from brinery.engine.holes import HOLE, is_literal, is_whole
from brinery.engine.python.reading.literals import Literals
from brinery.engine.python.reading.machine import Machine
from brinery.errors import locate_reading
from brinery.stream.memo import Memo
from brinery.stream.opcodes import codes
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk

if TYPE_CHECKING:
    from brinery.engine.python.reading.sources import FileSource
    from brinery.plan import ReadPlan

__all__ = ["Walker", "may_refer", "walk"]

_REFERRING = codes("PERSID", "BINPERSID")


def may_refer(data: bytes) -> bool:
    """Whether a byte of `data` could be the opcode of a persistent ID: most small pickles have none."""
    return any(opcode in data for opcode in _REFERRING)


class _MachineFeed:
    """What a machine has left in its window, and behind that its source: nothing behind STOP is taken."""

    exact = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._left = machine.data
        machine.data = b""

    def more(self, wanted: int, /) -> bytes:
        """As a load would ask for it: a window between opcodes, the rest of a line, or so many bytes."""
        if self._left:
            data, self._left = self._left, b""
            return data
        source = self._machine.source
        if source is None:
            return b""
        if wanted > 0:
            return source.read(wanted)
        return source.window() if wanted == 0 else source.readline() + b"\n"

    def leave(self, rest: bytes) -> None:
        """Stand behind what was used; `rest` is what was not. A frame's stays for the next load."""
        machine = self._machine
        source = machine.source
        shown = source.peeked if source is not None else 0
        machine.data = b"" if shown or source is None else rest + self._left
        machine.limit = len(machine.data)
        machine.in_frame = False
        if source is not None:
            source.skip(shown - len(rest) if shown else 0)


def walk(machine: Machine) -> object:
    """Walk one pickle with the machine's stream, memo and callbacks; the object, as far as it is literals.

    Raises as :meth:`Machine.run` does.
    """
    machine.base = 0  # the scanner tells offsets from where the walk begins
    feed = _MachineFeed(machine)
    scanner = Scanner(feed, whole=True)
    walking = Walk(scanner, Literals(machine), machine.memo)
    try:
        result = walking.run()
        feed.leave(scanner.rest())
        return result
    except Exception as failure:
        locate_reading(failure, scanner.start, scanner.name, walking.building())
        # The next load goes on behind the opcode that failed, as in C pickle.
        with suppress(Exception):
            feed.leave(scanner.rest(failed=True))
        raise


class Walker:
    """Walks one pickle after the other with a memo of its own, as an Unpickler's loads share theirs."""

    def __init__(self, plan: ReadPlan) -> None:
        self._machine = Machine(b"", None, plan, encoding="latin-1")
        self._machine.hole = HOLE
        self._machine.persistent_load = self._collect
        self._ids: list[object] = []
        self._offsets: list[int] = []

    def ids_of(self, data: bytes, source: FileSource | None) -> tuple[list[object], list[int]]:
        """All persistent IDs of one pickle, in order, from the bytes of `data` or, behind them, of `source`.

        With them come the offsets of their opcodes. An ID that holds an object, which only the load can
        build, is left out. Where the stream is malformed, the IDs up to there are returned: the load will
        meet the same place and say so.
        """
        machine = self._machine
        machine.data, machine.source = data, source
        with suppress(Exception):
            walk(machine)
        found = self._ids, self._offsets
        self._ids, self._offsets = [], []
        return found

    def follow(self, memo: Memo) -> None:
        """Take over a memo that was changed from outside: its text and numbers, and holes for the rest."""
        own = self._machine.memo = Memo()
        for index, obj in memo.items():
            own.put(index, obj if is_literal(obj) else HOLE)

    def _collect(self, pid: object) -> object:
        if is_whole(pid):
            self._ids.append(pid)
            self._offsets.append(self._machine.met_at)
        return HOLE
