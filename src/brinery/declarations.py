"""The frozen records that hooks yield: all that a plugin can declare.

A record checks its fields when it is made and raises DeclarationError with the plugin's own file and
line. It remembers that place, for what only turns out later. Records of equal fields are equal.

Which hook yields which record, and what becomes of it, is said in one table:
:mod:`brinery.plugin_host.kinds`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from brinery.dotted import MISSING, called, find_loaded, is_dotted, name_of_class
from brinery.errors import DeclarationError
from brinery.lean_typing import TYPE_CHECKING, NamedTuple
from brinery.plan import NATIVE_TYPES
from brinery.records import Record, Statement, refused
from brinery.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Literal

    from brinery.persistence.stores import SimpleStore, Store

    #: A class, or its dotted name "package.module:qualname", which is not imported.
    Target = type | str
    #: A function of the object (and the protocol), or its dotted name, imported for the first object.
    Reduce = Callable[..., Any] | str

__all__ = [
    "NameTable",
    "Option",
    "Override",
    "PersistentScheme",
    "Reducer",
    "StandIn",
    "check_class",
    "target_name",
]


class Rule(Record):
    """What Reducer and Override have in common: a function for the objects of a class."""

    __slots__ = ("emits", "protocol", "reduce", "target")
    target: Target
    reduce: Reduce
    protocol: bool
    emits: tuple[str, ...] | None

    def _fill_rule(
        self, target: Target, reduce: Reduce, protocol: bool, emits: Iterable[str] | None, **fields: object
    ) -> None:
        kind = type(self).__name__
        _check_target(kind, target)
        _check_bool(kind, "protocol", protocol)
        takes = ("the object", "the protocol") if protocol else ("the object",)
        _check_callable(kind, "reduce", reduce, takes)
        self._fill(target=target, reduce=reduce, protocol=protocol, emits=_emitted(kind, emits), **fields)

    def statements(self) -> Iterator[Statement]:
        """The one about the class."""
        yield Statement(target_name(self.target), "", self.meaning)

    @property
    def meaning(self) -> object:
        """A class and its dotted name are one target; what is emitted follows from the function."""
        return type(self), target_name(self.target), self.reduce, self.protocol

    def describe(self) -> str:
        """Such as "reducer for numpy:ndarray: numpykit:reduce_array"."""
        return f"{type(self).__name__.lower()} for {target_name(self.target)}: {called(self.reduce)}"


class Reducer(Rule):
    """How to write the objects of one class, or of a class and its subclasses.

    target      the class, or its dotted name ``"package.module:qualname"``; the name is never imported,
                the reducer applies when such an object turns up.
    reduce      ``reduce(obj)`` gives what ``__reduce__`` may give (pickle documentation): a global's name, or
                a tuple of 2 to 6 items. A function, or its dotted name, imported for the first such object;
                or a :class:`brinery.PerDump`, which remembers something for the time of one dump.
    subclasses  false: objects whose type is exactly the class. True: those of its subclasses too, virtual
                ones of an ABC included, unless a nearer base class has a reducer.
    protocol    true: it is called as ``reduce(obj, protocol)``, with the number from 0 to 5. A PickleBuffer,
                for one, can be written from protocol 5 on only (PEP 574).
    emits       the globals that what it gives may name, as dotted names; None: it does not say.

    It is used where pickle would look into ``copyreg.dispatch_table``, and before that. A Pickler with a
    ``dispatch_table`` of its own looks into that one only.
    """

    __slots__ = ("subclasses",)
    __match_args__ = ("target", "reduce", "subclasses", "protocol", "emits")
    subclasses: bool

    def __init__(
        self,
        target: Target,
        reduce: Reduce,
        *,
        subclasses: bool = False,
        protocol: bool = False,
        emits: Iterable[str] | None = None,
    ) -> None:
        _check_bool("Reducer", "subclasses", subclasses)
        self._fill_rule(target, reduce, protocol, emits, subclasses=subclasses)

    @property
    def meaning(self) -> object:
        """A class and its dotted name are one target."""
        return super().meaning, self.subclasses

    def describe(self) -> str:
        """Such as "reducer for numpy:ndarray and its subclasses: numpykit:reduce_array"."""
        family = " and its subclasses" if self.subclasses else ""
        return f"reducer for {target_name(self.target)}{family}: {called(self.reduce)}"


class Override(Rule):
    """A say, before the built-in way, in how the objects of a class and of its subclasses are written.

    target    the class, or its dotted name, as for Reducer. Functions are the objects of
              ``types.FunctionType``; classes are the objects of ``type``, or of their metaclass.
    reduce    as for Reducer, and it may return NotImplemented: the next one is asked, then the built-in way.
    protocol  as for Reducer.
    emits     as for Reducer.

    Overrides are asked before classes and functions are written by name, nearest base class first; those of
    one plugin for one class in the order in which it declares them.
    """

    __slots__ = ()
    __match_args__ = ("target", "reduce", "protocol", "emits")

    def __init__(
        self, target: Target, reduce: Reduce, *, protocol: bool = False, emits: Iterable[str] | None = None
    ) -> None:
        self._fill_rule(target, reduce, protocol, emits)


class PersistentScheme(Record):
    """A kind of store, opened by a URL whose part before ``:`` is the scheme's name.

    name   as in RFC 3986: small letters, digits and ``+ - .``, a letter first, two characters or more.
    open   ``open(url, **options)`` gives a live store; `url` is the whole URL. Or its dotted name.
    """

    __slots__ = ("name", "open")
    __match_args__ = ("name", "open")
    name: str
    open: Callable[..., Store | SimpleStore] | str

    def __init__(self, name: str, open: Callable[..., Store | SimpleStore] | str) -> None:
        if not isinstance(name, str) or not _is_scheme(name):
            raise refused(
                f"{name!r} is no name for a PersistentScheme: it wants small letters, digits and + - . "
                "with a letter first, two characters or more, as the part of a URL before ':'"
            )
        _check_callable("PersistentScheme", "open", open, ("the URL",), more=True)
        self._fill(name=name, open=open)

    def statements(self) -> Iterator[Statement]:
        """The one about the scheme."""
        yield Statement(self.name, "", self)

    def describe(self) -> str:
        """Such as "scheme redis: opened by rediskit:open_store"."""
        return f"scheme {self.name}: opened by {called(self.open)}"


class StandIn(NamedTuple):
    """A callable, or its dotted name, in the place of a global: what a NameTable has in `stand_ins`."""

    function: Callable[..., Any] | str

    def __str__(self) -> str:
        return f"a call of {called(self.function)}"


class NameTable(Record):
    """Names that differ between streams and this process.

    title      says in a few words whose names these are, for reports.
    read       names that streams carry to the names of today. A key is ``"module"``, for a whole module,
               ``"package.*"``, for a package and all modules beneath it, or ``"module:qualname"``, for one
               global; a value is of the same kind as its key. A module whose last part looks like the name of
               a class is written with a colon behind it: ``"PIL.Image:"``. The most special one counts, and
               a name that is mapped to itself stays as it is.
    write      names of today to the names to be written; left out, objects are written under today's names.
    fallback   as `read`, for what cannot be found when all of `read` has been applied: only where its module
               is not there, or has no such name. At every protocol, whatever the era.
    stand_ins  globals that streams name, ``"module:qualname"``, to what is called in their place: a function,
               or its dotted name, imported for the first such stream. It is called with what the stream would
               have called the global with, its REDUCE, NEWOBJ (without the class), INST and OBJ.
    gone       names for which there is nothing today, a module or a global, each with the reason and what to
               do: it is said beneath the error of a load that cannot find them.
    era        ``"always"``: at every protocol. ``"python2"``: only where Python 2 may be on the other side,
               below protocol 3 and with ``fix_imports``.

    What one table gives is looked up in the others, and each counts once in such a chain.
    """

    __slots__ = ("era", "fallback", "gone", "read", "stand_ins", "title", "write")
    __match_args__ = ("title", "read", "write", "era", "fallback", "stand_ins", "gone")
    title: str
    read: Mapping[str, str]
    write: Mapping[str, str]
    fallback: Mapping[str, str]
    stand_ins: Mapping[str, StandIn]
    gone: Mapping[str, str]
    era: Literal["always", "python2"]

    def __init__(
        self,
        title: str,
        read: Mapping[str, str] = MappingProxyType({}),
        *,
        write: Mapping[str, str] | None = None,
        fallback: Mapping[str, str] | None = None,
        stand_ins: Mapping[str, Callable[..., Any] | str] | None = None,
        gone: Mapping[str, str] | None = None,
        era: Literal["always", "python2"] = "always",
    ) -> None:
        if not isinstance(title, str) or not title:
            raise refused(f"a NameTable wants a title, a few words; not {title!r}")
        if era not in ("always", "python2"):
            raise refused(f"NameTable(era=…) is 'always' or 'python2', not {era!r}")
        self._fill(
            title=title,
            read=_names("read", read),
            write=_names("write", write if write is not None else {}),
            fallback=_names("fallback", fallback if fallback is not None else {}),
            stand_ins=_stand_ins(stand_ins if stand_ins is not None else {}),
            gone=_reasons(gone if gone is not None else {}),
            era=era,
        )
        if not any((self.read, self.write, self.fallback, self.stand_ins, self.gone)):
            raise refused(
                f"NameTable({title!r}, …) has no name: give it read=…, write=… or another of its tables"
            )
        if twice := self.read.keys() & self.stand_ins.keys():
            raise refused(f"NameTable has {min(twice)!r} in read=… and in stand_ins=…: one of them is meant")

    def statements(self) -> Iterator[Statement]:
        """One about each name, for each direction."""
        for aspect, names in self.names():
            for name, other in names.items():
                yield Statement(name, aspect, other)

    def names(self) -> Iterable[tuple[str, Mapping[str, str | StandIn]]]:
        """The names by the aspect in which they are other ones."""
        of_python2 = " for Python 2" if self.era == "python2" else ""
        read: Mapping[str, Any] = {**self.read, **self.stand_ins} if self.stand_ins else self.read
        return (
            (f"reading{of_python2}", read),
            (f"writing{of_python2}", self.write),
            ("reading what is missing", self.fallback),
        )

    def describe(self) -> str:
        """Such as "name table 'shop 2.0': 12 names read, 1 written, at every protocol"."""
        where = "below protocol 3" if self.era == "python2" else "at every protocol"
        count = len(self.read) + len(self.stand_ins) + len(self.fallback)
        names = f"{count} name{'s' if count != 1 else ''} read, {len(self.write)} written"
        return f"name table {self.title!r}: {names}, {where}"


class Option(Record):
    """Something that ``Profile(options={"plugin": {name: value}})`` may say to a plugin.

    name     an identifier. The plugin's other hooks find the value, or the default, under it in `options`.
    type     the class that a value has to be an instance of, or several: ``int``, ``str | None``. A bool is
             no int here, and an int is a float.
    default  the value where none is given.
    help     what it is for, in a line.
    """

    __slots__ = ("default", "help", "name", "type")
    __match_args__ = ("name", "type", "default", "help")
    name: str
    type: Any
    default: Any
    help: str

    def __init__(self, name: str, type: Any, default: Any, help: str) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise refused(f"an Option's name is an identifier, not {name!r}")
        try:
            fits(default, type)
        except TypeError:
            raise refused(
                f"Option({name!r}, type={type!r}): it wants a class, or several as in int | None"
            ) from None
        if not fits(default, type):
            raise refused(f"the default of Option {name!r}, {default!r}, is no {type_words(type)}")
        if not isinstance(help, str) or not help:
            raise refused(f"Option {name!r} wants a help text, a line that says what it is for; not {help!r}")
        self._fill(name=name, type=type, default=default, help=help)

    def statements(self) -> Iterator[Statement]:
        """The one about the option."""
        yield Statement(self.name, "", self)

    def describe(self) -> str:
        """Such as "option places: int = 2, digits behind the point"."""
        return f"option {self.name}: {type_words(self.type)} = {redacted(repr(self.default))}, {self.help}"


def fits(value: object, wanted: Any) -> bool:
    """Whether an option of type `wanted` may have `value`. Raises TypeError where `wanted` is no type."""
    if isinstance(wanted, types.UnionType):
        fitting = [fits(value, part) for part in wanted.__args__]
        return any(fitting)
    if not isinstance(wanted, type):
        raise TypeError(f"{wanted!r} is no class")
    if isinstance(value, bool):
        return issubclass(bool, wanted) and wanted is not int  # True is an int, and never what was meant
    return isinstance(value, wanted) or (wanted is float and isinstance(value, int))


def type_words(wanted: Any) -> str:
    """An option's type as Python writes it."""
    return wanted.__name__ if isinstance(wanted, type) else str(wanted)


def target_name(target: Target) -> str:
    """The dotted name of a declaration's target, for people and for ``prefer``."""
    return target if isinstance(target, str) else name_of_class(target)


def check_class(target: object, kind: str) -> None:
    """Raise DeclarationError unless `target` is a class that a declaration of `kind` may be about."""
    if wrong := _wrong_class(target, kind):
        raise DeclarationError(wrong)


def _wrong_class(target: object, kind: str) -> str:
    if not isinstance(target, type):
        return (
            f"the target of a {kind} is the class whose objects are meant, not {target!r}; "
            "for functions declare Override(types.FunctionType, …) and return NotImplemented for the others"
        )
    if any(target is own for own in NATIVE_TYPES):
        return (
            f"{target.__name__} is one of the format's own data types, which are always written with opcodes "
            f"of their own: a {kind} for it is never asked (a subclass of it may have one)"
        )
    if kind == "Reducer" and (target is types.FunctionType or target is type):
        return (
            f"a Reducer for {target.__name__} would never be asked, since functions and classes are written "
            "by name before any reducer: declare an Override"
        )
    try:
        issubclass(object, target)
    except Exception as failure:  # a Protocol that is not for run time, for one
        return (
            f"{target.__name__} does not tell which classes belong to it, so that a {kind} for it cannot be "
            f"found: {failure}"
        )
    return ""


def _check_target(kind: str, target: object) -> None:
    if not isinstance(target, str):
        if wrong := _wrong_class(target, kind):
            raise refused(wrong)
    elif not is_dotted(target):
        example = (
            ":".join(target.rsplit(".", 1)) if "." in target and ":" not in target else "package.module:Class"
        )
        raise refused(f"{kind} target {target!r} is no dotted name; write it as in {example!r}")
    elif target.startswith("builtins:"):
        found = find_loaded(target)
        if found is not MISSING and (wrong := _wrong_class(found, kind)):
            raise refused(wrong)


def _check_bool(kind: str, field: str, value: object) -> None:
    if not isinstance(value, bool):
        raise refused(f"{kind}({field}=…) is True or False, not {value!r}")


def _check_callable(kind: str, field: str, value: object, takes: tuple[str, ...], more: bool = False) -> None:
    """`takes`: what it will be called with. With `more`, keyword arguments may follow."""
    if isinstance(value, str):
        if is_dotted(value):
            return
        hint = "a dotted name has the form 'package.module:function'"
    elif not callable(value):
        hint = "it wants a function or its dotted name 'package.module:function'"
    elif wrong := _wrong_parameters(value, takes, more):
        hint = wrong
    else:
        return
    raise refused(f"{kind}({field}={value!r}): {hint}")


# Flags of code objects (the inspect module's documentation); that module is not imported for two numbers.
_VARARGS, _GENERATOR, _COROUTINES = 0x04, 0x20, 0x80 | 0x200


def _wrong_parameters(function: object, takes: tuple[str, ...], more: bool) -> str:
    """Why a function written in Python cannot be called with these; "" where it can, or nobody knows."""
    bound = isinstance(function, types.MethodType)
    plain = function.__func__ if isinstance(function, types.MethodType) else function
    if not isinstance(plain, types.FunctionType):
        return ""
    code = plain.__code__
    if code.co_flags & _COROUTINES:
        return "it is async, and nobody would await it"
    if code.co_flags & _GENERATOR:
        return "it yields; it has to return the one result"
    most = code.co_argcount - bound
    least = most - len(plain.__defaults__ or ())
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    required = [name for name in keywords if name not in (plain.__kwdefaults__ or {})]
    fitting = least <= len(takes) and (most >= len(takes) or code.co_flags & _VARARGS) and not required
    if fitting or (more and most >= len(takes)):
        return ""
    hint = (
        "; with protocol=True it is given the protocol too" if most == 2 and takes == ("the object",) else ""
    )
    return f"it is called with {' and '.join(takes)}, which does not fit its parameters{hint}"


def _emitted(kind: str, emits: object) -> tuple[str, ...] | None:
    if emits is None:
        return None
    if isinstance(emits, str) or not isinstance(emits, Iterable):
        raise refused(f"{kind}(emits=…) is a list of globals' dotted names, not {emits!r}")
    names = tuple(emits)
    for name in names:
        if not isinstance(name, str) or not is_dotted(name):
            raise refused(
                f"{kind}(emits=…) holds {name!r}, which is no dotted name 'package.module:qualname'"
            )
    return names


def _is_scheme(name: str) -> bool:
    return (
        len(name) > 1
        and name.isascii()
        and name[:1].isalpha()
        and name == name.lower()
        and all(character.isalnum() or character in "+-." for character in name)
    )


def _names(field: str, names: object) -> Mapping[str, str]:
    if not isinstance(names, Mapping):
        raise refused(f"NameTable({field}=…) is a mapping of names to names, not {names!r}")
    checked: dict[str, str] = {}
    for key, value in names.items():
        for name in (key, value):
            if not isinstance(name, str) or not (name.isidentifier() or _is_name(name)):
                raise refused(
                    f"NameTable({field}=…) holds {name!r}, which is neither 'module', 'package.*' nor "
                    "'module:qualname'"
                )
        if _kind_of_name(key) != _kind_of_name(value):
            raise refused(
                f"NameTable({field}=…) maps {key!r} to {value!r}: a module goes to a module, "
                "'package.*' to 'package.*', and 'module:qualname' to 'module:qualname'"
            )
        for name in (key, value):
            _check_no_class(field, name)
        checked[key.removesuffix(":")] = value.removesuffix(":")
    return MappingProxyType(checked)


def _reasons(given: object) -> Mapping[str, str]:
    if not isinstance(given, Mapping) or not all(
        isinstance(name, str) and _is_name(name) and isinstance(reason, str) and reason
        for name, reason in given.items()
    ):
        raise refused(f"NameTable(gone=…) is a mapping of names to reasons, not {given!r}")
    for name in given:
        _check_no_class("gone", name)
    return MappingProxyType({name.removesuffix(":"): reason for name, reason in given.items()})


def _stand_ins(given: object) -> Mapping[str, StandIn]:
    if not isinstance(given, Mapping):
        raise refused(f"NameTable(stand_ins=…) is a mapping of globals to functions, not {given!r}")
    checked: dict[str, StandIn] = {}
    for key, value in given.items():
        if not isinstance(key, str) or not _is_name(key) or not _is_global(key):
            raise refused(f"NameTable(stand_ins=…) holds {key!r}, which is no global 'module:qualname'")
        if not (callable(value) or (isinstance(value, str) and is_dotted(value))):
            raise refused(
                f"NameTable(stand_ins={{{key!r}: {value!r}}}): it wants a function, or its dotted name "
                "'package.module:function'"
            )
        checked[key] = StandIn(value)
    return MappingProxyType(checked)


def _is_name(name: str) -> bool:
    parts = name.removesuffix(".*").removesuffix(":").replace(":", ".", 1).split(".")
    if all(map(str.isidentifier, parts)):
        return True
    # Streams may have modules that are no identifiers; no blanks, though.
    return all(part.split() == [part] and ":" not in part and part != "*" for part in parts)


def _kind_of_name(name: str) -> str:
    return "global" if _is_global(name) else "package" if name.endswith(".*") else "module"


def _is_global(name: str) -> bool:
    return ":" in name and not name.endswith(":")


def _check_no_class(field: str, name: str) -> None:
    if _looks_like_class(name):
        raise refused(
            f"NameTable({field}=…) holds {name!r}, which would be read as a module's name. For a class write "
            f"{':'.join(name.rsplit('.', 1))!r}; if it is a module, write {name + ':'!r}"
        )


def _looks_like_class(name: str) -> bool:
    """As in "shop.models.Customer": below a module whose name is small, a name that is not."""
    if ":" in name or "." not in name:
        return False
    head, _, last = name.rpartition(".")
    return last[:1].isupper() and last != last.upper() and head == head.lower()
