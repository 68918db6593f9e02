"""What is borrowed, or stands in a table, while the last reference to something goes, and code runs."""

from __future__ import annotations

import collections
import gc
import io
import pickle
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from engines import Wire

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

#: Memory that was let go of is used again.
filled: list[object] = []


def fill() -> None:
    filled.extend(b"A" * size for size in range(0, 600, 8) for _ in range(60))


class Plain:
    pass


class Collects:
    """The collector looks at whatever is being let go of when this is."""

    def __del__(self) -> None:
        fill()
        gc.collect()


@pytest.fixture(autouse=True)
def emptied() -> Iterator[None]:
    yield
    filled.clear()


def of_global(name: str) -> bytes:
    return f"c{__name__}\n{name}\n".encode()


@pytest.mark.parametrize("load", ["loads", "Unpickler"])
def test_a_finalizer_that_collects_while_the_memo_goes(wire: Wire, load: str) -> None:
    gone = (of_global("Plain") + b")\x81\x940") * 200 + of_global("Collects") + b")\x81\x940"
    data = b"\x80\x04]\x94" + gone + b"."
    gc.collect()
    for _ in range(5):
        if load == "loads":
            assert wire.loads(data) == []
        else:
            assert wire.Unpickler(io.BytesIO(data)).load() == []


def test_a_finalizer_that_replaces_the_memo_that_is_being_copied(wire: Wire) -> None:
    pickler = wire.Pickler(io.BytesIO())
    pickler.dump([str(number) * 3 for number in range(3000)])

    class Replaces:
        def __del__(self) -> None:
            pickler.memo = {}
            fill()

    before = gc.get_threshold()
    copy = pickler.memo.copy
    gc.collect()
    # Up to 3.11, making an object may collect: here only the copy makes one, as no list is left for it.
    made: list[list[object]] = [[] for _ in range(200)]
    lost = Plain()
    lost.itself, lost.acts = lost, Replaces()  # type: ignore[attr-defined]
    del lost
    gc.set_threshold(1, 1, 1)
    try:
        copied = copy()
    finally:
        gc.set_threshold(*before)
    del made
    assert len(copied) in (0, 3001)
    assert all(type(obj) in (str, list) for _, obj in copied.values())


class Key:
    """Takes itself for the text "a", and acts when it is asked."""

    act: Callable[[], object] | None = None

    def __hash__(self) -> int:
        return hash("a")

    def __eq__(self, other: object) -> bool:
        if Key.act is not None:
            act, Key.act = Key.act, None
            act()
        return type(other) is str


def test_an_ordered_dict_that_dict_itself_has_changed(wire: Wire) -> None:
    ordered: Any = collections.OrderedDict()
    ordered[Key()] = 1
    dict.clear(ordered)
    dict.__setitem__(ordered, "a", 5)
    graph: list[Any] = [collections.OrderedDict(b=1), [[["x" * 10, ordered]]]]
    del ordered

    def act() -> None:
        graph[1].clear()
        fill()

    Key.act = act
    try:
        wire.dumps(graph, 4)
    except (RuntimeError, KeyError):
        pass
    finally:
        Key.act = None


class NamedByItsReducer:
    def __reduce__(self) -> str:
        return "the_name"


def test_a_module_that_goes_while_it_is_looked_into(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    obj = NamedByItsReducer()
    monkeypatch.setattr(NamedByItsReducer, "__module__", None)
    names = [f"going_{number}" for number in range(50)]

    class Same(Key):
        def __hash__(self) -> int:
            return hash("the_name")

    def act() -> None:
        for name in names:
            sys.modules.pop(name, None)
        fill()

    before = dict(sys.modules)
    try:
        sys.modules.clear()
        for name in names:
            sys.modules[name] = types.ModuleType(name)
            vars(sys.modules[name])[Same()] = 1  # type: ignore[index]
        sys.modules.update(before)
        last = types.ModuleType("it_is_here")
        last.the_name = obj  # type: ignore[attr-defined]
        sys.modules["it_is_here"] = last
        Key.act = act
        assert wire.dumps(obj, 4).endswith(b"\x8c\nit_is_here\x94\x8c\x08the_name\x94\x93\x94.")
    finally:
        Key.act = None
        for name in {*sys.modules} - {*before}:
            del sys.modules[name]


class Shares:
    """Its items are in its state, too."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def append(self, item: Any) -> None:
        self.items.append(item)

    def extend(self, items: Any) -> None:
        self.items.extend(items)

    def __reduce__(self) -> Any:
        return Shares, (), {"again": self.items}, iter(self.items)


class SharesPairs(Shares):
    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))

    def __reduce__(self) -> Any:
        return SharesPairs, (), {"again": self.items}, None, iter(self.items)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("cls", [Shares, SharesPairs])
def test_an_item_of_an_iterator_is_met_again_in_the_state(
    wire: Wire, cls: type[Shares], count: int, protocol: int
) -> None:
    for item in (list, dict, lambda: bytes(b"12" * 3), lambda: str(1.5), lambda: ([1],)):
        made = cls()
        made.items = [(str(i) * 2, item()) if cls is SharesPairs else item() for i in range(count)]
        assert wire.dumps(made, protocol) == pickle.dumps(made, protocol)


class TwoNames:
    __slots__ = ("first", "second")


TwoNames.second = TwoNames.first  # type: ignore[misc,has-type]


class Counted:
    alive = 0

    def __init__(self) -> None:
        Counted.alive += 1

    def __del__(self) -> None:
        Counted.alive -= 1


@pytest.mark.parametrize("memoized", [b"", b"\x94"])
def test_two_names_of_one_slot(wire: Wire, memoized: bytes) -> None:
    values = b"".join(
        b"\x8c" + bytes([len(name)]) + name + of_global("Counted") + b")R" for name in (b"first", b"second")
    )
    data = b"\x80\x04" + of_global("TwoNames") + b")\x81N}" + memoized + b"(" + values + b"u\x86b."
    before = Counted.alive
    for _ in range(5):
        made = wire.loads(data)
        assert type(made.first) is Counted
    del made
    gc.collect()
    assert Counted.alive == before
