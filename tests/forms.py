"""Every form of object that an engine may write by a way of its own, each around a part of the test's choice.

What such a form is made of, and all that may change it while it is written, is for the tests to try.
"""

from __future__ import annotations

import abc
import collections
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple


class FallsBack:
    """Its ``__getattr__`` is asked for what is not there."""

    def __init__(self, part: object) -> None:
        self.first, self.part, self.last = 1, part, "last"

    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


class SlotsFallBack:
    __slots__ = ("first", "never", "part")

    def __init__(self, part: object) -> None:
        self.first, self.part = 1, part

    def __getattr__(self, name: str) -> object:
        if name == "never":
            return "made up"
        raise AttributeError(name)


class Abstract(abc.ABC):  # noqa: B024
    def __init__(self, part: object) -> None:
        self.part = part


class AbstractSlots(abc.ABC):  # noqa: B024
    __slots__ = ("part",)

    def __init__(self, part: object) -> None:
        self.part = part


class Meta(type):
    def __getattr__(cls, name: str) -> object:
        raise AttributeError(name)


class OfMeta(metaclass=Meta):
    def __init__(self, part: object) -> None:
        self.part = part


class Plain:
    def __init__(self, part: object) -> None:
        self.part = part


class Slots:
    __slots__ = ("first", "part")

    def __init__(self, part: object) -> None:
        self.first, self.part = "first", part


class SlotsAndDict:
    __slots__ = ("__dict__", "first", "part")

    def __init__(self, part: object) -> None:
        self.first, self.part, self.attribute = 1, part, [part]


class GivesState:
    def __init__(self, part: object) -> None:
        self.part = part

    def __getstate__(self) -> object:
        return {"part": self.part, "more": 1}


class Reduces:
    def __init__(self, part: object) -> None:
        self.part = part

    def __reduce__(self) -> tuple[object, ...]:
        return Reduces, (self.part,)


class ReducesToItems:
    def __init__(self, *items: object) -> None:
        self.items = list(items)

    def append(self, item: object) -> None:
        self.items.append(item)

    def __setitem__(self, key: object, value: object) -> None:
        self.items.append((key, value))

    def __reduce__(self) -> tuple[object, ...]:
        return ReducesToItems, (), None, iter(self.items), iter(dict(enumerate(self.items)).items())


class GeneratesItems(ReducesToItems):
    def __reduce__(self) -> tuple[object, ...]:
        pairs = ((n, item) for n, item in enumerate(self.items))
        return GeneratesItems, (), None, (item for item in self.items), pairs


class ListFallsBack(list):
    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


class DictFallsBack(dict):
    """Its keys are attributes, too."""

    def __getattr__(self, name: str) -> object:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class List(list[Any]):
    pass


class Dict(dict[Any, Any]):
    pass


class Tuple(tuple[Any, ...]):
    pass


class Set(set[Any]):
    pass


class Frozenset(frozenset[Any]):
    pass


class Int(int):
    pass


class Float(float):
    pass


class Text(str):
    pass


class Bytes(bytes):
    pass


class Complex(complex):
    pass


class Pair(NamedTuple):
    left: object
    right: object


class PairChild(Pair):
    pass


Many = collections.namedtuple("Many", "a b c d e")
Nothing = collections.namedtuple("Nothing", "")


class Arguments:
    def __new__(cls, *args: object) -> Arguments:
        made = object.__new__(cls)
        made.args = args
        return made

    def __getnewargs__(self) -> tuple[object, ...]:
        return self.args


class Keywords:
    def __new__(cls, *, part: object = None) -> Keywords:
        made = object.__new__(cls)
        made.part = part
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[object, ...], dict[str, object]]:
        return (), {"part": self.part}


class Ordered(collections.OrderedDict[Any, Any]):
    pass


class Deque(collections.deque[Any]):
    pass


class Defaulting(collections.defaultdict[Any, Any]):
    pass


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 300


class Word(enum.StrEnum):
    YES = "yes"


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Mode(enum.IntFlag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Frozen:
    part: object
    text: str = "text"


def with_attribute(obj: Any, part: object) -> Any:
    obj.attribute = part
    return obj


#: Each makes its form around a part; forms that have no place for one leave it out.
FORMS: dict[str, Callable[[Any], Any]] = {
    "plain": Plain,
    "slots": Slots,
    "slots and a dict": SlotsAndDict,
    "frozen dataclass": Frozen,
    "falls back": FallsBack,
    "slots fall back": SlotsFallBack,
    "abstract": Abstract,
    "abstract slots": AbstractSlots,
    "metaclass": OfMeta,
    "state": GivesState,
    "reduces": Reduces,
    "reduces to items": lambda part: ReducesToItems(1, part, "text", part),
    "reduces to one item": lambda part: ReducesToItems(part),
    "generates items": lambda part: GeneratesItems(part, 2, part),
    "generates one item": lambda part: GeneratesItems(part),
    "list": lambda part: List([1, part, "text", part]),
    "list of one": lambda part: List([part]),
    "list of none": lambda part: List(),
    "list of a batch": lambda part: List([part, *range(999)]),
    "list of a batch and one": lambda part: List([*range(999), part, part]),
    "list with attributes": lambda part: with_attribute(List([part, 2]), part),
    "dict": lambda part: Dict({"a": part, "b": 1, 3: part}),
    "dict of one": lambda part: Dict({"a": part}),
    "dict of none": lambda part: Dict(),
    "dict of a batch": lambda part: Dict({n: part if n in (0, 999) else n for n in range(1000)}),
    "dict of a batch and one": lambda part: Dict({n: part if n in (999, 1000) else n for n in range(1001)}),
    "list falls back": lambda part: ListFallsBack([1, part]),
    "dict falls back": lambda part: DictFallsBack({"a": part, "items": part, "__reduce_ex__": 1}),
    "dict with tuples for keys": lambda part: Dict({(1, "a"): part, (2, "b"): part, (3, "c"): 1}),
    "dict with attributes": lambda part: with_attribute(Dict(a=part), part),
    "tuple": lambda part: Tuple((1, part)),
    "tuple of none": lambda part: Tuple(),
    "tuple of four": lambda part: Tuple((1, part, 3, part)),
    "tuple with attributes": lambda part: with_attribute(Tuple((1, part)), part),
    "named tuple": lambda part: Pair("left", part),
    "named tuple of five": lambda part: Many(1, part, "c", part, 5),
    "named tuple of none": lambda part: Nothing(),
    "child of a named tuple": lambda part: PairChild(part, 2),
    "child with attributes": lambda part: with_attribute(PairChild(1, part), part),
    "set": lambda part: Set([1]),
    "frozenset": lambda part: Frozenset([1]),
    "set with attributes": lambda part: with_attribute(Set([1]), part),
    "int": lambda part: Int(7),
    "large int": lambda part: Int(-(1 << 80)),
    "int with attributes": lambda part: with_attribute(Int(70_000), part),
    "float": lambda part: Float(0.5),
    "float with attributes": lambda part: with_attribute(Float(0.5), part),
    "complex": lambda part: Complex(1, 2),
    "text": lambda part: Text("text"),
    "empty text": lambda part: Text(),
    "one character": lambda part: Text("é"),
    "text that is not ASCII": lambda part: Text("ключ"),
    "text beyond the BMP": lambda part: Text("\U0001f600\ud800"),
    "text with attributes": lambda part: with_attribute(Text("text"), part),
    "bytes": lambda part: Bytes(b"bytes"),
    "no bytes": lambda part: Bytes(),
    "one byte": lambda part: Bytes(b"b"),
    "bytes with attributes": lambda part: with_attribute(Bytes(b"bytes"), part),
    "arguments": lambda part: Arguments(1, part),
    "no arguments": lambda part: Arguments(),
    "four arguments": lambda part: Arguments(1, part, 3, part),
    "keywords": lambda part: Keywords(part=part),
    "OrderedDict": lambda part: collections.OrderedDict([("a", part), ("b", 2), ("c", part)]),
    "OrderedDict of one": lambda part: collections.OrderedDict(a=part),
    "OrderedDict of none": lambda part: collections.OrderedDict(),
    "OrderedDict of a batch and one": lambda part: collections.OrderedDict.fromkeys(range(1001), part),
    "OrderedDict with attributes": lambda part: with_attribute(collections.OrderedDict(a=part), part),
    "child of OrderedDict": lambda part: Ordered(a=part, b=2),
    "deque": lambda part: collections.deque([1, part, part]),
    "deque of one": lambda part: collections.deque([part]),
    "deque of none": lambda part: collections.deque(),
    "deque of two batches": lambda part: collections.deque([part, *range(1999)]),
    "bounded deque": lambda part: collections.deque([part, 2], 3),
    "child of deque": lambda part: Deque([part, 2]),
    "defaultdict": lambda part: collections.defaultdict(list, {"a": part, "b": 1}),
    "defaultdict of one": lambda part: collections.defaultdict(int, {"a": part}),
    "defaultdict of none": lambda part: collections.defaultdict(int),
    "defaultdict without a default": lambda part: collections.defaultdict(None, {"a": part, "b": part}),
    "defaultdict of a class": lambda part: collections.defaultdict(Plain, a=part),
    "child of defaultdict": lambda part: Defaulting(list, a=part),
    "Counter": lambda part: collections.Counter("abracadabra"),
    "member": lambda part: Colour.RED,
    "member of text": lambda part: Colour.GREEN,
    "int member": lambda part: Level.HIGH,
    "text member": lambda part: Word.YES,
    "flag": lambda part: Access.READ | Access.WRITE,
    "int flag": lambda part: Mode.READ | Mode.WRITE,
}
