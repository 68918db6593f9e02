"""What is upgraded says the same, in the bytes that a Pickler would write, from whatever protocol."""

import collections
import contextlib
import copyreg
import gc
import io
import os
import pickle
import random
import time
import tracemalloc
from pathlib import Path

import graphs
import pytest
from shapes import shape

from brinery import Profile
from brinery.errors import ReadError
from brinery.stream import diff
from brinery.upgrade import Rules, upgrade_bytes, upgrade_stream

HERE = Path(__file__).parents[1] / "wire" / "python2"
GOLDEN = sorted((HERE / "golden").iterdir())
#: BRINERY_TEST_SEEDS=5000 upgrades that many graphs instead.
SEEDS = range(int(os.environ.get("BRINERY_TEST_SEEDS", "60")))


pytestmark = pytest.mark.usefixtures("form")


class Thing:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


LEAVES = (
    1,
    300,
    -5,
    2**40,
    -(2**2000),
    1.5,
    "text",
    "é" * 300,
    None,
    True,
    b"bytes",
    b"x" * 300,
    (),
    (1, 2, 3, 4),
)


def tree(choose, depth):
    if not depth:
        # Not Counter: from 3.15 on, its module's name is another object than that of OrderedDict's.
        return choose.choice(
            [*LEAVES, bytearray(b"xy"), {1}, frozenset((2,)), set(), collections.OrderedDict]
        )
    parts = [tree(choose, depth - 1) for _ in range(choose.randint(1, 4))]
    kind = choose.randrange(5)
    if kind == 0:
        return parts
    if kind == 1:
        return tuple(parts)
    if kind == 2:
        return {f"k{i}": part for i, part in enumerate(parts)}
    if kind == 3:
        return Thing(**{f"a{i}": part for i, part in enumerate(parts)})
    return collections.OrderedDict(enumerate(parts))


@pytest.mark.parametrize("seed", range(30))
def test_it_is_byte_for_byte_what_a_pickler_writes_of_what_is_loaded(seed):
    obj = tree(random.Random(seed), 4)
    for source in range(2, 6):
        data = pickle.dumps(obj, source)
        for target in (3, 4, 5):
            assert upgrade_bytes(data, Rules(target)) == pickle.dumps(pickle.loads(data), target)


@pytest.mark.parametrize(
    "obj",
    [
        [1] * 5000,
        list(range(1001)),
        dict(enumerate(range(2000))),
        dict(enumerate(range(2001))),
        set(range(3000)),
        ["x" * 100_000, b"y" * 70_000, "é" * 40_000],
        [b"z" * 3000] * 3 + [[i, "text"] for i in range(30_000)],
    ],
    ids=["list", "rest", "dict", "dict and one", "set", "payloads", "frames"],
)
def test_batches_frames_and_payloads_are_a_picklers(obj):
    for source in range(6):
        data = pickle.dumps(obj, source)
        for target in (4, 5):
            assert upgrade_bytes(data, Rules(target)) == pickle.dumps(pickle.loads(data), target)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_graph_says_the_same_afterwards(seed):
    """It loads to an equal object, and `diff` finds nothing: the graphs of the differential tests."""
    for source in range(6):
        try:
            data = pickle.dumps(graphs.grow(seed), source)
        except Exception:  # what this protocol cannot say
            continue
        right = loaded(data)
        for target in range(6):
            # Names of Python 2 are fewer than those of today, and digits are limited.
            refused = ReadError if target < 3 or source == 0 else ()
            with contextlib.suppress(refused):
                rules = Rules(target, profile=Profile.plain())  # plugins have other names for some
                new = upgrade_bytes(data, rules)
                assert target < 4 or upgrade_bytes(new, rules) == new
                if target >= 3:
                    assert loaded(new) == right
                    assert [one for one in diff(data, new) if one.kind != "shared"] == []
                else:
                    pickle.loads(new)


def loaded(data):
    """The shape of what a load gives, or the type of what it raises."""
    try:
        return shape(pickle.loads(data))
    except Exception as failure:
        return type(failure)


def test_what_shares_and_what_leads_back_still_does():
    shared = [1]
    loop = [shared, shared]
    loop.append(loop)
    pair = ([], "end")
    pair[0].append(pair)
    thing = Thing(a=1)
    thing.itself = thing
    for obj in (loop, pair, thing, {"a": pair, "b": pair}):
        for source in range(6):
            for target in range(6):
                new = pickle.loads(upgrade_bytes(pickle.dumps(obj, source), Rules(target)))
                assert pickle.dumps(new, 5) == pickle.dumps(pickle.loads(pickle.dumps(obj, source)), 5)


class Reduced:
    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return Reduced, (self.value,), None, None, None


def set_value(obj, state):
    obj.value = state


class SetByFunction:
    def __reduce__(self):
        return SetByFunction, (), [self.__dict__["value"]], None, None, set_value


def test_state_setters_are_called_again():
    obj = SetByFunction()
    obj.value = "kept"
    for source in (2, 4, 5):
        assert pickle.loads(upgrade_bytes(pickle.dumps([obj, obj], source)))[1].value == ["kept"]


def test_persistent_ids_and_extension_codes_stay():
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            return ("shop", obj.key) if isinstance(obj, Thing) else None

    file = io.BytesIO()
    Pickler(file, 2).dump([Thing(key=1), Thing(key=b"2")])
    met = []

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid):
            met.append(pid)

    Unpickler(io.BytesIO(upgrade_bytes(file.getvalue()))).load()
    assert met == [("shop", 1), ("shop", b"2")]
    assert upgrade_bytes(b"Pshop:1\n.", Rules(0)) == b"Pshop:1\n."
    copyreg.add_extension("collections", "OrderedDict", 250)
    try:
        data = pickle.dumps(collections.OrderedDict(a=1), 2)
        assert pickle.loads(upgrade_bytes(data)) == {"a": 1}
        assert b"\x82\xfa" in upgrade_bytes(data)
    finally:
        copyreg.remove_extension("collections", "OrderedDict", 250)


def test_buffers_stay_out_of_band():
    buffers = []
    data = pickle.dumps([pickle.PickleBuffer(b"abc"), 1], 5, buffer_callback=buffers.append)
    assert upgrade_bytes(data) == data
    with pytest.raises(ReadError, match="need protocol 5"):
        upgrade_bytes(data, Rules(4))


@pytest.mark.parametrize("encoding", ["latin1", "utf-8", "ASCII"])
def test_golden_pickles_of_python_2_load_with_no_rule(wire_python2, encoding):
    """Equal to what pickle gives with that encoding; where that fails, dates are read all the same."""
    compared = 0
    for path in GOLDEN:
        data = path.read_bytes()
        right = wire_python2.outcome(pickle.loads, data, encoding=encoding)
        try:
            new = upgrade_bytes(data, Rules(encoding=encoding))
        except ReadError:
            assert right[0] == "raises", path.name
            continue
        found = wire_python2.outcome(pickle.loads, new)
        assert found == right or (right[0] == "raises" and found[0] != "raises"), path.name
        compared += found == right
    assert compared > (190 if encoding == "latin1" else 150)


class TestStringsOfPython2:
    def test_attributes_of_a_class_have_rules(self):
        data = b"\x80\x02cshop\nOrder\n)\x81}(U\x04codeU\x01\xe9U\x04name]U\x02\xc3\xa9aub."
        rules = Rules(encoding="utf-8", attributes={"shop:Order.code": "bytes"})
        new = upgrade_bytes(data, rules)
        assert b"C\x01\xe9" in new
        assert b"\x8c\x02\xc3\xa9" in new
        assert b"\x8c\x02\xc3\xa9" in upgrade_bytes(data, Rules(attributes={"shop:Order": "latin1"})).replace(
            "é".encode("latin1").decode("latin1").encode(), b"\xc3\xa9"
        )

    def test_a_function_decides_with_the_place_in_hand(self):
        places = []

        def text(data, place):
            places.append(tuple(place))
            return "bytes" if place.name == "raw" else None

        data = b"\x80\x02cshop\nOrder\n)\x81}(U\x03rawU\x01\xe9U\x04name]U\x01aaub."
        new = upgrade_bytes(data, Rules(text=text))
        assert places == [
            ("shop:Order", "attribute", "raw", True),
            ("shop:Order", "attribute", "name", False),
        ]
        assert b"C\x01\xe9" in new
        places.clear()
        upgrade_bytes(b"\x80\x02cshop\nf\nU\x01aU\x01b\x86R(U\x01cU\x01dtb.", Rules(text=text))
        assert places[:2] == [("shop:f", "argument", 0, True), ("shop:f", "argument", 1, True)]
        assert places[2:] == [("shop:f", "state", 0, True), ("shop:f", "state", 1, True)]

    def test_a_string_that_is_not_what_it_should_be_is_named(self):
        with pytest.raises(
            ReadError, match=r"attribute code of shop:Order, b'\\xe9', is not ASCII"
        ) as caught:
            upgrade_bytes(data := b"\x80\x02cshop\nOrder\n)\x81}U\x04codeU\x01\xe9sb" + b"N0" * 9 + b".")
        # Where it stands, and not where the pickle ended.
        assert caught.value.pickle_offset == data.index(b"U\x01\xe9")
        assert caught.value.pickle_opcode == "SHORT_BINSTRING"

    def test_what_does_not_decode_may_stay_bytes(self):
        new = upgrade_bytes(b"\x80\x02U\x01\xe9U\x01a\x86.", Rules(errors="bytes"))
        assert pickle.loads(new) == (b"\xe9", "a")

    def test_names_of_attributes_are_text_whatever_the_encoding(self):
        new = upgrade_bytes(b"\x80\x02ctypes\nSimpleNamespace\n)R}U\x01aU\x01bsb.", Rules(encoding="bytes"))
        assert pickle.loads(new).a == b"b"


def test_names_are_those_of_today_at_every_protocol():
    data = b"\x80\x02cUserDict\nUserDict\n."
    assert pickle.loads(upgrade_bytes(data)) is collections.UserDict
    assert upgrade_bytes(pickle.dumps(collections.UserDict, 4), Rules(2)) == pickle.dumps(
        collections.UserDict, 2
    )


def test_a_name_with_a_dot_that_nobody_walked_is_refused():
    with pytest.raises(ReadError, match="dot"):
        upgrade_bytes(b"\x80\x02cos\npath.join\n.")


def _holding(count):
    """A tuple of lists, each of which holds the tuple."""
    data = b"\x80\x02(" + b"".join(b"]r" + i.to_bytes(4, "little") for i in range(count)) + b"tr\xff\xff\0\0"
    return data + b"".join(b"j" + i.to_bytes(4, "little") + b"j\xff\xff\0\0a0" for i in range(count)) + b"."


HOSTILE = {
    "deep list": b"]" * 50_000 + b"a" * 49_999 + b".",
    "deep tuple": b"\x80\x02N" + b"\x85" * 50_000 + b".",
    "deep calls": b"\x80\x02cm\nf\n)R" + b"\x85cm\nf\n2" * 0 + b"q\x00" + b"cm\nf\nh\x00\x85R0" * 1000 + b".",
    "shared": b"]q\0(K\1K\2e"
    + b"".join(b"0]q%c(" % (i + 1) + (b"h%c" % i) * 8 + b"e" for i in range(60))
    + b".",
    "a tuple in what it holds": _holding(100),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_streams_cost_what_they_are_long(name):
    began = time.monotonic()
    new = upgrade_bytes(HOSTILE[name])
    assert len(new) < 40 * len(HOSTILE[name]) + 100
    assert time.monotonic() - began < 10


def test_a_tuple_that_is_in_itself_very_often_is_refused():
    with pytest.raises(ReadError, match="hundreds of ways"):
        upgrade_bytes(_holding(1000))


def test_every_truncation_is_refused_and_damage_raises_nothing_else():
    data = pickle.dumps(tree(random.Random(3), 3), 4)
    for end in range(len(data)):
        with pytest.raises(ReadError):
            upgrade_bytes(data[:end])
    choose = random.Random(4)
    for _ in range(1500):
        damaged = bytearray(data)
        damaged[choose.randrange(len(data))] = choose.randrange(256)
        try:
            new = upgrade_bytes(damaged)
        except ReadError:
            continue
        assert upgrade_bytes(new) == new


def test_the_collector_is_as_it_was():
    upgrade_bytes(pickle.dumps([[]]))
    assert gc.isenabled()
    with pytest.raises(ReadError):
        upgrade_bytes(b"N")
    assert gc.isenabled()


def test_memory_is_that_of_one_pickle():
    one = pickle.dumps([{"id": i, "text": f"text {i}"} for i in range(300)])
    file = io.BytesIO(one * 600)
    tracemalloc.start()
    changes = upgrade_stream(file, len, Rules())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert changes.pickles == 600
    assert peak < 1_500_000 < len(one) * 600


def test_attributes_named_by_objects_nest_as_deep_as_they_like():
    """What names an attribute is an instance, whose attribute is named by an instance, and so on."""
    depth = 20_000
    data = b"\x80\x02" + b"cm\nC\n)\x81}" * depth + b"N" + b"Nsb" * depth + b"."
    assert upgrade_bytes(upgrade_bytes(data)) == upgrade_bytes(data)


def test_a_text_that_is_a_name_too_stays_one_object_in_every_pickle_and_run():
    """A slot's name, in the memo as the name of a global: names that were known before are other objects."""
    body = b"\x8c\x01m\x94\x8c\x04some\x94\x93\x94)\x81\x94N}\x94h\x01K\x01s\x86\x94b."
    one = b"\x80\x04\x95" + len(body).to_bytes(8, "little") + body
    for data in (one, one * 3):
        for _ in range(3):
            assert upgrade_bytes(data, Rules(4)) == data
