"""What is in a pickle, without loading it: nothing is imported, called or built.

:func:`disassemble` yields one record for each opcode, :func:`references` counts the globals and the
persistent IDs that a stream names. Both read files of any size in bounded pieces, and take hostile
input: lengths are checked, the stack is symbolic, and what is shown of a value is short.
"""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, cast

from brinery.disassembly.machine import Instruction, Machine
from brinery.disassembly.scanner import Excerpt, Scanner
from brinery.disassembly.values import GlobalName, printable, shorten
from brinery.errors import ReadError, locate_reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from brinery.disassembly.scanner import Readable

__all__ = [
    "Excerpt",
    "GlobalName",
    "Instruction",
    "References",
    "disassemble",
    "printable",
    "references",
    "shorten",
]


def disassemble(source: Readable | Buffer) -> Iterator[Instruction]:
    """Every opcode of every pickle in `source`: bytes, or a file of which only ``read(n)`` is used.

    Offsets count from where `source` stands; a file is read to its end, where several pickles may
    stand one after another. Raises :class:`~brinery.errors.ReadError` at the first fault, after the
    sound opcodes before it were yielded; ``pickle_offset``, ``pickle_opcode`` and ``pickle_building``
    say where. An empty `source` is a fault too.
    """
    scanner = Scanner(cast("Readable", source) if hasattr(source, "read") else BytesIO(source))
    machine = Machine(0)
    try:
        for number in count():
            machine = Machine(number)
            for token in scanner.scan():
                yield machine.step(token)
            if scanner.at_end():
                break
        scanner.finish()
    except ReadError as fault:
        locate_reading(fault, scanner.opcode_offset, scanner.opcode_name, machine.building())
        raise


class References(NamedTuple):
    """What a stream refers to. Counted is every use, be it by name or through the memo.

    pickles         how many complete pickles the stream holds
    globals         classes and functions, as the stream names them
    era             those of `globals` that a pickle of protocol 2 or lower names: `fix_imports` applies
    persistent_ids  each as Python would write it; what is very long is cut
    extensions      codes of copyreg's extension registry
    """

    pickles: int
    globals: Counter[GlobalName]
    era: frozenset[GlobalName]
    persistent_ids: Counter[str]
    extensions: Counter[int]


def references(source: Readable | Buffer) -> References:
    """Count what `source` refers to; it is read as by :func:`disassemble`, which see for errors."""
    names: Counter[GlobalName] = Counter()
    era: set[GlobalName] = set()
    ids: Counter[str] = Counter()
    extensions: Counter[int] = Counter()
    pickles = 0
    for instruction in disassemble(source):
        if instruction.global_name is not None:
            names[instruction.global_name] += 1
            if instruction.protocol < 3:
                era.add(instruction.global_name)
        elif instruction.persistent_id is not None:
            ids[instruction.persistent_id] += 1
        elif instruction.extension is not None:
            extensions[instruction.extension] += 1
        pickles += instruction.opcode.name == "STOP"
    return References(pickles, names, frozenset(era), ids, extensions)
