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
    "dump": frozenset(("protocol", "fix_imports", "buffer_callback", "bin", "obj", "file")),
    "dumps": frozenset(("protocol", "fix_imports", "buffer_callback", "bin", "obj")),
    "load": frozenset(("fix_imports", "encoding", "errors", "buffers", "file")),
    "loads": frozenset(("fix_imports", "encoding", "errors", "buffers")),
}
FUNCTIONS = tuple(_ARGUMENTS)


def taking_options(name: str, function: Callable[..., Any], bound: Any) -> Callable[..., Any]:
    """`function`, which is called `name`; with keywords that are not its own, that of ``bound.using(…)``."""
    own = _ARGUMENTS[name]

    def call(*args: Any, **keywords: Any) -> Any:
        if not keywords or keywords.keys() <= own:
            return function(*args, **keywords)
        options = {key: keywords.pop(key) for key in keywords.keys() - own}
        return getattr(bound.using(**options), name)(*args, **keywords)

    call.__name__ = name
    call.__qualname__ = f"BoundProfile.{name}"
    call.__doc__ = function.__doc__
    return call
