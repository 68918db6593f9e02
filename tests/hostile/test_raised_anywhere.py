"""An exception at any call within a load or dump, as a signal's handler raises one: all is as before."""

from __future__ import annotations

import contextlib
import gc
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import graphs
import pytest
from engines import Wire
from user_code import exposed

from brinery import engine
from brinery.plan import TypeRule, WritePlan

# Some of it is raised where a generator ends, which nobody can catch.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Stop(BaseException):
    """What a handler raises."""


def stopped_anywhere(act: Callable[[], object], but_in: tuple[str, ...] = ()) -> Iterator[None]:
    """Call `act` again and again, and raise Stop at the first event that a profile function sees in it, at
    the second and so on, until there are no more. Comes back after each of these calls. Nothing is raised in
    the functions `but_in`.
    """
    last = 0
    while True:
        last += 1
        left = last

        def look(frame: FrameType, event: str, argument: object) -> None:
            nonlocal left
            if frame.f_code.co_name not in but_in:
                left -= 1
                if left == 0:
                    raise Stop

        before = sys.getprofile()
        sys.setprofile(look)
        try:
            act()
        except Stop:
            pass
        finally:
            over, left = left > 0, 0
            sys.setprofile(before)
        assert gc.isenabled()
        assert exposed() == 0
        if over:
            return
        yield


class Reduced:
    def __reduce__(self) -> object:
        return Reduced, (), {"state": [1]}


GRAPH = [graphs.Plain(), Reduced(), {"key": (1, "two")}, Reduced(), len]


def test_a_dump_leaves_its_pickler_as_it_was(wire: Wire):
    kept = ["kept"]
    for protocol in (0, 4):
        file = io.BytesIO()
        pickler = wire.Pickler(file, protocol)
        pickler.dump(kept)
        before = pickler.memo.copy()

        def dump(pickler: Any = pickler, file: io.BytesIO = file) -> None:
            file.seek(0)
            file.truncate()
            pickler.dump([kept, GRAPH])

        for _ in stopped_anywhere(dump):
            if not file.getvalue().endswith(b"."):  # else it was over, and the file has it
                assert pickler.memo.copy() == before
            pickler.dump([])
            pickler.clear_memo()
            pickler.dump(kept)
            before = pickler.memo.copy()
        file.seek(0)
        file.truncate()
        pickler.dump(kept)
        assert file.getvalue() in (b"g0\n.", b"\x80\x04h\x00.")


def test_dumps_is_as_it_was(wire: Wire):
    expected = pickle.dumps(GRAPH)
    for _ in stopped_anywhere(lambda: wire.dumps(GRAPH)):
        assert wire.dumps(GRAPH) == expected


def test_a_load_leaves_its_unpickler_free(wire: Wire):
    data = pickle.dumps(GRAPH, 2)
    file = io.BytesIO(data)
    unpickler = wire.Unpickler(file)

    def load() -> None:
        file.seek(0)
        unpickler.load()

    for _ in stopped_anywhere(load):
        unpickler.__init__(io.BytesIO(b"K\x01."))
        assert unpickler.load() == 1
        unpickler.__init__(file)


def test_nothing_of_a_stopped_load_is_met_by_the_next(wire: Wire):
    class Peeks(io.BytesIO):
        def peek(self, size: int) -> bytes:
            at = self.tell()
            data = self.read()
            self.seek(at)
            return data

    # Its opcode FE fails; then the file is read up to there.
    for _ in stopped_anywhere(lambda: suppressed(wire.load, Peeks(b"\x80\x04(K\x01(K\x02\xfe..."))):
        for data in (b"t.", b"0.", b"K\x01e."):
            for load in (wire.loads, lambda data: wire.load(io.BytesIO(data))):
                try:
                    load(data)
                except pickle.UnpicklingError:
                    pass
                else:
                    raise AssertionError(f"{data!r} was read with what an earlier load had left")


def suppressed(function: Callable[[io.BytesIO], object], file: io.BytesIO) -> None:
    with contextlib.suppress(pickle.UnpicklingError):
        function(file)


class Refuses:
    def __reduce__(self) -> object:
        raise LookupError


class Stores:
    """The stores of a plan and their part in each dump, which counts how these end."""

    write = None
    begun = ended = 0

    def rule_for(self, cls: type) -> TypeRule | None:
        return TypeRule(claim=lambda obj, dump: "id") if cls is graphs.Plain else None

    def epoch(self) -> int:
        return 1

    def begin_dump(self, *_: object) -> Stores:
        self.begun += 1
        return self

    def finish(self, rest: bytes) -> bytes:
        self.ended += 1
        return rest

    def abort(self, error: BaseException) -> None:
        self.ended += 1


@pytest.mark.parametrize("last", [1, Refuses()])
def test_a_dump_of_stores_is_ended(wire: Wire, last: object):
    stores = Stores()
    plan = WritePlan(rules=stores, stores=stores)  # type: ignore[arg-type]
    dumper = engine.get(wire.name).Dumper(lambda: plan)

    def dump() -> None:
        with contextlib.suppress(LookupError):
            dumper.dumps([graphs.Plain(), last])

    for _ in stopped_anywhere(dump, but_in=("begin_dump", "finish", "abort")):
        assert stores.ended == stores.begun
    assert stores.begun


def test_a_dump_that_fails_anyhow_leaves_the_memo(wire: Wire):
    kept = ["kept"]
    pickler = wire.Pickler(io.BytesIO(), 4)
    pickler.dump(kept)
    before = pickler.memo.copy()

    def dump() -> None:
        with contextlib.suppress(LookupError):
            pickler.dump([kept, [1], (2, [3]), Refuses()])

    for _ in stopped_anywhere(dump):
        assert pickler.memo.copy() == before
