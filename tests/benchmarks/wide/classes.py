"""The classes whose instances the wide suite pickles: one of each kind that programs have."""

from __future__ import annotations

import abc
import enum
import typing
from collections import namedtuple
from dataclasses import dataclass, field


class Plain:
    def __init__(self, number: int, text: str, value: float) -> None:
        self.number, self.text, self.value = number, text, value


class Wide:
    """Thirty attributes."""

    def __init__(self, number: int) -> None:
        for k in range(30):
            setattr(self, f"attribute_{k}", number + k)


class Slots:
    __slots__ = ("number", "text", "value")

    def __init__(self, number: int, text: str, value: float) -> None:
        self.number, self.text, self.value = number, text, value


class SlotsWithDict(Slots):
    """Slots, and a dict beside them."""


class Node:
    """Parents know their children and children their parent."""

    def __init__(self, parent: Node | None, number: int) -> None:
        self.parent, self.number, self.children = parent, number, []
        if parent is not None:
            parent.children.append(self)


class Link:
    def __init__(self, number: int, next: Link | None) -> None:
        self.number, self.next = number, next


@dataclass
class Order:
    number: int
    customer: str
    total: float
    paid: bool
    note: typing.Optional[str]  # noqa: UP045 - pyfory takes no other spelling


@dataclass(frozen=True)
class Frozen:
    number: int
    customer: str
    total: float


@dataclass(slots=True)
class Slotted:
    number: int
    customer: str
    total: float


@dataclass(frozen=True, slots=True)
class FrozenSlotted:
    number: int
    customer: str
    total: float


@dataclass(kw_only=True)
class Special(Order):
    """A dataclass that inherits, with defaults that are made."""

    tags: list[str] = field(default_factory=list)
    options: dict[str, int] = field(default_factory=dict)


@dataclass
class Invoice:
    """A dataclass of dataclasses."""

    order: Order
    lines: list[Frozen]


class Stateful:
    def __init__(self, left: int, right: str) -> None:
        self.left, self.right, self.cache = left, right, None

    def __getstate__(self) -> dict[str, object]:
        return {"left": self.left, "right": self.right}


class Restored(Stateful):
    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)


class StateTuple(Stateful):
    def __getstate__(self) -> tuple[int, str]:  # type: ignore[override]
        return self.left, self.right

    def __setstate__(self, state: tuple[int, str]) -> None:
        self.left, self.right = state


class Reduced:
    def __init__(self, left: int, right: str) -> None:
        self.left, self.right = left, right

    def __reduce__(self) -> tuple[object, ...]:
        return Reduced, (self.left, self.right)


class ReducedWithState(Reduced):
    def __reduce__(self) -> tuple[object, ...]:
        return ReducedWithState, (self.left, self.right), {"extra": 1}


class NewArgs:
    def __new__(cls, left: int, right: str) -> NewArgs:
        made = super().__new__(cls)
        made.left, made.right = left, right
        return made

    def __getnewargs__(self) -> tuple[int, str]:
        return self.left, self.right


class NewKeywords:
    def __new__(cls, *, left: int, right: str) -> NewKeywords:
        made = super().__new__(cls)
        made.left, made.right = left, right
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, object]]:
        return (), {"left": self.left, "right": self.right}


class WithGetattr(Plain):
    """Attributes that are not there are made up, as proxies and mocks do."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class WithSetattr(Plain):
    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


class WithProperties:
    def __init__(self, number: int) -> None:
        self._number, self._text = number, str(number)

    @property
    def number(self) -> int:
        return self._number


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> float: ...


class Square(Shape):
    def __init__(self, side: float) -> None:
        self.side, self.name = side, "square"

    def area(self) -> float:
        return self.side**2


T = typing.TypeVar("T")


class Box(typing.Generic[T]):
    def __init__(self, content: T) -> None:
        self.content, self.label = content, "box"


class Meta(type):
    pass


class OfMeta(metaclass=Meta):
    def __init__(self, number: int) -> None:
        self.number, self.text = number, "of a metaclass"


class IntSubclass(int):
    pass


class FloatSubclass(float):
    pass


class StrSubclass(str):
    pass


class BytesSubclass(bytes):
    pass


class ListSubclass(list):
    pass


class DictSubclass(dict):
    pass


class TupleSubclass(tuple):
    pass


class SetSubclass(set):
    pass


class DictWithAttributes(dict):
    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.dirty = False


class AttributeDict(dict):
    """Keys are attributes, too, as in many configurations."""

    def __getattr__(self, name: str) -> object:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


Point = namedtuple("Point", "x y z")


class Employee(typing.NamedTuple):
    name: str
    id: int
    city: str = "Rome"


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.StrEnum):
    READ = "r"
    WRITE = "w"


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class ShopError(Exception):
    pass


class DetailedError(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)
        self.code, self.details = code, {"where": "shop"}


class Outer:
    class Inner:
        def __init__(self, number: int) -> None:
            self.number = number

    def method(self) -> int:
        return 1

    @classmethod
    def made(cls) -> Outer:
        return cls()


def function(*args: object) -> object:
    return args


class Entity:
    """What a store knows by its ID."""

    def __init__(self, number: int) -> None:
        self.number, self.text = number, "an entity"
