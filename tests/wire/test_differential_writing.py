"""Random graphs, written by an engine and by C pickle: the same bytes, or the same exception type."""

from __future__ import annotations

import io
import os
import pickle
import pickletools

import pytest
from engines import Wire
from graphs import grow
from outcomes import stdlib_type
from shapes import shape

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

#: BRINERY_TEST_SEEDS=100000 runs that many graphs instead. The seed is the number in a failed test's name.
SEEDS = range(int(os.environ.get("BRINERY_TEST_SEEDS", "150")))


def outcome(write, *args: object, **kwargs: object) -> bytes | type[BaseException]:
    """The bytes, or the type of what was raised (in the standard library's terms)."""
    try:
        return write(*args, **kwargs)
    except Exception as exc:
        return stdlib_type(exc)


def explain_difference(ours: object, theirs: object) -> str:
    """Where two pickles part, in opcodes."""
    if not (isinstance(ours, bytes) and isinstance(theirs, bytes)):
        return f"ours: {ours!r:.200}\ntheirs: {theirs!r:.200}"
    lines = [listing(data) for data in (ours, theirs)]
    at = next((n for n, (a, b) in enumerate(zip(*lines, strict=False)) if a != b), min(map(len, lines)))
    first = max(at - 5, 0)
    return "\n".join(
        [
            "they part after:",
            *lines[0][first:at],
            "ours:",
            *lines[0][at : at + 5],
            "theirs:",
            *lines[1][at : at + 5],
        ]
    )


def listing(data: bytes) -> list[str]:
    lines = []
    try:
        for opcode, argument, offset in pickletools.genops(data):
            lines.append(f"  {offset}: {opcode.name} {argument!r:.80}")
    except ValueError as exc:
        lines.append(f"  no pickle from here on: {exc}")
    return lines


def assert_same(ours: object, theirs: object) -> None:
    assert ours == theirs, explain_difference(ours, theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_dumps_writes_what_c_pickle_writes(wire: Wire, seed: int):
    graph = grow(seed, buffers=seed % 5 == 0)
    for protocol in PROTOCOLS:
        assert_same(outcome(wire.dumps, graph, protocol), outcome(pickle.dumps, graph, protocol))


@pytest.mark.parametrize("seed", SEEDS[::3])
def test_what_it_writes_is_what_c_pickle_reads(wire: Wire, seed: int):
    graph = grow(seed)
    for protocol in PROTOCOLS:
        data = outcome(wire.dumps, graph, protocol)
        if isinstance(data, bytes):
            theirs = outcome(pickle.loads, data)
            if not isinstance(theirs, type):
                assert shape(theirs) == shape(pickle.loads(pickle.dumps(graph, protocol)))


@pytest.mark.parametrize("seed", SEEDS[::3])
def test_a_pickler_with_a_file_writes_the_same_over_several_dumps(wire: Wire, seed: int):
    graphs = [grow(seed), grow(seed + 1), "between"]
    graphs.append(graphs[:2])
    for protocol in PROTOCOLS:

        def write(cls: type[pickle.Pickler], protocol: int = protocol) -> bytes:
            file = io.BytesIO()
            pickler = cls(file, protocol)
            for graph in graphs:
                pickler.dump(graph)
            return file.getvalue()

        assert_same(outcome(write, wire.Pickler), outcome(write, pickle.Pickler))


@pytest.mark.parametrize("seed", SEEDS[::5])
def test_buffers_leave_the_stream_where_a_callback_takes_them(wire: Wire, seed: int):
    graph = grow(seed, buffers=True)
    ours: list[pickle.PickleBuffer] = []
    theirs: list[pickle.PickleBuffer] = []
    assert_same(
        outcome(wire.dumps, graph, 5, buffer_callback=ours.append),
        outcome(pickle.dumps, graph, 5, buffer_callback=theirs.append),
    )
    assert [bytes(buffer) for buffer in ours] == [bytes(buffer) for buffer in theirs]


@pytest.mark.parametrize("seed", SEEDS[::5])
@pytest.mark.parametrize("fix_imports", [True, False])
def test_hooks_of_a_subclass_are_asked_for_the_same_objects_in_the_same_order(
    wire: Wire, seed: int, fix_imports: bool
):
    graph = grow(seed)
    for protocol in PROTOCOLS:

        def write(cls: type[pickle.Pickler], protocol: int = protocol) -> tuple[object, list[str]]:
            asked = []

            class Asking(cls):
                def persistent_id(self, obj: object) -> object:
                    asked.append(f"persistent_id {type(obj)}")
                    return "seven" if type(obj) is int and obj == 7 else None

                def reducer_override(self, obj: object) -> object:
                    asked.append(f"reducer_override {type(obj)}")
                    return NotImplemented

            file = io.BytesIO()
            written = outcome(Asking(file, protocol, fix_imports=fix_imports).dump, graph)
            return written or file.getvalue(), asked

        ours, theirs = write(wire.Pickler), write(pickle.Pickler)
        assert_same(ours[0], theirs[0])
        if theirs[0] is not RecursionError:  # how deep that is differs
            assert ours[1] == theirs[1]
