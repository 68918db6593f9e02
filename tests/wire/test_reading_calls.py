"""REDUCE: what is called gets the arguments, and what the memo says of them stays true."""

from __future__ import annotations

import gc
import io
import pickle
import sys
import types
import weakref

import pytest
from engines import Wire
from readings import outcome

HERE = __name__.encode()


class Point:
    def __init__(self, *args, **rest):
        self.args = args

    def __repr__(self):
        return f"Point{self.args}"


class Exact:
    def __init__(self, first, second=2):
        self.first, self.second = first, second

    def __repr__(self):
        return f"Exact({self.first!r}, {self.second!r})"


class Refusing:
    def __init__(self, *args):
        raise LookupError(*args)


class Returning:
    def __init__(self, *args):
        return 5


class Made:
    def __new__(cls, *args):
        self = super().__new__(cls)
        self.made_of = args
        return self

    def __init__(self, *args):
        self.called_with = args

    def __repr__(self):
        return f"Made({self.made_of}, {self.called_with})"


class Meta(type):
    def __call__(cls, *args):
        return ("by the metaclass", args)


class ByMeta(metaclass=Meta):
    def __init__(self, *args):
        pytest.fail("the metaclass makes the instances")


def function(*args):
    return ["called with", *args]


def exact(first, second=2):
    return [first, second]


class Instance:
    def __call__(self, *args):
        return self, args

    def __repr__(self):
        return "Instance()"


CALLABLES = (
    "Point",
    "Exact",
    "Refusing",
    "Returning",
    "Made",
    "ByMeta",
    "function",
    "exact",
    "bound",
    "instance",
)
instance = Instance()
bound = instance.__call__


@pytest.fixture(autouse=True)
def this_module_can_be_imported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, __name__, types.SimpleNamespace(**globals()))


def called(name: str, arguments: bytes, tuple_opcode: bytes, between: bytes = b"\x94") -> bytes:
    """GLOBAL, the arguments as a tuple, what stands `between` it and REDUCE, REDUCE."""
    mark = b"(" if tuple_opcode == b"t" else b""
    return b"c" + HERE + b"\n" + name.encode() + b"\n" + mark + arguments + tuple_opcode + between + b"R"


class TestWhatIsCalled:
    @pytest.mark.parametrize("name", CALLABLES)
    def test_gets_as_many_arguments_as_there_are(self, wire: Wire, name: str):
        for count in (*range(10), 200):
            for between in (b"", b"\x94", b"q\x00", b"r\x00\x00\x00\x00", b"p0\n", b"\x94\x94"):
                arguments = b"".join(b"K%c" % i for i in range(count))
                opcodes = [b"t", *{1: [b"\x85"], 2: [b"\x86"], 3: [b"\x87"]}.get(count, [])]
                for opcode in opcodes:
                    stream = b"\x80\x04" + called(name, arguments, opcode, between) + b"\x94h\x00\x86."
                    assert outcome(wire.loads, stream) == outcome(pickle.loads, stream)

    def test_may_lie_at_the_very_end(self, wire: Wire):
        for stream in (
            called("Point", b"K\x01", b"\x85"),
            called("Point", b"K\x01", b"\x85")[:-1],
            called("Point", b"K\x01", b"\x85", b""),
            called("Point", b"K\x01", b"\x85", b"")[:-1],
        ):
            assert outcome(wire.loads, stream) == outcome(pickle.loads, stream) == ("error", "EOFError")

    def test_lies_below_the_arguments_and_above_the_mark(self, wire: Wire):
        for stream in (
            b"K\x01\x85R.",
            b"K\x01\x85\x94R.",
            b"c" + HERE + b"\nPoint\n(K\x01\x85R.",
            b"c" + HERE + b"\nPoint\n((K\x01t\x94R.",
        ):
            with pytest.raises(pickle.UnpicklingError):
                wire.loads(stream)

    def test_may_be_called_from_a_file_in_pieces(self, wire: Wire):
        stream = called("Point", b"K\x01K\x02", b"\x86") + b"\x94h\x00h\x01\x87."
        point, arguments, again = wire.load(io.BytesIO(stream))
        assert (point.args, arguments) == ((1, 2), (1, 2))
        assert again is point

    def test_may_change_what_it_is_meanwhile(self, wire: Wire):
        class Changing:
            def __init__(self, *args):
                type(self).__init__ = lambda self, *args: None
                gc.collect()
                self.args = args

        sys.modules[__name__].Changing = Changing
        stream = b"(" + 3 * called("Changing", b"K\x01", b"\x85") + b"t."
        first, *others = wire.loads(stream)
        assert first.args == (1,)
        assert [vars(other) for other in others] == [{}, {}]


class TestErrors:
    def test_are_those_of_reduce(self, wire: Wire):
        for name in ("Refusing", "Exact", "exact"):
            stream = b"\x80\x04]\x94" + called(name, b"K\x01K\x02K\x03", b"\x87")
            with pytest.raises((LookupError, TypeError)) as caught:
                wire.loads(stream + b".")
            assert f"offset {len(stream) - 1}, opcode REDUCE" in "".join(caught.value.__notes__)

    def test_of_an_init_that_returns_something(self, wire: Wire):
        with pytest.raises(TypeError, match="should return None, not 'int'"):
            wire.loads(called("Returning", b"K\x01", b"\x85") + b".")

    def test_let_go_of_the_arguments(self, wire: Wire):
        for name in ("Refusing", "Exact", "exact", "Point"):
            for between in (b"", b"\x94"):
                stream = (
                    b"]\x940"
                    + called(name, called("Point", b"", b")", b"") + b"K\x02K\x03", b"\x87", between)
                    + b"."
                )
                alive = sum(type(obj) is Point for obj in gc.get_objects())
                for load in (wire.loads, lambda data: wire.Unpickler(io.BytesIO(data)).load()):
                    for _ in range(3):
                        outcome(load, stream)
                assert sum(type(obj) is Point for obj in gc.get_objects()) == alive


class TestArgumentsMetAgain:
    @pytest.mark.parametrize("name", ["Point", "function"])
    def test_are_one_tuple(self, wire: Wire, name: str):
        stream = b"\x80\x04(" + called(name, b"]\x94K\x02", b"\x86") + b"h\x01h\x01h\x00t."
        _, arguments, again, first = wire.loads(stream)
        assert arguments == ([], 2)
        assert arguments is again
        assert arguments[0] is first

    def test_are_counted(self, wire: Wire):
        stream = b"(" + called("Point", called("Point", b"", b")", b""), b"\x85") + b"h\x00h\x00t."
        counts = []
        for loads in (wire.loads, pickle.loads):
            point, arguments, _ = loads(stream)
            gc.collect()
            counts.append((sys.getrefcount(arguments), sys.getrefcount(arguments[0])))
            del point
            counts.append((sys.getrefcount(arguments), sys.getrefcount(arguments[0])))
        assert counts[:2] == counts[2:]

    def test_are_the_very_tuple_that_an_exception_keeps(self, wire: Wire):
        error = ValueError("text", 5)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            stream = pickle.dumps([error, error.args], protocol)
            loaded, arguments = wire.loads(stream)
            theirs, tuple_of_theirs = pickle.loads(stream)
            # From Python 3.14 on, an exception makes a tuple of its own.
            assert (loaded.args is arguments) == (theirs.args is tuple_of_theirs)

    def test_are_in_a_copy_of_the_memo(self, wire: Wire):
        unpickler = wire.Unpickler(io.BytesIO(called("Point", b"]\x94K\x02", b"\x86") + b"\x94."))
        unpickler.load()
        entries = unpickler.memo.copy()
        assert entries[1] == ([], 2)
        assert entries[2].args[0] is entries[0] is entries[1][0]

    def test_are_there_for_the_next_load(self, wire: Wire):
        unpickler = wire.Unpickler(io.BytesIO(called("Point", b"]\x94K\x02", b"\x86") + b"\x94.h\x01."))
        first, second = unpickler.load(), unpickler.load()
        assert second == ([], 2)
        assert first.args[0] is second[0]

    def test_may_be_replaced_in_the_memo(self, wire: Wire):
        for put in (b"q\x00", b"r\x00\x00\x00\x00", b"p0\n"):
            stream = called("Point", b"K\x01", b"\x85") + b"0N" + put + b"h\x00\x86."
            assert wire.loads(stream) == (None, None)

    def test_may_be_looked_at_while_they_are_used(self, wire: Wire):
        class Looking(wire.Unpickler):
            def find_class(self, module, name):
                def look(*args):
                    seen.append(self.memo.copy())
                    gc.collect()
                    return args

                return look

        for times in (1, 300):  # many: what is kept has been moved
            seen = []
            before = b"".join(called("Point", b"K\x01", b"\x85") + b"0" for _ in range(times))
            stream = before + called("f", b"]\x94]\x94", b"\x86") + b"."
            assert Looking(io.BytesIO(stream)).load() == ([], [])
            assert ([], []) in seen[-1].values()

    def test_do_not_keep_what_they_are_the_only_ones_to_refer_to(self, wire: Wire):
        class Mine(wire.Unpickler):
            def find_class(self, module, name):
                return lambda *args: self if name == "self" else None

        unpickler = Mine(io.BytesIO(called("f", called("self", b"K\x01", b"\x85"), b"\x85") + b"."))
        assert unpickler.load() is None
        seen = weakref.ref(unpickler)
        del unpickler
        gc.collect()
        assert seen() is None
