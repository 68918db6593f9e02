"""cloudpickle's own tests, with brinery's Pickler beneath cloudpickle's, and with the standard library's.

    python tests/cloudpickle_suite.py                    # the last release whose sdist has its tests
    python tests/cloudpickle_suite.py --source FOLDER    # a checkout of cloudpickle

The suite runs twice, in copies of its tree: as it is, and with brinery in the place of pickle wherever
cloudpickle imports that. Each test must come out the same. Child processes that the tests start import
the same copy. The default needs pip and its package index; the tests want psutil and tornado, too.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

#: Later sdists come without tests.
RELEASE = "2.2.1"

IMPORTS = (
    (re.compile(r"^(\s*)import pickle\b(?! *as)", re.MULTILINE), r"\1import brinery as pickle"),
    (re.compile(r"^(\s*)from pickle import (.*\bPickler)\b", re.MULTILINE), r"\1from brinery import \2"),
)


def download(folder: Path) -> Path:
    """The tree of the release."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "cloudpickle"]
    subprocess.run([*pip, f"cloudpickle=={RELEASE}", "--dest", str(folder)], check=True)
    with tarfile.open(folder / f"cloudpickle-{RELEASE}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / f"cloudpickle-{RELEASE}"


def put_brinery_beneath(tree: Path) -> int:
    """Change cloudpickle's imports of pickle; how many there were."""
    changed = 0
    for path in (tree / "cloudpickle").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for pattern, replacement in IMPORTS:
            text, found = pattern.subn(replacement, text)
            changed += found
        path.write_text(text, encoding="utf-8")
    return changed


def outcomes(tree: Path, log: Path) -> dict[str, str]:
    """Run the suite in `tree`; "passed", "failed" or "skipped" by the test's name."""
    path = os.pathsep.join([str(tree), str(tree / "tests" / "cloudpickle_testpkg")])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BRINERY")}
    with open(log, "wb") as output:
        # -s: some tests pickle sys.stderr, and pytest's own file in its place cannot be pickled.
        pytest = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-o", "addopts="]
        subprocess.run(
            [*pytest, "tests", f"--junitxml={tree / 'outcomes.xml'}"],
            cwd=tree,
            env={**environment, "PYTHONPATH": path, "BRINERY_PLUGINS": ""},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    found = {}
    for case in ElementTree.parse(tree / "outcomes.xml").iter("testcase"):
        kinds = {child.tag for child in case}
        failed = kinds & {"failure", "error"}
        outcome = "failed" if failed else "skipped" if "skipped" in kinds else "passed"
        found[f"{case.get('classname')}::{case.get('name')}"] = outcome
    return found


def compare(source: Path, folder: Path) -> list[str]:
    """Run the suite on both; the tests that came out differently. The logs stay in `folder`."""
    results = {}
    for name in ("pickle", "brinery"):
        tree = folder / name
        shutil.copytree(source, tree)
        if name == "brinery" and not put_brinery_beneath(tree):
            raise SystemExit("cloudpickle imports pickle nowhere that is known here")
        results[name] = outcomes(tree, folder / f"{name}.log")
        count = sorted(results[name].values())
        print(
            f"on {name}:",
            ", ".join(f"{count.count(kind)} {kind}" for kind in dict.fromkeys(count)),
            flush=True,
        )
        if "passed" not in count:
            raise SystemExit((folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-5000:])
    standard, ours = results["pickle"], results["brinery"]
    return [name for name in {**standard, **ours} if standard.get(name) != ours.get(name)]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, help="a tree of cloudpickle with its tests")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = arguments.source or download(folder)
        different = compare(source, folder / "first")
        if different:
            # Some tests measure time: what comes out differently once more is meant.
            print("different, and so once more:", *different, sep="\n  ")
            again = compare(source, folder / "second")
            different = [name for name in different if name in again]
        for name in different:
            print(f"{name}: not as on pickle")
        if different:
            print((folder / "second" / "brinery.log").read_text(encoding="utf-8", errors="replace")[-20_000:])
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())
