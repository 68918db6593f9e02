"""What streams name: the functions that make an exception where no plain way does.

Most exceptions are written so that the standard library alone reads them. These are for the rest. Their
names and arguments are in pickles, and stay what they are.
"""

from __future__ import annotations

import abc
import copyreg
import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

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
    "restore_group",
    "stand_in",
    "unpack",
]

#: Where an exception that was prepared keeps its pickle: pickle asks an object itself before its class.
CARRIED = "__reduce_ex__"

#: What a class that was opened has instead of one that it stands for.
OPENED = "_brinery_opened"

_SURROUNDINGS = frozenset({"__traceback__", "__cause__", "__context__", "__suppress_context__", "__notes__"})

# Past what a class does about attributes, and about its class.
_DICT_OF: Callable[[BaseException], dict[str, Any]] = vars(BaseException)["__dict__"].__get__
_TRACEBACK_OF: Callable[[BaseException], TracebackType | None] = vars(BaseException)["__traceback__"].__get__
_SET_CLASS: Callable[[object, type], None] = vars(object)["__class__"].__set__

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


def restore_group(group: BaseException, state: tuple[Any, dict[str, Any], list[Any] | None]) -> None:
    """As :func:`restore`, and before that for each exception of the group whose state had to wait for it.

    Those are the third item of `state`: each exception, with the three items of its own. It was made before
    the group, and its state may lead to the group.
    """
    own, attributes, late = state
    for exc, *its in late or ():
        restore_group(exc, tuple(its))
    restore(group, (own, attributes))


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
                return carry(exc, data, report, trouble)
            trouble = f"its pickle holds {type(exc).__name__!r}"
        except Exception as failure:
            trouble = f"it cannot be read here: {type(failure).__name__}: {failure}"
    return _unreadable(report, trouble)


def _unreadable(report: str, trouble: str) -> UnreadableException:
    unreadable = UnreadableException(report)
    unreadable.add_note(f"This stands for an exception of another process; {trouble}.")
    return unreadable


def carry(exc: BaseException, data: bytes | None, report: str, trouble: str) -> BaseException:
    """Make `exc` be pickled as `data`, whoever pickles it, and take what a pool does to it before.

    Returns it; or, where its class prevents even that, what a pool can have in its place.
    """
    try:
        open_up(exc)
        _DICT_OF(exc)[CARRIED] = _Carried(data, report, trouble)
    except Exception as failure:
        trouble = f"no pool can take it: {type(failure).__name__}: {failure}"
        unreadable = _unreadable(report, trouble).with_traceback(_TRACEBACK_OF(exc))
        return carry(unreadable, None, report, trouble)
    # Where Dask is imported, tblib has registered every class with copyreg, which is asked before the object.
    registered = copyreg.dispatch_table.get(type(exc))
    if registered is not None and not isinstance(registered, _AskedFirst):
        copyreg.dispatch_table[type(exc)] = _AskedFirst(registered)
    return exc


def open_up(exc: BaseException) -> None:
    """Let others set the traceback and the cause of `exc`, and ask for more, if its class prevents that.

    Pools do so with each exception, the last of them in the thread that reads results, which ends of it.

    Raises what its class raises, where that cannot be prevented.
    """
    if _lets_a_pool(type(exc), exc):
        return
    suppressed = exc.__suppress_context__
    try:
        _try_as_a_pool(exc)
    except Exception:
        _SET_CLASS(exc, _opened(type(exc)))
        _try_as_a_pool(exc)
    finally:
        BaseException.__setattr__(exc, "__suppress_context__", suppressed)


def _lets_a_pool(cls: type[BaseException], exc: BaseException) -> bool:
    """Whether the class leaves it to the interpreter how attributes are had and set."""
    own = ("__setattr__", "__getattribute__")
    return all(getattr(cls, name) is getattr(BaseException, name) for name in own) and not hasattr(
        cls, "__getattr__"
    )


def _try_as_a_pool(exc: BaseException) -> None:
    exc.__traceback__ = exc.__traceback__
    exc.__cause__ = exc.__cause__
    getattr(exc, "__notes__", None)
    isinstance(exc, BaseExceptionGroup)  # which asks it for its class, as who shows it does


def close(exc: BaseException) -> None:
    """Give `exc` its own class back, where nobody will do to it what a pool does."""
    cls = vars(type(exc)).get(OPENED)
    if cls is not None:
        _SET_CLASS(exc, cls)


class _Unannounced:
    """Comes first under an opened class: what a class does when it is derived from is not for that one.

    It may want keywords, refuse, or keep a register by name, in which the opened class is not to be.
    """

    __slots__ = ()

    def __init_subclass__(cls, **keywords: object) -> None:
        """Nothing, and nothing of the classes below."""


def _opened(cls: type[BaseException]) -> type[BaseException]:
    """A class of the same name under `cls`, which leaves alone what concerns the interpreter.

    It is the same one as long as there is an object of it. Nothing but these objects keeps it: a class that
    was made in a function goes with them.
    """
    for known in type.__subclasses__(cls):
        if vars(known).get(OPENED) is cls:
            return known

    def set_one(self: BaseException, name: str, value: object) -> None:
        (BaseException if name in _SURROUNDINGS else cls).__setattr__(self, name, value)

    def get_one(self: BaseException, name: str) -> object:
        try:
            return getattr(cls, "__getattr__")(self, name)  # noqa: B009  # no class has to have it
        except Exception as failure:
            if isinstance(failure, AttributeError) or not name.startswith("__"):
                raise
            raise AttributeError(name) from failure

    def find_one(self: BaseException, name: str) -> object:
        concerned = name.startswith("__") and name.endswith("__")
        return (BaseException if concerned else cls).__getattribute__(self, name)

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
    if cls.__getattribute__ is not BaseException.__getattribute__:
        body["__getattribute__"] = find_one
    # Past the metaclass's own ways to make classes, for the same reason.
    metaclass: Any = type(cls)
    maker: Any = abc.ABCMeta if issubclass(metaclass, abc.ABCMeta) else type
    opened: type[BaseException] = maker.__new__(metaclass, cls.__name__, (_Unannounced, cls), body)
    return opened


def carried(exc: BaseException) -> tuple[bytes | None, str, str]:
    """The arguments for :func:`unpack` that an exception carries which was prepared."""
    mine: _Carried = _DICT_OF(exc)[CARRIED]
    return mine.arguments


class _AskedFirst:
    """In the place of what is registered for a class: an exception that was prepared has its say first."""

    def __init__(self, registered: Callable[[Any], Any]) -> None:
        self.registered = registered

    def __call__(self, exc: BaseException) -> Any:
        carried = _DICT_OF(exc).get(CARRIED)
        return carried(pickle.DEFAULT_PROTOCOL) if isinstance(carried, _Carried) else self.registered(exc)


class _Carried:
    """What an exception that was prepared answers when it is asked for its reduction."""

    def __init__(self, data: bytes | None, report: str, trouble: str) -> None:
        self.arguments = data, report, trouble

    def __call__(self, protocol: int) -> tuple[Any, ...]:
        return unpack, self.arguments
