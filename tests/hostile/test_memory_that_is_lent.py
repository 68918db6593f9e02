"""loads() of memory that others can write into: user code in the middle can do to it what C pickle allows."""

from __future__ import annotations

import array
import mmap
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire
from outcomes import stdlib_type

CALL = b"clending\nact\n)R0"
TAILS = (
    b"](K\x01M\x02\x03J\x04\0\0\0\x8a\x01\x05G@\0\0\0\0\0\0\0e.",
    b"](X\x05\0\0\0helloC\x05worldB\x02\0\0\0zzU\x01xe.",
    b"(I5\nL77L\nF1.5\nS'abc'\nVtext\nl.",
)


def of_bytes(data: bytes) -> bytearray:
    return bytearray(data)


def of_map(data: bytes) -> mmap.mmap:
    made = mmap.mmap(-1, len(data))
    made[:] = data
    return made


def of_view(data: bytes) -> memoryview:
    return memoryview(bytearray(b"before" + data + b"behind"))[6:-6]


def of_array(data: bytes) -> array.array[int]:
    return array.array("B", data)


def outcome(loads: Callable[[Any], object], memory: Any, act: Callable[[Any], object]) -> list[object]:
    told: list[object] = []

    def run() -> None:
        try:
            act(memory)
        except (BufferError, AttributeError, TypeError) as refused:
            told.append((type(refused), str(refused)))

    module = types.ModuleType("lending")
    module.act = run  # type: ignore[attr-defined]
    sys.modules["lending"] = module
    try:
        told.append(loads(memory))
    except Exception as failed:
        told.append((stdlib_type(failed), str(failed)))
    finally:
        del sys.modules["lending"]
    try:
        memory.append(1)  # it is given back
    except (AttributeError, BufferError) as refused:
        told.append(type(refused))
    return told


@pytest.mark.parametrize("lend", [of_bytes, of_map, of_view, of_array])
@pytest.mark.parametrize("tail", TAILS)
def test_what_is_written_into_it_is_read(wire: Wire, lend: Callable[[bytes], Any], tail: bytes):
    stream = b"\x80\x03" + CALL + tail
    for at in range(len(stream) - len(tail), len(stream)):

        def flip(memory: Any, at: int = at) -> None:
            memory[at] ^= 1

        ours, theirs = outcome(wire.loads, lend(stream), flip), outcome(pickle.loads, lend(stream), flip)
        if (MemoryError, "") not in theirs:  # a length that is not kept: brinery says so
            assert ours == theirs


@pytest.mark.parametrize("lend", [of_bytes, of_view, of_array])
@pytest.mark.parametrize("what", ["append", "clear", "pop", "extend", "release", "frombytes"])
def test_it_cannot_be_resized_or_released_meanwhile(wire: Wire, lend: Callable[[bytes], Any], what: str):
    stream = b"\x80\x04" + CALL + CALL + TAILS[0]
    arguments = {"append": (1,), "extend": (b"more",), "frombytes": (b"more",)}

    def act(memory: Any) -> None:
        getattr(memory, what)(*arguments.get(what, ()))

    ours = outcome(wire.loads, lend(stream), act)
    assert ours == outcome(pickle.loads, lend(stream), act)
    assert [1, 770, 4, 5, 2.0] in ours


@pytest.mark.parametrize("tail", TAILS)
def test_what_comes_of_it_is_the_load_s_own(wire: Wire, tail: bytes):
    memory = of_bytes(b"\x80\x03" + CALL + tail)
    made = outcome(wire.loads, memory, lambda memory: None)
    memory[:] = bytes(len(memory))
    assert made == outcome(pickle.loads, of_bytes(b"\x80\x03" + CALL + tail), lambda memory: None)
    assert {type(part) for part in made[0] if isinstance(part, bytes | bytearray)} <= {bytes}  # type: ignore[attr-defined]


def test_a_failed_load_gives_it_back_though_the_error_is_kept(wire: Wire):
    memory = of_bytes(b"\x80\x04" + CALL + b"\x80\x63.")
    for broken in (memory, of_bytes(b"I5"), of_bytes(b""), of_bytes(b"cno_such\nmodule\n.")):
        with pytest.raises((Exception,)) as kept:
            wire.loads(broken)
        broken.append(1)
        assert kept.value.__traceback__ is not None


@pytest.mark.parametrize("size", [10, 127, 128, 129, 5000])
def test_lines_of_any_length(wire: Wire, size: int):
    for value in ("x" * size, 10 ** min(size, 4000), ["", "y" * size, "z"]):
        stream = bytearray(pickle.dumps(value, 0))
        assert wire.loads(stream) == value
        with pytest.raises((pickle.UnpicklingError, EOFError)):
            wire.loads(stream[: size // 2])
