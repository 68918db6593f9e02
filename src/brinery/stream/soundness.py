"""Whether something is a pickle from beginning to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.errors import ReadError
from brinery.stream.feeds import feed_of
from brinery.stream.names import Names
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from brinery.stream.feeds import Readable

__all__ = ["is_sound"]


def is_sound(source: Readable | Buffer) -> bool:
    """Whether one whole pickle stands in bytes, or in what a file gives, and nothing else."""
    walk = Walk(Scanner(feed_of(source)), Names())  # which looks at arguments, too
    try:
        walk.run()
        if not walk.scanner.at_end():
            return False
        walk.scanner.finish()
        return True
    except (ReadError, ValueError, OverflowError):
        return False
