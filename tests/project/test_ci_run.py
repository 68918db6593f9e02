"""What .ci/run must not take for success."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not (ROOT / ".ci" / "run").exists() or shutil.which("bash") is None,
    reason="there is no .ci/run, or no bash",
)

#: All of it but its last line, which runs everything; and then one job as `main` runs it.
ONE_JOB = """
source <(sed '$d' "$1/.ci/run")
root=$1
export root work unstable
export -f $(compgen -A function)
run_job tests "$2" "$3" here
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of nothing but .ci and a README."""
    shutil.copytree(ROOT / ".ci", tmp_path / "the tree" / ".ci")
    return tmp_path / "the tree"


def run(script: str, tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    version = "{}.{}".format(*sys.version_info)
    return subprocess.run(
        ["bash", "-c", script, "bash", tree, version, sys.executable],
        env={**{k: v for k, v in os.environ.items() if not k.startswith("CI_")}, **environment},
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_job_is_what_the_readme_says(tree: Path):
    (tree / "README.md").write_text("```sh\necho pytest: 3 passed, by $PWD\n```\n", encoding="utf-8")
    done = run(ONE_JOB, tree)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ok      tests on Python")
    assert "3 passed" in done.stdout


@pytest.mark.parametrize("readme", ["", "```sh\npytest one\npytest two\n```\n"])
def test_a_readme_without_that_command_is_a_failure(tree: Path, readme: str):
    (tree / "README.md").write_text(readme, encoding="utf-8")
    done = run(ONE_JOB, tree)
    assert done.returncode != 0
    assert "README.md has not exactly one command with 'pytest'" in done.stdout
    assert "FAILED  tests on Python" in done.stdout


def test_nothing_that_is_set_for_ones_own_work_reaches_the_tests(tree: Path):
    shown = "${BRINERY_BUILD-}${BRINERY_PREFER-}${PYTHONHASHSEED-}"
    (tree / "README.md").write_text(f"```sh\necho pytest: 0 passed, with {shown}.\n```\n", encoding="utf-8")
    done = run(ONE_JOB, tree, BRINERY_BUILD="public", BRINERY_PREFER="a=b", PYTHONHASHSEED="1")
    assert "0 passed, with ." in done.stdout, done.stdout + done.stderr


HAVE_UNSTABLE = """
source <(sed '$d' "$1/.ci/run")
root=$1
id() { echo 0; }
apt-get() { :; }
unshare() { :; }
have_unstable && echo there || echo absent
"""


@pytest.mark.parametrize(
    ("status", "said"), [(0, "there"), (3, "absent"), (1, "FAILED  Debian's unstable distribution")]
)
def test_pythons_are_absent_where_no_mirror_has_them_and_for_no_other_reason(
    tree: Path, status: int, said: str
):
    unpack = f'mkdir -p "$2"; echo No space left on device; exit {status}'
    (tree / ".ci" / "unstable").write_text(f"#!/bin/sh\n{unpack}\n", encoding="utf-8")
    done = run(HAVE_UNSTABLE, tree)
    assert done.stdout.startswith(said)
    assert (done.returncode == 0) is (status != 1)
    assert ("No space left" in done.stderr) is (status != 0)
