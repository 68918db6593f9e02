"""Dask: what a task raises is reported whole, also where Dask alone cannot.

Dask's workers report an exception with tblib's reducer, which they register anew for its class each time; so
no plugin of brinery and no reducer of ``copyreg`` is asked. Where that fails, they send its ``repr`` alone.
One line has the others, too, on all workers that there are and that come::

    client.register_plugin(brinery_exceptions.dask.SurvivingExceptions())

or, where workers are started by somebody else, ``dask worker --preload brinery_exceptions.dask …``.

Nothing changes for what Dask can report by itself. This module is imported on workers and where an exception
is read; it needs Dask's package distributed.
"""

from __future__ import annotations

import functools
import pickle
from typing import TYPE_CHECKING, Any

import cloudpickle
from distributed import WorkerPlugin, protocol
from tblib import pickling_support

from brinery_exceptions.carrying import survivor
from brinery_exceptions.rebuilding import carried, close, unpack
from brinery_exceptions.reducing import is_like

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SurvivingExceptions", "dask_setup", "install"]

_BY_PICKLER = object()


class SurvivingExceptions(WorkerPlugin):
    """For ``client.register_plugin(…)``: every worker reports exceptions that Dask alone cannot, too."""

    name = "brinery-exceptions"
    idempotent = True

    def setup(self, worker: object) -> None:
        """What a worker calls when it gets the plugin."""
        install()


def dask_setup(worker: object) -> None:
    """What Dask calls where this module is a preload."""
    install()


def install() -> None:
    """Have exceptions that Dask alone cannot report reported in this process, which is a worker's.

    Two things are put in place, once. Exceptions are registered with Dask's serialization, which then has
    them where pickling failed. And the reducer that tblib registers for a class refuses what it would make
    unreadable, so that this is told while pickling.
    """
    registries: Any = protocol  # Dask's documented registries, which say nothing of their types
    registries.dask_serialize.register(BaseException)(_serialize)
    registries.dask_deserialize.register(BaseException)(_deserialize)
    if not isinstance(pickling_support.pickle_exception, _Checked):
        pickling_support.pickle_exception = _Checked(pickling_support.pickle_exception)


def _serialize(exc: BaseException, context: object = _BY_PICKLER) -> tuple[dict[str, str], list[bytes]]:
    """The exception as Dask's serialization has objects: a header, and frames.

    With a `context`, it is an argument or a result, and Dask pickles it where this raises
    NotImplementedError. Without one, pickling it has failed, and where this raises TypeError Dask goes on to
    cloudpickle.
    """
    if context is not _BY_PICKLER:
        if _comes_back(exc, protocol.pickle):
            raise NotImplementedError
    elif _comes_back(exc, cloudpickle):
        raise TypeError  # a class of __main__, which cloudpickle brings back as the very class there
    data, report, trouble = carried(survivor(exc))
    return {"report": report, "trouble": trouble}, [] if data is None else [data]


def _comes_back(exc: BaseException, pickler: Any) -> bool:
    try:
        made = pickler.loads(pickler.dumps(exc))
    except Exception:
        return False
    return type(made).__qualname__ == type(exc).__qualname__


def _deserialize(header: dict[str, str], frames: list[bytes]) -> BaseException:
    exc = unpack(bytes(frames[0]) if frames else None, header["report"], header["trouble"])
    close(exc)
    return exc


class _Checked:
    """tblib's reducer, for what it can bring back."""

    def __init__(self, reduce: Callable[..., tuple[Any, ...]]) -> None:
        functools.update_wrapper(self, reduce)
        self._reduce = reduce

    def __call__(self, exc: BaseException) -> tuple[Any, ...]:
        reduction = self._reduce(exc)
        function, arguments, *_ = reduction
        try:
            made = function(*arguments)
        except Exception as failure:
            raise pickle.PicklingError(f"{type(exc).__name__} could not be read: {failure}") from failure
        if not is_like(made, exc):
            raise pickle.PicklingError(f"{type(exc).__name__} would be read without what belongs to it")
        return reduction
