# cython: language_level=3, annotation_typing=False, binding=False, embedsignature=False
# cython: cdivision=True, initializedcheck=False, freethreading_compatible=False
"""The symbolic machine: follows the stack and the memo through a stream without building anything.

A :class:`Walk` runs opcodes on *symbols* in the place of objects. What a symbol is, and so what of the
stream is worth keeping, is for a :class:`Keeper` to say: the names it refers to, sizes, constants, or
everything. The walk itself knows the stack, the marks, the memo, and which opcode takes what from
where; that comes from the opcode table alone. Its checks are those of a reader: a stack that is too
short, a missing mark, a memo index under which nothing was stored, a key without its value.

This file is also compiled, with the types in ``walk.pxd``.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from brinery.errors import ReadError
from brinery.stream.faults import BadArgument, StreamEnds
from brinery.stream.memo import Memo
from brinery.stream.opcodes import BY_NAME, TABLE
from brinery.stream.scanner import LARGEST_INDEX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brinery.stream.raw_arrays import RawArray
    from brinery.stream.scanner import Scanner

__all__ = ["MOST_WAITING", "WRAPPER", "WRAPPERS_MODULE", "ArraysFollow", "Keeper", "Walk"]

#: How many objects may wait on the stack for what takes them, and how many marks. That is more than any tuple
#: that people pickle has items, and keeps what only pushes from taking all the memory there is.
MOST_WAITING = 1 << 24

#: The class of joblib whose instances are followed by an array, and how its module's name ends.
WRAPPER = "NumpyArrayWrapper"
WRAPPERS_MODULE = "joblib.numpy_pickle"


class ArraysFollow(Exception):
    """A stream has arrays between its opcodes, perhaps: to be found before it is read."""


# What an opcode does, by its byte.
(
    _CONSTANT,
    _MAKE,
    _CHANGE,
    _STORE,
    _FETCH,
    _MARK,
    _CALL,
    _GLOBAL,
    _EXTENSION,
    _PERSISTENT,
    _STREAM,
    _DROP,
    _OTHER,
) = range(13)

_KINDS = {
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_TUPLE", "EMPTY_DICT", "EMPTY_SET"), _MAKE),
    **dict.fromkeys(("LIST", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "DICT", "FROZENSET"), _MAKE),
    **dict.fromkeys(("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"), _CHANGE),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _STORE),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _FETCH),
    **dict.fromkeys(("REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"), _CALL),
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), _GLOBAL),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _EXTENSION),
    **dict.fromkeys(("PERSID", "BINPERSID"), _PERSISTENT),
    **dict.fromkeys(("PROTO", "FRAME"), _STREAM),
    **dict.fromkeys(("POP", "POP_MARK"), _DROP),
    **dict.fromkeys(("STOP", "DUP", "READONLY_BUFFER"), _OTHER),
    "MARK": _MARK,
}
_KIND = bytearray(256)
# How many objects an opcode takes from below the mark, or from the stack if there is no mark to it.
_BELOW = bytearray(256)
_TO_MARK = bytearray(256)
_LEAST = bytearray(256)  # how many objects must lie above the mark
_PAIRS = bytearray(256)  # whether what it takes from above the mark is keys and values
for _op in TABLE:
    _code = _op.code[0]
    _KIND[_code] = _KINDS.get(_op.name, _CONSTANT)
    if "mark" in _op.before:
        _BELOW[_code] = _op.before.index("mark")
        _TO_MARK[_code] = 1
        _LEAST[_code] = sum(name != "items*" for name in _op.before[_BELOW[_code] + 1 :])
        _PAIRS[_code] = "dict" in _op.after
    else:
        _BELOW[_code] = len(_op.before)

_STOP = BY_NAME["STOP"].code[0]
_PROTO = BY_NAME["PROTO"].code[0]
_POP = BY_NAME["POP"].code[0]
_DUP = BY_NAME["DUP"].code[0]
_MEMOIZE = BY_NAME["MEMOIZE"].code[0]
_INST = BY_NAME["INST"].code[0]
_GLOBAL_CODE = BY_NAME["GLOBAL"].code[0]
_PERSID = BY_NAME["PERSID"].code[0]


class Keeper:
    """Says what is worth keeping of what a stream would build. This one keeps nothing.

    A walk calls these methods, and what they give is the symbol that takes the place of an object, on the
    stack and in the memo. `code` is the byte of the opcode at work. ``walk.stack[first:]`` are the symbols
    that the opcode works on; the walk takes them off the stack afterwards. ``walk.scanner`` has the
    opcode's argument, and the offsets; ``walk.begin_of(i)`` is the offset at which the making of
    ``walk.stack[i]`` began.
    """

    #: Whether no more than MOST_WAITING objects may wait on the stack. What keeps all needs no such bound.
    bounded = True

    def constant(self, walk: Walk, code: int) -> Any:
        """A number, text, bytes, None, True or False: ``walk.scanner.value()``. Or an out-of-band buffer."""
        return None

    def make(self, walk: Walk, code: int, first: int) -> Any:
        """A list, tuple, dict, set or frozenset of the symbols from `first` on."""
        return None

    def change(self, walk: Walk, code: int, first: int) -> Any:
        """``walk.stack[first]`` gets the items, pairs or the state above it; the symbol that it is then."""
        return walk.stack[first]

    def call(self, walk: Walk, code: int, function: Any, first: int) -> Any:
        """What calling `function` gives.

        For REDUCE, NEWOBJ and NEWOBJ_EX, the tuple of arguments is at `first`, and behind it the keyword
        arguments; for OBJ and INST, the arguments are from `first` on.
        """
        return None

    def name(self, walk: Walk, module: str, qualname: str) -> Any:
        """The class or function of that name."""
        return None

    def text(self, walk: Walk, symbol: Any) -> str:
        """The text that `symbol` stands for, to be used in a name by STACK_GLOBAL.

        Raises UnpicklingError where it cannot be text.
        """
        return ""

    def extension(self, walk: Walk, number: int) -> Any:
        """The class or function that copyreg's registry has under that number.

        Raises UnpicklingError where no such number can be registered.
        """
        if number <= 0:
            raise ReadError(f"{number} is no extension code; they begin at 1")
        return None

    def persistent(self, walk: Walk, code: int, first: int) -> Any:
        """The object of a persistent ID: of the symbol at `first`, or for PERSID of the opcode's argument."""
        return None

    def read_only(self, walk: Walk, symbol: Any) -> Any:
        """A read-only view of an out-of-band buffer."""
        return symbol

    def duplicate(self, walk: Walk, symbol: Any) -> Any:
        """What DUP pushes of the topmost symbol."""
        return symbol

    def store(self, walk: Walk, index: int, symbol: Any) -> Any:
        """What the memo keeps of `symbol`, the topmost one, under `index`."""
        return symbol

    def fetch(self, walk: Walk, index: int, symbol: Any) -> Any:
        """What is pushed of what the memo kept under `index`."""
        return symbol

    def drop(self, walk: Walk, first: int) -> None:
        """The symbols from `first` on are thrown away, or the last mark, where there are none."""

    def raw(self, walk: Walk, symbol: Any, array: RawArray, data: bytes, inner: Walk | None) -> Any:
        """``symbol`` was built by BUILD, and behind that stood no opcodes, but what the object is read from.

        That is `data`, if the scanner keeps arguments as a whole, without the padding before it; or a pickle
        of its own, which `inner` went through with what :meth:`nested` gave: its object is the topmost symbol
        there. What `symbol` is then.
        """
        return symbol

    def nested(self) -> Keeper:
        """What keeps of a pickle that stands between the opcodes of this one."""
        return self

    def describe(self, symbol: Any) -> str:
        """What `symbol` is, in a few words, if something is still to be added to it; else nothing."""
        return ""


class Walk:
    """Stack, marks and memo of one pickle after the other.

    scanner   where the opcodes come from
    keeper    what makes the symbols
    stack     the symbols
    memo      those that were stored, as a :class:`~brinery.stream.memo.Memo`
    index     the memo index that the last opcode stored or fetched
    protocol  as the pickle's last PROTO said; 0 before that
    pickle    which of the stream's pickles this is, from 0
    buffers   how many out-of-band buffers were met
    """

    def __init__(
        self,
        scanner: Scanner,
        keeper: Keeper,
        memo: Memo | None = None,
        arrays: Sequence[RawArray] | None = (),
    ) -> None:
        """Go through what `scanner` reads. With `memo`, the first pickle goes on in that one.

        `arrays` is what stands between the opcodes, as :mod:`brinery.stream.raw_arrays` finds it. With None,
        ArraysFollow is raised where a name is met that tells of such.
        """
        self.scanner = scanner
        self.keeper = keeper
        self.stack: list[Any] = []
        self.memo = Memo() if memo is None else memo
        self.index = -1
        self.protocol = 0
        self.pickle = 0
        self.buffers = 0
        # The offset at which the making of each symbol began; for each mark, how many symbols lie below it,
        # and where it stands.
        self._begins = array("q", bytes(8 * 64))
        self._marks = array("q", bytes(8 * 64))
        self._begins_view = self._begins
        self._marks_view = self._marks
        self._room, self._marks_room = len(self._begins), len(self._marks)
        self._watches = arrays is None
        self._arrays = list(arrays or ())
        self._arrays.reverse()
        self._array_at = self._arrays[len(self._arrays) - 1].offset if self._arrays else -1
        self._most = MOST_WAITING if keeper.bounded else 1 << 62
        self._depth = 0  # marks
        self._fence = 0  # what lies below the last mark cannot be taken

    @property
    def marks(self) -> int:
        """How many marks there are."""
        return self._depth

    @property
    def fence(self) -> int:
        """How many symbols lie below the last mark."""
        return self._fence

    def next_pickle(self) -> None:
        """Go on to the next pickle of the stream, which has a memo of its own."""
        self.scanner.begin_pickle()
        self.memo = Memo()
        self.stack = []
        self._depth = self._fence = 0
        self.protocol = 0
        self.pickle += 1

    def run(self) -> Any:
        """Take all opcodes up to and including STOP; the symbol that it leaves."""
        self.through()
        return self.stack.pop()

    def through(self) -> None:
        """Take all opcodes up to and including STOP. The symbol that it leaves is the topmost one."""
        while self.step() != _STOP:
            pass

    def step(self) -> int:
        """Take one opcode; its byte. After STOP, the result is the topmost symbol.

        Raises EOFError at the end of the stream, UnpicklingError where the stack or the memo does not allow
        the opcode, and what the scanner raises.
        """
        scan = self.scanner
        code = scan.next()
        if code < 0:
            raise StreamEnds("there is nothing here" if scan.start == 0 else "the stream ends before STOP")
        kind = _KIND[code]
        stack = self.stack
        if kind == _CONSTANT:
            self._push(self.keeper.constant(self, code), scan.start)
        elif kind == _STORE:
            self._store(code)
        elif kind == _FETCH:
            self._fetch()
        elif kind == _MARK:
            self._mark()
        elif kind == _STREAM:
            if code == _PROTO:
                self.protocol = scan.number()
        elif kind == _EXTENSION:
            self._push(self.keeper.extension(self, scan.number()), scan.start)
        elif kind == _DROP and code == _POP and self._depth and self._fence == len(stack):
            self._take_mark()
            self.keeper.drop(self, len(stack))
        else:
            self._compound(code, kind)
        return code

    def _compound(self, code: int, kind: int) -> None:
        """An opcode that takes symbols from the stack."""
        stack = self.stack
        keeper = self.keeper
        begin = self.scanner.start
        first = len(stack)
        below = _BELOW[code]
        if _TO_MARK[code]:
            if not self._depth:
                raise ReadError("there is no mark on the stack")
            above = self._fence
            if first - above < _LEAST[code]:
                raise ReadError("there is nothing above the mark")
            if _PAIRS[code] and (first - above) & 1:
                raise ReadError("the last key has no value")
            begin = self._take_mark()
            first = above
        if below:
            if first - self._fence < below:
                raise self._too_short(code, below, first - self._fence)
            first -= below
            begin = self._begins_view[first]
        if kind == _MAKE:
            symbol = keeper.make(self, code, first)
        elif kind == _CHANGE:
            symbol = keeper.change(self, code, first)
            if self.scanner.end == self._array_at:
                symbol = self._pass_array(symbol)
        elif kind == _CALL:
            if code == _INST:
                symbol = self._instance(code, first)
            else:
                symbol = keeper.call(self, code, stack[first], first + 1)
        elif kind == _GLOBAL:
            symbol = self._name(code, first)
        elif kind == _PERSISTENT:
            symbol = keeper.persistent(self, code, first)
        elif kind == _DROP:
            keeper.drop(self, first)
            del stack[first:]
            return
        elif code == _STOP:
            return
        else:
            symbol = stack[first]
            if code == _DUP:
                self._push(keeper.duplicate(self, symbol), self.scanner.start)
                return
            symbol = keeper.read_only(self, symbol)
        if len(stack) - first > 4:
            del stack[first:]
        else:
            while len(stack) > first:
                stack.pop()
        self._push(symbol, begin)

    def _too_short(self, code: int, below: int, there: int) -> ReadError:
        return ReadError(
            f"the stack is too short: {self.scanner.name} needs {below} objects, there are {there}"
        )

    def _too_many(self, what: str, count: int) -> ReadError:
        return ReadError(
            f"{count:,} {what} wait on the stack for an opcode that takes them: more are not looked at, to "
            "keep memory in bounds; no Pickler writes such a thing, but for a tuple or frozenset that has as "
            "many items"
        )

    def _instance(self, code: int, first: int) -> Any:
        module, qualname = self.scanner.names()
        return self.keeper.call(self, code, self.keeper.name(self, module, qualname), first)

    def _name(self, code: int, first: int) -> Any:
        if code == _GLOBAL_CODE:
            module, qualname = self.scanner.names()
        else:
            module = self.keeper.text(self, self.stack[first])
            qualname = self.keeper.text(self, self.stack[first + 1])
        if self._watches and qualname == WRAPPER and module.endswith(WRAPPERS_MODULE):
            raise ArraysFollow
        return self.keeper.name(self, module, qualname)

    def _pass_array(self, symbol: Any) -> Any:
        """Go over what stands behind the opcode."""
        scan = self.scanner
        array = self._arrays.pop()
        self._array_at = self._arrays[len(self._arrays) - 1].offset if self._arrays else -1
        scan.begin_pickle()
        if not array.pickled:
            scan.skip(array.padding)
            data = scan.skip(array.size - array.padding)
            return self.keeper.raw(self, symbol, array, data, None)
        begin, code = scan.start, scan.code
        inner = Walk(scan, self.keeper.nested())
        inner.through()
        scan.begin_pickle()
        scan.back_to(begin, code)
        return self.keeper.raw(self, symbol, array, b"", inner)

    # The stack

    def begin_of(self, position: int) -> int:
        """The offset at which the making of the symbol at `position` of the stack began."""
        return self._begins_view[position]

    def size_of(self, position: int) -> int:
        """How many bytes make the symbol at `position`, up to the next one or to the opcode at work."""
        if position + 1 < len(self.stack):
            return self._begins_view[position + 1] - self._begins_view[position]
        return self.scanner.start - self._begins_view[position]

    def size_from(self, position: int) -> int:
        """How many bytes make the symbols from `position` on, up to the opcode at work."""
        if position >= len(self.stack):
            return 0
        return self.scanner.start - self._begins_view[position]

    def building(self) -> tuple[str, ...]:
        """What is unfinished, outermost first: for the text of an error, so no more than a few."""
        found = (self.keeper.describe(symbol) for symbol in self.stack[:1000])
        return tuple([words for words in found if words][:4])

    def _push(self, symbol: Any, begin: int) -> None:
        stack = self.stack
        count = len(stack)
        if count == self._room:
            if count >= self._most:
                raise self._too_many("objects", count)
            self._begins = self._begins_view = self._begins * 2
            self._room *= 2
        self._begins_view[count] = begin
        stack.append(symbol)

    def _mark(self) -> None:
        place = 2 * self._depth
        if place == self._marks_room:
            if self._depth >= self._most:
                raise self._too_many("marks", self._depth)
            self._marks = self._marks_view = self._marks * 2
            self._marks_room *= 2
        self._fence = len(self.stack)
        self._marks_view[place] = self._fence
        self._marks_view[place + 1] = self.scanner.start
        self._depth += 1

    def _take_mark(self) -> int:
        """Take the last mark off; where it stands."""
        self._depth -= 1
        begin = self._marks_view[2 * self._depth + 1]
        self._fence = self._marks_view[2 * self._depth - 2] if self._depth else 0
        return begin

    # The memo

    def _store(self, code: int) -> None:
        stack = self.stack
        memo = self.memo
        count = len(stack)
        if count == self._fence:
            raise self._too_short(code, 1, 0)
        index = memo.count() if code == _MEMOIZE else self._index()
        symbol = self.keeper.store(self, index, stack[count - 1])
        memo.put(index, symbol)
        self.index = index

    def _index(self) -> int:
        scan = self.scanner
        index = scan.index()
        if index < 0:
            raise BadArgument(f"{index} is no memo index")
        if index > LARGEST_INDEX:
            raise ReadError(f"{'a very long line' if scan.long else index} is no memo index")
        return index

    def _fetch(self) -> None:
        scan = self.scanner
        index = scan.index()
        if not 0 <= index <= LARGEST_INDEX or not self.memo.has(index):
            raise ReadError(
                f"nothing was stored in the memo under {'a very long line' if scan.long else index}"
            )
        self.index = index
        self._push(self.keeper.fetch(self, index, self.memo.get(index)), scan.start)
