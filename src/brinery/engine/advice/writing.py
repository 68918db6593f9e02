"""What to do about an object that cannot be written."""

from __future__ import annotations

from contextlib import suppress

from brinery.cpython import NOTES_FOR_LEVELS
from brinery.engine.advice import advise
from brinery.errors import BadReduction, WriteError

__all__ = ["on_writing"]

_PROCESS = "it belongs to this process"

#: By the full name of the type, of what Python refuses to write: why, or what to write in its place.
_TYPES = {
    "_thread.lock": f"a lock: {_PROCESS}",
    "_thread.RLock": f"a lock: {_PROCESS}",
    "_thread._local": f"thread-local data: {_PROCESS}",
    "_io.TextIOWrapper": f"an open file: {_PROCESS}; keep its path",
    "_io.BufferedReader": f"an open file: {_PROCESS}; keep its path",
    "_io.BufferedWriter": f"an open file: {_PROCESS}; keep its path",
    "_io.BufferedRandom": f"an open file: {_PROCESS}; keep its path",
    "_io.FileIO": f"an open file: {_PROCESS}; keep its path",
    "socket.socket": f"a connection: {_PROCESS}; keep the address",
    "ssl.SSLContext": f"a context of connections: {_PROCESS}; make it anew",
    "sqlite3.Connection": (
        f"a connection to a database: {_PROCESS}; keep the path, or bind a store to the profile"
    ),
    "sqlite3.Cursor": f"a cursor of a database: {_PROCESS}; fetch its rows",
    "generator": "a generator, which is code in the middle of its work: list(…) what it gives",
    "coroutine": "a coroutine, which is code in the middle of its work: await it first",
    "async_generator": "a generator, which is code in the middle of its work",
    "module": "a module, which is imported where it is needed: keep its name",
    "frame": "a frame of running code: keep traceback.format_exc() or the like",
    "traceback": "a traceback, which holds frames of running code: keep traceback.format_exc() or the like",
    "code": "code: write the function's name, or its source",
    "cell": "a variable of an outer function",
    "dict_keys": "a view of a dict: list(…) or set(…) makes data of it",
    "dict_values": "a view of a dict: list(…) makes data of it",
    "dict_items": "a view of a dict: list(…) makes data of it",
    "memoryview": "a view of another object's memory: bytes(…) makes data of it",
    "mappingproxy": "a view of a dict: dict(…) makes data of it",
    "weakref.ReferenceType": "a weak reference: it would have nothing to hold what it refers to",
    "weakref": "a weak reference: it would have nothing to hold what it refers to",
    "re.Match": "a match: keep match.group(), match.groups() or match.span()",
    "select.epoll": f"a selector: {_PROCESS}",
    "_contextvars.ContextVar": f"a context variable: {_PROCESS}; keep its value",
    "_contextvars.Context": f"a context: {_PROCESS}",
}


def on_writing(exc: BaseException, path: str, type_name: str) -> None:
    """Say what to do about an object of the type `type_name` at `path`, which could not be written.

    From Python 3.14 on, the notes are those of C pickle, and no others.
    """
    with suppress(Exception):
        advice = _advice(exc, path, type_name)
        if advice:
            advise(exc, advice, as_note=not NOTES_FOR_LEVELS)


def _advice(exc: BaseException, path: str, type_name: str) -> str:
    text = str(exc)
    if type(exc) is TypeError and text.startswith("cannot pickle ") and not type_name.startswith("brinery."):
        return _left_out(path, type_name)
    if isinstance(exc, BadReduction):
        said = f"look at what the __reduce__ of {type_name}, or a reducer for it, gives back"
        if exc.given == "None":
            return f"{said}: None stands there; is a return missing?"
        return f"{said}: something of type {exc.given} stands there" if exc.given else said
    if isinstance(exc, WriteError) and " local object " in text:
        return (
            "pickle writes a function or class by the name under which others can import it, and what is "
            "inside a "
            "function has none. Move it to the top of its module; of a lambda make a def, or "
            "functools.partial of one; or install brinery-functions, which writes such things by value"
        )
    if isinstance(exc, WriteError):
        return _by_name(text)
    if isinstance(exc, RecursionError):
        return (
            "its reduction leads back to itself, or to a new object each time: what __reduce__ "
            "gives must come to an end"
        )
    if isinstance(exc, OverflowError) and "4 GiB" in text:
        return "protocol=4 and later write objects of that size"
    if isinstance(exc, RuntimeError) and "changed size during iteration" in text:
        return "something changed it while it was written, perhaps another thread: write a copy of it"
    return ""


def _left_out(path: str, type_name: str) -> str:
    if type_name == "frozendict":
        return "protocol=2 and later write a frozendict"
    what = _TYPES.get(type_name)
    said, it = (f"{path} is {what}. ", "it") if what else ("", path)
    holder = path.rpartition(".")[0]
    if not holder or path.endswith("]"):
        return f"{said}Leave {it} out of what is written"
    return (
        f"{said}Leave {it} out of what is written: let the class of {holder} have a __getstate__ that drops "
        "it, and a "
        "__setstate__ that makes it anew"
    )


def _by_name(text: str) -> str:
    if "PickleBuffer can" in text:
        return "dump with protocol=5, or write bytes(buffer)"
    if "<lambda>" in text:
        return (
            "a lambda has no name by which others can import it: make it a def, or functools.partial of one; "
            "or install brinery-functions, which writes lambdas by value"
        )
    if "not the same object" in text:
        return (
            "that name leads to something else now: a decorator put another object in its place, or the "
            "module was "
            "reloaded. The name that others import has to lead to what is written"
        )
    if "not found as" in text or "attribute lookup" in text:
        return (
            "pickle writes a class or function by the name under which others can import it: its "
            "__module__ and "
            "__qualname__ have to lead there. A class that is made by a call, such as a named tuple, has "
            "to be "
            "assigned to the name that it was given"
        )
    if "import of module" in text or "No module named" in text:
        return "its __module__ names a module that cannot be imported: set it to the one that holds it"
    return ""
