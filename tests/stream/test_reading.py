"""The disassembler reads what `pickletools` reads, and names what each opcode does."""

import collections
import datetime
import decimal
import io
import pickle
import pickletools
import random

import pytest

from brinery.stream import Excerpt, GlobalName, disassemble


class Plain:
    def __init__(self):
        self.name = "ü"


class ByReference(pickle.Pickler):
    def persistent_id(self, obj):
        return f"plain-{obj.name}" if isinstance(obj, Plain) and obj.name != "ü" else None


GRAPH = {
    "constants": [
        None,
        True,
        False,
        0,
        255,
        65535,
        -1,
        2**31 - 1,
        10**40,
        -(10**40),
        1.5,
        "é\n",
        b"\xff",
        "x" * 300,
    ],
    "containers": [
        (),
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 3, 4),
        [],
        {},
        {1: 2, 3: 4},
        {5},
        frozenset({6}),
        bytearray(b"7"),
    ],
    "objects": [
        Plain(),
        collections.OrderedDict(a=1),
        datetime.date(2020, 2, 29),
        decimal.Decimal("1.5"),
        len,
        int,
    ],
}
GRAPH["itself"] = GRAPH
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_offsets_opcodes_and_arguments_are_those_of_pickletools(protocol):
    data = pickle.dumps(GRAPH, protocol)
    ours = [(i.offset, i.opcode.name, i.argument) for i in disassemble(data)]
    theirs = [(offset, opcode.name, argument) for opcode, argument, offset in pickletools.genops(data)]
    assert [row[:2] for row in ours] == [row[:2] for row in theirs]
    for (_, name, argument), (_, _, expected) in zip(ours, theirs, strict=True):
        if name in ("GLOBAL", "INST"):
            argument = " ".join(argument)  # pickletools joins the two lines
        assert (type(argument), argument) == (type(expected), expected)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_stack_is_empty_after_stop_and_only_then_ends(protocol):
    *before, stop = disassemble(pickle.dumps(GRAPH, protocol))
    assert (stop.opcode.name, stop.stack) == ("STOP", 0)
    assert all(i.opcode.name != "STOP" for i in before)


def test_a_file_is_read_in_pieces_of_any_size():
    data = pickle.dumps(GRAPH, 0) + pickle.dumps(GRAPH, 5)
    choose = random.Random(1)

    class Dribble(io.BytesIO):
        def read(self, size=-1, /):
            return super().read(min(size, choose.randint(1, 3)))

    assert list(disassemble(Dribble(data))) == list(disassemble(data))


def test_several_pickles_are_numbered_and_each_has_a_memo_of_its_own():
    data = pickle.dumps(["a"], 4) + pickle.dumps(["b"], 4)
    stores = [(i.pickle, i.memo) for i in disassemble(data) if i.opcode.name == "MEMOIZE"]
    assert stores == [(0, 0), (0, 1), (1, 0), (1, 1)]


def details(data, *names):
    return [i.detail for i in disassemble(data) if i.opcode.name in names]


def test_memo_entries_are_named_where_they_are_stored_and_fetched():
    shared = ["shared"]
    data = pickle.dumps([shared, shared], 4)
    assert details(data, "MEMOIZE") == ["memo[0] = []", "memo[1] = []", "memo[2] = 'shared'"]
    assert details(data, "BINGET") == ["memo[1] is ['shared']"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_globals_are_named_however_they_are_written(protocol):
    data = pickle.dumps([Plain, Plain], protocol)
    names = [i.global_name for i in disassemble(data) if i.global_name is not None]
    assert names == [GlobalName(__name__, "Plain")] * 2  # by its name, then through the memo


def test_a_global_whose_name_is_computed_is_shown_as_unknown():
    # The name comes out of a call, so only loading could tell it.
    data = b"\x80\x04c_codecs\ndecode\n(C\x02osU\x05asciitR\x8c\x06system\x93."
    (name,) = [i.global_name for i in disassemble(data) if i.opcode.name == "STACK_GLOBAL"]
    assert name == GlobalName("<_codecs.decode(b'os', b'ascii')>", "system")


@pytest.mark.parametrize(
    ("protocol", "expected"), [(0, "'plain-x'"), (1, "'plain-x'"), (2, "'plain-x'"), (5, "'plain-x'")]
)
def test_persistent_ids_are_named(protocol, expected):
    plain = Plain()
    plain.name = "x"
    file = io.BytesIO()
    ByReference(file, protocol).dump([plain])
    assert [i.persistent_id for i in disassemble(file.getvalue()) if i.persistent_id] == [expected]


def test_a_persistent_id_of_several_parts_is_shown_as_python_would_write_it():
    data = b"\x80\x04\x8c\x04shopK\x05\x86Q."
    assert details(data, "BINPERSID") == ["persistent ID ('shop', 5)"]


@pytest.mark.parametrize(
    ("data", "opcode", "detail"),
    [
        (b"cfractions\nFraction\n(I1\nI2\ntR.", "REDUCE", "call fractions.Fraction(1, 2)"),
        (b"(I1\nI2\nifractions\nFraction\n.", "INST", "call fractions.Fraction(1, 2)"),
        (b"(cfractions\nFraction\nK\x01K\x02o.", "OBJ", "call fractions.Fraction(1, 2)"),
        (b"(I1\n(I2\nI3\nI4\ntishop\nJob\n.", "INST", "call shop.Job(1, (2, 3, 4))"),
        (b"(cshop\nJob\n(I2\nI3\nto.", "OBJ", "call shop.Job((2, 3))"),
        (b"cshop\nJob\n(" + b"K\x01" * 10 + b"tR.", "REDUCE", f"call shop.Job({'1, ' * 8}… 10 in all)"),
        (b"\x80\x02cshop\nJob\n)\x81.", "NEWOBJ", "new shop.Job()"),
        (b"\x80\x04cshop\nJob\n)}\x92.", "NEWOBJ_EX", "new shop.Job()"),
        (b"\x80\x02cshop\nJob\n)\x81}b.", "BUILD", "state of shop.Job(): {}"),
        (b"\x80\x02\x82\x01.", "EXT1", "copyreg's extension code 1"),
        (b"\x80\x02\x83\x00\x01.", "EXT2", "copyreg's extension code 256"),
        (b"\x80\x02\x84\x00\x00\x01\x00.", "EXT4", "copyreg's extension code 65536"),
        (b"\x80\x05\x97\x98.", "READONLY_BUFFER", "<buffer 0>, read-only"),
        (b"(K\x01K\x022e.", "APPENDS", None),
        (b"](K\x01K\x022e.", "APPENDS", "append 3 items"),
        (b"}(K\x01K\x02u.", "SETITEMS", "1: 2"),
        (b"K\x01(0.", "POP", "drop the mark"),
        (b"K\x01(K\x02K\x031.", "POP_MARK", "drop 2 objects"),
        (b"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N.", "FRAME", "2 bytes, to offset 13"),
        (b"NNN.", "STOP", "the object is None (2 more left on the stack)"),
    ],
)
def test_what_an_opcode_does_is_said_in_words(data, opcode, detail):
    if detail is None:
        with pytest.raises(pickle.UnpicklingError, match="the stack is too short: APPENDS needs 1"):
            list(disassemble(data))
    else:
        assert detail in details(data, opcode)


def test_nothing_is_imported(tmp_path, monkeypatch):
    (tmp_path / "never_imported.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert details(b"cnever_imported\nthing\n.", "GLOBAL") == ["global never_imported.thing"]


def test_of_a_long_argument_only_the_beginning_is_kept():
    long = b"x" * 100_000
    (argument,) = [i.argument for i in disassemble(pickle.dumps(long)) if i.opcode.name == "BINBYTES"]
    assert argument == Excerpt(long[:4096], 100_000)
    (detail,) = details(pickle.dumps(long.decode()), "BINUNICODE")
    assert detail.endswith("(100,000 bytes)")
    assert len(detail) < 80


def shown(data):
    """The object of a pickle, as the disassembler shows it."""
    (detail,) = details(data, "STOP")
    return detail.removeprefix("the object is ")


@pytest.mark.parametrize(
    "obj",
    [
        None,
        True,
        False,
        7,
        1.5,
        "é",
        b"x",
        (),
        (1,),
        (1, 2),
        [],
        [1],
        {},
        {1: [2]},
        set(),
        {5},
        frozenset([6]),
    ],
    ids=repr,
)
def test_an_object_is_shown_as_python_writes_it(obj):
    assert shown(pickle.dumps(obj, 4)) == repr(obj)


@pytest.mark.parametrize("protocol", [0, 4])  # with an APPEND for each item, and with one APPENDS
def test_of_a_container_the_first_eight_parts_are_shown(protocol):
    items = list(range(10))
    assert shown(pickle.dumps(items, protocol)) == "[0, 1, 2, 3, 4, 5, 6, 7, … 10 in all]"
    pairs = dict.fromkeys(items)
    assert shown(pickle.dumps(pairs, protocol)) == "{0: None, 1: None, 2: None, 3: None, … 10 in all}"


def test_what_an_object_does_with_its_items_is_not_known():
    assert shown(pickle.dumps(collections.OrderedDict(a=1), 4)) == "collections.OrderedDict()"


def test_what_is_shown_ends_at_a_depth_and_at_a_length():
    nested = []
    for _ in range(10):
        nested = [nested]
    assert shown(pickle.dumps(nested)) == "[[[[[[…]]]]]]"
    assert shown(pickle.dumps("x" * 100)) == "'" + "x" * 58 + "…"


@pytest.mark.parametrize(
    ("data", "referred"),
    [
        (b"cos\nsystem\n.", (GlobalName("os", "system"), None, None)),
        (b"Pkey\n.", (None, "'key'", None)),
        (b"\x82\x07.", (None, None, 7)),
        (b"I7\n.", (None, None, None)),
    ],
)
def test_an_opcode_refers_to_one_kind_of_thing(data, referred):
    first, _ = disassemble(data)
    assert (first.global_name, first.persistent_id, first.extension) == referred


def test_a_global_may_be_named_by_byte_strings_of_python_2():
    names = [i.global_name for i in disassemble(b"U\x02osU\x06system\x93.") if i.global_name]
    assert names == [GlobalName("os", "system")]


def test_a_long_memo_is_followed():
    data = pickle.dumps([str(number) for number in range(300)], 2)[:-1] + b"j\x2c\x01\x00\x00."
    assert "LONG_BINPUT" in {i.opcode.name for i in disassemble(data)}
    assert details(data, "LONG_BINGET") == ["memo[300] is '299'"]


@pytest.mark.parametrize("head", [b"V", b"X\x00\x10\x00\x00", b"\x8d\x00\x10" + bytes(6)])
def test_an_argument_of_4096_bytes_is_kept_whole(head):
    tail = b"\n." if head == b"V" else b"."
    argument, _ = [i.argument for i in disassemble(head + b"x" * 4096 + tail)]
    assert argument == "x" * 4096


@pytest.mark.parametrize(
    "data",
    [b"c" + b"m" * 5000 + b"\nname\n.", b"X\x88\x13\x00\x00" + b"m" * 5000 + b"\x8c\x04name\x93."],
    ids=["GLOBAL", "STACK_GLOBAL"],
)
def test_of_a_long_name_the_beginning_is_shown(data):
    (name,) = [i.global_name for i in disassemble(data) if i.global_name]
    assert name == GlobalName("m" * 4096 + "...", "name")
