"""Objects that cannot be written: refused as C pickle refuses them, in its words, at every protocol."""

from __future__ import annotations

import copyreg
import io
import pickle
import re
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from engines import Wire
from graphs import Plain, Slotted
from outcomes import stdlib_type

from brinery.cpython import NOTES_FOR_LEVELS

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Reduced:
    """Its reduction is what the test says, or raises it."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __reduce_ex__(self, protocol: int) -> object:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


class OfMain(list[object]):
    """As if the program itself had it, whose name C pickle leaves out."""

    __module__ = "__main__"

    def __init__(self, *items: object) -> None:
        super().__init__(items)

    def __reduce_ex__(self, protocol: int) -> Any:
        return self.__dict__.get("reduced", (list, (), {"items": self[:]}))

    def reduced_to(self, value: object) -> OfMain:
        self.reduced = value
        return self


class WithMethods:
    """An instance whose class has the methods given."""

    def __new__(cls, **methods: object) -> object:
        made = type("Made", (), {"__module__": __name__, **methods})
        # found by its name, so that its instances are refused for the methods' sake alone
        setattr(sys.modules[__name__], made.__name__, made)
        return made()


def raising(exc: BaseException) -> Callable[..., object]:
    def fail(*args: object) -> object:
        raise exc

    return fail


def failing_iterator() -> Iterator[object]:
    yield 1
    raise LookupError("in the middle")


def local_function() -> Callable[[], None]:
    def function() -> None:
        pass

    return function


def misnamed(**names: object) -> object:
    function = types.FunctionType(local_function().__code__, {})
    for name, value in names.items():
        setattr(function, name, value)
    return function


class Unfit(type):
    """A class whose attributes cannot be looked at."""

    def __getattribute__(cls, name: str) -> object:
        if name in ("__reduce_ex__", "__reduce__"):
            raise ZeroDivisionError
        return super().__getattribute__(name)


#: What is refused -> how to make it. (Reductions' iterators are used up by one dump.)
REFUSED: dict[str, Callable[[], object]] = {
    "a lambda": lambda: lambda: 0,
    "a local function": local_function,
    "a local class": lambda: type("Local", (), {"__qualname__": "f.<locals>.Local"}),
    "a class that is not where it says": lambda: type("Plain", (), {"__module__": "graphs"}),
    "a function of no module": lambda: misnamed(__module__="no_such_module", __qualname__="f"),
    "a function whose name leads nowhere": lambda: misnamed(
        __module__="graphs", __qualname__="Plain.no_such"
    ),
    "a function whose module is None": lambda: misnamed(__module__=None, __qualname__="f"),
    "a function whose module is no name": lambda: misnamed(__module__=7, __qualname__="f"),
    "a function with a surrogate in its name": lambda: misnamed(__module__="graphs", __qualname__="f\ud800"),
    "a generator": lambda: (n for n in ()),
    "a lock": threading.Lock,
    "a module": lambda: sys,
    "a memoryview": lambda: memoryview(b""),
    "a weak reference": lambda: weakref.ref(Plain),
    "a frame": sys._getframe,
    "a code object": lambda: local_function.__code__,
    "a cell": lambda: types.CellType(1),
    "a text file": lambda: io.TextIOWrapper(io.BytesIO()),
    "a property": lambda: property(),
    "a class whose instances cannot be reduced": lambda: Unfit("Unfitting", (), {"__qualname__": "nowhere"}),
    "slots without __getstate__": lambda: slotted(),
    "a PickleBuffer": lambda: pickle.PickleBuffer(b"data"),
    "a PickleBuffer with gaps": lambda: pickle.PickleBuffer(memoryview(b"abcdef")[::2]),
    "a reduction that is None": lambda: Reduced(None),
    "a reduction that is a number": lambda: Reduced(42),
    "a reduction that is a list": lambda: Reduced([int, ()]),
    "an empty reduction": lambda: Reduced(()),
    "a reduction of one item": lambda: Reduced((int,)),
    "a reduction of seven items": lambda: Reduced((int, (), None, None, None, None, None)),
    "a reduction without a callable": lambda: Reduced((42, ())),
    "a reduction whose arguments are a list": lambda: Reduced((int, [])),
    "a reduction whose arguments are None": lambda: Reduced((int, None)),
    "a reduction whose items are a number": lambda: Reduced((list, (), None, 5)),
    "a reduction whose items are a list": lambda: Reduced((list, (), None, [])),
    "a reduction whose pairs are a number": lambda: Reduced((dict, (), None, None, 5)),
    "a reduction whose pairs are a list": lambda: Reduced((dict, (), None, None, [])),
    "a reduction whose state setter is a number": lambda: Reduced((Plain, (), {}, None, None, 5)),
    "a reduction whose items fail": lambda: Reduced((list, (), None, failing_iterator())),
    "a reduction whose pairs fail": lambda: Reduced((dict, (), None, None, failing_iterator())),
    "pairs that are single items": lambda: Reduced((dict, (), None, None, iter([("a",)]))),
    "pairs that are triples": lambda: Reduced((dict, (), None, None, iter([(1, 2, 3)]))),
    "pairs that are lists": lambda: Reduced((dict, (), None, None, iter([[1, 2]]))),
    "a name that is not there": lambda: Reduced("no_such_name"),
    "a name that is something else": lambda: Reduced("Reduced"),
    "a name with nothing in it": lambda: Reduced(""),
    "a local name": lambda: Reduced("local_function.<locals>.function"),
    "a reducer that raises": lambda: Reduced(ZeroDivisionError("in the reducer")),
    "a reducer that raises what is no Exception": lambda: Reduced(KeyboardInterrupt()),
    "a reducer that recurses too deep": lambda: Reduced(RecursionError("in the reducer")),
    "NEWOBJ without a class": lambda: Reduced((copyreg.__newobj__, ())),
    "NEWOBJ of an instance": lambda: Reduced((copyreg.__newobj__, (Plain(),))),
    "NEWOBJ of another class": lambda: Reduced((copyreg.__newobj__, (Plain,))),
    "NEWOBJ_EX without arguments": lambda: Reduced((copyreg.__newobj_ex__, ())),
    "NEWOBJ_EX of an instance": lambda: Reduced((copyreg.__newobj_ex__, (Plain(), (), {}))),
    "NEWOBJ_EX of another class": lambda: Reduced((copyreg.__newobj_ex__, (Plain, (), {}))),
    "NEWOBJ_EX with a list of arguments": lambda: Reduced((copyreg.__newobj_ex__, (Reduced, [], {}))),
    "NEWOBJ_EX with keywords that are no dict": lambda: Reduced((copyreg.__newobj_ex__, (Reduced, (), []))),
    "__reduce_ex__ is None": lambda: WithMethods(__reduce_ex__=None),
    "__reduce__ is None": lambda: WithMethods(__reduce__=None),
    "__reduce__ is a number": lambda: WithMethods(__reduce__=7),
    "__getstate__ raises": lambda: WithMethods(__getstate__=raising(ZeroDivisionError())),
    "__getattribute__ raises": lambda: WithMethods(__getattribute__=raising(ZeroDivisionError())),
    "__getnewargs__ raises": lambda: WithMethods(__getnewargs__=raising(ZeroDivisionError())),
    "__getnewargs__ gives a list": lambda: WithMethods(__getnewargs__=lambda self: []),
    "__getnewargs_ex__ gives a list": lambda: WithMethods(__getnewargs_ex__=lambda self: []),
    "__getnewargs_ex__ gives one item": lambda: WithMethods(__getnewargs_ex__=lambda self: ((),)),
    "__getnewargs_ex__ gives a list of arguments": lambda: WithMethods(
        __getnewargs_ex__=lambda self: ([], {})
    ),
    "__getnewargs_ex__ gives a list of keywords": lambda: WithMethods(
        __getnewargs_ex__=lambda self: ((), [])
    ),
    "__getnewargs_ex__ gives keywords": lambda: WithMethods(__getnewargs_ex__=lambda self: ((), {"key": 1})),
    "__class__ is something else": lambda: WithMethods(__class__=property(lambda self: int)),
    "__class__ raises": lambda: WithMethods(__class__=property(raising(ZeroDivisionError()))),
    "an item that an iterator gives": lambda: Reduced((list, (), None, iter([1, 2, threading.Lock()]))),
    "the first of two such items": lambda: Reduced((list, (), None, iter([threading.Lock(), 2]))),
    "one behind a thousand": lambda: Reduced((list, (), None, iter([*range(1000), threading.Lock()]))),
    "the next to last of many": lambda: Reduced((list, (), None, iter([*range(2002), threading.Lock(), 1]))),
    "a value that an iterator gives": lambda: Reduced(
        (dict, (), None, None, iter([(1, 2), ("key", threading.Lock()), (3, 4)]))
    ),
    "the first of two such values": lambda: Reduced(
        (dict, (), None, None, iter([("key", threading.Lock()), (3, 4)]))
    ),
    "a key that an iterator gives": lambda: Reduced((dict, (), None, None, iter([(threading.Lock(), 2)]))),
    "a state": lambda: Reduced((Plain, (), {"key": [threading.Lock()]})),
    "a state of slots": lambda: Reduced((Plain, (), (None, {"key": [threading.Lock()]}))),
    "a state for a setter": lambda: Reduced((Plain, (), threading.Lock(), None, None, print)),
    "a state setter": lambda: Reduced((Plain, (), {}, None, None, lambda: 0)),
    "a partial as a state": lambda: Reduced((Plain, (), partial(print, threading.Lock()))),
    "a partial as a state setter": lambda: Reduced(
        (Plain, (), {}, None, None, partial(print, threading.Lock()))
    ),
    "a partial as a callable": lambda: Reduced((partial(print, threading.Lock()), ())),
    "what the program's own class gives": lambda: OfMain(threading.Lock()),
    "a reduction of such an object that is a number": lambda: OfMain().reduced_to(7),
    "a reduction that is such an object": lambda: Reduced(OfMain()),
    "arguments that are such an object": lambda: Reduced((copyreg.__newobj_ex__, (Reduced, OfMain(), {}))),
    "a state setter that is such an object": lambda: Reduced((Plain, (), {}, None, None, OfMain())),
    "arguments": lambda: Reduced((Plain, (1, [threading.Lock()]))),
    "a callable": lambda: Reduced((lambda: 0, ())),
    "arguments of NEWOBJ": lambda: Reduced((copyreg.__newobj__, (Reduced, 1, threading.Lock()))),
    "arguments of NEWOBJ_EX": lambda: Reduced((copyreg.__newobj_ex__, (Reduced, (threading.Lock(),), {}))),
    "keywords of NEWOBJ_EX": lambda: Reduced((copyreg.__newobj_ex__, (Reduced, (), {"a": threading.Lock()}))),
    "an attribute": lambda: filled(Plain()),
    "an attribute in a slot": lambda: filled(Slotted()),
    "a value of a dict": lambda: {"key": 1, (2, 3): threading.Lock()},
    "a value of a large dict": lambda: dict.fromkeys(range(1500)) | {"key": threading.Lock()},
    "a key of a dict": lambda: {"key": 1, threading.Lock(): 2},
    "an item of a list": lambda: [1, 2, threading.Lock()],
    "an item of a large list": lambda: [*range(1500), threading.Lock()],
    "an item of a tuple": lambda: (1, 2, 3, 4, threading.Lock()),
    "a member": lambda: {threading.Lock()},
    "a member of a frozenset": lambda: [frozenset([threading.Lock()])],
    "a list under itself": lambda: recursive([[], {}]),
    "an exception that loses its arguments": lambda: UnicodeDecodeError.__new__(UnicodeDecodeError),
}


def filled(made: Plain | Slotted) -> Plain | Slotted:
    made.left = [threading.Lock()]
    return made


def recursive(items: list[object]) -> list[object]:
    items[0].extend([items, threading.Lock()])
    return items


def slotted() -> Slotted:
    made = Slotted()
    made.left = 1
    return made


def refusal(write: Callable[..., object], obj: object, protocol: int) -> object:
    """What is written; or the type, the text and, where C pickle has some, the notes of the refusal."""
    try:
        return write(obj, protocol)
    except BaseException as exc:
        notes = getattr(exc, "__notes__", []) if NOTES_FOR_LEVELS else []
        return stdlib_type(exc), *(without_addresses(text) for text in (str(exc), *notes))


def without_addresses(text: str) -> str:
    return re.sub("0x[0-9a-f]+", "0x…", text)


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_as_c_pickle_refuses_it(wire: Wire, what: str):
    for protocol in PROTOCOLS:
        theirs = refusal(pickle.dumps, REFUSED[what](), protocol)
        assert refusal(wire.dumps, REFUSED[what](), protocol) == theirs, f"protocol {protocol}"


@pytest.mark.parametrize("what", REFUSED)
def test_deep_in_a_graph_too(wire: Wire, what: str):
    for protocol in PROTOCOLS:
        theirs = refusal(pickle.dumps, [{"key": (1, REFUSED[what]())}], protocol)
        assert refusal(wire.dumps, [{"key": (1, REFUSED[what]())}], protocol) == theirs, (
            f"protocol {protocol}"
        )


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_written_after_a_refusal_can_be_read(wire: Wire, what: str):
    shared = ["shared"]
    for protocol in PROTOCOLS:
        file = io.BytesIO()
        pickler = wire.Pickler(file, protocol)
        pickler.dump(shared)
        try:
            pickler.dump(["lost", shared, REFUSED[what]()])
            continue  # this protocol takes it
        except BaseException:
            pass
        file.seek(0)
        file.truncate()
        pickler.dump(["whole", shared, "lost"])
        reader = pickle.Unpickler(io.BytesIO(wire.dumps(shared, protocol) + file.getvalue()))
        assert reader.load() == shared
        assert reader.load() == ["whole", shared, "lost"]
