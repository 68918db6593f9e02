"""The symbolic machine: follows the stack and the memo through a stream without building anything.

What an opcode takes and leaves comes from the opcode table alone; this module adds only what the
new object is. The checks are those of a reader: a stack that is too short, a missing mark, a memo
index that was never stored, a frame or length that does not fit.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from brinery.disassembly.scanner import Excerpt
from brinery.disassembly.values import GlobalName, Value, constant, shorten, show
from brinery.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.disassembly.scanner import Token
    from brinery.stream.opcodes import Opcode

__all__ = ["Instruction", "Machine"]

_DETAIL = 200  # characters
_ID = 1000  # characters of a persistent ID


class Instruction(NamedTuple):
    """One opcode of a stream, and what it does there.

    pickle         which of the stream's pickles this belongs to, from 0
    protocol       as the pickle's last PROTO said; 0 before that
    offset, size   where it stands and how long it is, in bytes, argument included
    opcode         its row of the opcode table
    argument       as a Python value: int, float, str, bytes, an Excerpt of long ones, a pair of names, None
    stack          how many objects are on the stack afterwards, marks not counted
    marks          how many marks enclose the opcode
    detail         what it pushes, names or changes, in words, on one line of at most 200 characters
    memo           the memo index that is stored or fetched
    global_name    the global that is pushed, by its name or through the memo
    persistent_id  the persistent ID of the object that is pushed, by its ID or through the memo
    extension      the extension code that is pushed, as itself or through the memo
    """

    pickle: int
    protocol: int
    offset: int
    size: int
    opcode: Opcode
    argument: object
    stack: int
    marks: int
    detail: str
    memo: int | None = None
    global_name: GlobalName | None = None
    persistent_id: str | None = None
    extension: int | None = None


class _Effect(NamedTuple):
    """An opcode's stack effect, as the machine uses it: how many objects it needs below and above a mark."""

    below: int
    marked: bool
    least: int
    pushes: bool


@cache
def _effect(opcode: Opcode) -> _Effect:
    before = list(opcode.before)
    if "mark" not in before:
        return _Effect(len(before), False, 0, bool(opcode.after))
    mark = before.index("mark")
    return _Effect(
        mark, True, len([name for name in before[mark + 1 :] if name != "items*"]), bool(opcode.after)
    )


class Machine:
    """Stack, marks and memo of one pickle."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._protocol = 0
        self._stack: list[Value] = []
        self._marks: list[int] = []
        self._memo: dict[int, Value] = {}
        self._buffers = 0

    def step(self, token: Token) -> Instruction:
        """Take one opcode. Raises ReadError where the stack or the memo does not allow it."""
        opcode = token.opcode
        marks = len(self._marks)
        memo: int | None = None
        pushed: Value | None = None
        if opcode.name == "MARK":
            self._marks.append(len(self._stack))
            detail = ""
        elif opcode.name == "POP" and self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
            detail = "drop the mark"
        elif opcode.name in _STORES:
            memo, detail = self._store(token)
        elif opcode.name in _FETCHES:
            memo, pushed = self._fetch(token)
            detail = f"memo[{memo}] is {show(pushed)}"
        else:
            taken = self._take(opcode)
            pushed, detail = _MEANING.get(opcode.name, _push_constant)(self, token, taken)
        if pushed is not None:
            self._stack.append(pushed)
        if marks > len(self._marks):
            marks = len(self._marks)  # what closes a mark stands where the mark stood
        return Instruction(
            self._number,
            self._protocol,
            token.offset,
            token.size,
            opcode,
            token.argument,
            len(self._stack),
            marks,
            shorten(detail, _DETAIL),
            memo,
            *_named(pushed),
        )

    def building(self) -> tuple[str, ...]:
        """What is unfinished, outermost first: for the text of an error, so no more than a few."""
        return tuple(show(value, 30) for value in self._stack if value.kind in _BUILDABLE)[:4]

    def memoized(self, opcode: Opcode) -> list[int]:
        """The memo indices of what `opcode` would leave on the stack of what is there now, the nearest first.

        For an opcode that changes an object, such as BUILD, that object comes first.
        """
        effect = _effect(opcode)
        kept = (self._marks[-1] if effect.marked and self._marks else len(self._stack)) - effect.below
        if opcode.before[:1] == opcode.after:
            kept += 1
        index_of = {id(value): index for index, value in self._memo.items()}
        return [index_of[id(value)] for value in reversed(self._stack[:kept]) if id(value) in index_of]

    def _take(self, opcode: Opcode) -> list[Value]:
        """Take from the stack what the table says: the objects below the mark, then those above it."""
        effect = _effect(opcode)
        above: list[Value] = []
        if effect.marked:
            if not self._marks:
                raise ReadError("there is no mark on the stack")
            mark = self._marks.pop()
            above = self._stack[mark:]
            del self._stack[mark:]
            if len(above) < effect.least:
                raise ReadError("there is nothing above the mark")
        fence = self._marks[-1] if self._marks else 0
        if len(self._stack) - fence < effect.below:
            has = len(self._stack) - fence
            raise ReadError(
                f"the stack is too short: {opcode.name} needs {effect.below} objects, there are {has}"
            )
        if not effect.below:
            return above
        below = self._stack[-effect.below :]
        del self._stack[-effect.below :]
        return below + above

    def _store(self, token: Token) -> tuple[int, str]:
        (value,) = self._take(token.opcode)
        index = len(self._memo) if token.opcode.name == "MEMOIZE" else token.argument
        assert isinstance(index, int)
        self._memo[index] = value
        self._stack.append(value)
        return index, f"memo[{index}] = {show(value)}"

    def _fetch(self, token: Token) -> tuple[int, Value]:
        index = token.argument
        assert isinstance(index, int)
        if index not in self._memo:
            raise ReadError(f"nothing was stored in the memo under {index}")
        return index, self._memo[index]

    # What opcodes mean: each takes what was on the stack and gives what is pushed, and the words for it.

    def _proto(self, token: Token, taken: list[Value]) -> tuple[None, str]:
        assert isinstance(token.argument, int)
        self._protocol = token.argument
        return None, str(token.argument)

    def _frame(self, token: Token, taken: list[Value]) -> tuple[None, str]:
        assert isinstance(token.argument, int)
        return None, f"{token.argument:,} bytes, to offset {token.offset + token.size + token.argument}"

    def _stop(self, token: Token, taken: list[Value]) -> tuple[None, str]:
        left = f" ({len(self._stack)} more left on the stack)" if self._stack else ""
        return None, f"the object is {show(taken[0])}{left}"

    def _buffer(self, token: Token, taken: list[Value]) -> tuple[Value, str]:
        self._buffers += 1
        value = Value("buffer", self._buffers - 1)
        return value, f"out-of-band buffer {self._buffers - 1}"

    def _duplicate(self, token: Token, taken: list[Value]) -> tuple[Value, str]:
        self._stack.append(taken[0])
        return taken[0], show(taken[0])


def _named(pushed: Value | None) -> tuple[GlobalName | None, str | None, int | None]:
    """What `pushed` refers to outside the stream: a global, a persistent ID, or an extension code."""
    content = pushed.content if pushed is not None and pushed.kind in _REFERENCES else None
    return (
        content if isinstance(content, GlobalName) else None,
        content if isinstance(content, str) else None,
        content if isinstance(content, int) else None,
    )


def _push_constant(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    name = token.opcode.name
    content = _FIXED_CONSTANTS.get(name, token.argument)
    value = constant(token.opcode.after[0], content)
    return value, show(value)


def _container(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    kind = token.opcode.after[0]
    if kind == "dict":
        _check_pairs(taken)
    value = Value(kind, None, taken)
    return value, show(value)


def _extend(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    target, *items = taken
    target.extend(items)
    if len(items) == 1:
        return target, f"append {show(items[0])}"
    return target, f"{'append' if token.opcode.name == 'APPENDS' else 'add'} {len(items):,} items"


def _set_items(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    target, *items = taken
    _check_pairs(items)
    target.extend(items)
    if len(items) == 2:
        return target, f"{show(items[0], 40)}: {show(items[1], 40)}"
    return target, f"set {len(items) // 2:,} items"


def _check_pairs(items: list[Value]) -> None:
    if len(items) % 2:
        raise ReadError("the last key has no value")


def _drop(machine: Machine, token: Token, taken: list[Value]) -> tuple[None, str]:
    return None, f"drop {show(taken[0])}" if len(taken) == 1 else f"drop {len(taken):,} objects"


def _read_only(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    return taken[0], f"{show(taken[0])}, read-only"


def _global(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    name = GlobalName(*(_text(value) for value in taken)) if taken else _pair(token)
    return Value("global", name), f"global {name}"


def _pair(token: Token) -> GlobalName:
    assert isinstance(token.argument, tuple)
    return GlobalName(*token.argument)


def _text(value: Value) -> str:
    """One name of a STACK_GLOBAL. A call may well give a str, so what is not known is shown in <>."""
    if value.kind in _UNKNOWN:
        return f"<{show(value)}>"
    content = value.content
    if isinstance(content, Excerpt):
        content = content.head + ("..." if isinstance(content.head, str) else b"...")  # type: ignore[operator]
    if isinstance(content, str):
        return content
    if value.kind == "str" and isinstance(content, bytes):
        return content.decode("latin-1")
    raise ReadError("module and name of a global must be two str")


def _extension(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    return Value("extension", token.argument), f"copyreg's extension code {token.argument}"


def _call(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    if token.opcode.name == "INST":
        function, arguments = Value("global", _pair(token)), taken
    elif token.opcode.name == "OBJ":
        function, *arguments = taken
    else:
        function = taken[0]
        # The arguments come as one tuple; whatever else that is stays one argument, marked with a star.
        arguments = list(taken[1].parts) if taken[1].kind == "tuple" else [taken[1]]
    value = Value("object", show(function), arguments)
    if len(taken) > 1 and taken[1].kind == "tuple" and token.opcode.name not in ("INST", "OBJ"):
        value.count = taken[1].count
    verb = "new" if token.opcode.name.startswith("NEWOBJ") else "call"
    return value, f"{verb} {show(value)}"


def _build(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    target, state = taken
    return target, f"state of {show(target, 40)}: {show(state)}"


def _persistent(machine: Machine, token: Token, taken: list[Value]) -> tuple[Value, str]:
    shown = show(taken[0] if taken else constant("str", token.argument), _ID)
    return Value("persistent", shown), f"persistent ID {shown}"


_STORES = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_FETCHES = {"GET", "BINGET", "LONG_BINGET"}
_BUILDABLE = {"list", "dict", "set", "object"}
_REFERENCES = {"global", "persistent", "extension"}
_UNKNOWN = {"object", "persistent", "extension", "global"}
_FIXED_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}

_MEANING: dict[str, Callable[[Machine, Token, list[Value]], tuple[Value | None, str]]] = {
    "PROTO": Machine._proto,
    "FRAME": Machine._frame,
    "STOP": Machine._stop,
    "NEXT_BUFFER": Machine._buffer,
    "READONLY_BUFFER": _read_only,
    "DUP": Machine._duplicate,
    "POP": _drop,
    "POP_MARK": _drop,
    **dict.fromkeys(("EMPTY_LIST", "LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"), _container),
    **dict.fromkeys(("EMPTY_DICT", "DICT", "EMPTY_SET", "FROZENSET"), _container),
    **dict.fromkeys(("APPEND", "APPENDS", "ADDITEMS"), _extend),
    **dict.fromkeys(("SETITEM", "SETITEMS"), _set_items),
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), _global),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    **dict.fromkeys(("REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"), _call),
    **dict.fromkeys(("PERSID", "BINPERSID"), _persistent),
    "BUILD": _build,
}
