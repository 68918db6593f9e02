"""Why a pickle is so big: bytes by path from the root, by class and by global, without loading it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.stream.faults import locating
from brinery.stream.globals import printable, shorten
from brinery.stream.raw_arrays import read_through
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk
from brinery.stream.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from brinery.stream.feeds import Feed, Readable
    from brinery.stream.parts import Kind, Weighed
    from brinery.stream.raw_arrays import RawArray

__all__ = ["ClassSize", "GlobalSize", "Part", "Sizes", "sizes"]

_KEY = 60  # characters of a key in a path


class Part(NamedTuple):
    """An object of a pickle, or several in one, and what is in it.

    path     from the root, as ``root['cache']['rows']``; ``[…]`` and ``…`` where several are in one
    kind     the class, or the kind of builtin: ``dict``, ``str``, …; ``…`` where they are of several kinds
    bytes    how many bytes of the stream it takes, with everything in it
    objects  how many objects this is
    parts    its parts, the largest first; what they leave of `bytes` is its own: keys, names, opcodes
    """

    path: str
    kind: str
    bytes: int
    objects: int
    parts: tuple[Part, ...]


class ClassSize(NamedTuple):
    """A class, or a kind of builtin: how many objects of it there are, and their bytes.

    An instance's bytes are those of everything in it but for the instances inside, which count for their own
    class. A builtin's are its own: those of a list are without its items, which count for their own kinds.
    """

    name: str
    objects: int
    bytes: int


class GlobalSize(NamedTuple):
    """A global: how often it is named or fetched from the memo, and how many bytes that takes."""

    name: str
    uses: int
    bytes: int


class Sizes(NamedTuple):
    """How big a stream is, and why.

    bytes     of the whole stream
    pickles   how many there are in it
    roots     the object of each pickle: ``root``; of several ``pickles[0]`` and so on, and of many the
              smaller ones in one, ``pickles[…]``
    classes   of instances, and what is called to make objects, the largest first
    builtins  lists, text, numbers and so on, the largest first
    globals   every class and function that is named, the largest first
    """

    bytes: int
    pickles: int
    roots: tuple[Part, ...]
    classes: tuple[ClassSize, ...]
    builtins: tuple[ClassSize, ...]
    globals: tuple[GlobalSize, ...]


def sizes(source: Readable | Buffer, *, progress: Callable[[int], object] | None = None) -> Sizes:
    """Weigh every object of `source`: bytes, or a file of which only ``read(n)`` is used, read to its end.

    What is shared counts where it is met first; where it is met again, only the reference does. Memory
    does not grow with the stream but for its memo and its stack. `progress` is called now and then with
    how many bytes were read.

    Raises :class:`~brinery.errors.ReadError` at the first fault, as :func:`disassemble` does.
    """
    return read_through(source, progress, _sizes)


def _sizes(source: Feed, arrays: tuple[RawArray, ...] | None) -> Sizes:
    keeper = Weights()
    feed = _Resting(source)
    scanner = Scanner(feed)
    walk = Walk(scanner, keeper, arrays=arrays)
    try:
        with locating(walk):
            while True:
                begin = scanner.end
                walk.through()
                root = keeper.root(walk, walk.stack[-1], scanner.end)
                root.bytes = scanner.end - begin
                keeper.gather(walk.pickle, root)
                if scanner.at_end():
                    break
                walk.next_pickle()
            scanner.finish()
    finally:
        feed.end()
    return Sizes(
        scanner.end,
        walk.pickle + 1,
        _roots(keeper, walk.pickle > 0),
        _classes(keeper.classes.values()),
        _classes(keeper.kinds.values()),
        tuple(
            sorted(
                (
                    GlobalSize(printable(kind.name), kind.uses, kind.naming)
                    for kind in keeper.classes.values()
                ),
                key=lambda one: -one.bytes,
            )
        ),
    )


def _roots(keeper: Weights, several: bool) -> tuple[Part, ...]:
    found = [
        _part(f"pickles[{number}]" if several else "root", root, keeper)
        for number, root in sorted(keeper.roots.items())
    ]
    if keeper.others is not None:
        found.append(_part("pickles[…]", keeper.others, keeper))
    return tuple(found)


class _Resting:
    """A feed under which the garbage collector rests: weighing makes no cycles, and many short-lived objects.

    It runs whenever more is read, for the file's own code, and at the end.
    """

    exact = False

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._was_enabled = False

    def more(self, wanted: int, /) -> bytes:
        self.end()
        data = self._feed.more(wanted)
        if gc.isenabled():
            self._was_enabled = True
            gc.disable()
        return data

    def end(self) -> None:
        if self._was_enabled:
            self._was_enabled = False
            gc.enable()


def _classes(kinds: Any) -> tuple[ClassSize, ...]:
    found = [ClassSize(printable(kind.name), kind.objects, kind.bytes) for kind in kinds if kind.objects]
    return tuple(sorted(found, key=lambda one: -one.bytes))


def _part(path: str, weighed: Weighed, keeper: Weights) -> Part:
    """`weighed` as a Part: depth is bounded by what is told apart."""
    keeper.settle(weighed)
    parts = [
        _part(path + _step(label, weighed.kind), part, keeper)
        for label, part in (weighed.parts or {}).items()
    ]
    for label, leaf in (weighed.leaves or {}).items():
        where = path + _step(label, weighed.kind)
        parts.append(Part(where, printable(leaf.kind.name), leaf.bytes, weighed.objects, ()))
    if weighed.arguments is not None:
        parts += _arguments(path, weighed.arguments, keeper)
    if weighed.others is not None:
        parts.append(_part(f"{path}[…]", weighed.others, keeper))
    if weighed.loose_objects and weighed.loose_kind is not None:
        kind = printable(weighed.loose_kind.name)
        parts.append(Part(f"{path}[…]", kind, weighed.loose, weighed.loose_objects, ()))
    parts.sort(key=lambda one: -one.bytes)
    return Part(path, printable(weighed.kind.name), weighed.bytes, weighed.objects, tuple(parts))


def _arguments(path: str, arguments: Weighed, keeper: Weights) -> list[Part]:
    """What an instance was made with: the tuple itself is nothing that anyone looks for."""
    whole = _part(path, arguments, keeper)
    return [
        part._replace(path=f"{path}<argument {part.path[len(path) + 1 : -1]}>" + "")
        if not part.parts
        else _renamed(part, path, f"{path}<argument {part.path[len(path) + 1 : -1]}>")
        for part in whole.parts
    ]


def _renamed(part: Part, old: str, new: str) -> Part:
    """`part`, with a path that begins anew."""
    before = len(part.path)
    return part._replace(
        path=new, parts=tuple(_renamed(inner, old, new + inner.path[before:]) for inner in part.parts)
    )


def _step(label: Any, kind: Kind) -> str:
    if type(label) is tuple:
        what, label = label
        if what == "item":
            return f"[{label}]"
        if what == "key":
            return f"[{_key(label)}]"
        return f"<{what}>" if what in ("state", "ID") else f"<{what} {label}>"
    if kind.is_global and type(label) is bytes and label.isascii():
        label = label.decode()  # as Python 2 wrote an attribute's name
    if kind.is_global and type(label) is str:
        return f".{shorten(printable(label), _KEY)}"
    return f"[{_key(label)}]"


def _key(label: Any) -> str:
    return shorten(repr(label), _KEY)
