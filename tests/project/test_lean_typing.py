"""What stands for typing where every process would pay for it: named tuples as typing makes them."""

from __future__ import annotations

import inspect
import pickle
import typing

from brinery import lean_typing

T = typing.TypeVar("T", covariant=True)


class Typings(typing.NamedTuple):
    """A text."""

    left: int
    right: str = "right"

    @property
    def both(self) -> tuple[int, str]:
        return self.left, self.right

    def turned(self) -> str:
        return f"{self.right} {self.left}"


class Lean(lean_typing.NamedTuple):
    """A text."""

    left: int
    right: str = "right"

    @property
    def both(self) -> tuple[int, str]:
        return self.left, self.right

    def turned(self) -> str:
        return f"{self.right} {self.left}"


class Kept(lean_typing.NamedTuple, lean_typing.Generic[T]):
    value: T


def described(cls: type[typing.Any]) -> object:
    made = cls(1)
    return {
        "fields": (cls._fields, cls._field_defaults, cls.__doc__, cls.__module__, cls.__mro__[1:]),
        "instances": (
            made == (1, "right"),
            made.both,
            made.turned(),
            made._replace(left=2),
            cls(1, "2")._asdict(),
        ),
        "pickled": (pickle.loads(pickle.dumps(made)) == made, type(pickle.loads(pickle.dumps(made))) is cls),
        "hints": (typing.get_type_hints(cls), list(inspect.signature(cls).parameters)),
        "repr": repr(made).partition("(")[2],
        "qualified": cls.__qualname__ == cls.__name__,
    }


def test_a_named_tuple_is_one_of_typings() -> None:
    assert described(Lean) == described(Typings)


def test_a_generic_one_can_be_named_with_its_type() -> None:
    assert Kept(1).value == 1
    assert typing.get_args(lean_typing.Generic[int]) == (int,)
    assert typing.get_args(Kept[int]) == (int,)
