"""The way from the root of a dump to the object that failed, as text.

``root['jobs'][3].handler`` reads like the Python expression that reaches the object. Where there is
no such expression, a part in angle brackets says what kind of step it was.
"""

from __future__ import annotations

import builtins
from collections import deque
from functools import lru_cache, partial
from itertools import islice
from types import BuiltinMethodType, CellType, FunctionType, MethodType

from brinery.engine.levels import PID, SKIPPED, is_place, shorten
from brinery.engine.reductions import Reduction
from brinery.lean_typing import TYPE_CHECKING
from brinery.refusals import full_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    #: ``step(owner, parent, child)`` is the text of the step from `parent`, which is `owner` or a part
    #: of what it is written as, to `child`; and the function for the step after it.
    Step = Callable[[object, object, object], tuple[str, "Step"]]

__all__ = ["place_of"]

# How many objects of a long chain are looked at: so many at its beginning, and so many at its end.
_LOOKED_AT = 20

# How many items of one container are searched for the next object, and how much of a key is shown.
_SEARCHED = 100_000
_SHOWN = 60


def place_of(chain: Sequence[object]) -> tuple[str, str]:
    """The path along `chain`, and the name of the type of the object there.

    `chain` is told in :mod:`brinery.engine.levels`. Where an engine wrote the instance's state without a
    reduction, the state follows the object.

    Never fails and never runs code of the objects, for another error is on its way.
    """
    steps = ["root"]
    objects = shorten([link for link in chain if not is_place(link)], _LOOKED_AT)
    owner = parent = at = objects[0] if objects else None
    step_from: Step = _from_object
    for child in objects[1:]:
        try:
            step, step_from = step_from(owner, parent, child)
        except Exception:  # another thread changes the container
            step, step_from = "<item>", _from_object
        steps.append(step)
        if step or parent is SKIPPED:
            at = child
        if step_from is _from_object:
            owner = child
        parent = child
    return "".join(steps), full_name(at)


def _from_object(owner: object, parent: object, child: object) -> tuple[str, Step]:
    if child is SKIPPED:
        return "<…>", _from_skipped
    if child is PID:
        return "<persistent ID>", _from_skipped
    if type(child) is Reduction:
        return "", _from_rebuilt_set if type(parent) in (set, frozenset) else _from_reduction
    step = _item(parent, child)
    if step is not None:
        return step, _from_object
    if type(child) in (dict, tuple, list) and type(parent) not in _CONTAINERS:
        return "", _from_state
    return f"<{full_name(child)}>", _from_object


def _from_skipped(owner: object, parent: object, child: object) -> tuple[str, Step]:
    return "", _from_reduction if type(child) is Reduction else _from_object


def _from_reduction(owner: object, parent: object, child: object) -> tuple[str, Step]:
    if child is SKIPPED:
        return "<…>", _from_skipped
    assert isinstance(parent, Reduction)
    if child is parent.state:
        return "", _from_state
    if child is parent.callable:
        return ".__reduce__()[0]", _from_object
    if child is parent.args and _is(owner, partial):
        return "", _from_function
    if child is parent.args and _is(owner, CellType):
        return "", _from_cell
    if child is parent.args and type(owner) in _WRAPPED:
        return "", _from_wrapper
    if child is parent.args:
        return ".args" if _is(owner, BaseException) else ".__reduce__()[1]", _from_object
    if child is parent.state_setter:
        return ".__reduce__()[5]", _from_object
    # Items of lists and dicts came out of iterators, which cannot be searched; what they iterate over can.
    step = _item(owner, child)
    if step is not None:
        return step, _from_object
    index = _index(parent.args, child)
    if index is not None:
        if _is(owner, partial):
            return _from_function(owner, parent, child)
        if child is type(owner):
            return ".__class__", _from_object
        args = ".args" if _is(owner, BaseException) else ".__reduce__()[1]"
        return f"{args}[{index}]", _from_object
    if type(child) is tuple and parent.items is None:
        if _is(owner, _FROZENDICT):
            return "", _from_frozen
        return ".__getnewargs__()", _from_object  # NEWOBJ's arguments: the reduction's without the class
    return "<item>", _from_object


def _from_frozen(owner: object, parent: object, child: object) -> tuple[str, Step]:
    """A frozendict is made of a tuple with one dict, which nobody who wrote the frozendict ever saw."""
    return "", _from_object


def _from_closure(owner: object, parent: object, child: object) -> tuple[str, Step]:
    """The cells of a function: which is which variable's, only the function's code says."""
    index = None if child is SKIPPED else _index(parent, child)
    if index is None:
        return "<variable>", _from_object
    name = owner.__code__.co_freevars[index]  # type: ignore[attr-defined]

    def from_cell(owner: object, parent: object, child: object) -> tuple[str, Step]:
        if type(child) is Reduction or (type(parent) is Reduction and child is parent.args):
            return "", from_cell
        return f"<variable {name}>", _from_object

    return "", from_cell


def _from_wrapper(owner: object, parent: object, child: object) -> tuple[str, Step]:
    """What is made to wrap something, and says so by an attribute that runs no code."""
    for name in _WRAPPED[type(owner)]:
        if getattr(owner, name, None) is child:
            return f".{name}", _from_object
    return f".__reduce__()[1]{_item(parent, child)}", _from_object


def _from_cell(owner: object, parent: object, child: object) -> tuple[str, Step]:
    """A cell is made of its contents alone."""
    return ".cell_contents", _from_object


def _from_function(owner: object, parent: object, child: object) -> tuple[str, Step]:
    """A partial is made of its function alone; the rest is its state."""
    return ".func", _from_object


def _from_rebuilt_set(owner: object, parent: object, child: object) -> tuple[str, Step]:
    # Below protocol 4 a set is a call with a list of its members.
    step = _item(owner, child)
    return ("", _from_rebuilt_set) if step is None else (step, _from_object)


def _from_state(owner: object, parent: object, child: object) -> tuple[str, Step]:
    if child is SKIPPED:
        return "<…>", _from_skipped
    if _is(parent, dict):
        for key, value in _pairs(parent):
            if value is child:
                if key == "__closure__" and type(child) is tuple and _is(owner, FunctionType):
                    return "", _from_closure
                return (
                    f".{key}" if type(key) is str and key.isidentifier() else f"[{_key(key)}]"
                ), _from_object
    elif type(parent) is tuple and len(parent) == 2 and _is(child, dict):
        return "", _from_state  # attributes and slots, as copyreg pairs them
    elif _is(owner, partial) and type(parent) is tuple:
        for name, part in zip(("func", "args", "keywords", "__dict__"), parent, strict=False):
            if part is child:
                return f".{name}", _from_object
    return f".__getstate__(){_item(parent, child) or '<item>'}", _from_object


#: What objects of these types wrap.
_WRAPPED: dict[type, tuple[str, ...]] = {
    MethodType: ("__self__", "__func__"),
    BuiltinMethodType: ("__self__",),
    property: ("fget", "fset", "fdel"),
    classmethod: ("__func__",),
    staticmethod: ("__func__",),
    type(lru_cache(len)): ("__wrapped__",),
}

#: From Python 3.15 on.
_FROZENDICT = getattr(builtins, "frozendict", ())

_CONTAINERS = (list, tuple, dict, set, frozenset)


def _item(container: object, child: object) -> str | None:
    """The step to an item of `container`; None where it has no such item."""
    if _is(container, (list, tuple)):
        index = _index(container, child)
        return None if index is None else f"[{index}]"
    if _is(container, dict):
        for index, (key, value) in enumerate(_pairs(container)):
            if value is child:
                return f"[{_key(key)}]"
            if key is child:
                return f".keys()[{index}]"
    elif _is(container, deque):
        for index, item in enumerate(_items(deque, container)):
            if item is child:
                return f"[{index}]"
    elif _is(container, (set, frozenset)):
        kind = set if _is(container, set) else frozenset
        if any(member is child for member in _items(kind, container)):
            return "<member>"
    return None


def _index(sequence: object, child: object) -> int | None:
    kind = list if _is(sequence, list) else tuple
    for index, item in enumerate(_items(kind, sequence)):
        if item is child:
            return index
    return None


# By the builtin type's own methods: a subclass may have made iteration anything.
def _items(kind: type[Any], container: Any) -> Iterable[object]:
    return islice(kind.__iter__(container), _SEARCHED)


def _pairs(mapping: Any) -> Iterable[tuple[object, object]]:
    return islice(dict.items(mapping), _SEARCHED)


def _is(obj: object, kinds: type | tuple[type, ...]) -> bool:
    """isinstance, but by the real type: an object's ``__class__`` may run its code."""
    return issubclass(type(obj), kinds)


def _key(key: object) -> str:
    """A key as source text. Only types whose repr is short and harmless are asked for one."""
    if type(key) in (str, bytes):
        assert isinstance(key, (str, bytes))
        return repr(key) if len(key) <= _SHOWN else f"{key[:_SHOWN]!r}…"
    if type(key) in (float, bool, type(None)):
        return repr(key)
    if type(key) is int and key.bit_length() < 64:
        return repr(key)
    return f"<{full_name(key)}>"
