"""The objects that were being written when it failed, and C pickle's notes about them.

Both engines tell what failed as a *chain*: the objects being written, the root first, the failing one last.
Between an object and its part may stand how it is written and where the part is in it:

============  =====================================================================================
a Reduction   the object is written as that. At the end of a chain, the reduction itself is at fault
``Item``      the part is the item at that index: of a list, a tuple, an iterator of a reduction
``Value``     the part is the value under that key: of a dict, an iterator of a reduction
``KEY``       the part is a key
``PID``       what follows is written in the object's place: its persistent ID
``SKIPPED``   objects are left out
============  =====================================================================================

What is not said is found by looking for the part by identity, which is exact: an object met twice fails
where it is met first.
"""

from __future__ import annotations

from functools import partial

from brinery.cpython import NOTES_FOR_LEVELS
from brinery.engine.reductions import Reduction
from brinery.lean_typing import TYPE_CHECKING, NamedTuple
from brinery.refusals import shown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["KEPT", "KEY", "PID", "SKIPPED", "Item", "Value", "is_place", "notes", "shorten"]

#: How many levels are kept at the beginning of a chain, and at its end. A path shows both ends; notes are
#: one for each level, and C pickle's recursion ends by the 60,000th.
KEPT = 50_000 if NOTES_FOR_LEVELS else 20


class Item(NamedTuple):
    """The part after it is the item at that index."""

    at: int


class Value(NamedTuple):
    """The part after it is the value under `key`."""

    key: object


class _Marker:
    """A place that needs no more than its name."""


KEY, PID, SKIPPED = _Marker(), _Marker(), _Marker()

_END: Any = object()

# What is a call below some protocol, without an object's own reduction: C pickle has no note for these.
_CALLED = frozenset({set, frozenset, bytes, bytearray})


def is_place(link: object) -> bool:
    """Whether `link` says where a part is, and is no object that is being written."""
    return type(link) in (Item, Value) or link is KEY


def shorten(chain: Sequence[object], kept: int = KEPT) -> list[object]:
    """`chain` with `SKIPPED` for all but the first and the last `kept` links."""
    if len(chain) <= 2 * kept:
        return list(chain)
    return [*chain[:kept], SKIPPED, *chain[-kept:]]


def notes(chain: Sequence[object]) -> list[str]:
    """C pickle's notes for `chain`, the innermost first, as from Python 3.14 on.

    They show keys by their ``repr()``, which runs code of the keys, as it does there.
    """
    found: list[str] = []
    links = iter(chain)
    link = next(links, _END)
    while link is not _END:
        owner, link = link, next(links, _END)
        role: Callable[[Any, object], str] = _in_container
        how: object = owner
        if type(link) is Reduction:
            how, link = link, next(links, _END)
            role = _in_reduction
            if type(owner) not in _CALLED:
                found.append(f"when serializing {shown_name(owner)} object")
        if link is _END:
            break
        name = shown_name(owner)
        if type(link) is Item:
            found.append(f"when serializing {name} item {link.at}")
        elif type(link) is Value:
            found.append(f"when serializing {name} item {_shown(link.key)}")
        elif type(link) is _Marker:  # not isinstance(), which asks the object
            if link is SKIPPED:
                found.append("…")
        else:
            note = role(how, link)
            if note:
                found.append(f"when serializing {name} {note}")
            continue
        link = next(links, _END)
    return found[::-1]


def _in_container(owner: Any, part: object) -> str:
    if type(owner) in (list, tuple):
        return next((f"item {index}" for index, item in enumerate(owner) if item is part), "")
    if type(owner) is dict:
        for key, value in owner.items():
            if key is part:
                return ""
            if value is part:
                return f"item {_shown(key)}"
    return "element" if type(owner) in (set, frozenset) else ""


def _in_reduction(reduction: Reduction, part: object) -> str:
    if part is reduction.callable:
        return "reconstructor"
    if part is reduction.args:
        return "reconstructor arguments"
    if part is reduction.state:
        return "state"
    if part is reduction.state_setter:
        return "state setter"
    if type(part) is partial:  # what calls __newobj_ex__ below protocol 4, and is made for it
        return "reconstructor"
    # Of copyreg's constructors: the class, and what goes to its __new__.
    return "class" if reduction.args and part is reduction.args[0] else "__new__ arguments"


def _shown(key: object) -> str:
    try:
        return repr(key)
    except Exception:  # C pickle lets it hide what happened
        return f"<{shown_name(key)}>"
