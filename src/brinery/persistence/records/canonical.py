"""Whether two pickled values are the same, told by what is written.

Neither ``==`` nor the bytes can tell. Equal values may differ: Decimal("1.0") and Decimal("1.00"), [1] and
[True], a dict in another order, 0.0 and -0.0. And the bytes of one value may differ: by the order of a set,
which another process has another one of, and by which of two equal texts is one object. So both pickles are
read into what they say, with a symbol in the place of each global: nothing is imported and no code of the
value's runs. What they say is spelled out in one way: sets in a defined order, texts and numbers and tuples
by value, everything that can change by the place where it was met first.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

from brinery import engine
from brinery.persistence.records.values import MARKS, REFERRING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["same"]


def same(one: bytes, other: bytes) -> bool:
    """Whether two values, as ``values.encode`` gives them, are written alike. Runs no code of theirs."""
    if one == other:
        return True
    if not (one.startswith(MARKS) and other.startswith(MARKS)):
        return False
    try:
        return _spelled(one) == _spelled(other)
    except (ValueError, RecursionError):
        # ValueError: what only this could have been written by, or damage. Sets inside sets without end
        # are the one thing that recurses. What cannot be told is taken for a change, and so told.
        return False


class _Symbol:
    """What a global makes, without the global: it keeps everything that it is given."""

    name: tuple[str, str]

    def __new__(cls, *args: Any, **keywords: Any) -> Any:
        self = object.__new__(cls)
        self.__dict__["steps"] = [("new", args, keywords)]
        return self

    def __init__(self, *args: Any, **keywords: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.__dict__["steps"].append(("state", state))

    def append(self, item: Any) -> None:
        self.__dict__["steps"].append(("append", item))

    def extend(self, items: Any) -> None:
        for item in items:
            self.append(item)

    def add(self, item: Any) -> None:
        self.__dict__["steps"].append(("add", item))

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__["steps"].append(("set", key, value))


class _Place:
    """An object that has a place of its own."""

    def __init__(self, address: Any) -> None:
        self.address = address


def _spelled(value: bytes) -> list[bytes]:
    """What a pickled value says, one token after the other."""
    symbols: dict[tuple[str, str], type] = {}
    places: dict[Any, _Place] = {}

    def find_class(module: str, name: str) -> type:
        known = symbols.get((module, name))
        if known is None:
            known = symbols[module, name] = type("Symbol", (_Symbol,), {"name": (module, name)})
        return known

    def persistent_load(address: Any) -> _Place:
        return places.setdefault(address, _Place(address))

    file = io.BytesIO(value)
    file.seek(len(REFERRING))
    unpickler: Any = engine.choose().Unpickler
    if value.startswith(REFERRING):
        unpickler(file).load()
    reading = unpickler(file)
    reading.find_class = find_class
    reading.persistent_load = persistent_load
    try:
        root = reading.load()
    except Exception as failed:
        raise ValueError("what is written cannot be read as symbols") from failed
    return _spell(root, {})


def _spell(root: Any, met: dict[int, int]) -> list[bytes]:
    """`root` as tokens. `met` numbers what can change, by identity. Depth costs memory only."""
    tokens: list[bytes] = []
    add = tokens.append
    todo: list[Any] = [root]
    while todo:
        obj = todo.pop()
        kind = type(obj)
        if kind is _Token:
            add(obj.text)
            continue
        atom = _ATOMS.get(kind)
        if atom is not None:
            text = atom(obj)
            add(b"%s %d:%s" % (kind.__name__.encode(), len(text), text))
            continue
        if kind is tuple:
            add(b"tuple %d" % len(obj))
            todo.extend(reversed(obj))
            continue
        if kind is _Place:
            add(b"place")
            todo.append(obj.address)
            continue
        if kind is type or isinstance(obj, type):
            add(b"global %s" % repr(obj.name).encode())
            continue
        if kind is not frozenset:
            number = met.get(id(obj))
            if number is not None:
                add(b"again %d" % number)
                continue
            met[id(obj)] = len(met)
        if kind is list:
            add(b"list %d" % len(obj))
            todo.extend(reversed(obj))
        elif kind is dict:
            add(b"dict %d" % len(obj))
            for key, value in reversed(obj.items()):
                todo += value, key
        elif kind in (set, frozenset):
            add(b"%s %d" % (kind.__name__.encode(), len(obj)))
            # Each element as it would be spelled alone: that orders them the same way wherever they stand.
            todo.extend(sorted(obj, key=lambda element: _spell(element, {}), reverse=True))
        elif kind is bytearray:
            add(b"bytearray %d:%s" % (len(obj), bytes(obj)))
        else:
            steps = obj.__dict__["steps"]
            add(b"object %s %d" % (repr(kind.name).encode(), len(steps)))
            _push_steps(todo, steps)
    return tokens


class _Token:
    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text


def _push_steps(todo: list[Any], steps: list[tuple[Any, ...]]) -> None:
    added = [step[1] for step in steps if step[0] == "add"]
    rest = [step for step in steps if step[0] != "add"]
    pushed: list[Any] = []
    for step in rest:
        pushed.append(_Token(step[0].encode()))
        pushed += step[1:]
    pushed.append(_Token(b"added %d" % len(added)))
    pushed += sorted(added, key=lambda element: _spell(element, {}))
    todo.extend(reversed(pushed))


_ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"",
    bool: lambda value: b"%d" % value,
    int: lambda value: b"%x" % value if value >= 0 else b"-%x" % -value,
    float: lambda value: struct.pack("<d", value),
    complex: lambda value: struct.pack("<dd", value.real, value.imag),
    str: lambda value: value.encode("utf-8", "surrogatepass"),
    bytes: lambda value: value,
}
