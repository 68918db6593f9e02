"""One stream after another: read into graphs, and written anew."""

from __future__ import annotations

import gc
from collections import Counter
from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError, WriteError
from brinery.stream.faults import locating
from brinery.stream.feeds import feed_of
from brinery.stream.graph import Graph
from brinery.stream.rewriting import Rewriter
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk
from brinery.upgrade.reshaping import DEEPER, reshape
from brinery.upgrade.rules import Changes, Rules, Strings

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from brinery.stream.feeds import Readable

__all__ = ["check_upgraded", "upgrade_bytes", "upgrade_stream"]

_STOP = 0x2E


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
    called now and then with how many bytes were read.
    """
    new_names = rules.names()
    keeper = Graph(new_names, late=True)
    scanner = Scanner(feed_of(source, progress), whole=True)
    walk = Walk(scanner, keeper)
    strings = Strings(rules)
    counting = _Counting(write)
    rewriter = Rewriter(rules.protocol, counting, rules.names_back(), strings)
    renamed: Counter[tuple[str, str]] = Counter()
    names: Counter[str] = Counter()
    needs: Counter[str] = Counter()
    deeper: set[tuple[str, str]] = set()
    resting = gc.isenabled()
    try:
        with locating(walk):
            while True:
                gc.disable()  # a graph has many objects, and none of them is garbage
                keeper.begin()
                while walk.step() != _STOP:
                    pass
                root = walk.stack.pop()
                left = set(reshape([root, *keeper.before], set(keeper.named.values()), new_names))
                deeper |= left
                needs.update(map(":".join, left))
                rewriter.write(root, keeper.before)
                walk.next_pickle()
                if resting:
                    gc.enable()
                for old, new in keeper.named.items():
                    names[":".join(new)] += 1
                    if old != new:
                        renamed[":".join(old), ":".join(new)] += 1
                    if new in new_names.needs:
                        needs[":".join(new)] += 1
                keeper.named.clear()
                if scanner.at_end():
                    break
            scanner.finish()
    except WriteError as refused:
        raise ReadError(
            f"pickle {walk.pickle + 1} cannot be written at protocol {rules.protocol}: {refused}"
        ) from refused
    finally:
        if resting:
            gc.enable()
    why = {":".join(name): reason for name, reason in new_names.needs.items() if needs[":".join(name)]}
    why.update(dict.fromkeys(map(":".join, deeper), DEEPER))
    return Changes(
        walk.pickle,
        scanner.end,
        counting.count,
        renamed,
        names,
        strings.text,
        strings.binary,
        needs,
        why,
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
