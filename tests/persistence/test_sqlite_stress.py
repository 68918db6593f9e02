"""SQLite under stress, at a small size; ``python tests/persistence/stress.py`` is the large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .stress import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_writers_and_signals_lose_nothing(tmp_path: Path, mode: str) -> None:
    run(tmp_path, mode, turns=3, rounds=60, kills=0)
