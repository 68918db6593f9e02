"""An object that cannot be written: the error names the way to it, as data and in its notes."""

from __future__ import annotations

import builtins
import collections
import io
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from acts import Acts
from engines import Wire
from graphs import DictChild, ListChild, Outer, Plain, Slotted, SlottedWithDict

from brinery.cpython import NOTES_FOR_LEVELS

FROZENDICT: Any = getattr(builtins, "frozendict", None)  # from Python 3.15 on

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def notes_on(exc: BaseException) -> list[str]:
    """The notes; what to do about it stands in the second line."""
    return [note.partition("\n")[0] for note in getattr(exc, "__notes__", [])]


def notes_wanted(graph: object, protocol: int, path: str, type_name: str) -> list[str]:
    """The notes that the running Python's C pickle adds; where it adds none, one that says the path."""
    if not NOTES_FOR_LEVELS:
        return [f"while pickling {path} (an object of type {type_name})"]
    with pytest.raises(Exception) as caught:  # noqa: PT011
        pickle.dumps(graph, protocol)
    return notes_on(caught.value)


def with_attributes(obj: Any, **attributes: object) -> Any:
    for name, value in attributes.items():
        setattr(obj, name, value)
    return obj


class Unpicklable:
    """Refuses as the interpreter refuses a lock, at every protocol alike."""

    def __reduce_ex__(self, protocol: int) -> object:
        raise TypeError("cannot pickle 'Unpicklable' object")

    def __call__(self) -> None:
        pass


class WithState:
    def __init__(self, state: object) -> None:
        self.state = state

    def __getstate__(self) -> object:
        return self.state


class Called:
    """Is made of what is given."""

    def __init__(self, *args: object) -> None:
        self.args = args

    def __reduce__(self) -> tuple[object, ...]:
        return Called, self.args


class Reduced:
    def __init__(self, *reduction: object) -> None:
        self.reduction = reduction

    def __reduce__(self) -> tuple[object, ...]:
        return self.reduction


class WithNewArguments:
    def __init__(self, *args: object) -> None:
        self.args = args

    def __getnewargs__(self) -> tuple[object, ...]:
        return self.args

    def __getstate__(self) -> None:
        return None


class WithMethod(Plain):
    def method(self) -> None:
        pass


WAYS: dict[str, Callable[[object], object]] = {
    "root": lambda bad: bad,
    "root[1]": lambda bad: [0, bad],
    "root[2]": lambda bad: (0, 0, bad, 0),
    "root['key']": lambda bad: {"key": bad},
    "root[7]": lambda bad: {7: bad},
    "root[b'key'][None][True][1.5]": lambda bad: {b"key": {None: {True: {1.5: bad}}}},
    "root[<tuple>]": lambda bad: {(1, 2): bad},
    "root.keys()[1]": lambda bad: {0: 1, bad: 2},
    "root<member>": lambda bad: {bad},
    "root[0]<member>": lambda bad: [frozenset([bad])],
    "root['jobs'][3].handler": lambda bad: {"jobs": [1, 2, 3, with_attributes(Plain(), handler=bad)]},
    "root.left": lambda bad: with_attributes(Slotted(), right=1, left=bad),
    "root.left.more": lambda bad: with_attributes(
        SlottedWithDict(), left=with_attributes(SlottedWithDict(), more=bad)
    ),
    "root['not a name']": lambda bad: with_attributes(Plain(), **{"not a name": bad}),
    "root.__getstate__()[1]": lambda bad: WithState([0, bad]),
    "root.__reduce__()[1][1]": lambda bad: Called(0, bad),
    "root[0].__reduce__()[1][0]['key']": lambda bad: [Called({"key": bad})],
    "root.__reduce__()[0]": lambda bad: Reduced(bad, ()),
    "root[0].__reduce__()[5]": lambda bad: [Reduced(Plain, (), {"state": 1}, None, None, bad)],
    "root.__getnewargs__()[1]": lambda bad: WithNewArguments(0, bad),
    "root[5]": lambda bad: ListChild([0, 1, 2, 3, 4, bad]),
    "root['b']": lambda bad: DictChild(a=1, b=bad),
    "root.extra": lambda bad: with_attributes(ListChild([1]), extra=bad),
    "root[0].__self__.handler": lambda bad: [with_attributes(WithMethod(), handler=bad).method],
    "root.__self__.extra": lambda bad: with_attributes(ListChild([1]), extra=bad).append,
    "root['c']": lambda bad: collections.OrderedDict(a=1, c=bad),
}
if FROZENDICT is not None:
    WAYS["root[0]['frozen']['key']"] = lambda bad: [FROZENDICT(frozen={"key": bad})]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("path", WAYS)
def test_the_way_reads_like_the_expression_that_reaches_it(wire: Wire, path: str, protocol: int):
    graph = WAYS[path](Unpicklable())
    if protocol < 2 and "left" in path:
        pytest.skip("protocols 0 and 1 have no form for slots")
    if protocol < 2 and "__getnewargs__" in path:
        pytest.skip("protocols 0 and 1 do not ask for them")
    if protocol < 2 and "frozen" in path:
        pytest.skip("protocols 0 and 1 have no form for it")
    if protocol < 2 and isinstance(graph, (ListChild, DictChild)) and "extra" not in path:
        path = path.replace("root", "root.__reduce__()[1][2]")  # copyreg takes all items at once
    with pytest.raises(TypeError) as caught:
        wire.dumps(graph, protocol)
    assert str(caught.value) == "cannot pickle 'Unpicklable' object"
    assert caught.value.pickle_path == path
    assert caught.value.pickle_type == f"{__name__}.Unpicklable"
    assert notes_on(caught.value) == notes_wanted(graph, protocol, path, f"{__name__}.Unpicklable")


def test_a_pickler_says_it_too(wire: Wire):
    with pytest.raises(TypeError, match=r"^cannot pickle '_thread.lock' object") as caught:
        wire.Pickler(io.BytesIO()).dump({"key": threading.Lock()})
    assert caught.value.pickle_path == "root['key']"


def test_a_class_that_cannot_be_found_is_named_with_its_way(wire: Wire):
    class Local:
        pass

    for protocol in PROTOCOLS:
        with pytest.raises((pickle.PicklingError, AttributeError)) as caught:
            wire.dumps([Outer, {"of": Local}], protocol)
        assert re.match("Can't (pickle|get) local object ", str(caught.value))
        assert caught.value.pickle_path == "root[1]['of']"
        assert caught.value.pickle_type == "type"


class Raises:
    def __init__(self, exc: BaseException) -> None:
        self.exc = exc

    def __reduce__(self) -> object:
        raise self.exc


def test_errors_of_user_code_keep_their_text_and_get_a_note(wire: Wire):
    with pytest.raises(LookupError) as caught:
        wire.dumps([0, {"key": Raises(LookupError("mine"))}])
    assert caught.value.args == ("mine",)
    assert caught.value.pickle_path == "root[1]['key']"
    assert caught.value.pickle_type == f"{Raises.__module__}.Raises"
    again = [0, {"key": Raises(LookupError("mine"))}]
    wanted = notes_wanted(again, pickle.DEFAULT_PROTOCOL, "root[1]['key']", f"{Raises.__module__}.Raises")
    assert notes_on(caught.value) == wanted


def test_leaves_can_fail_too(wire: Wire):
    """A number of too many digits has no text form."""
    for protocol in (0, 1):
        with pytest.raises(ValueError, match="digits") as caught:
            wire.dumps([0, {"key": 10**5000}], protocol)
        assert caught.value.pickle_path == "root[1]['key']"
        assert caught.value.pickle_type == "int"


class WithBadPairs:
    def __reduce__(self) -> tuple[object, ...]:
        return dict, (), None, None, iter([1])


def test_what_fails_between_the_parts_of_an_object_fails_there(wire: Wire):
    for protocol in PROTOCOLS:
        with pytest.raises(TypeError, match="2-tuples") as caught:
            wire.dumps([0, WithBadPairs()], protocol)
        assert caught.value.pickle_path == "root[1]"
        assert caught.value.pickle_type == f"{__name__}.WithBadPairs"


class Given:
    """Is a list or dict of what a generator gives, which fails after so many items."""

    def __init__(self, kind: type, items: list[object]) -> None:
        self.kind, self.items = kind, items

    def __reduce__(self) -> tuple[object, ...]:
        return self.kind, (), None, *((self.give(), None) if self.kind is list else (None, self.give()))

    def give(self) -> Iterator[object]:
        for number, item in enumerate(self.items):
            yield item if self.kind is list else (number, item)
        raise LookupError("no more")


GIVEN: list[list[object]] = [[], [1], [1, 2], [1, 2, "three"], [[1], [2], [3]], [[n] for n in range(1001)]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("items", GIVEN, ids=len)
@pytest.mark.parametrize("kind", [list, dict])
def test_an_iterator_that_fails_is_its_owners_not_the_part_before(
    wire: Wire, kind: type, items: list[object], protocol: int
):
    deep = Given(list, [*items, Given(kind, items), "after"])
    for graph, path in (({"key": Given(kind, items)}, "root['key']"), ([0, deep], "root[1]<item>")):
        with pytest.raises(LookupError) as caught:
            wire.dumps(graph, protocol)
        assert caught.value.pickle_path == path
        assert caught.value.pickle_type == f"{__name__}.Given"


def growing_dict() -> object:
    mapping: dict[object, object] = {0: 1}
    mapping.update({1: Acts(lambda: mapping.update(dict.fromkeys("abc"))), 2: "after"})
    return mapping


def growing_set() -> object:
    members: set[object] = {1, 2}
    members.add(Acts(lambda: members.update("abc")))
    return members


def growing_ordered_dict() -> object:
    mapping: collections.OrderedDict[object, object] = collections.OrderedDict(a=1)
    mapping.update(b=Acts(lambda: mapping.update(c=1)), d=2, e=3)
    return mapping


def growing_deque() -> object:
    items: collections.deque[object] = collections.deque([0])
    items.extend([Acts(lambda: items.append(1)), 2, 3])
    return items


def growing_instance() -> object:
    instance = Plain()
    return with_attributes(instance, one=1, two=Acts(lambda: setattr(instance, "three", 3)), four=4)


@pytest.mark.parametrize(
    ("grow", "type_name"),
    [
        (growing_dict, "dict"),
        (growing_set, "set"),
        (growing_ordered_dict, "collections.OrderedDict"),
        (growing_deque, "collections.deque"),
        (growing_instance, f"{Plain.__module__}.Plain"),
    ],
)
def test_what_changes_size_is_named_and_not_the_part_that_changed_it(
    wire: Wire, grow: Callable[[], object], type_name: str
):
    asked = type("Asked", (wire.Pickler,), {"persistent_id": lambda self, obj: None})
    for protocol in PROTOCOLS:
        if grow is growing_set and protocol < 4:
            continue  # written as a list that is made before
        for dump in (wire.dump, lambda obj, file, protocol: asked(file, protocol).dump(obj)):
            with pytest.raises(RuntimeError) as caught:
                dump([0, grow()], io.BytesIO(), protocol)
            assert caught.value.pickle_path == "root[1]"
            assert caught.value.pickle_type == type_name
            assert notes_on(caught.value) == notes_wanted([0, grow()], protocol, "root[1]", type_name)


def test_the_first_place_is_named_where_there_are_several(wire: Wire):
    bad = threading.Lock()
    with pytest.raises(TypeError) as caught:
        wire.dumps([bad, [bad]])
    assert caught.value.pickle_path == "root[0]"


def test_a_long_way_is_shortened(wire: Wire):
    obj: object = threading.Lock()
    for _ in range(100_000):
        obj = [obj]
    with pytest.raises(TypeError) as caught:
        wire.dumps(obj)
    path = caught.value.pickle_path
    assert len(path) < 500
    assert path.startswith("root[0][0]")
    assert path.endswith("[0][0]")
    assert "…" in path


def test_long_keys_are_shortened(wire: Wire):
    with pytest.raises(TypeError) as caught:
        wire.dumps({"k" * 100_000: {10**4000: threading.Lock()}})
    assert len(caught.value.pickle_path) < 200


ran: list[str] = []


def fail(self: object, *args: object) -> object:
    ran.append(type(self).__name__)
    raise AssertionError("the path has no business here")


class Hostile:
    """Fails whatever is asked of it, but for its reduction."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def __reduce_ex__(self, protocol: int) -> object:
        return list, (), None, iter([self.inner])

    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = fail  # type: ignore[assignment]
    __class__ = property(fail)  # type: ignore[assignment]


class HostileList(list):
    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(())

    __len__ = __getitem__ = fail  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        return list, (), None, list.__iter__(self)


def test_no_code_of_the_objects_runs_for_it(wire: Wire):
    with pytest.raises(TypeError) as caught:
        wire.dumps({Outer: HostileList([0, {1: Hostile({"x": threading.Lock()})}])})
    assert caught.value.pickle_path == "root[<type>][1][1]<item>['x']"
    assert ran == []


def test_an_exception_that_takes_no_attributes_passes(wire: Wire):
    class Closed(Exception):
        __slots__ = ()

        def __setattr__(self, name: str, value: object) -> None:
            raise AssertionError

    with pytest.raises(Closed):
        wire.dumps([Raises(Closed())])
