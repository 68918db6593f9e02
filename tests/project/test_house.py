"""What stands in several files of the house says the same everywhere."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

import brinery

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SUPPORTED = [
    classifier.rpartition(" ")[2]
    for classifier in PROJECT["project"]["classifiers"]
    if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", classifier)
]


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_workflow_tests_every_python_that_is_supported():
    (matrix,) = re.findall(r"^ +python: \[(.*)\]$", text(".github/workflows/tests.yml"), re.MULTILINE)
    assert re.findall(r'"([^"]+)"', matrix) == SUPPORTED


def test_wheels_are_built_for_every_python_that_is_supported():
    built = PROJECT["tool"]["cibuildwheel"]["build"].split()
    assert built == [f"cp{version.replace('.', '')}-*" for version in SUPPORTED]


def test_the_compiled_engine_is_asserted_inside_each_wheel():
    command = PROJECT["tool"]["cibuildwheel"]["test-command"]
    assert command == "python {project}/.ci/compiled_engine.py"
    assert "compiled_engine.py" in text(".ci/run")
    namespace: dict[str, object] = {}
    if brinery.engine.status().name == "compiled":
        exec(text(".ci/compiled_engine.py"), namespace)
    else:
        with pytest.raises((AssertionError, ImportError)):
            exec(text(".ci/compiled_engine.py"), namespace)


def test_the_version_stands_in_one_place():
    found = [
        path.relative_to(ROOT)
        for path in [ROOT / "pyproject.toml", *(ROOT / "src").rglob("*.py")]
        if re.search(rf'"{re.escape(brinery.__version__)}"', path.read_text(encoding="utf-8"))
    ]
    assert found == [Path("src/brinery/version.py")]
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert importlib.metadata.version("brinery") == brinery.__version__
    assert f"## {brinery.__version__}" in text("CHANGELOG.md")


def test_the_commands_install_every_plugin():
    plugins = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("plugins/*/pyproject.toml")}
    for page in ("docs/contributing/set-up.md", ".github/workflows/tests.yml"):
        assert set(re.findall(r"-e (plugins/\S+)", text(page))) == plugins, page


def test_every_plugin_has_readme_tests_and_a_page():
    for path in ROOT.glob("plugins/*/pyproject.toml"):
        plugin = path.parent
        assert (plugin / "README.md").exists()
        assert (plugin / "tests" / "test_contract.py").exists()
        pages = "".join(page.read_text(encoding="utf-8") for page in ROOT.glob("docs/**/*.md"))
        assert plugin.name in pages


def test_pre_commit_runs_the_tools_of_the_group_lint():
    entries = re.findall(r"^ +entry: (\w+)", text(".pre-commit-config.yaml"), re.MULTILINE)
    assert set(entries) == {"ruff", "mypy"} <= set(PROJECT["dependency-groups"]["lint"])


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "contributing").glob("*.md")), ids=lambda page: page.stem
)
def test_the_files_that_contributors_are_told_of_are_there(page):
    named = re.findall(
        r"\b((?:src|tests|plugins|\.ci|\.github)/[\w./-]*\w)", page.read_text(encoding="utf-8")
    )
    assert [name for name in named if not (ROOT / name).exists()] == []
