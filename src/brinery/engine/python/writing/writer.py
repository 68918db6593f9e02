"""One dump: the order in which the way of an object is decided, and the loop that takes it."""

from __future__ import annotations

import copyreg
from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any

from brinery import refusals
from brinery.cpython import NOTES_FOR_LEVELS
from brinery.engine.explaining import on_writing
from brinery.engine.levels import REDUCER, notes, ruling_of
from brinery.engine.paths import place_of
from brinery.engine.python.writing.containers import CONTAINERS, TUPLE_OF
from brinery.engine.python.writing.failures import NO_PART, chain_of
from brinery.engine.python.writing.leaves import ATOMS, MEMOIZED
from brinery.engine.python.writing.memo import get_opcode, put_opcode
from brinery.engine.python.writing.output import Output
from brinery.engine.python.writing.reducing import write_global, write_reduced, write_type
from brinery.engine.runaways import FIRST_CHECK, check_depth
from brinery.errors import locate_writing
from brinery.plan import AtProtocol, PerDump
from brinery.stream.opcodes import codes
from brinery.stream.text import encode_persistent_id, is_short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from brinery.engine.python.writing.memo import Memo
    from brinery.plan import StoreDump, WritePlan

    #: Writes an object piece by piece; what it yields is written before it goes on.
    Steps = Iterator[Iterable[object]]
    #: An object that is being written, its steps, and those of its parts that are still to be written.
    Level = tuple[object, Steps, Iterator[object]]

__all__ = ["UNSET", "Writer"]

PROTO, STOP, PERSID, BINPERSID, MEMOIZE = codes("PROTO", "STOP", "PERSID", "BINPERSID", "MEMOIZE")

#: Stands for a hook that the Pickler does not have: None would be called, and fail, as in C pickle.
UNSET: Any = object()


class Writer(Output):
    """One dump under way: its options, its memo and its output."""

    __slots__ = (
        "_objects",
        "_open_containers",
        "_per_dump",
        "buffer_callback",
        "containers",
        "dispatch_table",
        "fast",
        "fix_imports",
        "indexes",
        "memo",
        "persistent_id",
        "plan",
        "protocol",
        "reducer_override",
        "ruled",
        "stored",
    )

    def __init__(
        self,
        plan: WritePlan,
        memo: Memo,
        protocol: int,
        fix_imports: bool,
        buffer_callback: Callable[[Any], object] | None,
        write: Callable[[Any], object] | None = None,
    ) -> None:
        super().__init__(protocol, write)
        self.plan = plan
        self.memo = memo
        self.indexes = memo.indexes
        self._objects = memo.objects
        self.protocol = protocol
        self.fix_imports = fix_imports
        self.buffer_callback = buffer_callback
        #: What the bound stores gave for this dump.
        self.stored: StoreDump | None = None
        self._open_containers: set[int] = set()
        #: The functions that each PerDump gave for this dump.
        self._per_dump: dict[PerDump, Callable[[Any], object]] = {}
        self.containers = CONTAINERS[protocol]
        # What a Pickler may add:
        self.fast = False
        self.persistent_id: Callable[[object], object] | None = None
        self.reducer_override: Callable[[object], object] = UNSET
        #: The object that a plugin's function was asked about last, and which: see levels.Ruling.
        self.ruled: tuple[object, int] = (UNSET, 0)
        self.dispatch_table: Any = UNSET

    def dump(self, root: object) -> bytes:
        """Write the whole stream. Returns its bytes, or none where they went to a file.

        Where that fails, the memo is as it was before, and the exception says which object it was.
        """
        before = self.memo.state()
        try:
            self._write(root)
            if self.stored is None:
                return self.finish()
            return self.stored.finish(self.held_back()) or b""
        except BaseException as error:
            try:
                try:
                    self.memo.restore(before)
                finally:
                    self.memo.restore(before)  # again, for a signal's handler may have ended the first
            finally:
                if self.stored is not None:
                    self.stored.abort(error)
            raise

    def _write(self, root: object) -> None:
        if self.fast:
            refuse_cycle = Writer._refuse_cycle
            self.containers = self.containers | {list: refuse_cycle, dict: refuse_cycle}
        if self.protocol >= 2:
            self.begin(PROTO + self.protocol.to_bytes(1, "little"))
        self._run(root)
        self.buffer += STOP

    def _run(self, root: object) -> None:
        """Write `root` and all that it leads to.

        The one loop there is. Objects inside objects are levels of its list `around`, never of the
        interpreter's stack, so depth costs memory only.
        """
        buffer = self.buffer
        frame_limit = self.frame_limit
        indexes = self.indexes
        protocol = self.protocol
        atoms = ATOMS[protocol]
        memoized = MEMOIZED[protocol]
        containers = self.containers
        persistent_id = self.persistent_id
        depth_to_check = FIRST_CHECK
        objects_there = 0

        around: list[Level] = []
        parent: object = None
        steps: Steps = iter(())
        parts: Iterator[object] = iter((root,))
        failed: object = NO_PART
        try:
            while True:
                for obj in parts:
                    # Whether a part fails or what gives the parts: an error has to say which.
                    try:
                        if len(buffer) >= frame_limit:
                            self.end_frame()
                        if persistent_id is not None and (pid := persistent_id(obj)) is not None:
                            inner = self._write_persistent_id(pid)
                        elif (write_leaf := atoms.get(type(obj))) is not None:
                            write_leaf(self, obj)
                            continue
                        elif id(obj) in indexes:
                            buffer += get_opcode(indexes[id(obj)], protocol)
                            continue
                        elif (write_leaf := memoized.get(type(obj))) is not None:
                            write_leaf(self, obj)
                            continue
                        elif (write_container := containers.get(type(obj))) is not None:
                            inner = write_container(self, obj)
                        else:
                            inner = self._reduce(obj)
                    except BaseException:
                        failed = obj
                        raise
                    around.append((parent, steps, parts))
                    parent, steps = obj, inner
                    if len(around) >= depth_to_check:
                        objects_there = check_depth([owner for owner, _, _ in around], objects_there)
                        depth_to_check *= 2
                    break
                for more in steps:
                    parts = iter(more)
                    break
                else:
                    if len(around) <= 1:
                        return
                    parent, steps, parts = around.pop()
        except BaseException as exc:
            with suppress(Exception):  # where it happened must never hide what happened
                self._locate(exc, [*around[1:], (parent, steps, parts)] if around else [], failed)
            raise

    def _reduce(self, obj: object) -> Steps:
        """How an object is written that the format has no type for: the design's order of decisions."""
        cls = type(obj)
        rules = self.plan.rules
        rule = None if rules is None else rules.rule_for(cls)
        if rule is not None and rule.claim is not None:
            pid = rule.claim(obj, self.stored or self._begin_stored())
            if pid is not None:
                return self._write_claimed(obj, pid)
        if self.reducer_override is not UNSET:
            value = self.reducer_override(obj)
            if value is not NotImplemented:
                return write_reduced(self, obj, value)
        if rule is not None:
            for number, override in enumerate(rule.overrides):
                self.ruled = obj, number
                value = self._ask(override, obj)
                if value is not NotImplemented:
                    return write_reduced(self, obj, value)
            self.ruled = UNSET, 0
        if cls is type:
            return write_type(self, obj)  # type: ignore[arg-type]
        if cls is FunctionType:
            return write_global(self, obj)

        reduce: Any = UNSET
        if self.dispatch_table is not UNSET:
            with suppress(KeyError):
                reduce = self.dispatch_table[cls]
        elif rule is not None and rule.reduce is not None:
            reduce = rule.reduce
            self.ruled = obj, REDUCER
        else:
            reduce = copyreg.dispatch_table.get(cls, UNSET)
        if reduce is not UNSET:
            return write_reduced(self, obj, self._ask(reduce, obj))
        if issubclass(cls, type):
            return write_global(self, obj)
        reduce = getattr(obj, "__reduce_ex__", UNSET)
        if reduce is not UNSET:
            return write_reduced(self, obj, reduce(self.protocol))
        reduce = getattr(obj, "__reduce__", UNSET)
        if reduce is not UNSET:
            return write_reduced(self, obj, reduce())
        raise refusals.no_reduction(obj)

    def _ask(self, function: Any, obj: object) -> Any:
        if type(function) is AtProtocol:
            return function.function(obj, self.protocol)
        if type(function) is PerDump:
            if function not in self._per_dump:
                self._per_dump[function] = function.begin(self.protocol)
            return self._per_dump[function](obj)
        return function(obj)

    def _begin_stored(self) -> StoreDump | None:
        """The bound stores' part in this dump, which begins with the first object that one of them claims."""
        if self.plan.stores is not None:
            self.stored = self.plan.stores.begin_dump(self.protocol, self.to_file)
            self.to_file = self.stored.write
        return self.stored

    # The memo

    def memoize(self, obj: object) -> None:
        """Let what stands on the reader's stack, which is `obj`, be found again under the next index."""
        if not self.fast:
            # In place rather than in a method of Memo: this runs for almost every object.
            indexes = self.indexes
            indexes[id(obj)] = index = len(indexes)
            self._objects.append(obj)
            self.buffer += MEMOIZE if self.protocol >= 4 else put_opcode(index, self.protocol)

    def get(self, obj: object) -> None:
        """Write a memoized object."""
        self.buffer += get_opcode(self.indexes[id(obj)], self.protocol)

    # Persistent IDs

    def _write_persistent_id(self, pid: object) -> Steps:
        """In an object's place, its ID, for which persistent_id is not asked itself."""
        if self.protocol == 0:
            self.buffer += PERSID + encode_persistent_id(pid)
            return
        cls = type(pid)
        write_leaf = ATOMS[self.protocol].get(cls)
        if write_leaf is None and id(pid) in self.indexes:
            self.get(pid)
        else:
            write_leaf = write_leaf or MEMOIZED[self.protocol].get(cls)
            write_container = self.containers.get(cls)
            if write_leaf is not None:
                write_leaf(self, pid)
            elif write_container is not None:
                yield from write_container(self, pid)
            else:
                yield from self._reduce(pid)
        self.buffer += BINPERSID

    def _write_claimed(self, obj: object, pid: object) -> Steps:
        """An object that a store keeps: its ID, memoized so that every reader keeps the object's identity."""
        # Where persistent_id is, it is asked about the parts.
        if self.protocol >= 2 and self.persistent_id is None and is_short(pid):
            self._write_short_id(pid)
            self.buffer += BINPERSID
        else:
            yield from self._write_persistent_id(pid)
        self.memoize(obj)

    def _write_short_id(self, pid: Any) -> None:
        """A tuple of ints, texts and tuples, itself not memoized (see is_short)."""
        for part in pid:
            if type(part) is tuple:
                self._write_short_id(part)
            elif type(part) is int:
                ATOMS[self.protocol][int](self, part)
            elif id(part) in self.indexes:
                self.get(part)
            else:
                MEMOIZED[self.protocol][str](self, part)
        self.buffer += TUPLE_OF[len(pid)]

    # Failures

    def _refuse_cycle(self, obj: object) -> Steps:
        """In fast mode: without a memo, a list or dict inside itself would never end."""
        if id(obj) in self._open_containers:
            raise refusals.cyclic(obj)
        self._open_containers.add(id(obj))
        yield from CONTAINERS[self.protocol][type(obj)](self, obj)
        self._open_containers.remove(id(obj))

    def _locate(self, exc: BaseException, levels: list[Level], failed: object) -> None:
        """Say on `exc` which object it was: `failed`, a part of the last of `levels`, or NO_PART for that."""
        chain = chain_of(exc, levels, failed)
        path, type_name = place_of(chain)
        ruling = ruling_of(chain, path, self.ruled, self.reducer_override is self.dispatch_table is UNSET)
        locate_writing(
            exc, path, type_name, notes(chain) if NOTES_FOR_LEVELS else (), self.plan.hints, ruling
        )
        on_writing(exc, path, type_name)
