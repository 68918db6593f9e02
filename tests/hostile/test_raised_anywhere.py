"""An exception at any call within a load or dump, as a signal's handler raises one: all is as before."""

from __future__ import annotations

import contextlib
import gc
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from types import FrameType

import graphs
import pytest
from engines import Wire
from user_code import exposed

# Some of it is raised where a generator ends, which nobody can catch.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Stop(BaseException):
    """What a handler raises."""


def stopped_anywhere(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` again and again, and raise Stop at the first event that a profile function sees in it, at
    the second and so on, until there are no more. Comes back after each of these calls.
    """
    last = 0
    while True:
        last += 1
        left = last

        def look(frame: FrameType, event: str, argument: object) -> None:
            nonlocal left
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
        for _ in stopped_anywhere(lambda pickler=pickler: pickler.dump([kept, GRAPH])):
            if len(pickler.memo.copy()) == len(before):  # else it was over
                assert pickler.memo.copy() == before
            pickler.dump([])
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
