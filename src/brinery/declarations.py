"""The frozen records that hooks yield: all that a plugin can declare.

A record checks its fields when it is made and raises DeclarationError, so that the traceback points
at the plugin's own line. Records of equal fields are equal: that is how identical declarations merge.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from brinery.dotted import is_dotted, name_of_class
from brinery.errors import DeclarationError
from brinery.plan import NATIVE_TYPES

if TYPE_CHECKING:
    from typing import NoReturn

    #: A class, or its dotted name "package.module:qualname", which is not imported.
    Target = type | str
    #: A function of the object, or its dotted name, imported when the first object needs it.
    Reduce = Callable[[Any], Any] | str

__all__ = [
    "NameTable",
    "Override",
    "PersistentScheme",
    "Reducer",
    "check_class",
    "target_name",
]


class Record:
    """A frozen record: its fields are set once, by its constructor."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def _fill(self, **fields: object) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

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
        return f"{type(self).__name__}({fields})"


class Reducer(Record):
    """How to write the objects of one class, or of a class and its subclasses.

    target      the class, or its dotted name ``"package.module:qualname"``; the name is never imported,
                the reducer applies when such an object turns up.
    reduce      ``reduce(obj)`` gives what ``__reduce__`` may give (pickle documentation): a global's name, or
                a tuple of 2 to 6 items. A function, or its dotted name, imported for the first such object.
    subclasses  false: objects whose type is exactly the class. True: those of its subclasses too, virtual
                ones of an ABC included, unless a nearer base class has a reducer.

    It is used where pickle would look into ``copyreg.dispatch_table``, and before that. A Pickler with a
    ``dispatch_table`` of its own looks into that one only.
    """

    __slots__ = ("reduce", "subclasses", "target")
    __match_args__ = ("target", "reduce", "subclasses")
    target: Target
    reduce: Reduce
    subclasses: bool

    def __init__(self, target: Target, reduce: Reduce, *, subclasses: bool = False) -> None:
        _check_target(self, target)
        _check_callable(self, "reduce", reduce)
        if not isinstance(subclasses, bool):
            raise DeclarationError(f"Reducer(subclasses=…) is True or False, not {subclasses!r}")
        self._fill(target=target, reduce=reduce, subclasses=subclasses)


class Override(Record):
    """A say, before the built-in way, in how the objects of a class and of its subclasses are written.

    target   the class, or its dotted name, as for Reducer. Functions are the objects of
             ``types.FunctionType``; classes are the objects of ``type``, or of their metaclass.
    reduce   as for Reducer, and it may return NotImplemented: the next one is asked, then the built-in way.

    Overrides are asked before classes and functions are written by name, nearest base class first.
    """

    __slots__ = ("reduce", "target")
    __match_args__ = ("target", "reduce")
    target: Target
    reduce: Reduce

    def __init__(self, target: Target, reduce: Reduce) -> None:
        _check_target(self, target)
        _check_callable(self, "reduce", reduce)
        self._fill(target=target, reduce=reduce)


class PersistentScheme(Record):
    """A kind of store, opened by a URL whose part before ``:`` is the scheme's name.

    name   as in RFC 3986: small letters, digits and ``+ - .``, a letter first.
    open   ``open(url, **options)`` gives a live store; `url` is the whole URL. Or its dotted name.
    """

    __slots__ = ("name", "open")
    __match_args__ = ("name", "open")
    name: str
    open: Callable[..., Any] | str

    def __init__(self, name: str, open: Callable[..., Any] | str) -> None:
        if not isinstance(name, str) or not _is_scheme(name):
            raise DeclarationError(
                f"{name!r} is no name for a PersistentScheme: it wants small letters, digits and + - . "
                "with a letter first, as the part of a URL before ':'"
            )
        _check_callable(self, "open", open)
        self._fill(name=name, open=open)


class NameTable(Record):
    """Names that differ between streams and this process.

    title   says in a few words whose names these are, for reports.
    read    names that streams carry to the names of today. A key is ``"module"``, for a whole module, or
            ``"module:qualname"``, for one global; a value is of the same kind as its key.
    write   names of today to the names to be written; left out, objects are written under today's names.
    era     ``"always"``: at every protocol. ``"python2"``: only where Python 2 may be on the other side,
            below protocol 3 and with ``fix_imports``.
    """

    __slots__ = ("era", "read", "title", "write")
    __match_args__ = ("title", "read", "write", "era")
    title: str
    read: Mapping[str, str]
    write: Mapping[str, str]
    era: Literal["always", "python2"]

    def __init__(
        self,
        title: str,
        read: Mapping[str, str],
        *,
        write: Mapping[str, str] | None = None,
        era: Literal["always", "python2"] = "always",
    ) -> None:
        if not isinstance(title, str) or not title:
            raise DeclarationError(f"a NameTable wants a title, a few words; not {title!r}")
        if era not in ("always", "python2"):
            raise DeclarationError(f"NameTable(era=…) is 'always' or 'python2', not {era!r}")
        self._fill(title=title, read=_names("read", read), write=_names("write", write or {}), era=era)


def target_name(target: Target) -> str:
    """The dotted name of a declaration's target, for people and for ``prefer``."""
    return target if isinstance(target, str) else name_of_class(target)


def check_class(target: object, kind: str) -> None:
    """Raise DeclarationError unless `target` is a class that a declaration of `kind` may be about."""
    if not isinstance(target, type):
        raise DeclarationError(
            f"the target of a {kind} is the class whose objects are meant, not {target!r}; "
            "for functions declare Override(types.FunctionType, …) and return NotImplemented for the others"
        )
    if any(target is own for own in NATIVE_TYPES):
        raise DeclarationError(
            f"{target.__name__} is one of the format's own data types, which are always written with opcodes "
            f"of their own: a {kind} for it is never asked (a subclass of it may have one)"
        )
    if kind == "Reducer" and (target is types.FunctionType or target is type):
        raise DeclarationError(
            f"a Reducer for {target.__name__} would never be asked, since functions and classes are written "
            "by name before any reducer: declare an Override"
        )
    try:
        issubclass(object, target)
    except Exception as refused:  # a Protocol that is not for run time, for one
        raise DeclarationError(
            f"{target.__name__} does not tell which classes belong to it, so that a {kind} for it cannot be "
            f"found: {refused}"
        ) from refused


def _check_target(record: Record, target: object) -> None:
    kind = type(record).__name__
    if not isinstance(target, str):
        check_class(target, kind)
    elif not is_dotted(target):
        example = (
            ":".join(target.rsplit(".", 1)) if "." in target and ":" not in target else "package.module:Class"
        )
        raise DeclarationError(f"{kind} target {target!r} is no dotted name; write it as in {example!r}")


def _check_callable(record: Record, field: str, value: object) -> None:
    if isinstance(value, str):
        if is_dotted(value):
            return
        hint = "a dotted name has the form 'package.module:function'"
    elif callable(value):
        return
    else:
        hint = "it wants a function or its dotted name 'package.module:function'"
    raise DeclarationError(f"{type(record).__name__}({field}={value!r}): {hint}")


def _is_scheme(name: str) -> bool:
    return (
        name.isascii()
        and name[:1].isalpha()
        and name == name.lower()
        and all(character.isalnum() or character in "+-." for character in name)
    )


def _names(field: str, names: object) -> Mapping[str, str]:
    if not isinstance(names, Mapping):
        raise DeclarationError(f"NameTable({field}=…) is a mapping of names to names, not {names!r}")
    for key, value in names.items():
        for name in (key, value):
            if not isinstance(name, str) or not name or name.count(":") > 1 or "" in name.split(":"):
                raise DeclarationError(
                    f"NameTable({field}=…) holds {name!r}, which is neither 'module' nor 'module:qualname'"
                )
        if (":" in key) is not (":" in value):
            raise DeclarationError(
                f"NameTable({field}=…) maps {key!r} to {value!r}: a module goes to a module, "
                "and 'module:qualname' to 'module:qualname'"
            )
    return MappingProxyType(dict(names))
