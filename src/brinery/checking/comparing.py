"""Whether a copy is like its original, as far as that can be told, and where it is not.

Values are compared as values, containers item by item, dataclasses field by field, other objects by their
``__eq__``; where that does not settle it, by their attributes, or by their reductions where their class has
reductions of its own. What has none of these, such as a lock, counts as equal where the type is. What is one
object in several places has to be one again, where it can be changed. Nothing recurses with the data.

An ``==`` that goes through its parts goes through a shared one once for each way to it: that is exponential.
So it is not asked where the parts can be compared here, each pair once, and with the same answer: for
containers, dataclasses, objects that are their attributes or say what they are made of. What a class's own
``__eq__`` does not look at may differ: that is asked as soon as something does.
"""

from __future__ import annotations

import collections
import types
from typing import TYPE_CHECKING, Any, NamedTuple

from brinery.checking.asking import Patience, equal
from brinery.checking.members import by_value
from brinery.checking.parts import (
    BY_NAME,
    MISSING,
    VALUES,
    Kinds,
    attribute,
    attributes,
    shown,
)
from brinery.refusals import full_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brinery.checking.parts import Part, Step

    #: A pair of objects, and the way to them: the last step, and the way before it.
    Way = tuple[Step, "Way"] | None
    Pair = tuple[object, object, Way]

__all__ = ["Difference", "first_difference"]

#: Those of them that no sharing shows of, and that are mostly what containers hold.
_ATOMS = frozenset(cls for cls in VALUES if cls is not bytearray)
_PLAIN = frozenset((list, tuple, dict, set, frozenset))


class Difference(NamedTuple):
    """The first place where the two differ: its path, the type there, and both sides as text."""

    path: str
    type_name: str
    written: str
    read: str


def first_difference(written: object, read: object) -> Difference | None:
    """Where `read` is not like `written`; None where no difference is found."""
    pairs: list[Pair] = [(written, read, ("root", None))]
    # Each pair once: graphs have cycles. The objects are kept, so that no address comes twice.
    seen: dict[tuple[int, int], Pair] = {}
    met: dict[int, Pair] = {}
    askers: list[_Asker] = []
    kinds = Kinds()
    while pairs:
        while askers and len(pairs) <= askers[-1].below:
            askers.pop()  # all its parts are alike
        if askers and len(pairs) <= askers[-1].reduced:
            askers[-1].is_reduced = True
        pair = one, other, way = pairs.pop()
        if one is other:
            continue
        # Within an object that knows by itself what it is like, it is for that to say what matters.
        if not askers and _is_one(one) and type(other) is type(one):
            _, first, where = met.setdefault(id(one), pair)
            if first is not other:
                said = f"the very object that {_path(where)} is"
                return Difference(_path(way), full_name(one), said, "another one, a copy of it")
        if (id(one), id(other)) in seen:
            continue
        seen[id(one), id(other)] = pair
        found = _compare(one, other, kinds)
        if found is not _DIFFERENT:
            if not found:
                continue
            if type(one) not in _PLAIN and kinds[type(one)].asked_last:
                apart = kinds[type(one)].own_reduction
                further = _further(one, other, kinds) if apart else []
                askers.append(_Asker(one, other, len(pairs), len(seen), len(further) if apart else -1))
                found = [*found, *further]
            # The last one is looked at first: so the first difference in order is what is reported.
            for step, a, b in reversed(found):
                pairs.append((a, b, (step, way)))
        elif not _are_alike_all_the_same(askers, pairs, seen):
            texts = [shown(one), shown(other)]
            if type(one) is not type(other) and one is not MISSING is not other:
                texts = [
                    f"{text}, of type {full_name(obj)}" for text, obj in zip(texts, (one, other), strict=True)
                ]
            return Difference(_path(way), full_name(one), *texts)
    return None


class _Asker:
    """Two objects whose ``==`` is asked once a part of theirs differs.

    `below` is how many pairs were left to be compared before their parts, `before` how many had been seen.
    Those with a reduction of their own are compared by that first, then by `further` parts: attributes, which
    count only where ``==`` says that the two are not equal. `is_reduced` tells that it is the turn of these.
    """

    __slots__ = ("before", "below", "is_reduced", "one", "other", "reduced")

    def __init__(self, one: object, other: object, below: int, before: int, further: int) -> None:
        self.one, self.other = one, other
        self.below, self.before = below, before
        self.reduced = below + further
        self.is_reduced = False

    def says(self, patience: Patience) -> bool:
        """Whether they are alike, or nothing but attributes differs and they do not say that this matters."""
        said = patience.equal(self.one, self.other)
        return said is True or (said is None and self.is_reduced)


def _are_alike_all_the_same(
    askers: list[_Asker], pairs: list[Pair], seen: dict[tuple[int, int], Pair]
) -> bool:
    """Whether what differs is a part of two that say that they are equal; then nothing is left of these."""
    patience = Patience()
    while askers:
        asker = askers.pop()
        if asker.says(patience):
            del pairs[asker.below :]
            while len(seen) > asker.before:  # elsewhere the same parts may matter
                seen.popitem()
            return True
    return False


#: What :func:`_compare` gives for two that differ; else the parts that are to be compared.
_DIFFERENT: list[Part] = [("", None, None)]
_ALIKE: list[Part] = []


def _is_one(obj: object) -> bool:
    """Whether it shows which object it is: it may be changed, and whoever shares it sees that."""
    cls = type(obj)
    return cls in (list, dict, set, bytearray) or (
        # Not by asking for its __dict__, which would make one.
        cls.__dictoffset__ != 0 and not isinstance(obj, BY_NAME) and not isinstance(obj, VALUES)
    )


def _compare(one: Any, other: Any, kinds: Kinds) -> list[Part]:
    cls = type(one)
    if type(other) is cls:
        if cls in _ATOMS:
            return _ALIKE if one == other or (one != one and other != other) else _DIFFERENT
        if cls is list or cls is tuple:
            return _items(one, other)
        if cls is dict:
            return _entries(one.items(), other.items())
        if cls is set or cls is frozenset:
            return _members(one, other, kinds)
    if isinstance(one, BY_NAME):
        same = type(other) is cls and getattr(one, "__qualname__", 0) == getattr(other, "__qualname__", 0)
        if not same:
            return _DIFFERENT
        return _function_parts(one, other) if cls is types.FunctionType else _ALIKE
    if type(other) is not cls:
        # In-band, a buffer is written as the bytes or the bytearray that it shows.
        return _ALIKE if cls.__name__ == "PickleBuffer" else _DIFFERENT
    if cls is bytearray:
        return _ALIKE if one == other else _DIFFERENT
    return _compare_objects(one, other, kinds)


def _function_parts(one: Any, other: Any) -> list[Part]:
    """What two functions hold, where they were written by value: variables, defaults, globals, attributes."""
    parts = [
        (".__code__.co_code", one.__code__.co_code, other.__code__.co_code),
        (".__defaults__", one.__defaults__, other.__defaults__),
        (".__kwdefaults__", one.__kwdefaults__, other.__kwdefaults__),
    ]
    cells = zip(one.__code__.co_freevars, one.__closure__ or (), other.__closure__ or (), strict=False)
    parts += [(f"<variable {name}>", _contents_of(cell), _contents_of(copy)) for name, cell, copy in cells]
    parts += [
        (f".__globals__[{name!r}]", one.__globals__[name], other.__globals__[name])
        for name in one.__code__.co_names
        if name in one.__globals__ and name in other.__globals__
    ]
    held, read = vars(one), vars(other)
    names = dict.fromkeys((*held, *read))
    return parts + [(f".{name}", held.get(name, MISSING), read.get(name, MISSING)) for name in names]


def _contents_of(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return MISSING


def _compare_objects(one: Any, other: Any, kinds: Kinds) -> list[Part]:
    cls: Any = type(one)
    kind = kinds[cls]
    parts = _parts_that_eq_compares(one, other, kinds)
    if parts is not None:
        return parts
    if kind.own_reduction and kind.asked_last:
        reductions = _reduction(one), _reduction(other)
        if None in reductions:
            return _further(one, other, kinds) if equal(one, other) is False else _ALIKE
        parts = _reduction_parts(*reductions)  # and further ones after these
        return _ALIKE if parts is _DIFFERENT and equal(one, other) is True else parts
    asked = cls.__eq__ is not object.__eq__ and not kind.asked_last
    said = equal(one, other) if asked else None
    if said is True:
        return _ALIKE
    parts = []
    if kind.own_reduction:
        reductions = _reduction(one), _reduction(other)
        if None not in reductions:
            parts = _reduction_parts(*reductions)
        if said is not False or parts is _DIFFERENT:
            return parts
    # Where == says no, attributes tell whether it is more than a NaN somewhere, which is equal to nothing.
    contents = _contents(one, other)
    return _DIFFERENT if contents is _DIFFERENT else [*parts, *attributes(one, other, kind), *contents]


def _further(one: Any, other: Any, kinds: Kinds) -> list[Part]:
    """What two of one class have, whatever they say that they are made of: attributes, and items."""
    contents = _contents(one, other)
    if contents is _DIFFERENT:
        kind = next(kind for kind in (list, tuple, collections.deque, dict) if isinstance(one, kind))
        contents = [("<length>", kind.__len__(one), kind.__len__(other))]
    return [*attributes(one, other, kinds[type(one)]), *contents]


def _parts_that_eq_compares(one: Any, other: Any, kinds: Kinds) -> list[Part] | None:
    """What ``==`` compares of two of one class, where that is known; else None."""
    cls: Any = type(one)
    eq: Any = cls.__eq__
    fields = kinds[cls].fields
    if fields is not None:
        return [(f".{name}", attribute(one, name), attribute(other, name)) for name in fields]
    if eq is collections.OrderedDict.__eq__:
        return _entries(collections.OrderedDict.items(one), collections.OrderedDict.items(other))
    if eq is dict.__eq__:
        return _lookups(one, other)
    if eq is set.__eq__ or eq is frozenset.__eq__:
        return _members(one, other, kinds)
    if eq is types.SimpleNamespace.__eq__:
        return attributes(one, other, kinds[cls])
    if eq in (list.__eq__, tuple.__eq__, collections.deque.__eq__):
        return _contents(one, other)
    return None


def _members(one: Any, other: Any, kinds: Kinds) -> list[Part]:
    """Each member with the one that is equal to it, and those without, as far as they can be told."""
    kind: Any = set if isinstance(one, set) else frozenset
    mine, others = list(kind.__iter__(one)), list(kind.__iter__(other))
    if len(mine) != len(others):
        return _DIFFERENT
    try:
        twins: dict[Any, Any] = {member: member for member in others}
        found = [(member, twins.get(member, MISSING)) for member in mine]
    except Exception:  # its own __hash__ or __eq__, such as that of a cycle
        return _ALIKE
    parts: list[Part] = [
        (("<member {}>", a), a, b) for a, b in found if b is not MISSING and not _is_evidently(a, b)
    ]
    lone = [a for a, b in found if b is MISSING]
    if not lone:
        return parts
    taken = {id(b) for _, b in found}
    left = collections.defaultdict(list)
    for member in others:
        if id(member) not in taken:
            left[type(member)].append(member)
    amounts = collections.Counter(map(type, lone))
    for member in lone:
        of_its_kind = left[type(member)]
        if amounts[type(member)] == len(of_its_kind) == 1:
            parts.append((("<member {}>", member), member, of_its_kind[0]))
        elif amounts[type(member)] > len(of_its_kind) or by_value(member, kinds):
            parts.append((("<member {}>", member), member, MISSING))
        # Else it is equal to nothing but itself, and any of the others may be what it is read as.
    return parts


def _is_evidently(one: Any, other: Any) -> bool:
    """Whether nothing is left to compare. Most of what containers hold is not worth a turn of its own."""
    return one is other or (type(one) is type(other) and type(one) in _ATOMS and one == other)


def _items(one: Any, other: Any) -> list[Part]:
    if len(one) != len(other):
        return _DIFFERENT
    return [
        (index, a, b)
        for index, (a, b) in enumerate(zip(one, other, strict=True))
        if a is not b and not (type(a) is type(b) and type(a) in _ATOMS and a == b)
    ]


def _entries(one: Iterable[tuple[object, object]], other: Iterable[tuple[object, object]]) -> list[Part]:
    """Items of dicts. In order: pickles keep it."""
    parts: list[Part] = []
    try:
        for (key, value), (other_key, other_value) in zip(one, other, strict=True):
            if key is not other_key and not _is_evidently(key, other_key):
                parts.append(("<key>", key, other_key))
            if value is not other_value and not _is_evidently(value, other_value):
                parts.append((("[{}]", key), value, other_value))
    except ValueError:  # one has more than the other
        return _DIFFERENT
    return parts


def _lookups(one: Any, other: Any) -> list[Part]:
    """The values of equal keys of two dicts, for which it is no matter in which order they are."""
    if dict.__len__(one) != dict.__len__(other):
        return _DIFFERENT
    try:
        return [(("[{}]", key), value, dict.__getitem__(other, key)) for key, value in dict.items(one)]
    except Exception:  # keys that are equal to themselves only
        return _entries(dict.items(one), dict.items(other))


def _contents(one: Any, other: Any) -> list[Part]:
    """What an object of a subclass of a container holds."""
    for kind in (list, tuple, collections.deque):
        if isinstance(one, kind):
            base: Any = kind
            return _items(list(base.__iter__(one)), list(base.__iter__(other)))
    if isinstance(one, dict):
        return _entries(dict.items(one), dict.items(other))
    return _ALIKE


def _reduction(obj: Any) -> tuple[Any, ...] | None:
    """What the object says that it is made of; None where it does not say."""
    try:
        reduction: Any = obj.__reduce_ex__(4)
        if isinstance(reduction, str):
            return (reduction,)
        parts = (*reduction, None, None, None)
        # No state and an empty one are alike: an exception's dict is only made when it is asked for.
        state = None if type(parts[2]) is dict and not parts[2] else parts[2]
        return *parts[:2], state, list(parts[3] or ()), dict(parts[4] or ())
    except Exception:
        return None


def _reduction_parts(one: Any, other: Any) -> list[Part]:
    if len(one) != len(other):
        return _DIFFERENT
    if len(one) == 1:
        return [("", one[0], other[0])]
    parts: list[Part] = [
        (".__reduce__()[0]", one[0], other[0]),
        (".__reduce__()[1]", one[1], other[1]),
    ]
    if type(one[2]) is dict and type(other[2]) is dict:
        names = dict.fromkeys((*one[2], *other[2]))
        parts += [(f".{name}", one[2].get(name, MISSING), other[2].get(name, MISSING)) for name in names]
    else:
        parts.append((".__getstate__()", one[2], other[2]))
    for contents in (_items(one[3], other[3]), _entries(one[4].items(), other[4].items())):
        if contents is _DIFFERENT:
            return _DIFFERENT
        parts += contents
    return parts


def _path(way: Way) -> str:
    steps: list[str] = []
    while way is not None:
        step, way = way
        if isinstance(step, int):
            step = f"[{step}]"
        elif isinstance(step, tuple):
            text, key = step
            step = text.format(shown(key))
        steps.append(step)
    return "".join(reversed(steps))
