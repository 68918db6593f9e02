"""Bytes below protocol 3, and dates, whose reductions hold some: several in a row, the bytes of C pickle.

From the second one on an engine may take a shorter way: the function and the encoding are in the memo.
"""

from __future__ import annotations

import _codecs
import contextlib
import copyreg
import datetime
import io
import pickle
from collections.abc import Callable

import pytest
from engines import Wire

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

SHARED = b"shared, \xff"
DAY = datetime.date(2024, 2, 29)
NOON = datetime.datetime(2024, 10, 27, 12, 30, 1, 255)
ZONE = datetime.timezone(datetime.timedelta(hours=1))

ROWS: dict[str, Callable[[], object]] = {
    "bytes": lambda: [bytes((n, 255 - n, 65)) for n in range(256)],
    "short ones": lambda: [b"", b"a", b"\xe9", b"ab", b"a", b"\xe9", "a", "\xe9", b"ab", b"\xe9\xe9"],
    "of each length": lambda: [bytes(range(n % 256)) for n in range(300)],
    "long ones": lambda: [
        b"a",
        *(b"\xe9" * n for n in (2, 4095, 4096, 4097, 32767, 32768, 65536, 70000)),
        b"ab",
    ],
    "met again": lambda: [SHARED, [SHARED], b"another", {SHARED: SHARED}, (SHARED, b"another")],
    "the encoding itself": lambda: ["latin1", b"ab", "latin1", b"cd", "".join(("latin", "1")), b"ef"],
    "the function itself": lambda: [_codecs.encode, b"ab", b"cd", _codecs.encode],
    "more than a BINGET": lambda: [[str(n) for n in range(300)], b"ab", b"cd", b"ef"],
    "dates": lambda: [DAY.replace(day=n) for n in range(1, 29)],
    "datetimes": lambda: [NOON.replace(microsecond=n) for n in range(200, 300)],
    "with zones": lambda: [
        NOON.replace(tzinfo=zone, minute=n) for n in range(9) for zone in (None, ZONE, ZONE)
    ],
    "times": lambda: [datetime.time(n, 59 - n, 3, 255) for n in range(24)],
    "the second of two": lambda: [
        part.replace(fold=n % 2) for n in range(4) for part in (NOON, NOON.timetz())
    ],
    "all of them": lambda: [b"ab", DAY, NOON, NOON.timetz(), SHARED, DAY.replace(day=1), NOON, b"cd", SHARED],
}


@pytest.mark.parametrize("what", ROWS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_several_in_a_row(wire: Wire, what: str, protocol: int):
    row = ROWS[what]()
    assert wire.dumps(row, protocol) == pickle.dumps(row, protocol)
    for fast in (False, True):
        assert to_file(wire.Pickler, row, protocol, fast) == to_file(pickle.Pickler, row, protocol, fast)


def to_file(pickler_class: type, row: object, protocol: int, fast: bool = False) -> list[bytes]:
    """What a file is given, write by write below protocol 4, of two dumps by one Pickler."""
    file = Written()
    pickler = pickler_class(file, protocol)
    pickler.fast = fast
    for _ in range(2):
        pickler.dump(row)
    return [b"".join(file.given)]


class Written(io.BytesIO):
    def __init__(self) -> None:
        super().__init__()
        self.given: list[bytes] = []

    def write(self, data: object) -> int:
        self.given.append(bytes(data))  # type: ignore[call-overload]
        return len(self.given[-1])


def some_ids(obj: object) -> object:
    return "an ID" if obj == "latin1" or obj == "ab" else None


def found(name: str) -> object:
    return getattr(_codecs, name)


def instead_of_the_function(pickler: object, obj: object) -> object:
    return (found, ("encode",)) if obj is _codecs.encode else NotImplemented


def refusing_the_function(pickler: object, obj: object) -> object:
    if obj is _codecs.encode:
        raise ZeroDivisionError
    return NotImplemented


HOOKS: dict[str, dict[str, object]] = {
    "idle persistent_id": {"persistent_id": lambda self, obj: None},
    "IDs for the parts": {"persistent_id": lambda self, obj: some_ids(obj)},
    "an ID for the function": {"persistent_id": lambda self, obj: "f" if obj is _codecs.encode else None},
    "an override for the function": {"reducer_override": instead_of_the_function},
    "an override that refuses": {"reducer_override": refusing_the_function},
    "a table for the function": {"dispatch_table": {type(len): lambda obj: (found, (obj.__name__,))}},
    "a table for dates": {"dispatch_table": {datetime.datetime: lambda obj: (str, (b"ab", b"cd"))}},
}


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("what", ["bytes", "the encoding itself", "the function itself", "all of them"])
def test_hooks_have_their_say(wire: Wire, hook: str, what: str):
    outcomes = []
    for module in (pickle, wire):
        pickler_class = type("Hooked", (module.Pickler,), HOOKS[hook])
        try:
            outcomes.append(to_file(pickler_class, ROWS[what](), 2))
        except Exception as error:
            outcomes.append([type(error).__name__.encode()])
    assert outcomes[1] == outcomes[0]


def test_an_extension_code_for_the_function(wire: Wire):
    copyreg.add_extension("_codecs", "encode", 77)
    try:
        with contextlib.suppress(Exception):
            assert wire.dumps([b"ab", b"cd", DAY], 2) == pickle.dumps([b"ab", b"cd", DAY], 2)
    finally:
        copyreg.remove_extension("_codecs", "encode", 77)
