"""WritePlan and ReadPlan: the plain tables that an engine reads.

A plan is what is left of plugins, options and bound stores once a profile is composed. An engine
knows nothing else of them. A plan never changes after it was made, so that threads may share it.

This module imports nothing of brinery: it is the narrow place between the plugin host above and
the engines below.
"""

from __future__ import annotations

from pickle import PickleBuffer
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    #: What a reducer gives back: a global's name, or a tuple of 2 to 6 items (pickle documentation).
    Reduction = str | tuple[object, ...]

__all__ = [
    "NATIVE_TYPES",
    "NOT_READY",
    "AtProtocol",
    "NameMap",
    "ReadPlan",
    "RuleTable",
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


class NameMap(NamedTuple):
    """Other names for globals: exact ``(module, qualname)`` pairs first, else whole modules.

    disputed  names, ``"module:qualname"`` or ``"module"``, that plugins map in different ways; each with a
              function that raises the conflict.
    """

    names: Mapping[tuple[str, str], tuple[str, str]]
    modules: Mapping[str, str]
    disputed: Mapping[str, Callable[[], NoReturn]] = {}

    def apply(self, module: str, name: str) -> tuple[str, str]:
        """The pair that `module` and `name` stand for; the pair itself where no table speaks of it.

        Raises PluginConflict for a disputed name.
        """
        pair = self.names.get((module, name))
        if pair is not None:
            return pair
        if self.disputed:
            for disputed in (f"{module}:{name}", module):
                if disputed in self.disputed:
                    self.disputed[disputed]()
        return self.modules.get(module, module), name


class AtProtocol(NamedTuple):
    """A reducer or override that is called with the protocol, too: ``function(obj, protocol)``."""

    function: Callable[[object, int], object]


class TypeRule(NamedTuple):
    """All that plugins and bound stores have to say about the objects of one exact type.

    claim       ``claim(obj, dump)`` is the persistent ID to write in the object's place, already in the shape
                that the protocol wants (text at protocol 0), or None: not this one. `dump` is what the plan's
                stores gave for this dump.
    overrides   asked in turn before classes and functions are written by name; NotImplemented passes.
    reduce      the reducer to use where ``copyreg.dispatch_table`` would be asked, and before it.

    An override and a reducer are each a function of the object, or AtProtocol with one that takes the
    protocol as well.
    """

    claim: Callable[[object, Any], object | None] | None = None
    overrides: tuple[Callable[[object], object] | AtProtocol, ...] = ()
    reduce: Callable[[object], object] | AtProtocol | None = None


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
        ids: Sequence[object],
        offsets: Sequence[int],
        find_class: Callable[[str, str], object] | None,
        decided: bool,
        /,
    ) -> StoreLoad:
        """Fetch what `ids` name: all persistent IDs of the stream, in order, and where their opcodes are.

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


class ReadPlan(NamedTuple):
    """What an Unpickler reads.

    era_names   Python 2's names to today's, used below protocol 3 where `fix_imports` is true.
    names       names that streams carry to today's, at every protocol; applied after `era_names`.
    stores      resolves persistent IDs; None where no store is bound.
    """

    era_names: NameMap | None = None
    names: NameMap | None = None
    stores: StoreReader | None = None
