"""The command line: ``brinery`` and ``python -m brinery``. One module for each command.

Exit codes: 0 all went well; 1 the input, a plugin or a name is not what it should be, and standard
error says what; 2 the command line itself is wrong.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING

from brinery.cli import dis, refs
from brinery.cli.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "main"]

#: In the order in which ``--help`` lists them. A command has `NAME`, `SUMMARY`, `HELP`, `arguments`, `run`.
COMMANDS = (dis, refs)

_EPILOG = """\
examples:
  brinery dis data.pickle        what is in a file, opcode by opcode
  brinery COMMAND --help         more about a command, with examples

exit codes: 0 well, 1 bad input (standard error says what), 2 wrong command line
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (`sys.argv`'s, if none is given) and return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # a pickle's text may be more than a terminal can show
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except Problem as problem:
        sys.stdout.flush()
        print(f"brinery {options.command}: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has enough of it (`brinery dis FILE | head`). What is still buffered
        # would fail once more at exit, so it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="brinery",
        description="Look into pickles without loading them, and see what plugins do to yours.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for command in COMMANDS:
        sub = commands.add_parser(
            command.NAME,
            help=command.SUMMARY,
            description=command.HELP,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(sub)
        sub.set_defaults(run=command.run)
    return parser
