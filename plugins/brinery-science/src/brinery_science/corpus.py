"""``brinery-old-pickles FOLDER``: how many of a corpus of old pickles load right, by library and version.

With ``--upgraded``, how many are read right by plain ``pickle`` once ``brinery upgrade`` has rewritten them.

A corpus is a folder with ``load_old.py``, which loads each of its files with one module, compares it with the
value that the writing version had, and writes what came of it as JSON.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["main", "table", "table_of_upgraded"]

#: Rows of a result: the folder ``environment/library-version``, the file, what came of it, and why.
Row = tuple[str, str, str, str]


#: Leaves of the plugins what they say of names and of text.
_WITHOUT_SHAPES = """
import importlib
for name in ("brinery_science", "brinery_python2"):
    try:
        del importlib.import_module(name).brinery_shapes
    except ImportError:
        pass
"""


def results(corpus: Path, *arguments: str, shapes: bool = True) -> list[Row]:
    """What came of each file. Raises CalledProcessError where the corpus' own script fails.

    Without `shapes`, plugins say no more than what names and text have become.
    """
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "results.json"
        command = [sys.executable, str(corpus / "load_old.py"), "--json", str(into), *arguments]
        environment = dict(os.environ)
        if not shapes:
            (Path(folder) / "sitecustomize.py").write_text(_WITHOUT_SHAPES)
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        return [tuple(row) for row in json.loads(into.read_text())]


def _unpacked(corpus: Path, into: str) -> None:
    spec = importlib.util.spec_from_file_location("load_old", corpus / "load_old.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.unpacked(into)


def upgraded(corpus: Path, *arguments: str, jobs: int = 1) -> list[tuple[str, Row, Row, Row, Row, str]]:
    """For each file: ``folder/file``; what came of it with `pickle`; with names and text alone; with all that
    plugins have; upgraded, with `pickle`; and what the upgrade said of it, if it did: why it failed, or the
    names for which it wants a plugin.
    """
    from brinery.upgrade import Rules, upgrade_files

    with tempfile.TemporaryDirectory() as folder:
        _unpacked(corpus, folder)
        at = (*arguments, "--folder", folder)
        plain = results(corpus, "--module", "pickle", *at)
        named = results(corpus, "--module", "brinery", *at, shapes=False)
        full = results(corpus, "--module", "brinery", *at)
        said = {}
        of_these = [os.path.join(folder, name) for name in dict.fromkeys(row[0] for row in plain)]
        for done in upgrade_files(of_these, Rules(encoding="utf-8", errors="bytes"), jobs=jobs):
            wants = ", ".join(sorted(done.changes.needs))
            said[os.path.relpath(done.path, folder)] = done.error or wants
        after = results(corpus, "--module", "pickle", *at)
    found = []
    for before, alone, all_of, now in zip(plain, named, full, after, strict=True):
        name = "/".join(before[:2])
        found.append((name, before, alone, all_of, now, said[name]))
    return found


def table_of_upgraded(files: list[tuple[str, Row, Row, Row, Row, str]]) -> str:
    """A table in Markdown, by library and version; and below it the files that should be read right, and are
    not."""
    counts: dict[tuple[str, str], collections.Counter[str]] = {}
    missing = []
    for name, plain, named, full, after, said in files:
        library, _, version = plain[0].rpartition("/")[2].partition("-")
        right = {
            kind: row[2] == "right" for kind, row in zip("pnfa", (plain, named, full, after), strict=True)
        }
        for key in ((library, version), (library, ""), ("", "")):
            count = counts.setdefault(key, collections.Counter())
            count["files"] += 1
            count["before"] += right["p"]
            count["names"] += right["p"] or right["n"]
            count["after"] += right["a"]
            count["lost"] += right["p"] and not right["a"]
            count["missing"] += right["n"] and not right["p"] and not right["a"]
            count["wants"] += right["f"] and not right["a"]
            count["said"] += right["f"] and not right["a"] and bool(said)
        if (right["n"] or right["p"] or (right["f"] and not said)) and not right["a"]:
            missing.append(f"{name}: {after[2]} {after[3]}; {said or 'nothing was said'}")
    lines = [
        "| library | version | files | `pickle` right | names and text alone | upgraded, `pickle` right "
        "| lost | missing | a plugin reads right | of these said |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    columns = ("files", "before", "names", "after", "lost", "missing", "wants", "said")
    for (library, version), count in sorted(counts.items(), key=_by_name_and_version):
        cells = " | ".join(f"{count[column]:,}" for column in columns)
        lines.append(f"| {_all_of(library, version)} | {version} | {cells} |")
    return "\n".join([*lines, "", *missing])


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
    for (library, version), count in sorted(counts.items(), key=_by_name_and_version):
        all_of = _all_of(library, version)
        wrong = count["after wrong"] + count["after unusable"]
        lines.append(
            f"| {all_of} | {version} | {count['after']:,} | {count['before right']:,} "
            f"| {count['after right']:,} | {wrong:,} | {count['after error'] + count['after crash']:,} |"
        )
    return "\n".join(lines)


def _by_name_and_version(item: tuple[tuple[str, str], object]) -> tuple[str, list[int]]:
    """The order of the rows: each library above its versions, and all of them at the end."""
    library, version = item[0]
    return library or "~", _order(version)


def _all_of(library: str, version: str) -> str:
    return "" if version else f"**{library or 'in all'}**"


def _order(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="brinery-old-pickles", description=__doc__.split("\n\n")[0])
    parser.add_argument("corpus", type=Path, metavar="FOLDER", help="the corpus: a folder with load_old.py")
    parser.add_argument("--library", help="only these, separated by commas")
    parser.add_argument("--upgraded", action="store_true", help="upgrade them all, and read them with pickle")
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="processes that upgrade (default: 1)"
    )
    options = parser.parse_args()
    more = ["--library", options.library] if options.library else []
    if options.upgraded:
        print(table_of_upgraded(upgraded(options.corpus, *more, jobs=options.jobs)))
        return
    before = results(options.corpus, "--module", "pickle", *more)
    after = results(options.corpus, "--module", "brinery", *more)
    print(table(before, after))


if __name__ == "__main__":
    main()
