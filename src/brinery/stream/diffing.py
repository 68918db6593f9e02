"""What differs between two streams, by path and value, without loading either."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from brinery.stream.aligning import align
from brinery.stream.digests import MetAgain
from brinery.stream.faults import locating
from brinery.stream.globals import printable, shorten
from brinery.stream.graph import ARRAY, DICT, DROP, LIST, SET, TUPLE, Node
from brinery.stream.graph_texts import show, show_both
from brinery.stream.likeness import Likeness, Step, constant
from brinery.stream.naming import namer
from brinery.stream.raw_arrays import read_through
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from brinery.stream.feeds import Feed, Readable
    from brinery.stream.raw_arrays import RawArray

__all__ = ["Difference", "diff"]

Kind: TypeAlias = Literal["changed", "removed", "added", "shared"]

_STEPS = 40  # of a path that are shown

_MUTABLE = (LIST, DICT, SET, ARRAY)


class Difference(NamedTuple):
    """One thing that differs.

    path         from the root, as ``root['cache'].rows[3]``; a file of several pickles begins with
                 ``pickles[0]`` instead
    kind         ``changed``; ``removed`` (only the first stream has it); ``added`` (only the second has);
                 ``shared`` (equal, but one object with another place in one of them only)
    left, right  what is there, in a few words; empty where nothing is
    """

    path: str
    kind: Kind
    left: str
    right: str


def diff(
    left: Readable | Buffer,
    right: Readable | Buffer,
    *,
    names: Callable[[str, str, bool], tuple[str, str]] | None = None,
    encoding: str = "ASCII",
) -> Iterator[Difference]:
    """What differs between two streams: bytes, or files of which only ``read(n)`` is used, read to their end.

    Compared is what they say, however it is written: neither protocol, frames and memo nor the forms of older
    protocols (``set([…])``, bytes as text) are differences. Names of Python 2 are those of today; `names`, a
    function of module, name and whether it is one of Python 2's, takes the place of that. Python 2's strings
    are text where they are in `encoding`, else bytes. Dicts and sets have no order; an OrderedDict has one.

    Nothing is imported. Memory is what both graphs take, some 5 to 40 times the streams. Time grows with the
    streams, however often they share or nest: what is equal is told by a number for each object.

    Raises :class:`~brinery.errors.ReadError` where either stream is malformed, before the first difference;
    a note says which.
    """
    comparison = _Comparison()
    resting = gc.isenabled()
    gc.disable()  # a graph has many objects, and none of them is garbage
    try:
        one = _read(left, "the first stream", names, encoding)
        other = _read(right, "the second stream", names, encoding)
        comparison.number(*one, *other)
    finally:
        if resting:
            gc.enable()
    return comparison.run(one, other)


def _read(source: Any, which: str, names: Any, encoding: str) -> list[Any]:
    """The roots of the pickles in `source`."""
    try:
        return read_through(source, None, lambda feed, arrays: _roots(feed, arrays, names, encoding))
    except Exception as fault:
        fault.add_note(f"in {which}") if hasattr(fault, "add_note") else None
        raise


def _roots(feed: Feed, arrays: tuple[RawArray, ...] | None, names: Any, encoding: str) -> list[Any]:
    keeper = MetAgain(names or namer(), encoding, "bytes")
    scanner = Scanner(feed, whole=True)
    walk = Walk(scanner, keeper, arrays=arrays)
    roots = []
    with locating(walk):
        while True:
            keeper.begin()
            walk.through()
            roots.append(_with_effects(walk.stack[-1], keeper.before))
            if scanner.at_end():
                break
            walk.next_pickle()
        scanner.finish()
    return roots


def _with_effects(root: Any, before: list[Any]) -> Any:
    if not before:
        return root
    node = Node(TUPLE, None, [root])
    node.changes = [(DROP, [call]) for call in before]
    return node


def _written(step: Step) -> str:
    if isinstance(step, str):
        return step
    form, key = step
    if form == "at":
        return f"[{key}]"
    if form == ".":
        return f".{shorten(printable(key), 80)}" if type(key) is str else f".<{show(key, 40)}>"
    return form.format(show(key, 40))


class _Path:
    """A way from the root: a step behind another way."""

    __slots__ = ("depth", "origin", "step")

    def __init__(self, origin: _Path | None, step: Step) -> None:
        self.origin = origin
        self.step = step
        self.depth: int = origin.depth + 1 if origin is not None else 0

    def __str__(self) -> str:
        steps: list[str] = []
        at: _Path | None = self
        while at is not None:
            if len(steps) == _STEPS and at.depth > _STEPS:
                steps.append(f"…({at.depth - _STEPS:,} steps)…")
                while at.depth > _STEPS:
                    at = at.origin
                    assert at is not None
            steps.append(_written(at.step))
            at = at.origin
        return "".join(reversed(steps))


class _Comparison:
    """Two graphs side by side. A pair of nodes that is known to be compared is not compared again."""

    def __init__(self) -> None:
        self._group: dict[int, int] = {}
        self._like = Likeness()
        self._same = self._like.digests.same
        # With which node one was met first, and where: for either side.
        self._met: tuple[dict[int, tuple[Any, _Path]], dict[int, tuple[Any, _Path]]] = ({}, {})

    def number(self, *roots: Any) -> None:
        """Give all that `roots` lead to their numbers."""
        for root in roots:
            self._like.digests.of(root)

    def run(self, left: list[Any], right: list[Any]) -> Iterator[Difference]:
        """All differences, depth first."""
        single = len(left) == len(right) == 1
        for i in range(max(len(left), len(right))):
            path = _Path(None, "root" if single else f"pickles[{i}]")
            if i >= len(right):
                yield Difference(str(path), "removed", show(left[i]), "")
            elif i >= len(left):
                yield Difference(str(path), "added", "", show(right[i]))
            else:
                yield from self._pair(path, left[i], right[i])

    def _pair(self, path: _Path, left: Any, right: Any) -> Iterator[Difference]:
        waiting = [(path, left, right)]
        found: list[Difference] = []
        while waiting:
            path, left, right = waiting.pop()
            self._compare(path, left, right, found, waiting)
            yield from found
            found.clear()

    def _compare(self, path: _Path, left: Any, right: Any, found: list[Any], waiting: list[Any]) -> None:
        """Note what differs between the two themselves, and which of their parts are to be compared."""
        if type(left) is not Node or type(right) is not Node:
            if constant(left) != constant(right) or type(left) is Node or type(right) is Node:
                found.append(Difference(str(path), "changed", *show_both(left, right)))
            return
        digests = self._like.digests
        if digests.again(left) or digests.again(right):  # else they are met just here
            self._check_sharing(path, left, right, found)
            if not self._join(left, right):
                return
        one, other = self._like.shape(left), self._like.shape(right)
        one.agree(other)
        other.agree(one)
        if one.what != other.what:
            found.append(Difference(str(path), "changed", show(left), show(right)))
            return
        begin = len(waiting)
        self._sequence(path, one.items, other.items, found, waiting)
        self._named(path, one.others, other.others, found, waiting)
        self._mapping(path, one.attributes, other.attributes, found, waiting)
        self._mapping(path, one.pairs, other.pairs, found, waiting)
        if one.ordered:
            _order(path, one.pairs, other.pairs, found)
        waiting[begin:] = waiting[begin:][::-1]

    def _sequence(
        self, path: _Path, left: list[Any], right: list[Any], found: list[Any], waiting: list[Any]
    ) -> None:
        """Items in their order: aligned, and those that stand in each other's place compared one by one."""
        if not left and not right:
            return
        number = self._like.digests.of
        one, other = list(map(number, left)), list(map(number, right))
        i = j = 0
        for i1, i2, j1, j2 in (*align(one, other), (len(left), len(left), len(right), len(right))):
            both = min(i2 - i1, j2 - j1)
            for at, partner in zip(range(i, i1 + both), range(j, j1 + both), strict=True):
                if not self._same(left[at], right[partner]):
                    waiting.append((_Path(path, ("at", at)), left[at], right[partner]))
            found += (
                Difference(f"{path}[{at}]", "removed", show(left[at]), "") for at in range(i1 + both, i2)
            )
            found += (
                Difference(f"{path}[{at}]", "added", "", show(right[at])) for at in range(j1 + both, j2)
            )
            i, j = i2, j2

    def _check_sharing(self, path: _Path, left: Node, right: Node, found: list[Any]) -> None:
        """Whether both were met before, and with each other."""
        for side, (node, partner) in enumerate(((left, right), (right, left))):
            if node.kind not in _MUTABLE and node.changes is None:
                continue
            first = self._met[side].setdefault(id(node), (partner, path))
            if first[0] is not partner and first[1] is not path:
                words = (f"the same object as {first[1]}", "another object")
                found.append(Difference(str(path), "shared", *(words if side == 0 else words[::-1])))
                return

    def _named(
        self, path: _Path, left: dict[str, Any], right: dict[str, Any], found: list[Any], waiting: list[Any]
    ) -> None:
        for name in {**left, **right}:
            if name not in right:
                found.append(Difference(f"{path}<{name}>", "removed", show(left[name]), ""))
            elif name not in left:
                found.append(Difference(f"{path}<{name}>", "added", "", show(right[name])))
            elif not self._same(left[name], right[name]):
                waiting.append((_Path(path, f"<{name}>"), left[name], right[name]))

    def _mapping(
        self,
        path: _Path,
        left: dict[Any, tuple[Step, Any]],
        right: dict[Any, tuple[Step, Any]],
        found: list[Any],
        waiting: list[Any],
    ) -> None:
        for token, (step, symbol) in left.items():
            if token in right:
                if not self._same(symbol, right[token][1]):
                    waiting.append((_Path(path, step), symbol, right[token][1]))
            else:
                found.append(Difference(f"{path}{_written(step)}", "removed", show(symbol), ""))
        for token, (step, symbol) in right.items():
            if token not in left:
                found.append(Difference(f"{path}{_written(step)}", "added", "", show(symbol)))

    def _join(self, left: Node, right: Node) -> bool:
        """Note that the two are compared; false where that follows from what was compared already."""
        one, other = self._find(id(left)), self._find(-id(right))
        if one == other:
            return False
        self._group[one] = other
        return True

    def _find(self, member: int) -> int:
        group = self._group
        root = member
        while group.get(root, root) != root:
            root = group[root]
        while member != root:
            group[member], member = root, group.get(member, root)
        return root


def _order(
    path: _Path, left: dict[Any, tuple[Step, Any]], right: dict[Any, tuple[Step, Any]], found: list[Any]
) -> None:
    """Whether the keys that both have stand in another order."""
    one, other = [key for key in left if key in right], [key for key in right if key in left]
    first = next((i for i, key in enumerate(one) if key != other[i]), None)
    if first is not None:
        words = (
            f"key {first + 1} of those in both is {show(step[1], 40)}"
            for step in (left[one[first]][0], right[other[first]][0])
        )
        found.append(Difference(f"{path}<order>", "changed", *words))
