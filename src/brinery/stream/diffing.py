"""What differs between two streams, by path and value, without loading either."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from brinery.stream.faults import locating
from brinery.stream.globals import printable, shorten
from brinery.stream.graph import (
    ADD,
    APPEND,
    ARRAY,
    BUFFER,
    BUILD,
    CALL,
    DICT,
    DROP,
    EXTENSION,
    FROZENSET,
    GLOBAL,
    LIST,
    NESTED,
    NEW,
    NEW_EX,
    OBJ,
    PERSISTENT,
    RAW,
    SET,
    SETITEM,
    TUPLE,
    Graph,
    Node,
)
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

_SHOWN = 70  # characters of a value
_BUDGET = 60  # objects that are looked at to tell whether two items are the same one
_STEPS = 40  # of a path that are shown
_LARGEST_SHOWN_BITS = 1 << 10  # beyond that in hexadecimal: decimal digits cost quadratic time

_MUTABLE = (LIST, DICT, SET, ARRAY)
_BRACKETS = {
    LIST: ("[", "]"),
    TUPLE: ("(", ")"),
    DICT: ("{", "}"),
    SET: ("{", "}"),
    FROZENSET: ("frozenset({", "})"),
}


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
    are text where they are in `encoding`, else bytes. Dicts and sets have no order.

    Nothing is imported. Memory is what both graphs take. Time grows with the streams, however often they
    share or nest.

    Raises :class:`~brinery.errors.ReadError` where either stream is malformed, before the first difference;
    a note says which.
    """
    one = _read(left, "the first stream", names, encoding)
    other = _read(right, "the second stream", names, encoding)
    return _Comparison().run(one, other)


def _read(source: Any, which: str, names: Any, encoding: str) -> list[Any]:
    """The roots of the pickles in `source`."""
    resting = gc.isenabled()
    gc.disable()  # a graph has many objects, and none of them is garbage
    try:
        return read_through(source, None, lambda feed, arrays: _roots(feed, arrays, names, encoding))
    except Exception as fault:
        fault.add_note(f"in {which}") if hasattr(fault, "add_note") else None
        raise
    finally:
        if resting:
            gc.enable()


def _roots(feed: Feed, arrays: tuple[RawArray, ...] | None, names: Any, encoding: str) -> list[Any]:
    keeper = Graph(names or namer(), encoding, "bytes")
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


#: A step of a path: as it is written, or how a key is written into it.
_Step: TypeAlias = "str | tuple[str, Any]"


def _written(step: _Step) -> str:
    if isinstance(step, str):
        return step
    form, key = step
    if form == ".":
        return f".{shorten(printable(key), 80)}" if type(key) is str else f".<{show(key, 40)}>"
    return form.format(show(key, 40))


class _Path:
    """A way from the root: a step behind another way."""

    __slots__ = ("depth", "origin", "step")

    def __init__(self, origin: _Path | None, step: _Step) -> None:
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
        # With which node one was met first, and where: for either side.
        self._met: tuple[dict[int, tuple[Any, _Path]], dict[int, tuple[Any, _Path]]] = ({}, {})

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
            if _constant(left) != _constant(right) or type(left) is Node or type(right) is Node:
                found.append(Difference(str(path), "changed", *_show_both(left, right)))
            return
        self._check_sharing(path, left, right, found)
        if not self._join(left, right):
            return
        one, other = _Shape(left), _Shape(right)
        if one.what != other.what:
            found.append(Difference(str(path), "changed", show(left), show(right)))
            return
        begin = len(waiting)
        _sequence(path, one.items, other.items, one.step, found, waiting)
        _sequence(path, one.others, other.others, "<{}>", found, waiting)
        _mapping(path, one.attributes, other.attributes, found, waiting)
        _mapping(path, one.pairs, other.pairs, found, waiting)
        waiting[begin:] = waiting[begin:][::-1]

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


class _Shape:
    """What an object is, and its parts, in the terms of whoever looks at it.

    what        kind and class; what differs in it is not compared further
    items       in their order; of a list, tuple or what has items appended
    others      what has no name of its own: arguments, state, an ID
    attributes  by step
    pairs       by step: values of keys, members of sets
    """

    def __init__(self, node: Node) -> None:
        self.what: Any = node.kind
        self.items: list[Any] = []
        self.step = "[{}]"
        self.others: list[tuple[str, Any]] = []
        self.attributes: dict[Any, tuple[_Step, Any]] = {}
        self.pairs: dict[Any, tuple[_Step, Any]] = {}
        kind = node.kind
        if kind in (LIST, TUPLE):
            self.items = node.parts
        elif kind == DICT:
            self._add_pairs(node.parts)
        elif kind in (SET, FROZENSET):
            self._add_members(node.parts)
        elif kind in (CALL, NEW, NEW_EX, OBJ):
            self._add_call(node)
        elif kind == PERSISTENT:
            self.others = [("ID", node.parts[0])]
        else:
            self.what = kind, node.head
            self.others = [("buffer", part) for part in node.parts]
        for i, (change, items) in enumerate(node.changes or ()):
            if change == APPEND:
                self.items = self.items + items
            elif change == SETITEM:
                self._add_pairs(items)
            elif change == ADD:
                self._add_members(items)
            elif change in (BUILD, RAW, NESTED):
                self._add_state(items[0])
            else:
                self.others.append((f"call {i}", items[0]))

    def _add_pairs(self, parts: list[Any]) -> None:
        for i in range(0, len(parts) - 1, 2):
            _put(self.pairs, parts[i], "[{}]", parts[i + 1])

    def _add_members(self, parts: list[Any]) -> None:
        for part in parts:
            _put(self.pairs, part, "<member {}>", part)

    def _add_call(self, node: Node) -> None:
        function, *given = node.parts
        kind = CALL if node.kind == CALL else NEW
        if node.kind != OBJ:
            arguments = given[0]
            if type(arguments) is Node and arguments.kind == TUPLE and arguments.changes is None:
                given = arguments.parts + given[1:]
            # copyreg._reconstructor(cls, object, None) makes what cls.__new__(cls) makes
            made = kind == CALL and len(given) == 3 and _is(function, "copyreg", "_reconstructor")
            if made and _is(given[1], "builtins", "object") and given[2] is None:
                function, given, kind = given[0], [], NEW
        if type(function) is Node and function.kind in (GLOBAL, EXTENSION):
            self.what = kind, function.head
        else:
            self.what = kind, None
            self.others.append(("class", function))
        self.others += [(f"argument {i}", part) for i, part in enumerate(given)]

    def _add_state(self, state: Any) -> None:
        whole = type(state) is Node and state.changes is None
        if whole and state.kind == DICT:
            self._add_attributes(state.parts)
            return
        if whole and state.kind == TUPLE and len(state.parts) == 2:
            first, second = state.parts
            if type(second) is Node and second.kind == DICT and (first is None or _is_dict(first)):
                self._add_attributes([] if first is None else first.parts)
                self._add_attributes(second.parts)
                return
        self.others.append(("state", state))

    def _add_attributes(self, parts: list[Any]) -> None:
        for i in range(0, len(parts) - 1, 2):
            _put(self.attributes, parts[i], ".", parts[i + 1])


def _is(symbol: Any, module: str, name: str) -> bool:
    return type(symbol) is Node and symbol.kind == GLOBAL and symbol.head == (module, name)


def _is_dict(symbol: Any) -> bool:
    return type(symbol) is Node and symbol.kind == DICT and symbol.changes is None


def _put(into: dict[Any, tuple[_Step, Any]], key: Any, form: str, symbol: Any) -> None:
    token = _token(key)
    if token is None:  # too large to be told from others: the places in order do it
        token = "place", len(into)
    while type(key) is Node and token in into:  # several objects that look the same
        token = token, 0
    into[token] = (form, key), symbol


def _sequence(
    path: _Path, left: list[Any], right: list[Any], step: str, found: list[Any], waiting: list[Any]
) -> None:
    """Items in their order. Where one side has more, the ends that agree say where."""
    skip = 0
    common = min(len(left), len(right))
    if len(left) != len(right):
        while skip < common and _same(left[skip], right[skip]):
            skip += 1
        tail = 0
        while tail < common - skip and _same(left[-1 - tail], right[-1 - tail]):
            tail += 1
        for side, items, kind in ((0, left, "removed"), (1, right, "added")):
            end = len(items) - tail
            start = min(common - tail, end)
            for i in range(start, end):
                name, symbol = _named(items[i], i, step)
                shown = show(symbol)
                words = ("", shown) if side else (shown, "")
                found.append(Difference(f"{path}{name}", kind, *words))  # type: ignore[arg-type]
        common -= tail
    for i in range(skip, common):
        name, symbol = _named(left[i], i, step)
        waiting.append((_Path(path, name), symbol, _named(right[i], i, step)[1]))


def _named(item: Any, index: int, step: str) -> tuple[str, Any]:
    return (step.format(item[0]), item[1]) if type(item) is tuple else (step.format(index), item)


def _same(left: Any, right: Any) -> bool:
    if type(left) is tuple:
        left, right = left[1], right[1]
    token = _token(left)
    return token is not None and token == _token(right)


def _mapping(
    path: _Path,
    left: dict[Any, tuple[_Step, Any]],
    right: dict[Any, tuple[_Step, Any]],
    found: list[Any],
    waiting: list[Any],
) -> None:
    for token, (step, symbol) in left.items():
        if token in right:
            waiting.append((_Path(path, step), symbol, right[token][1]))
        else:
            found.append(Difference(f"{path}{_written(step)}", "removed", show(symbol), ""))
    for token, (step, symbol) in right.items():
        if token not in left:
            found.append(Difference(f"{path}{_written(step)}", "added", "", show(symbol)))


def _constant(value: Any) -> Any:
    """What tells constants apart, type and sign of zero included; all NaN are one."""
    return (float, repr(value)) if type(value) is float else (type(value), value)


def _token(symbol: Any) -> Any:
    """What tells a small graph apart from any other; None for one that is too large for that."""
    if type(symbol) is not Node:
        return _constant(symbol)
    said: list[Any] = []
    seen: dict[int, int] = {}
    waiting: list[Any] = [symbol]
    while waiting:
        at = waiting.pop()
        if len(said) > _BUDGET or len(waiting) > _BUDGET:
            return None
        if type(at) is not Node:
            said.append(_constant(at) if type(at) is not _End else at.what)
            continue
        if id(at) in seen:
            said.append(("again", seen[id(at)]))
            continue
        seen[id(at)] = len(seen)
        said.append((Node, at.kind, at.head if at.kind in (GLOBAL, EXTENSION, ARRAY, BUFFER) else None))
        for what, items in reversed(at.changes or ()):
            waiting += (_END, *items[: _BUDGET + 1], _End(what))
        waiting.append(_END)
        parts = at.parts[: _BUDGET + 1]
        if at.kind in (SET, FROZENSET) and not any(type(part) is Node for part in parts):
            parts = sorted(parts, key=_order)
        waiting += parts
    return tuple(said)


def _order(constant: Any) -> tuple[str, Any]:
    return type(constant).__name__, constant if constant is not None else 0


class _End:
    """Stands between parts that are still to be said."""

    __slots__ = ("what",)

    def __init__(self, what: int) -> None:
        self.what = what


_END = _End(-1)


def _show_both(left: Any, right: Any) -> tuple[str, str]:
    """Two values; of two long texts, the places where they begin to differ."""
    if type(left) is type(right) and type(left) in (str, bytes) and max(len(left), len(right)) > _SHOWN - 10:
        at = _first_difference(left, right)
        begin = max(at - 15, 0)
        return _around(left, begin, at), _around(right, begin, at)
    return show(left), show(right)


def _first_difference(left: Any, right: Any) -> int:
    """Where two strings begin to differ."""
    low, high = 0, min(len(left), len(right))
    while low < high:  # in steps of half the rest: comparing slices is fast
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _around(value: Any, begin: int, at: int) -> str:
    piece = printable(repr(value[begin : begin + 45]))
    what = "characters" if type(value) is str else "bytes"
    before, after = "…" if begin else "", "…" if begin + 45 < len(value) else ""
    return f"{before}{piece}{after} ({len(value):,} {what}, from {at:,} on)"


def show(symbol: Any, limit: int = _SHOWN) -> str:
    """A value much as Python would write it, in about `limit` characters."""
    text = ""
    pieces: list[Any] = [symbol]
    while pieces and len(text) <= limit:
        piece = pieces.pop()
        if type(piece) is _Text:
            text += piece
        elif type(piece) is Node:
            pieces += reversed(_pieces(piece, limit // 3 + 1))
        else:
            text += _show_constant(piece)
    return shorten(printable(text), limit)


class _Text(str):
    """Text that is to be shown as it is; no str of a stream."""

    __slots__ = ()


def _pieces(node: Node, most: int) -> list[Any]:
    kind = node.kind
    if kind in _BRACKETS:
        opening, closing = _BRACKETS[kind]
        if kind == SET and not node.parts:
            opening, closing = "set(", ")"
        if kind == TUPLE and len(node.parts) == 1:
            closing = ",)"
        return [_Text(opening), *_separated(node.parts, most, kind == DICT), _Text(closing)]
    if kind == GLOBAL:
        return [_Text(".".join(node.head))]
    if kind == ARRAY:
        return [_Text("bytearray("), node.head[:100], _Text(")")]
    if kind == PERSISTENT:
        return [_Text("<persistent "), node.parts[0], _Text(">")]
    if kind in (CALL, NEW, NEW_EX, OBJ):
        return _show_call(node, most)
    if kind == EXTENSION:
        return [_Text(f"<extension {node.head}>")]
    return [_Text(f"<buffer {node.head if kind == BUFFER else node.parts[0].head}>")]


def _show_call(node: Node, most: int) -> list[Any]:
    function, *given = node.parts
    if node.kind != OBJ and type(given[0]) is Node and given[0].kind == TUPLE:
        given = given[0].parts + given[1:]
    if _is(function, "copyreg", "_reconstructor") and len(given) == 3:
        function, given = given[0], []
    shown = [function, _Text("("), *_separated(given, most, False)]
    begun = bool(given)
    for what, items in node.changes or ():
        state = items[0] if what == BUILD else None
        if type(state) is Node and state.kind == DICT:
            for i in range(0, min(len(state.parts) - 1, most), 2):
                name = state.parts[i]
                shown += [
                    _Text((", " if begun else "") + (f"{name}=" if type(name) is str else "…=")),
                    state.parts[i + 1],
                ]
                begun = True
    return [*shown, _Text(")")]


def _separated(parts: list[Any], most: int, pairs: bool) -> list[Any]:
    found: list[Any] = []
    for i, part in enumerate(parts[:most]):
        if i:
            found.append(_Text(": " if pairs and i % 2 else ", "))
        found.append(part)
    return found


def _show_constant(value: Any) -> str:
    if type(value) is int and value.bit_length() > _LARGEST_SHOWN_BITS:
        return f"{shorten(hex(value), 40)} ({value.bit_length():,} bits)"
    if type(value) in (str, bytes) and len(value) > 200:
        return repr(value[:200])
    return repr(value)
