"""What to do where a load failed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from brinery.engine.advice import add
from brinery.engine.advice.arguments import unknown_codec
from brinery.refusals import full_name

if TYPE_CHECKING:
    from types import FrameType

    from brinery.plan import ReadPlan

__all__ = ["missing_global", "on_reading"]

# How far into a stream something else than a pickle may be taken for one.
_EARLY = 64

#: How many bytes the length of an opcode's payload has.
_LENGTHS = {
    "SHORT_BINSTRING": 1,
    "SHORT_BINBYTES": 1,
    "SHORT_BINUNICODE": 1,
    "LONG1": 1,
    "BINSTRING": 4,
    "BINBYTES": 4,
    "BINUNICODE": 4,
    "LONG4": 4,
    "BINBYTES8": 8,
    "BINUNICODE8": 8,
    "BYTEARRAY8": 8,
    "FRAME": 8,
}

_PYTHON2_TEXT = frozenset(("STRING", "BINSTRING", "SHORT_BINSTRING"))


def on_reading(
    exc: BaseException, opcode: str, offset: int, beginning: bytes, at: bytes, left: int | None
) -> None:
    """Say what may be wrong with a stream, or with a class, after a load has failed.

    opcode     the name of the opcode that failed, at `offset` from where the load began; "" for none.
    beginning  the bytes from where the load began, as many as are known; b"" where they are gone.
    at         the bytes from that opcode on, nine or more if there are so many.
    left       how many bytes there are from that opcode on; None where they come from a file.
    """
    with suppress(Exception):
        for note in _reading(exc, opcode, offset, beginning, at, left):
            add(exc, note)


def _reading(
    exc: BaseException, opcode: str, offset: int, beginning: bytes, at: bytes, left: int | None
) -> list[str]:
    # Where something failed, and in no other program.
    from brinery.stream.kinds import no_pickle

    if type(exc) is LookupError and opcode in _PYTHON2_TEXT and (note := unknown_codec(exc)):
        return [note]
    if isinstance(exc, UnicodeDecodeError) and opcode in _PYTHON2_TEXT:
        return [
            "this str was written by Python 2, where str is bytes. Say what its text is encoded in, "
            'encoding="utf-8" for one; encoding="latin1" reads anything, and is what NumPy arrays and '
            'datetimes of Python 2 need; encoding="bytes" keeps bytes, and errors="bytes" those that do not '
            "decode"
        ]
    if isinstance(exc, RecursionError):
        return _endless(exc)
    if isinstance(exc, AttributeError | TypeError) and (note := _unready(exc)):
        return [note]
    if type(exc) is TypeError and offset == 0 and "bytes-like object is required, not 'str'" in str(exc):
        return ["the file gives text: open it in binary mode, open(path, 'rb')"]
    notes = []
    if offset < _EARLY and (what := no_pickle(beginning)):
        notes.append(what)
    elif offset < _EARLY and beginning[257:262] == b"ustar":
        notes.append("this is no pickle but a tar archive; unpack it first (tarfile reads it)")
    elif isinstance(exc, EOFError) and offset == 0 and not beginning:
        notes.append(
            "there is nothing to read: the data is empty, or the file is at its end. A file that was just "
            "written is read from its beginning after file.seek(0)"
        )
    elif "truncated" in str(exc) or isinstance(exc, EOFError):
        notes.append(no_pickle(beginning, offset, "truncated") or _cut_off(opcode, beginning, at, left))
    elif b"joblib.numpy_pickle" in beginning:
        notes.append(
            "joblib wrote this, with the raw bytes of arrays between the opcodes: joblib.load reads it"
        )
    if not notes and (what := no_pickle(beginning, offset, str(exc))):
        notes.append(what)
    if not notes and beginning and _was_converted(beginning) and not isinstance(exc, MemoryError):
        notes.append(
            "every line end in it is CRLF, as after a transfer as text (FTP, git's autocrlf): copy it "
            "anew in "
            "binary mode. Of a pickle of protocol 0, data.replace(b'\\r\\n', b'\\n') undoes it"
        )
    if not notes and offset == 0 and str(exc).startswith("invalid load key"):
        notes.append(
            "no pickle begins with that byte: it is none, or compressed or encrypted, or does not begin here"
        )
    if not notes and str(exc).startswith("unsupported pickle protocol"):
        notes.append("a later Python wrote it, at a protocol that this one does not know, or it is no pickle")
    return notes


def _was_converted(data: bytes) -> bool:
    """Whether every line end in `data` is CRLF, as after a transfer as text: in a pickle few are."""
    lines = data.count(b"\n")
    return lines > 0 and data.count(b"\r\n") == lines


def _cut_off(opcode: str, beginning: bytes, at: bytes, left: int | None) -> str:
    width = _LENGTHS.get(opcode)
    advice = "it was cut off when it was written or copied, or is read while it is still being written"
    if beginning and not beginning.startswith(b"\x80"):  # as pickles do from protocol 2 on
        advice += ", or it is no pickle at all"
    if width is None or len(at) <= width:
        return f"the stream ends before its STOP: {advice}"
    promised = int.from_bytes(at[1 : 1 + width], "little")
    there = f"{left - 1 - width:,} are there" if left is not None else "the file ends before"
    return f"{opcode} promises {promised:,} bytes, and {there}: {advice}"


def _endless(exc: BaseException) -> list[str]:
    frames = _users_frames(exc)
    if len(frames) < 2 or frames[-1].f_code.co_name != "__getattr__":
        return []
    owner = full_name(_argument(frames[-1], 0))
    asked, first = _argument(frames[-1], 1), frames[0]
    said = (
        f"{owner}.__getattr__ asks for an attribute of its own object that has not come yet, "
        "and so for itself without end. "
    )
    if first.f_code.co_name == "__getattr__" and str(_argument(first, 1)).startswith("_"):
        return [said + "Let it begin with: if name.startswith('_'): raise AttributeError(name)"]
    # The class's own code came before the attributes did: an item is set, a state is taken, a key is hashed.
    return [
        f"{said}{first.f_code.co_name} needed {asked!r} first: pickle makes the object without __init__, "
        f"fills it with its items, and gives it its attributes last. Make {asked!r} in __new__, which is "
        f"called (from protocol 2 on), and let __getattr__ begin with: if name == {asked!r}: raise "
        "AttributeError(name)"
    ]


def _unready(exc: BaseException) -> str:
    """Whether a key's or member's ``__hash__`` or ``__eq__`` ran into attributes that are not there."""
    # What the engine called, perhaps by way of a dict or set: the first frame that is not its own.
    for frame in _users_frames(exc):
        name = frame.f_code.co_name
        if name in ("__hash__", "__eq__"):
            owner = full_name(_argument(frame, 0))
            return (
                f"{owner}.{name} ran before the object had its state: it is a key of a dict, or a member "
                "of a "
                "set, that leads back to it, and such a cycle is filled before its parts are complete. What "
                f"{name} needs has to be there when the object is made: give {owner} a __reduce__ or "
                "__getnewargs__ that passes it to the constructor, or keep the object out of the cycle"
            )
        break
    return ""


def _users_frames(exc: BaseException) -> list[FrameType]:
    """The frames of code that an engine called, the outermost first."""
    found = []
    trace = exc.__traceback__
    while trace is not None:
        if not str(trace.tb_frame.f_globals.get("__name__")).startswith("brinery."):
            found.append(trace.tb_frame)
        trace = trace.tb_next
    return found


def _argument(frame: FrameType, number: int) -> object:
    names = frame.f_code.co_varnames
    return frame.f_locals.get(names[number]) if len(names) > number else None


def missing_global(
    exc: BaseException, named: tuple[str, str], module: str, qualname: str, plan: ReadPlan | None
) -> None:
    """A stream's global, `named` so in it and looked for as `module` and `qualname`, is not there."""
    with suppress(Exception):
        for note in _missing_global(exc, named, module, qualname):
            add(exc, note, before=True)
        from brinery.engine.advice.names import on_names

        for note in on_names(named, module, qualname, plan):
            add(exc, note, before=True)


def _missing_global(exc: BaseException, named: tuple[str, str], module: str, qualname: str) -> list[str]:
    name = ":".join(named)
    became = "" if named == (module, qualname) else f", which the name tables make {module}:{qualname}"
    if isinstance(exc, ImportError):
        missing = exc.name
        if missing is not None and missing != module and not module.startswith(f"{missing}."):
            return [
                f"the stream names {name}{became}; the module {module} is there, but cannot be imported "
                f"without {missing}, which is not installed"
            ]
        if "\r" in module or any(char.isspace() or char in ",;|" for char in module):
            return []  # it was no pickle, or was converted: another note says so
        reason = f"there is no module {missing or module} here. Install what has it; if it moved"
    elif module == "__main__":
        return [
            f"the stream names {name}: it was in the program that wrote it. Define or import {qualname} in "
            "this one's __main__ too, or put it in a module that both import, and declare in a plugin "
            "where it "
            "is: "
            f'NameTable("moved", {{"{name}": "module:{qualname}"}})'
        ]
    else:
        from brinery.wording import nearest_in_module

        near = nearest_in_module(f"{module}:{qualname}")
        meant = f" (it has {near.partition(':')[2]})" if near else ""
        reason = f"the module {module} is there, but has no {qualname}{meant}. If it moved or was renamed"
    return [
        f"the stream names {name}{became}, and {reason}, declare in a plugin where it is now: "
        f'NameTable("moved", {{"{name}": "new.module:{qualname}"}})'
    ]
