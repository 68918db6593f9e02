"""What was under construction when a load failed, for its error."""

from __future__ import annotations

from brinery.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NAMED", "names_of"]

#: How many of the objects under construction an error names: the innermost ones, as depth has no limit.
NAMED = 12

_LEAVES = frozenset({type(None), bool, int, float, str, bytes, bytearray})


def names_of(tops: Iterable[object]) -> list[str]:
    """The types of `tops`, the objects below each MARK and on top of the stack, except for finished ones."""
    names: list[str] = []
    for top in tops:
        if type(top) not in _LEAVES:
            # isinstance() would ask an instance for its __class__, which may be user code.
            described: type = top if issubclass(type(top), type) else type(top)  # type: ignore[assignment]
            names.append(f"{described.__module__}.{described.__qualname__}".removeprefix("builtins."))
    return names
