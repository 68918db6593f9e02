"""Programs of users under ``mypy --strict``: these are right, and in those each marked line is an error."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

mypy = pytest.importorskip("mypy.api")

PROGRAMS = Path(__file__).parent / "programs"
#: ``# error: CODE …`` at the end of a line: mypy finds exactly these there.
MARK = re.compile(r"# error: (.+)$")


def expected() -> set[tuple[str, int, str]]:
    return {
        (path.name, number, code)
        for path in PROGRAMS.glob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (mark := MARK.search(line))
        for code in mark[1].split()
    }


def readme() -> str:
    """The README's first example."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    return text.partition("```python\n")[2].partition("```")[0]


def test_programs_are_right_where_they_are_right_and_wrong_where_they_are_wrong(tmp_path: Path) -> None:
    first = tmp_path / "readme.py"
    first.write_text(readme(), encoding="utf-8")
    out, err, _ = mypy.run(
        [
            "--strict",
            "--config-file=",
            "--no-incremental",
            "--show-error-codes",
            f"--python-executable={sys.executable}",
            f"--cache-dir={tmp_path}",
            *map(str, sorted(PROGRAMS.glob("*.py"))),
            str(first),
        ]
    )
    assert err == ""
    found = {
        (Path(path).name, int(line), code)
        for path, line, code in re.findall(r"^(.*?):(\d+): error: .*\[(.*?)\]$", out, re.MULTILINE)
    }
    assert expected()
    assert found == expected(), out
