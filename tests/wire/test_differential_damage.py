"""Damaged streams, read by an engine and by C pickle: the same result, or the same exception type.

C pickle reads them in a child process, which may die of it; so does the engine, which may not.
"""

from __future__ import annotations

import os
import pickle
import pickletools
import random
from functools import cache

import pytest
from engines import Wire
from graphs import grow
from outcomes import HURT, outcomes

#: BRINERY_TEST_SEEDS=100000 tries that many damaged streams instead.
DAMAGED = int(os.environ.get("BRINERY_TEST_SEEDS", "4000"))

#: Streams with the opcodes that today's picklers no longer write, or only for huge or rare objects.
RARE = (
    b"(I1\nF2.5\nL3L\nI01\nS'text'\nVtext\\u2603\nl.",
    b"(S'a'\np0\ng0\nI1\nd.",
    b"(lp0\nI1\naI2\nag0\na.",
    b"(dp0\nS'a'\nI1\ns.",
    b"(I1\nI2\ntp0\n0g0\n.",
    b"(i__builtin__\nException\np0\n(dp1\nS'a'\nI1\nsb.",
    b"(I1\nigraphs\nPlain\n.",
    b"(cgraphs\nPlain\nq\x00o}q\x01U\x01aK\x01sb.",
    b"(cbuiltins\nlist\n(K\x01K\x02lo.",
    b"cgraphs\nOuter\n)R(dS'a'\nI1\nsb.",
    b"(K\x01K\x021K\x03.",
    b"]2K\x01a0.",
    b"]q\x00(K\x01K\x02er\x01\x01\x00\x00j\x01\x01\x00\x00.",
    b"T\x05\x00\x00\x00hello.",
    b"U\x03\xff\xfe\xfd.",
    b"\x80\x02U\x03abcq\x01(h\x01h\x01M\xe8\x03J\xff\xff\xff\xffG@\x04\x00\x00\x00\x00\x00\x00t.",
    b"\x80\x02\x8a\x02\x01\x02\x8b\x03\x00\x00\x00\x01\x02\x03\x86\x88\x89N\x87.",
    b"\x80\x02ccopyreg\n_reconstructor\ncgraphs\nPlain\ncbuiltins\nobject\nN\x87R.",
    b"\x80\x02cgraphs\nPlain\n)\x81}(U\x01aK\x01U\x01bK\x02ub.",
    b"\x82\x01.",
    b"\x83\x00\x01.",
    b"\x84\x00\x00\x01\x00.",
    b"Pname\n.",
    b"U\x04nameQ.",
    b"\x80\x05\x97\x98.",
    b"\x80\x04\x8d\x04\x00\x00\x00\x00\x00\x00\x00text\x8e\x02\x00\x00\x00\x00\x00\x00\x00by\x86.",
    # Empty payloads: of those at the very end, C pickle takes some for truncated and others not.
    b"(C\0B\0\0\0\0X\0\0\0\0T\0\0\0\0U\0\x8c\0\x8a\0\x8b\0\0\0\0V\nS''\nt.",
    b"(" + b"".join(code + bytes(8) for code in (b"\x8d", b"\x8e", b"\x95", b"\x96", b"\x95")) + b"t.",
    b"\x80\x05\x95\x10" + bytes(7) + b"C\0B\0\0\0\0\x96" + bytes(8) + b"\x95\x02" + bytes(7) + b"\x87.",
    b"\x80\x04\x8f\x94(K\x01K\x02\x90(K\x01K\x02\x91\x86.",
)


@cache
def corpus() -> tuple[bytes, ...]:
    """Small whole streams of every protocol, the later ones with their frame and without."""
    found = list(RARE)
    for seed in range(40):
        graph = grow(seed, size=8, buffers=seed % 4 == 0)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                data = pickle.dumps(graph, protocol)
            except Exception:  # not every protocol holds every object
                continue
            if len(data) < 500:
                found.append(data)
                if data[2:3] == pickle.FRAME:
                    found.append(data[:2] + data[11:])
    return tuple(found)


def compare(wire: Wire, streams: list[bytes], source: str = "bytes") -> None:
    pairs = zip(
        streams, outcomes(wire.name, streams, source), their_outcomes(tuple(streams), source), strict=True
    )
    wrong = [(data, ours, theirs) for data, ours, theirs in pairs if not acceptable(data, ours, theirs)]
    assert not wrong, f"{len(wrong)} streams differ:\n" + "\n".join(
        f"{data!r}\n    ours: {ours}\n    C pickle: {theirs}" for data, ours, theirs in wrong[:10]
    )


@cache
def their_outcomes(streams: tuple[bytes, ...], source: str) -> list[str]:
    return outcomes("c", streams, source)


def acceptable(data: bytes, ours: str, theirs: str) -> bool:
    if theirs in HURT:
        return ours not in ("crash", "hang", "SystemError")
    # A frame that does not end where its opcodes do is refused, which C pickle is not strict about.
    return ours == theirs or (ours == "UnpicklingError" and pickle.FRAME in data)


def test_the_streams_hold_every_opcode():
    held = {opcode.code for data in corpus() for opcode, _, _ in pickletools.genops(data)}
    assert held == {opcode.code for opcode in pickletools.opcodes}


#: What may stand behind a number on its line.
RESTS = (b"", b"x", b" ", b"e", b"L", b"+5", b"\0", b"\0x", b"f")


def test_numbers_with_something_behind_them(wire: Wire):
    numbers = [
        b"1",
        b"1.5",
        b".5",
        b"1e5",
        b"1e999",
        b"-1.e1805916207174113",
        b"inf",
        b"nan",
        b"-",
        b"1_0",
        b" 1",
    ]
    compare(
        wire, [code + n + rest + b"\n." for code in (b"F", b"I", b"L") for n in numbers for rest in RESTS]
    )


@pytest.mark.parametrize("source", ["bytes", "file", "read"])
def test_streams_that_end_too_early(wire: Wire, source: str):
    compare(wire, [data[:end] for data in corpus() for end in range(len(data))], source)


@pytest.mark.parametrize("seed", range(4))
def test_streams_with_changed_bytes(wire: Wire, seed: int):
    chance = random.Random(seed)
    compare(wire, [damage(chance, chance.choice(corpus())) for _ in range(DAMAGED // 4)])


def damage(chance: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(damaged))
        kind = chance.randrange(6)
        if kind == 0:
            damaged[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            damaged[at] = chance.randrange(256)
        elif kind == 2:
            damaged[at] = ord(chance.choice(pickletools.opcodes).code)
        elif kind == 3:
            damaged.insert(at, ord(chance.choice(pickletools.opcodes).code))
        elif kind == 4 and len(damaged) > 4:
            del damaged[at : at + chance.randrange(1, 4)]
        else:
            end = at + chance.randrange(1, 8)
            damaged[at:at] = damaged[at:end]
    return bytes(damaged)
