"""``brinery diff A B``: what differs between two pickles."""

from __future__ import annotations

import json
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

from brinery.cli.installation import add_plugins_argument, chosen_names
from brinery.cli.problems import Problem
from brinery.cli.streams import Pickles, add_file_argument, called, count, explain_fault
from brinery.errors import ReadError
from brinery.stream import Difference, diff
from brinery.stream.globals import printable
from brinery.stream.members import members_of
from brinery.stream.soundness import sound_before

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Set

    from brinery.cli.streams import Stream

__all__ = ["HELP", "NAME", "SUMMARY", "TROUBLE", "arguments", "run"]

NAME = "diff"
SUMMARY = "show what differs between two pickles, by path and value"
HELP = """\
Show what differs between two pickles, one line each: the path from the root,
and what is there. Nothing is imported or loaded. Protocols, frames and memos
are no differences, nor are the forms in which older protocols write things.
Of two zip or tar archives, files that are no pickles are compared as wholes.

  -  only the first has it      +  only the second has it
  ~  both have it, and it differs
  =  equal, but one object with another place in one of the two only

The exit code is that of diff: 0 nothing differs, 1 something does, 2 trouble.

examples:
  brinery diff before.pickle after.pickle
  brinery diff old.pickle.gz new.pickle
  brinery diff a.pickle b.pickle --plugins    names as brinery.load reads them
  brinery diff model-1.pt model-2.pt --json"""

#: The exit code where something is wrong, as diff has it: 1 says that there are differences.
TROUBLE = 2

_SIGNS = {"changed": "~", "removed": "-", "added": "+", "shared": "="}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_file_argument(parser, "A", "B")
    parser.add_argument("--limit", type=count, metavar="N", help="show no more than N differences")
    parser.add_argument(
        "--encoding",
        default="ASCII",
        metavar="NAME",
        help="of Python 2's strings, as for a load (default: ASCII)",
    )
    add_plugins_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead: a list of the differences")


def run(options: argparse.Namespace) -> int:
    """Print the differences; 1 if there are any, or if what stands behind sound pickles is none, and 2 where
    some pickle in a container is damaged.

    Raises Problem where either file does not begin with a sound pickle.
    """
    comparison = _Comparison(options)
    # One more than is shown: whether there are any is told by the exit code in any case.
    limit = None if options.limit is None else options.limit + 1
    try:
        found = list(islice(comparison.differences(), limit))
    except LookupError as unknown:
        raise Problem(f"--encoding {options.encoding}: {unknown}") from unknown
    if options.json:
        print(json.dumps([one._asdict() for one in found[: options.limit]], indent=2))
    else:
        for one in found[: options.limit]:
            print(_line(one))
    return TROUBLE if comparison.failed else int(bool(found or comparison.behind))


def _line(one: Difference) -> str:
    text = " → ".join(part for part in (one.left, one.right) if part)
    return f"{_SIGNS[one.kind]} {one.path}  {text}"


class _Comparison:
    """Of each pickle that is in both, by where it is; and what is in one only."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self.failed = self.behind = 0

    def differences(self) -> Iterator[Difference]:
        options = self._options
        first, second = self._contents(options.a), self._contents(options.b)
        looked_into = first.keys() | second.keys()
        if len(first) == len(second) == 1:
            first, second = {"": next(iter(first.values()))}, {"": next(iter(second.values()))}
        names = chosen_names(options)
        for where, one in first.items():
            if where not in second:
                yield Difference(where, "removed", _words(one), "")
                continue
            other = second[where]
            if one is None or other is None:  # damaged, and that was said
                continue
            yield from self._compared(where, one, other, names)
        for where, other in second.items():
            if where not in first:
                yield Difference(where, "added", "", _words(other))
        yield from self._others(looked_into)

    def _others(self, looked_into: Set[str]) -> Iterator[Difference]:
        """Of two archives, the files that are no pickles, as arrays are: whether they differ, not in what."""
        first, second = members_of(self._options.a), members_of(self._options.b)
        for where in dict.fromkeys([*first, *second] if first and second else ()):
            one, other = first.get(where), second.get(where)
            if (one or other).name in looked_into:  # type: ignore[union-attr]
                continue
            if one is None or other is None:
                words = [f"{member.size:,} bytes, no pickle" if member else "" for member in (one, other)]
                yield Difference(where, "added" if one is None else "removed", *words)
            elif one[1:] != other[1:]:
                words = [f"{one.size:,} bytes, no pickle", f"{other.size:,} other bytes"]
                yield Difference(where, "changed", *words)

    def _compared(
        self, where: str, one: tuple[bytes, Stream], other: tuple[bytes, Stream], names: Any
    ) -> Iterator[Difference]:
        """What differs between two; of those with a fault in them, between the pickles before that."""
        encoding = self._options.encoding
        prefix = f"{printable(where)}: " if where else ""
        try:
            try:
                found = diff(one[0], other[0], names=names, encoding=encoding)
            except ReadError:
                left, right = self._sound(self._options.a, *one), self._sound(self._options.b, *other)
                found = diff(left, right, names=names, encoding=encoding)
        except ReadError as fault:
            here = "in the second stream" not in getattr(fault, "__notes__", ())
            name, stream = (self._options.a, one[1]) if here else (self._options.b, other[1])
            text = f"{called(name)}: {prefix}{explain_fault(fault, stream)}"
            if not where:
                raise Problem(text) from fault
            sys.stdout.flush()
            print(text, file=sys.stderr)
            self.failed += 1
            return
        for each in found:
            yield each._replace(path=prefix + each.path)

    def _sound(self, name: str, data: bytes, stream: Stream) -> bytes:
        """The sound pickles that `data` begins with, or all where there are none; what is behind is named."""
        count, end = sound_before(data)
        if not count or end == len(data):
            return data
        Pickles(name).fail_behind(count, end, stream)
        self.behind += 1
        return data[:end]

    def _contents(self, name: str) -> dict[str, tuple[bytes, Stream] | None]:
        """The pickles in a file, by where they are; None for those that cannot be read."""
        found: dict[str, tuple[bytes, Stream] | None] = {}
        pickles = Pickles(name, self._options.column)
        for stream in pickles:
            found[stream.where] = None
            with pickles.looking():
                pieces = []
                while piece := stream.read(1 << 20):
                    pieces.append(piece)
                found[stream.where] = b"".join(pieces), stream
        self.failed += pickles.failed
        return found


def _words(content: tuple[bytes, Stream] | None) -> str:
    return "a damaged pickle" if content is None else f"a pickle of {len(content[0]):,} bytes"
