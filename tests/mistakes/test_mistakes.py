"""What people do wrong, and what they are told: the messages are in messages.txt.

Where C pickle refuses the same, its text stays, and is not in there; what teaches is a note beneath it. Where
the error is brinery's own, it is the text. After a change of words, BRINERY_WRITE_MESSAGES=1 writes the
file anew, to be read before it is committed.
"""

from __future__ import annotations

import builtins
import os
import re
from pathlib import Path

import pytest
from engines import Wire

from brinery import Profile
from brinery.cpython import NOTES_FOR_LEVELS
from brinery.errors import located

from . import choosing, reading, writing
from .table import Mistake

GOLDEN = Path(__file__).with_name("messages.txt")
MISTAKES: dict[str, Mistake] = {**writing.MISTAKES, **reading.MISTAKES, **choosing.MISTAKES}

#: Notes that say where it was; they are C pickle's from Python 3.14 on, and tested elsewhere.
WHERE = ("while pickling ", "when serializing ", "while unpickling, ", "…")


def told(name: str, engine: str, folder: Path) -> str:
    """What somebody is told, in words that are the same on every machine."""
    profile = Profile.plain(engine=engine)
    try:
        MISTAKES[name](profile, folder)
    except Exception as failure:
        notes = getattr(failure, "__notes__", ())
        lines = [line for note in notes for line in note.split("\n") if not line.startswith(WHERE)]
        if NOTES_FOR_LEVELS and (advice := located(failure).pickle_advice):
            lines += advice.split("\n")  # of what cannot be written: the notes are C pickle's
        if name in choosing.MISTAKES:
            lines = [str(failure), *lines]
        text = "\n".join([type(failure).__name__, *lines])
    else:
        pytest.fail("nothing was wrong")
    text = text.replace(str(folder), "FOLDER").replace(str(Path(__file__).parents[1]), "TESTS")
    text = re.sub(r"\.py:\d+", ".py:LINE", text)
    text = text.replace("LocalObjectError", "WriteError")  # from Python 3.14 on
    return re.sub(r"0x[0-9a-f]+", "0x…", text)


def golden() -> dict[str, str]:
    entries = re.split(r"^# (.*)\n", GOLDEN.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(entries[::2], entries[1::2], strict=True)}


@pytest.mark.skipif(not os.environ.get("BRINERY_WRITE_MESSAGES"), reason="writes the golden file anew")
def test_write_messages(tmp_path: Path) -> None:
    parts = []
    for number, name in enumerate(MISTAKES):
        folder = tmp_path / str(number)
        folder.mkdir()
        parts.append(f"# {name}\n{told(name, 'python', folder)}\n")
    GOLDEN.write_text("\n".join(parts), encoding="utf-8")


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_told_what_to_do(wire: Wire, name: str, tmp_path: Path) -> None:
    wanted = golden()[name]
    assert told(name, wire.name, tmp_path) == wanted


def test_the_golden_file_has_no_others() -> None:
    assert list(golden()) == list(MISTAKES)


@pytest.mark.parametrize("name", MISTAKES)
def test_each_is_told_something(name: str) -> None:
    assert "\n" in golden()[name], "only the type of the error"


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("name", writing.PATHS)
def test_the_path_leads_to_it(wire: Wire, name: str, protocol: int) -> None:
    make, path = writing.PATHS[name]
    with pytest.raises(Exception, match=r"lambda|local") as caught:
        Profile.plain(engine=wire.name).dumps(make(lambda: 0), protocol)
    assert caught.value.pickle_path == path  # type: ignore[attr-defined]


@pytest.mark.skipif(not hasattr(builtins, "frozendict"), reason="Python 3.15 brought it")
def test_a_frozendict_wants_a_protocol_that_has_it(wire: Wire) -> None:
    with pytest.raises(TypeError) as refused:
        wire.dumps([builtins.frozendict(a=1)], protocol=1)  # type: ignore[attr-defined]
    assert located(refused.value).pickle_advice == "protocol=2 and later write a frozendict"
