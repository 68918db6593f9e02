"""What all records of plugins have in common: they are frozen, checked when made, and know who made them."""

from __future__ import annotations

import sys
from types import MappingProxyType

from brinery.errors import DeclarationError
from brinery.lean_typing import TYPE_CHECKING, NamedTuple
from brinery.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType
    from typing import Any, NoReturn, Self

__all__ = ["Record", "Statement", "is_own", "refused"]


class Statement(NamedTuple):
    """One thing that a record says of one subject: what plugins may agree or disagree on.

    subject  of what: a class's dotted name, a name in streams, a scheme. It is what `prefer` names.
    aspect   in which respect, where a subject has several; each is settled alone.
    meaning  what is said. Those that say equal things agree.
    """

    subject: str
    aspect: str
    meaning: object


class _RecordClass(type):
    """The class of records' classes: fields that are missing or misspelt are refused like wrong values."""

    if not TYPE_CHECKING:  # for which a class is called as its __init__ says

        def __call__(cls, *arguments: object, **fields: object) -> object:
            try:
                return super().__call__(*arguments, **fields)
            except TypeError as wrong:
                # The call itself failed, or the constructor that was called.
                if wrong.__traceback__ is None or wrong.__traceback__.tb_next is not None:
                    raise
            raise refused(_not_its_fields(cls, arguments, fields))


class Record(metaclass=_RecordClass):
    """A frozen record: its fields are set once, by its constructor."""

    __slots__ = ("place",)
    __match_args__: tuple[str, ...] = ()

    #: The file and line that made the record, for errors: ``"file.py:12"``.
    place: str

    def _fill(self, **fields: object) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "place", _place())

    def statements(self) -> Iterable[Statement]:
        """What the record says, subject by subject."""
        raise NotImplementedError

    def describe(self) -> str:
        """The record in words, for reports."""
        raise NotImplementedError

    @property
    def meaning(self) -> object:
        """What two records have in common that say the same."""
        return self

    def _fields(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} is frozen: make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} is frozen: make a new one")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((type(self), getattr(self, self.__match_args__[0])))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return redacted(f"{type(self).__name__}({fields})")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    # A plugin that is an object may hold records, and travels with a profile.
    def __reduce__(self) -> tuple[object, ...]:
        fields = {"place": self.place, **dict(zip(self.__match_args__, self._fields(), strict=True))}
        frozen = [name for name, value in fields.items() if isinstance(value, MappingProxyType)]
        return _again, (
            type(self),
            {name: dict(value) if name in frozen else value for name, value in fields.items()},  # type: ignore[call-overload]
            tuple(frozen),
        )


def _again(cls: type[Record], fields: dict[str, Any], frozen: tuple[str, ...]) -> Record:
    """A record as it was pickled; it was checked when it was made."""
    record = cls.__new__(cls)
    for name, value in fields.items():
        object.__setattr__(record, name, MappingProxyType(value) if name in frozen else value)
    return record


def _not_its_fields(cls: type, arguments: tuple[object, ...], given: dict[str, object]) -> str:
    """Why the constructor of `cls` cannot be called with these."""
    from brinery.wording import nearest

    code = cls.__init__.__code__  # type: ignore[misc]
    ordered = code.co_varnames[1 : code.co_argcount]
    by_name = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    shown = ", ".join([*ordered, *(["*"] if by_name else []), *(f"{name}=…" for name in by_name)])
    wants = f"it is made by {cls.__name__}({shown})"
    unknown = [name for name in given if name not in (*ordered, *by_name)]
    if unknown:
        return f"{cls.__name__}(…) has no {unknown[0]!r}{nearest(unknown[0], (*ordered, *by_name), 'fields')}"
    if len(arguments) > len(ordered):
        return f"{cls.__name__}(…) takes {len(ordered)} values by position, not {len(arguments)}: {wants}"
    twice = [name for name in ordered[: len(arguments)] if name in given]
    if twice:
        return f"{cls.__name__}(…) is given {twice[0]!r} twice, by position and by name: {wants}"
    optional = len(cls.__init__.__defaults__ or ())  # type: ignore[misc]
    required = ordered[len(arguments) : len(ordered) - optional]
    missing = [name for name in required if name not in given]
    return f"{cls.__name__}(…) wants {' and '.join(missing)} too: {wants}"


def refused(text: str) -> DeclarationError:
    """The error for a record that cannot be meant as it stands, with the plugin's line that made it."""
    return DeclarationError(f"{text} (at {_place()})")


def is_own(frame: FrameType) -> bool:
    """Whether it is brinery's own code, built-in plugins not included.

    By module: the files of the compiled engine have other names.
    """
    name: str = frame.f_globals.get("__name__", "")
    return name == "brinery" or (
        name.startswith("brinery.") and not name.startswith("brinery.plugin_host.builtin.")
    )


def _place() -> str:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_own(frame):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "brinery"
