"""What streams name: the functions that make an exception where no plain way does.

Most exceptions are written so that the standard library alone reads them. These are for the rest. Their
names and arguments are in pickles, and stay what they are.
"""

from __future__ import annotations

import copyreg
import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CARRIED",
    "OPENED",
    "UnreadableException",
    "carried",
    "carry",
    "close",
    "make",
    "open_up",
    "restore",
    "stand_in",
    "unpack",
]

#: Where an exception that was prepared keeps its pickle: pickle asks an object itself before its class.
CARRIED = "__reduce_ex__"

#: What a class that was opened has instead of one that it stands for.
OPENED = "_brinery_opened"

_SURROUNDINGS = frozenset({"__traceback__", "__cause__", "__context__", "__suppress_context__", "__notes__"})

_OPENED: dict[type, type[BaseException]] = {}
_STAND_INS: dict[tuple[type, str, str], type[BaseException]] = {}


def make(cls: type[BaseException], *args: object) -> BaseException:
    """An exception of `cls`, by the ``__new__`` of the built-in class that it derives from."""
    made: BaseException = built_in_base(cls).__new__(cls, *args)
    return made


def built_in_base(cls: type[BaseException]) -> type[BaseException]:
    """The nearest class above `cls` that is not written in Python."""
    return next(base for base in cls.__mro__ if is_built_in(base))


def is_built_in(cls: type) -> bool:
    """Whether `cls` is one of the interpreter's own classes, which never change: no heap type."""
    return not cls.__flags__ & (1 << 9)  # Py_TPFLAGS_HEAPTYPE (CPython, object.h)


def stand_in(base: type[BaseException], module: str, qualname: str, *args: object) -> BaseException:
    """An exception whose class cannot be imported: of one under `base` that has its name.

    The class is the same one each time in a process.
    """
    key = base, module, qualname
    if key not in _STAND_INS:
        body = {
            "__module__": module,
            "__qualname__": qualname,
            "__doc__": f"Stands for a {base.__name__} whose class, of this name, cannot be imported.",
        }
        _STAND_INS[key] = type(qualname.rpartition(".")[2], (base,), body)
    return make(_STAND_INS[key], *args)


def restore(exc: BaseException, state: tuple[Any, dict[str, Any]]) -> None:
    """Give `exc` the state that its class wants, then the attributes that it would not take by itself."""
    own, attributes = state
    if own is not None:
        exc.__setstate__(own)
    for name, value in attributes.items():
        set_attribute(exc, name, value)


def set_attribute(exc: BaseException, name: str, value: object) -> None:
    """Set an attribute past what the class does about setting attributes, such as a frozen dataclass."""
    try:
        object.__setattr__(exc, name, value)
    except AttributeError:  # a property without a setter
        vars(exc)[name] = value


class UnreadableException(Exception):
    """Stands for an exception that could not be written, or not be read here.

    Its text is the report that the process which raised it made of it: type, message, traceback, causes.
    """


def unpack(data: bytes | None, report: str, trouble: str = "") -> BaseException:
    """The exception in `data`; where it cannot be read, one that has the report of it.

    Never fails: what fails while a pool reads a result takes the pool with it.
    """
    if data is not None:
        try:
            exc = pickle.loads(data)
            if isinstance(exc, BaseException):
                carry(exc, data, report, trouble)
                return exc
            trouble = f"its pickle holds {type(exc).__name__!r}"
        except Exception as failure:
            trouble = f"it cannot be read here: {type(failure).__name__}: {failure}"
    unreadable = UnreadableException(report)
    unreadable.add_note(f"This stands for an exception of another process; {trouble}.")
    return unreadable


def carry(exc: BaseException, data: bytes | None, report: str, trouble: str) -> None:
    """Make `exc` be pickled as `data`, whoever pickles it, and take what a pool does to it before."""
    open_up(exc)
    vars(exc)[CARRIED] = _Carried(data, report, trouble)
    # Where Dask is imported, tblib has registered every class with copyreg, which is asked before the object.
    registered = copyreg.dispatch_table.get(type(exc))
    if registered is not None and not isinstance(registered, _AskedFirst):
        copyreg.dispatch_table[type(exc)] = _AskedFirst(registered)


def open_up(exc: BaseException) -> None:
    """Let others set the traceback and the cause of `exc`, and ask for its notes, if its class prevents that.

    Pools do so with each exception, the last of them in the thread that reads results, which ends of it.
    """
    cls = type(exc)
    if cls.__setattr__ is BaseException.__setattr__ and not hasattr(cls, "__getattr__"):
        return
    suppressed = exc.__suppress_context__
    try:
        exc.__traceback__ = exc.__traceback__
        exc.__cause__ = exc.__cause__
        getattr(exc, "__notes__", None)
    except Exception:
        with suppress(Exception):  # a class that refuses to be derived from stays as it is
            object.__setattr__(exc, "__class__", _opened(cls))
    BaseException.__setattr__(exc, "__suppress_context__", suppressed)


def close(exc: BaseException) -> None:
    """Give `exc` its own class back, where nobody will do to it what a pool does."""
    cls = vars(type(exc)).get(OPENED)
    if cls is not None:
        object.__setattr__(exc, "__class__", cls)


def _opened(cls: type[BaseException]) -> type[BaseException]:
    """A class of the same name under `cls`, which leaves alone what concerns the interpreter.

    It is the same one each time in a process.
    """
    if cls in _OPENED:
        return _OPENED[cls]

    def set_one(self: BaseException, name: str, value: object) -> None:
        (BaseException if name in _SURROUNDINGS else cls).__setattr__(self, name, value)

    def get_one(self: BaseException, name: str) -> object:
        try:
            return getattr(cls, "__getattr__")(self, name)  # noqa: B009  # no class has to have it
        except Exception as failure:
            if isinstance(failure, AttributeError) or not name.startswith("__"):
                raise
            raise AttributeError(name) from failure

    body: dict[str, Any] = {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__setattr__": set_one,
        OPENED: cls,
    }
    if hasattr(cls, "__getattr__"):
        body["__getattr__"] = get_one
    metaclass: Any = type(cls)
    _OPENED[cls] = metaclass(cls.__name__, (cls,), body)
    return _OPENED[cls]


def carried(exc: BaseException) -> tuple[bytes | None, str, str]:
    """The arguments for :func:`unpack` that an exception carries which was prepared."""
    mine: _Carried = vars(exc)[CARRIED]
    return mine.arguments


class _AskedFirst:
    """In the place of what is registered for a class: an exception that was prepared has its say first."""

    def __init__(self, registered: Callable[[Any], Any]) -> None:
        self.registered = registered

    def __call__(self, exc: BaseException) -> Any:
        carried = vars(exc).get(CARRIED)
        return carried(pickle.DEFAULT_PROTOCOL) if isinstance(carried, _Carried) else self.registered(exc)


class _Carried:
    """What an exception that was prepared answers when it is asked for its reduction."""

    def __init__(self, data: bytes | None, report: str, trouble: str) -> None:
        self.arguments = data, report, trouble

    def __call__(self, protocol: int) -> tuple[Any, ...]:
        return unpack, self.arguments
