"""Objects by reduction (PEP 307), and classes and functions by name.

Generators, as in :mod:`.containers`: what they yield is written before they go on.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from brinery import cpython, refusals
from brinery.engine.globals import extension_code, locate_global, stream_name
from brinery.engine.python.writing.batches import append_items, set_pairs
from brinery.engine.reductions import Reduction, check
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
    return write_global(w, obj, value) if isinstance(value, str) else write_reduction(w, obj, value)


def write_reduction(w: Writer, obj: object, value: object) -> Steps:
    """Make the object, memoize it, then fill it: items, pairs, state."""
    reduction = value if type(value) is Reduction else check(value)
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
        raise refusals.newobj_arguments()
    cls = args[0]
    if not isinstance(cls, type):
        raise refusals.newobj_class(cls)
    own = getattr(obj, "__class__", type(obj))
    if own is not cls:
        raise refusals.newobj_other_class(own, cls)
    return cls


def _check_newobj_ex(args: tuple[object, ...]) -> tuple[type, tuple[object, ...], dict[str, object]]:
    if len(args) != 3:
        raise refusals.newobj_ex_arguments(args)
    for position, kind in enumerate((type, tuple, dict)):
        if not isinstance(args[position], kind):
            raise refusals.newobj_ex_argument(position, args[position])
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
    elif cpython.GETATTR_IN_A_ROW:
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
