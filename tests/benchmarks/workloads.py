"""What is written and read: the rows of the benchmark, each with what is asked of it."""

from __future__ import annotations

import array
import datetime
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Optional


class Asked(NamedTuple):
    """The ratios (the standard library's time / brinery's) that a row should have at least, and aims at."""

    least: float
    aim: float


class Row(NamedTuple):
    """One workload.

    make    makes the object; its argument scales its size, 1.0 being the whole
    dumps, loads    what is asked of the compiled engine; None where that direction is not measured
    plain   marshal and msgpack can write it too
    core    counts for the Python engine's mean
    dialect "plain", or with a "persistent_id" or a "plugin" that has nothing to say about the row's objects
    """

    name: str
    make: Callable[[float], object]
    dumps: Asked | None
    loads: Asked | None
    plain: bool = True
    core: bool = False
    dialect: str = "plain"


@dataclass
class Order:
    number: int
    customer: str
    total: float
    paid: bool
    note: Optional[str]  # noqa: UP045 - pyfory takes no other spelling


class Vector:
    __slots__ = ("x", "y", "z")

    def __init__(self, x: float, y: float, z: float) -> None:
        self.x, self.y, self.z = x, y, z


class Reduced:
    def __init__(self, left: int, right: str) -> None:
        self.left, self.right = left, right

    def __reduce__(self) -> tuple[object, ...]:
        return Reduced, (self.left, self.right)


class Stateful:
    def __init__(self, left: int, right: str) -> None:
        self.left, self.right, self.cache = left, right, None

    def __getstate__(self) -> dict[str, object]:
        return {"left": self.left, "right": self.right}


class Restored(Stateful):
    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)


def text(chance: random.Random, length: int) -> str:
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz     ", k=length))


def nested_dict(size: float) -> object:
    return {
        "id": 4711,
        "name": "a nested document",
        "created": datetime.date(2024, 2, 29),
        "tags": ["red", "green", "blue"],
        "owner": {
            "name": "someone",
            "born": datetime.date(1980, 5, 7),
            "address": {"city": "Rome", "zip": "00100"},
        },
        "versions": [
            {
                "number": n,
                "date": datetime.date(2024, 3, n % 28 + 1),
                "files": {f"file{k}.txt": k * 1.5 for k in range(5)},
            }
            for n in range(1 + int(9 * size))
        ],
    }


def json_records(size: float) -> object:
    chance = random.Random(1)
    return [
        {
            "id": n,
            "guid": f"{chance.getrandbits(64):016x}",
            "active": n % 3 == 0,
            "balance": chance.random() * 1000,
            "age": chance.randrange(18, 80),
            "name": text(chance, 12),
            "email": f"user{n}@example.org",
            "tags": ["alpha", "beta", "gamma"],
            "position": {"lat": chance.random(), "lon": chance.random()},
            "note": None,
        }
        for n in range(1 + int(5000 * size))
    ]


def dict_of_dicts(size: float) -> object:
    return {n: dict.fromkeys(range(10), n) for n in range(1 + int(5000 * size))}


def list_of_lists(size: float) -> object:
    return [[n, n + 1, [n]] for n in range(1 + int(30_000 * size))]


def tuples(size: float) -> object:
    return [(n, n + 0.5, (n, "text")) for n in range(1 + int(30_000 * size))]


def ints(size: float) -> object:
    return [n * 7919 % 1_000_003 for n in range(1 + int(100_000 * size))]


def floats(size: float) -> object:
    chance = random.Random(3)
    return [chance.random() for _ in range(1 + int(100_000 * size))]


def unique_strings(size: float) -> object:
    return [f"a string, number {n}" for n in range(1 + int(100_000 * size))]


def repeated_strings(size: float) -> object:
    chance = random.Random(4)
    words = [f"word number {n}" for n in range(100)]
    return [chance.choice(words) for _ in range(1 + int(100_000 * size))]


def dataclass_instances(size: float) -> object:
    return [Order(n, f"customer {n}", n * 0.25, n % 2 == 0, None) for n in range(1 + int(50_000 * size))]


def slots_instances(size: float) -> object:
    return [Vector(n + 0.1, n + 0.2, n + 0.3) for n in range(1 + int(50_000 * size))]


def reduced_instances(size: float) -> object:
    return [Reduced(n, f"right {n}") for n in range(1 + int(10_000 * size))]


def stateful_instances(size: float) -> object:
    return [Stateful(n, f"right {n}") for n in range(1 + int(10_000 * size))]


def restored_instances(size: float) -> object:
    return [Restored(n, f"right {n}") for n in range(1 + int(10_000 * size))]


def datetimes(size: float) -> object:
    start = datetime.datetime(2000, 1, 1)
    return [start + datetime.timedelta(seconds=n * 12345.678) for n in range(1 + int(20_000 * size))]


def large_bytes(size: float) -> object:
    return bytes(int(64e6 * size))


def large_array(size: float) -> object:
    return array.array("d", bytes(8 * int(8e6 * size)))


# The shapes that pyperformance's pickle benchmarks write.

_PROFILE = {
    "ads_flags": 0,
    "age": 18,
    "birthday": datetime.date(1980, 5, 7),
    "bulletin_count": 0,
    "comment_count": 0,
    "country": "BR",
    "encrypted_id": "G9urXXAJwjE",
    "favorite_count": 9,
    "first_name": "",
    "flags": 412317970704,
    "friend_count": 0,
    "gender": "m",
    "gender_for_display": "Male",
    "id": 302935349,
    "is_custom_profile_icon": 0,
    "last_name": "",
    "locale_preference": "pt_BR",
    "member": 0,
    "tags": ["a", "b", "c", "d", "e", "f", "g"],
    "profile_foo_id": 827119638,
    "secure_encrypted_id": "Z_xxx2dYx3t4YAdnmfgyKw",
    "session_number": 2,
    "signup_id": "201-19225-223",
    "status": "A",
    "theme": 1,
    "time_created": 1225237014,
    "time_updated": 1233134493,
    "unread_message_count": 0,
    "user_group": "0",
    "username": "collinwinter",
    "play_count": 9,
    "view_count": 7,
    "zip": "",
}


def _varied(profile: dict[str, object], chance: random.Random) -> dict[str, object]:
    return {
        key: value if isinstance(value, list | datetime.date) else type(value)(chance.random() * 1000)  # type: ignore[call-arg]
        for key, value in profile.items()
    }


def pyperformance_pickle(size: float) -> object:
    chance = random.Random(5)
    numbers = ([265867233 + n * 127 for n in range(120)], 60)
    return [_PROFILE, numbers, [_varied(_PROFILE, chance) for _ in range(3)]]


def pyperformance_list(size: float) -> object:
    return [[list(range(10)), list(range(10))] for _ in range(10)]


def pyperformance_dict(size: float) -> object:
    return {key: dict.fromkeys(range(10)) for key in range(100)}


NO_SLOWER = Asked(1.0, 1.0)
COPYING = Asked(0.95, 4)

ROWS = (
    Row("nested dict with dates", nested_dict, Asked(2.5, 4), Asked(1.4, 1.8), plain=False, core=True),
    Row("JSON-like records", json_records, Asked(2.5, 4), Asked(1.4, 1.8), core=True),
    Row("dict of dicts", dict_of_dicts, Asked(2.2, 2.8), Asked(1.2, 1.5), core=True),
    Row("list of lists", list_of_lists, Asked(2.3, 4.5), Asked(1.5, 2.4)),
    Row("tuples", tuples, Asked(2.3, 4.5), Asked(1.5, 2.4)),
    Row("100k ints", ints, Asked(3, 5), Asked(1.2, 1.4), core=True),
    Row("100k floats", floats, Asked(3, 5), Asked(1.2, 1.4), core=True),
    Row("100k unique strings", unique_strings, Asked(8, 15), Asked(1.5, 2.2), core=True),
    Row("100k repeated strings", repeated_strings, Asked(6, 8), Asked(2, 2.6), core=True),
    Row("50k dataclass instances", dataclass_instances, Asked(7, 14), Asked(3, 4), plain=False, core=True),
    Row("50k __slots__ instances", slots_instances, Asked(15, 30), Asked(4, 5.5), plain=False, core=True),
    Row("10k with __reduce__", reduced_instances, Asked(2, 2.5), Asked(1.15, 1.4), plain=False, core=True),
    Row("10k with __getstate__", stateful_instances, Asked(3.5, 5), Asked(2, 3), plain=False, core=True),
    # What Python functions do to restore an object is most of its time, on either side.
    Row("10k with __setstate__", restored_instances, None, NO_SLOWER, plain=False),
    Row("20k datetimes", datetimes, Asked(10, 20), Asked(1.4, 1.8), plain=False),
    Row("1", lambda size: 1, Asked(2.3, 3), Asked(1.8, 2.2), core=True),
    Row("{'a': 1}", lambda size: {"a": 1}, Asked(2.3, 3), Asked(1.8, 2.2), core=True),
    Row("64 MB of bytes", large_bytes, Asked(1.0, 5), COPYING),
    Row("64 MB in an array", large_array, Asked(1.0, 5), COPYING, plain=False),
    Row("records, idle persistent_id", json_records, Asked(1.1, 1.5), None, dialect="persistent_id"),
    Row("records, idle plugin", json_records, Asked(2.5, 4), Asked(1.4, 1.8), dialect="plugin"),
    Row("dataclasses, idle plugin", dataclass_instances, Asked(7, 14), Asked(3, 4), False, dialect="plugin"),
    Row("pyperformance pickle", pyperformance_pickle, NO_SLOWER, NO_SLOWER, plain=False, core=True),
    Row("pyperformance pickle_list", pyperformance_list, NO_SLOWER, NO_SLOWER, core=True),
    Row("pyperformance pickle_dict", pyperformance_dict, NO_SLOWER, NO_SLOWER, core=True),
)

#: What is asked of the geometric mean of all rows, by engine and direction.
MEANS = {
    ("compiled", "dumps"): Asked(4, 5.5),
    ("compiled", "loads"): Asked(1.9, 2.3),
    ("python", "dumps"): Asked(1.0, 1.3),
    ("python", "loads"): Asked(1.0, 1.3),
}


def rows_named(patterns: list[str]) -> Iterator[Row]:
    """The rows whose name holds one of `patterns`; all, where there are none."""
    for row in ROWS:
        if not patterns or any(pattern in row.name for pattern in patterns):
            yield row
