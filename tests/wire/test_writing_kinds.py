"""Each kind of object, at each protocol: the bytes of C pickle."""

from __future__ import annotations

import copyreg
import functools
import io
import pickle
import random
import sys
from collections.abc import Iterator

import pytest
from engines import Wire
from graphs import Colour, DictChild, FrozensetChild, ListChild, MadeByMeta, Outer, SetChild, TupleChild

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
LIMITS = (0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 63, 1 << 64, 1 << 2031, 1 << 2039, 1 << 2047)

INTS = [sign * (limit + step) for limit in LIMITS for step in (-2, -1, 0, 1) for sign in (1, -1)]
FLOATS = [0.0, -0.0, 1.5, 1e16, 1e-320, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan")]
TEXTS = [
    *("", "a", "\0", "\n", "\r", "\x1a", "\\", "\\u0041", "tab\t", "\x7f\x80\xff", "\u0100", "😀", "\ud800"),
    *("x" * size for size in (254, 255, 256, 257, 0xFFFF)),
    *("é" * size for size in (127, 128)),
]
BYTES = [b"", b"a", bytes(range(256)), *(b"x" * size for size in (254, 255, 256, 257, 0xFFFF))]
SIZES = (0, 1, 2, 3, 4, 999, 1000, 1001, 1002, 1999, 2000, 2001, 3000)


class Nested:
    class Class:
        class Deeper:
            @staticmethod
            def function() -> None:
                pass

        def method(self) -> None:
            pass


def assert_as_c_pickle(wire: Wire, obj: object) -> None:
    for protocol in PROTOCOLS:
        assert wire.dumps(obj, protocol) == pickle.dumps(obj, protocol), f"protocol {protocol}"


def test_the_default_protocol_is_the_running_pythons(wire: Wire):
    assert wire.dumps([1]) == pickle.dumps([1])


@pytest.mark.parametrize("obj", [None, True, False, ..., NotImplemented])
def test_singletons(wire: Wire, obj: object):
    assert_as_c_pickle(wire, obj)
    assert_as_c_pickle(wire, [obj, obj])


def test_ints_of_every_length(wire: Wire):
    assert_as_c_pickle(wire, INTS)


def test_floats(wire: Wire):
    assert_as_c_pickle(wire, FLOATS)


def test_text_of_every_length_and_kind(wire: Wire):
    assert_as_c_pickle(wire, TEXTS)
    assert_as_c_pickle(wire, TEXTS * 2)


def test_bytes_of_every_length(wire: Wire):
    assert_as_c_pickle(wire, BYTES)
    assert_as_c_pickle(wire, BYTES * 2)


def test_bytearrays_of_every_length(wire: Wire):
    arrays = [bytearray(data) for data in BYTES]
    assert_as_c_pickle(wire, arrays * 2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "kind", [list, tuple, set, frozenset, dict.fromkeys, ListChild, TupleChild, SetChild, FrozensetChild]
)
def test_containers_are_filled_in_the_same_batches(wire: Wire, kind: type, size: int):
    assert_as_c_pickle(wire, kind(range(size)))


@pytest.mark.parametrize("size", SIZES)
def test_instances_of_dict_subclasses_are_filled_in_the_same_batches(wire: Wire, size: int):
    assert_as_c_pickle(wire, DictChild.fromkeys(range(size), 0))


@pytest.mark.parametrize("size", range(6))
def test_shared_tuples_are_written_once(wire: Wire, size: int):
    shared = tuple(range(size))
    assert_as_c_pickle(wire, [shared, [shared], (shared, shared)])


def test_the_memo_passes_256_objects(wire: Wire):
    lists: list[list[int]] = [[] for _ in range(300)]
    assert_as_c_pickle(wire, [lists, lists[::-1]])


@pytest.mark.parametrize("size", range(1, 6))
def test_a_tuple_that_leads_back_to_itself(wire: Wire, size: int):
    inner: list[object] = []
    whole = (inner, *range(size - 1))
    inner.append(whole)
    assert_as_c_pickle(wire, whole)
    assert_as_c_pickle(wire, inner)


def test_a_frozenset_that_leads_back_to_itself(wire: Wire):
    class_with_hash = Cyclic()
    class_with_hash.back = frozenset([class_with_hash, 1])
    assert_as_c_pickle(wire, class_with_hash.back)
    assert_as_c_pickle(wire, class_with_hash)


class Cyclic:
    back: object

    def __reduce__(self) -> tuple[object, ...]:
        return Cyclic, (), {"back": self.back}


def test_lists_and_dicts_that_lead_back_to_themselves(wire: Wire):
    items: list[object] = []
    items.append(items)
    assert_as_c_pickle(wire, items)
    mapping: dict[object, object] = {}
    mapping[1] = mapping
    mapping[2] = [mapping, items]
    assert_as_c_pickle(wire, mapping)


GLOBALS = {
    "a class": Wire,
    "a builtin class": int,
    "a builtin function": len,
    "a function": assert_as_c_pickle,
    "a class in a class": Nested.Class,
    "a class in a class in a class": Nested.Class.Deeper,
    "a function in a class": Nested.Class.Deeper.function,
    "a method of a class": Nested.Class.method,
    "a builtin method": str.join,
    "a method of a builtin object": "text".upper,
    "a class method": dict.fromkeys,
    "a bound method of an instance": Nested.Class().method,
    "a class with a metaclass": MadeByMeta,
    "an enum and a member": [Colour, next(iter(Colour))],
    "the type of None": type(None),
    "the type of ...": type(...),
    "the type of NotImplemented": type(NotImplemented),
    "type": type,
    "a class whose name moved since Python 2": functools.reduce,
    "a module that moved since Python 2": copyreg.pickle,
    "a name that moved since Python 2": [range, map, filter, Exception, ModuleNotFoundError],
}


@pytest.mark.parametrize("what", GLOBALS)
@pytest.mark.parametrize("fix_imports", [True, False])
def test_globals(wire: Wire, what: str, fix_imports: bool):
    obj = GLOBALS[what]
    for protocol in PROTOCOLS:
        for graph in (obj, [obj, obj], [Outer, obj, Nested]):
            assert wire.dumps(graph, protocol, fix_imports=fix_imports) == pickle.dumps(
                graph, protocol, fix_imports=fix_imports
            )


@pytest.fixture(params=[1, 0xFF, 0x100, 0xFFFF, 0x10000, 0x7FFFFFFF])
def extension(request: pytest.FixtureRequest) -> Iterator[None]:
    # The one place that has the standard library's registry written to: a program's own doing, and undone.
    entries = [(__name__, "Nested", request.param)]
    if request.param > 1:
        entries.append((__name__, "Nested.Class", request.param - 1))
    for entry in entries:
        copyreg.add_extension(*entry)
    yield
    for entry in entries:
        copyreg.remove_extension(*entry)


@pytest.mark.usefixtures("extension")
def test_extension_codes(wire: Wire):
    assert_as_c_pickle(wire, [Nested, Nested, Nested.Class, Nested.Class.Deeper, Nested()])
    for protocol in PROTOCOLS:
        assert wire.loads(pickle.dumps([Nested, Nested], protocol)) == [Nested, Nested]


@pytest.mark.parametrize("code", [0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, True, "7", 7.5, None])
def test_an_extension_code_that_is_none_is_refused_as_c_pickle_refuses_it(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, code: object
):
    monkeypatch.setitem(copyreg._extension_registry, (__name__, "Nested"), code)  # type: ignore[attr-defined]
    for protocol in (2, 4):
        try:
            expected = pickle.dumps(Nested, protocol)
        except Exception as refused:
            with pytest.raises(type(refused)):
                wire.dumps(Nested, protocol)
        else:
            assert wire.dumps(Nested, protocol) == expected


def test_a_name_that_is_not_ascii(wire: Wire):
    module = sys.modules[__name__]
    odd = type("Größe", (), {"__module__": __name__})
    module.Größe = odd
    try:
        for protocol in (3, 4, 5):
            assert wire.dumps(odd, protocol) == pickle.dumps(odd, protocol)
        for protocol in (0, 1, 2):
            with pytest.raises(pickle.PicklingError):
                wire.dumps(odd, protocol)
    finally:
        delattr(module, "Größe")


def test_without_a_module_name_it_is_looked_for_in_the_loaded_modules(wire: Wire):
    def looked_for() -> None: ...

    looked_for.__module__ = None  # type: ignore[assignment]
    looked_for.__qualname__ = "looked_for"
    module = sys.modules[__name__]
    module.looked_for = looked_for  # type: ignore[attr-defined]
    try:
        assert_as_c_pickle(wire, looked_for)
    finally:
        del module.looked_for  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(30))
def test_random_plain_data(wire: Wire, seed: int):
    r = random.Random(seed)

    def grow(depth: int) -> object:
        choice = r.randrange(9 if depth else 5)
        if choice < 5:
            return (r.choice(INTS), r.choice(FLOATS), r.choice(TEXTS), r.choice(BYTES), None)[choice]
        items = [grow(depth - 1) for _ in range(r.randrange(5))]
        return (items, tuple(items), {str(i): item for i, item in enumerate(items)}, [items] * 2)[choice - 5]

    graph = grow(6)
    assert_as_c_pickle(wire, graph)


def test_picklers_write_what_dumps_writes(wire: Wire):
    graph = [INTS, TEXTS, BYTES, {"key": (1, 2.0)}, Nested]
    for protocol in PROTOCOLS:
        file = io.BytesIO()
        wire.Pickler(file, protocol).dump(graph)
        other = io.BytesIO()
        wire.dump(graph, other, protocol)
        assert file.getvalue() == other.getvalue() == wire.dumps(graph, protocol)
