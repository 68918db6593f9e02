"""What ZODB asks of a pickler: records of two pickles on one memo, and references found without loading."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Iterator

import pytest
from engines import Wire
from graphs import Plain


class Ghost:
    """A persistent object: its identity is an oid, and its class is written beside it."""

    def __init__(self, oid: str) -> None:
        self.oid = oid


def record(wire: Wire, cls: type, state: object, protocol: int) -> bytes:
    """A ZODB record: the class, then the state, through one Pickler."""
    file = io.BytesIO()
    pickler = wire.Pickler(file, protocol)
    pickler.persistent_id = lambda obj: (obj.oid, Ghost) if isinstance(obj, Ghost) else None
    pickler.dump((cls, None))
    pickler.dump(state)
    return file.getvalue()


def references(wire: Wire, data: bytes) -> list[object]:
    """Every reference of a record, as ZODB's packing finds them: what it misses, it deletes."""
    reader = wire.Unpickler(io.BytesIO(data))
    reader.persistent_load = found = []
    reader.noload()
    reader.noload()
    return [pid[0] for pid in found]


STATE = {
    "name": Plain,  # in the first pickle already: in the second, the memo's
    "child": Ghost("oid 1"),
    "more": [Ghost("oid 2"), ({"deep": Ghost("oid 3")},)],
    "text": "some text",
}


@pytest.mark.parametrize("protocol", range(1, pickle.HIGHEST_PROTOCOL + 1))
class TestARecord:
    def test_is_read_through_one_memo(self, wire: Wire, protocol: int):
        data = record(wire, Plain, STATE, protocol)
        reader = wire.Unpickler(io.BytesIO(data))
        reader.persistent_load = lambda pid: ("loaded", *pid)
        assert reader.load() == (Plain, None)
        state = reader.load()
        assert state["name"] is Plain
        assert state["child"] == ("loaded", "oid 1", Ghost)

    def test_its_references_are_all_found(self, wire: Wire, protocol: int):
        assert references(wire, record(wire, Plain, STATE, protocol)) == [
            "oid 1",
            "oid 2",
            "oid 3",
        ]

    def test_the_first_pickle_may_be_walked_and_the_second_loaded(self, wire: Wire, protocol: int):
        data = record(wire, Ghost, ["state", Ghost("oid 1")], protocol)
        reader = wire.Unpickler(io.BytesIO(data))
        reader.persistent_load = lambda pid: pid[0]
        reader.noload()
        assert reader.load() == ["state", "oid 1"]


def test_a_reference_inside_an_object_that_is_not_built_is_found_too(wire: Wire):
    holder = Plain()
    holder.reference = Ghost("oid 7")
    for protocol in range(1, pickle.HIGHEST_PROTOCOL + 1):
        assert references(wire, record(wire, Plain, [holder], protocol)) == ["oid 7"]


class Appendable(list):
    pass


class Settable(dict):
    pass


class TestNoload:
    def test_it_never_looks_for_a_class(self, wire: Wire):
        class Refusing(wire.Unpickler):
            def find_class(self, module, name):
                pytest.fail(f"{module}.{name} was looked for")

        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            Refusing(io.BytesIO(pickle.dumps([Plain(), Plain, len, 1j, {"key": Plain()}], protocol))).noload()

    def test_it_builds_what_is_literal(self, wire: Wire):
        literal = [1, 2.5, "text", b"bytes", None, True, (1, 2), {"key": ["value"]}]
        for protocol in range(3, pickle.HIGHEST_PROTOCOL + 1):
            assert wire.Unpickler(io.BytesIO(pickle.dumps(literal, protocol))).noload() == literal

    def test_objects_come_as_none(self, wire: Wire):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert wire.Unpickler(io.BytesIO(pickle.dumps(Plain(), protocol))).noload() is None
            assert wire.Unpickler(io.BytesIO(pickle.dumps(Plain, protocol))).noload() is None

    def test_items_and_pairs_of_an_object_that_is_not_there_are_skipped(self, wire: Wire):
        items = Appendable([1, Ghost]), Settable({"key": Ghost})
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            wire.Unpickler(io.BytesIO(pickle.dumps(items, protocol))).noload()

    def test_an_extension_code_is_an_object_like_any_other(self, wire: Wire, extension: int):
        data = pickle.dumps([Plain(), Plain], 2)
        assert b"graphs" not in data
        wire.Unpickler(io.BytesIO(data)).noload()

    def test_it_works_with_an_extension_code_that_nobody_registered(self, wire: Wire):
        wire.Unpickler(io.BytesIO(b"\x80\x02\x82\xf0)\x81.")).noload()

    def test_persistent_load_may_be_a_method(self, wire: Wire):
        seen = []

        class Watching(wire.Unpickler):
            def persistent_load(self, pid):
                seen.append(pid)

        Watching(io.BytesIO(b"](U\x03oneQPtwo\ne.")).noload()
        assert seen == ["one", "two"]

    def test_it_stops_where_load_stops(self, wire: Wire):
        file = io.BytesIO(pickle.dumps([Plain()]) + b"rest")
        wire.Unpickler(file).noload()
        assert file.read() == b"rest"


@pytest.fixture
def extension() -> Iterator[int]:
    copyreg.add_extension("graphs", "Plain", 0xF0)
    yield 0xF0
    copyreg.remove_extension("graphs", "Plain", 0xF0)


class TestErrorsThatAreBytes:
    """zodbpickle's ``errors="bytes"``: 8-bit strings that decode are str, the others stay bytes."""

    @pytest.mark.parametrize("data", [b"U\x02\xff\xfe.", b"T\x02\x00\x00\x00\xff\xfe.", b"S'\\xff\\xfe'\n."])
    def test_what_does_not_decode_stays_bytes(self, wire: Wire, data: bytes):
        assert wire.loads(data, errors="bytes") == b"\xff\xfe"
        assert wire.Unpickler(io.BytesIO(data), encoding="utf-8", errors="bytes").load() == b"\xff\xfe"

    def test_what_decodes_is_text(self, wire: Wire):
        assert wire.loads(b"U\x04text.", errors="bytes") == "text"
        assert wire.loads(b"U\x02\xc3\xa4.", encoding="utf-8", errors="bytes") == "ä"
