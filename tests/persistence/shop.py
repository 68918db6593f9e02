"""The classes that the tests keep in stores."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple


@dataclass
class Customer:
    id: int | str | bytes | None
    name: Any = "Anna"
    active: bool = True

    @cached_property
    def greeting(self) -> str:
        return f"Hello {self.name}"


class Regular(Customer):
    """A subclass that has no table of its own."""


@dataclass
class Order:
    number: int
    customer: Customer | None
    lines: list[Any] = field(default_factory=list)


@dataclass
class Node:
    id: int
    next: Any = None


@dataclass(frozen=True)
class Frozen:
    id: int
    label: str


@dataclass(slots=True)
class Slotted:
    id: int
    label: str


class Point(NamedTuple):
    id: int
    at: Any


Pair = namedtuple("Pair", "left right value")


class Plain:
    def __init__(self, id: int, **attributes: Any) -> None:
        self.id = id
        self.__dict__.update(attributes)

    def __eq__(self, other: object) -> bool:
        return type(other) is Plain and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class Opaque:
    """Equal only to itself."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Session:
    """Pickled by a state of its own."""

    def __init__(self, id: int, user: str) -> None:
        self.id = id
        self.user = user
        self.connection = lambda: None

    def __getstate__(self) -> dict[str, Any]:
        return {"id": self.id, "user": self.user}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


class Unpicklable:
    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle this")


class Reduced:
    """Pickled by a reduction that is more than a state."""

    def __init__(self, id: int) -> None:
        self.id = id

    def __reduce__(self) -> Any:
        return Reduced, (self.id,)
