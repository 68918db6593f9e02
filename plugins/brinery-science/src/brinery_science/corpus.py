"""``brinery-old-pickles FOLDER``: how many of a corpus of old pickles load right, by library and version.

A corpus is a folder with ``load_old.py``, which loads each of its files with one module, compares it with the
value that the writing version had, and writes what came of it as JSON.
"""

from __future__ import annotations

import argparse
import collections
import json
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["main", "table"]

#: Rows of a result: the folder ``environment/library-version``, the file, what came of it, and why.
Row = tuple[str, str, str, str]


def results(corpus: Path, *arguments: str) -> list[Row]:
    """What came of each file. Raises CalledProcessError where the corpus' own script fails."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "results.json"
        command = [sys.executable, str(corpus / "load_old.py"), "--json", str(into), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return [tuple(row) for row in json.loads(into.read_text())]


def table(before: list[Row], after: list[Row]) -> str:
    """A table in Markdown: by library and version how many files there are, and how many load right."""
    counts: dict[tuple[str, str], collections.Counter[str]] = {}
    for kind, rows in (("before", before), ("after", after)):
        for folder, _, state, _ in rows:
            library, _, version = folder.rpartition("/")[2].partition("-")
            for key in ((library, version), (library, ""), ("", "")):
                count = counts.setdefault(key, collections.Counter())
                count[f"{kind} {state}"] += 1
                count[kind] += 1
    lines = [
        "| library | version | files | `pickle` right | brinery right | wrong | refused |",
        "|---|---|---|---|---|---|---|",
    ]
    for (library, version), count in sorted(
        counts.items(), key=lambda item: (item[0][0] or "~", _order(item[0][1]))
    ):
        all_of = f"**{library or 'in all'}**" if not version else ""
        wrong = count["after wrong"] + count["after unusable"]
        lines.append(
            f"| {all_of} | {version} | {count['after']:,} | {count['before right']:,} "
            f"| {count['after right']:,} | {wrong:,} | {count['after error'] + count['after crash']:,} |"
        )
    return "\n".join(lines)


def _order(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="brinery-old-pickles", description=__doc__.split("\n\n")[0])
    parser.add_argument("corpus", type=Path, metavar="FOLDER", help="the corpus: a folder with load_old.py")
    parser.add_argument("--library", help="only these, separated by commas")
    options = parser.parse_args()
    more = ["--library", options.library] if options.library else []
    before = results(options.corpus, "--module", "pickle", *more)
    after = results(options.corpus, "--module", "brinery", *more)
    print(table(before, after))


if __name__ == "__main__":
    main()
