"""The disassembler reads what `pickletools` reads, and names what each opcode does."""

import collections
import datetime
import decimal
import io
import pickle
import pickletools
import random

import pytest

from brinery.disassembly import Excerpt, GlobalName, disassemble


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
        assert argument == expected


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
        (b"\x80\x02cshop\nJob\n)\x81.", "NEWOBJ", "new shop.Job()"),
        (b"\x80\x04cshop\nJob\n)}\x92.", "NEWOBJ_EX", "new shop.Job()"),
        (b"\x80\x02cshop\nJob\n)\x81}b.", "BUILD", "state of shop.Job(): {}"),
        (b"\x80\x02\x82\x07.", "EXT1", "copyreg's extension code 7"),
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
