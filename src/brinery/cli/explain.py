"""``brinery explain NAME``: who has a say about a class or a name, and who wins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from brinery.cli.installation import listed_profile
from brinery.cli.problems import Problem
from brinery.dotted import import_dotted, is_dotted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from brinery.plugin_host.explaining import Explanation

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "explain"
SUMMARY = "show every plugin that has a say about a class or a name, and who wins"
HELP = """\
Show every plugin that has a say about a name, in the order in which they are
asked, who wins, and by which rule. A * marks what counts. Where plugins
disagree about it, that is said too, and the exit code is 1.

NAME is one of
  package.module:Class   a class or function; it is imported. A dot does for the
                         colon: package.module.Class
  module                 a module, as streams or programs name it, and all that
                         is declared for names in it
  scheme:                a kind of store, as in a URL, with its colon
  kind:subject           a key of prefer: reducer:numpy:ndarray, scheme:sqlite

examples:
  brinery explain pathlib.PosixPath
  brinery explain __builtin__:xrange     a name of Python 2
  brinery explain sqlite:
  brinery explain fractions:Fraction --json"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", help="a class, function, module or scheme")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def run(options: argparse.Namespace) -> None:
    """Print the explanation. Raises Problem for an unknown name, and where plugins do not go together."""
    explanation = _explain(listed_profile().explain, options.name)
    if options.json:
        print(json.dumps(explanation.as_dict(), indent=2))
    else:
        print(explanation)
    if explanation.conflict:
        raise Problem("plugins disagree about this name")


def _explain(explain: Callable[[str], Explanation], name: str) -> Explanation:
    spellings = [name]
    if ":" not in name:
        # "package.module.Class", the longest module first; what has no dot may be a builtin.
        parts = name.split(".")
        spellings += [f"{'.'.join(parts[:i])}:{'.'.join(parts[i:])}" for i in range(len(parts) - 1, 0, -1)]
        spellings.append(f"builtins:{name}")
    for spelling in spellings:
        explanation = explain(spelling)
        # What is said of a module says nothing of a name in it that was only guessed.
        says = [say for say in explanation.says if spelling == name or say.kind in ("reducer", "override")]
        if says or _exists(spelling):
            return explanation
    raise Problem(
        f"{name!r} is no class or function that can be imported, no scheme of a store, and no plugin "
        "declares anything under this name; write a class as package.module:Class"
    )


def _exists(name: str) -> bool:
    if not is_dotted(name):
        return False
    try:
        import_dotted(name)
    except Exception:  # whatever a module raises when it is imported
        return False
    return True
