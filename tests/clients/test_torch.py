"""What torch's legacy files ask: several pickles one after the other, and raw bytes after the last."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from engines import Wire

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
RAW = bytes(range(256)) * 40


class Tensor:
    def __init__(self, key: str, size: int) -> None:
        self.key, self.size = key, size


def save(wire: Wire, obj: object, file: io.BufferedIOBase, protocol: int) -> None:
    wire.dump(MAGIC, file, protocol=protocol)
    wire.dump(VERSION, file, protocol=protocol)
    pickler = wire.Pickler(file, protocol=protocol)
    pickler.persistent_id = lambda part: (
        ("storage", part.key, part.size) if isinstance(part, Tensor) else None
    )
    pickler.dump(obj)
    wire.dump(["storage keys"], file, protocol=protocol)
    file.write(RAW)


def load(wire: Wire, file: io.BufferedIOBase) -> tuple[object, bytes]:
    class UnpicklerWrapper(wire.Unpickler):
        def find_class(self, module, name):
            return super().find_class(module, name)

    assert wire.load(file, encoding="utf-8") == MAGIC
    assert wire.load(file, encoding="utf-8") == VERSION
    unpickler = UnpicklerWrapper(file, encoding="utf-8")
    unpickler.persistent_load = lambda pid: pid[1:]
    obj = unpickler.load()
    assert wire.load(file, encoding="utf-8") == ["storage keys"]
    position = file.tell()
    rest = file.read()
    file.seek(position)
    assert file.read() == rest
    return obj, rest


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_raw_bytes_after_the_last_pickle_are_all_there(wire: Wire, tmp_path: Path, protocol: int):
    obj = {"weight": Tensor("a", 3), "bias": [Tensor("b", 1), 1.5], "epoch": 7}
    for opened in (lambda: io.BytesIO(), lambda: open(tmp_path / "legacy", "w+b")):  # noqa: SIM115
        with opened() as file:
            save(wire, obj, file, protocol)
            file.seek(0)
            assert load(wire, file) == ({"weight": ("a", 3), "bias": [("b", 1), 1.5], "epoch": 7}, RAW)


class Unseekable(io.RawIOBase):
    """A pipe, as it were: what was taken cannot be put back."""

    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        return self.data.readinto(buffer)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("source", [io.BytesIO, Unseekable, lambda data: io.BufferedReader(Unseekable(data))])
def test_nothing_past_the_end_of_a_pickle_is_taken(wire: Wire, protocol: int, source: Callable):
    objects = [["small"], "x" * 100_000, {"many": list(range(1000))}, b"y" * 200_000]
    file = source(b"".join(wire.dumps(obj, protocol) + b"between" for obj in objects))
    for obj in objects:
        assert wire.load(file) == obj
        assert file.read(7) == b"between"


def test_tell_is_exact_after_every_load(wire: Wire, tmp_path: Path):
    ends = []
    with open(tmp_path / "several", "w+b") as file:
        for number in range(50):
            wire.dump(list(range(number)), file)
            ends.append(file.tell())
        file.seek(0)
        reader = wire.Unpickler(file)
        for number, end in enumerate(ends):
            assert reader.load() == list(range(number))
            assert file.tell() == end
