"""Which items of two sequences belong together: the longest runs that are in both, in time that is bounded.

First what both begin and end with; then the shortest list of edits (Myers, "An O(ND) Difference Algorithm",
1986), up to so many; where there are more, items that are in each just once hold the two together (patience
diff, by Bram Cohen), and what stands between them is aligned in the same way, or by :mod:`difflib` where it
is short.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["align"]

_EDITS = 100  # that are looked for one by one
_SHORT = 1 << 18  # the product of two lengths that difflib is given

_Range = tuple[int, int, int, int]


def align(left: Sequence[int], right: Sequence[int]) -> Iterator[_Range]:
    """What does not agree, as ``(i1, i2, j1, j2)``: ``left[i1:i2]`` stands where ``right[j1:j2]`` does.

    Everything between these is the same in both. Either range may be empty, but not both.
    """
    waiting: list[_Range] = [(0, len(left), 0, len(right))]
    last: _Range | None = None
    while waiting:
        i1, i2, j1, j2 = waiting.pop()
        while i1 < i2 and j1 < j2 and left[i1] == right[j1]:
            i1, j1 = i1 + 1, j1 + 1
        while i1 < i2 and j1 < j2 and left[i2 - 1] == right[j2 - 1]:
            i2, j2 = i2 - 1, j2 - 1
        if i1 == i2 and j1 == j2:
            continue
        gaps = None
        if i1 < i2 and j1 < j2:
            gaps = _edits(left, right, (i1, i2, j1, j2)) or _between(left, right, (i1, i2, j1, j2))
        for gap in [(i1, i2, j1, j2)] if gaps is None else ():
            if last is not None and (last[1], last[3]) == (gap[0], gap[2]):
                last = (last[0], gap[1], last[2], gap[3])
                continue
            if last is not None:
                yield last
            last = gap
        waiting += reversed(gaps or [])
    if last is not None:
        yield last


def _edits(left: Sequence[int], right: Sequence[int], where: _Range) -> list[_Range] | None:
    """Myers' greedy algorithm: the gaps that the fewest edits leave, each of items that only one side has;
    None where more than _EDITS are needed, or where it would not split the range."""
    i1, i2, j1, j2 = where
    n, m = i2 - i1, j2 - j1
    if abs(n - m) > _EDITS:
        return None
    reach = {1: 0}
    trace: list[dict[int, int]] = []
    for edits in range(min(_EDITS, n + m) + 1):
        trace.append(dict(reach))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
            x = reach[k + 1] if down else reach[k - 1] + 1
            y = x - k
            while x < n and y < m and left[i1 + x] == right[j1 + y]:
                x, y = x + 1, y + 1
            reach[k] = x
            if x >= n and y >= m:
                return _path(trace, where)
    return None


def _path(trace: list[dict[int, int]], where: _Range) -> list[_Range] | None:
    """The gaps along the way that `trace` tells of, backwards; neighbours are one."""
    i1, i2, j1, j2 = where
    x, y = i2 - i1, j2 - j1
    gaps: list[_Range] = []
    for edits in range(len(trace) - 1, 0, -1):
        reach, k = trace[edits], x - y
        down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
        before = k + 1 if down else k - 1
        x0 = reach[before]
        y0 = x0 - before
        x1, y1 = (x0, y0 + 1) if down else (x0 + 1, y0)
        gap = (i1 + x0, i1 + x1, j1 + y0, j1 + y1)
        if gaps and (gap[1], gap[3]) == (gaps[-1][0], gaps[-1][2]):
            gap = (gap[0], gaps[-1][1], gap[2], gaps[-1][3])
            gaps.pop()
        gaps.append(gap)
        x, y = x0, y0
    gaps.reverse()
    return None if gaps == [where] else gaps


def _between(left: Sequence[int], right: Sequence[int], where: _Range) -> list[_Range] | None:
    """The gaps between items that both have just once, in their longest common order; or difflib's."""
    i1, i2, j1, j2 = where
    if (i2 - i1) * (j2 - j1) <= _SHORT:
        return _by_difflib(left, right, where)
    counts, others = Counter(left[i1:i2]), Counter(right[j1:j2])
    places = {right[j]: j for j in range(j1, j2) if others[right[j]] == 1}
    pairs = [(i, places[left[i]]) for i in range(i1, i2) if counts[left[i]] == 1 and left[i] in places]
    gaps: list[_Range] = []
    i, j = i1, j1
    for i_next, j_next in [*_increasing(pairs), (i2, j2)]:
        if i < i_next or j < j_next:
            gaps.append((i, i_next, j, j_next))
        i, j = i_next + 1, j_next + 1
    return None if gaps == [where] else gaps


def _increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of `pairs`, in the order of the first, the longest part that is in the order of the second."""
    tops: list[int] = []  # the least second that ends a part of that length
    ends: list[int] = []  # and the pair that it belongs to
    before: list[int] = []
    for number, (_, second) in enumerate(pairs):
        length = bisect_left(tops, second)
        before.append(ends[length - 1] if length else -1)
        if length == len(tops):
            tops.append(second)
            ends.append(number)
        else:
            tops[length], ends[length] = second, number
    found = []
    number = ends[-1] if ends else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]


def _by_difflib(left: Sequence[int], right: Sequence[int], where: _Range) -> list[_Range] | None:
    i1, i2, j1, j2 = where
    matcher = SequenceMatcher(None, left[i1:i2], right[j1:j2], autojunk=False)
    gaps = [
        (i1 + a1, i1 + a2, j1 + b1, j1 + b2)
        for what, a1, a2, b1, b2 in matcher.get_opcodes()
        if what != "equal"
    ]
    return None if gaps == [where] else gaps
