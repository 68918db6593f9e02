"""``brinery explain NAME``: who has a say about a class or a name, and who wins."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

from brinery.cli.installation import listed_profile
from brinery.cli.problems import Problem
from brinery.declarations import PersistentScheme
from brinery.dotted import import_dotted, is_dotted
from brinery.urls import redacted
from brinery.wording import nearest_in_module

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from brinery.plugin_host.explaining import Explanation
    from brinery.plugin_host.saying import Say
    from brinery.profile import Profile

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "explain"
SUMMARY = "show who has a say about a class or a name, and who wins"
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
    explanation = _explain(listed_profile(), options.name)
    if options.json:
        print(json.dumps(explanation.as_dict(), indent=2))
    else:
        print(explanation)
    if explanation.conflict:
        raise Problem("plugins disagree about this name")


def _explain(profile: Profile, name: str) -> Explanation:
    spellings = [name]
    if ":" not in name:
        # "package.module.Class", the longest module first; what has no dot may be a builtin.
        parts = name.split(".")
        spellings += [f"{'.'.join(parts[:i])}:{'.'.join(parts[i:])}" for i in range(len(parts) - 1, 0, -1)]
        spellings.append(f"builtins:{name}")
    for spelling in spellings:
        explanation = profile.explain(spelling)
        # What is said of a module says nothing of a name in it that was only guessed.
        says = [say for say in explanation.says if spelling == name or not _is_of_module(say, spelling)]
        if says or _exists(spelling):
            return explanation
    raise Problem(
        f"{redacted(repr(name))} is no class or function that can be imported, no scheme of a store, and no "
        "plugin declares anything under this name; write a class as package.module:Class"
        + _meant(profile, spellings)
    )


def _is_of_module(say: Say, name: str) -> bool:
    """Whether it is said of a module, or of what `name` leads to, and not of `name` itself."""
    return say.kind in ("read name", "write name") and not say.what.startswith(f"{name} ")


def _meant(profile: Profile, spellings: Sequence[str]) -> str:
    """What was meant, where a name in a module that is there, or one that is declared, is near."""
    declared = []
    for claim in profile._composition.gathered.claims:
        colon = ":" if isinstance(claim.declared, PersistentScheme) else ""
        declared += [f"{statement.subject}{colon}" for statement in claim.declared.statements()]
    for spelling in spellings:
        close = difflib.get_close_matches(
            spelling, [s for s in declared if (":" in s) == (":" in spelling)], 1, 0.8
        )
        if near := nearest_in_module(spelling) or (close[0] if close else None):
            return f"; did you mean {near!r}?"
    return ""


def _exists(name: str) -> bool:
    if not is_dotted(name):
        return False
    try:
        import_dotted(name)
    except Exception:  # whatever a module raises when it is imported
        return False
    return True
