"""Unpickler, which people subclass, and Loader, whose methods are ``load`` and ``loads``."""

from __future__ import annotations

# Not for type checkers only: typing.get_type_hints() looks these names up here.
from collections.abc import Callable, Iterable, Iterator  # noqa: TC003
from typing import Any, Never

from brinery.engine.explaining import no_buffer, no_persistent_load, positional
from brinery.engine.hooks import put_in_place
from brinery.engine.lookahead import Lookahead
from brinery.engine.python.reading.lending import LOAD_LENT, LentMachine
from brinery.engine.python.reading.machine import Machine
from brinery.engine.python.reading.sources import FileSource, lent
from brinery.engine.python.reading.tables import LOAD
from brinery.engine.python.reading.walking import Walker, may_refer, walk
from brinery.engine.python.turns import TAKEN, Turn
from brinery.errors import NotInitialized
from brinery.plan import ReadPlan, StoreLoad
from brinery.stream.memo import Memo

__all__ = ["Loader", "Unpickler", "UnpicklerMemoProxy"]


class Unpickler:
    """Reads pickles of protocols 0 to 5 from a file (pickle documentation, ``pickle.Unpickler``)."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_brinery_fix_imports",
        "_brinery_lookahead",
        "_brinery_machine",
        "_brinery_plan",
        "_brinery_stored",
        "_brinery_turn",
        "_brinery_walker",
    )

    #: Gives the plan when an Unpickler is constructed.
    _plan_source: Callable[[], ReadPlan] = staticmethod(ReadPlan)

    _brinery_turn: Turn
    _brinery_plan: ReadPlan
    _brinery_lookahead: Lookahead
    _brinery_machine: Machine
    _brinery_stored: StoreLoad | None
    _brinery_walker: Walker | None

    def __init__(
        self,
        file: Any,
        *more: Never,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterable[object] | None = None,
    ) -> None:
        """Read from `file`, which has ``read(n)`` and ``readline()``, perhaps also ``readinto`` and ``peek``.

        `fix_imports` finds Python 2's names below protocol 3. `encoding` and `errors` decode Python 2's
        str; ``encoding="bytes"`` keeps bytes, ``errors="bytes"`` only those that do not decode. `buffers`
        are the out-of-band buffers, in the order in which the Pickler gave them away (PEP 574).

        Raises TypeError for a file that cannot be read, and RuntimeError while this Unpickler loads.
        """
        if more:
            raise positional("Unpickler", more)
        if getattr(self, "_brinery_turn", None):
            raise RuntimeError("this Unpickler is loading: it cannot be initialized again meanwhile")
        plan = self._plan_source()
        if plan.stores is not None:
            file = self._brinery_lookahead = Lookahead(file)
        self._brinery_machine = _machine(b"", FileSource(file), plan, fix_imports, encoding, errors, buffers)
        self._brinery_plan = plan
        self._brinery_fix_imports = bool(fix_imports)
        self._brinery_stored = None
        self._brinery_walker = None if plan.stores is None else Walker(plan)
        self._brinery_turn = {}

    def load(self) -> Any:
        """Read one pickle and return its object. The memo stays, for pickles that were written with one memo.

        Raises EOFError where the file ends, UnpicklingError where the stream is malformed or refers to
        what is not there, and whatever the classes raise that it names.
        """
        return self._brinery_run(walking=False)

    def noload(self) -> Any:
        """Walk one pickle without building objects: no global is looked up, and None stands for each object.

        ``persistent_load`` is called for every persistent ID, or, being a list, gets it appended.
        Returns the object, as far as it is made of literals. Raises as :meth:`load` does.
        """
        return self._brinery_run(walking=True)

    def find_class(self, module: str, name: str, /) -> Any:
        """The global of that name; override this to restrict what a pickle may refer to.

        Raises what the import raises, and AttributeError where the module has no such name.
        """
        machine = self._brinery_initialized()
        return machine.find_own(module, name)

    def persistent_load(self, pid: Any, /) -> Any:
        """The object of a persistent ID: from the bound stores, unless this is overridden or assigned to.

        Raises UnpicklingError where there is no store.
        """
        self._brinery_initialized()
        if self._brinery_stored is None:
            raise no_persistent_load(pid)
        return self._brinery_stored.resolve(pid)

    @property
    def memo(self) -> UnpicklerMemoProxy:
        """The memo, to be cleared, copied, or replaced by a dict of objects by index or another's memo."""
        return UnpicklerMemoProxy(self)

    @memo.setter
    def memo(self, value: UnpicklerMemoProxy | dict[int, object]) -> None:
        if isinstance(value, UnpicklerMemoProxy):
            value = value.copy()
        elif not isinstance(value, dict):
            raise TypeError(
                f"'memo' attribute must be an UnpicklerMemoProxy object or dict, not {type(value).__name__}"
            )
        memo = Memo()
        for index, obj in value.items():
            if not isinstance(index, int):
                raise TypeError("memo key must be integers")
            if index < 0:
                raise ValueError("memo key must be positive integers.")
            memo.put(index, obj)
        self._brinery_replace_memo(memo)

    def _brinery_replace_memo(self, memo: Memo) -> None:
        machine = self._brinery_initialized()
        if self._brinery_turn:
            raise RuntimeError("this Unpickler is loading: its memo cannot be changed meanwhile")
        machine.memo = memo
        if self._brinery_walker is not None:
            self._brinery_walker.follow(memo)

    def _brinery_run(self, *, walking: bool) -> Any:
        machine = self._brinery_initialized()
        turn = self._brinery_turn
        me: list[object] = []
        succeeded = False
        try:
            if turn.setdefault(TAKEN, me) is not me:
                raise RuntimeError("this Unpickler is loading already, further up or in another thread")
            # Looked up for each global, as by C pickle: one that is replaced meanwhile counts from there on.
            machine.find_class = self._brinery_find_class
            own = self._brinery_own("persistent_load", Unpickler.persistent_load)
            if self._brinery_walker is not None:
                self._brinery_look_ahead(self._brinery_walker, walking, own is None)
            if own is None and self._brinery_stored is not None:
                own = self._brinery_stored.resolve
            # An assigned list is empty at first, and no less assigned for that.
            machine.persistent_load = own
            result = walk(machine) if walking else machine.run(LOAD)
            succeeded = True
            return result
        finally:
            if TAKEN in turn and turn[TAKEN] is me:
                # Bound methods of self: a cycle through the machine would keep both until the collector runs.
                machine.find_class = machine.persistent_load = None
                stored, self._brinery_stored = self._brinery_stored, None
                del turn[TAKEN]
                if stored is not None:
                    stored.close(succeeded)

    def _brinery_find_class(self, module: str, name: str) -> Any:
        hook: Any = self.find_class
        return hook(module, name)

    def _brinery_own(self, name: str, base: object) -> Any:
        # What a subclass or an assignment put in place of the method `base`.
        hook = getattr(self, name)
        return None if getattr(hook, "__func__", None) is base else put_in_place(hook)

    def _brinery_look_ahead(self, walker: Walker, walking: bool, decided: bool) -> None:
        machine = self._brinery_machine
        self._brinery_lookahead.record()
        ids, offsets = walker.ids_of(machine.data, FileSource(self._brinery_lookahead))
        self._brinery_lookahead.rewind()
        if not walking and self._brinery_plan.stores is not None:
            self._brinery_stored = self._brinery_plan.stores.begin_load(
                ids, offsets, self._brinery_own("find_class", Unpickler.find_class), decided
            )

    def _brinery_initialized(self) -> Machine:
        try:
            return self._brinery_machine
        except AttributeError:
            raise NotInitialized(
                f"Unpickler.__init__() was not called by {type(self).__name__}.__init__()"
            ) from None


class UnpicklerMemoProxy:
    """An Unpickler's memo, as far as code outside may handle it."""

    __slots__ = ("_unpickler",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, unpickler: Unpickler) -> None:
        unpickler._brinery_initialized()
        self._unpickler = unpickler

    def clear(self) -> None:
        """Forget all objects."""
        self._unpickler._brinery_replace_memo(Memo())

    def copy(self) -> dict[int, object]:
        """The objects by index."""
        return dict(self._unpickler._brinery_machine.memo.items())

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.copy(),)


class Loader:
    """The functions ``load`` and ``loads`` around one plan."""

    def __init__(self, plan_source: Callable[[], ReadPlan]) -> None:
        """Ask `plan_source` for the plan when it is first needed, and again after `plan` was set to None."""
        self._plan_source = plan_source
        self.plan = None

    @property
    def plan(self) -> ReadPlan | None:
        """The plan in use; None: `plan_source` is asked at the next call."""
        return self._chosen[0]

    @plan.setter
    def plan(self, plan: ReadPlan | None) -> None:
        # A new list each time: a plan that was asked for before this comes back to the old one.
        self._chosen = [plan]

    def load(
        self,
        file: Any,
        *more: Never,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterable[object] | None = None,
    ) -> Any:
        """Read one pickle from `file` and nothing behind it. Arguments and errors are those of Unpickler."""
        if more:
            raise positional("load", more)
        plan = self._current_plan()
        if plan.stores is None:
            return _machine(b"", FileSource(file), plan, fix_imports, encoding, errors, buffers).run(LOAD)
        lookahead = Lookahead(file)
        lookahead.record()
        ids, offsets = Walker(plan).ids_of(b"", FileSource(lookahead))
        lookahead.rewind()
        machine = _machine(b"", FileSource(lookahead), plan, fix_imports, encoding, errors, buffers)
        return _load_with(plan.stores.begin_load(ids, offsets, None, True), machine)

    def loads(
        self,
        data: Any,
        /,
        *more: Never,
        fix_imports: bool = True,
        encoding: str = "ASCII",
        errors: str = "strict",
        buffers: Iterable[object] | None = None,
    ) -> Any:
        """Read one pickle from a contiguous buffer; bytes behind it are ignored.

        Arguments and errors are those of Unpickler; TypeError for what is no buffer.
        """
        if more:
            raise positional("loads", more)
        plan = self._current_plan()
        if type(data) is not bytes:
            try:
                view = lent(data)
            except TypeError as refused:
                no_buffer(refused, data)
                raise
            with view:
                if plan.stores is None:
                    lending = _machine(
                        view, None, plan, fix_imports, encoding, errors, buffers, kind=LentMachine
                    )
                    return lending.run(LOAD_LENT)
                data = bytes(view)  # what the stores are asked about is what is read
                return self.loads(
                    data, fix_imports=fix_imports, encoding=encoding, errors=errors, buffers=buffers
                )
        machine = _machine(data, None, plan, fix_imports, encoding, errors, buffers)
        if plan.stores is None or not may_refer(data):
            return machine.run(LOAD)
        ids, offsets = Walker(plan).ids_of(data, None)
        return _load_with(plan.stores.begin_load(ids, offsets, None, True), machine)

    def __call__(self) -> ReadPlan:
        """The plan in use: this is a source of plans, too."""
        return self._current_plan()

    def _current_plan(self) -> ReadPlan:
        # Meanwhile `plan` may be set, by another thread: that has to hold, and the answer only for this call.
        chosen = self._chosen
        plan = chosen[0]
        if plan is None:
            chosen[0] = plan = self._plan_source()
        return plan


for _method in (Loader.load, Loader.loads):  # so are errors of arguments worded: loads() missing …
    _method.__qualname__ = _method.__name__
del _method


def _load_with(stored: StoreLoad, machine: Machine) -> Any:
    succeeded = False
    try:
        machine.persistent_load = stored.resolve
        result = machine.run(LOAD)
        succeeded = True
        return result
    finally:
        stored.close(succeeded)


def _machine(
    data: Any,
    source: FileSource | None,
    plan: ReadPlan,
    fix_imports: bool,
    encoding: str,
    errors: str,
    buffers: Iterable[object] | None,
    *,
    kind: type[Machine] = Machine,
) -> Machine:
    for name, value in (("encoding", encoding), ("errors", errors)):
        if not isinstance(value, str):
            raise TypeError(f"argument {name!r} must be str, not {type(value).__name__}")
    iterator: Iterator[object] | None = None if buffers is None else iter(buffers)
    return kind(data, source, plan, fix_imports, encoding, errors, iterator)
