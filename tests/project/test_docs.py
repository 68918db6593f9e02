"""The code in the README and in the docs runs as it stands, and the README's commands name what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")])
BLOCK = re.compile(r"^```(?P<language>\S*)[^\n]*\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)


def program(page: Path) -> str:
    """The page's Python code as one program, each line at its number in the page."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        if block["language"] == "python":
            first = text.count("\n", 0, block.start("code"))
            code = block["code"].splitlines()
            lines[first : first + len(code)] = code
    return "\n".join(lines)


#: Where a child process shows a traceback of __main__, Python 3.15 itself warns.
LINECACHE = "ignore:Module globals is missing a __spec__.loader:DeprecationWarning"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if program(page).strip()], ids=lambda page: page.stem
)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path):
    """As one program, as a reader would paste it."""
    script = tmp_path / f"{page.stem}.md"
    script.write_text(program(page), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", LINECACHE, script],
        cwd=tmp_path,
        env={**os.environ, "BRINERY_PLUGINS": "", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{page.relative_to(ROOT)}:\n{done.stderr}"


def commands() -> list[str]:
    """The README's shell commands, each block one."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [block["code"].strip() for block in BLOCK.finditer(text) if block["language"] == "sh"]


def test_one_command_runs_the_demo_and_one_all_tests():
    assert sum("brinery demo" in command for command in commands()) == 1
    assert sum("pytest" in command for command in commands()) == 1


def test_the_test_command_installs_every_plugin_of_this_repository():
    (command,) = [command for command in commands() if "pytest" in command]
    assert set(re.findall(r"-e (plugins/\S+)", command)) == {
        str(folder.parent.relative_to(ROOT)) for folder in ROOT.glob("plugins/*/pyproject.toml")
    }


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name == "README.md"], ids=lambda page: page.parent.name
)
def test_links_to_files_lead_somewhere(page: Path):
    """Those within the docs are Sphinx's to check, which takes a broken one for an error."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    assert not [link for link in links if not (page.parent / link).exists()]
