"""Every allocation fails once: no crash, nothing left behind, and the next dump or load is in order."""

from __future__ import annotations

import collections
import copyreg
import gc
import io
import pickle
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import graphs
import pytest
from engines import Wire
from failing_memory import without_memory
from shapes import shape
from user_code import sabotaged

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
            nonlocal dumped
            pickler.dump(graph)
            dumped = True
            pickler.clear_memo()  # so that it can be told from one that failed

        pickler: object = None
        dumped = False
        prepare()
        first = wire.dumps(FIRST, 4)
        pickler.dump(graph)
        expected = file.taken
        pickler = None
        gc.collect()
        counts = [sys.getrefcount(obj) for obj in (*graph, *graph[0], FIRST, FIRST[1])]
        for _ in without_memory(prepare):
            remembered = bool(pickler.memo.copy())
            before, file.taken = file.taken, b""
            pickler.dump(graph)
            if dumped and remembered:
                # clear_memo() had no memory: what was written counts, to the last object.
                assert before == expected
                assert file.taken == b"\x80\x04h%c." % pickler.memo.copy()[id(graph)][0]
            elif remembered:
                assert pickle_of(file.taken, expected)
            # Who reads one after the other reads on, whatever failed in between.
            streams = io.BytesIO(
                (first if remembered else b"") + (before if dumped and remembered else b"") + file.taken
            )
            unpickler = pickle.Unpickler(streams)
            while streams.tell() < len(streams.getvalue()):
                made = unpickler.load()
            assert shape(made) == shape(graph)
            dumped = False
        pickler = None
        gc.collect()
        assert counts == [sys.getrefcount(obj) for obj in (*graph, *graph[0], FIRST, FIRST[1])]

    def test_a_dump_that_is_in_the_file_does_not_fail(self, wire: Wire):
        """Its objects are in the memo of who reads on: there, those of the next dump come behind them."""
        graph = [[number] for number in range(20)]
        for again in (False, True):
            file = Sink()

            def prepare(file: Sink = file, again: bool = again) -> Callable[[], object]:
                nonlocal pickler
                pickler = wire.Pickler(file, 4)
                if again:
                    pickler.dump(FIRST)
                file.taken = b""
                return lambda: pickler.dump(graph)

            pickler: object = None
            for _ in without_memory(prepare):
                assert file.taken == b"" or id(graph) in pickler.memo.copy()

    def test_has_the_memo_that_it_had_where_another_was_to_be_set(self, wire: Wire):
        file = Sink()
        many = {number: (number, [number]) for number in range(200)}

        def prepare() -> Callable[[], object]:
            nonlocal pickler
            pickler = wire.Pickler(file, 4)
            pickler.dump(FIRST)
            return lambda: setattr(pickler, "memo", many)

        pickler: object = None
        for _ in without_memory(prepare):
            memo = pickler.memo.copy()
            assert memo.keys() == {id(obj) for _, obj in many.values()} or id(FIRST) in memo
            file.taken = b""
            pickler.dump([FIRST, many[7][1]])
            assert (b"h\x07" in file.taken) != (b"h\x00" in file.taken)

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


class Seen:
    """Something whose end is user code. Each one that is left is a reference to this class."""

    def __del__(self) -> None:
        pass


class Made:
    """An object each of whose parts is made for the dump, and goes with it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __reduce_ex__(self, protocol: int) -> Any:
        if self.kind == "arguments":
            return list, ((Seen(), [Seen()]),)
        if self.kind == "state":
            return Made, ("state",), {"a": Seen(), "b": [Seen()]}
        if self.kind == "items":
            return list, (), None, iter([Seen(), [Seen()], Seen()])
        if self.kind == "pairs":
            return dict, (), None, None, iter([("a", Seen()), ("b", [Seen()]), ("c", 1)])
        if self.kind == "name":
            return "".join(["F", "IRST"])
        return copyreg.__newobj__, (Made, Seen(), [Seen()]), Seen()


class Asked:
    def __getnewargs__(self) -> Any:
        return Seen(), [Seen()], 1, "two"


class Stated:
    def __getstate__(self) -> Any:
        return {"a": Seen(), "b": [Seen()]}


class Named(NamedTuple):
    first: object
    second: object


class Slots:
    __slots__ = ("a", "b")


def of_every_kind() -> list[Any]:
    """Objects of which the writer holds something while it writes them."""
    made: list[Any] = [Made(k) for k in ("arguments", "state", "items", "pairs", "newobj")]
    made += [Asked(), Stated(), graphs.IntChild(5), graphs.StrChild("five"), graphs.BytesChild(b"f")]
    made += [
        graphs.ListChild([[1], 2, [3]]),
        graphs.DictChild({"a": [1], "b": 2, "c": [3]}),
        graphs.StrChild(""),
    ]
    made += [Named([1], Seen()), collections.deque([[1], Seen()], 5), collections.defaultdict(list, a=[1])]
    made += [collections.OrderedDict(a=1, b=Seen()), graphs.FloatChild(1.5), graphs.TupleChild(([1], 2))]
    made.append(Slots())
    made[-1].a, made[-1].b = Seen(), [1]
    for number, obj in enumerate(made):
        if hasattr(obj, "__dict__") and not isinstance(obj, (Made, Stated)):
            obj.number = [number]
    return made


class Counted:
    """How many references there are to what `graph` is made of, and to a class that is made in dumps."""

    def __init__(self, graph: list[Any]) -> None:
        self.parts = [Seen, graph, graph[0], getattr(graph[0], "__dict__", graph)]
        self.parts += [part for part in gc.get_referents(graph[0]) if gc.is_tracked(part)]

    def __call__(self) -> list[int]:
        gc.collect()
        return [sys.getrefcount(part) for part in self.parts]


class Failing:
    """Code that fails when it is called for the time of that number."""

    def __init__(self, place: int) -> None:
        self.left = place

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise LookupError


class TestWhatTheWriterHolds:
    @pytest.mark.parametrize("protocol", [2, 4])
    @pytest.mark.parametrize("kind", range(len(of_every_kind())))
    def test_is_given_back(self, wire: Wire, kind: int, protocol: int):
        """A state, arguments, an item in advance: whatever was taken out of its place when memory ran out."""
        graph = [of_every_kind()[kind], 1]
        counted = Counted(graph)
        before = counted()
        for _ in without_memory(lambda: lambda: wire.dumps(graph, protocol)):
            pass
        assert counted() == before

    @pytest.mark.parametrize("protocol", [2, 4])
    @pytest.mark.parametrize("kind", range(len(of_every_kind())))
    def test_is_given_back_wherever_user_code_fails(self, wire: Wire, kind: int, protocol: int):
        graph = [of_every_kind()[kind], 1]
        wire.dumps(graph, protocol)
        counted = Counted(graph)
        before = counted()
        done = False
        place = 0
        while not done:
            sabotaged(Failing(place))
            try:
                wire.dumps(graph, protocol)
                done = True
            except LookupError:
                place += 1
            finally:
                sabotaged(None)
        assert counted() == before


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
