"""Importing brinery is cheap, and a plain profile pays nothing for plugins."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from throwaway import Installation

from brinery import engine

#: Each takes a millisecond to import, most of them far more, or reads what is installed.
HEAVY = (
    "pluggy",
    "importlib.metadata",
    "dataclasses",
    "inspect",
    "sqlite3",
    "tempfile",
    "logging",
    "pathlib",
    "platform",
    "threading",
    # What it takes is little beside what a dump with the engine in Python takes, and its modules import it.
    *(["typing"] if engine.status().name == "compiled" else []),
    "ast",
)

USES = {
    "importing it": "import brinery",
    "a plain profile": """
        from brinery import Profile
        plain = Profile.plain()
        assert plain.loads(plain.dumps([1, "a", range(3)], 2)) == [1, "a", range(3)]
        """,
    "the default profile without plugins": """
        import brinery
        assert brinery.loads(brinery.dumps({"a": 1})) == {"a": 1}
        """,
}


@pytest.mark.parametrize("use", USES)
def test_no_heavy_module_is_imported_by(use: str, tmp_path: Path) -> None:
    code = f"{textwrap.dedent(USES[use])}\nimport sys; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    assert Installation(tmp_path).out(code, BRINERY_PLUGINS="") == ""


#: A hook, without which a plugin is none.
HOOK = """
import brinery
@brinery.hookimpl
def brinery_reducers(): return []
"""


def test_where_no_plugin_is_installed_the_metadata_of_distributions_is_not_imported(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.add("another", plugins={})
    (tmp_path / "another-1.0.dist-info" / "entry_points.txt").write_text("[console_scripts]\nbrinery = a:b\n")
    code = f"import sys, brinery; brinery.dumps(1); print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    assert installation.out(code) == ""


def test_the_default_profile_is_composed_when_it_is_first_used(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.add("noisy-plugin", plugins={"noisy": "noisy_plugin"}, noisy_plugin=f"print('loaded'){HOOK}")
    out = installation.out(
        "import brinery; print('imported'); brinery.dumps(1); print('dumped'); brinery.dumps(2)"
    )
    assert out.splitlines() == ["imported", "loaded", "dumped"]


def test_pluggy_is_imported_only_where_there_are_plugins(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.add("a-plugin", plugins={"a": "a_plugin"}, a_plugin=HOOK)
    code = "import sys, brinery; brinery.dumps(1); print('pluggy' in sys.modules)"
    assert installation.out(code) == "True"
    assert installation.out(code, BRINERY_PLUGINS="") == "False"
