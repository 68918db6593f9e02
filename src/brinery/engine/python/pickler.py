"""Pickler and Dumper: what is constructed, subclassed and called."""

from __future__ import annotations

# Not for type checkers only: typing.get_type_hints() looks these names up here.
from collections.abc import Callable
from typing import Any, Protocol

from brinery.engine.explaining import no_writer
from brinery.engine.hooks import put_in_place
from brinery.engine.protocol import choose_protocol
from brinery.engine.python.turns import TAKEN, Turn
from brinery.engine.python.writing.memo import Memo
from brinery.engine.python.writing.writer import UNSET, Writer
from brinery.errors import WriteError
from brinery.plan import WritePlan

BufferCallback = Callable[[Any], object] | None

__all__ = ["Dumper", "Pickler"]


class Pickler:
    """Writes objects to `file`, one after another, sharing one memo.

    `file` needs a ``write`` method that takes bytes. `protocol` is 0 to 5, None for the default, negative
    for the highest. `fix_imports` gives globals their Python 2 names below protocol 3. `buffer_callback`
    takes each PickleBuffer, and a false result leaves it out of the stream (PEP 574); it needs protocol 5.
    `bin` is the spelling of before Python 2.3: true for protocol 1, false for 0.

    Subclasses and instances may set ``persistent_id``, ``reducer_override`` and ``dispatch_table``.

    Raises TypeError for a file that cannot be written to, ValueError for a protocol that does not exist or
    that cannot carry what was asked for, and RuntimeError while this Pickler is dumping.
    """

    #: Gives the plan when a Pickler is constructed.
    _plan_source: Callable[[], WritePlan] = staticmethod(WritePlan)
    # Named so that no subclass's own can be meant: C pickle's Pickler has no attributes that could collide.
    # The class has none of them: a subclass may have forgotten to call __init__.
    _brinery_turn: Turn | None = None
    _brinery_memo: Memo

    def __init__(
        self,
        file: Any,
        protocol: int | None = None,
        fix_imports: bool = True,
        buffer_callback: BufferCallback = None,
        *,
        bin: object = None,
    ) -> None:
        if self._brinery_turn:
            raise RuntimeError("this Pickler is dumping; it cannot be initialised again before that ends")
        self._brinery_plan = self._plan_source()
        self._brinery_protocol = choose_protocol(protocol, bin)
        self._brinery_write = _write_method(file)
        self._brinery_fix_imports = bool(fix_imports)
        self._brinery_buffer_callback = _checked(buffer_callback, self._brinery_protocol)
        self._brinery_memo = Memo()
        self._brinery_turn = {}
        self.bin = int(self._brinery_protocol > 0)
        #: Without a memo: shared objects are written again, and recursive ones raise ValueError.
        self.fast: int | bool = 0

    def dump(self, obj: object, /) -> None:
        """Write `obj`. Where that fails, the memo is as it was before.

        Raises PicklingError, or what an object's own code raised, with the path to the object on it (see
        :mod:`brinery.errors`); RuntimeError while another dump of this Pickler is under way.
        """
        turn = self._brinery_initialised()
        me: list[object] = []
        try:
            if turn.setdefault(TAKEN, me) is not me:
                raise RuntimeError("this Pickler is dumping already: use one Pickler per dump and per thread")
            writer = Writer(
                self._brinery_plan,
                self._brinery_memo,
                self._brinery_protocol,
                self._brinery_fix_imports,
                self._brinery_buffer_callback,
                self._brinery_write,
            )
            writer.fast = bool(self.fast)
            persistent_id = self.persistent_id
            if getattr(persistent_id, "__func__", None) is not Pickler.persistent_id:
                writer.persistent_id = put_in_place(persistent_id)
            writer.reducer_override = getattr(self, "reducer_override", UNSET)
            writer.dispatch_table = getattr(self, "dispatch_table", UNSET)
            writer.dump(obj)
        finally:
            if TAKEN in turn and turn[TAKEN] is me:
                del turn[TAKEN]

    def persistent_id(self, obj: object, /) -> Any:
        """What to write in the place of `obj`; None for `obj` itself. For subclasses to override."""
        return None

    def clear_memo(self) -> None:
        """Forget which objects were written, so that the next dump stands alone."""
        self._brinery_set_memo(Memo())

    @property
    def memo(self) -> MemoProxy:
        """Which objects the stream holds: with ``clear()`` and ``copy()``; another Pickler's may be set."""
        return MemoProxy(self)

    @memo.setter
    def memo(self, memo: MemoProxy | dict[int, tuple[int, object]]) -> None:
        if isinstance(memo, MemoProxy):
            memo = memo.copy()
        if not isinstance(memo, dict):
            raise TypeError(f"'memo' attribute must be a Pickler's memo or a dict, not {type(memo).__name__}")
        self._brinery_set_memo(Memo.of(memo))

    def _brinery_set_memo(self, memo: Memo) -> None:
        if self._brinery_initialised():
            raise RuntimeError("this Pickler is dumping; its memo cannot be changed before that ends")
        self._brinery_memo = memo

    def _brinery_initialised(self) -> Turn:
        if self._brinery_turn is None:
            raise WriteError(f"Pickler.__init__() was not called by {type(self).__name__}.__init__()")
        return self._brinery_turn


class MemoProxy:
    """A Pickler's memo, as its attribute ``memo`` shows it."""

    __slots__ = ("_pickler",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, pickler: Pickler) -> None:
        self._pickler = pickler

    def clear(self) -> None:
        """Forget all objects."""
        self._pickler.clear_memo()

    def copy(self) -> dict[int, tuple[int, object]]:
        """``{id: (index, object)}``."""
        self._pickler._brinery_initialised()
        return self._pickler._brinery_memo.copy()

    def __reduce__(self) -> tuple[type, tuple[object]]:
        return dict, (self.copy(),)


class Writable(Protocol):
    """What is written to, such as a file that was opened for bytes."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""


class Dumper:
    """``dump`` and ``dumps`` around one plan.

    `plan_source` gives the plan at first use. Setting ``plan`` to another plan, or to None to have
    `plan_source` asked again, counts from the next call on. `checked` stands in for ``dumps`` where a caller
    asks for a check: ``checked(obj, protocol, fix_imports, buffer_callback)``.
    """

    def __init__(
        self,
        plan_source: Callable[[], WritePlan],
        checked: Callable[[object, int, bool, BufferCallback], bytes] | None = None,
    ) -> None:
        self._plan_source = plan_source
        self._checked = checked
        self.plan = None

    @property
    def plan(self) -> WritePlan | None:
        """The plan in use; None: `plan_source` is asked at the next call."""
        return self._chosen[0]

    @plan.setter
    def plan(self, plan: WritePlan | None) -> None:
        # A new list each time: a plan that was asked for before this comes back to the old one (_ask_plan).
        self._chosen = [plan]

    def dump(
        self,
        obj: object,
        file: Writable,
        protocol: int | None = None,
        *,
        fix_imports: bool = True,
        buffer_callback: BufferCallback = None,
        bin: object = None,
        check: bool = False,
    ) -> None:
        """Write `obj` to `file`, as ``Pickler(file, …).dump(obj)`` does; with `check`, what survived it."""
        protocol = choose_protocol(protocol, bin)
        write = _write_method(file)
        callback = _checked(buffer_callback, protocol)
        if check and self._checked is not None:
            write(self._checked(obj, protocol, bool(fix_imports), callback))
            return
        plan = self._chosen[0] or self._ask_plan()
        Writer(plan, Memo(), protocol, fix_imports, callback, write).dump(obj)

    def dumps(
        self,
        obj: object,
        protocol: int | None = None,
        *,
        fix_imports: bool = True,
        buffer_callback: BufferCallback = None,
        bin: object = None,
        check: bool = False,
    ) -> bytes:
        """The bytes that :meth:`dump` would write; with `check`, read back and compared."""
        protocol = choose_protocol(protocol, bin)
        callback = _checked(buffer_callback, protocol)
        if check and self._checked is not None:
            return self._checked(obj, protocol, bool(fix_imports), callback)
        plan = self._chosen[0] or self._ask_plan()
        return Writer(plan, Memo(), protocol, fix_imports, callback).dump(obj)

    def __call__(self) -> WritePlan:
        """The plan in use: this is a source of plans, too."""
        return self._chosen[0] or self._ask_plan()

    def _ask_plan(self) -> WritePlan:
        # Meanwhile `plan` may be set, by another thread: that has to hold, and the answer only for this call.
        chosen = self._chosen
        chosen[0] = plan = self._plan_source()
        return plan


for _method in (Dumper.dump, Dumper.dumps):  # so are errors of arguments worded: dumps() missing …
    _method.__qualname__ = _method.__name__
del _method


def _write_method(file: Any) -> Callable[[Any], object]:
    try:
        return file.write  # type: ignore[no-any-return]
    except AttributeError:
        raise no_writer(file) from None


def _checked(buffer_callback: BufferCallback, protocol: int) -> BufferCallback:
    if buffer_callback is not None and protocol < 5:
        raise ValueError("buffer_callback needs protocol >= 5")
    return buffer_callback
