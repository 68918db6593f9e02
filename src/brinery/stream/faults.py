"""What is wrong with a stream, and where.

A scanner and a walk raise UnpicklingError or what a load raises for the same fault; whoever looks into
streams gets one type, brinery's ReadError, whatever it is.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from brinery.errors import ReadError, locate_reading
from brinery.stream.opcodes import BY_CODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brinery.stream.walk import Walk

__all__ = ["BadArgument", "FileDamaged", "StreamEnds", "TooLarge", "locate_at", "locating"]


class StreamEnds(ReadError, EOFError):
    """The stream ends where an opcode should begin."""


class BadArgument(ReadError, ValueError):
    """An opcode's argument says nothing that it could mean."""


class TooLarge(ReadError, OverflowError):
    """A length that nothing in a computer's memory can have."""


class FileDamaged(ValueError):
    """What a stream lies in is damaged: a compressed file, an archive, a database."""


@contextmanager
def locating(walk: Walk) -> Iterator[None]:
    """Say on an error that happens inside where `walk` was; an argument that cannot be read is one, too."""
    try:
        yield
    except ReadError as fault:
        _locate(fault, walk)
        raise
    except FileDamaged:
        raise  # a ValueError too, and no argument's
    except (ValueError, OverflowError) as bad:
        unread = ReadError(_words(bad, walk.scanner.name))
        _locate(unread, walk)
        raise unread from bad


def _locate(fault: ReadError, walk: Walk) -> None:
    if getattr(fault, "pickle_offset", None) is None:  # it may be known better where it was found
        locate_reading(fault, walk.scanner.start, walk.scanner.name, walk.building())


def locate_at(fault: ReadError, offset: int, code: int) -> None:
    """Say that `fault` is at an opcode that was read before.

    What a string of Python 2 is, is asked where it ends up.
    """
    locate_reading(fault, offset, BY_CODE[code].name, ())


def _words(bad: Exception, opcode: str) -> str:
    if isinstance(bad, UnicodeDecodeError) and bad.encoding == "utf-8":
        what = "name" if opcode in ("GLOBAL", "INST") else "text"
        return f"the {what} is not UTF-8: {bad.reason}"
    if isinstance(bad, OverflowError) and opcode in ("GET", "PUT"):
        return "the memo index is larger than any can be"
    return f"the argument cannot be read: {bad}"
