"""Instances with slots: frames that end anywhere within one, and descriptors that are not the class's own."""

from __future__ import annotations

import pickle

import pytest
from engines import Wire

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


class Vector:
    __slots__ = ("x", "y", "z")

    def __init__(self, *values: object) -> None:
        self.x, self.y, self.z = values


class Wide:
    __slots__ = tuple(f"slot{n}" for n in range(40))


class Borrows:
    """One slot, under whose name another class's descriptor for its last one was put."""

    __slots__ = ("slot39",)


def values(vectors: list[Vector]) -> list[tuple[object, ...]]:
    return [(vector.x, vector.y, vector.z) for vector in vectors]


def test_a_frame_may_end_anywhere_within_an_instance(wire: Wire):
    for padding in range(0, 60, 4):
        vectors = [Vector(n, n + 0.5, "x" * (padding if n % 100 == 0 else 5)) for n in range(2000)]
        data = pickle.dumps(vectors, 4)
        assert data.count(b"\x95") > 1
        assert wire.dumps(vectors, 4) == data
        assert values(wire.loads(data)) == values(vectors)


def test_the_state_of_an_instance_behind_a_frame_is_in_the_memo(wire: Wire):
    """GETs of the dicts and pairs that were never made: each stands for what C pickle has made."""
    vectors = [Vector(f"x{n}", f"y{n}", f"z{n}" * 5) for n in range(2000)]
    data = pickle.dumps(vectors, 4)
    frame = data.rindex(b"\x95")
    size = int.from_bytes(data[frame + 1 : frame + 9], "little") + 6
    data = data[: frame + 1] + size.to_bytes(8, "little") + data[frame + 9 : -1]
    for index in range(0, data.count(b"\x94"), 97):
        asked = data + b"j" + index.to_bytes(4, "little") + b"\x86."
        ours, theirs = wire.loads(asked)[1], pickle.loads(asked)[1]
        assert type(ours) is type(theirs)
        if not isinstance(theirs, (Vector, list)):
            assert ours == theirs


def test_a_slot_that_is_set_twice_has_the_later_value(wire: Wire):
    head = b"\x80\x04c" + __name__.encode() + b"\nVector\n)\x81N}(\x8c\x01xK\x01\x8c\x01yK\x02u\x86b"
    again = b"N}\x8c\x01xK\x07s\x86b."
    for data in (head + again, head + b"N" + b"\x95" + len(again[1:]).to_bytes(8, "little") + again[1:]):
        with_gap = [wire.loads(data), pickle.loads(data)]
        assert [(each.x, each.y) for each in with_gap] == [(7, 2), (7, 2)]


@pytest.mark.filterwarnings("error")
def test_a_descriptor_of_another_class_is_refused_as_by_c_pickle(wire: Wire, monkeypatch: pytest.MonkeyPatch):
    obj = Borrows()
    obj.slot39 = "a value"
    streams = [pickle.dumps(obj, protocol) for protocol in PROTOCOLS]
    monkeypatch.setattr(Borrows, "slot39", Wide.__dict__["slot39"])
    for protocol, data in zip(PROTOCOLS, streams, strict=True):
        for engine in (wire, pickle):
            with pytest.raises(TypeError, match="slot39"):
                engine.dumps(obj, protocol)
            with pytest.raises(TypeError, match="slot39"):
                engine.loads(data)
