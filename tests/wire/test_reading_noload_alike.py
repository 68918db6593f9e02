"""The compiled engine's walk and the symbolic machine that the Python engine's stands on: one behaviour."""

from __future__ import annotations

import collections
import io
import os
import pickle
import random
import warnings
from pathlib import Path

import pytest
from engines import Wire, engines_under_test
from graphs import Plain

GOLDEN = sorted((Path(__file__).parent / "python2" / "golden").iterdir())
SEEDS = int(os.environ.get("BRINERY_TEST_SEEDS", "300"))

pytestmark = pytest.mark.skipif(
    len(engines_under_test()) < 2, reason="BRINERY_TEST_ENGINES leaves one of the two out"
)


CODES = b"0().aeslutdopqrghjb\x85\x86\x87\x93NKQR\x00\xff"


class ByReference(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return ("shop", str(obj)) if isinstance(obj, float) else None


def pickled(graph: object, protocol: int) -> bytes:
    file = io.BytesIO()
    if protocol:
        ByReference(file, protocol).dump(graph)
    else:
        pickle.dump(graph, file, 0)
    return file.getvalue()


GRAPHS = [
    {"a": [1, 2.5, "x" * 40, b"y", (1, 2), {3}, None, 10**30, frozenset("q")], "é": [[], True]},
    [Plain(), Plain, collections.OrderedDict(a=1.5), bytearray(b"x"), {(1, 2.5): {}, "k": [2.5, 2.5]}],
    [b"y" * 300, "z" * 70_000, list(range(1000)), [str(i) for i in range(300)]],
]


def walked(engine: str, data: bytes, opened: object) -> tuple[object, ...]:
    """What a walk gives, or how it fails; the IDs it met; and where the file stands then."""
    file = opened(data)
    unpickler = Wire(engine).Unpickler(file, encoding="latin1")
    unpickler.persistent_load = ids = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outcome: object = repr(unpickler.noload())
        except Exception as failure:
            return kind_of(failure), repr(ids)
    return outcome, repr(ids), file.tell()


def kind_of(failure: Exception) -> str:
    """The end of the stream, or malformed; which of two faults is told is not the point."""
    if isinstance(failure, EOFError):
        return "the end"
    malformed = (pickle.UnpicklingError, ValueError, OverflowError)
    return "malformed" if isinstance(failure, malformed) else type(failure).__name__


class Raw(io.RawIOBase):
    """A file without peek and buffer, which gives a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:
        data = self.file.read(min(len(target), 5))
        target[: len(data)] = data
        return len(data)

    def tell(self) -> int:
        return self.file.tell()


def same(data: bytes) -> None:
    for opened in (io.BytesIO, Raw):
        assert walked("python", data, opened) == walked("compiled", data, opened), data


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
def test_what_python_2_wrote_is_walked_alike(path: Path):
    same(path.read_bytes() + b"rest")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_graphs_are_walked_alike(protocol: int):
    for graph in GRAPHS:
        same(pickled(graph, protocol) + b"rest")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_damage_is_met_alike(protocol: int):
    choose = random.Random(protocol)
    sound = [pickled(graph, protocol) for graph in GRAPHS[:2]]
    for _ in range(SEEDS):
        data = bytearray(choose.choice(sound))
        for _ in range(choose.randint(1, 3)):
            data[choose.randrange(len(data))] = choose.choice(CODES)
        same(bytes(data))
