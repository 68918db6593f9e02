"""How an exception is written: the plainest way that is known to bring it back.

Each way is tried here and now: the exception is made anew, and compared. So what is chosen is what a reader
will do, and the standard library alone can do it for nearly all exceptions:

1. the reduction that the class's author wrote, if it can be read;
2. a call of the class with ``args``, where its ``__init__`` and ``__new__`` are the interpreter's own;
3. ``__new__`` with ``args``, and ``__init__`` is not called;
4. the built-in class's ``__new__`` (:func:`brinery_exceptions.rebuilding.make`);
5. for a class that cannot be imported: an exception of a class under the nearest base that can.

Attributes, cause, context, notes and traceback follow as state.

A group is made of its exceptions, and one of these may lead back to it, by its context, say. Then the group
is met again while what it is made of is being written, and only then anything differs. This second time it is
written whole, of exceptions whose state is left out and follows with the group's own
(:func:`brinery_exceptions.rebuilding.restore_group`). So each exception is written once, however many of them
lead back.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery import PerDump
from brinery_exceptions.cycles import Search
from brinery_exceptions.rebuilding import (
    CARRIED,
    OPENED,
    is_built_in,
    make,
    restore,
    restore_group,
    stand_in,
)
from brinery_exceptions.trying import CONTAINERS, LEAF_TYPES, LEAVES, Trials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

__all__ = ["is_like", "reduce_exception", "reduce_traceback"]

_MISSING = object()
_ARGS: Callable[[BaseException], Any] = vars(BaseException)["args"].__get__
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


class _Late:
    """The states of a group's exceptions that waited for it, each with its exception: see restore_group.

    It is written as a list. What of it are `bare` meanwhile is kept by id, as long as they are not whole.
    """

    def __init__(self, bare: set[int]) -> None:
        self._bare = bare
        self._states: list[tuple[BaseException, Any, dict[str, Any], _Late | None]] = []

    def add(self, exc: BaseException, own: object, attributes: dict[str, Any], late: _Late | None) -> None:
        """`exc` is written without its state. One that is met again before it is memoized is here twice."""
        self._bare.add(id(exc))
        self._states.append((exc, own, attributes, late))

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (), None, self._each()

    def _each(self) -> Iterator[Any]:
        yield from self._states
        self._bare.difference_update(id(exc) for exc, *_ in self._states)


def reduce_traceback(traceback: TracebackType) -> tuple[Any, ...]:
    """A traceback as tblib's: files, lines and functions, without the frames' variables."""
    from tblib import pickling_support

    reduction: tuple[Any, ...] = pickling_support.pickle_traceback(traceback)
    return reduction


@PerDump
def reduce_exception(protocol: int) -> Callable[[BaseException], str | tuple[Any, ...]]:
    """What gives the reduction of any exception, during one dump; see this module's docstring."""
    return _Dump(protocol).reduce


class _Dump:
    """One dump: what was tried out in it, and the exceptions that lead back to themselves.

    open     by id, those whose arguments are being written: groups, and what is made as its author says. One
             that is met again leads back to itself.
    waiting  by id, exceptions of groups that were met again, with the place for their state.
    late     by id, these places, one for each such group.
    bare     the ids of exceptions that are written, and their state is not yet.
    """

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol
        self.trials = Trials.of_dump()
        self.search = Search()
        self.open: dict[int, BaseException] = {}
        self.waiting: dict[int, tuple[BaseException, _Late]] = {}
        self.late: dict[int, _Late] = {}
        self.bare: set[int] = set()

    def reduce(self, exc: BaseException) -> str | tuple[Any, ...]:
        """The reduction of `exc`."""
        if OPENED in vars(type(exc)):  # no name leads to its class; it was prepared, and is what it was then
            prepared: tuple[Any, ...] = vars(exc)[CARRIED](self.protocol)
            return prepared
        again = id(exc) in self.open
        lost: dict[str, str] = {}
        author = self._authors_way(exc, again)
        if isinstance(author, str):
            return author
        way, fresh = self._first_that_works(exc, author, lost, again)
        if way.by_author:
            attributes = self._left_out_by_author(exc, fresh)
        else:
            attributes = self._attributes(exc, fresh, lost)
        if lost:
            told = [f"{name} could not be pickled; it was {text}" for name, text in lost.items()]
            attributes["__notes__"] = [*attributes.get("__notes__", ()), *told]
        attributes.update(_surroundings(exc, fresh))
        return self._reduction(exc, way, fresh, attributes, again)

    # Exceptions that lead back to themselves

    def _reduction(
        self,
        exc: BaseException,
        way: Way,
        fresh: BaseException,
        attributes: dict[str, Any],
        again: bool,
    ) -> tuple[Any, ...]:
        """The reduction with its state, or without it where that has to wait."""
        late: _Late | None = None
        if again and isinstance(exc, BaseExceptionGroup):
            late = self.late.setdefault(id(exc), _Late(self.bare))
            self._let_wait(exc, late)
        _, place = self.waiting.pop(id(exc), (exc, None))
        reduction: tuple[Any, ...]
        if place is not None:
            place.add(exc, way.state, attributes, late)
            reduction = way.function, way.args
        elif late is not None:
            reduction = way.function, way.args, (way.state, attributes, late), None, None, restore_group
        else:
            reduction = _with_state(way, fresh, attributes)
        if not (way.by_author or isinstance(exc, BaseExceptionGroup)):
            return reduction
        self.open[id(exc)] = exc
        function, args, state, _, *more = (*reduction, None, None)[: max(4, len(reduction))]
        return function, args, state, self._closing(exc), *more

    def _closing(self, exc: BaseException) -> Iterator[Any]:
        """No items: they would be asked for when `exc` has been made and memoized, which so is known here."""
        self.open.pop(id(exc), None)
        late = self.late.pop(id(exc), None)
        if late is not None:
            # Some the group was not made of after all: another group in it is made otherwise, by its author.
            self.waiting = {key: found for key, found in self.waiting.items() if found[1] is not late}
        return
        yield

    def _let_wait(self, group: BaseExceptionGroup[Any], late: _Late) -> None:
        """The state of the exceptions in `group`, and in groups in it, is to go to `late`."""
        ahead = [group]
        while ahead:
            for inner in ahead.pop().exceptions:
                if id(inner) not in self.waiting:
                    self.waiting[id(inner)] = inner, late
                    if isinstance(inner, BaseExceptionGroup):
                        ahead.append(inner)

    def _wants_others(self, exc: BaseException, args: tuple[Any, ...]) -> bool:
        """Whether what `exc` would be made of may lead back to it, or is not whole meanwhile."""
        if id(exc) in self.waiting:
            return not _are_leaves(args)
        if isinstance(exc, BaseExceptionGroup) and self.search.leads_back(exc):
            return True
        return bool(self.bare) and any(id(inside) in self.bare for inside in _within(args))

    # Ways

    def _authors_way(self, exc: BaseException, again: bool) -> Way | str | None:
        """The reduction that the class's author wrote; None where it is a built-in class's.

        None also where what it is made of that way leads back to it, or to what is not whole meanwhile.
        """
        cls = type(exc)
        reduce_is_own = not any(cls.__reduce__ is vars(base).get("__reduce__") for base in _built_in(cls))
        if not reduce_is_own and cls.__reduce_ex__ is object.__reduce_ex__:
            return None
        if again:  # what it makes it of is being written already, and led here
            return None
        try:
            # Past what prepare() left on the object.
            reduction = cls.__reduce_ex__(exc, self.protocol)
        except Exception:
            return None
        if isinstance(reduction, str):
            return reduction if self.trials.survive(exc) else None
        function, args, *more = reduction
        state, *more = [*more, None]
        if any(item is not None for item in more) or self._wants_others(exc, args):
            return None
        return Way(function, args, state, by_author=True)

    def _first_that_works(
        self, exc: BaseException, author: Way | None, lost: dict[str, str], again: bool
    ) -> tuple[Way, BaseException]:
        cls = type(exc)
        if author is not None and self.trials.survives((author.function, author.args, author.state)):
            fresh = _made(author, cls)
            if fresh is not None:
                return author, fresh
        args = self._kept_args(exc, lost, again)
        for way in self._ways(exc, cls, args):
            fresh = _made(way, cls if self.trials.survive(cls) else None)
            if fresh is not None:
                return way, fresh
        raise TypeError(f"cannot pickle {cls.__name__!r} exception: no way was found to make one")

    def _ways(self, exc: BaseException, cls: type[BaseException], args: tuple[Any, ...]) -> Iterator[Way]:
        if self.trials.survive(cls):
            if _is_built_in_method(cls, "__init__") and _is_built_in_method(cls, "__new__"):
                yield Way(cls, args)
            yield Way(getattr(copyreg, "__newobj__"), (cls, *args))  # noqa: B009  # not in the stubs
            yield Way(make, (cls, *args))
        else:
            base = next(
                base
                for base in cls.__mro__[1:]
                if issubclass(base, BaseException) and self.trials.survive(base)
            )
            yield Way(stand_in, (base, cls.__module__, cls.__qualname__, *args))

    def _kept_args(self, exc: BaseException, lost: dict[str, str], again: bool) -> tuple[Any, ...]:
        """The arguments for ``__new__``; what cannot be pickled of them, as text."""
        args = _args(exc)
        if isinstance(exc, BaseExceptionGroup):
            told = args[:2]
            same = len(told) == 2 and told[0] is exc.message and _same_items(tuple(told[1]), exc.exceptions)
            if again or id(exc) in self.waiting or self.search.leads_back(exc, args):
                # Of a list only the beginning would be there, as it is being written.
                args = exc.message, exc.exceptions
            elif not same:  # __init__ was given others, or the list was changed
                args = exc.message, list(exc.exceptions)
        elif id(exc) in self.waiting and not _are_leaves(args):
            return ()  # they follow, as its state does
        elif any(found is exc for found in _within(args)):
            # What is in them and leads to it cannot be written before it is: they follow.
            return ()
        return tuple(self.trials.kept(f"args[{index}]", value, lost) for index, value in enumerate(args))

    # State

    def _attributes(self, exc: BaseException, fresh: BaseException, lost: dict[str, str]) -> dict[str, Any]:
        """What `exc` has and `fresh` has not: fields of built-in classes, slots, and the instance's dict."""
        found: dict[str, Any] = {}
        for name, value in _everything(exc):
            if _attribute(fresh, name) is not value and not _is_read_only(fresh, name, value):
                found[name] = self.trials.kept(name, value, lost)
        args = tuple(
            self.trials.kept(f"args[{index}]", value, lost) for index, value in enumerate(_args(exc))
        )
        if not _same_items(args, _args(fresh)):
            found["args"] = args
        return found

    def _left_out_by_author(self, exc: BaseException, fresh: BaseException) -> dict[str, Any]:
        """What a reduction of the author's own leaves out, as far as it can be pickled.

        urllib3 drops its connection pools that way, which is right, and with them the reason of a failure.
        """
        found: dict[str, Any] = {}
        for name, value in _everything(exc):
            made = _attribute(fresh, name)
            is_left_out = made is _MISSING or (made is None and value is not None)
            if is_left_out and not _is_read_only(fresh, name, value) and self.trials.survive(value):
                found[name] = value
        if not _same_items(_args(exc), _args(fresh)) and self.trials.survives(_args(exc)):
            found["args"] = _args(exc)
        return found


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


def _within(values: tuple[Any, ...]) -> Iterator[BaseException]:
    """The exceptions in `values`: in containers, in the arguments of other exceptions, and in groups."""
    seen: set[int] = set()
    ahead = list(values)
    while ahead:
        found: Any = ahead.pop()
        inside: tuple[Any, ...] = ()
        if issubclass(type(found), BaseException):
            yield found
            inside = _args(found)
            if isinstance(found, BaseExceptionGroup):
                inside += found.exceptions
        elif type(found) is dict:
            inside = *found, *found.values()
        elif type(found) in CONTAINERS:
            inside = tuple(found)
        if inside and id(found) not in seen:
            seen.add(id(found))
            ahead += (item for item in inside if type(item) not in LEAF_TYPES)


def _are_leaves(values: tuple[Any, ...]) -> bool:
    return LEAF_TYPES.issuperset(map(type, values))


def is_like(fresh: BaseException, exc: BaseException) -> bool:
    """Whether `fresh`, which was made of what `exc` has, has it too: type, arguments, fields, attributes."""
    if type(fresh) is not type(exc) or not _same_items(_args(exc), _args(fresh)):
        return False
    return all(_same_items((value,), (_attribute(fresh, name),)) for name, value in _everything(exc))


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


def _same_items(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    """Whether both hold the same objects; text and numbers may be equal ones."""
    return len(some) == len(others) and all(
        one is other or (type(one) is type(other) and type(one) in LEAVES and one == other)
        for one, other in zip(some, others, strict=True)
    )
