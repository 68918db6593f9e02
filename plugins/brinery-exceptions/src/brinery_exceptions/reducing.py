"""How an exception is written: the plainest way that is known to bring it back.

Each way is tried here and now: the exception is made anew, and compared. So what is chosen is what a reader
will do, and the standard library alone can do it for nearly all exceptions:

1. the reduction that the class's author wrote, if it can be read;
2. a call of the class with ``args``, where its ``__init__`` and ``__new__`` are the interpreter's own;
3. ``__new__`` with ``args``, and ``__init__`` is not called;
4. the built-in class's ``__new__`` (:func:`brinery_exceptions.rebuilding.make`);
5. for a class that cannot be imported: an exception of a class under the nearest base that can.

Attributes, cause, context, notes and traceback follow as state.
"""

from __future__ import annotations

import copyreg
import functools
import reprlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery_exceptions.rebuilding import CARRIED, OPENED, is_built_in, make, restore, stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from brinery import Profile

__all__ = ["alone", "is_like", "reduce_exception", "reduce_traceback"]

_MISSING = object()
_ARGS: Callable[[BaseException], Any] = vars(BaseException)["args"].__get__
_LEAVES = (str, int, float, bool, bytes, type(None))
_LEAF_TYPES = frozenset(_LEAVES)
_CONTAINERS = frozenset({tuple, list, dict, set, frozenset})
#: Attributes that are handled by name, or that an exception is not to drag along.
_APART = {"args", "__dict__", "__cause__", "__context__", "__suppress_context__", "__traceback__", CARRIED}
#: AttributeError.obj may be anything, of any size; CPython leaves it out too (issue 103333).
_LEFT_OUT = {(AttributeError, "obj")}


class Way(NamedTuple):
    """One way to make an exception: ``function(*args)``, then the state that its author wants, if any."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    state: Any = None
    by_author: bool = False


class _Trying(threading.local):
    """What is tried out in this thread.

    now    true while an attribute is: exceptions in it will survive, and are not looked into again.
    known  during :func:`each_tried_once`: by id, each object that was tried out, and whether it survives.
    """

    now = False
    known: dict[int, tuple[object, bool]] | None = None


_trying = _Trying()

#: How much is kept of the repr of what cannot be pickled: beginning and end, in characters.
_REPR_KEPT = 400, 100
_REPR = reprlib.Repr()
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxfrozenset = _REPR.maxdict = 20
_REPR.maxstring = _REPR.maxother = 200


def reduce_traceback(traceback: TracebackType) -> tuple[Any, ...]:
    """A traceback as tblib's: files, lines and functions, without the frames' variables."""
    from tblib import pickling_support

    reduction: tuple[Any, ...] = pickling_support.pickle_traceback(traceback)
    return reduction


def reduce_exception(exc: BaseException, protocol: int) -> str | tuple[Any, ...]:
    """The reduction of any exception; see this module's docstring."""
    if _trying.now:
        return str, ("",)
    if OPENED in vars(type(exc)):  # no name leads to its class; it was prepared, and is what it was then
        prepared: tuple[Any, ...] = vars(exc)[CARRIED](protocol)
        return prepared
    lost: dict[str, str] = {}
    author = _authors_way(exc, protocol)
    if isinstance(author, str):
        return author
    way, fresh = _first_that_works(exc, author, lost)
    attributes = _left_out_by_author(exc, fresh) if way.by_author else _attributes(exc, fresh, lost)
    if lost:
        told = [f"{name} could not be pickled; it was {text}" for name, text in lost.items()]
        attributes["__notes__"] = [*attributes.get("__notes__", ()), *told]
    attributes.update(_surroundings(exc, fresh))
    return _with_state(way, fresh, attributes)


# Ways


def _authors_way(exc: BaseException, protocol: int) -> Way | str | None:
    """The reduction that the class's author wrote; None where it is a built-in class's."""
    cls = type(exc)
    reduce_is_own = not any(cls.__reduce__ is vars(base).get("__reduce__") for base in _built_in(cls))
    if not reduce_is_own and cls.__reduce_ex__ is object.__reduce_ex__:
        return None
    try:
        # Past what prepare() left on the object.
        reduction = cls.__reduce_ex__(exc, protocol)
    except Exception:
        return None
    if isinstance(reduction, str):
        return reduction if survives(exc) else None
    function, args, *more = reduction
    state, *more = [*more, None]
    if any(item is not None for item in more):
        return None
    return Way(function, args, state, by_author=True)


def _first_that_works(
    exc: BaseException, author: Way | None, lost: dict[str, str]
) -> tuple[Way, BaseException]:
    cls = type(exc)
    if author is not None and survives((author.function, author.args, author.state)):
        fresh = _made(author, cls)
        if fresh is not None:
            return author, fresh
    args = _kept_args(exc, lost)
    for way in _ways(exc, cls, args):
        fresh = _made(way, cls if survives(cls) else None)
        if fresh is not None:
            return way, fresh
    raise TypeError(f"cannot pickle {cls.__name__!r} exception: no way was found to make one")


def _ways(exc: BaseException, cls: type[BaseException], args: tuple[Any, ...]) -> Iterator[Way]:
    if survives(cls):
        if _is_built_in_method(cls, "__init__") and _is_built_in_method(cls, "__new__"):
            yield Way(cls, args)
        yield Way(getattr(copyreg, "__newobj__"), (cls, *args))  # noqa: B009  # not in the stubs
        yield Way(make, (cls, *args))
    else:
        base = next(base for base in cls.__mro__[1:] if issubclass(base, BaseException) and survives(base))
        yield Way(stand_in, (base, cls.__module__, cls.__qualname__, *args))


def _made(way: Way, cls: type[BaseException] | None) -> BaseException | None:
    """What a reader will get; None where that fails, or is of another class."""
    try:
        fresh = way.function(*way.args)
        if way.state is not None:
            fresh.__setstate__(way.state)
    except Exception:
        return None
    right = isinstance(fresh, BaseException) and (cls is None or type(fresh) is cls)
    return fresh if right else None


def _built_in(cls: type) -> Iterator[type]:
    return (base for base in cls.__mro__ if is_built_in(base))


def _is_built_in_method(cls: type, name: str) -> bool:
    return is_built_in(next(base for base in cls.__mro__ if name in vars(base)))


def _kept_args(exc: BaseException, lost: dict[str, str]) -> tuple[Any, ...]:
    """The arguments for ``__new__``; what cannot be pickled of them, as text."""
    args = _args(exc)
    if isinstance(exc, BaseExceptionGroup):
        told = args[:2]
        same = len(told) == 2 and told[0] is exc.message and _same_items(tuple(told[1]), exc.exceptions)
        if not same:  # __init__ was given others, or the list was changed
            args = exc.message, list(exc.exceptions)
    elif any(_leads_to(value, exc) for value in args):
        # They are written before the exception is, so that what is in them cannot refer to it: they follow.
        return ()
    return tuple(_kept(f"args[{index}]", value, lost) for index, value in enumerate(args))


def _leads_to(value: object, exc: BaseException) -> bool:
    """Whether `exc` is in `value`, through containers and the arguments of other exceptions."""
    seen: set[int] = set()
    ahead = [value]
    while ahead:
        found: Any = ahead.pop()
        if found is exc:
            return True
        if issubclass(type(found), BaseException):
            inside = _args(found)
        elif type(found) is dict:
            inside = *found, *found.values()
        else:
            inside = tuple(found) if type(found) in _CONTAINERS else ()
        if inside and id(found) not in seen:
            seen.add(id(found))
            ahead += (item for item in inside if type(item) not in _LEAF_TYPES)
    return False


# State


def _attributes(exc: BaseException, fresh: BaseException, lost: dict[str, str]) -> dict[str, Any]:
    """What `exc` has and `fresh` has not: the fields of built-in classes, slots, and the instance's dict."""
    found: dict[str, Any] = {}
    for name, value in _everything(exc):
        if _attribute(fresh, name) is not value and not _is_read_only(fresh, name, value):
            found[name] = _kept(name, value, lost)
    args = tuple(_kept(f"args[{index}]", value, lost) for index, value in enumerate(_args(exc)))
    if not _same_items(args, _args(fresh)):
        found["args"] = args
    return found


def is_like(fresh: BaseException, exc: BaseException) -> bool:
    """Whether `fresh`, which was made of what `exc` has, has it too: type, arguments, fields, attributes."""
    if type(fresh) is not type(exc) or not _same_items(_args(exc), _args(fresh)):
        return False
    return all(_same_items((value,), (_attribute(fresh, name),)) for name, value in _everything(exc))


def _left_out_by_author(exc: BaseException, fresh: BaseException) -> dict[str, Any]:
    """What a reduction of the author's own leaves out, as far as it can be pickled.

    urllib3 drops its connection pools that way, which is right, and with them the reason of a failure.
    """
    found: dict[str, Any] = {}
    for name, value in _everything(exc):
        made = _attribute(fresh, name)
        is_left_out = made is _MISSING or (made is None and value is not None)
        if is_left_out and not _is_read_only(fresh, name, value) and survives(value):
            found[name] = value
    if not _same_items(_args(exc), _args(fresh)) and survives(_args(exc)):
        found["args"] = _args(exc)
    return found


def _everything(exc: BaseException) -> Iterator[tuple[str, Any]]:
    for base in reversed(type(exc).__mro__):
        if not issubclass(base, BaseException):  # object, whose __class__ is such a descriptor too
            continue
        for name, descriptor in vars(base).items():
            is_field = type(descriptor).__name__ in ("member_descriptor", "getset_descriptor")
            if is_field and name not in _APART and (base, name) not in _LEFT_OUT:
                value = _attribute(exc, name)
                if value is not _MISSING:
                    yield name, value
    for name, value in vars(exc).items():
        if name not in _APART:
            yield name, value


def _attribute(exc: BaseException, name: str) -> object:
    """Past a ``__getattr__``, which may rely on attributes that are not there yet."""
    try:
        return object.__getattribute__(exc, name)
    except Exception:
        return _MISSING


def _args(exc: BaseException) -> tuple[Any, ...]:
    """Past an attribute of that name of the class's own."""
    args: tuple[Any, ...] = _ARGS(exc)
    return args


def _is_read_only(fresh: BaseException, name: str, value: object) -> bool:
    """Whether it is one of those fields that only ``__new__`` sets, as ExceptionGroup.exceptions."""
    if name in vars(fresh) or name not in dir(type(fresh)):
        return False
    try:
        object.__setattr__(fresh, name, value)
    except (AttributeError, TypeError):
        return True
    return False


def _surroundings(exc: BaseException, fresh: BaseException) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("__traceback__", "__context__", "__cause__"):
        value = getattr(exc, name)
        if value is not None:
            found[name] = value
    # Setting a cause sets it too, as `raise … from …` does.
    if exc.__suppress_context__ is not ("__cause__" in found or fresh.__suppress_context__):
        found["__suppress_context__"] = exc.__suppress_context__
    return found


def _with_state(way: Way, fresh: BaseException, attributes: dict[str, Any]) -> tuple[Any, ...]:
    """The reduction with all state, set by the class itself where it can do that."""
    if not attributes:
        return (way.function, way.args) if way.state is None else (way.function, way.args, way.state)
    by_attributes = type(fresh).__setstate__ is BaseException.__setstate__
    if by_attributes and (way.state is None or type(way.state) is dict):
        state = {**(way.state or {}), **attributes}
        try:
            fresh.__setstate__(state)
        except Exception:  # a class that refuses to have attributes set, such as a frozen dataclass
            pass
        else:
            return way.function, way.args, state
    return way.function, way.args, (way.state, attributes), None, None, restore


# What can be pickled


def _kept(name: str, value: object, lost: dict[str, str]) -> object:
    """`value`; or, where it cannot be pickled and read again, its repr."""
    if survives(value):
        return value
    lost[name] = _text(value)
    return lost[name]


def _text(value: object) -> str:
    """The repr of `value`; of one that is long, its beginning and its end, and of many items a few."""
    try:
        text = (_REPR.repr if type(value) in _CONTAINERS else repr)(value)
    except Exception:
        text = object.__repr__(value)
    first, last = _REPR_KEPT
    left_out = len(text) - first - last
    if left_out <= first:
        return text
    return f"{text[:first]}<… {left_out:,} characters …>{text[-last:]}"


def survives(value: object) -> bool:
    """Whether a profile of this plugin alone writes `value`, and reads what it has written.

    What is written so does not depend on what else takes part, of which a reducer knows nothing.
    """
    if type(value) in _LEAVES:
        return True
    known = _trying.known
    if known is None:
        return _holds_leaves(value) or _is_brought_back(value)
    if id(value) not in known:
        # Kept with the answer: else another object might come to have its id.
        known[id(value)] = value, _holds_leaves(value) or _is_brought_back(value)
    return known[id(value)][1]


@contextmanager
def each_tried_once() -> Iterator[None]:
    """A time in which nothing changes: what several exceptions share is tried out for the first of them."""
    before, _trying.known = _trying.known, {}
    try:
        yield
    finally:
        _trying.known = before


def _holds_leaves(value: Any) -> bool:
    """Whether it is a plain container of plain items, which need not be tried out."""
    cls = type(value)
    if cls not in _CONTAINERS:
        return False
    try:
        items = _LEAF_TYPES.issuperset(map(type, value))
        return items and (cls is not dict or _LEAF_TYPES.issuperset(map(type, value.values())))
    except RuntimeError:  # another thread has changed it meanwhile
        return False


def _is_brought_back(value: object) -> bool:
    before, _trying.now = _trying.now, True
    try:
        profile = alone()
        profile.loads(profile.dumps(value))
    except Exception:
        return False
    finally:
        _trying.now = before
    return True


@functools.cache
def alone() -> Profile:
    """The profile of this plugin alone."""
    import brinery_exceptions
    from brinery import Profile

    return Profile([brinery_exceptions])


def _same_items(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    """Whether both hold the same objects; text and numbers may be equal ones."""
    return len(some) == len(others) and all(
        one is other or (type(one) is type(other) and type(one) in _LEAVES and one == other)
        for one, other in zip(some, others, strict=True)
    )
