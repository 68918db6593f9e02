"""What brinery asks of every plugin, asked of this one."""

from __future__ import annotations

import subprocess
import sys

import brinery_science
import pytest
from brinery_science.corpus import table, table_of_upgraded

import brinery
from brinery.errors import PluginLoadError
from brinery.testing import PluginContract


class TestContract(PluginContract):
    plugin = brinery_science
    examples = {"nothing of its own is written": [1, "a", {"b": 2.5}]}
    golden = False


def test_no_library_is_imported_before_a_stream_names_one() -> None:
    code = (
        "import brinery, sys; p = brinery.Profile(['science']); p.loads(p.dumps([1]));"
        "print(*{'numpy', 'pandas', 'sklearn', 'scipy', 'sympy', 'networkx', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_library_may_be_left_alone() -> None:
    profile = brinery.Profile(["science"], options={"science": {"without": "numpy, pandas"}})
    assert not profile.explain("pandas.tslib:Timestamp").says
    assert brinery.Profile(["science"]).explain("pandas.tslib:Timestamp").says
    with pytest.raises(PluginLoadError, match="nunpy"):
        brinery.Profile(["science"], options={"science": {"without": "nunpy"}})


def test_explain_shows_where_a_name_went() -> None:
    said = str(brinery.Profile(["science"]).explain("numpy.core.multiarray:_reconstruct"))
    assert "science" in said
    assert "numpy.core.* is read as numpy._core.*" in " ".join(said.split())


def test_the_table_of_a_corpus_counts_by_library_and_version() -> None:
    before = [("a/numpy-1.8", "f", "right", ""), ("a/numpy-1.10", "f", "error", "")]
    after = [("a/numpy-1.8", "f", "right", ""), ("a/numpy-1.10", "f", "wrong", "")]
    assert table(before, after).splitlines()[2:] == [
        "| **numpy** |  | 2 | 1 | 1 | 1 | 0 |",
        "|  | 1.8 | 1 | 1 | 1 | 0 | 0 |",
        "|  | 1.10 | 1 | 0 | 0 | 1 | 0 |",
        "| **in all** |  | 2 | 1 | 1 | 1 | 0 |",
    ]


def test_the_table_of_what_was_upgraded_counts_by_library_and_version() -> None:
    def row(version: str, state: str) -> tuple[str, str, str, str]:
        return (f"a/numpy-{version}", "f", state, "")

    files = [
        ("1", row("1.8", "right"), row("1.8", "right"), row("1.8", "right"), row("1.8", "right"), ""),
        ("2", row("1.10", "error"), row("1.10", "right"), row("1.10", "right"), row("1.10", "error"), "why"),
    ]
    lines = table_of_upgraded(files).splitlines()
    assert lines[2:6] == [
        "| **numpy** |  | 2 | 1 | 2 | 1 | 0 | 1 | 1 | 1 |",
        "|  | 1.8 | 1 | 1 | 1 | 1 | 0 | 0 | 0 | 0 |",
        "|  | 1.10 | 1 | 0 | 1 | 0 | 0 | 1 | 1 | 1 |",
        "| **in all** |  | 2 | 1 | 2 | 1 | 0 | 1 | 1 | 1 |",
    ]
    assert lines[7:] == ["2: error ; why"]
