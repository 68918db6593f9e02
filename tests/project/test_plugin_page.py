"""The page about writing a plugin shows the first plugin verbatim."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugins" / "brinery-paths"


@pytest.mark.parametrize(
    ("language", "file"),
    [("python", PLUGIN / "src" / "brinery_paths.py"), ("toml", PLUGIN / "pyproject.toml")],
)
def test_the_page_shows_the_plugin_verbatim(language, file):
    page = (ROOT / "docs" / "how-to" / "write-a-plugin.md").read_text(encoding="utf-8")
    assert f"```{language}\n{file.read_text(encoding='utf-8')}```\n" in page
