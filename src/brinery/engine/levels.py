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

__all__ = [
    "KEPT",
    "KEY",
    "PID",
    "REDUCER",
    "SKIPPED",
    "Item",
    "Ruling",
    "Value",
    "is_place",
    "notes",
    "ruling_of",
    "shorten",
]

#: How many levels are kept at the beginning of a chain, and at its end. A path shows both ends; notes are
#: one for each level, and C pickle's recursion ends by the 60,000th.
KEPT = 50_000 if NOTES_FOR_LEVELS else 20


class Item(NamedTuple):
    """The part after it is the item at that index."""

    at: int


class Value(NamedTuple):
    """The part after it is the value under `key`."""

    key: object


#: In the place of an override's number: the reducer of a rule.
REDUCER = -1


class Ruling(NamedTuple):
    """What a plugin has said of an object is at fault.

    kind  the object's type.
    by    which function of the type's rule it was: an override's number, or REDUCER. None: whichever made
          what the object is written as, of which a part failed.
    """

    kind: type
    by: int | None


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


def ruling_of(
    chain: Sequence[object], path: str, ruled: tuple[object, int], only_rules: bool
) -> Ruling | None:
    """Whose fault it may be that `chain` failed at `path`, where that is a plugin's.

    `ruled` is the object that a function of a rule was asked about last, and which function. `only_rules`:
    a Pickler has no hook or table that may have made a reduction in a rule's place.
    """
    ends = [link for link in chain[-2:] if type(link) is not Reduction]
    if ends and ends[-1] is ruled[0]:
        return Ruling(type(ruled[0]), ruled[1])
    if not only_rules:
        return None
    at = next((at for at in range(len(chain) - 1, 0, -1) if type(chain[at]) is Reduction), 0)
    made, _, of_it = path.rpartition(".__reduce__()")
    if at and (at == len(chain) - 1 or (made and of_it.strip("[]0123456789") == "")):
        return Ruling(type(chain[at - 1]), None)
    return None


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
