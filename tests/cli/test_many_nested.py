"""Many small pickles in the bytes of one: told of together, and looked for once."""

from __future__ import annotations

import datetime
import decimal
import pickle
from pathlib import Path

import pytest

import brinery.stream.doctoring
from brinery.cli import main
from brinery.stream import diagnose, naming, references

COUNT = 300


def written(protocol: int = 4) -> bytes:
    inner = [pickle.dumps({"id": i, "when": datetime.date(2020, 1, 1)}, protocol) for i in range(COUNT)]
    return pickle.dumps([*inner, pickle.dumps(decimal.Decimal(1), protocol)], protocol)


@pytest.mark.parametrize("protocol", [2, 4])
def test_what_refers_to_the_same_is_one(protocol: int) -> None:
    found = references(written(protocol)).nested
    assert len(found) == COUNT + 1
    assert len({id(one.references) for one in found}) == 2
    assert all(one.references == found[0].references for one in found[:COUNT])
    assert found[-1].references.globals == {("decimal", "Decimal"): 1}


def test_refs_tells_of_them_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "many.pickle"
    path.write_bytes(written())
    assert main(["refs", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"each of {COUNT} pickles in bytes" in said
    assert len(said.splitlines()) < 40
    assert said.count("datetime.date") == 1


def test_refs_lists_so_many_kinds_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "many.pickle"
    path.write_bytes(pickle.dumps([pickle.dumps([decimal.Decimal] * (i + 1)) for i in range(50)]))
    assert main(["refs", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.count("a pickle in the") == 20
    assert "30 more pickles in bytes; --all lists them" in said
    assert main(["refs", str(path), "--all"]) == 0
    assert capsys.readouterr().out.count("a pickle in the") == 50


def test_names_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of a module that is not loaded is looked for in sources, which takes milliseconds."""
    asked = []
    resolve = naming.resolve

    def counted(module: str, name: str, *, dotted: bool = True) -> object:
        asked.append((module, name))
        return resolve(module, name, dotted=dotted)

    monkeypatch.setattr(naming, "resolve", counted)
    assert brinery.stream.doctoring.diagnose is diagnose
    assert diagnose(written()).weight == "fine"
    assert sorted(asked) == [("datetime", "date"), ("decimal", "Decimal")]


def test_an_accelerated_name_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """decimal takes its names from _decimal, and from _pydecimal only where there is no such thing."""
    import sys

    from brinery.stream.resolving import resolve

    pytest.importorskip("_decimal")
    for module in ("decimal", "_decimal", "_pydecimal"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert resolve("decimal", "Decimal") == ("found", "")
