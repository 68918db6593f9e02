"""What a disassembly says of one opcode."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from brinery.stream.globals import GlobalName
    from brinery.stream.opcodes import Opcode

__all__ = ["Instruction"]


class Instruction(NamedTuple):
    """One opcode of a stream, and what it does there.

    pickle         which of the stream's pickles this belongs to, from 0
    protocol       as the pickle's last PROTO said; 0 before that
    offset, size   where it stands and how long it is, in bytes, with its argument, and an array behind it
    opcode         its row of the opcode table
    argument       as a Python value: int, float, str, bytes, an Excerpt of long ones, a pair of names, None
    stack          how many objects are on the stack afterwards, marks not counted
    marks          how many marks enclose the opcode
    detail         what it pushes, names or changes, in words, on one line of at most 200 characters
    memo           the memo index that is stored or fetched
    global_name    the global that is pushed, by its name or through the memo; or that INST calls
    persistent_id  the persistent ID of the object that is pushed, by its ID or through the memo
    extension      the extension code that is pushed, as itself or through the memo
    """

    pickle: int
    protocol: int
    offset: int
    size: int
    opcode: Opcode
    argument: object
    stack: int
    marks: int
    detail: str
    memo: int | None = None
    global_name: GlobalName | None = None
    persistent_id: str | None = None
    extension: int | None = None
