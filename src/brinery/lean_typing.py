"""What of typing is needed while a program runs, without typing itself.

To import that takes two milliseconds, and each class of its ``NamedTuple`` a fifth of one more, as it
compiles the text of every annotation (and from Python 3.14 on imports ``ast`` for it): together that was a
third of what importing brinery and its first call cost a process. So the modules that every process with
brinery loads take these names from here. A type checker sees typing's own. At run time named tuples are the
same, but for their annotations, which stay text; and nothing is generic or a protocol.
"""

from __future__ import annotations

from collections import namedtuple
from types import GenericAlias

TYPE_CHECKING = False  # type checkers know the name, and take it for true

if TYPE_CHECKING:
    from typing import Generic as Generic
    from typing import NamedTuple as NamedTuple
    from typing import Protocol as Protocol
    from typing import TypeVar as TypeVar
else:

    class Protocol:
        """Says to a type checker what an object must have."""

    class Generic:
        """Says to a type checker what a class depends on."""

        __class_getitem__ = classmethod(GenericAlias)

    class TypeVar:
        """What a class may depend on."""

        def __init__(self, name, **how):
            self.__name__ = name

        def __repr__(self):
            return self.__name__

    class _ClassOfRecords(type):
        """Makes a named tuple of a class body."""

        def __new__(cls, name, bases, body):
            fields = body.get("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            made.__new__.__annotations__ = fields
            for key, value in body.items():
                setattr(made, key, value)
            return made

    # No class statement: its metaclass would make another class of it.
    _Record = type.__new__(_ClassOfRecords, "_Record", (), {})

    class _NamedTuple:
        """What a class of records names as its base."""

        def __mro_entries__(self, bases):
            return (_Record,)

    NamedTuple = _NamedTuple()
