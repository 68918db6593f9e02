"""A dump that fails leaves nothing behind that the next one would stumble over."""

from __future__ import annotations

import gc
import io
import os
import pickle
import subprocess
import sys
import weakref

import pytest
from engines import Wire

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Refused(Exception):
    pass


class Refuses:
    def __reduce__(self) -> object:
        raise Refused


def test_the_memo_is_as_it_was_before(wire: Wire):
    for protocol in PROTOCOLS:
        file = io.BytesIO()
        pickler = wire.Pickler(file, protocol)
        kept, lost = ["kept"], ["lost", ("in", "the", "memo")]
        pickler.dump(kept)
        before = pickler.memo.copy()
        with pytest.raises(Refused):
            pickler.dump([kept, lost, {"key": lost}, Refuses()])
        assert pickler.memo.copy() == before
        pickler.dump([kept, lost])
        file.seek(0)
        unpickler = pickle.Unpickler(file)
        assert unpickler.load() == kept
        assert unpickler.load() == [kept, lost]


def test_nothing_of_a_short_failed_dump_is_in_the_file(wire: Wire):
    for protocol in PROTOCOLS:
        file = io.BytesIO()
        pickler = wire.Pickler(file, protocol)
        with pytest.raises(Refused):
            pickler.dump(["x" * 1000, Refuses()])
        assert file.getvalue() == b""
        pickler.dump("text")
        assert file.getvalue() == pickle.dumps("text", protocol)


def test_a_failing_file_leaves_the_memo_too(wire: Wire):
    class Full(io.BytesIO):
        full = True

        def write(self, data: object) -> int:
            if self.full:
                raise OSError("full")
            return super().write(data)  # type: ignore[arg-type]

    for size in (10, 100_000):
        file = Full()
        pickler = wire.Pickler(file)
        graph = ["x" * size, list(range(50))]
        with pytest.raises(OSError, match="full"):
            pickler.dump(graph)
        assert pickler.memo.copy() == {}
        file.full = False
        pickler.dump(graph)
        assert pickle.loads(file.getvalue()) == graph


def test_an_interrupt_leaves_the_memo_too(wire: Wire):
    class Interrupts:
        def __reduce__(self) -> object:
            raise KeyboardInterrupt

    pickler = wire.Pickler(io.BytesIO())
    with pytest.raises(KeyboardInterrupt):
        pickler.dump([["lost"], Interrupts()])
    assert pickler.memo.copy() == {}


class Tracked:
    pass


def test_objects_of_a_failed_dump_are_let_go(wire: Wire):
    pickler = wire.Pickler(io.BytesIO())
    obj = Tracked()
    gone = weakref.ref(obj)
    with pytest.raises(Refused):
        pickler.dump([obj, Refuses()])
    del obj
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("key", ["two\nlines", "\n", "line\n"])
def test_a_newline_in_an_id_is_refused_at_protocol_0(wire: Wire, key: str):
    """C pickle writes it, and the reader takes the rest of the ID for opcodes."""
    cls = type("Derived", (wire.Pickler,), {"persistent_id": lambda self, obj: key if obj == "it" else None})
    with pytest.raises(pickle.PicklingError, match="newline"):
        cls(io.BytesIO(), 0).dump(["it"])
    for protocol in PROTOCOLS[1:]:
        cls(io.BytesIO(), protocol).dump(["it"])


def test_a_newline_in_a_global_name_is_refused_below_protocol_4(wire: Wire):
    odd = type("two\nlines", (), {"__module__": __name__})
    module = sys.modules[__name__]
    setattr(module, odd.__name__, odd)
    try:
        for protocol in PROTOCOLS:
            if protocol < 4:
                with pytest.raises(pickle.PicklingError, match="newline"):
                    wire.dumps(odd, protocol)
            else:
                assert pickle.loads(wire.dumps(odd, protocol)) is odd
    finally:
        delattr(module, odd.__name__)


class MadeOfItself:
    def __reduce__(self) -> tuple[object, ...]:
        return MadeOfItself, (self,)


class MadeOfItselfInAList:
    """In a new list each time, so that none is ever in the memo."""

    def __reduce__(self) -> tuple[object, ...]:
        return MadeOfItselfInAList, ([self],)


@pytest.mark.parametrize("cls", [MadeOfItself, MadeOfItselfInAList])
def test_a_reduction_that_leads_back_to_its_object_is_endless_and_refused(wire: Wire, cls: type):
    for protocol in PROTOCOLS:
        for dumps in (wire.dumps, pickle.dumps):
            with pytest.raises(RecursionError):
                dumps([cls()], protocol)


ENDLESS = """
import copyreg, io, resource
from engines import Wire

resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
wire = Wire({name!r})

class MadeOfANewOne:
    def __reduce__(self):
        return MadeOfANewOne, (MadeOfANewOne(),)

class MadeByANewOne:
    def __call__(self): pass
    def __reduce__(self):
        return MadeByANewOne(), ()

class MadeByItself:
    def __call__(self): pass
    def __reduce__(self):
        return self, ()

class Meta(type): pass
class Class(metaclass=Meta): pass
def function(): pass

class Overriding(wire.Pickler):
    def reducer_override(self, obj):
        return (obj, ()) if obj is function or obj is MadeByItself else NotImplemented

class WithTable(wire.Pickler):
    dispatch_table = {{Meta: lambda cls: (cls, ())}}

def registered():
    copyreg.pickle(Meta, lambda cls: (cls, ()))
    wire.dumps([Class])

try:
    {what}
except RecursionError:
    print("refused")
"""


@pytest.mark.parametrize(
    "what",
    [
        "wire.dumps(MadeOfANewOne())",
        "wire.dumps(MadeByANewOne())",
        "wire.dumps([MadeByItself()], 0)",
        "wire.dumps([MadeByItself()])",
        "Overriding(io.BytesIO()).dump(function)",
        "Overriding(io.BytesIO()).dump([MadeByItself])",
        "WithTable(io.BytesIO()).dump(Class)",
        "registered()",
    ],
)
def test_a_reduction_that_never_ends_is_refused_whatever_it_leads_through(wire: Wire, what: str):
    """In a process of its own, a small one: how far it gets depends on how many objects there are."""
    child = subprocess.run(
        [sys.executable, "-c", ENDLESS.format(name=wire.name, what=what)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.stdout == "refused\n", child.stderr[-2000:]


def test_recursion_in_user_code_passes_as_itself(wire: Wire):
    class Recursive:
        def __reduce__(self) -> object:
            return self.__reduce__()

    with pytest.raises(RecursionError, match="maximum recursion depth exceeded"):
        wire.dumps([Recursive()])
