"""Options of a single call: ``bound.loads(data, session=s)``.

The functions of a bound profile are the engine's own, which take what :mod:`pickle` takes. Only where a store
declares options are there functions around them, which a call pays for in half a microsecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "taking_options"]

#: What `dump`, `dumps`, `load` and `loads` take of themselves.
_ARGUMENTS = {
    "dump": frozenset(("protocol", "fix_imports", "buffer_callback", "bin", "check", "obj", "file")),
    "dumps": frozenset(("protocol", "fix_imports", "buffer_callback", "bin", "check", "obj")),
    "load": frozenset(("fix_imports", "encoding", "errors", "buffers", "file")),
    "loads": frozenset(("fix_imports", "encoding", "errors", "buffers")),
}
FUNCTIONS = tuple(_ARGUMENTS)


class _Call:
    """A function around an engine's, which travels with the profile that it belongs to as that does."""

    def __init__(self, name: str, function: Callable[..., Any], bound: Any) -> None:
        self.__self__ = bound
        self.__name__ = name
        self.__qualname__ = f"BoundProfile.{name}"
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        self._own = _ARGUMENTS[name]

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if not keywords or keywords.keys() <= self._own:
            return self.__wrapped__(*args, **keywords)
        options = {key: keywords.pop(key) for key in keywords.keys() - self._own}
        return getattr(self.__self__.using(**options), self.__name__)(*args, **keywords)

    def __reduce__(self) -> tuple[Any, ...]:
        return _method_of, (self.__self__, self.__name__)


class _Later:
    """A function of a profile that cannot be used here: what is wrong is raised by the call."""

    def __init__(self, profile: Any, name: str) -> None:
        self._reduced = profile, name

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        profile, name = self._reduced
        return getattr(profile, name)(*args, **keywords)

    def __reduce__(self) -> tuple[Any, ...]:
        return _method_of, self._reduced


def _method_of(profile: Any, name: str) -> Any:
    # Raised now, it would be raised in a pool's own code, and nobody would get it.
    try:
        return getattr(profile, name)
    except Exception:
        return _Later(profile, name)


def taking_options(name: str, function: Callable[..., Any], bound: Any) -> Callable[..., Any]:
    """`function`, which is called `name`; with keywords that are not its own, that of ``bound.using(…)``."""
    return _Call(name, function, bound)
