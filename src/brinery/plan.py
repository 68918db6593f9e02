"""WritePlan and ReadPlan: the plain tables that an engine reads.

A plan is what is left of plugins, options and bound stores once a profile is composed. An engine
knows nothing else of them. A plan never changes after it was made, so that threads may share it.

This module imports nothing of brinery but what stands for typing: it is the narrow place between the
plugin host above and the engines below.
"""

from __future__ import annotations

from pickle import PickleBuffer
from types import NoneType

from brinery.lean_typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Final, NoReturn

    #: What a reducer gives back: a global's name, or a tuple of 2 to 6 items (pickle documentation).
    Reduction = str | tuple[object, ...]

__all__ = [
    "NATIVE_TYPES",
    "NOT_READY",
    "AtProtocol",
    "NameMap",
    "NameStep",
    "PerDump",
    "ReadPlan",
    "RuleTable",
    "ShapeTable",
    "Shaped",
    "StoreDump",
    "StoreLoad",
    "StoreReader",
    "StoreWriter",
    "TypeRule",
    "WritePlan",
]


#: The format's own data types, which have opcodes: an engine asks no rule about exactly these.
NATIVE_TYPES: frozenset[type] = frozenset(
    (NoneType, bool, int, float, bytes, str, dict, set, frozenset, list, tuple, bytearray, PickleBuffer)
)


class NameStep(NamedTuple):
    """One step of a chain of names.

    rule   the key of the table that had it: ``"module:qualname"``, ``"module"`` or ``"package.*"``.
    table  whose it is, as NameMap.owners has it; None where there is one table only.
    pair   the module and qualified name that it leads to.
    """

    rule: str
    table: object
    pair: tuple[str, str]


class NameMap(NamedTuple):
    """Other names for globals: exact ``(module, qualname)`` pairs first, then whole modules, then prefixes.

    disputed   names, ``"module:qualname"``, ``"module"`` or ``"package.*"``, that plugins map in different
               ways, or that lead back to themselves; each with a function that raises the conflict.
    prefixes   packages, each with what takes its place for it and for all modules beneath it.
    roots      the first part of each of these.
    owners     by such a name the table that has it. Empty: there is one table, and a name is mapped once.
               Else what one table gives is looked up in the others, each of which counts once in a chain.
    stand_ins  callables, or their dotted names, that take the place of what `names` leads to.
    """

    names: Mapping[tuple[str, str], tuple[str, str]]
    modules: Mapping[str, str]
    disputed: Mapping[str, Callable[[], NoReturn]] = {}
    prefixes: Mapping[str, str] = {}
    roots: frozenset[str] = frozenset()
    owners: Mapping[str, object] = {}
    stand_ins: Mapping[tuple[str, str], Callable[..., object] | str] = {}

    def apply(self, module: str, name: str) -> tuple[str, str]:
        """The pair that `module` and `name` stand for; the pair itself where no table speaks of it.

        Raises PluginConflict for a disputed name.
        """
        if not self.owners:
            return self.step(module, name)
        steps = self.chain(module, name)
        return steps[-1].pair if steps else (module, name)

    def step(self, module: str, name: str) -> tuple[str, str]:
        """The pair that the most special rule has for `module` and `name`, without what that leads to."""
        found = next(self._rules(module, name), None)
        return (module, name) if found is None else found[1]

    def chain(self, module: str, name: str) -> list[NameStep]:
        """The steps from that pair to what :meth:`apply` gives; none where no table speaks of it.

        Raises PluginConflict for a disputed name.
        """
        steps: list[NameStep] = []
        used: set[object] = set()
        pair = module, name
        while True:
            found = ((self.owners.get(rule), rule, other) for rule, other in self._rules(*pair))
            step = next((each for each in found if each[0] not in used), None)
            if step is None:
                return steps
            table, rule, other = step
            steps.append(NameStep(rule, table, other))
            if other == pair or other in self.stand_ins:
                return steps  # said to stay as it is
            used.add(table)
            pair = other

    def _rules(self, module: str, name: str) -> Iterator[tuple[str, tuple[str, str]]]:
        """What tables have for a pair, the most special first."""
        disputed = self.disputed
        key = f"{module}:{name}" if disputed or self.owners else ""
        if key in disputed:
            disputed[key]()
        pair = self.names.get((module, name))
        if pair is not None:
            yield key, pair
        if module in disputed:
            disputed[module]()
        other = self.modules.get(module)
        if other is not None:
            yield module, (other, name)
        if self.roots and module.partition(".")[0] in self.roots:
            package, rest = module, ""
            while package:
                rule = f"{package}.*"
                if rule in disputed:
                    disputed[rule]()
                other = self.prefixes.get(package)
                if other is not None:
                    yield rule, (other + rest, name)
                package, _, last = package.rpartition(".")
                rest = f".{last}{rest}"


class AtProtocol(NamedTuple):
    """A reducer or override that is called with the protocol, too: ``function(obj, protocol)``."""

    function: Callable[[object, int], object]


class PerDump:
    """A reducer or override that remembers something for the time of one dump, and no longer.

    ``make(protocol)`` is called once in each dump that needs it, for the first such object. The function that
    it gives is called with each of the dump's objects, and forgotten when the dump is over, whatever ends it.
    A dump within a dump has its own. It stands where a Reducer or Override takes a function, and serves as a
    decorator. Declarations of several classes that share a PerDump share its function.

    Called itself, with an object, it is as if that was the one object of a dump.
    """

    __slots__ = ("__wrapped__",)

    def __init__(self, make: Callable[[int], Callable[[Any], object]]) -> None:
        if not callable(make):
            raise TypeError(f"a PerDump wants a function of the protocol, not {make!r}")
        self.__wrapped__ = make

    def __init_subclass__(cls) -> None:
        raise TypeError("PerDump has no subclasses: an engine would not know that they last for a dump")

    def begin(self, protocol: int) -> Callable[[Any], object]:
        """The function for a dump that begins. Raises TypeError where that is none."""
        reduce = self.__wrapped__(protocol)
        if not callable(reduce):
            raise TypeError(
                f"{self!r} gave {reduce!r} for a dump: it is called with the protocol, and is to give the "
                "function that is called with each object"
            )
        return reduce

    def __call__(self, obj: object, protocol: int = 5) -> object:
        return self.begin(protocol)(obj)

    def __repr__(self) -> str:
        return f"PerDump({self.__wrapped__!r})"


class Foreseen(NamedTuple):
    """What a store's claim gives for most objects of a type, so that an engine may write it before it asks.

    name        the store's, which comes first in the persistent ID.
    first       what comes first in the key; None where nothing stands before the attributes.
    attributes  the names of those whose values are the key, or the rest of it.
    number      the store's, for StoreDump.agree.
    """

    name: str
    first: str | None
    attributes: tuple[str, ...]
    number: int


class TypeRule(NamedTuple):
    """All that plugins and bound stores have to say about the objects of one exact type.

    claim       ``claim(obj, dump)`` is the persistent ID to write in the object's place, already in the shape
                that the protocol wants (text at protocol 0), or None: not this one. `dump` is what the plan's
                stores gave for this dump.
    overrides   asked in turn before classes and functions are written by name; NotImplemented passes.
    reduce      the reducer to use where ``copyreg.dispatch_table`` would be asked, and before it.
    foreseen    what the claim gives for most objects. An engine that writes it calls StoreDump.agree before
                any code of the objects runs, and before the end.

    An override and a reducer are each a function of the object, or AtProtocol with one that takes the
    protocol as well, or PerDump.
    """

    claim: Callable[[object, Any], object | None] | None = None
    overrides: tuple[Callable[[object], object] | AtProtocol | PerDump, ...] = ()
    reduce: Callable[[object], object] | AtProtocol | PerDump | None = None
    foreseen: Foreseen | None = None


class RuleTable(Protocol):
    """Resolves a type to its rule, once per type.

    An answer holds as long as :meth:`epoch` stays the same. So an engine may keep answers during one dump
    as it likes, and beyond it where it makes sure of the epoch at the beginning of each dump.
    """

    def rule_for(self, cls: type, /) -> TypeRule | None:
        """The rule for objects whose type is exactly `cls`; None where nobody has anything to say."""

    def epoch(self) -> int | None:
        """A number that changes when earlier answers may be out of date; None: keep none.

        It changes when a class was registered with an ABC, or when a module was imported in which a class is
        declared by name; it is None while such a module is being imported. So whoever finds that neither
        ``abc.get_cache_token()`` nor ``sys.modules`` has changed need not ask, unless it was None.
        """


class StoreWriter(Protocol):
    """The bound stores, as an engine sees them. (What they claim reaches it as TypeRule.claim.)"""

    def begin_dump(self, protocol: int, write: Callable[[Any], object] | None, /) -> StoreDump:
        """A dump meets the first object that is claimed. `write` is its file's; None where it gives bytes."""


class StoreDump(Protocol):
    """One dump, as its engine sees it: it ends with either of the two methods."""

    @property
    def write(self) -> Callable[[Any], object] | None:
        """Where the engine is to write, in the place of what it gave to begin_dump."""

    def agree(self, objects: list[Any], foreseen: list[Foreseen], keys: list[Any], /) -> bool:
        """Ask the stores about `objects`, for which `keys` were foreseen: whether they give the very same.

        Where they do not, the engine begins again without foreseeing anything, and what was answered here is
        what claims give then. So is what :meth:`recall` is given: what was agreed upon before, in parts.
        """

    def recall(self, objects: list[Any], foreseen: list[Foreseen], keys: list[Any], /) -> None:
        """Objects, and what agree() was true for, in a dump that begins again."""

    def finish(self, rest: bytes, /) -> bytes | None:
        """Let every store commit, then write `rest`, or return what is the whole stream.

        `rest` ends with STOP, and without that a stream cannot be loaded: STOP is the record of the commit.
        Raises where a store cannot commit; then :meth:`abort` follows.
        """

    def abort(self, error: BaseException, /) -> None:
        """The dump failed with `error`: forget what was staged. Raises nothing."""


class StoreReader(Protocol):
    """The bound stores, as an engine sees them."""

    def begin_load(
        self,
        ids: list[object],
        offsets: Sequence[int],
        find_class: Callable[[str, str], object] | None,
        decided: bool,
        /,
    ) -> StoreLoad:
        """Fetch what `ids` name: all persistent IDs of the stream, in order, and where their opcodes are.

        The list is handed over, and may come back empty: of many IDs it takes as much memory as the stream's
        objects.

        `find_class` is what a user's Unpickler has in the place of the engine's own. Where `decided` is true,
        nobody but the stores has a say on an ID, and what is missing is an error now.
        """


#: In the place of an object that is not ready; see StoreLoad.ready.
NOT_READY: Final = object()


class StoreLoad(Protocol):
    """One load, as its engine sees it."""

    @property
    def ready(self) -> list[object] | None:
        """For each ID that begin_load was given, what it stands for, or NOT_READY: then ask resolve.

        An engine may take objects from here, in the order of the stream; None where there are none.
        """

    def resolve(self, pid: object, /) -> object:
        """The object that `pid` names."""

    def close(self, succeeded: bool, /) -> None:
        """The load is over."""


class WritePlan(NamedTuple):
    """What a Pickler reads.

    rules       None for a plan without plugins' reducers, overrides and stores: such a plan costs nothing.
    era_names   today's names to those of Python 2, used below protocol 3 where `fix_imports` is true.
    names       today's names to those that streams carry, at every protocol; applied before `era_names`.
    stores      take part in each dump as a transaction.
    hints       one line for each installed plugin that could not be loaded, for the PicklingError that
                it might have prevented.
    """

    rules: RuleTable | None = None
    era_names: NameMap | None = None
    names: NameMap | None = None
    stores: StoreWriter | None = None
    hints: tuple[str, ...] = ()


class Shaped(NamedTuple):
    """How what a stream says of a class, or of a function, fits what it is today. Each part may be None.

    name       its dotted name, for errors.
    create     ``create(cls, *args, **kwargs)`` makes the instance, in the place of whatever would have.
    arguments  ``arguments(args)`` gives the tuple of arguments to call it with.
    build      ``build(instance, state)`` gives the instance its state. It returns None, or a tuple of the one
               state that is to be given in the ordinary way.
    text       rules for Python 2's str in it, a TextTable.
    through    dotted names of functions that make its objects, given the class first.
    instances  dotted names of the classes of its objects, where these are not its own.
    restate    ``restate(state)`` gives the state of today, and looks no deeper than its items; only where
               that is all that `build` does.
    """

    name: str
    create: Callable[..., object] | None = None
    arguments: Callable[[tuple[object, ...]], tuple[object, ...]] | None = None
    build: Callable[[Any, Any], tuple[object] | None] | None = None
    text: TextTable | None = None
    through: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    restate: Callable[[Any], Any] | None = None


class TextTable(NamedTuple):
    """What Python 2's str are in the arguments and in the state of one class or function.

    arguments  by position: "bytes" or an encoding, for exactly the argument.
    items      the same for a state that is a tuple or list.
    attributes by name, for a state that is a dict: "bytes", an encoding, or a function of path and data;
               for the attribute and what is in it, if that is a list, tuple or dict. "*" is all others.
    """

    arguments: Mapping[int, str]
    items: Mapping[int, str]
    attributes: Mapping[str, str | Callable[[tuple[object, ...], bytes], object]]


class ShapeTable(NamedTuple):
    """The changed shapes and the text rules of all plugins, by the names of today.

    modules  the modules of all names for which :meth:`find` has something: an engine need not ask for others.
    old      the same where Python 2 may have written the stream, below protocol 3.
    has_text whether there are text rules, so that an engine keeps what Python 2's str were in the stream.
    find     gives what there is for a pair, given whether Python 2 may have written the stream.
    decide   a function of path and data for all other str of Python 2.
    slotted  a function of instance and state, for a state of slots, (None, dict), in the hands of a class
             that has a
             ``__setstate__`` of its own today: the state to give it.
    """

    modules: frozenset[str]
    old: frozenset[str]
    has_text: bool
    find: Callable[[str, str, bool], Shaped | None]
    decide: Callable[[tuple[object, ...], bytes], object] | None = None
    slotted: Callable[[Any, Any], Any] | None = None


class ReadPlan(NamedTuple):
    """What an Unpickler reads.

    era_names   Python 2's names to today's, used below protocol 3 where `fix_imports` is true.
    names       names that streams carry to today's, at every protocol; applied after `era_names`.
    stores      resolves persistent IDs; None where no store is bound.
    fallbacks   other names for what `names` led to, where that cannot be imported.
    shapes      classes whose state or arguments were different once, and what Python 2's str are in them.
    gone        names for which there is nothing today, ``"module:qualname"`` or ``"module"``, and why.
    """

    era_names: NameMap | None = None
    names: NameMap | None = None
    stores: StoreReader | None = None
    fallbacks: NameMap | None = None
    shapes: ShapeTable | None = None
    gone: Mapping[str, str] = {}

    def why_gone(self, *pairs: tuple[str, str]) -> str:
        """Why there is nothing today for the first of `pairs` of which that is said; else empty."""
        for pair in pairs:
            reason = self.gone.get(":".join(pair)) or self.gone.get(pair[0])
            if reason:
                return f"{':'.join(pair)} is gone: {reason}"
        return ""
