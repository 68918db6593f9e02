"""Arrays that stand between the opcodes of a stream, as joblib writes them.

joblib's pickler writes an object that wraps an array, with BUILD as its last opcode, and behind that the
array's memory as it is; where the array is one of objects, a pickle of its own. How many bytes that is only
the wrapper's state says. So a stream is read as any other until it names the wrapper's class; then it is gone
through once to find the arrays, and read again with what was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from brinery.errors import ReadError
from brinery.stream.faults import locating
from brinery.stream.feeds import feed_of
from brinery.stream.opcodes import BY_NAME
from brinery.stream.scanner import Scanner
from brinery.stream.symbols import Symbols
from brinery.stream.walk import WRAPPER, WRAPPERS_MODULE, ArraysFollow, Keeper, Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.stream.feeds import Feed
    from brinery.stream.symbols import Symbol

__all__ = ["RawArray", "Readings", "read_through"]

_BUILD = BY_NAME["BUILD"].code[0]
_STOP = BY_NAME["STOP"].code[0]
_KEPT = 64  # parts of a container: a shape may have so many, a wrapper's state has six, and a dtype's nine
_HAS_OBJECT = 1  # of a dtype's flags (NumPy's NPY_ITEM_HASOBJECT)
_ITEM_SIZE, _FLAGS = 5, 7  # where a dtype's state has them; a size of -1 is that of the letter and digits


class RawArray(NamedTuple):
    """What stands behind an opcode.

    offset     where it begins
    size       how many bytes it has, with its padding
    pickled    whether it is a pickle of its own
    padding    how many bytes of it stand before the array's memory: one that says how many, and these
    alignment  at a multiple of how many bytes the memory begins; 0 where there is no padding
    """

    offset: int
    size: int
    pickled: bool
    padding: int = 0
    alignment: int = 0


class Readings:
    """A source that is read once, or twice where arrays stand in it."""

    def __init__(self, source: Any, progress: Callable[[int], object] | None) -> None:
        self._source = source
        self._progress = progress
        self._place: int | None = None
        self._again = not hasattr(source, "read")
        if not self._again and getattr(source, "seekable", bool)():
            self._place = source.tell()
            self._again = True

    def first(self) -> tuple[Feed, tuple[RawArray, ...] | None]:
        """What to scan, and the `arrays` of the walk: without any, where it cannot be read again."""
        return feed_of(self._source, self._progress), None if self._again else ()

    def second(self) -> tuple[Feed, tuple[RawArray, ...] | None]:
        """The same from the beginning, when ArraysFollow was raised."""
        self._rewind()
        arrays = _arrays_in(feed_of(self._source))
        self._rewind()
        return feed_of(self._source, self._progress), arrays

    def _rewind(self) -> None:
        if self._place is not None:
            self._source.seek(self._place)


_Result = TypeVar("_Result")


def read_through(
    source: Any,
    progress: Callable[[int], object] | None,
    look: Callable[[Feed, tuple[RawArray, ...] | None], _Result],
) -> _Result:
    """What `look` makes of the bytes or the file `source`: it is called once, or twice with arrays."""
    readings = Readings(source, progress)
    try:
        return look(*readings.first())
    except ArraysFollow:
        pass
    return look(*readings.second())


def _arrays_in(feed: Feed) -> tuple[RawArray, ...]:
    """The arrays in a stream, up to its end or its first fault, which the second reading meets again."""
    scanner = Scanner(feed)
    walk = Walk(scanner, finder := _Finder(), arrays=())
    try:
        with locating(walk):
            while True:
                code = walk.step()
                if code == _BUILD:
                    finder.pass_array(scanner, walk.stack[-1])
                elif code == _STOP:
                    if scanner.at_end():
                        break
                    walk.next_pickle()
    except ReadError:
        pass
    return tuple(finder.found)


class _Finder(Symbols):
    """Finds the wrappers, and what stands behind them."""

    def __init__(self) -> None:
        super().__init__(_KEPT)
        self.found: list[RawArray] = []

    def change(self, walk: Walk, code: int, first: int) -> Symbol:
        symbol = super().change(walk, code, first)
        if code == _BUILD and (_is_wrapper(symbol) or _is_dtype(symbol)):
            symbol.changes = [(code, walk.stack[first + 1 :])]
        return symbol

    def pass_array(self, scanner: Scanner, symbol: Symbol) -> None:
        """Go over what stands behind the wrapper `symbol`, if it is one."""
        state = _state(symbol) if _is_wrapper(symbol) else None
        if state is None or state.kind != "dict":
            return
        keys = [_text(key.content) for key in state.parts[::2]]
        items = dict(zip(keys, state.parts[1::2], strict=False))
        size = _size(items.get("shape"), items.get("dtype"))
        begin = scanner.end
        padding = multiple = 0
        scanner.begin_pickle()
        if size is None:
            inner = Walk(scanner, Keeper())
            inner.through()
            scanner.begin_pickle()
        else:
            alignment = items.get("numpy_array_alignment_bytes")
            if alignment is not None and alignment.kind == "int":
                padding = 1 + scanner.peek()
                # Nobody who reads it looks at that; there is one byte for the padding.
                multiple = alignment.content if 0 < alignment.content <= 0xFF else 1
            scanner.skip(padding + size)
        self.found.append(RawArray(begin, scanner.end - begin, size is None, padding, multiple))


def _called(symbol: Symbol) -> Symbol | None:
    return symbol.links[0] if symbol.kind in ("new", "call") and symbol.links else None


def _is_wrapper(symbol: Symbol) -> bool:
    function = _called(symbol)
    if function is not None and symbol.kind == "call" and symbol.parts:  # protocols 0 and 1
        function = symbol.parts[0]
    if function is None or function.kind != "global":
        return False
    return bool(function.content.qualname == WRAPPER and function.content.module.endswith(WRAPPERS_MODULE))


def _is_dtype(symbol: Symbol) -> bool:
    function = _called(symbol)
    return (
        function is not None and function.kind == "global" and tuple(function.content) == ("numpy", "dtype")
    )


def _state(symbol: Symbol) -> Symbol | None:
    return symbol.changes[-1][1][0] if symbol.changes else None


def _text(content: Any) -> Any:
    """A string of Python 2, as text."""
    return content.decode("latin-1") if isinstance(content, bytes) else content


def _size(shape: Symbol | None, dtype: Symbol | None) -> int | None:
    """The bytes of such an array; None where it is one of objects.

    Raises UnpicklingError where the stream does not say it.
    """
    if shape is None or dtype is None or shape.kind != "tuple" or not _is_dtype(dtype):
        raise ReadError("an array follows, and its wrapper does not say how many bytes it has")
    size, flags = -1, 0
    state = _state(dtype)
    if state is not None and len(state.parts) > _FLAGS:
        size, flags = state.parts[_ITEM_SIZE].content, state.parts[_FLAGS].content
    name = dtype.parts[0].content if dtype.parts else ""
    if isinstance(flags, int) and flags & _HAS_OBJECT:
        return None
    name = _text(name)
    if size == -1 and isinstance(name, str) and name[1:].isdecimal() and len(name) < 8:
        size = int(name[1:])
    sizes = [size, *(part.content for part in shape.parts)]
    if shape.count != len(shape.parts) or not all(type(one) is int and one >= 0 for one in sizes):
        raise ReadError("an array follows, and its wrapper does not say how many bytes it has")
    product = 1
    for one in sizes:
        product *= one
    return product
