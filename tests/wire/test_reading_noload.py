"""noload(): every persistent ID, no code but persistent_load, and None for what it does not build."""

from __future__ import annotations

import io
import pickle

import pytest
from engines import Wire

#: By what is skipped: the rest of a stream, which leaves a hole with an ID in it.
HOLES = {
    "GLOBAL": b"cno.module\nname\n",
    "STACK_GLOBAL": b"\x8c\x09no.module\x8c\x04name\x93",
    "STACK_GLOBAL of anything": b"NN\x93",
    "EXT1": b"\x82\xf9",
    "EXT2": b"\x83\xf9\xf9",
    "EXT4": b"\x84\xf9\xf9\xf9\x79",
    "REDUCE": b"cno\nf\n(K\x07Qt" + b"R",
    "NEWOBJ": b"cno\nf\n(K\x07Qt" + b"\x81",
    "NEWOBJ_EX": b"cno\nf\n(K\x07Qt}\x92",
    "INST": b"(K\x07Qino.module\nname\n",
    "OBJ": b"(cno\nf\nK\x07Qo",
    "BUILD": b"cno\nf\n(K\x07Qtb",
    "APPEND": b"cno\nf\nK\x07Qa",
    "APPENDS": b"cno\nf\n(K\x07QK\x01e",
    "SETITEM": b"cno\nf\nK\x01K\x07Qs",
    "SETITEMS": b"cno\nf\n(K\x01K\x07Qu",
    "ADDITEMS": b"cno\nf\n(K\x07Q\x90",
    "NEXT_BUFFER": b"\x97",
    "READONLY_BUFFER": b"\x97\x98",
}


def noload(wire: Wire, stream: bytes, **options: object) -> tuple[object, list[object]]:
    """What the walk returns, and the IDs that it found."""
    unpickler = wire.Unpickler(io.BytesIO(stream), **options)
    unpickler.find_class = lambda module, name: pytest.fail(f"{module}.{name} was looked for")
    unpickler.persistent_load = ids = []
    return unpickler.noload(), ids


@pytest.mark.parametrize("name", HOLES)
def test_what_would_be_an_object_is_none_and_its_ids_are_found(wire: Wire, name: str):
    result, ids = noload(wire, b"\x80\x05(" + HOLES[name] + b"K\x05Ql.")
    assert result == [None, 5]
    assert ids == ([7, 5] if b"K\x07Q" in HOLES[name] else [5])


def test_literals_are_built(wire: Wire):
    obj = [
        1,
        2.5,
        "text",
        b"bytes",
        bytearray(b"array"),
        None,
        True,
        (1, (2,)),
        {"k": [{1, 2}]},
        frozenset([1]),
    ]
    assert noload(wire, pickle.dumps(obj, 5))[0] == obj


def test_bytes_are_known_at_protocols_that_write_them_as_calls(wire: Wire):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for value in (b"", b"\x00\xff", b"oid"):
            assert noload(wire, pickle.dumps([value, value], protocol))[0] == [value, value]
            assert noload(wire, pickle.dumps((value, 1), protocol)[:-1] + b"Q.")[1] == [(value, 1)]


def test_a_call_that_only_looks_like_bytes_is_none(wire: Wire):
    for arguments in (b"(Va\nVutf-8\nt", b"(Va\nt", b"(Vlatin1\nK\x01t", b"N", b"(V\\u2603\nVlatin1\nt"):
        assert noload(wire, b"c_codecs\nencode\n" + arguments + b"R.")[0] is None
    assert noload(wire, b"c__builtin__\nbytes\n(K\x05tR.")[0] is None


def test_a_callable_gives_what_stands_there(wire: Wire):
    unpickler = wire.Unpickler(io.BytesIO(b"(K\x01QPtwo\nl."))
    unpickler.persistent_load = lambda pid: [pid]
    assert unpickler.noload() == [[1], ["two"]]


def test_an_id_that_cannot_be_a_key_does_not_end_the_walk(wire: Wire):
    for holder in (b"}(]QK\x01u", b"}]QK\x01s", b"(]QK\x01d", b"\x8f(]Q\x90", b"(]Q\x91"):
        assert noload(wire, b"(" + holder + b"K\x05Ql.")[1] == [[], 5]


def test_no_registry_is_asked_about_extension_codes(wire: Wire):
    assert noload(wire, b"\x82\x00.") == (None, [])


def test_a_load_may_follow_with_the_same_memo_and_the_next_buffer(wire: Wire):
    unpickler = wire.Unpickler(io.BytesIO(b"(\x97]q\x00l.(\x97h\x00l."), buffers=[b"1", b"2"])
    assert unpickler.noload() == [None, []]
    assert unpickler.load() == [b"2", []]


def test_malformed_streams_fail_as_they_do_in_load(wire: Wire):
    for stream in (
        b"", b"(", b".", b"R.", b"NR.", b"\x81.", b"N\x92.", b"o.", b"(o.", b"b.", b"Nb.", b"a.",
        b"e.", b"(e.", b"Ns.", b"u.", b"\x90.", b"\x93.", b"\x98.", b"cx\n", b"ix\ny\n.", b"\x82",
        b"N(a.",
    ):  # fmt: skip
        with pytest.raises((pickle.UnpicklingError, EOFError)) as caught:
            wire.loads(stream)
        with pytest.raises((pickle.UnpicklingError, EOFError)) as walked:
            noload(wire, stream)
        assert isinstance(walked.value, EOFError) == isinstance(caught.value, EOFError)
