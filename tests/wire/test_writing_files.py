"""What a dump does with the file that it is given."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import pytest
from engines import Wire

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
GRAPH = [list(range(50_000)), b"x" * 200_000, "é" * 100_000, bytearray(100_000), {"tail": (1, 2)}]


class OnlyWrite:
    """A file-like with nothing but write, which returns None."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += bytes(data)


def test_a_file_needs_nothing_but_write(wire: Wire):
    for protocol in PROTOCOLS:
        file = OnlyWrite()
        wire.Pickler(file, protocol).dump(GRAPH)
        wire.dump(GRAPH, file, protocol)
        assert file.data == pickle.dumps(GRAPH, protocol) * 2


def test_what_write_is_given_may_be_kept(wire: Wire):
    class Chunks:
        def __init__(self) -> None:
            self.chunks: list[bytes] = []
            self.write = self.chunks.append

    for protocol in PROTOCOLS:
        file = Chunks()
        wire.dump(GRAPH, file, protocol)
        assert b"".join(file.chunks) == pickle.dumps(GRAPH, protocol)


def test_without_write_it_is_refused_when_the_pickler_is_made(wire: Wire):
    for cls in (wire.Pickler, pickle.Pickler):
        with pytest.raises(TypeError, match="'write' attribute"):
            cls(object())
    with pytest.raises(TypeError, match="'write' attribute"):
        wire.dump(1, None)


class Raw(io.RawIOBase):
    """Takes at most so many bytes at a time, as pipes and sockets do."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:  # type: ignore[no-untyped-def, override]
        taken = bytes(data)[: self.most]
        self.data += taken
        return len(taken)


@pytest.mark.parametrize("most", [1, 100, 65_536, 10_000_000])
def test_short_writes_are_continued(wire: Wire, most: int):
    graph = GRAPH if most > 1 else [1, "text", b"x" * 70_000]
    for protocol in PROTOCOLS:
        file = Raw(most)
        wire.dump(graph, file, protocol)
        assert file.data == pickle.dumps(graph, protocol)


def test_a_pipe_gets_it_all(wire: Wire, tmp_path: Path):
    with open(tmp_path / "raw", "wb", buffering=0) as file:
        wire.dump(GRAPH, file)
    assert (tmp_path / "raw").read_bytes() == wire.dumps(GRAPH)
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb", buffering=0) as target:
        wire.dump({"key": 1}, target)
        assert pickle.load(source) == {"key": 1}


@pytest.mark.parametrize("returned", [0, -1, 10**9, "all", 2.5, b"", object()])
def test_a_senseless_number_of_bytes_is_an_error(wire: Wire, returned: object):
    class Odd:
        def write(self, data: bytes) -> object:
            return returned

    for graph in ([1], [b"x" * 200_000]):
        with pytest.raises(OSError, match="returned"):
            wire.dump(graph, Odd())


def test_a_failing_write_passes(wire: Wire):
    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    for graph in ([1], GRAPH):
        with pytest.raises(OSError, match="No space") as caught:
            wire.dump(graph, Full())
        assert caught.value.errno == 28


def test_a_bytesio_is_free_afterwards(wire: Wire):
    """multiprocessing calls getbuffer() on what it dumped into."""
    for protocol in PROTOCOLS:
        file = io.BytesIO()
        wire.Pickler(file, protocol).dump(GRAPH)
        with file.getbuffer() as view:
            assert len(view) == len(pickle.dumps(GRAPH, protocol))
        file.write(b"more")
