"""Whether something is a pickle from beginning to end, or how far it is sound pickles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brinery.errors import ReadError
from brinery.stream.faults import locating
from brinery.stream.feeds import feed_of
from brinery.stream.names import Names
from brinery.stream.raw_arrays import read_through
from brinery.stream.scanner import Scanner
from brinery.stream.walk import Walk

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from brinery.stream.feeds import Feed, Readable
    from brinery.stream.raw_arrays import RawArray

__all__ = ["is_sound", "sound_before"]


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


def sound_before(source: Readable | Buffer) -> tuple[int, int]:
    """How many sound pickles stand in bytes, or in what a file gives, before the first fault, and the offset
    where they end."""
    return read_through(source, None, _sound_before)


def _sound_before(feed: Feed, arrays: tuple[RawArray, ...] | None) -> tuple[int, int]:
    scanner = Scanner(feed)
    walk = Walk(scanner, Names(), arrays=arrays)
    ends = [0]
    frames = []  # where the frame ends in which each pickle's STOP stands
    try:
        with locating(walk):
            while True:
                walk.through()
                ends.append(scanner.end)
                frames.append(scanner.frame_end)
                if scanner.at_end():
                    break
                walk.next_pickle()
            size = scanner.end
            count = next((i for i, end in enumerate(frames) if end > size), len(frames))
            return count, ends[count]
    except ReadError:
        return len(frames), ends[-1]
