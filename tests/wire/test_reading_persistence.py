"""Persistent IDs: persistent_load in all its forms, and stores that are asked once for a whole stream."""

from __future__ import annotations

import contextlib
import io
import pickle
import pickletools
from collections.abc import Sequence
from typing import Any

import pytest
from engines import PLAIN_READ, Wire
from readings import FILES, ReadOnlyFile

from brinery import engine


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


IDS = b"(Pone\n" + text("two") + b"QK\x03Ql."


class TestPersistentLoad:
    def test_it_may_be_a_method(self, wire: Wire):
        class Mine(wire.Unpickler):
            def persistent_load(self, pid):
                return ["loaded", pid]

        assert Mine(io.BytesIO(IDS)).load() == [["loaded", "one"], ["loaded", "two"], ["loaded", 3]]

    def test_it_may_be_assigned(self, wire: Wire):
        unpickler = wire.Unpickler(io.BytesIO(IDS))
        unpickler.persistent_load = repr
        assert unpickler.load() == ["'one'", "'two'", "3"]

    def test_a_list_collects_the_ids_and_they_stand_for_the_objects(self, wire: Wire):
        unpickler = wire.Unpickler(io.BytesIO(IDS))
        unpickler.persistent_load = ids = []
        assert unpickler.load() == ["one", "two", 3]
        assert ids == ["one", "two", 3]

    def test_without_any_a_persistent_id_is_an_unpickling_error(self, wire: Wire):
        for stream in (b"Pone\n.", b"NQ."):
            with pytest.raises(pickle.UnpicklingError, match="no persistent_load function"):
                wire.loads(stream)
            with pytest.raises(pickle.UnpicklingError, match="no persistent_load function"):
                wire.Unpickler(io.BytesIO(stream)).load()

        class Deferring(wire.Unpickler):
            def persistent_load(self, pid):
                return super().persistent_load(pid)

        with pytest.raises(pickle.UnpicklingError, match="no persistent_load function"):
            Deferring(io.BytesIO(b"Pone\n.")).load()

    def test_at_protocol_0_an_id_is_ascii(self, wire: Wire):
        unpickler = wire.Unpickler(io.BytesIO(b"P\xe9\n."))
        unpickler.persistent_load = repr
        with pytest.raises(pickle.UnpicklingError, match="ASCII"):
            unpickler.load()

    def test_its_own_errors_pass(self, wire: Wire):
        def fail(pid):
            raise KeyError(pid)

        unpickler = wire.Unpickler(io.BytesIO(IDS))
        unpickler.persistent_load = fail
        with pytest.raises(KeyError, match="one"):
            unpickler.load()


class Stores:
    """Bound stores, as a load sees them; objects are pairs of "object" and the ID."""

    def __init__(self, first: str = "object") -> None:
        self.first = first
        self.asked: list[list[object]] = []
        self.offsets: list[list[int]] = []
        self.resolved: list[object] = []
        self.hooks: list[object] = []
        self.closed: list[bool] = []

    def begin_load(self, ids: Sequence[object], offsets: Sequence[int], find_class: Any, decided: bool, /):
        self.asked.append(list(ids))
        self.offsets.append(list(offsets))
        self.hooks.append((find_class, decided))
        return self

    def resolve(self, pid: object, /) -> object:
        self.resolved.append(pid)
        return (self.first, pid)

    def close(self, succeeded: bool, /) -> None:
        self.closed.append(succeeded)


@pytest.fixture
def stores() -> Stores:
    return Stores()


def loader(wire: Wire, stores: Stores):
    return engine.get(wire.name).Loader(lambda: PLAIN_READ._replace(stores=stores))


def unpickler(wire: Wire, stores: Stores, file: object):
    plan = PLAIN_READ._replace(stores=stores)
    return type("Mine", (engine.get(wire.name).Unpickler,), {"_plan_source": staticmethod(lambda: plan)})(
        file
    )


def offsets_of(stream: bytes) -> list[tuple[int, str]]:
    return [(offset, opcode.name) for opcode, _, offset in pickletools.genops(stream) if offset is not None]


def reference(name: str, key: bytes) -> bytes:
    return text(name) + key + b"\x86Q"


class TestStores:
    def test_they_are_told_of_all_ids_before_any_is_resolved(self, wire: Wire, stores: Stores):
        stream = (
            b"\x80\x02(" + reference("shop", b"K\x01") + b"Pshop:2\n" + reference("shop", b"K\x01") + b"l."
        )
        assert loader(wire, stores).loads(stream) == [
            ("object", ("shop", 1)),
            ("object", "shop:2"),
            ("object", ("shop", 1)),
        ]
        assert stores.asked == [[("shop", 1), "shop:2", ("shop", 1)]]

    def test_ids_inside_of_objects_are_found_without_making_any(self, wire: Wire, stores: Stores):
        stream = b"ccollections\nOrderedDict\n)R" + text("k") + reference("shop", b"K\x07") + b"s."
        assert loader(wire, stores).loads(stream) == {"k": ("object", ("shop", 7))}
        assert stores.asked == [[("shop", 7)]]

    @pytest.mark.parametrize("make", FILES)
    def test_a_file_is_read_once_and_not_behind_stop(self, wire: Wire, stores: Stores, make):
        long = text("x" * 70_000) + b"0"
        stream = (
            b"\x80\x02(" + long + reference("shop", b"K\x01") + long + reference("shop", b"K\x02") + b"l."
        )
        file = make(stream + b"rest")
        assert loader(wire, stores).load(file) == [("object", ("shop", 1)), ("object", ("shop", 2))]
        assert stores.asked == [[("shop", 1), ("shop", 2)]]
        assert b"".join(iter(lambda: file.read(3), b"")) == b"rest"

    @pytest.mark.parametrize("make", FILES)
    def test_each_load_of_one_unpickler_asks_for_its_own(self, wire: Wire, stores: Stores, make):
        first = b"(" + text("shop") + b"q\x00K\x01\x86q\x01Q]q\x02l."
        second = b"(h\x01Qh\x00K\x02\x86Qh\x02l."
        third = b"\x80\x04\x95\x0d" + bytes(7) + b"(h\x00K\x03\x86Ql.N.XX"
        file = make(first + second + third + b"rest")
        mine = unpickler(wire, stores, file)
        one, two = mine.load(), mine.load()
        assert one == [("object", ("shop", 1)), []]
        assert two == [("object", ("shop", 1)), ("object", ("shop", 2)), []]
        assert two[-1] is one[-1]
        assert mine.load() == [("object", ("shop", 3))]
        assert mine.load() is None
        assert stores.asked == [[("shop", 1)], [("shop", 1), ("shop", 2)], [("shop", 3)], []]

    def test_a_memo_that_was_set_is_known_to_the_walk(self, wire: Wire, stores: Stores):
        mine = unpickler(wire, stores, io.BytesIO(b"h\x05K\x01\x86Q.h\x06Q."))
        mine.memo = {5: "shop", 6: ("shop", 9)}
        mine.load()
        mine.load()
        assert stores.asked == [[("shop", 1)], [("shop", 9)]]

    def test_objects_of_earlier_loads_are_not_touched_by_the_walk(self, wire: Wire, stores: Stores):
        mine = unpickler(wire, stores, io.BytesIO(b"]q\x00.h\x00K\x01a."))
        mine.load()
        assert mine.load() == [1]
        mine = unpickler(wire, stores, io.BytesIO(b"h\x00K\x01a."))
        mine.memo = {0: []}
        assert mine.load() == [1]

    def test_an_id_that_holds_an_object_is_resolved_without_having_been_announced(
        self, wire: Wire, stores: Stores
    ):
        key = b"cdatetime\ndate\n(M\xe8\x07K\x01K\x01tR"
        loaded = loader(wire, stores).loads(
            b"(" + reference("shop", key) + reference("shop", b"K\x01") + b"l."
        )
        assert stores.asked == [[("shop", 1)]]
        assert len(stores.resolved) == 2
        assert loaded[0][1][1].year == 2024

    def test_a_subclass_reaches_them_through_super(self, wire: Wire, stores: Stores):
        plan = PLAIN_READ._replace(stores=stores)

        class Mine(engine.get(wire.name).Unpickler):
            _plan_source = staticmethod(lambda: plan)

            def persistent_load(self, pid):
                return ["mine", super().persistent_load(pid)]

        assert Mine(io.BytesIO(b"K\x01Q.")).load() == ["mine", ("object", 1)]

    def test_they_are_told_where_each_id_is(self, wire: Wire, stores: Stores):
        stream = (
            b"\x80\x02(" + reference("shop", b"K\x01") + b"Pshop:2\n" + reference("shop", b"K\x03") + b"l."
        )
        expected = [offset for offset, opcode in offsets_of(stream) if "PERSID" in opcode]
        loader(wire, stores).loads(stream)
        loader(wire, stores).load(io.BytesIO(stream))
        mine = unpickler(wire, stores, io.BytesIO(stream * 2))
        mine.load()
        mine.load()
        framed = b"\x80\x04\x95" + (len(stream) - 2).to_bytes(8, "little") + stream[2:]
        loader(wire, stores).load(ReadOnlyFile(framed))
        assert stores.offsets == [expected] * 4 + [[offset + 9 for offset in expected]]

    def test_they_are_told_of_the_end_and_how_it_went(self, wire: Wire, stores: Stores):
        loader(wire, stores).loads(b"K\x01Q.")
        loader(wire, stores).load(io.BytesIO(b"K\x01Q."))
        unpickler(wire, stores, io.BytesIO(b"K\x01Q.")).load()
        assert stores.closed == [True] * 3
        for load in (
            loader(wire, stores).loads,
            lambda data: loader(wire, stores).load(io.BytesIO(data)),
            lambda data: unpickler(wire, stores, io.BytesIO(data)).load(),
        ):
            with pytest.raises(EOFError):
                load(b"K\x01Q")
        assert stores.closed == [True] * 3 + [False] * 3

    def test_a_stream_of_bytes_without_such_an_opcode_is_none_of_their_business(
        self, wire: Wire, stores: Stores
    ):
        assert loader(wire, stores).loads(b"K\x01.") == 1
        assert stores.asked == []

    def test_they_are_told_what_a_subclass_or_an_instance_put_in_place(self, wire: Wire, stores: Stores):
        unpickler(wire, stores, io.BytesIO(b"K\x01Q.")).load()
        assert stores.hooks.pop() == (None, True)
        mine = unpickler(wire, stores, io.BytesIO(b"K\x01Q."))
        mine.persistent_load = repr
        mine.load()
        assert stores.hooks.pop() == (None, False)
        mine = unpickler(wire, stores, io.BytesIO(b"K\x01Q."))
        mine.find_class = print
        mine.load()
        assert stores.hooks.pop() == (print, True)

    def test_a_malformed_stream_fails_as_it_would_without_them(self, wire: Wire, stores: Stores):
        for stream in (b"K\x01Q(K\x02", b"K\x01Q0.", b"\x80\x02K\x01QX\x05\x00\x00\x00a", b"K\x01Q\xff."):
            plain = wire.Unpickler(io.BytesIO(stream))
            plain.persistent_load = repr
            with pytest.raises(Exception) as expected:  # noqa: PT011
                plain.load()
            for load in (
                loader(wire, stores).loads,
                lambda data: loader(wire, stores).load(io.BytesIO(data)),
            ):
                with pytest.raises(type(expected.value)):
                    load(stream)

    def test_an_error_of_the_load_comes_before_what_the_walk_met_behind_it(self, wire: Wire, stores: Stores):
        with pytest.raises(ModuleNotFoundError):
            loader(wire, stores).loads(b"K\x01Qcno_such_module\nname\n(K")
        assert stores.asked == [[1]]

    def test_buffers_are_left_for_the_load(self, wire: Wire, stores: Stores):
        loaded = loader(wire, stores).loads(b"\x80\x05(K\x01Q\x97\x97l.", buffers=iter([b"1", b"2"]))
        assert loaded == [("object", 1), b"1", b"2"]

    def test_the_plan_of_a_loader_is_asked_for_once_and_can_be_changed(self, wire: Wire, stores: Stores):
        asked = []

        def source():
            asked.append(1)
            return PLAIN_READ

        mine = engine.get(wire.name).Loader(source)
        assert asked == []
        assert mine.loads(b"N.") is mine.loads(b"N.") is None
        assert asked == [1]
        mine.plan = PLAIN_READ._replace(stores=stores)
        assert mine.loads(b"K\x01Q.") == ("object", 1)
        mine.plan = None
        mine.loads(b"N.")
        assert asked == [1, 1]

    @pytest.mark.parametrize("assigned", [None, PLAIN_READ._replace(stores=Stores("new"))])
    def test_a_plan_that_is_set_while_the_source_is_asked_holds(self, wire: Wire, assigned):
        """As where one thread sets another default profile while a first loads() in a second composes one."""
        answers = [PLAIN_READ._replace(stores=Stores(name)) for name in ("old", "new", "late")]

        def source():
            if len(answers) == 3:
                mine.plan = assigned
            return answers.pop(0)

        mine = engine.get(wire.name).Loader(source)
        assert mine.load(io.BytesIO(b"K\x01Q.")) == ("old", 1)
        assert mine.plan is assigned
        assert mine.loads(b"K\x01Q.") == ("new", 1)
        assert mine.loads(b"K\x01Q.") == ("new", 1)


class TestStreamsWithoutReferences:
    """They are not walked, and what that passes over is there for the next walk."""

    def test_the_stores_are_asked_for_nothing(self, wire: Wire, stores: Stores):
        for stream in (b"]X\x02\0\0\0PQ.", b"\x80\x04]\x94.", b"VPQ\n.", b"K\x50.", b"IPQ\n.", b"."):
            with contextlib.suppress(Exception):
                loader(wire, stores).loads(stream)
        assert not any(stores.asked)

    @pytest.mark.parametrize("make", FILES)
    def test_an_id_out_of_an_earlier_pickle_is_found(self, wire: Wire, stores: Stores, make):
        first = b"(" + text("shop") + b"q\x00K\x01\x86q\x01l."
        second = b"h\x01Q."
        mine = unpickler(wire, stores, make(first + first + second + second))
        assert mine.load() == mine.load() == [("shop", 1)]
        assert mine.load() == mine.load() == ("object", ("shop", 1))
        assert stores.asked == [[], [], [("shop", 1)], [("shop", 1)]]

    @pytest.mark.parametrize("make", FILES)
    def test_a_file_is_not_read_behind_stop(self, wire: Wire, stores: Stores, make):
        stream = pickle.dumps([b"Q" * 100_000, "P" * 70_000, 1.5, {"P": (1, 2)}], 4)
        file = make(stream + b"rest")
        assert loader(wire, stores).load(file) == pickle.loads(stream)
        assert b"".join(iter(lambda: file.read(3), b"")) == b"rest"


@pytest.mark.parametrize(
    ("hook", "data"), [("find_class", b"\x80\x02cio\nBytesIO\n."), ("persistent_load", b"\x80\x02K\x01Q.")]
)
def test_a_class_that_has_none_for_a_hook_refuses(wire: Wire, hook: str, data: bytes):
    for side in (pickle, wire):
        refusing = type("Refusing", (side.Unpickler,), {hook: None})
        with pytest.raises(TypeError, match="'NoneType' object is not callable"):
            refusing(io.BytesIO(data)).load()


def test_none_for_find_class_on_an_unpickler_imports_nothing(wire: Wire):
    for side in (pickle, wire):
        unpickler = side.Unpickler(io.BytesIO(b"\x80\x02cio\nBytesIO\n."))
        try:
            unpickler.find_class = None
        except AttributeError:  # C pickle's instances have attributes in subclasses only
            continue
        with pytest.raises(TypeError, match="'NoneType' object is not callable"):
            unpickler.load()


def test_none_for_persistent_id_refuses(wire: Wire):
    for side in (pickle, wire):
        refusing = type("Refusing", (side.Pickler,), {"persistent_id": None})
        with pytest.raises(TypeError, match="'NoneType' object is not callable"):
            refusing(io.BytesIO()).dump([1])
