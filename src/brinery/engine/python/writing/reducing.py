"""Objects by reduction (PEP 307), and classes and functions by name.

Generators, as in :mod:`.containers`: what they yield is written before they go on.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from brinery.engine.globals import extension_code, locate_global, stream_name
from brinery.engine.python.writing.batches import append_items, set_pairs
from brinery.engine.reductions import Reduction, check
from brinery.errors import WriteError
from brinery.stream.opcodes import codes
from brinery.stream.text import encode_global

if TYPE_CHECKING:
    from brinery.engine.globals import GlobalName
    from brinery.engine.python.writing.writer import Steps, Writer

__all__ = ["write_global", "write_reduced", "write_reduction", "write_type"]

MARK, POP, TUPLE, TUPLE2 = codes("MARK", "POP", "TUPLE", "TUPLE2")
REDUCE, NEWOBJ, NEWOBJ_EX, BUILD = codes("REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD")
GLOBAL, STACK_GLOBAL, EXT1, EXT2, EXT4 = codes("GLOBAL", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")

#: Types that no module holds, by the one object that leads to each.
_SINGLETONS: dict[object, object] = {type(None): None, type(...): ..., type(NotImplemented): NotImplemented}


def write_reduced(w: Writer, obj: object, value: object) -> Steps:
    """`obj` as `value` says, which a reducer gave back for it: a global's name or a reduction."""
    if isinstance(value, str):
        return write_global(w, obj, value)
    return write_reduction(w, obj, check(value, obj))


def write_reduction(w: Writer, obj: object, reduction: Reduction) -> Steps:
    """Make the object, memoize it, then fill it: items, pairs, state."""
    function, args, state, items, pairs, state_setter = reduction
    # copyreg's two constructors are known by their name; they have opcodes from protocol 2 and 4 on.
    name = getattr(function, "__name__", None) if w.protocol >= 2 else None
    if name == "__newobj__":
        yield _check_newobj(obj, args), args[1:]
        w.buffer += NEWOBJ
    elif name == "__newobj_ex__":
        cls, positional, keywords = _check_newobj_ex(args)
        if w.protocol >= 4:
            yield cls, positional, keywords
            w.buffer += NEWOBJ_EX
        else:
            yield partial(cls.__new__, cls, *positional, **keywords), ()
            w.buffer += REDUCE
    else:
        yield function, args
        w.buffer += REDUCE
    if id(obj) in w.indexes:
        # What it is made of led back to it: it is complete, and this one superfluous.
        w.buffer += POP
        w.get(obj)
        return
    w.memoize(obj)
    if items is not None:
        yield from append_items(w, items)
    if pairs is not None:
        yield from set_pairs(w, pairs)
    if state is not None:
        if state_setter is None:
            yield (state,)
            w.buffer += BUILD
        else:
            yield state_setter, obj, state
            w.buffer += TUPLE2 + REDUCE + POP


def _check_newobj(obj: object, args: tuple[object, ...]) -> type:
    if not args:
        raise WriteError("__newobj__ needs the class as its first argument; it was given none")
    cls = args[0]
    if not isinstance(cls, type):
        raise WriteError(f"the first argument of __newobj__ must be a class, not {type(cls).__name__}")
    if getattr(obj, "__class__", type(obj)) is not cls:
        raise WriteError(f"the first argument of __newobj__ must be the object's class, not {cls.__name__}")
    return cls


def _check_newobj_ex(args: tuple[object, ...]) -> tuple[type, tuple[object, ...], dict[str, object]]:
    if len(args) != 3:
        raise WriteError(
            f"__newobj_ex__ takes three arguments: the class, a tuple and a dict; it was given {len(args)}"
        )
    for position, kind, arg in zip(("first", "second", "third"), (type, tuple, dict), args, strict=True):
        if not isinstance(arg, kind):
            raise WriteError(
                f"the {position} argument of __newobj_ex__ must be a {kind.__name__}, "
                f"not {type(arg).__name__}"
            )
    return args  # type: ignore[return-value]


def write_type(w: Writer, obj: type) -> Steps:
    """A class whose type is exactly ``type``."""
    if obj in _SINGLETONS:
        return write_reduction(w, obj, Reduction(type, (_SINGLETONS[obj],)))
    return write_global(w, obj)


def write_global(w: Writer, obj: object, name: str | None = None) -> Steps:
    """A class or function by its name; by its code where ``copyreg.add_extension`` gave it one."""
    located = locate_global(obj, name)
    if w.protocol >= 2:
        code = extension_code(obj, located.module, located.qualname)
        if code is not None:
            if code <= 0xFF:
                w.buffer += EXT1 + code.to_bytes(1, "little")
            elif code <= 0xFFFF:
                w.buffer += EXT2 + code.to_bytes(2, "little")
            else:
                w.buffer += EXT4 + code.to_bytes(4, "little")
            return
    if w.protocol >= 4:
        yield stream_name(located.module, located.qualname, w.protocol, w.fix_imports, w.plan)
        w.buffer += STACK_GLOBAL
    elif "." not in located.qualname:
        _write_names(w, located.module, located.qualname)
    elif sys.version_info >= (3, 13):
        yield from _write_dotted_names(w, located)
    else:
        # Calls of getattr from the inside out: the class that it is in is written as any class is.
        yield getattr, (located.parent, located.last)
        w.buffer += REDUCE
    w.memoize(obj)


def _write_names(w: Writer, module: str, name: str) -> None:
    """GLOBAL, whose names are found in a module itself."""
    module, name = stream_name(module, name, w.protocol, w.fix_imports, w.plan)
    w.buffer += GLOBAL + encode_global(module, name, w.protocol)


def _write_dotted_names(w: Writer, located: GlobalName) -> Steps:
    """Below protocol 4, from Python 3.13 on: as many calls of getattr as there are dots, none memoized."""
    first, *rest = located.qualname.split(".")
    for _ in rest:
        yield (getattr,)
        if w.protocol < 2:
            w.buffer += MARK
    _write_names(w, located.module, first)
    for name in rest:
        yield (name,)
        w.buffer += (TUPLE if w.protocol < 2 else TUPLE2) + REDUCE
