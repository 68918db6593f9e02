"""Whether it is the command ``brinery`` that imports the package, when that fails before its ``main`` runs.

A program that imports brinery gets an exception. Who typed a command gets a line, and no traceback.
"""

from __future__ import annotations

import os
import sys
from itertools import pairwise

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["is_command", "leave_if_command"]


def is_command(arguments: Sequence[str], original: Sequence[str]) -> bool:
    """Whether a process with these `sys.argv` and `sys.orig_argv` is ``brinery`` or ``python -m brinery``."""
    if not arguments:
        return False
    if arguments[0] != "-m":  # the script that an installer made, under the names that it has on each system
        return os.path.splitext(os.path.basename(arguments[0]))[0].removesuffix("-script") == "brinery"
    # It stays so until the module to be run is found, for which its package is imported.
    return "-mbrinery" in original or ("-m", "brinery") in pairwise(original)


def leave_if_command(wrong: Exception) -> None:
    """Say what is `wrong` on standard error and leave with 2, the exit code for a wrong command line."""
    if is_command(getattr(sys, "argv", ()), getattr(sys, "orig_argv", ())):
        print(f"brinery: {wrong}", file=sys.stderr)
        raise SystemExit(2)
