"""The drop-in face on the Python engine, whichever engine is in use: pickle's underscored names.

``pickle._Pickler`` is the standard library's Pickler in Python; programs take it to subclass or to
compare. These read the default profile, as the other names do.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from brinery.engine import python
from brinery.pickling import default_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from brinery.plan import ReadPlan, WritePlan

__all__ = ["_Pickler", "_Unpickler", "_dump", "_dumps", "_load", "_loads"]


def _write_plan() -> WritePlan:
    return default_profile().write_plan


def _read_plan() -> ReadPlan:
    return default_profile().read_plan


class _Pickler(python.Pickler):
    """The Python engine's Pickler with the default profile."""

    _plan_source = staticmethod(_write_plan)


class _Unpickler(python.Unpickler):
    """The Python engine's Unpickler with the default profile."""

    _plan_source = staticmethod(_read_plan)


def _dump(
    obj: object,
    file: Any,
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[Any], Any] | None = None,
) -> None:
    _Pickler(file, protocol, fix_imports=fix_imports, buffer_callback=buffer_callback).dump(obj)


def _dumps(
    obj: object,
    protocol: int | None = None,
    *,
    fix_imports: bool = True,
    buffer_callback: Callable[[Any], Any] | None = None,
) -> bytes:
    file = io.BytesIO()
    _dump(obj, file, protocol, fix_imports=fix_imports, buffer_callback=buffer_callback)
    return file.getvalue()


def _load(file: Any, **options: Any) -> Any:
    return _Unpickler(file, **options).load()


def _loads(data: Any, /, **options: Any) -> Any:
    return _load(io.BytesIO(data), **options)
