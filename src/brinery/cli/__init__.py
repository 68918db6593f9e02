"""The command line: ``brinery`` and ``python -m brinery``. One module for each command.

Exit codes: 0 all went well; 1 the input, a plugin or a name is not what it should be, and standard
error says what; 2 the command line itself is wrong, or BRINERY_ENGINE is (see :mod:`brinery.as_command`).
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import re
import sys
import warnings
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from brinery.cli import demo, diff, dis, doctor, explain, new_plugin, plugins, refs, sizes, store, upgrade
from brinery.cli.installation import describe_installation
from brinery.cli.problems import Problem
from brinery.errors import EngineWarning

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["COMMANDS", "main"]

#: In the order in which ``--help`` lists them. A command has `NAME`, `SUMMARY`, `HELP`, `arguments`, `run`,
#: which returns the exit code if that is not 0; and `TROUBLE`, the exit code for bad input, if that is not 1.
COMMANDS = (plugins, explain, dis, refs, sizes, diff, doctor, upgrade, store, new_plugin, demo)

_EPILOG = """\
examples:
  brinery plugins                which plugins take part, which do not, and why
  brinery explain pathlib.Path   who decides how a class is written
  brinery dis data.pickle        what is in a file, opcode by opcode
  brinery sizes data.pickle      what makes it big
  brinery diff A B               what differs between two
  brinery doctor data.pickle     why it does not load
  brinery COMMAND --help         more about a command, with examples

exit codes:
  0  all went well
  1  bad input: a file, a name or a plugin; standard error says which and why
  2  wrong command line, or no such engine as BRINERY_ENGINE names
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (`sys.argv`'s, if none is given) and return the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A pickle's text may be more than a terminal can show.
        sys.stdout.reconfigure(errors="backslashreplace")
    command = "brinery"
    trouble = 1
    try:
        parser = _parser()
        options = parser.parse_args(arguments)
        if options.command is None:
            parser.print_help(sys.stderr)
            return 2
        command, trouble = f"brinery {options.command}", options.trouble
        with warnings.catch_warnings():
            # --version and plugins say which engine is in use, and why.
            warnings.simplefilter("ignore", EngineWarning)
            code = options.run(options)
        sys.stdout.flush()
    except Problem as problem:
        with suppress(OSError):
            sys.stdout.flush()
        print(f"{command}: {problem}", file=sys.stderr)
        return trouble
    except BrokenPipeError:
        # Whoever read our output has enough of it (`brinery dis FILE | head`). What is still buffered
        # would fail once more at exit, so it goes nowhere.
        _drop_output()
        return trouble
    except OSError as failed:
        # Commands make a Problem of what they cannot read: what is left without a name is the output, mostly.
        what = "the output cannot be written" if failed.errno in _OF_OUTPUT else type(failed).__name__
        print(f"{command}: {failed.filename or what}: {failed.strerror or failed}", file=sys.stderr)
        _drop_output()
        return trouble
    except KeyboardInterrupt:
        return 130
    return code or 0


#: Why an output cannot be written.
_OF_OUTPUT = {errno.ENOSPC, errno.EBADF, errno.EIO, errno.EFBIG, errno.EDQUOT}


def _drop_output() -> None:
    """Let what is still buffered of the output go nowhere."""
    with suppress(OSError):  # where it is none of the system's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Version(argparse.Action):
    """Ask for the version only where it is wanted: it takes importing an engine."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(describe_installation())
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """Names the nearest command, or option of the command, to one that is not there."""

    options: dict[str, list[str]]

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """See argparse. What a command does not take is an error here."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = ["-h", "--help", *self.options.get(options.command, ())]
            near = [
                meant[0]
                for word in unknown
                if word.startswith("--") and (meant := get_close_matches(word.partition("=")[0], known, 1))
            ]
            hint = f"; did you mean {' '.join(near)}?" if near else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return options

    def error(self, message: str) -> NoReturn:
        """See argparse."""
        if wrong := re.match(r"argument COMMAND: invalid choice: '(.*?)'", message):
            near = get_close_matches(wrong[1], [command.NAME for command in COMMANDS], 1)
            message += f"; did you mean {near[0]}?" if near else ""
        super().error(message)


def _parser() -> _Parser:
    parser = _Parser(
        prog="brinery",
        usage="brinery [-h] [--version] COMMAND ...",
        description="Look into pickles without loading them, and see what plugins do to yours.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show the versions, and which engine is in use and why"
    )
    parser.options = {}
    commands = parser.add_subparsers(
        parser_class=argparse.ArgumentParser,
        dest="command",
        metavar="COMMAND",
        prog="brinery",
        title="commands",
        # A line for each: argparse breaks one whose name is longer than most.
        description="\n".join(f"{command.NAME:11} {command.SUMMARY}" for command in COMMANDS),
        help=argparse.SUPPRESS,
    )
    for command in COMMANDS:
        sub = commands.add_parser(
            command.NAME,
            description=command.HELP,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(sub)
        parser.options[command.NAME] = re.findall(r"--[\w-]+", sub.format_usage())
        sub.set_defaults(run=command.run, trouble=getattr(command, "TROUBLE", 1))
    return parser
