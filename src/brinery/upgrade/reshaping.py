"""What a graph says of classes whose shape has changed, where that can be told without building anything.

A shape that is *shallow* moves and renames the items of a state, and looks into none. So it is called with
the items as they are in the graph: numbers, text, bytes and None are themselves, and all others are marks
that nothing can be asked of.

And instances of Python 2's protocols 0 and 1, whose class has become an extension type since: these protocols
make them by ``copyreg._reconstructor(cls, object, None)``, which is ``object.__new__(cls)``, and an extension
type refuses that. Where a plugin says so of a class, the call becomes what later protocols have in its
place, ``cls.__new__(cls)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream import graph
from brinery.stream.faults import locate_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from brinery.upgrade.names import NewNames

__all__ = ["RECONSTRUCTOR", "reshape"]

# Why a class with a shallow shape is left for a load.
_DEEPER = "its shape looks into what its objects hold"
_ANOTHER = "its state is one that a file cannot have changed: no dict by text, and no tuple"
_TWICE = (
    "its shape changes what it gave itself once more, and a load with the plugin would: an upgrade needs "
    "state(state(old)) to be state(old)"
)

RECONSTRUCTOR = ("copyreg", "_reconstructor")
_OBJECT = ("builtins", "object")
_MAKERS = ("_reconstruct", "_reconstructor")  # they are given the class of what they make
_KINDS = {graph.TUPLE: "a tuple", graph.DICT: "a dict"}
_PLAIN = (str, int, float, bool, bytes, type(None))

_Pair = tuple[str, str]


def reshape(roots: Iterable[Any], named: set[_Pair], names: NewNames) -> Iterator[tuple[_Pair, str]]:
    """Change what can be changed in the graphs of `roots`, in which the stream named `named`.

    Gives each class of which a shape turned out to be for loads alone, and why.
    """
    states = {pair: restate for pair in named if (restate := names.restate(pair)) is not None}
    extension = names.is_extension if RECONSTRUCTOR in named and any(map(names.is_extension, named)) else None
    texts = {pair: items for pair in named if (items := names.text_items(pair))}
    if not states and not texts and extension is None:
        return
    for node in _nodes(roots):
        if extension is not None and node.kind == graph.CALL:
            _by_new(node, extension)
        if (states or texts) and node.changes is not None and graph.CALL <= node.kind <= graph.OBJ:
            name = _class_of(node)
            if name in texts:
                _read_items(node, texts[name])
            restate = states.get(name)
            if restate is None:
                continue
            for change in node.changes:
                if reason := _restated(change, restate):
                    yield name, reason


def _nodes(roots: Iterable[Any]) -> Iterator[Any]:
    waiting = [root for root in roots if type(root) not in _PLAIN]
    seen = {id(node) for node in waiting}
    while waiting:
        node = waiting.pop()
        groups = [node.parts] if node.changes is None else [node.parts, *(c[1] for c in node.changes)]
        for parts in groups:
            for part in parts:
                if type(part) not in _PLAIN and id(part) not in seen:
                    seen.add(id(part))
                    waiting.append(part)
        yield node


def _read_items(node: Any, texts: Mapping[int, str]) -> None:
    """Strings of Python 2 in a state that is a list, by their places; those of a tuple have theirs later."""
    for what, items in node.changes:
        state: Any = items[0] if what == graph.BUILD else None
        if type(state) in _PLAIN or state.kind != graph.LIST:
            continue
        for at, text in texts.items():
            part: Any = state.parts[at] if at < len(state.parts) else None
            if type(part) not in _PLAIN and part.kind == graph.OLD:
                try:
                    state.parts[at] = part.head if text == "bytes" else part.head.decode(text)
                except UnicodeDecodeError as refused:
                    offset, code = part.parts
                    fault = ReadError(
                        f"a string of Python 2 in state {at} of {':'.join(_class_of(node))}, "
                        f"{part.head[:30]!r}, is not {text}, as the rule of a plugin says"
                    )
                    locate_at(fault, offset, code)
                    raise fault from refused


# Instances of extension types


def _by_new(node: Any, is_extension: Callable[[_Pair], bool]) -> None:
    function, arguments = node.parts
    if _named(function) != RECONSTRUCTOR or type(arguments) in _PLAIN or arguments.kind != graph.TUPLE:
        return
    given = arguments.parts
    if len(given) != 3 or given[2] is not None or _named(given[1]) != _OBJECT:
        return
    name = _named(given[0])
    if name is not None and is_extension(name):
        node.kind = graph.NEW
        node.parts = [given[0], type(node)(graph.TUPLE, None, [])]


def _class_of(node: Any) -> Any:
    """The class of an instance, as a pair, as far as the graph says it."""
    function = _named(node.parts[0])
    if node.kind == graph.CALL and function is not None and function[1] in _MAKERS:
        arguments = node.parts[1]
        return _named(arguments.parts[0]) if type(arguments) not in _PLAIN and arguments.parts else None
    return function


def _named(symbol: Any) -> Any:
    return symbol.head if type(symbol) not in _PLAIN and symbol.kind == graph.GLOBAL else None


# States


class _AskedError(Exception):
    """A shape looked into what is only a mark."""


class _Mark:
    """Stands for an object: it can be put somewhere else, and nothing else."""

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node = node

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # what isinstance() asks
        raise _AskedError

    def _asked(self, *_: Any) -> Any:
        raise _AskedError

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _asked
    __bool__ = __len__ = __iter__ = __getitem__ = __contains__ = __call__ = _asked
    __hash__ = _asked


def _restated(change: Any, restate: Callable[[Any], Any]) -> str:
    """Make the state of a change the one of today, if it is a BUILD; where that cannot be, why."""
    what, items = change
    if what != graph.BUILD:
        return ""
    state = items[0]
    if type(state) in _PLAIN:
        return ""
    if state.changes is not None or state.kind not in (graph.TUPLE, graph.DICT):
        return _ANOTHER
    keys: dict[str, Any] = {}
    try:
        new = restate(_value(state, keys))
        if state.kind == graph.DICT and type(new) is dict:
            parts = [part for key, value in new.items() for part in (keys.get(key, key), _part(value))]
        elif state.kind == graph.TUPLE and type(new) is tuple:
            parts = [_part(value) for value in new]
        else:
            return f"its shape makes a {type(new).__name__} of a state that is {_KINDS[state.kind]}"
        again = restate(new)
        if type(again) is not type(new) or len(again) != len(new):
            return _TWICE
        pairs = zip(new.items(), again.items(), strict=True) if type(new) is dict else [(new, again)]
        if not all(one is other for pair in pairs for one, other in zip(*pair, strict=True)):
            return _TWICE
    except _AskedError as asked:
        return str(asked) or _DEEPER
    except Exception as failure:  # of a plugin: left for the load, which says it, too
        return f"its shape raised {type(failure).__name__}: {failure}"
    if len(parts) != len(state.parts) or any(a is not b for a, b in zip(parts, state.parts, strict=True)):
        # A new node: whoever else holds the old one has it as it was.
        items[0] = type(state)(state.kind, None, parts)
    return ""


def _value(state: Any, keys: dict[str, Any]) -> Any:
    if state.kind == graph.TUPLE:
        return tuple(map(_item, state.parts))
    found = {}
    for key, value in zip(state.parts[::2], state.parts[1::2], strict=True):
        name = key
        if type(key) not in _PLAIN and key.kind == graph.OLD:
            name = key.head.decode("utf-8")
        if type(name) is not str:
            raise _AskedError(_ANOTHER)
        keys[name] = key
        found[name] = _item(value)
    return found


def _item(part: Any) -> Any:
    return part if type(part) in _PLAIN else _Mark(part)


def _part(value: Any) -> Any:
    if type(value) is _Mark:
        return object.__getattribute__(value, "node")
    if type(value) not in _PLAIN:
        raise _AskedError(
            f"its shape puts a {type(value).__name__} into the state, and a file takes no objects"
        )
    return value
