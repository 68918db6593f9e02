# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: initializedcheck=False, freethreading_compatible=False
"""What is in a pickle, opcode by opcode, without loading it: nothing is imported, called or built.

This file is also compiled, with the types in ``disassembly.pxd``.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from brinery.stream.faults import locating
from brinery.stream.globals import shorten
from brinery.stream.instructions import Instruction
from brinery.stream.opcodes import BY_CODE, BY_NAME
from brinery.stream.raw_arrays import Readings
from brinery.stream.scanner import Scanner
from brinery.stream.showing import show, show_constant
from brinery.stream.symbols import Symbol, Symbols
from brinery.stream.walk import ArraysFollow, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from brinery.stream.feeds import Feed, Readable
    from brinery.stream.globals import GlobalName
    from brinery.stream.raw_arrays import RawArray

__all__ = ["disassemble"]

_DETAIL = 200  # characters
_ID = 1000  # characters of a persistent ID
_PARTS = 8  # of a container that are shown


def disassemble(
    source: Readable | Buffer, *, progress: Callable[[int], object] | None = None
) -> Iterator[Instruction]:
    """Every opcode of every pickle in `source`: bytes, or a file of which only ``read(n)`` is used.

    Offsets count from where `source` stands; a file is read to its end, where several pickles may
    stand one after another. `progress` is called now and then with how many bytes were read.

    Raises :class:`~brinery.errors.ReadError` at the first fault, after the sound opcodes before it were
    yielded; ``pickle_offset``, ``pickle_opcode`` and ``pickle_building`` say where. An empty `source` is
    a fault too.
    """
    readings = Readings(source, progress)
    done = 0
    try:
        for instruction in _disassemble(*readings.first()):
            yield instruction
            done += 1
        return
    except ArraysFollow:
        pass
    yield from islice(_disassemble(*readings.second()), done, None)


def _disassemble(feed: Feed, arrays: tuple[RawArray, ...] | None) -> Iterator[Instruction]:
    scanner = Scanner(feed)
    teller = _Teller()
    walk = Walk(scanner, teller, arrays=arrays)
    with locating(walk):
        while True:
            yield _instruction(walk, teller)
            if scanner.code == _STOP:
                if scanner.at_end():
                    break
                walk.next_pickle()
        scanner.finish()


# By an opcode's byte: its row, and whether it leaves an object on top of the stack.
_CONSTANTS = (("int",), ("float",), ("str",), ("bytes",), ("bytearray",))
_ROWS = [BY_CODE.get(code) for code in range(256)]
_PUSHES = [op is not None and bool(op.after) and op.name != "MARK" for op in _ROWS]
# Whether what it pushes is its argument, which need not be read once more.
_CARRIES = [op is not None and op.argument.name != "none" and op.after in _CONSTANTS for op in _ROWS]
_STOP = BY_NAME["STOP"].code[0]
_INST = BY_NAME["INST"].code[0]
_NEW = tuple(BY_NAME[name].code[0] for name in ("NEWOBJ", "NEWOBJ_EX"))
_REFERRING = ("global", "persistent", "extension")
_STORES = tuple(BY_NAME[name].code[0] for name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"))
_FETCHES = tuple(BY_NAME[name].code[0] for name in ("GET", "BINGET", "LONG_BINGET"))


class _Teller(Symbols):
    """Symbols of which the beginning is kept, and words for what an opcode does beyond pushing one.

    words   what the last opcode changed
    called  the global that INST called
    """

    def __init__(self) -> None:
        Symbols.__init__(self, _PARTS)
        self.words = ""
        self.called: GlobalName | None = None

    def change(self, walk: Walk, code: int, first: int) -> Symbol:
        items = walk.stack[first + 1 :]
        symbol = Symbols.change(self, walk, code, first)
        name = BY_CODE[code].name
        if name == "BUILD":
            self.words = f"state of {show(symbol, 40)}: {show(items[0])}"
        elif name in ("SETITEM", "SETITEMS"):
            one = len(items) == 2
            self.words = (
                f"{show(items[0], 40)}: {show(items[1], 40)}" if one else f"set {len(items) // 2:,} items"
            )
        elif len(items) == 1:
            self.words = f"append {show(items[0])}"
        else:
            self.words = f"{'append' if name == 'APPENDS' else 'add'} {len(items):,} items"
        return symbol

    def call(self, walk: Walk, code: int, function: Symbol, first: int) -> Symbol:
        symbol = Symbols.call(self, walk, code, function, first)
        self.words = f"{'new' if code in _NEW else 'call'} {show(symbol)}"
        if code == _INST:
            self.called = function.content
        return symbol

    def raw(self, walk: Walk, symbol: Symbol, array: RawArray, data: bytes, inner: Walk | None) -> Symbol:
        what = "a pickle of objects" if inner is not None else "raw bytes"
        self.words = f"{shorten(self.words, _DETAIL // 2)}; behind it, the array: {what}"
        return symbol

    def read_only(self, walk: Walk, symbol: Symbol) -> Symbol:
        self.words = f"{show(symbol)}, read-only"
        return symbol

    def drop(self, walk: Walk, first: int) -> None:
        count = len(walk.stack) - first
        if count:
            self.words = f"drop {show(walk.stack[first])}" if count == 1 else f"drop {count:,} objects"


def _instruction(walk: Walk, teller: _Teller) -> Instruction:
    """Take one opcode, and say what it did."""
    scanner = walk.scanner
    marks = walk.marks
    teller.words, teller.called = "", None
    code = walk.step()
    opcode = _ROWS[code]
    assert opcode is not None
    stack = walk.stack
    top: Symbol | None = stack[-1] if _PUSHES[code] else None
    stores = code in _STORES
    memo = walk.index if stores or code in _FETCHES else None
    pushed = None if stores else top
    left = len(stack) - (code == _STOP)
    words = teller.words or _words(walk, opcode.name, top, memo, left)
    kind = pushed.kind if pushed is not None else ""
    named = (None, None, None)
    if teller.called is not None or kind in _REFERRING:
        named = _named(pushed, teller.called)
    # By a class's own __new__ this would take as long as half of all the rest.
    fields = (
        walk.pickle,
        walk.protocol,
        scanner.start,
        scanner.end - scanner.start,
        opcode,
        top.content if _CARRIES[code] and top is not None else scanner.value(),
        left,
        min(marks, walk.marks),  # what closes a mark stands where the mark stood
        words if len(words) <= _DETAIL else shorten(words, _DETAIL),
        memo,
        *named,
    )
    return tuple.__new__(Instruction, fields)


def _words(walk: Walk, name: str, top: Symbol | None, memo: int | None, left: int) -> str:
    scanner = walk.scanner
    if name == "STOP":
        more = f" ({left} more left on the stack)" if left else ""
        return f"the object is {show(walk.stack[-1])}{more}"
    if name == "PROTO":
        return str(walk.protocol)
    if name == "FRAME":
        return f"{scanner.frame_end - scanner.end:,} bytes, to offset {scanner.frame_end}"
    if name == "POP":
        return "drop the mark"
    if top is None:
        return ""
    if memo is not None:
        return f"memo[{memo}] {'is' if name.endswith('GET') else '='} {show(top)}"
    if top.kind == "global" and name in ("GLOBAL", "STACK_GLOBAL"):
        return f"global {top.content}"
    if top.kind == "extension" and name.startswith("EXT"):
        return f"copyreg's extension code {top.content}"
    if top.kind == "persistent" and name in ("PERSID", "BINPERSID"):
        return f"persistent ID {_show_id(top)}"
    if top.kind == "buffer" and name == "NEXT_BUFFER":
        return f"out-of-band buffer {top.content}"
    return show(top)


def _show_id(symbol: Symbol) -> str:
    return show(symbol.links[0], _ID) if symbol.links else shorten(show_constant(symbol.content), _ID)


def _named(pushed: Symbol | None, called: GlobalName | None) -> tuple[Any, Any, Any]:
    """What an opcode refers to outside the stream: a global, a persistent ID, or an extension code."""
    kind = pushed.kind if pushed is not None else ""
    return (
        pushed.content if pushed is not None and kind == "global" else called,
        _show_id(pushed) if pushed is not None and kind == "persistent" else None,
        pushed.content if pushed is not None and kind == "extension" else None,
    )
