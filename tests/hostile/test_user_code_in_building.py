"""User code while containers are filled and instances get their state, and in what ends by that."""

from __future__ import annotations

import collections
import contextlib
import functools
import gc
import io
import pickle
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from engines import Wire
from user_code import watched

HERE = __name__
events: list[object] = []
#: What is done when an `Ends` of that name ends, a `Key` of that name is hashed, or `Acts` is called with it.
acts: dict[str, Callable[[], object]] = {}


def act(name: str) -> str:
    events.append(name)
    if name in acts:
        acts.pop(name)()
    return name


class Ends:
    def __init__(self, name: str = "end", other: object = None) -> None:
        self.name = name

    def __del__(self) -> None:
        act(self.name)


class Key:
    def __init__(self, name: str) -> None:
        self.name = name

    def __hash__(self) -> int:
        act(self.name)
        return hash("a")

    def __eq__(self, other: object) -> bool:
        act(f"{self.name} compared")
        return self is other

    def __repr__(self) -> str:
        return f"Key {self.name}"


class Point:
    pass


class Other:
    pass


class Slotted:
    __slots__ = ("__weakref__", "left", "right")


class WithFallback:
    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


class Noting(dict[Any, Any]):
    def __setitem__(self, key: object, value: object) -> None:
        events.append(("noted", getattr(key, "name", key)))
        super().__setitem__(key, value)


class SubDict(dict[Any, Any]):
    pass


class SubList(list[Any]):
    pass


class SubSet(set[Any]):
    pass


class Failure(Exception):
    pass


given: list[Any] = []


def take() -> Any:
    """What a test has prepared for the stream."""
    return given.pop()


def found(cls: type) -> list[Any]:
    return [obj for obj in gc.get_objects() if type(obj) is cls]


def one(name: str) -> bytes:
    return f"c{HERE}\n{name}\n".encode()


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def calls(name: str, *arguments: bytes) -> bytes:
    return one(name) + b"(" + b"".join(arguments) + b"tR"


def ends(name: str) -> bytes:
    return calls("Ends", text(name))


def does(name: str) -> bytes:
    """A call of act(), whose result is dropped."""
    return calls("act", text(name)) + b"0"


def pairs(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"u"


def state(**items: bytes) -> bytes:
    return b"}" + pairs(*(part for name, value in items.items() for part in (text(name), value)))


NUMBERS = {"x": b"K\x01", "y": b"K\x02", "z": b"K\x03"}


def described(obj: Any) -> object:
    """A result by what it is made of."""
    if isinstance(obj, dict):
        return type(obj).__name__, [(described(key), described(value)) for key, value in dict.items(obj)]
    if isinstance(obj, list | tuple | set):
        return type(obj).__name__, [described(item) for item in obj]
    if isinstance(obj, str | int | None):
        return obj
    parts: list[object] = [type(obj).__name__, repr(obj) if isinstance(obj, Key) else None]
    with contextlib.suppress(Exception):
        parts.append(described(vars(obj)))
    if isinstance(obj, Slotted):
        parts += [described(getattr(obj, name, None)) for name in ("left", "right")]
    return parts


def outcome(load: Callable[[], object]) -> tuple[object, list[object]]:
    """What a load comes to, and what was done meanwhile and up to the end of all that it has made."""
    events.clear()
    try:
        result: object = described(load())
    except Exception as exc:
        result = next(cls.__name__ for cls in type(exc).__mro__ if cls.__module__ == "builtins")
    events.append("over")
    seen = list(events)
    acts.clear()
    given.clear()
    return result, seen


def same(wire: Wire, data: bytes, prepare: Callable[[], object] = lambda: None) -> None:
    """The load is the same as C pickle's, from bytes and from a file."""
    gc.collect()
    for way in ("loads", "load"):

        def load(module: Any) -> object:
            prepare()
            return module.loads(data) if way == "loads" else module.load(io.BytesIO(data))  # noqa: B023

        expected = outcome(lambda: load(pickle))
        with watched() as exposed:
            assert outcome(lambda: load(wire)) == expected
        assert exposed == []


@pytest.fixture(autouse=True)
def changed_classes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    classes = (Point, Other, SubDict, SubList, SubSet, Failure)
    before = [dict(vars(cls)) for cls in classes]
    yield
    acts.clear()
    given.clear()
    for cls, attributes in zip(classes, before, strict=True):
        restore(cls, attributes)


def restore(cls: type, attributes: dict[str, object]) -> None:
    for name in {*vars(cls)} - {*attributes}:
        delattr(cls, name)


# State for an instance that has attributes already


def replaces_dict(obj: Any) -> None:
    obj.__dict__ = {"replaced": 1}


def replaces_dict_by_another_kind(obj: Any) -> None:
    obj.__dict__ = Noting(replaced=1)


def clears_dict(obj: Any) -> None:
    obj.__dict__.clear()


def adds_to_dict(obj: Any) -> None:
    obj.__dict__.update({f"more{number}": number for number in range(40)})


def deletes_attributes(obj: Any) -> None:
    for name in list(obj.__dict__):
        delattr(obj, name)


def changes_class(obj: Any) -> None:
    obj.__class__ = Other


def gives_its_class_a_property(obj: Any) -> None:
    Point.y = property(lambda self: "computed")  # type: ignore[attr-defined]


CHANGES = [
    *(replaces_dict, replaces_dict_by_another_kind, clears_dict, adds_to_dict),
    *(deletes_attributes, changes_class, gives_its_class_a_property),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("shown", [False, True], ids=["beside", "in a dict"])
@pytest.mark.parametrize("old", ["x", "y", "x y", "x z"])
@pytest.mark.parametrize("cls", [Point, WithFallback, types.SimpleNamespace, Failure])
def test_what_is_replaced_changes_the_instance(
    wire: Wire, change: Callable[[Any], None], shown: bool, old: str, cls: type
) -> None:
    if cls is not Point and change is changes_class:
        pytest.skip("of another layout")
    if cls is types.SimpleNamespace and change in (replaces_dict, replaces_dict_by_another_kind):
        pytest.skip("its __dict__ cannot be set")

    def prepare() -> None:
        restore(Point, {name: 0 for name in vars(Point) if name != "y"})
        obj = cls()
        if shown:
            vars(obj)
        for name in old.split():
            setattr(obj, name, Ends(name))
            acts[name] = functools.partial(change, obj)
        given.append(obj)

    same(wire, b"\x80\x04" + calls("take") + state(**NUMBERS) + b"b.", prepare)


def test_an_instance_keeps_what_is_replaced_elsewhere(wire: Wire) -> None:
    """Two attributes are one object: it ends with the second."""

    def prepare() -> None:
        obj = Point()
        obj.x = obj.y = obj.z = Ends("z")  # type: ignore[attr-defined]
        acts["z"] = functools.partial(replaces_dict, obj)
        given.append(obj)

    same(wire, b"\x80\x04" + calls("take") + state(**NUMBERS) + b"b.", prepare)


# What the memo lets go of


SLOTS = b"N" + state(left=b"K\x01", right=b"K\x02") + b"\x86"


def puts_a_setstate(obj: Any) -> None:
    obj.__setstate__ = lambda state: events.append(("set", sorted(state)))


def fills_its_slots(obj: Any) -> None:
    obj.left = Ends("left")


@pytest.mark.parametrize("dict_memoized", [False, True])
@pytest.mark.parametrize(
    ("cls", "change"),
    [
        *((Point, change) for change in (puts_a_setstate, replaces_dict_by_another_kind, changes_class)),
        (Slotted, fills_its_slots),
    ],
)
def test_what_the_memo_loses_changes_a_new_instance(
    wire: Wire, cls: type, change: Callable[[Any], None], dict_memoized: bool
) -> None:
    def prepare() -> None:
        acts["first"] = lambda: [change(obj) for obj in found(cls)]

    given_state = SLOTS if cls is Slotted else state(**NUMBERS)
    if dict_memoized:
        given_state = given_state.replace(b"}", b"}q\x07", 1)
    # The memo counts one entry, at 1: that is where the next one goes.
    data = ends("first") + b"q\x010" + one(cls.__name__) + b")\x81\x94" + given_state + b"b."
    same(wire, b"\x80\x04" + data, prepare)


@pytest.mark.parametrize("put", [b"\x94", b"q\x01", b"r\x01\x00\x00\x00", b"p1\n"])
@pytest.mark.parametrize(
    "made", [b"]", b"}", text("abc"), b"K\x05", one("Point"), one("Point") + b")\x81", b")"]
)
def test_what_the_memo_loses_ends_at_once(wire: Wire, put: bytes, made: bytes) -> None:
    for lost in (
        ends("first"),
        ends("one") + ends("two") + b"\x86",
        calls("Ends", text("three"), ends("four")),
    ):
        data = lost + b"q\x010" + does("before") + made + put + does("after") + b"."
        same(wire, b"\x80\x04" + data)


@pytest.mark.parametrize("memoized", [b"q\x00", b"r\x00\x00\x00\x00", b"p0\n"])
def test_arguments_that_only_the_memo_has(wire: Wire, memoized: bytes) -> None:
    """The tuple of a call is memoized, and then another object takes its place."""
    called = one("act_with") + text("called") + ends("argument") + b"\x86q\x00R0"
    data = called + does("before") + b"]" + memoized + does("after") + b"."
    same(wire, b"\x80\x04" + data)


def act_with(name: str, argument: object) -> str:
    return act(name)


def test_the_memo_goes_from_its_end(wire: Wire) -> None:
    several = b"".join(ends(f"{number}") + b"\x940" for number in range(40))
    same(wire, b"\x80\x04" + several + b"].")
    called = one("act_with") + text("called") + ends("argument") + b"\x86\x94R0"
    tuples = ends("a") + ends("b") + b"\x86\x940"
    dicts = b"}\x94" + pairs(text("k"), ends("c"), text("l"), ends("d")) + b"0"
    instance = one("Point") + b")\x81\x94}\x94" + pairs(text("x"), ends("e"), text("y"), ends("f")) + b"b0"
    same(wire, b"\x80\x04" + several + called + tuples + dicts + instance + several + b"].")


# Containers


@pytest.mark.parametrize("cls", [SubDict, Noting])
@pytest.mark.parametrize("way", ["method", "class", "removed"])
def test_a_dict_that_is_given_another_setitem(wire: Wire, cls: type, way: str) -> None:
    def change() -> None:
        if way == "method":
            SubDict.__setitem__ = Noting.__setitem__  # type: ignore[method-assign]
        elif way == "class":
            for obj in found(cls):
                obj.__class__ = Noting if cls is SubDict else SubDict
        else:
            SubDict.__setitem__ = dict.__setitem__  # type: ignore[assignment]

    def prepare() -> None:
        if "__setitem__" in vars(SubDict):
            del SubDict.__setitem__  # type: ignore[misc]
        acts["changes"] = change

    items = pairs(
        text("a"), b"K\x01", calls("Key", text("changes")), b"K\x02", text("b"), b"K\x03", text("c"), b"K\x04"
    )
    for begun in (b"", pairs(text("z"), b"K\x00")):
        same(wire, b"\x80\x04" + one(cls.__name__) + b")\x81" + begun + items + b".", prepare)


def test_a_dict_whose_replaced_value_gives_it_another_setitem(wire: Wire) -> None:
    def prepare() -> None:
        if "__setitem__" in vars(SubDict):
            del SubDict.__setitem__  # type: ignore[misc]
        acts["old"] = lambda: setattr(SubDict, "__setitem__", Noting.__setitem__)

    first = pairs(text("a"), ends("old"))
    data = one("SubDict") + b")\x81" + first + pairs(text("a"), b"K\x02", text("b"), b"K\x03") + b"."
    same(wire, b"\x80\x04" + data, prepare)


@pytest.mark.parametrize("fill", [b"(" + ends("item") + b"K\x02e", ends("item") + b"a"])
def test_a_list_that_is_given_another_extend(wire: Wire, fill: bytes) -> None:
    def prepare() -> None:
        restore(SubList, {name: 0 for name in vars(SubList) if name != "extend"})
        acts["now"] = lambda: setattr(
            SubList, "extend", lambda self, items: (events.append("extended"), list.extend(self, items))
        )

    same(wire, b"\x80\x04" + one("SubList") + b")\x81" + fill + does("now") + fill + b".", prepare)


def test_a_set_whose_class_is_changed_while_it_is_filled(wire: Wire) -> None:
    def prepare() -> None:
        restore(SubSet, {name: 0 for name in vars(SubSet) if name != "add"})
        acts["changes"] = lambda: setattr(SubSet, "add", lambda self, item: events.append("added"))

    items = b"(" + calls("Key", text("changes")) + b"K\x02K\x03\x90"
    same(wire, b"\x80\x04" + one("SubSet") + b")\x81" + items + items + b".", prepare)


def test_an_ordered_dict_that_keeps_keys_which_dict_has_forgotten(wire: Wire) -> None:
    def prepare() -> None:
        made: Any = collections.OrderedDict()
        made[Key("hidden")] = 1
        dict.clear(made)
        given.append(made)

    items = pairs(*(part for name in "abcdefghijkl" for part in (text(name), b"K\x01")))
    data = calls("take") + items + b"0" + does("after") + b"N."
    same(wire, b"\x80\x04" + data, prepare)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_dict_that_is_dropped_ends_at_once(wire: Wire, times: int) -> None:
    begin = does("first")
    dropped = b"".join(
        b"}"
        + pairs(text("k") + b"q\x01" if not number else b"h\x01", ends(f"{number}"), text("l"), b"K\x01")
        + b"0"
        for number in range(times)
    )
    same(wire, b"\x80\x04" + begin + dropped + does("after") + b".")
    kept = b"}q\x05" + pairs(text("k"), b"K\x01", text("l"), b"K\x02") + b"0"
    later = b"h\x05" + pairs(text("m"), ends("m")) + b"0Nq\x050"
    same(wire, b"\x80\x04" + kept + does("first") + later + does("after") + b".")


# __setstate__ and __dict__ that are not what they seem


def test_an_exceptions_own_setstate(wire: Wire) -> None:
    def own() -> None:
        error: Any = Failure("text")
        error.__setstate__ = lambda state: events.append(("own", sorted(state)))
        given.append(error)

    same(wire, b"\x80\x04" + calls("take") + state(**NUMBERS) + b"b.", own)

    def of_its_class() -> None:
        restore(Failure, {name: 0 for name in vars(Failure) if name != "__setstate__"})
        acts["now"] = lambda: setattr(
            Failure, "__setstate__", lambda self, state: events.append(("class", sorted(state)))
        )

    filled = calls("Failure") + state(**NUMBERS) + b"b"
    same(wire, b"\x80\x04" + filled + does("now") + state(**NUMBERS) + b"b.", of_its_class)


class BorrowsSetstate:
    __setstate__ = BaseException.__setstate__  # type: ignore[attr-defined]


class BorrowsDict:
    __dict__ = Other.__dict__["__dict__"]


class BorrowsDictBesides(Point):
    __dict__ = Other.__dict__["__dict__"]


class NamespacesDict:
    __dict__ = types.SimpleNamespace.__dict__["__dict__"]


class OtherAttribute(Point):
    __dict__ = Point.__dict__["__weakref__"]


class ArgumentsAsDict(Exception):
    __dict__ = BaseException.__dict__["args"]


class FallsBackToAnothers(WithFallback):
    __dict__ = Other.__dict__["__dict__"]


@pytest.mark.parametrize(
    "cls",
    [
        *(BorrowsSetstate, BorrowsDict, BorrowsDictBesides, NamespacesDict, OtherAttribute),
        *(ArgumentsAsDict, FallsBackToAnothers),
    ],
)
@pytest.mark.parametrize("memoized", [b"", b"\x94"])
def test_what_is_borrowed_from_another_class(wire: Wire, cls: type, memoized: bytes) -> None:
    for made in (one(cls.__name__) + b")\x81", calls(cls.__name__)):
        data = made + memoized + b"}" + memoized + pairs(text("x"), b"K\x01", text("y"), b"K\x02") + b"b."
        same(wire, b"\x80\x04" + data)
        same(wire, b"\x80\x04" + made + b"}" + text("x") + b"K\x01sb.")


# What the collector shows


def shown_beside(obj: object, *known: object) -> list[type]:
    """What refers to an object, as the collector says it: the types of all but `known`."""
    return [type(holder) for holder in gc.get_referrers(obj) if not any(holder is one for one in known)]


def test_what_a_memo_holds_is_not_shown_in_a_container(wire: Wire) -> None:
    if wire.name == "python":
        pytest.skip("its memo is a dict of Python's")
    obj = Point()
    obj.x = [1]  # type: ignore[attr-defined]
    pickler = wire.Pickler(io.BytesIO())
    for _ in range(3):
        pickler.dump(obj)
        assert set(shown_beside(obj, sys._getframe())) <= {type(pickler)}
    other = wire.Pickler(io.BytesIO())
    other.memo = pickler.memo
    assert set(shown_beside(obj, sys._getframe())) <= {type(pickler)}
    unpickler = wire.Unpickler(io.BytesIO(b"\x80\x04" + one("Point") + b")\x81r\x00\x00\x00\x70."))
    made = unpickler.load()
    assert not {dict, list} & {*shown_beside(made, sys._getframe())}
    # And the collector knows of it.
    for owner in (pickler, unpickler):
        owner.itself = owner
        (obj if owner is pickler else made).owner = owner
    weak, weak_made = weakref.ref(obj), weakref.ref(made)
    del pickler, other, unpickler, obj, made, owner
    gc.collect()
    assert weak() is None
    assert weak_made() is None


# What is looked up for each global


@pytest.mark.parametrize("way", ["instance", "class", "back", "none", "persistent"])
def test_a_find_class_that_is_replaced_in_the_middle(wire: Wire, way: str) -> None:
    def run(base: Any) -> object:
        class Finds(base):  # type: ignore[misc]
            if way != "persistent":

                def find_class(self, module: str, name: str) -> object:
                    replace(self)
                    return "first"

            def persistent_load(self, pid: object) -> object:
                replace(self)
                return pid

        def replace(unpickler: Any) -> None:
            if way == "instance" or way == "persistent":
                unpickler.find_class = lambda module, name: "instance"
            elif way == "class":
                Finds.find_class = lambda self, module, name: "class"
            elif way == "back":
                del Finds.find_class
            else:
                unpickler.find_class = None

        name = b"cbuiltins\nlen\n"
        data = b"(" + b"P1\n" + name + name + text("builtins") + text("len") + b"\x93t."
        try:
            return Finds(io.BytesIO(data)).load()
        except TypeError as exc:
            return str(exc).splitlines()[0]

    assert run(wire.Unpickler) == run(pickle.Unpickler)


# Files in memory of which somebody has a view


@pytest.mark.parametrize("framed", [False, True])
def test_a_file_in_memory_that_is_written_into_by_a_view(wire: Wire, framed: bool) -> None:
    def run(module: Any) -> object:
        body = b"(" + calls("act", text("now")) + b"K\x01K\x01t."
        data = b"\x80\x04" + (b"\x95" + len(body).to_bytes(8, "little") if framed else b"") + body
        file = io.BytesIO(data)
        with file.getbuffer() as view:

            def change() -> None:
                view[data.rindex(b"K\x01") + 1] = 7

            acts["now"] = change
            return module.load(file), file.tell() == len(data)

    assert run(wire) == run(pickle)
