"""Pickle's functions whose names begin with an underscore: the Python engine's, whichever engine is in use.

They use the default profile, as the other functions do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brinery.engine import python
from brinery.pickling import default_profile

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["_dump", "_dumps", "_load", "_loads"]


def _dumper() -> python.Dumper:
    return python.Dumper(lambda: default_profile().write_plan)


def _loader() -> python.Loader:
    return python.Loader(lambda: default_profile().read_plan)


def _dump(
    obj: object,
    file: Any,
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[Any], Any] | None = None,
) -> None:
    _dumper().dump(obj, file, protocol, fix_imports=fix_imports, buffer_callback=buffer_callback)


def _dumps(
    obj: object,
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[Any], Any] | None = None,
) -> bytes:
    return _dumper().dumps(obj, protocol, fix_imports=fix_imports, buffer_callback=buffer_callback)


def _load(file: Any, **options: Any) -> Any:
    return _loader().load(file, **options)


def _loads(data: Any, /, **options: Any) -> Any:
    return _loader().loads(data, **options)
