"""One stream after another: read into graphs, and written anew."""

from __future__ import annotations

import gc
from collections import Counter
from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError, WriteError
from brinery.stream.faults import locating
from brinery.stream.graph import Graph
from brinery.stream.raw_arrays import read_through
from brinery.stream.rewriting import Rewriter
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk
from brinery.upgrade.reshaping import reshape
from brinery.upgrade.rules import Changes, Rules, Strings

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from brinery.stream.feeds import Feed, Readable
    from brinery.stream.raw_arrays import RawArray

__all__ = ["check_upgraded", "upgrade_bytes", "upgrade_stream"]


def upgrade_bytes(data: Buffer, rules: Rules | None = None) -> bytes:
    """The pickles in `data` as the rules want them; by default at protocol 5, with today's names.

    Nothing that they name is imported, called or built. What comes out is what a Pickler would write of the
    objects that a load with the same rules gives; it loads without any. Persistent IDs stay as they are.

    Raises UnpicklingError where the stream is malformed, computes a name, or has a string of Python 2 that
    is not what the rules say; PicklingError where the protocol cannot say something.
    """
    pieces: list[bytes] = []
    upgrade_stream(data, pieces.append, rules or Rules())
    return b"".join(pieces)


def upgrade_stream(
    source: Readable | Buffer, write: Callable[[bytes], object], rules: Rules, progress: Any = None
) -> Changes:
    """The same for a file of which only ``read(n)`` is used, read to its end, or for bytes.

    `write` is called with piece after piece. Memory is that of the largest pickle's graph. `progress` is
    called now and then with how many bytes were read. Files of joblib's have arrays between the opcodes, and
    how long these are is found by reading the file once before: one with ``seek``, that is, or bytes.
    """
    upgrade = _Upgrade(rules, write)
    read_through(source, progress, upgrade.through)
    return upgrade.changes()


class _Upgrade:
    """The upgrade of one stream, which is gone through a second time where arrays stand in it."""

    def __init__(self, rules: Rules, write: Callable[[bytes], object]) -> None:
        self._rules = rules
        self._new_names = rules.names()
        self._strings = Strings(rules)
        self._counting = _Counting(write)
        self._rewriter = Rewriter(rules.protocol, self._counting, rules.names_back(), self._strings)
        self._pickles = self._end = 0
        self._renamed: Counter[tuple[str, str]] = Counter()
        self._names: Counter[str] = Counter()
        self._needs: Counter[str] = Counter()
        self._deeper: dict[tuple[str, str], str] = {}

    def through(self, feed: Feed, arrays: tuple[RawArray, ...] | None) -> None:
        """Upgrade all pickles, but for those that were at an earlier time."""
        keeper = Graph(self._new_names, late=True)
        scanner = Scanner(feed, whole=True)
        walk = Walk(scanner, keeper, arrays=arrays)
        resting = gc.isenabled()
        keeper.begin()
        try:
            with locating(walk):
                while True:
                    gc.disable()  # a graph has many objects, and none of them is garbage
                    walk.through()
                    root: Any = walk.stack.pop()
                    if walk.pickle == self._pickles:
                        self._write(root, keeper)
                    walk.next_pickle()
                    keeper.named.clear()
                    # The graph goes first: the collector would walk through all of it, and find nothing.
                    root = None
                    keeper.begin()
                    if resting:
                        gc.enable()
                    if scanner.at_end():
                        break
                scanner.finish()
        except WriteError as refused:
            raise ReadError(
                f"pickle {walk.pickle + 1} cannot be written at protocol {self._rules.protocol}: {refused}"
            ) from refused
        finally:
            if resting:
                gc.enable()
        self._end = scanner.end

    def _write(self, root: Any, keeper: Graph) -> None:
        left = dict(reshape([root, *keeper.before], set(keeper.named.values()), self._new_names))
        self._deeper.update(left)
        self._needs.update(map(":".join, left))
        self._rewriter.write(root, keeper.before)
        self._pickles += 1
        for old, new in keeper.named.items():
            self._names[":".join(new)] += 1
            if old != new:
                self._renamed[":".join(old), ":".join(new)] += 1
            if new in self._new_names.needs:
                self._needs[":".join(new)] += 1

    def changes(self) -> Changes:
        """What was changed."""
        needs = self._needs
        why = {
            ":".join(name): reason for name, reason in self._new_names.needs.items() if needs[":".join(name)]
        }
        why.update((":".join(name), reason) for name, reason in self._deeper.items())
        return Changes(
            self._pickles,
            self._end,
            self._counting.count,
            self._renamed,
            self._names,
            self._strings.text,
            self._strings.binary,
            needs,
            why,
            self._strings.ruled,
        )


class _Counting:
    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self.count = 0

    def __call__(self, data: bytes) -> None:
        self.count += len(data)
        self._write(data)


class _Comparing:
    """Compares what is written with what a file has."""

    def __init__(self, file: Any) -> None:
        self._read = file.read

    def __call__(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            piece = self._read(len(data) - at)
            if not piece or data[at : at + len(piece)] != piece:
                raise ReadError(
                    "what was written does not read back as what was meant: the disk, or a bug of brinery's"
                )
            at += len(piece)


def check_upgraded(one: Readable, same: Readable, rules: Rules) -> None:
    """Read what was written, and write that once more: it has to be the same to the byte.

    `one` and `same` are the same file, opened twice. Raises UnpicklingError where it is not. Below
    protocol 4, where sets are calls that can be written in several ways, it has to be sound.
    """
    if rules.protocol < 4:
        upgrade_stream(one, len, rules)
        return
    comparing = _Comparing(same)
    upgrade_stream(one, comparing, rules)
    if same.read(1):
        raise ReadError("more was written than was meant: the disk, or a bug of brinery's")
