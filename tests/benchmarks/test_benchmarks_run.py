"""The benchmarks run, in all their modes. What they measure is no business of a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from engines import engines_under_test

FOLDER = Path(__file__).parent

MODES = {
    "speed": ["--rows", "JSON", "idle", "{'a': 1}"],
    "wide": ["wide", "--quick", "--rows", "data: pairs", "one object: a session"],
    "memory": ["memory", "--rows", "64 MB of bytes"],
    "references": ["references"],
    "stores": ["stores", "--largest", "6"],
    "streams": ["streams"],
    "servers": ["servers"],
    "scaling": ["scaling", "--largest", "3", "--rows", "pairs"],
}


@pytest.mark.parametrize("engine", engines_under_test())
@pytest.mark.parametrize("mode", MODES)
def test_the_benchmarks_run(engine: str, mode: str):
    done = subprocess.run(
        [
            sys.executable,
            FOLDER,
            *MODES[mode],
            "--engine",
            engine,
            "--repeat",
            "1",
            "--size",
            "0.02",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{engine} engine" in done.stdout


@pytest.mark.parametrize("table", ["start", "programs"])
def test_what_runs_in_processes_of_its_own(table: str):
    command = [sys.executable, FOLDER, table, "--quick", "--repeat", "1"]
    rows = {"start": [], "programs": ["--rows", "shelve", "multiprocessing"]}[table]
    done = subprocess.run([*command, *rows], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"start": "first dumps", "programs": "shelve: 500 records"}[table] in done.stdout


def test_the_report_puts_two_runs_side_by_side(tmp_path: Path):
    saved = tmp_path / "a.json"
    wide = ["wide", "--quick", "--repeat", "1", "--rows", "data: pairs", "--save", saved]
    subprocess.run([sys.executable, FOLDER, *wide], stdout=subprocess.DEVNULL, check=True)
    done = subprocess.run(
        [sys.executable, FOLDER, "report", saved, saved], stdout=subprocess.PIPE, text=True, check=True
    )
    (pairs,) = (line for line in done.stdout.splitlines() if line.startswith("| pairs"))
    assert pairs.count("|") == 2 + 6
