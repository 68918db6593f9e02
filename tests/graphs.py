"""Seeded random graphs of every kind of object that pickle writes, for comparing an engine with C pickle."""

from __future__ import annotations

import array
import collections
import copyreg
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import math
import operator
import pathlib
import random
import re
import sys
import types
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pickle import PickleBuffer


class Plain:
    """An instance with a __dict__."""


class Slotted:
    __slots__ = ("left", "right")


class SlottedWithDict(Slotted):
    __slots__ = ("_SlottedWithDict__private", "__dict__")


@dataclass
class Record:
    name: object
    value: object
    more: object = None


@dataclass(frozen=True, slots=True)
class Frozen:
    x: object
    y: object


class WithState:
    """Its state may be anything, false values and None (which is not written) included."""

    state: object = None

    def __init__(self, state: object) -> None:
        self.state = state

    def __getstate__(self) -> object:
        return self.state

    def __setstate__(self, state: object) -> None:
        self.state = state


class StateOnly:
    """Its state goes to __dict__ and to the slots."""

    __slots__ = ("__dict__", "slot")

    def __getstate__(self) -> object:
        return self.__dict__.get("chosen")


class NewArguments:
    def __new__(cls, *args: object) -> NewArguments:
        self = object.__new__(cls)
        self.args = args
        return self

    def __getnewargs__(self) -> tuple[object, ...]:
        return self.args


class NewKeywords:
    def __new__(cls, *args: object, **kwargs: object) -> NewKeywords:
        self = object.__new__(cls)
        self.args, self.kwargs = args, kwargs
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[object, ...], dict[str, object]]:
        return self.args, self.kwargs


class Collection:
    """Written through two to five items of a reduction, as they are needed."""

    def __init__(self, *args: object) -> None:
        self.args, self.items, self.pairs, self.state = args, [], {}, None

    def append(self, item: object) -> None:
        self.items.append(item)

    def extend(self, items: list[object]) -> None:
        self.items.extend(items)

    def __setitem__(self, key: object, value: object) -> None:
        self.pairs[key] = value

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __reduce__(self) -> tuple[object, ...]:
        items = iter(self.items) if self.items else None
        pairs = iter(self.pairs.items()) if self.pairs else None
        reduction = (Collection, self.args, self.state, items, pairs)
        while len(reduction) > 2 and reduction[-1] is None:
            reduction = reduction[:-1]
        return reduction


class SetByFunction:
    """Written with a state setter, the sixth item of a reduction."""

    value: object = None

    def __reduce__(self) -> tuple[object, ...]:
        return SetByFunction, (), self.value, None, None, set_value


def set_value(obj: SetByFunction, value: object) -> None:
    obj.value = value


class Singleton:
    """Written as a global's name, through a reducer that returns a str."""

    def __reduce__(self) -> str:
        return "SINGLETON"


SINGLETON = Singleton()


class Registered:
    """Written through copyreg's dispatch table."""

    def __init__(self, value: object) -> None:
        self.value = value


copyreg.pickle(Registered, lambda obj: (Registered, (obj.value,)))


class ListChild(list):
    pass


class DictChild(dict):
    pass


class SetChild(set):
    pass


class FrozensetChild(frozenset):
    pass


class IntChild(int):
    pass


class StrChild(str):
    pass


class BytesChild(bytes):
    pass


class FloatChild(float):
    pass


class TupleChild(tuple):
    pass


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 300


class Meta(type):
    pass


class MadeByMeta(metaclass=Meta):
    pass


class Outer:
    class Inner:
        class Innermost:
            pass

        @staticmethod
        def static() -> None:
            pass

    @classmethod
    def build(cls) -> Outer:
        return cls()

    def method(self) -> None:
        pass


class Trouble(Exception):
    def __init__(self, message: object, code: object = 7) -> None:
        super().__init__(message, code)
        self.detail = [message]


Point = collections.namedtuple("Point", "x y")


def function() -> None:
    pass


GLOBALS = (
    Plain,
    MadeByMeta,
    Meta,
    Outer.Inner,
    Outer.Inner.Innermost,
    Outer.Inner.static,
    Outer.build,
    Outer().method,
    Colour.RED,
    Colour.GREEN,
    Access.READ | Access.WRITE,
    Level.HIGH,
    SINGLETON,
    function,
    len,
    math.log,
    operator.itemgetter,
    [].append,
    "text".upper,
    str.upper,
    dict.fromkeys,
    int.from_bytes,
    int,
    object,
    type,
    type(None),
    type(...),
    type(NotImplemented),
    range,
    map,
    collections.OrderedDict,
    collections.abc.Mapping,
    OSError,
    ImportError,
    functools.reduce,
    sys.intern,
    ...,
    NotImplemented,
    datetime.UTC,
)

EDGES = (2**bits + step for bits in (7, 8, 15, 16, 31, 32, 63, 64, 2039, 2040) for step in (-1, 0, 1))
INTS = (*range(-2, 3), 2**70000, *(sign * edge for edge in EDGES for sign in (1, -1)))

FLOATS = (0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, 5e-324, 1e308, 0.1, -(2.0**70))

TEXTS = (
    "",
    "a",
    "ab" * 100,
    "x" * 255,
    "x" * 256,
    "é",
    "ÿ" * 200,
    "☃ snow",
    "\U0001f600" * 3,
    "\ud800",
    "a\udfffb",
    "line\nline",
    "back\\slash",
    "\\u0041",
    "nul\0",
    "\r\x1a\x7f\x80",
    "a long text " * 40,
)


class Grower:
    """Grows one graph: every object may refer to earlier ones, and earlier ones may be given it."""

    def __init__(self, seed: int, size: int = 25) -> None:
        self.random = random.Random(seed)
        self.left = size
        self.grown: list[object] = []

    def grow(self, depth: int = 0) -> object:
        self.left -= 1
        if self.grown and self.random.random() < 0.15:
            return self.random.choice(self.grown)
        if self.left <= 0 or depth > 8 or self.random.random() < 0.3:
            return self.keep(self.atom())
        return self.keep(self.random.choice(CONTAINERS)(self, depth + 1))

    def keep(self, obj: object) -> object:
        self.grown.append(obj)
        if self.random.random() < 0.1:
            self.close_a_cycle(obj)
        return obj

    def close_a_cycle(self, obj: object) -> None:
        """Let something older hold `obj`, which in turn may hold that."""
        holder = self.random.choice(self.grown)
        if type(holder) in (list, ListChild):
            holder.append(obj)
        elif type(holder) in (dict, DictChild, collections.OrderedDict):
            holder["later"] = obj
        elif type(holder) in (Plain, SlottedWithDict):
            holder.later = obj
        elif type(holder) is Collection:
            holder.state = obj

    def several(self, depth: int, most: int = 5) -> list[object]:
        return [self.grow(depth) for _ in range(self.random.randint(0, most))]

    def atom(self) -> object:
        return self.random.choice(ATOMS)(self.random)

    def hashable(self) -> object:
        """An atom that is equal to itself and hashed by its value."""
        while True:
            made = self.random.choice((make_int, make_text, make_bytes, make_family))(self.random)
            try:
                hash(made)
            except TypeError:
                continue
            return made


def make_int(r: random.Random) -> object:
    return r.choice(INTS) if r.random() < 0.7 else IntChild(r.choice(INTS))


def make_float(r: random.Random) -> object:
    made = r.choice(FLOATS)
    return made if r.random() < 0.8 else r.choice((FloatChild(made), complex(made, -made)))


def make_text(r: random.Random) -> object:
    made = r.choice(TEXTS) if r.random() < 0.6 else f"key{r.randrange(10)}"
    return made if r.random() < 0.9 else StrChild(made)


def make_bytes(r: random.Random) -> object:
    made = r.randbytes(r.choice((0, 1, 2, 10, 255, 256, 300)))
    return made if r.random() < 0.9 else BytesChild(made)


def make_bytearray(r: random.Random) -> object:
    return bytearray(r.randbytes(r.choice((0, 1, 10, 300))))


def make_global(r: random.Random) -> object:
    return r.choice(GLOBALS)


def make_family(r: random.Random) -> object:
    """Something of the standard library with a reduction of its own."""
    n = r.randrange(1, 28)
    zone = r.choice((None, datetime.UTC, datetime.timezone(datetime.timedelta(minutes=n), "Zone")))
    return r.choice(
        (
            lambda: datetime.date(2000 + n, 2, n),
            lambda: datetime.datetime(2000, 12, n, 23, 59, n, 1000 * n, zone, fold=n % 2),
            lambda: datetime.time(n % 24, n, 0, 999999, zone, fold=n % 2),
            lambda: datetime.timedelta(-n, n, n),
            lambda: zone,
            lambda: decimal.Decimal(r.choice(("0", "-0", "1.50", "Infinity", "1E+300", str(n)))),
            lambda: uuid.UUID(int=r.getrandbits(128)),
            lambda: uuid.UUID(int=n, is_safe=uuid.SafeUUID.safe),
            lambda: fractions.Fraction(n, 7),
            lambda: Point(n, "y"),
            lambda: Frozen(n, "y"),
            lambda: range(n, 3 * n, 2),
            lambda: pathlib.PurePosixPath("a/b") / str(n),
            lambda: ipaddress.ip_address(n),
            lambda: re.compile(f"a{{{n}}}", re.I),
        )
    )()


def make_exotic(r: random.Random) -> object:
    n = r.randrange(1, 28)
    return r.choice(
        (
            lambda: array.array(r.choice("bHdq"), range(n)),
            lambda: slice(n, None, -1),
            lambda: operator.itemgetter(n, "key"),
            lambda: operator.attrgetter("a.b"),
            lambda: iter([1, 2, n]),
            lambda: iter((n,)),
            lambda: iter(range(n)),
            lambda: enumerate(["a", n]),
            lambda: zip([1], [n], strict=True),
            lambda: list[int],
            lambda: int | None,
            lambda: dict[str, n],
        )
    )()


ATOMS: tuple[Callable[[random.Random], object], ...] = (
    lambda r: None,
    lambda r: r.random() < 0.5,
    make_int,
    make_int,
    make_float,
    make_text,
    make_text,
    make_bytes,
    make_bytearray,
    make_global,
    make_family,
    make_exotic,
)


def grow_long(g: Grower, depth: int) -> object:
    """A container about as long as a batch, which is 1,000 items."""
    length = g.random.choice((999, 1000, 1001, 2000))
    kind = g.random.randrange(4)
    if kind == 0:
        return [g.random.randrange(300) for _ in range(length)]
    if kind == 1:
        return dict.fromkeys(range(length))
    if kind == 2:
        return set(range(length))
    return collections.deque(range(length))


def grow_list(g: Grower, depth: int) -> object:
    return g.random.choice((list, list, ListChild))(g.several(depth))


def grow_tuple(g: Grower, depth: int) -> object:
    return g.random.choice((tuple, tuple, TupleChild))(g.several(depth))


def grow_recursive_tuple(g: Grower, depth: int) -> object:
    hole: list[object] = []
    made = (hole, *g.several(depth, most=3))
    hole.append(made)
    return made


def grow_dict(g: Grower, depth: int) -> object:
    kind = g.random.choice((dict, dict, dict, DictChild, collections.OrderedDict))
    return kind((g.hashable(), g.grow(depth)) for _ in range(g.random.randint(0, 5)))


def grow_special_dict(g: Grower, depth: int) -> object:
    keys = [g.hashable() for _ in range(g.random.randint(0, 4))]
    kind = g.random.randrange(3)
    if kind == 0:
        made = collections.defaultdict(g.random.choice((list, None, int)))
        made.update((key, g.grow(depth)) for key in keys)
        return made
    if kind == 1:
        return collections.Counter(keys)
    return collections.ChainMap(dict.fromkeys(keys), {})


def grow_set(g: Grower, depth: int) -> object:
    kind = g.random.choice((set, frozenset, SetChild, FrozensetChild))
    return kind(g.hashable() for _ in range(g.random.randint(0, 6)))


def grow_deque(g: Grower, depth: int) -> object:
    return collections.deque(g.several(depth), maxlen=g.random.choice((None, 3)))


def grow_instance(g: Grower, depth: int) -> object:
    kind = g.random.choice((Plain, SlottedWithDict, MadeByMeta, types.SimpleNamespace))
    made = kind()
    for name in g.random.sample(("a", "b", "name", "_private", "ünicode"), g.random.randint(0, 4)):
        setattr(made, name, g.grow(depth))
    if kind is SlottedWithDict and g.random.random() < 0.7:
        made.left = g.grow(depth)
        made._SlottedWithDict__private = g.grow(depth)
    return made


def grow_slotted(g: Grower, depth: int) -> object:
    made = Slotted()
    for name in g.random.sample(("left", "right"), g.random.randint(0, 2)):
        setattr(made, name, g.grow(depth))
    return made


def grow_record(g: Grower, depth: int) -> object:
    return g.random.choice((Record, Frozen, Point))(g.grow(depth), g.grow(depth))


def grow_with_state(g: Grower, depth: int) -> object:
    if g.random.random() < 0.7:
        return WithState(g.random.choice((None, False, 0, {}, (), g.grow(depth))))
    made = StateOnly()
    made.chosen = g.random.choice((None, {}, {"a": g.grow(depth)}, (None, {"slot": g.grow(depth)})))
    return made


def grow_with_arguments(g: Grower, depth: int) -> object:
    args = g.several(depth, most=3)
    if g.random.random() < 0.5:
        made = NewArguments(*args)
    else:
        made = NewKeywords(*args, **({"key": g.grow(depth)} if g.random.random() < 0.6 else {}))
    return made


def grow_reduced(g: Grower, depth: int) -> object:
    kind = g.random.randrange(4)
    if kind == 0:
        return Registered(g.grow(depth))
    if kind == 1:
        made = SetByFunction()
        made.value = g.grow(depth)
        return made
    made = Collection(*g.several(depth, most=2))
    made.items = g.several(depth, most=3)
    made.pairs = {g.hashable(): g.grow(depth) for _ in range(g.random.randint(0, 2))}
    made.state = g.random.choice((None, {}, g.grow(depth)))
    return made


def grow_exception(g: Grower, depth: int) -> object:
    kind = g.random.choice((ValueError, Trouble, OSError, KeyError, UnicodeDecodeError, StopIteration))
    if kind is UnicodeDecodeError:
        return UnicodeDecodeError("ascii", b"\xff", 0, 1, "why")
    made = kind(*([2, "no such file", "name"] if kind is OSError else [g.grow(depth)]))
    if g.random.random() < 0.5:
        made.extra = g.grow(depth)
    return made


def grow_partial(g: Grower, depth: int) -> object:
    return functools.partial(
        g.random.choice((len, function, dict)), *g.several(depth, most=2), key=g.grow(depth)
    )


def grow_buffer(g: Grower, depth: int) -> object:
    """Only protocol 5 writes these: below it, both sides refuse.

    None is a view of a memoryview: on 3.11, the collector crashes on such a one in a cycle.
    """
    data = g.random.randbytes(g.random.choice((0, 5, 300)))
    return PickleBuffer(g.random.choice((bytes, bytearray))(data))


CONTAINERS: tuple[Callable[[Grower, int], object], ...] = (
    *(grow_list, grow_tuple, grow_dict) * 4,
    *(grow_instance, grow_slotted, grow_record, grow_reduced, grow_with_state, grow_with_arguments) * 2,
    grow_recursive_tuple,
    grow_special_dict,
    grow_set,
    grow_set,
    grow_deque,
    grow_exception,
    grow_partial,
    grow_long,
)


def grow(seed: int, size: int = 25, *, buffers: bool = False) -> object:
    """The graph of that seed, in a list so that its root is a container; with PickleBuffers where wanted."""
    grower = Grower(seed, size)
    root = [grower.grow() for _ in range(1 + grower.random.randrange(4))]
    if buffers:
        root.append(grow_buffer(grower, 0))
    if grower.random.random() < 0.2:
        root.append(root)
    return root
