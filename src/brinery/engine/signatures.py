"""What ``inspect.signature`` says of the classes Pickler and Unpickler, whichever engine they are of."""

from __future__ import annotations

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Signature
    from typing import Any

__all__ = ["PICKLER", "UNPICKLER"]


class _SignatureOf:
    """As a class attribute ``__signature__``: that of a function, made when it is asked for.

    An extension type tells no signature by itself.
    """

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __get__(self, instance: object, owner: type | None = None) -> Signature:
        import inspect  # what takes long to import, and few ask for

        return inspect.signature(self._function)


def _pickler(
    file: Any,
    protocol: int | None = None,
    fix_imports: bool = True,
    buffer_callback: Callable[[Any], object] | None = None,
    *,
    bin: object = None,
) -> None: ...


def _unpickler(
    file: Any,
    *,
    fix_imports: bool = True,
    encoding: str = "ASCII",
    errors: str = "strict",
    buffers: Any = None,
) -> None: ...


PICKLER = _SignatureOf(_pickler)
UNPICKLER = _SignatureOf(_unpickler)
