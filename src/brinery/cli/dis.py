"""``brinery dis FILE``: a pickle, opcode by opcode."""

from __future__ import annotations

import shutil
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from brinery.cli.streams import Pickles, add_file_argument, count
from brinery.stream import Instruction, disassemble
from brinery.stream.globals import printable, shorten

if TYPE_CHECKING:
    import argparse

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "dis"
SUMMARY = "show a pickle opcode by opcode, without loading it"
HELP = """\
Show a pickle opcode by opcode. Nothing in it is imported, called or built, so
any file is safe to look at.

The columns are
  offset   in bytes from the beginning of the file
  stack    how many objects are on the stack afterwards, marks not counted
  opcode   its name as in pickletools, indented by the marks around it, and what
           it does: the value it pushes, what a memo entry holds, which global
           or persistent ID it names, what would be called with what

A file may hold several pickles; each has a heading. Where a stream is
malformed, everything before the fault is shown, then the fault with its offset,
and the exit code is 1.

examples:
  brinery dis data.pickle
  brinery dis data.pickle --first      a pickle that other data follow
  brinery dis data.pickle.gz           what is compressed is decompressed
  brinery dis model.pt                 each pickle in an archive or a database
  brinery dis data.pickle | grep GLOBAL"""

_DEEPEST_INDENT = 12


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser)
    parser.add_argument("--first", action="store_true", help="stop after the first pickle")
    parser.add_argument(
        "--width",
        type=count,
        default=shutil.get_terminal_size((100, 24)).columns,
        metavar="N",
        help="cut lines at N characters (default: the terminal's width, else 100)",
    )


def run(options: argparse.Namespace) -> int:
    """Print the disassembly; 1 where a pickle in a container is malformed."""
    pickles = Pickles(options.file, options.column, bar=False)
    write, width = sys.stdout.write, options.width
    for stream in pickles:
        if stream.where:
            print(f"{chr(10) if pickles.met > 1 else ''}{printable(stream.where)}")
        number = -1
        with pickles.looking():
            for instruction in disassemble(stream):
                if instruction.pickle != number:
                    number = instruction.pickle
                    print(_heading(instruction))
                write(line(instruction, width) + "\n")
                if options.first and instruction.opcode.name == "STOP":
                    break
    return int(bool(pickles.failed))


def _heading(instruction: Instruction) -> str:
    columns = f"{'offset':>8} {'stack':>5}  opcode"
    if instruction.pickle == 0:
        return columns
    return f"\npickle {instruction.pickle + 1}, at offset {instruction.offset}\n{columns}"


@lru_cache
def _label(name: str, marks: int) -> str:
    return f"{'  ' * min(marks, _DEEPEST_INDENT) + name:<20}"


def line(instruction: Instruction, width: int) -> str:
    """One opcode as it is printed."""
    detail, label = instruction.detail, _label(instruction.opcode.name, instruction.marks)
    text = "%8d %5d  %s %s" % (instruction.offset, instruction.stack, label, detail)  # noqa: UP031 - fastest
    if not detail:
        text = text.rstrip()
    return text if len(text) <= width or len(text) <= 40 else shorten(text, max(width, 40))
