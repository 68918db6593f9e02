"""From an opcode to what carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery import refusals
from brinery.stream.opcodes import BY_NAME, TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from brinery.engine.python.reading.machine import Machine

    #: Carries out one opcode. The offset it gets is that of its argument, the one it gives that of the
    #: next opcode. An argument of fixed size, or the length of another, is sure to lie in the window.
    Handler = Callable[[Machine, int], int]

__all__ = ["ARGUMENT_SIZE", "Handlers", "dispatch_table"]

#: By opcode byte: how many bytes of its argument must lie in the window before its handler is called.
ARGUMENT_SIZE: list[int] = [0] * 256
for _row in TABLE:
    ARGUMENT_SIZE[_row.code[0]] = _row.argument.size + _row.argument.prefix


class Handlers(dict[str, "Handler"]):
    """The handlers of one topic, by the name of their opcode."""

    def __call__(self, name: str) -> Callable[[Handler], Handler]:
        """Declare the function below as the handler of that opcode."""
        if name not in BY_NAME or name in self:
            raise LookupError(f"{name!r} is no opcode, or has a handler already")

        def declare(handler: Handler) -> Handler:
            self[name] = handler
            return handler

        return declare


def dispatch_table(*topics: Mapping[str, Handler]) -> list[Handler]:
    """The handlers of all `topics` by opcode byte; where two have the same opcode, the later one counts.

    Raises LookupError where an opcode of the table has no handler.
    """
    by_name = {name: handler for topic in topics for name, handler in topic.items()}
    table: list[Handler] = [_unknown] * 256
    for row in TABLE:
        table[row.code[0]] = by_name[row.name]
    return table


def _unknown(machine: Machine, pos: int) -> int:
    raise refusals.load_key(machine.data[pos - 1])
