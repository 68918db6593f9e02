"""Bytes by path, by class and by global: they add up, and what is told apart is what is large."""

import datetime
import io
import pickle
import tracemalloc
from random import Random

import pytest
from graphs import Plain

from brinery.errors import ReadError
from brinery.stream import sizes


def part(found, path):
    """The part at that path of the first pickle."""

    def look(one):
        if one.path == path:
            return one
        return next(filter(None, map(look, one.parts)), None)

    return look(found.roots[0])


def within(one):
    """Every part holds its parts."""
    assert sum(inner.bytes for inner in one.parts) <= one.bytes
    for inner in one.parts:
        within(inner)


GRAPH = {"cache": {"rows": ["x" * 3000, "y" * 1000]}, "small": [1, 2], "blob": bytes(5000)}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_parts_have_their_path_and_their_bytes(protocol):
    data = pickle.dumps(GRAPH, protocol)
    found = sizes(data)
    assert (found.bytes, found.pickles) == (len(data), 1)
    assert found.roots[0].bytes == len(data)
    within(found.roots[0])
    assert 3000 < part(found, "root['cache']['rows'][0]").bytes < 3020
    assert 4000 < part(found, "root['cache']['rows']").bytes < 4060
    assert part(found, "root['cache']").bytes >= part(found, "root['cache']['rows']").bytes
    assert part(found, "root['blob']").bytes >= 5000


def test_the_largest_comes_first():
    assert [inner.path for inner in sizes(pickle.dumps(GRAPH)).roots[0].parts] == [
        "root['blob']",
        "root['cache']",
        "root['small']",
    ]


def test_what_is_shared_counts_where_it_is_met_first():
    shared = ["x" * 10_000]
    found = sizes(pickle.dumps({"one": shared, "other": shared}))
    assert part(found, "root['one']").bytes > 10_000
    assert part(found, "root['other']").bytes < 10


def test_many_of_a_kind_are_one_part_and_so_are_their_parts():
    rows = [{"name": f"customer {i:06}", "tags": ["a", str(i)]} for i in range(10_000)]
    data = pickle.dumps(rows)
    found = sizes(data)
    names = part(found, "root[…]['name']")
    assert names.objects > 9_900
    assert names.bytes == pytest.approx(18 * 10_000, rel=0.02)
    assert part(found, "root[…]").bytes == pytest.approx(len(data), rel=0.02)
    within(found.roots[0])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_instances_have_attributes_and_count_for_their_class(protocol):
    objects = [Plain() for _ in range(3)]
    for i, one in enumerate(objects):
        one.text = "x" * 1000 * (i + 1)
    found = sizes(pickle.dumps(objects, protocol))
    assert part(found, "root[2].text").bytes >= 3000
    (row,) = [row for row in found.classes if row.name.endswith("Plain")]
    assert row.objects == 3
    assert row.bytes > 6000


def test_an_instance_inside_another_counts_for_its_own_class():
    outer, day = Plain(), datetime.date(2020, 2, 29)
    outer.days = [day.replace(day=i + 1) for i in range(28)]
    outer.text = "x" * 5000
    found = {row.name: row.bytes for row in sizes(pickle.dumps(outer, 4)).classes}
    assert 5000 < found["graphs.Plain"] < 5200
    assert 28 * 10 < found["datetime.date"] < 28 * 30


@pytest.mark.parametrize("count", [1, 100, 3000])
def test_the_names_of_classes_cannot_move_the_cursor(count):
    data = b"\x80\x04](\x8c\x05m\x1b[2J\x8c\x02X\x07\x93\x94" + b"h\x00)\x81" * count + b"e."
    found = sizes(data)
    waiting = list(found.roots)
    for one in waiting:
        assert (one.path + one.kind).isprintable()
        waiting += one.parts
    assert all(one.name.isprintable() for one in (*found.classes, *found.globals))


def test_globals_have_their_uses():
    (found,) = sizes(pickle.dumps([Plain, Plain, Plain], 4)).globals
    assert (found.name, found.uses) == ("graphs.Plain", 3)


def test_what_it_was_made_with_has_a_place():
    (argument,) = part(sizes(pickle.dumps(datetime.date(2020, 2, 29))), "root").parts
    assert argument.path == "root<argument 0>"


def test_each_pickle_of_a_file_is_a_root():
    found = sizes(pickle.dumps("x" * 10) + pickle.dumps("y" * 20))
    assert found.pickles == 2
    assert [root.bytes for root in found.roots] == [len(pickle.dumps("x" * 10)), len(pickle.dumps("y" * 20))]


def test_a_fault_says_where():
    with pytest.raises(ReadError, match="no opcode") as caught:
        sizes(b"\x80\x02]\xff")
    assert caught.value.pickle_offset == 3


@pytest.mark.parametrize(
    "data",
    [
        b"]2a" + b"2a" * 1000 + b".",  # a list that holds itself
        b"]q\x00" + b"(h\x00" * 5000 + b"e" * 5000 + b".",
        b"N" + b"\x85" * 100_000 + b".",
        b"]" * 50_000 + b"a" * 49_999 + b".",
        b"N" + b")R" * 50_000 + b".",
        b"}q\x00" + b"(K\x01h\x00" * 3000 + b"u" * 3000 + b".",
        b"(" * 50_000 + b"t" * 50_000 + b".",
    ],
)
def test_cycles_and_depth_do_no_harm(data):
    found = sizes(data)
    assert found.bytes == len(data)
    within(found.roots[0])


def test_memory_does_not_grow_with_the_rows():
    def peak(count):
        data = pickle.dumps([{"n": i, "f": i / 3} for i in range(count)], 2)
        # Without a memo, as a stream of many pickles has it: what grows is what is kept of the rows.
        file = io.BytesIO(data)
        tracemalloc.start()
        sizes(file)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(40_000) < peak(20_000) + 500_000


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_builtins_do_not_count_twice_what_is_nested(protocol):
    graph = {"a": [[[["x" * 100], ("y", 1, 2.5)]]], "b": {"c": {"d": [1, (2, (3, ("z" * 300,)))]}}}
    graph["a"].append(graph["b"])
    data = pickle.dumps(graph, protocol)
    found = sizes(data)
    bytes_of = {row.name: row.bytes for row in found.builtins}
    assert 400 < bytes_of["str"] < 500
    assert bytes_of["list"] < 60
    assert bytes_of["dict"] < 60
    # Everything counts once: what is left is PROTO, FRAME and STOP.
    assert len(data) - 13 <= sum(bytes_of.values()) <= len(data)


def test_a_state_that_is_a_pair_of_other_things_has_its_place():
    class Odd:
        def __reduce__(self):
            return Plain, (), (["x" * 1000], ["y" * 500])

    assert part(sizes(pickle.dumps(Odd(), 4)), "root<state>[0]").bytes > 1000


def test_a_global_has_the_bytes_of_its_names():
    (found,) = sizes(pickle.dumps([Plain, Plain], 4)).globals
    assert len("graphs" + "Plain") < found.bytes < 30


def test_what_a_stream_leaves_below_its_object_is_not_the_objects():
    found = sizes(b"(Vaaa\nVbbb\n(Vc\nt.")
    assert {row.name: row.bytes for row in found.builtins} == {"str": 13, "tuple": 3}


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02]q\x00(K\x00K\x0b)\x81K\re.",  # NEWOBJ of what is no class
        b"\x80\x02]q\x00(h\x00K\x01ah\x00(K\x01K\x02ee.",  # more for a list through the memo
        b"\x80\x02K\x01Qq\x00K\x05b.",  # a state for a persistent object
        b"\x80\x02(K\x01K\x02K\x03o.",
        b"]2(K\x01e0.",
        b"](K\x01eK\x010K\x02a.",  # what is thrown away in the middle of a list
    ],
)
def test_odd_streams_do_not_count_twice_either(data):
    assert sum(row.bytes for row in sizes(data).builtins) <= len(data)


def test_what_a_called_tuple_gives_is_no_tuple():
    found = {row.name: row.objects for row in sizes(b"\x80\x02(K\x01t)\x81.").builtins}
    assert found == {"tuple": 2, "int": 1, "object": 1}


def test_what_a_called_object_holds_counts_once():
    new = b"cgraphs\nPlain\n)\x81"
    data = (
        b"\x80\x02"
        + new
        + b"}X\x01\x00\x00\x00a("
        + new
        + b"X\xc8\x00\x00\x00"
        + b"x" * 200
        + b"bts"
        + b"b)R."
    )
    assert sum(row.bytes for row in sizes(data).classes) <= len(data)


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"]N\x93.", 2),
        (b"P\xff\n.", 0),
        (b"Fx\n.", 0),
        (b"X\xd0\x00\x00\x00" + b"\xff" * 208 + b".", 0),
    ],
)
def test_what_sizes_does_not_need_may_be_a_fault_all_the_same(data, offset):
    with pytest.raises(ReadError) as caught:
        sizes(data)
    assert caught.value.pickle_offset == offset


def test_many_pickles_are_all_there():
    """The largest have a place of their own, and all others are one."""
    data = b"".join(pickle.dumps(["x" * (i % 1000)]) for i in range(5000))
    found = sizes(data)
    assert found.pickles == 5000
    assert sum(root.bytes for root in found.roots) == len(data)
    assert sum(root.objects for root in found.roots) == 5000
    assert len(found.roots) <= 201
    assert found.roots[-1].path == "pickles[…]"
    assert "pickles[4999]" in {root.path for root in found.roots}
    assert [root.path for root in sizes(pickle.dumps(1) * 150).roots].count("pickles[…]") == 0


THROWN_AWAY = [
    b"(Va\np0\n(Vb\np1\n0(Vc\np2\n(ttp3\ntp4\ntp5\n.",
    b"(]p0\n(Vb\np1\n0(Vc\np2\n(ttp3\ntp4\ntp5\n.",
    b"](Vbbbbbbbbbbbbbbbbbbbbb\n0Va\nta.",
    b"](Vbbb\n01K\x01a.",
    b"](Vbbb\n00K\x01a.",
    b"](Vbbb\n0(Vccc\n1Va\nta.",
    b"]((Vbbb\n(Vccc\n11Va\nta.",
    b"](Vbbb\n0Va\nVb\ne.",
    b"}(]Vbbb\na0Va\nVb\nu.",
]


@pytest.mark.parametrize("data", THROWN_AWAY)
def test_what_is_thrown_away_counts_once(data):
    """Each byte but STOP's and those of POP counts for one kind, though it lies in what is made around it."""
    rows = sizes(data).builtins
    assert all(row.bytes >= 0 for row in rows)
    assert len(data) - 5 <= sum(row.bytes for row in rows) <= len(data)


def test_no_stream_counts_more_than_it_has():
    """Of streams at random, of containers, marks and what throws away."""
    random = Random(7)
    tried = 0
    while tried < 3000:
        pieces = [
            b"]",
            b"(",
            b"(",
            b"0",
            b"1",
            b"t",
            b"l",
            b"Vab\n",
            b"K\x01",
            b"a",
            b"e",
            b"\x85",
            b"}",
            b"2",
        ]
        data = b"".join(random.choice(pieces) for _ in range(random.randrange(4, 16))) + b"."
        try:
            found = sizes(data)
        except ReadError:
            continue
        tried += 1
        assert all(row.bytes >= 0 for row in found.builtins), data
        assert sum(row.bytes for row in found.builtins) <= len(data), data


def test_attributes_as_python_2_wrote_them_are_attributes():
    data = b"\x80\x02cgraphs\nPlain\n)\x81}U\x05alpha]K\x01asb."
    assert [one.path for one in sizes(data).roots[0].parts if one.kind == "list"] == ["root.alpha"]
