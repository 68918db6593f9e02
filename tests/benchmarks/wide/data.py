"""Plain data: numbers, text, bytes and the containers that are built in."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .workload import Workload

GROUP = "data"


def row(name: str, make: object, *, plain: bool = True, **rest: object) -> Workload:
    return Workload(GROUP, name, make, plain=plain, **rest)  # type: ignore[arg-type]


def json_records(count: int) -> list[dict[str, object]]:
    chance = random.Random(1)
    return [
        {
            "id": n,
            "guid": f"{chance.getrandbits(64):016x}",
            "active": n % 3 == 0,
            "balance": chance.random() * 1000,
            "age": chance.randrange(18, 80),
            "name": f"person {chance.randrange(1000)}",
            "email": f"user{n}@example.org",
            "tags": ["alpha", "beta", "gamma"],
            "position": {"lat": chance.random(), "lon": chance.random()},
            "note": None,
        }
        for n in range(count)
    ]


def texts(alphabet: str, count: int = 1000, length: int = 20) -> list[str]:
    chance = random.Random(2)
    return ["".join(chance.choices(alphabet, k=length)) + str(n) for n in range(count)]


def nested(depth: int) -> list[object]:
    made: list[object] = []
    for _ in range(depth):
        made = [made]
    return made


def recursive() -> list[object]:
    made: list[object] = [[] for _ in range(500)]
    for inner in made:
        inner.append(made)  # type: ignore[attr-defined]
    return made


def workloads() -> Iterator[Workload]:
    yield row("ints of one byte", lambda: [n % 256 for n in range(2000)])
    yield row("ints of two bytes", lambda: [256 + n for n in range(2000)])
    yield row("ints below zero", lambda: [-n - 1 for n in range(2000)])
    yield row("ints of 64 bits", lambda: [random.Random(n).getrandbits(62) for n in range(2000)])
    yield row(
        "ints of 300 bits", lambda: [random.Random(n).getrandbits(300) for n in range(500)], plain=False
    )
    yield row("bools and None", lambda: [(True, False, None)[n % 3] for n in range(3000)])
    yield row("floats", lambda: [random.Random(n).random() for n in range(2000)])
    yield row("complex numbers", lambda: [complex(n, n + 0.5) for n in range(500)], plain=False)
    yield row("unique strings", lambda: [f"a string, number {n}" for n in range(2000)])
    yield row("repeated strings", lambda: [f"word {n % 50}" for n in range(50)] * 40)
    yield row("long strings", lambda: [str(n) * 2000 for n in range(100)], copying=True)
    yield row("text of Latin-1", lambda: texts("abcdefgh éèüöäß"))
    yield row("text in Cyrillic", lambda: texts("абвгдежзиклмн "))
    yield row("text in Chinese", lambda: texts("的一是不了人我在有他这为之大来"))
    yield row("text with emoji", lambda: texts("😀😃🎉👍 ab"))
    yield row("short words in Greek", lambda: texts("αβγδεζηθ", length=6))
    yield row("a page in Cyrillic", lambda: ["".join(texts("абвгдежзиклмн ")) for _ in range(4)])
    yield row("short bytes", lambda: [b"bytes %d" % n for n in range(1000)], plain=False)
    yield row("4 MB of bytes", lambda: bytes(4 << 20), plain=False, copying=True)
    yield row("a bytearray of 4 MB", lambda: bytearray(4 << 20), plain=False, copying=True, protocol=5)
    yield row("small bytearrays", lambda: [bytearray(b"%d" % n) for n in range(500)], plain=False)
    yield row("JSON-like records", lambda: json_records(500))
    yield row("records of rows", lambda: [[n, f"name {n}", n * 0.5, None] for n in range(1000)])
    yield row("dict by int", lambda: {n: n for n in range(2000)}, plain=False)
    yield row("dict by text", lambda: {f"key {n}": n for n in range(2000)})
    yield row("dict by tuple", lambda: {(n, str(n)): n for n in range(1000)}, plain=False)
    yield row("dict of dicts", lambda: {str(n): dict.fromkeys("abcdefghij", n) for n in range(300)})
    yield row("dict of lists", lambda: {str(n): [n, n + 1, n + 2] for n in range(600)})
    yield row("lists of two", lambda: [[n, n] for n in range(1500)])
    yield row("pairs", lambda: [(n, f"{n}") for n in range(1500)], plain=False)
    yield row("long tuples", lambda: [tuple(range(n, n + 10)) for n in range(300)], plain=False)
    yield row("nested tuples", lambda: [((n, n), (n, (n,))) for n in range(500)], plain=False)
    yield row("empty containers", lambda: [[[], {}, (), set()] for _ in range(500)], plain=False)
    yield row("a set of ints", lambda: set(range(300, 2300)), plain=False)
    yield row("a set of strings", lambda: {f"member {n}" for n in range(2000)}, plain=False)
    yield row("small sets", lambda: [{n, n + 1, n + 2} for n in range(500)], plain=False)
    yield row("small frozensets", lambda: [frozenset((n, str(n))) for n in range(500)], plain=False)
    yield row("one list, many times", lambda: [[1, 2, 3]] * 3000, plain=False)
    yield row("lists in a ring", recursive, plain=False)
    yield row("lists 400 deep", lambda: nested(400), plain=False)
