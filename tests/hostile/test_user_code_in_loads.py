"""User code in the middle of a load: in imports, find_class, hooks, files, finalizers and the collector."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import pickle
import sys
import types
import weakref

import pytest
from engines import Wire
from user_code import watched


class Point:
    """An instance with a __dict__."""


class Slotted:
    __slots__ = ("x", "y")


HERE = __name__


def instance_of(name: str, state: bytes, protocol: int = 4) -> bytes:
    """Opcodes for an instance of a class of this module, with a state of these keys and values."""
    cls = b"c%s\n%s\n" % (HERE.encode(), name.encode())
    return cls + b")\x81\x94}\x94(" + state + b"ub"


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode() + b"\x94"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch):
    """A module whose attributes are computed by a function that a test assigns to its `act`."""

    class Acting(types.ModuleType):
        def __getattr__(self, name: str) -> object:
            if name.startswith("__"):
                raise AttributeError(name)
            return self.__dict__["act"]() or name

    made = Acting("acting_module")
    monkeypatch.setitem(sys.modules, "acting_module", made)
    return made


ACT = b"cacting_module\nact_now\n0"  # looked up, and dropped


class TestTheCollector:
    FAILING = {
        "a missing module": b"\x80\x04cnosuch\nX\n.",
        "a missing module in a frame": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00cnosuch\nX\n.",
        "a bad opcode": b"\x80\x04]\xff.",
        "a call that raises": b"\x80\x04cbuiltins\nint\n\x8c\x01x\x85R.",
        "an unbound persistent ID": b"\x80\x04K\x01Q.",
        "nothing on the stack": b"\x80\x04.",
        "an end that does not come": b"\x80\x04]",
        "a bad literal": b"Ix\n.",
        "a state that is no dict": b"\x80\x04c%s\nPoint\n)\x81K\x01b." % HERE.encode(),
    }

    @pytest.mark.parametrize("kind", FAILING)
    @pytest.mark.parametrize("enabled", [True, False])
    def test_is_as_before_when_a_load_fails(self, wire: Wire, kind: str, enabled: bool, tmp_path):
        stream = self.FAILING[kind]
        path = tmp_path / "stream"
        path.write_bytes(stream)
        (gc.enable if enabled else gc.disable)()
        try:
            with path.open("rb") as buffered, path.open("rb", buffering=0) as raw:
                ways = [lambda: wire.loads(stream), lambda: wire.loads(memoryview(bytearray(stream)))]
                ways += [lambda file=file: wire.load(file) for file in (io.BytesIO(stream), buffered, raw)]
                ways += [lambda: wire.Unpickler(io.BytesIO(stream)).load()]
                for way in ways:
                    with pytest.raises(Exception):  # noqa: B017, PT011  which one is another test's subject
                        way()
                    assert gc.isenabled() is enabled
        finally:
            gc.enable()

    @pytest.mark.parametrize("kind", FAILING)
    def test_is_as_before_when_a_load_fails_within_another(self, wire: Wire, kind: str):
        seen = []

        class Nesting(wire.Unpickler):
            def find_class(self, module, name):
                with pytest.raises(Exception):  # noqa: B017, PT011
                    wire.load(io.BytesIO(TestTheCollector.FAILING[kind]))
                seen.append(gc.isenabled())
                return name

        assert Nesting(io.BytesIO(b"\x80\x04](ca\nb\ncc\nd\ne.")).load() == ["b", "d"]
        assert seen == [True, True]

    def test_stays_as_user_code_sets_it(self, wire: Wire, module):
        module.act = gc.disable
        try:
            wire.loads(b"\x80\x04](" + ACT + b"K\x01" * 5000 + b"e.")
            assert not gc.isenabled()
        finally:
            gc.enable()


class TestAStateMetAgain:
    """A stream that names the state of an instance gets what the stream said of it."""

    @staticmethod
    def shared(between: bytes) -> bytes:
        """Two instances with one state, which is written once, and something in between."""
        first = instance_of("Point", text("x") + b"K\x01")
        second = b"c%s\nPoint\n)\x81\x94h\x01b" % HERE.encode()
        return b"\x80\x04](" + first + between + second + b"e."

    def test_is_what_was_written_though_the_class_has_a_property_now(self, wire: Wire, module):
        def act():
            Point.x = property(lambda self: "computed")

        module.act = act
        try:
            first, second = wire.loads(self.shared(ACT))
            assert vars(first) == vars(second) == {"x": 1}
        finally:
            del Point.x

    @pytest.mark.parametrize("change", ["property", "attribute", "deletion", "dict", "class"])
    def test_is_what_was_written_whatever_find_class_does(self, wire: Wire, change: str):
        def act(first):
            if change == "property":
                Point.x = property(lambda self: "computed")
            elif change == "attribute":
                first.x = "changed"
            elif change == "deletion":
                del first.x
            elif change == "dict":
                first.__dict__ = {"x": "replaced"}
            else:
                first.__class__ = type("Other", (), {})

        outcomes = []
        for base in (wire.Unpickler, pickle.Unpickler):

            class Acting(base):
                def find_class(self, module, name):
                    if name == "act":
                        act(self.memo.copy()[0])
                        return None
                    return super().find_class(module, name)

            try:
                first, second = Acting(io.BytesIO(self.shared(b"cx\nact\n0"))).load()
                outcomes.append((type(first).__name__, vars(first), vars(second)))
            finally:
                if "x" in vars(Point):
                    del Point.x
        assert outcomes[0] == outcomes[1]
        assert outcomes[0][2] == {"x": 1}

    def test_of_slots_is_what_was_written(self, wire: Wire):
        state = text("x") + b"K\x01" + text("y") + b"K\x02"
        stream = (
            b"\x80\x04](c%s\nSlotted\n)\x81\x94N}\x94(" % HERE.encode()
            + state
            + b"u\x86\x94b"
            + b"cx\nact\n0"
            + b"h\x01h\x04e."
        )

        class Acting(wire.Unpickler):
            def find_class(self, module, name):
                if name == "act":
                    del self.memo.copy()[0].x
                    return None
                return super().find_class(module, name)

        _, state, pair = Acting(io.BytesIO(stream)).load()
        assert state == {"x": 1, "y": 2}
        assert pair == (None, state)
        assert pair[1] is state

    def test_is_one_dict_wherever_it_is_met(self, wire: Wire):
        stream = b"\x80\x04](" + instance_of("Point", text("x") + b"K\x01") + b"h\x01h\x01e."
        unpickler = wire.Unpickler(io.BytesIO(stream))
        _, first, second = unpickler.load()
        assert first is second is unpickler.memo.copy()[1]

    def test_can_be_had_from_the_memo_after_the_load_only(self, wire: Wire):
        """What was not made before is made then, whatever became of the instance."""
        unpickler = wire.Unpickler(
            io.BytesIO(b"\x80\x04" + instance_of("Point", text("x") + b"K\x01") + b".")
        )
        point = unpickler.load()
        del point.x
        Point.x = property(lambda self: unpickler.memo.copy())
        try:
            assert unpickler.memo.copy()[1] == {"x": 1}
        finally:
            del Point.x


class TestTheMemo:
    @pytest.mark.parametrize("change", ["clear", "assign"])
    def test_cannot_be_changed_during_a_load(self, wire: Wire, change: str):
        class Changing(wire.Unpickler):
            def find_class(self, module, name):
                if change == "clear":
                    self.memo.clear()
                else:
                    self.memo = {}

        unpickler = Changing(io.BytesIO(b"\x80\x04]\x94ca\nb\nh\x00\x86.K\x07."))
        with pytest.raises(RuntimeError, match="memo"):
            unpickler.load()
        unpickler.memo.clear()
        unpickler.memo = {3: "three"}
        assert unpickler.memo.copy() == {3: "three"}

    def test_can_be_looked_at_during_a_load(self, wire: Wire):
        looks = []
        for base in (wire.Unpickler, pickle.Unpickler):

            class Looking(base):
                def find_class(self, module, name):
                    if name == "look":
                        looks.append(
                            repr({k: v for k, v in self.memo.copy().items() if type(v) is not Point})
                        )
                        return None
                    return super().find_class(module, name)

            state = text("x") + b"cx\nlook\n" + text("y") + b"]\x94"
            Looking(io.BytesIO(b"\x80\x04](" + instance_of("Point", state) + b"cx\nlook\ne.")).load()
        assert looks[:2] == looks[2:]

    @pytest.mark.skipif(sys.version_info >= (3, 12), reason="the collector runs between bytecodes only")
    def test_is_whole_when_the_collector_runs_code_that_reads_it(self, wire: Wire):
        state = b"".join(text(f"n{i}") + b"K\x01" for i in range(5))
        stream = b"\x80\x04](" + b"".join(instance_of("Point", state) for _ in range(300)) + b"e."
        unpickler = wire.Unpickler(io.BytesIO(stream))
        unpickler.load()

        class Cycle:
            def __init__(self):
                self.me = self

            def __del__(self):
                unpickler.memo.copy()
                unpickler.memo.clear()

        threshold = gc.get_threshold()
        gc.set_threshold(20)
        try:
            for _ in range(20):
                Cycle()
                copy = unpickler.memo.copy()
                assert all(value is not None for value in copy.values())
        finally:
            gc.set_threshold(*threshold)


class TestAnInstanceOnItsWay:
    """What user code does to an instance between its making and its state."""

    CHANGES = {
        "a dict that counts": lambda point: setattr(point, "__dict__", Counting()),
        "another dict": lambda point: setattr(point, "__dict__", {"x": "before", "other": 1}),
        "an attribute": lambda point: setattr(point, "x", "before"),
        "its own __setstate__": lambda point: setattr(point, "__setstate__", point.__dict__.update),
        "another class": lambda point: setattr(point, "__class__", Other),
        "a class with a hook": lambda point: setattr(point, "__class__", Hooked),
        "a property": lambda point: setattr(type(point), "x", property(lambda self: "computed")),
        "a __setattr__": lambda point: setattr(type(point), "__setattr__", lambda self, name, value: None),
        "a __getattr__": lambda point: setattr(type(point), "__getattr__", lambda self, name: print),
        "a __setstate__": lambda point: setattr(
            type(point), "__setstate__", lambda self, state: vars(self).update(seen=state)
        ),
    }

    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize("memoized", [True, False])
    @pytest.mark.parametrize("at_once", [True, False])
    def test_is_given_it_as_by_c_pickle(self, wire: Wire, change: str, memoized: bool, at_once: bool):
        act = self.CHANGES[change]
        cls = b"c%s\nPoint\n" % HERE.encode()
        memo = b"\x94" if memoized else b""
        values = text("w") + b"K\x01" + text("x") + b"cx\nact\n" + text("z") + b"K\x03"
        if at_once:
            stream = b"\x80\x04" + cls + b")\x81\x94}" + memo + b"(" + values + b"ub."
        else:  # the dict is whole before the instance gets it
            stream = b"\x80\x04" + cls + b")\x81\x94}(" + values + b"u" + memo + b"b."
        outcomes = []
        for base in (wire.Unpickler, pickle.Unpickler):

            class Acting(base):
                def find_class(self, module, name):
                    if name == "act":
                        act(self.memo.copy()[0])
                        return "act"
                    return super().find_class(module, name)

            kept = dict(vars(Point))
            try:
                point = Acting(io.BytesIO(stream)).load()
                attributes = vars(point)
                log = getattr(attributes, "log", None)
                outcomes.append((type(point), type(attributes), dict(attributes), log))
                outcomes[-1][2].pop("__setstate__", None)
            except Exception as exc:
                outcomes.append(type(exc))
            finally:
                for name in set(vars(Point)) - set(kept):
                    delattr(Point, name)
        assert outcomes[0] == outcomes[1]

    def test_keeps_what_a_hook_put_into_its_slots_as_by_c_pickle(self, wire: Wire):
        values = text("x") + b"K\x01" + text("y") + b"cx\nact\n"
        stream = b"\x80\x04c%s\nSlotted\n)\x81\x94N}\x94(" % HERE.encode() + values + b"u\x86\x94b."

        ended = []

        class Gone:
            def __del__(self):
                ended.append(True)

        class Acting(wire.Unpickler):
            def find_class(self, module, name):
                if name == "act":
                    self.memo.copy()[0].x = Gone()
                    return "act"
                return super().find_class(module, name)

        slotted = Acting(io.BytesIO(stream)).load()
        assert (slotted.x, slotted.y) == (1, "act")
        assert ended == [True]


class Counting(dict):
    def __init__(self):
        self.log = []

    def __setitem__(self, name, value):
        self.log.append(name)
        super().__setitem__(name, value)


class Other:
    __slots__ = ("__dict__", "__weakref__")


class Hooked:
    def __setstate__(self, state):
        self.seen = dict(state)


class TestAFile:
    def test_may_keep_a_slice_of_the_view_it_is_given(self, wire: Wire):
        class Keeping(io.BytesIO):
            kept = None

            def readinto(self, view):
                self.kept = memoryview(view)[10:20]
                return super().readinto(view)

        payload = bytes(range(256)) * 2000
        for value in (payload, bytearray(payload)):
            file = Keeping(pickle.dumps(value, 5))
            loaded = wire.load(file)
            assert loaded == value
            if file.kept is not None:
                file.kept[:] = b"0123456789"  # with memory that is gone, AddressSanitizer would say so
            loaded += b"more"

    @pytest.mark.parametrize(
        "stream", [b"I12", b"S'a'", b"cposix", b"(iposix\nsystem", b"P1", b"V\\u0041", b"g1"]
    )
    def test_ends_with_a_line_that_does_not(self, wire: Wire, stream: bytes):
        class Endless:
            calls = 0

            def read(self, size):
                return data.read(size)

            def readline(self):
                Endless.calls += 1
                assert Endless.calls < 50
                line = data.readline()
                return line if line.endswith(b"\n") else b"12"

        for load in (wire.load, pickle.load):
            data = io.BytesIO(stream)
            Endless.calls = 0
            with pytest.raises(pickle.UnpicklingError):
                load(Endless())

    def test_may_be_given_another_one_to_read_from_meanwhile(self, wire: Wire, tmp_path):
        """A buffered reader of the interpreter's own is one only as long as its raw file is."""
        path = tmp_path / "stream"
        payload = b"x" * (1 << 20)
        path.write_bytes(b"\x80\x04cx\nact\n0" + pickle.dumps(payload, 4)[2:])

        class Raw(io.RawIOBase):
            def __init__(self, data):
                self.data = io.BytesIO(data)
                self.shown = []

            def readable(self):
                return True

            def readinto(self, view):
                # Not the view itself: most are memory of the reader's own, which is gone when the test looks.
                address = ctypes.addressof(ctypes.c_char.from_buffer(view))
                self.shown.append(address - self.data.tell())
                return self.data.readinto(view)

        def shows_its_result(unpickler: type) -> bool:
            """Whether the raw file was given the memory of the result, which it could change later."""
            with path.open("rb") as file:

                class Acting(unpickler):
                    def find_class(self, module, name):
                        before, rest = file.raw, file.read()
                        file.__init__(Raw(rest))
                        before.close()
                        self.begin = rest.index(payload[:100])

                acting = Acting(file)
                try:
                    loaded = acting.load()
                except pickle.UnpicklingError:
                    return False  # what peek() had shown is no longer there
                assert loaded == payload
                start = id(loaded) + bytes.__basicsize__ - 1
                return start - acting.begin in file.raw.shown

        assert shows_its_result(pickle.Unpickler)
        assert not shows_its_result(wire.Unpickler)


class TestNoUserCodeRunsInBetween:
    """A profile function sees all Python code that runs while the compiled reader is not ready for it."""

    def test_in_loads_of_many_kinds(self, wire: Wire, module):
        module.act = gc.collect

        class Keyed:
            def __init__(self, number):
                self.number = number

            def __hash__(self):
                return 1

            def __eq__(self, other):
                return self is other

            def __del__(self):
                pass

        class Finding(wire.Unpickler):
            def find_class(self, module, name):
                return {"Keyed": Keyed}.get(name) or super().find_class(module, name)

            def persistent_load(self, pid):
                return Keyed(pid)

        key = b"cx\nKeyed\nK\x01\x85R"
        streams = [
            b"\x80\x04}(" + key + b"K\x02" + key + b"K\x03u.",
            b"\x80\x04\x8f(" + key + key + b"\x90.",
            b"\x80\x04(" + key + key + b"\x91.",
            b"\x80\x04(" + key + b"K\x01d.",
            b"}" + key + b"K\x01s.",
            b"\x80\x04" + key + b"q\x00N0" + key + b"q\x000N.",
            b"\x80\x04" + key + b"r\x00\x00\x00\x7f0" + key + b"r\x00\x00\x00\x7f0N.",
            b"\x80\x04" + key + b"0N.",
            b"\x80\x04(" + key + key + b"1N.",
            b"\x80\x04K\x01Q.",
            b"Pone\n.",
            b"I1\nI01\nL12L\nF1.5\nVtext\nS'text'\np0\ng0\n(tt0(lp5\n.",
            b"\x80\x04(cx\nKeyed\nK\x01o.",
            b"(K\x01ix\nKeyed\n.",
            b"\x80\x04cbuiltins\nlist\n)\x81(" + key + b"e.",
            b"\x80\x04((K\x01K\x02tK\x03t}\x8c\x01a\x86\x86.",
            b"\x80\x04}((K\x01K\x02tK\x01u((K\x01K\x02t(K\x03tt\x85\x85.",
            b"\x80\x04" + instance_of("Point", text("x") + key) + b"h\x00h\x01\x87.",
            b"\x80\x04" + ACT + instance_of("Point", text("x") + ACT[:-1]) + b".",
        ]
        with watched() as found:
            for stream in streams:
                for make in (io.BytesIO, OnlyRead, lambda data: io.BufferedReader(io.BytesIO(data))):
                    with contextlib.suppress(Exception):  # what comes of it is not the subject here
                        Finding(make(stream)).load()
                for end in range(len(stream)):
                    with contextlib.suppress(Exception):
                        wire.loads(stream[:end])
        assert not found, found[:5]


class OnlyRead:
    """A file in Python."""

    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self.data.read(size)

    def readline(self) -> bytes:
        return self.data.readline()


def test_nothing_is_kept_by_a_load_that_user_code_fails(wire: Wire):
    class Failing(wire.Unpickler):
        def find_class(self, module, name):
            if name == "fail":
                raise ZeroDivisionError
            return super().find_class(module, name)

    values = text("x") + b"]\x94" + text("y") + b"cx\nfail\n"
    unpickler = Failing(io.BytesIO(b"\x80\x04" + instance_of("Point", values) + b"."))
    with pytest.raises(ZeroDivisionError):
        unpickler.load()
    point = unpickler.memo.copy()[0]
    seen = weakref.ref(point)
    del point, unpickler
    gc.collect()
    assert seen() is None


class Asked:
    """An instance that says what it is, and that it was asked."""

    times = 0

    @property
    def __class__(self) -> type:
        Asked.times += 1
        return Point


def test_an_error_names_what_was_being_built_without_asking_it(wire: Wire):
    stream = b"\x80\x04(c" + Asked.__module__.encode() + b"\nAsked\n)\x81\x80\x63."
    with pytest.raises(ValueError, match="unsupported pickle protocol") as failed:
        wire.loads(stream)
    assert failed.value.pickle_building == (f"{Asked.__module__}.Asked",)  # type: ignore[attr-defined]
    assert Asked.times == 0
