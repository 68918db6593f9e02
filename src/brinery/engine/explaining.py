"""The one way from an engine to what explains an error (:mod:`brinery.engine.advice`).

What explains is imported when there is an error, and an import cannot always run: there are no file
descriptors left, or the interpreter is shutting down. So everything here gives the error back as C pickle has
it, with no note then. Explaining an error never replaces it.
"""

from __future__ import annotations

from brinery import refusals
from brinery.forking import whole
from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from brinery.errors import UnpicklingError
    from brinery.plan import ReadPlan

__all__ = [
    "SAMPLE",
    "missing_global",
    "no_buffer",
    "no_persistent_load",
    "no_reader",
    "no_writer",
    "on_reading",
    "on_writing",
    "positional",
    "text_file",
]

#: How many bytes of a stream's beginning are of use for an explanation.
SAMPLE = 4096


def _ask(module: str, function: str, *arguments: object) -> Any:
    """What `function` says; None where it cannot be imported, or fails itself."""
    # A fork waits for it, as it imports more. But not at any price: who holds the lock for long composes a
    # profile, and may itself wait for what this thread is importing.
    held = whole.acquire(blocking=False)
    try:
        return getattr(__import__(module, fromlist=["brinery"]), function)(*arguments)
    except Exception:
        return None
    finally:
        if held:
            whole.release()


def on_reading(
    exc: BaseException, opcode: str, offset: int, beginning: bytes, at: bytes, left: int | None
) -> None:
    """After a load has failed: see :func:`brinery.engine.advice.reading.on_reading`."""
    _ask("brinery.engine.advice.reading", "on_reading", exc, opcode, offset, beginning, at, left)


def missing_global(
    exc: BaseException, named: tuple[str, str], module: str, qualname: str, plan: ReadPlan | None
) -> None:
    """A global of a stream is not there: see :func:`brinery.engine.advice.reading.missing_global`."""
    _ask("brinery.engine.advice.reading", "missing_global", exc, named, module, qualname, plan)


def on_writing(exc: BaseException, path: str, type_name: str) -> None:
    """After a dump has failed: see :func:`brinery.engine.advice.writing.on_writing`."""
    _ask("brinery.engine.advice.writing", "on_writing", exc, path, type_name)


def no_buffer(exc: BaseException, data: object) -> None:
    """What ``loads`` was given has no bytes."""
    _ask("brinery.engine.advice.arguments", "no_buffer", exc, data)


def text_file(exc: BaseException, write: object) -> None:
    """A file did not take bytes."""
    _ask("brinery.engine.advice.arguments", "text_file", exc, write)


def no_reader(file: object) -> TypeError:
    """What to raise for a `file` that cannot be read."""
    error = TypeError("file must have 'read' and 'readline' attributes")
    _ask("brinery.engine.advice.arguments", "no_reader", error, file)
    return error


def no_writer(file: object) -> TypeError:
    """What to raise for a `file` that cannot be written to."""
    error = TypeError("file must have a 'write' attribute")
    _ask("brinery.engine.advice.arguments", "no_writer", error, file)
    return error


def positional(name: str, more: Sequence[object]) -> TypeError:
    """What to raise where ``load`` or ``loads`` is given `more` than what to read."""
    error = TypeError(f"{name}() takes exactly 1 positional argument ({1 + len(more)} given)")
    _ask("brinery.engine.advice.arguments", "positional", error, name, more)
    return error


def no_persistent_load(pid: object) -> UnpicklingError:
    """What to raise for a persistent ID that nothing could load: it says which store to bind."""
    error: UnpicklingError | None = _ask("brinery.persistent_ids", "unbound", pid)
    return refusals.no_persistent_load() if error is None else error
