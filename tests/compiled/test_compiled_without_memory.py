"""Every allocation fails once: no crash, nothing left behind, and the next dump or load is in order."""

from __future__ import annotations

import gc
import io
import pickle
import sys
from collections.abc import Callable

import graphs
import pytest
from engines import Wire
from failing_memory import without_memory

pytest.importorskip("brinery.engine.compiled.writing")
# A generator that ends without memory tells nobody.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def wire() -> Wire:
    """Only the compiled engine, and protocols at which it runs little Python code: what becomes of that
    without memory is the interpreter's to answer for.
    """
    return Wire("compiled")


FIRST = ["what", ("an", "earlier"), "dump", [b"wrote"]]


def instances(depth: int) -> list[object]:
    """Instances within instances, with attributes, and a few other things."""
    made: list[object] = []
    inner: object = None
    for number in range(depth):
        outer = graphs.Plain()
        outer.name, outer.value = f"the {number}th", [inner, 1.5 * number]  # type: ignore[attr-defined]
        made.append(outer)
        inner = outer
    return made


class Sink:
    """A file that takes all, and is emptied by hand."""

    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: bytes) -> int:
        self.taken = bytes(data) if not self.taken else self.taken + bytes(data)
        return len(data)


class TestAPickler:
    def test_is_as_it_was_before_the_dump_that_failed(self, wire: Wire):
        graph = [instances(3), {"key": (1, FIRST)}, FIRST]
        file = Sink()

        def prepare() -> Callable[[], object]:
            nonlocal pickler
            pickler = wire.Pickler(file, 4)
            pickler.dump(FIRST)
            file.taken = b""
            return dump_once_more

        def dump_once_more() -> None:
            pickler.dump(graph)
            pickler.clear_memo()  # so that it can be told from one that failed

        pickler: object = None
        prepare()
        pickler.dump(graph)
        expected = file.taken
        pickler = None
        gc.collect()
        counts = [sys.getrefcount(obj) for obj in (*graph, *graph[0], FIRST, FIRST[1])]
        for _ in without_memory(prepare):
            written = bool(pickler.memo.copy())
            file.taken = b""
            pickler.dump(graph)
            # Where clear_memo() itself had no memory, all is in the memo still, and one GET is written.
            if written and not (len(file.taken) < 8 and file.taken[2:3] in b"hj"):
                assert pickle_of(file.taken, expected)
            pickler.memo.copy()
        pickler = None
        gc.collect()
        assert counts == [sys.getrefcount(obj) for obj in (*graph, *graph[0], FIRST, FIRST[1])]

    @pytest.mark.parametrize("what", ["clear_memo", "memo", "__init__"])
    def test_can_be_used_when_forgetting_failed(self, wire: Wire, what: str):
        file = Sink()
        # A memo of that size is not kept, but one that is set has each object looked at.
        many = [[number] for number in range(3 if what == "memo" else 1400)]

        def prepare() -> Callable[[], object]:
            nonlocal pickler
            pickler = wire.Pickler(file, 4)
            pickler.dump(many)
            before = pickler.memo.copy()
            file.taken = b""
            acts = {
                "clear_memo": pickler.clear_memo,
                "memo": lambda: setattr(pickler, "memo", before),
                "__init__": lambda: pickler.__init__(file, 4),
            }
            return acts[what]

        pickler: object = None
        for _ in without_memory(prepare):
            pickler.dump([many[1], many])
            memo = pickler.memo.copy()
            assert memo[id(many[1])][1] is many[1]


def pickle_of(written: bytes, expected: bytes) -> bool:
    """Whether that was written, or, where there was no memory for the memo as it was, all of it anew."""
    return written == expected or b"earlier" in written


class TestDumps:
    @pytest.mark.parametrize("protocol", [2, 5])
    def test_is_in_order_the_next_time(self, wire: Wire, protocol: int):
        graph = [instances(3), {"key": (1, FIRST), 2: 1.5}, "x" * 100, 1 << 70, len]
        expected = pickle.dumps(graph, protocol)
        for _ in without_memory(lambda: lambda: wire.dumps(graph, protocol)):
            assert wire.dumps(graph, protocol) == expected


class TestALoad:
    @pytest.mark.skipif(
        sys.version_info[:2] == (3, 13),
        reason="3.13.0 crashes where it has no memory for a frame of Python code",
    )
    @pytest.mark.parametrize("protocol", [4, 5])
    def test_is_in_order_the_next_time(self, wire: Wire, protocol: int):
        # As deep as no load before, so that the marks need more room than there is.
        data = pickle.dumps(nested(40), protocol)
        depth = 40

        def prepare() -> Callable[[], object]:
            nonlocal unpickler
            unpickler = wire.Unpickler(io.BytesIO(data))
            return unpickler.load

        unpickler: object = None
        for _ in without_memory(prepare):
            unpickler.memo.copy()
            unpickler.__init__(io.BytesIO(data))
            assert depth_of(unpickler.load()) == depth
            for broken in (b"t.", b"0.", b"K\x01e."):
                with pytest.raises(pickle.UnpicklingError):
                    wire.loads(broken)

    def test_keeps_its_stack_usable(self, wire: Wire):
        """A stack that was large is given back, and there may be no memory for a small one."""
        data = b"\x80\x04(" + b"K\x01" * 66_000 + b"t."
        for _ in without_memory(lambda: lambda: wire.loads(data)):
            assert wire.loads(b"(K\x01K\x02t.") == (1, 2)
            assert wire.loads(data)[-1] == 1

    def test_keeps_the_memo_that_could_not_be_replaced(self, wire: Wire):
        replacement = {index: f"text {index}" for index in (*range(300), 10**9, 10**10)}

        def prepare() -> Callable[[], object]:
            nonlocal unpickler
            unpickler = wire.Unpickler(io.BytesIO(b"K\x01q\x00.h\x00."))
            unpickler.load()
            return lambda: setattr(unpickler, "memo", replacement)

        unpickler: object = None
        for _ in without_memory(prepare):
            assert unpickler.memo.copy() in ({0: 1}, replacement)
            assert unpickler.load() in (1, "text 0")


def nested(depth: int) -> object:
    """Instances, each an attribute of the next."""
    made: object = None
    for number in range(depth):
        outer = graphs.Plain()
        outer.inner, outer.number = made, number  # type: ignore[attr-defined]
        made = outer
    return made


def depth_of(made: object) -> int:
    """How deep they are."""
    depth = 0
    while made is not None:
        made, depth = made.inner, depth + 1  # type: ignore[attr-defined]
    return depth
