"""sizes and doctor on archives, shelves and folders as people have them."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import pytest

from brinery.cli import main


def test_sizes_counts_the_files_of_an_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model of PyTorch's: a small pickle, and the arrays beside it."""
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps({"weights": [1, 2, 3]}, 2))
        archive.writestr("model/data/0", bytes(range(256)) * 1600)
        archive.writestr("model/version", b"3\n")
    assert main(["sizes", str(path)]) == 0
    said = capsys.readouterr().out
    total = 256 * 1600 + 2 + len(pickle.dumps({"weights": [1, 2, 3]}, 2))
    assert said.startswith(f"{total:,} bytes, 1 pickle\n")
    assert "model/data/0  no pickle" in said
    assert main(["sizes", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(one["bytes"] for one in found) == total
    assert [one["pickles"] for one in found] == [1, 0, 0]


def test_doctor_tells_of_those_that_are_alike_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "many.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(50):
            archive.writestr(f"{i}.pickle", pickle.dumps({"number": i}))
    assert main(["doctor", str(file)]) == 0
    said = capsys.readouterr().out
    names = ", ".join(f"{i}.pickle" for i in range(1, 11))
    assert f"    and the same of {names}, and 39 more, which --json names\n" in said
    assert len(said.splitlines()) < 10
    assert main(["doctor", str(file), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 50


@pytest.mark.parametrize("command", ["doctor", "sizes", "refs", "dis"])
def test_a_folder_is_told_to_be_one(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, str(tmp_path)])
    assert "this is a folder: name one of the files in it" in capsys.readouterr().err
