"""What the compiled reader does in one step, and where it must not: at every protocol, as C pickle does."""

from __future__ import annotations

import array
import collections
import contextlib
import datetime
import io
import pickle
import pickletools
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from engines import Wire


@dataclass(frozen=True)
class Frozen:
    number: int
    text: str


class Slots:
    __slots__ = ("number", "text")

    def __init__(self, number: int, text: str) -> None:
        self.number, self.text = number, text


class Watching:
    """Its __setattr__ is not asked by a state for __dict__, and is by one for slots."""

    __slots__ = ("__dict__", "slot")
    seen: list[str] = []

    def __setattr__(self, name: str, value: object) -> None:
        self.seen.append(name)
        object.__setattr__(self, name, value)


class SlotsAndDict(Slots):
    """Slots, a dict beside them, and in that what a slot and a property hide."""

    @property
    def hidden(self) -> str:
        return "the property"


def slots_and_dict(number: int, /, **attributes: object) -> SlotsAndDict:
    made = SlotsAndDict(number, "text")
    made.__dict__.update(attributes)
    return made


class Asked:
    """Asked for an attribute that is not there, it does what a test wants, and says so."""

    asked: list[str] = []
    does: Callable[[object], None] = staticmethod(lambda asked: None)

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)

    def __getattr__(self, name: str) -> object:
        Asked.asked.append(name)
        Asked.does(self)
        raise AttributeError(name)


class AskedForAll(Asked):
    def __getattribute__(self, name: str) -> object:
        Asked.asked.append(f"all: {name}")
        return super().__getattribute__(name)


class AskedWithDict(Asked):
    """Its __dict__ is not its own."""

    instead: dict[str, object] = {}

    @property
    def __dict__(self) -> dict[str, object]:  # type: ignore[override]
        return self.instead


class AskedWithSetter(Asked):
    @property
    def a(self) -> object:
        return "the property"

    @a.setter
    def a(self, value: object) -> None:
        raise AssertionError("a state goes past it")


class Numbers(list):
    pass


class Extending(list):
    def extend(self, items) -> None:
        super().extend(["extended", *items])


class Table(dict):
    pass


class Setting(dict):
    def __setitem__(self, key, value) -> None:
        super().__setitem__(key, ("set", value))


class Whole(int):
    pass


class Word(str):
    __slots__ = ()


class Pair(tuple):
    pass


class WithNew:
    def __new__(cls, number: int) -> WithNew:
        made = super().__new__(cls)
        made.number, made.text = number, "new"
        return made

    def __getnewargs__(self) -> tuple[int]:
        return (self.number,)


class Problem(Exception):
    """Its constructor sets an attribute, another one is a property, and a third the arguments themselves."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def level(self) -> int:
        return self.__dict__["kept"]

    @level.setter
    def level(self, level: int) -> None:
        self.kept = level * 2


class OwnNamespace(types.SimpleNamespace):
    kept: int

    @property
    def doubled(self) -> int:
        return self.kept

    @doubled.setter
    def doubled(self, value: int) -> None:
        raise AssertionError("a state goes past it")


def own_namespace() -> OwnNamespace:
    made = OwnNamespace(kept=1)
    made.__dict__["doubled"] = 3
    return made


def problem() -> Problem:
    made = Problem("first")
    made.text, made.__dict__["level"], made.__dict__["args"] = "second", 5, ("changed",)
    return made


def with_attribute(obj: object) -> object:
    obj.attribute = "an attribute"  # type: ignore[attr-defined]
    return obj


OBJECTS = {
    "frozen dataclasses": [Frozen(n, "text") for n in range(3)],
    "slots": [Slots(n, "text") for n in range(3)],
    "slots with a dict": [slots_and_dict(n, free=n, more="more") for n in range(3)],
    "slots with a dict that is empty": [slots_and_dict(1)],
    "slots with what they hide": [slots_and_dict(1, number=2, hidden=3, free=4)],
    "list subclasses": [Numbers([n, n]) for n in range(3)] + [with_attribute(Numbers([1]))],
    "an extend() of its own": [Extending([1, 2])],
    "dict subclasses": [Table(a=n, b=n) for n in range(3)] + [with_attribute(Table())],
    "a __setitem__ of its own": [Setting(a=1)],
    "int subclasses": [Whole(n) for n in range(3)] + [with_attribute(Whole(5))],
    "str subclasses": [Word("word")],
    "tuple subclasses": [Pair((n, [n])) for n in range(3)] + [with_attribute(Pair())],
    "a __new__ of its own": [WithNew(n) for n in range(3)],
    "dates": [datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30), datetime.time(1, 2)],
    "sets": [{1, "a", None}, frozenset((2.5, b"x")), {(1, (2,))}],
    "collections": [collections.OrderedDict(a=1), collections.deque([1]), collections.Counter("aab")],
    "namespaces": [types.SimpleNamespace(a=n, b="text") for n in range(3)] + [types.SimpleNamespace()],
    "a namespace of its own": [own_namespace()],
    "exceptions": [problem(), with_attribute(ValueError(1)), OSError(2, "no", "file")],
    "arrays": [array.array("i", [1, 2])],
}


def described(obj: object) -> object:
    """What two loads are compared by: types, contents and attributes."""
    if isinstance(obj, list | tuple | collections.deque):
        inner: object = [described(item) for item in obj]
    elif isinstance(obj, dict):
        inner = [(described(key), described(value)) for key, value in obj.items()]
    elif isinstance(obj, Slots):
        inner = obj.number, obj.text
    else:
        inner = repr(obj) if type(obj).__module__ != __name__ or isinstance(obj, int | str) else None
    return type(obj), inner, vars(obj) if hasattr(obj, "__dict__") else None


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_at_every_protocol_and_optimized(wire: Wire, name: str, protocol: int):
    obj = OBJECTS[name]
    if name.startswith("slots") and protocol < 2:
        pytest.skip("such classes are not pickled below protocol 2")
    for stream in (pickle.dumps(obj, protocol), pickletools.optimize(pickle.dumps(obj, protocol))):
        read = described(pickle.loads(stream))
        assert described(wire.loads(stream)) == read
        assert described(wire.load(io.BytesIO(stream))) == read


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_which_attributes_go_through_setattr(wire: Wire, protocol: int):
    obj = object.__new__(Watching)
    object.__setattr__(obj, "slot", 1)
    obj.__dict__["free"] = 2
    stream = pickle.dumps(obj, protocol)
    seen = []
    for loads in (pickle.loads, wire.loads):
        Watching.seen.clear()
        read = loads(stream)
        assert (read.slot, read.free) == (1, 2)
        seen.append(Watching.seen[:])
    assert seen[0] == seen[1] == ["slot"]


def becomes_another(asked: object) -> None:
    asked.__class__ = AskedWithSetter


def has_attributes(asked: object) -> None:
    vars(asked).update(a="before", b="before")


def has_a_dict_of_its_own(asked: object) -> None:
    asked.__dict__ = type(
        "Own", (dict,), {"__setitem__": lambda *item: Asked.asked.append(f"set: {item[1]}")}
    )()


def has_a_class_that_changes(asked: object) -> None:
    Asked.a = property(lambda asked: "new", lambda asked, value: Asked.asked.append("the setter"))  # type: ignore[attr-defined]


@pytest.mark.parametrize("cls", [Asked, AskedForAll, AskedWithDict, AskedWithSetter])
@pytest.mark.parametrize(
    "does", [None, becomes_another, has_attributes, has_a_dict_of_its_own, has_a_class_that_changes]
)
def test_a_class_that_makes_attributes_up_is_asked_as_by_pickle(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, cls: type[Asked], does: Callable[[object], None] | None
):
    """Once for each object, for __setstate__, and by then it is there; whatever it does to it comes first."""
    stream = three_of(cls)
    outcomes = []
    for loads in (pickle.loads, wire.loads):
        with monkeypatch.context() as patched:
            patched.setattr(Asked, "asked", [])
            patched.setattr(AskedWithDict, "instead", {})
            patched.setattr(Asked, "a", None, raising=False)
            if does is not None:
                patched.setattr(Asked, "does", staticmethod(does))
            try:
                read: object = [
                    (type(one), object.__getattribute__(one, "__dict__")) for one in loads(stream)
                ]
            except Exception as error:
                read = type(error), str(error)
            outcomes.append((read, Asked.asked[:], dict(AskedWithDict.instead)))
    assert outcomes[1] == outcomes[0]


def three_of(cls: type) -> bytes:
    name = f"c{__name__}\n{cls.__name__}\n".encode()
    states = (b"}(U\x01aK%cU\x01bU\x04textu" % n for n in range(3))
    return b"\x80\x02](" + b"".join(name + b")\x81" + state + b"b" for state in states) + b"e."


def numbered(protocol: int, put: bytes) -> bytes:
    """An instance, and its state asked of the memo afterwards, where `put` had put it."""
    name = f"c{Frozen.__module__}\nFrozen\n".encode()
    state = b"}" + put + b"(X\x06\x00\x00\x00numberK\x01X\x04\x00\x00\x00textX\x01\x00\x00\x00xu"
    return b"\x80" + bytes([protocol]) + b"(" + name + b")\x81" + state + b"b" + b"h" + put[1:2] + b"t."


@pytest.mark.parametrize("put", [b"q\x00", b"q\x05", b"r\x00\x00\x00\x00", b"r\x07\x00\x00\x00"])
def test_a_state_is_found_in_the_memo_wherever_it_was_put(wire: Wire, put: bytes):
    stream = numbered(2, put)
    instance, state = wire.loads(stream)
    assert (vars(instance), state) == ({"number": 1, "text": "x"}, {"number": 1, "text": "x"})
    assert described(pickle.loads(stream)) == described((instance, state))


def test_arguments_of_a_call_are_found_in_the_memo_wherever_they_were_put(wire: Wire):
    for put in (b"q\x00", b"q\x09", b"r\x00\x00\x00\x00", b"\x94"):
        index = bytes([put[1]]) if len(put) > 1 else b"\x00"
        for called in (b"cbuiltins\ncomplex\n", f"c{__name__}\nfunction\n".encode()):
            stream = b"\x80\x04(" + called + b"K\x01K\x02\x86" + put + b"Rh" + index + b"t."
            assert wire.loads(stream) == pickle.loads(stream)
            assert wire.loads(stream)[1] == (1, 2)


def function(*args: object) -> object:
    return args


class Referring(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return "id" if obj is Ellipsis else None


class TestAFileInMemory:
    """It shows its own bytes, and stays a file of which anyone may do anything meanwhile."""

    def test_it_stands_behind_each_pickle(self, wire: Wire):
        file = io.BytesIO(b"before" + pickle.dumps([1, "a"], 2) + pickle.dumps({"b": 2.5}, 4) + b"behind")
        file.seek(6)
        assert wire.load(file) == [1, "a"]
        assert wire.load(file) == {"b": 2.5}
        assert file.read() == b"behind"

    def test_where_it_ends_or_stands_behind_its_end(self, wire: Wire):
        for at in (0, 3, 4, 100):
            file = io.BytesIO(b"]K\x01")
            file.seek(at)
            with pytest.raises(EOFError):
                wire.load(file)
        file.close()
        with pytest.raises(ValueError, match="closed"):
            wire.load(file)

    @pytest.mark.parametrize("protocol", [0, 2, 4])
    def test_user_code_writes_into_it_and_closes_it(self, wire: Wire, protocol: int):
        buffer = io.BytesIO()
        Referring(buffer, protocol).dump([1, ..., "text" * 50, 2])
        size = buffer.tell()

        def overwrite(pid: str) -> str:
            buffer.seek(0)
            buffer.write(b"\xff" * (size + 10_000))
            buffer.seek(3)
            buffer.truncate()
            return pid

        buffer.seek(0)
        unpickler = wire.Unpickler(buffer)
        unpickler.persistent_load = overwrite
        # What was shown is what is read, or the file has no more; nothing is read that is not there.
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            assert unpickler.load() == [1, "id", "text" * 50, 2]

    def test_what_is_written_behind_is_read_by_the_next_load(self, wire: Wire):
        file = io.BytesIO()
        unpickler = wire.Unpickler(file)
        for number in range(5):
            at = file.tell()
            file.write(pickle.dumps(["number", number], 4))
            file.seek(at)
            assert unpickler.load() == ["number", number]

    def test_a_subclass_is_asked(self, wire: Wire):
        class Counting(io.BytesIO):
            asked = 0

            def read(self, *args):
                self.asked += 1
                return super().read(*args)

        file = Counting(pickle.dumps([1, 2], 4))
        assert wire.load(file) == [1, 2]
        assert file.asked


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("buffering", [0, 100, 1 << 16])
class TestLargePayloadsInFiles:
    def test_they_are_read_whole(self, wire: Wire, tmp_path: Path, kind, buffering: int):
        payload = kind(range(256)) * (3 << 12)
        path = tmp_path / "large"
        path.write_bytes(pickle.dumps([payload, "behind"], 5) + b"rest")
        with path.open("rb", buffering=buffering) as file:
            assert wire.load(file) == [payload, "behind"]
            assert file.read() == b"rest"

    def test_a_file_that_is_too_short(self, wire: Wire, tmp_path: Path, kind, buffering: int):
        path = tmp_path / "short"
        path.write_bytes(pickle.dumps(kind(3 << 20), 5)[: 2 << 20])
        with path.open("rb", buffering=buffering) as file, pytest.raises((pickle.UnpicklingError, EOFError)):
            wire.load(file)
