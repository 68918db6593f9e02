"""Random graphs, written by C pickle and read by an engine and by C pickle: the same graphs."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable

import pytest
from engines import Wire
from graphs import grow
from outcomes import stdlib_type
from shapes import shape

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

#: As in test_differential_writing.py.
SEEDS = range(int(os.environ.get("BRINERY_TEST_SEEDS", "150")))


def pickles(seed: int, **kwargs: bool) -> list[bytes]:
    """The graph of that seed as C pickle writes it, at every protocol that can hold it."""
    graph, written = grow(seed, **kwargs), []
    for protocol in PROTOCOLS:
        try:
            written.append(pickle.dumps(graph, protocol))
        except (
            Exception
        ):  # an object that this protocol refuses: test_differential_writing.py compares refusals
            continue
    return written


def outcome(read: Callable[..., object], *args: object, **kwargs: object) -> object:
    """The shape of what was read, or the type of what was raised."""
    try:
        return shape(read(*args, **kwargs))
    except Exception as exc:
        return stdlib_type(exc)


@pytest.mark.parametrize("seed", SEEDS)
def test_loads_reads_what_c_pickle_reads(wire: Wire, seed: int):
    for data in pickles(seed, buffers=seed % 5 == 0):
        assert outcome(wire.loads, data) == outcome(pickle.loads, data)


class Trickle:
    """A file that gives as little as it may, and has only the two methods that a reader can count on."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)
        self.read, self.readline = self.file.read, self.file.readline


@pytest.mark.parametrize("source", [io.BytesIO, Trickle, lambda data: io.BufferedReader(io.BytesIO(data), 7)])
@pytest.mark.parametrize("seed", SEEDS[::5])
def test_an_unpickler_reads_the_same_from_a_file_several_times(wire: Wire, seed: int, source: Callable):
    for data in pickles(seed):
        ours, theirs = wire.Unpickler(source(data * 2)), pickle.Unpickler(source(data * 2))
        for _ in range(2):
            assert outcome(ours.load) == outcome(theirs.load)
        assert [outcome(ours.load), outcome(theirs.load)] == [EOFError, EOFError]


@pytest.mark.parametrize("seed", SEEDS[::5])
def test_a_memo_that_several_pickles_share(wire: Wire, seed: int):
    graphs = [grow(seed), "between"]
    for protocol in PROTOCOLS:
        file = io.BytesIO()
        pickler = pickle.Pickler(file, protocol)
        try:
            for graph in (*graphs, graphs):
                pickler.dump(graph)
        except Exception:  # as above
            continue
        ours, theirs = (cls(io.BytesIO(file.getvalue())) for cls in (wire.Unpickler, pickle.Unpickler))
        read = [[outcome(side.load) for _ in range(3)] for side in (ours, theirs)]
        assert read[0] == read[1]


@pytest.mark.parametrize("seed", SEEDS[::5])
def test_buffers_come_back_from_outside(wire: Wire, seed: int):
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(grow(seed, buffers=True), 5, buffer_callback=buffers.append)
    assert outcome(wire.loads, data, buffers=buffers) == outcome(pickle.loads, data, buffers=buffers)


@pytest.mark.parametrize("seed", SEEDS[::5])
def test_find_class_of_a_subclass_is_asked_for_the_same_names_in_the_same_order(wire: Wire, seed: int):
    for data in pickles(seed):

        def read(cls: type[pickle.Unpickler], data: bytes = data) -> tuple[object, list[tuple[str, str]]]:
            asked = []

            class Asking(cls):
                def find_class(self, module: str, name: str) -> object:
                    asked.append((module, name))
                    return super().find_class(module, name)

            return outcome(Asking(io.BytesIO(data)).load), asked

        assert read(wire.Unpickler) == read(pickle.Unpickler)
