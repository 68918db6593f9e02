"""What a stream refers to is found, however it is written: to be told apart from what it merely holds."""

import io
import pickle
import sys
from pathlib import Path

import pytest

from brinery.errors import ReadError
from brinery.stream import GlobalName, references

GOLDEN = Path(__file__).parents[1] / "wire" / "python2" / "golden"


def names(data):
    return {str(name): uses for name, uses in references(data).globals.items()}


def test_inst_names_a_global():
    assert names(b"(S'echo hi'\niposix\nsystem\n.") == {"posix.system": 1}


def test_what_is_met_again_through_the_memo_is_counted_again():
    assert names(b"\x80\x02(cshop\nJob\nq\x00h\x00h\x00t.") == {"shop.Job": 3}
    found = references(b"\x80\x02(K\x07Qq\x00h\x00\x82\x05q\x01h\x01t.")
    assert found.persistent_ids == {"7": 2}
    assert found.extensions == {5: 2}


def test_names_may_come_out_of_the_memo():
    data = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93h\x00\x8c\x05popen\x93\x86."
    assert names(data) == {"os.system": 1, "os.popen": 1}


def test_of_a_name_that_is_computed_what_would_compute_it_is_shown():
    data = b"\x80\x04c_codecs\ndecode\n(C\x02osU\x05asciitR\x8c\x06system\x93."
    assert names(data) == {"_codecs.decode": 1, "<_codecs.decode(…)>.system": 1}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Pplain\n.", "'plain'"),
        (b"K\x05Q.", "5"),
        (b"\x88Q.", "True"),
        (b"K\x01Q.", "1"),
        (b"G?\xf0\x00\x00\x00\x00\x00\x00Q.", "1.0"),
        (b"(U\x04shop(K\x01K\x02ttQ.", "(b'shop', (1, 2))"),
        (b"](U\x01wU\x03oideQ.", "[b'w', b'oid']"),
        (b"]K\x01aQ.", "[1]"),
        (b"(C\x03oidcshop\nJob\ntQ.", "(b'oid', shop.Job)"),
        (b"(c_codecs\nencode\n(V\\u00ff\nVlatin1\ntRNtQ.", r"(b'\xff', None)"),
        (b"K\x01" + b"\x85" * 3 + b"Q.", "(((1,),),)"),
        (b"}Q.", "<dict>"),
    ],
)
def test_a_persistent_id_is_told_exactly(data, text):
    assert list(references(data).persistent_ids) == [text]


def test_a_persistent_id_is_never_cut():
    long = "x" * 4000
    assert list(references(b"P" + long.encode() + b"\n.").persistent_ids) == [repr(long)]


def test_ids_that_are_equal_but_not_the_same_are_counted_apart():
    assert references(b"K\x01Q0\x88Q.").persistent_ids == {"1": 1, "True": 1}
    assert references(b"(K\x01tQ0(\x88tQ.").persistent_ids == {"(1,)": 1, "(True,)": 1}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_names_of_the_era_and_names_with_dots(protocol):
    found = references(pickle.dumps(io.BytesIO, protocol))
    (name,) = found.globals
    assert found.era == ({name} if protocol < 3 else set())
    assert found.dotted == ({name} if protocol > 3 else set())


class TestPicklesInside:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize("inner", [b"cos\nsystem\n.", pickle.dumps(io.BytesIO), b"\x80\x02Psome\n."])
    def test_one_in_bytes_is_found_with_what_it_refers_to(self, protocol, inner):
        found = references(pickle.dumps({"state": inner}, protocol))
        (nested,) = found.nested
        assert nested.size == len(inner)
        assert nested.references == references(inner)

    def test_in_the_strings_of_python_2(self):
        (nested,) = references(b"U\x0ccos\nsystem\n..").nested
        assert list(nested.references.globals) == [GlobalName("os", "system")]

    def test_in_large_bytes(self):
        inner = pickle.dumps([io.BytesIO, bytes(10_000)])
        (nested,) = references(pickle.dumps([inner, 1])).nested
        assert nested.references == references(inner)
        assert nested.offset == pickle.dumps([inner, 1]).index(b"B")

    def test_within_one_another(self):
        data = b"cos\nsystem\n."
        for _ in range(4):
            data = pickle.dumps(data)
        found = references(data)
        for _ in range(4):
            (nested,) = found.nested
            found = nested.references
        assert list(found.globals) == [GlobalName("os", "system")]

    def test_bytes_that_merely_end_in_a_dot_are_none(self):
        assert references(pickle.dumps([b"A sentence.", b"N.", b"...", b"I1\n."])).nested == ()


def test_a_fault_says_where():
    with pytest.raises(ReadError, match="no opcode") as caught:
        references(b"\x80\x02]\xff")
    assert caught.value.pickle_offset == 3


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_what_a_load_asks_for_is_what_is_found(path):
    """Of every pickle that Python 2 wrote: find_class is asked for the globals by name, once for each."""
    data = path.read_bytes()
    asked = []

    class Asking(pickle._Unpickler):
        def find_class(self, module, name):
            asked.append((module, name))
            return super().find_class(module, name)

        def persistent_load(self, pid):
            return pid

    try:
        Asking(io.BytesIO(data), encoding="latin1").load()
    except (ImportError, AttributeError, TypeError):
        pytest.skip("the standard library cannot load it")
    assert set(asked) == set(references(data).globals)


def test_progress_is_told():
    seen = []
    data = pickle.dumps([bytes(1000)] * 3 + [str(i) for i in range(100_000)])
    references(io.BytesIO(data), progress=seen.append)
    assert seen == sorted(set(seen))
    assert seen[-1] == len(data)


def test_the_memory_of_the_compiled_walk_is_bounded_like_the_other(streams):
    assert sys.getrecursionlimit() < 5000  # that depth is no matter of the interpreter's stack
    for chain in (b")R", b"Q", b"\x85", b"NR", b"\x85Q", b"(K\x01t\x81", b"}b"):
        (symbol,) = [walked(streams, b"N" + chain * 200_000 + b".")]
        assert symbol.kind


def walked(streams, data):
    scanner = streams.scanner.Scanner(streams.feeds.BytesFeed(data))
    return streams.walk.Walk(scanner, streams.symbols.Symbols()).run()
