"""Exceptions through pools that pickle with the standard library, which no plugin of brinery reaches."""

from __future__ import annotations

import functools
import sys
import types
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from brinery_exceptions.rebuilding import carry

if TYPE_CHECKING:
    from brinery import Profile

__all__ = ["prepare", "surviving"]

P = ParamSpec("P")
R = TypeVar("R")


def prepare(exc: BaseException) -> None:
    """Make `exc`, this one object, survive whatever pickles it, the standard library too.

    It is pickled now, with the default profile and this plugin, and carries the result: cause, context,
    notes and traceback as they are now. Where even that fails it carries a report of itself, as text.
    What is read carries it on. Where it is read, brinery-exceptions has to be installed.
    """
    import traceback

    report = "".join(traceback.format_exception(exc)).rstrip()
    data, trouble = None, ""
    try:
        data = _profile().dumps(exc)
    except Exception as failure:
        trouble = f"it could not be written: {type(failure).__name__}: {failure}"
    carry(exc, data, report, trouble)


class surviving(Generic[P, R]):
    """A function whose exceptions survive pools: ``pool.map(surviving(work), items)``, or as a decorator.

    It calls `function`, and prepares what that raises (:func:`prepare`). The exception keeps its type, so
    that whoever retries on some types goes on to do so. It can be pickled where the function can.
    """

    def __init__(self, function: Any) -> None:
        functools.update_wrapper(self, function)
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            result: R = self.__wrapped__(*args, **kwargs)
        except BaseException as exc:
            prepare(exc)
            raise
        return result

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


def _profile() -> Profile:
    """The default profile where this plugin is active in it, else one of this plugin alone."""
    import brinery

    default = brinery.default_profile()
    if any(plugin.name == "exceptions" and plugin.state == "active" for plugin in default.report().plugins):
        return default
    from brinery_exceptions.reducing import alone

    return alone()
