"""Finding a stream's persistent IDs before it is read, so that the stores can fetch all at once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from brinery.engine.holes import HOLE, is_literal, is_whole
from brinery.engine.python.reading.machine import Machine
from brinery.engine.python.reading.tables import NOLOAD
from brinery.stream.opcodes import codes

if TYPE_CHECKING:
    from brinery.engine.python.reading.memo import Memo
    from brinery.engine.python.reading.sources import FileSource
    from brinery.plan import ReadPlan

__all__ = ["Walker", "may_refer"]

_REFERRING = codes("PERSID", "BINPERSID")


def may_refer(data: bytes) -> bool:
    """Whether a byte of `data` could be the opcode of a persistent ID: most small pickles have none."""
    return any(opcode in data for opcode in _REFERRING)


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
        machine.in_frame, machine.limit = False, len(data)
        with suppress(Exception):
            machine.run(NOLOAD)
        found = self._ids, self._offsets
        self._ids, self._offsets = [], []
        return found

    def follow(self, memo: Memo) -> None:
        """Take over a memo that was changed from outside: its text and numbers, and holes for the rest."""
        own = self._machine.memo = type(memo)()
        for index, obj in memo.items():
            own.put(index, obj if is_literal(obj) else HOLE)

    def _collect(self, pid: object) -> object:
        if is_whole(pid):
            self._ids.append(pid)
            self._offsets.append(self._machine.met_at)
        return HOLE
