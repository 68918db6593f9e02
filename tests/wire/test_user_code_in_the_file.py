"""User code that is called in the middle of a load, and reads, moves or changes the file that is loaded.

C pickle reads a file that cannot peek to the end of a frame, or opcode by opcode where there are none. So
what lies behind a reference or a state can be read from the file by who is called for it: raw data of arrays,
or another pickle. What the file is must not matter.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

#: The file of the load that runs, and what is done with it where user code is called.
current: Any = None
meddler: Callable[[Any], object] = io.BytesIO.tell
#: It may lead a load back for ever.
times_left = 0


def meddle(file: Any) -> object:
    global times_left
    times_left -= 1
    return meddler(file) if times_left >= 0 else None


class Met:
    """Wherever a load makes one, gives it state or looks its class up, the file is meddled with."""

    def __init__(self, *args: object) -> None:
        self.args = args
        self.seen = meddle(current)

    def __setstate__(self, state: object) -> None:
        self.state = state, meddle(current)

    def __reduce__(self) -> Any:
        return Met, (1, "two"), {"three": 3}


class Made:
    def __new__(cls, *args: object) -> Made:
        made = super().__new__(cls)
        if args:
            made.seen = meddle(current)  # type: ignore[attr-defined]
        return made

    def __getnewargs__(self) -> Any:
        return (1,)


class Reference:
    pass


class Plain(io.BytesIO):
    """Not exactly a BytesIO: no engine looks into it."""


def written(protocol: int, *objects: object) -> bytes:
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: object) -> object:
            return "7" if type(obj) is Reference else None

    file = io.BytesIO()
    for obj in objects:
        Pickler(file, protocol).dump(obj)
    return file.getvalue()


def outcome(side: Any, file: Any, loads: int) -> list[object]:
    """What `loads` loads of one Unpickler come to, and where the file is after each."""
    global current, times_left
    times_left = 5

    class Unpickler(side.Unpickler):  # type: ignore[misc]
        def persistent_load(self, pid: object) -> object:
            return pid, meddle(file)

        def find_class(self, module: str, name: str) -> object:
            meddle(file)
            return super().find_class(module, name)

    current = file
    unpickler = Unpickler(file)
    told: list[object] = []
    for _ in range(loads):
        try:
            told.append(shown(unpickler.load()))
        except Exception as error:
            standard = [base for base in type(error).__mro__ if base.__module__ in {"builtins", "_pickle"}]
            told.append(standard[0])
            break  # where the file is then is another matter
        told.append(None if file.closed else file.tell())
    return told


def shown(obj: Any) -> object:
    if isinstance(obj, (list, tuple)):
        return [shown(item) for item in obj]
    if isinstance(obj, dict):
        return [(key, shown(value)) for key, value in obj.items()]
    return [type(obj).__name__, shown(sorted(vars(obj).items()))] if isinstance(obj, (Met, Made)) else obj


def nothing(file: Any) -> object:
    return None


def where(file: Any) -> object:
    return file.tell()


def read_on(file: Any) -> object:
    return file.read(2)


def back(file: Any) -> object:
    return file.seek(max(0, file.tell() - 1))


def to_the_end(file: Any) -> object:
    return file.seek(0, 2)


def cut(file: Any) -> object:
    return file.truncate()


def cut_short(file: Any) -> object:
    return file.truncate(max(0, file.tell() - 3))


def close(file: Any) -> object:
    return file.close()


def overwrite(file: Any) -> object:
    at = file.tell()
    file.write(b"N." * 4)
    return file.seek(at)


def overwrite_shown(file: Any) -> object:
    with file.getbuffer() as view:
        at = file.tell()
        view[at : at + 2] = b"N."[: len(view[at : at + 2])]
    return None


def load_another(file: Any) -> object:
    return pickle.load(file)


MEDDLERS = [
    nothing,
    where,
    read_on,
    back,
    to_the_end,
    cut,
    cut_short,
    close,
    overwrite,
    overwrite_shown,
    load_another,
]
OBJECTS: list[tuple[object, ...]] = [
    (Met(), "next"),
    ([Met(), "after"], "next"),
    ([Made(), Made()], "next"),
    (Reference(), b"raw", "next"),
    ([0, Reference(), "after", Reference()], "next", [1]),
    ({"a": [Reference(), Met(), Made()]}, "next", "last"),
    (("x" * 300, Reference(), "y" * 70_000, Reference(), b"z" * 70_000), "next"),
]


@pytest.mark.parametrize("way", MEDDLERS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_file_is_where_c_pickle_leaves_it(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, protocol: int, way: Callable[[Any], object]
):
    for objects in OBJECTS:
        monkeypatch.setitem(globals(), "meddler", nothing)
        data = written(protocol, *objects)
        monkeypatch.setitem(globals(), "meddler", way)
        for kind in (io.BytesIO, Plain):
            expected = outcome(pickle, kind(data), 3)
            assert outcome(wire, kind(data), 3) == expected, (objects, kind)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_raw_data_behind_a_reference_and_behind_a_state(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, protocol: int
):
    monkeypatch.setitem(globals(), "meddler", nothing)
    for obj in (Reference(), Met()):
        file = io.BytesIO(written(protocol, [obj]) + b"PIXELS")
        if protocol < 4:  # C pickle is at the opcode: the raw data goes right behind it
            whole = file.getvalue()
            if type(obj) is Met:
                at = whole.rindex(b"b") + 1
            else:
                at = whole.index(b"P7\n") + 3 if protocol == 0 else whole.index(b"Q") + 1
            file = io.BytesIO(whole[:at] + b"PIXELS" + whole[at:-6])
        monkeypatch.setitem(globals(), "meddler", lambda file: file.read(6) if taking(file) else None)
        told = outcome(wire, io.BytesIO(file.getvalue()), 1)
        assert told == outcome(pickle, Plain(file.getvalue()), 1)
        assert "PIXELS" in repr(told) or (protocol > 3 and type(obj) is Met)  # find_class took them
        monkeypatch.setitem(globals(), "meddler", nothing)


def taking(file: Any) -> bool:
    at = file.tell()
    came = bool(file.read(6) == b"PIXELS")
    file.seek(at)
    return came
