"""Exceptions through pools that pickle with the standard library, which no plugin of brinery reaches."""

from __future__ import annotations

import functools
import sys
import types
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from brinery_exceptions.rebuilding import carry, close

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

__all__ = ["prepare", "surviving", "survivor"]

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")
E = TypeVar("E", bound=BaseException)
T = TypeVar("T")


def prepare(exc: E) -> E:
    """Make `exc`, this one object, survive whatever pickles it, the standard library too; and return it.

    It is pickled now, by this plugin alone, and carries the result: cause, context, notes and traceback as
    they are now. Where even that fails it carries a report of itself, as text.
    What is read carries it on. Where it is read, brinery-exceptions has to be installed.

    A pool sets the traceback and the cause of what a task raises. Where its class lets nobody (a frozen
    dataclass), the exception becomes one of a subclass with its name, which does.

    Raises TypeError for what is no exception.
    """
    if not isinstance(exc, BaseException):
        made = (
            f", such as {exc.__name__}(…)" if isinstance(exc, type) and issubclass(exc, BaseException) else ""
        )
        raise TypeError(f"prepare() wants an exception that was raised or made{made}; not {exc!r}")
    survivor(exc)
    return exc


def survivor(exc: BaseException) -> BaseException:
    """`exc`, prepared; or, where its class prevents even that, what survives in its place.

    It is written by this plugin alone: its class by name, which so is the very class that a program waits for
    (brinery-functions writes those of ``__main__`` by value), and nothing else need be installed to read it.
    """
    from brinery_exceptions.trying import alone

    report = _report(exc)
    data, trouble = None, ""
    try:
        close(exc)  # what was prepared before, and opened, is written as what it carries
        data = alone().dumps(exc)
    except Exception as failure:
        trouble = f"it could not be written: {type(failure).__name__}: {failure}"
    return carry(exc, data, report, trouble)


def _raise_survivor(exc: BaseException) -> None:
    """Prepare `exc`, which the caller raises again; raises what survives in its place where that fails."""
    other = survivor(exc)
    if other is not exc:
        raise other from None


def _report(exc: BaseException) -> str:
    """As a traceback shows it; where its class prevents that, its type and its traceback."""
    import traceback

    try:
        return "".join(traceback.format_exception(exc)).rstrip()
    except Exception as failure:
        where = "".join(traceback.format_tb(exc.__traceback__))
        return f"{where}{type(exc).__module__}.{type(exc).__qualname__} (showing it raises {failure!r})"


class surviving(Generic[P, R]):
    """A function whose exceptions survive pools: ``pool.map(surviving(work), items)``, or as a decorator.

    It calls `function`, and prepares what that raises (:func:`prepare`). The exception keeps its type, so
    that whoever retries on some types goes on to do so. It can be pickled where the function can.

    Of a coroutine function, a generator function or an asynchronous one it is another: what is raised while
    it is awaited, or iterated over, is prepared.

    Raises TypeError for what is no function.
    """

    __wrapped__: Callable[P, R]

    def __init__(self, function: Callable[P, R]) -> None:
        if not callable(function):
            hint = f"; write @{type(function).__name__} above @surviving" if _is_method(function) else ""
            raise TypeError(
                f"surviving() wants the function whose exceptions are to survive, not {function!r}{hint}"
            )
        # A class's dict is about its instances.
        kept = () if isinstance(function, type) else functools.WRAPPER_UPDATES
        functools.update_wrapper(self, function, updated=kept)
        self.__wrapped__ = function
        self._watch = _watch(function)
        if self._watch is not None:
            # By these inspect.iscoroutinefunction and its like tell what may pass for a function, and which.
            plain = _plain(function)
            for name in ("__code__", "__defaults__", "__kwdefaults__"):
                setattr(self, name, getattr(plain, name))
            vars(self).setdefault("__name__", plain.__name__)
            vars(self).setdefault(
                "__annotations__", {}
            )  # a partial has none; the function's own are kept above

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            result = self.__wrapped__(*args, **kwargs)
        except BaseException as exc:
            _raise_survivor(exc)
            raise
        return result if self._watch is None else self._watch(result)

    @overload
    def __get__(self, obj: None, owner: type | None = None) -> surviving[P, R]: ...
    @overload
    def __get__(
        self: surviving[Concatenate[S, Q], R], obj: S, owner: type | None = None
    ) -> Callable[Q, R]: ...
    def __get__(self, obj: object, owner: type | None = None) -> Any:
        return self if obj is None else types.MethodType(self, obj)

    def __reduce__(self) -> str | tuple[Any, ...]:
        name: str = getattr(self.__wrapped__, "__qualname__", "")
        found: object = sys.modules.get(getattr(self.__wrapped__, "__module__", None) or "")
        for part in name.split("."):
            found = getattr(found, part, None)
        # As a decorator it has taken the place of the function, which so cannot be found any more.
        return name if found is self else (surviving, (self.__wrapped__,))

    def __repr__(self) -> str:
        return f"<surviving {self.__wrapped__!r}>"


def _is_method(function: object) -> bool:
    return isinstance(function, classmethod | property)


def _plain(function: Any) -> Any:
    """The function written in Python that is called in the end, if there is one."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, types.MethodType):
        return _plain(function.__func__)
    if isinstance(function, staticmethod | surviving):
        return _plain(function.__wrapped__)
    if isinstance(function, types.FunctionType | type):
        return function
    return getattr(type(function).__call__, "__func__", type(function).__call__)


def _watch(function: object) -> Callable[[Any], Any] | None:
    """What watches over the result of `function` where its body runs later: awaited, iterated over."""
    import inspect

    plain = _plain(function)
    if inspect.iscoroutinefunction(plain):
        return _awaited
    if inspect.isgeneratorfunction(plain):
        return _iterated
    if inspect.isasyncgenfunction(plain):
        return _iterated_async
    return None


async def _awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        return await coroutine
    except GeneratorExit:  # it is closed, and nobody hears of that
        raise
    except BaseException as exc:
        _raise_survivor(exc)
        raise


def _iterated(generator: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
    try:
        return (yield from generator)
    except GeneratorExit:
        raise
    except BaseException as exc:
        _raise_survivor(exc)
        raise


async def _iterated_async(generator: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    """As ``yield from`` does it, which asynchronous generators do not have."""
    try:
        item = await anext(generator)
        while True:
            try:
                sent = yield item
            except GeneratorExit:
                await generator.aclose()
                raise
            except BaseException as exc:
                item = await generator.athrow(exc)
            else:
                item = await generator.asend(sent)
    except StopAsyncIteration:
        return
    except GeneratorExit:
        raise
    except BaseException as exc:
        _raise_survivor(exc)
        raise
