"""Exceptions that user code keeps and raises again and again: what brinery says stands on them once."""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any

import pytest
from engines import Wire

from brinery import errors

KEPT: list[BaseException] = []


class Raises:
    """Raises the kept exception when it is written, and when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        raise KEPT[0]


def raise_kept() -> None:
    """What a stream calls."""
    raise KEPT[0]


class Inner:
    """Dumps within a dump."""

    def __init__(self, dumps: Any) -> None:
        self.dumps = dumps

    def __reduce__(self) -> tuple[Any, ...]:
        return bytes, (self.dumps({"inner": Raises()}),)


READ = b"c" + __name__.encode() + b"\nraise_kept\n)R."

#: Without notes there is nothing to count; from 3.14 on C pickle adds some of its own each time.
notes_are_ours = pytest.mark.skipif(
    not (3, 11) <= sys.version_info < (3, 14), reason="no notes, or C pickle's own for each level"
)


@pytest.fixture
def kept() -> BaseException:
    KEPT[:] = [ValueError("kept")]
    KEPT[0].__dict__["mine"] = 1
    return KEPT[0]


def _catch(function: Any, *arguments: Any) -> None:
    with pytest.raises(type(KEPT[0])):
        function(*arguments)


@notes_are_ours
class TestNotes:
    def test_of_many_dumps_the_last_one_is_told(self, wire: Wire, kept: BaseException) -> None:
        kept.add_note("the program's own")
        for key in range(300):
            _catch(wire.dumps, {key: Raises()})
        assert kept.__notes__ == [
            "the program's own",
            f"while pickling root[299] (an object of type {__name__}.Raises)",
        ]
        assert kept.pickle_path == "root[299]"  # type: ignore[attr-defined]

    def test_of_many_loads_the_last_one_is_told(self, wire: Wire, kept: BaseException) -> None:
        for length in range(50):
            _catch(wire.loads, b"N" * length + READ)
            _catch(wire.load, io.BytesIO(b"N" * length + READ))
        assert len(kept.__notes__) == 1
        assert kept.__notes__[0].startswith(
            f"while unpickling, at offset {len(READ) - 2 + 49}, opcode REDUCE"
        )

    def test_a_load_takes_the_place_of_a_dump(self, wire: Wire, kept: BaseException) -> None:
        _catch(wire.dumps, Raises())
        _catch(wire.loads, READ)
        assert [note[:16] for note in kept.__notes__] == ["while unpickling"]

    @pytest.mark.parametrize("error", [TypeError("cannot pickle 'x' object"), OverflowError("over 4 GiB")])
    def test_what_to_do_about_it_is_told_once(self, wire: Wire, error: BaseException) -> None:
        KEPT[:] = [error]
        for key in range(20):
            _catch(wire.dumps, {key: Raises()})
        (note,) = error.__notes__
        assert note.startswith("while pickling root[19]")
        assert note.endswith("\n" + error.pickle_advice)  # type: ignore[union-attr]

    def test_what_a_missing_name_means_is_told_once(self, wire: Wire, monkeypatch: Any) -> None:
        KEPT[:] = [AttributeError("nope")]

        def lookup(name: str) -> None:
            if name == "gone":
                raise KEPT[0]
            raise AttributeError(name)

        monkeypatch.setattr(sys.modules[__name__], "__getattr__", lookup, raising=False)
        data = b"\x80\x04\x8c" + bytes([len(__name__)]) + __name__.encode() + b"\x8c\x04gone\x93."
        with pytest.raises(AttributeError) as once:
            wire.loads(data)
        before = list(once.value.__notes__)
        for _ in range(20):
            with pytest.raises(AttributeError) as again:
                wire.loads(data)
        assert sorted(again.value.__notes__) == sorted(before)

    def test_a_dump_within_a_dump_is_told_by_both(self, wire: Wire, kept: BaseException) -> None:
        for _ in range(20):
            _catch(wire.dumps, ["outer", Inner(wire.dumps)])
            assert [note.split(" (")[0] for note in kept.__notes__] == [
                "while pickling root['inner']",
                "while pickling root[1]",
            ]

    def test_a_note_that_others_take_away_is_no_harm(self, wire: Wire, kept: BaseException) -> None:
        _catch(wire.dumps, Raises())
        del kept.__notes__
        _catch(wire.dumps, Raises())
        assert len(kept.__notes__) == 1

    def test_pickled_and_raised_elsewhere(self, wire: Wire, kept: BaseException) -> None:
        _catch(wire.dumps, Raises())
        for again in (pickle.loads(pickle.dumps(kept)), wire.loads(wire.dumps(kept))):
            KEPT[:] = [again]
            _catch(wire.dumps, [Raises()])
            assert [note.split(" (")[0] for note in again.__notes__] == ["while pickling root[0]"]


def test_the_attributes_are_those_of_the_last_time(wire: Wire, kept: BaseException) -> None:
    for length in (1, 2):
        _catch(wire.loads, b"N" * length + READ)
        assert errors.located(kept)[:3] == (None, None, len(READ) - 2 + length)
        _catch(wire.dumps, [Raises()])
        assert errors.located(kept)[:3] == ("root[0]", f"{__name__}.Raises", None)


class OfItsOwn(Exception):
    """Has an attribute of the name that brinery uses."""

    pickle_path = "/var/lib/pickles"


class Slotted(Exception):
    """The same, and no value yet."""

    __slots__ = ("pickle_offset",)


class TestAttributes:
    def test_of_its_class_are_left_alone(self, wire: Wire) -> None:
        KEPT[:] = [OfItsOwn()]
        _catch(wire.dumps, Raises())
        assert KEPT[0].pickle_path == "/var/lib/pickles"  # type: ignore[attr-defined]
        assert errors.located(KEPT[0]).pickle_path is None
        assert errors.located(KEPT[0]).pickle_type == f"{__name__}.Raises"

    def test_that_its_class_has_room_for_are_left_alone(self, wire: Wire) -> None:
        KEPT[:] = [Slotted()]
        _catch(wire.loads, READ)
        assert not hasattr(KEPT[0], "pickle_offset")
        assert errors.located(KEPT[0]).pickle_opcode == "REDUCE"

    def test_that_were_there_are_left_alone(self, wire: Wire, kept: BaseException) -> None:
        kept.pickle_path = "its own"  # type: ignore[attr-defined]
        for _ in range(2):
            _catch(wire.dumps, Raises())
        assert kept.pickle_path == "its own"  # type: ignore[attr-defined]
        assert kept.pickle_type == f"{__name__}.Raises"  # type: ignore[attr-defined]
