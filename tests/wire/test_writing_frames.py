"""Frames of protocol 4 and 5 (PEP 3154): where they begin and end, and what stands beside them."""

from __future__ import annotations

import io
import pickle
import pickletools

import pytest
from engines import Wire

FRAME = 64 * 1024


def frames(data: bytes) -> list[int]:
    return [size for opcode, size, _ in pickletools.genops(data) if opcode.name == "FRAME"]  # type: ignore[misc]


def test_what_is_shorter_than_four_bytes_has_no_frame(wire: Wire):
    assert wire.dumps(None, 4) == b"\x80\x04N."
    assert wire.dumps(1, 4) == b"\x80\x04K\x01."
    assert frames(wire.dumps(300, 4)) == [4]


@pytest.mark.parametrize("around", [FRAME - 40, FRAME, FRAME + 40])
def test_a_frame_ends_at_the_first_object_that_begins_when_it_is_full(wire: Wire, around: int):
    for size in range(around - 12, around + 12):
        for tail in ([], [1, 2], "tail", {"a": 1}, (1,), int):
            graph = ["x" * (size // 2), "y" * (size - size // 2), tail, [tail]]
            assert wire.dumps(graph, 4) == pickle.dumps(graph, 4), (size, tail)


def test_large_payloads_stand_outside_frames(wire: Wire):
    for kind in (lambda n: "x" * n, lambda n: b"x" * n, lambda n: bytearray(n), lambda n: "é" * (n // 2)):
        for size in (FRAME - 2, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME):
            obj = kind(size)
            for graph in (obj, [obj], [1, obj, 2], [obj, obj], (obj,), {"key": obj}):
                for protocol in range(6):
                    assert wire.dumps(graph, protocol) == pickle.dumps(graph, protocol), (size, protocol)


def test_long_dumps_have_many_frames(wire: Wire):
    for graph in (
        list(range(100_000)),
        [str(number) for number in range(50_000)],
        [[number] for number in range(50_000)],
        {number: (number, None) for number in range(50_000)},
    ):
        data = wire.dumps(graph, 4)
        assert data == pickle.dumps(graph, 4)
        assert len(frames(data)) > 2


def test_a_file_gets_the_same_frames(wire: Wire):
    graph = [list(range(60_000)), b"x" * FRAME, "tail"]
    for protocol in range(6):
        file = io.BytesIO()
        wire.dump(graph, file, protocol)
        assert file.getvalue() == pickle.dumps(graph, protocol)


def test_each_dump_of_a_pickler_begins_a_frame(wire: Wire):
    ours, theirs = io.BytesIO(), io.BytesIO()
    for pickler in (wire.Pickler(ours, 4), pickle.Pickler(theirs, 4)):
        for obj in ([1, 2, 3], None, "text", list(range(40_000)), "text"):
            pickler.dump(obj)
    assert ours.getvalue() == theirs.getvalue()
