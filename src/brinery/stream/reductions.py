"""The same value, reduced in other ways at other protocols: what each of them says, as one.

- What is made of a class: ``copyreg._reconstructor(cls, base, content)`` at protocols 0 and 1, NEWOBJ later;
  and ``functools.partial(cls.__new__, cls, ...)()`` at protocols 2 and 3 for what is NEWOBJ_EX later
  (``copyreg.__reduce_ex__``, ``object.__reduce_ex__``, ``save_reduce`` of the pickle module).
- ``array.array``: a list of its items below protocol 3, its memory later (``array.array.__reduce_ex__``).
- Subclasses of bytearray: text and an encoding below protocol 3, bytes later (``bytearray.__reduce_ex__``).
- NumPy's arrays: ``_reconstruct`` with a state below protocol 5, ``_frombuffer`` from then on
  (``numpy.ndarray.__reduce_ex__``).
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from brinery.stream.graph import (
    ARRAY,
    BUILD,
    CALL,
    DICT,
    FROZENSET,
    GLOBAL,
    LIST,
    NEW,
    NEW_EX,
    OBJ,
    TUPLE,
    Node,
)
from brinery.stream.graph_texts import is_global
from brinery.stream.old_bytes import bytes_of_array

__all__ = ["Call", "changes_of", "made_of"]

# array's machine formats (Modules/arraymodule.c): their codes by number, of those that struct knows.
_FORMATS = (
    "B",
    "b",
    "<H",
    ">H",
    "<h",
    ">h",
    "<I",
    ">I",
    "<i",
    ">i",
    "<Q",
    ">Q",
    "<q",
    ">q",
    "<f",
    ">f",
    "<d",
    ">d",
)
_TEXTS = {18: "utf-16-le", 19: "utf-16-be", 20: "utf-32-le", 21: "utf-32-be"}  # of typecode u
_NUMPY = ("numpy.core.", "numpy._core.")
_ARRAY_HEAD = ("numpy", "ndarray")


class Call(NamedTuple):
    """How an object is made.

    kind         CALL, or NEW for what a class's ``__new__`` makes
    function     what is called, or the class
    given        the arguments
    items        what is in it from the beginning, of a list's subclass
    pairs        the same of a dict's: keys and values in turn
    alternative  a tuple whose items are `given`, and which may be the only argument in their place
    """

    kind: int
    function: Any
    given: list[Any]
    items: list[Any]
    pairs: list[Any]
    alternative: Node | None = None


def made_of(node: Node) -> Call:
    """How a CALL, NEW, NEW_EX or OBJ makes its object."""
    function, *given = node.parts
    if node.kind != OBJ:
        arguments = given[0]
        if type(arguments) is Node and arguments.kind == TUPLE and arguments.changes is None:
            given = arguments.parts + given[1:]
    if node.kind != CALL:
        return _new(node.kind, function, given)
    found = _reconstructed(function, given) or _by_partial(function, given) or _array(function, given)
    found = found or _bytearray(function, given)
    return found or _numpy(node, function, given) or Call(CALL, function, given, [], [])


def changes_of(node: Node) -> list[tuple[int, list[Any]]]:
    """What is done to an object afterwards, but for what :func:`made_of` has taken."""
    changes = node.changes or []
    if node.kind == CALL and _state_of_array(node) is not None:
        return changes[1:]
    return changes


def _new(kind: int, function: Any, given: list[Any]) -> Call:
    if kind == NEW_EX and given and type(given[-1]) is Node:
        named = given[-1]
        if named.kind == DICT and not named.parts and named.changes is None:
            given = given[:-1]
    return Call(NEW if kind == NEW_EX else kind, function, given, [], [])


def _reconstructed(function: Any, given: list[Any]) -> Call | None:
    """``copyreg._reconstructor(cls, base, content)``: what ``cls.__new__(cls, ...)`` makes, and fills."""
    if len(given) != 3 or not is_global(function, "copyreg", "_reconstructor"):
        return None
    cls, base, content = given
    if type(base) is not Node or base.kind != GLOBAL or base.head[0] != "builtins":
        return None
    kind = base.head[1]
    if kind == "object" and content is None:
        return Call(NEW, cls, [], [], [])
    if type(content) is not Node:
        return Call(NEW, cls, [content], [], [])
    if content.changes is not None:
        return None
    if kind == "list" and content.kind == LIST:
        return Call(NEW, cls, [], content.parts, [])
    if kind == "dict" and content.kind == DICT:
        return Call(NEW, cls, [], [], content.parts)
    if kind == "tuple" and content.kind == TUPLE:
        return Call(NEW, cls, content.parts, [], [], content)
    if kind == "complex" and content.kind == CALL and is_global(content.parts[0], "builtins", "complex"):
        arguments = content.parts[1]
        return Call(NEW, cls, list(arguments.parts), [], []) if type(arguments) is Node else None
    return Call(NEW, cls, [content], [], []) if content.kind in (ARRAY, FROZENSET) else None


def _by_partial(function: Any, given: list[Any]) -> Call | None:
    """``functools.partial(cls.__new__, cls, *args, **kwargs)()``."""
    if given or type(function) is not Node or function.kind != CALL or len(function.changes or ()) != 1:
        return None
    if not is_global(function.parts[0], "functools", "partial"):
        return None
    what, items = function.changes[0]  # type: ignore[index]
    state = items[0]
    if what != BUILD or type(state) is not Node or state.kind != TUPLE or len(state.parts) != 4:
        return None
    called, arguments, named, _ = state.parts
    if type(arguments) is not Node or arguments.kind != TUPLE or not arguments.parts:
        return None
    cls, *rest = arguments.parts
    if type(called) is not Node or type(cls) is not Node or called.kind != GLOBAL or cls.kind != GLOBAL:
        return None
    if not called.head[1].endswith(".__new__"):
        return None
    return _new(NEW_EX, cls, [*rest, named])


def _array(function: Any, given: list[Any]) -> Call | None:
    """``array.array(typecode, [items])``, ``array._array_reconstructor(cls, typecode, format, memory)``."""
    if len(given) == 2 and is_global(function, "array", "array"):
        content = given[1]
        if type(content) is Node and content.kind == LIST and content.changes is None:
            return Call(CALL, function, given[:1], content.parts, [])
        return None
    if len(given) != 4 or not is_global(function, "array", "_array_reconstructor"):
        return None
    cls, code, number, memory = given
    if type(number) is int and number in _TEXTS and type(memory) is bytes:
        try:
            return Call(CALL, cls, [code], list(memory.decode(_TEXTS[number], "surrogatepass")), [])
        except UnicodeDecodeError:
            return None
    if type(number) is not int or not 0 <= number < len(_FORMATS) or type(memory) is not bytes:
        return None
    layout = struct.Struct(_FORMATS[number])
    if len(memory) % layout.size:
        return None
    return Call(CALL, cls, [code], [value for (value,) in layout.iter_unpack(memory)], [])


def _bytearray(function: Any, given: list[Any]) -> Call | None:
    """``cls(text, "latin-1")`` for ``cls(bytes)``, of a bytearray's subclass; if empty, ``cls()``."""
    if len(given) != 2 or given[1] != "latin-1" or type(given[0]) is not str:
        return None
    content = bytes_of_array(tuple(given))
    return None if content is None else Call(CALL, function, [content] if content else [], [], [])


def _numpy(node: Node, function: Any, given: list[Any]) -> Call | None:
    """An array of NumPy's by type, shape, order and memory."""
    state = _state_of_array(node)
    if state is not None:
        _, shape, dtype, fortran, memory = state.parts
        return _numpy_array(shape, dtype, bool(fortran), memory)
    if len(given) == 4 and type(function) is Node and function.kind == GLOBAL:
        module, name = function.head
        if name == "_frombuffer" and module.startswith(_NUMPY) and given[3] in ("C", "F"):
            memory, dtype, shape, order = given
            return _numpy_array(shape, dtype, order == "F", memory)
    return None


def _numpy_array(shape: Any, dtype: Any, fortran: bool, memory: Any) -> Call:
    if type(memory) is Node and memory.kind == ARRAY and memory.changes is None:
        memory = memory.head
    return Call(CALL, Node(GLOBAL, _ARRAY_HEAD, []), [dtype, shape, "F" if fortran else "C", memory], [], [])


def _state_of_array(node: Node) -> Node | None:
    """The state of an array that ``_reconstruct`` makes, if its items are not objects."""
    function, arguments = node.parts
    if type(function) is not Node or function.kind != GLOBAL or function.head[1] != "_reconstruct":
        return None
    if not function.head[0].startswith(_NUMPY) or type(arguments) is not Node or not arguments.parts:
        return None
    if not is_global(arguments.parts[0], *_ARRAY_HEAD) or not node.changes:
        return None
    what, items = node.changes[0]
    state = items[0]
    if what != BUILD or type(state) is not Node or state.kind != TUPLE or len(state.parts) != 5:
        return None
    return state if type(state.parts[4]) is bytes else None
