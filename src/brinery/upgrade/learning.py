"""Rules for names that are not found here, by looking where classes live today.

Sources are read, and nothing is imported: a class or function of the same name is looked for in the modules
of the package that had it, and in the packages that took its place.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, NamedTuple

from brinery.stream.resolving import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Proposal", "propose", "table_of", "unresolved"]

_MOST = 5000  # modules of a package that are looked into
_TESTS = ("test", "tests")
_LARGEST = 4_000_000  # bytes of a source


class Proposal(NamedTuple):
    """A name that is not found, and where one of that name lives today: more than one place is a question."""

    name: str
    places: tuple[str, ...]


def unresolved(names: Iterable[str]) -> list[str]:
    """Those of `names`, each ``"module:qualname"``, that are not found here."""
    found = []
    for name in names:
        module, _, qualname = name.partition(":")
        if resolve(module, qualname).status in ("no module", "no name"):
            found.append(name)
    return sorted(found)


def propose(names: Iterable[str], packages: Iterable[str] = ()) -> list[Proposal]:
    """For each of `names` that is not found here, the places where one of that name is defined.

    It is looked for in its own top-level package, and in `packages`. Where a module of the same last name
    has it, only such are proposed.
    """
    proposals = []
    for name in unresolved(names):
        module, _, qualname = name.partition(":")
        first = qualname.partition(".")[0]
        places = [
            f"{place}:{qualname}"
            for package in dict.fromkeys((module.partition(".")[0], *packages))
            for place in _defining(package).get(first, ())
        ]
        last = module.rpartition(".")[2].lstrip("_")
        alike = [place for place in places if place.partition(":")[0].rpartition(".")[2].lstrip("_") == last]
        proposals.append(Proposal(name, tuple(alike or places)))
    return proposals


@cache
def _defining(package: str) -> dict[str, list[str]]:
    """By name, the modules of `package` that define it at their top."""
    found: dict[str, list[str]] = {}
    for module, path in _modules(package):
        try:
            with open(path, "rb") as file:
                source = file.read(_LARGEST).decode("utf-8", "replace")
        except OSError:
            continue
        for line in source.splitlines():
            if line.startswith(("class ", "def ", "async def ")):
                words = line.removeprefix("async ").split(None, 1)[1]
                name = words.partition("(")[0].partition(":")[0].partition("[")[0].strip()
                if name.isidentifier():
                    found.setdefault(name, []).append(module)
    return found


def _modules(package: str) -> Iterator[tuple[str, str]]:
    spec = PathFinder.find_spec(package)
    if spec is None:
        return
    if spec.submodule_search_locations is None:
        if spec.origin is not None and spec.origin.endswith(".py"):
            yield package, spec.origin
        return
    count = 0
    for root in spec.submodule_search_locations:
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(
                name for name in folders if name.isidentifier() and name not in ("tests", "test")
            )
            inner = os.path.relpath(folder, root).replace(os.sep, ".")
            prefix = package if inner == "." else f"{package}.{inner}"
            for name in sorted(names):
                stem, suffix = os.path.splitext(name)
                if suffix == ".py" and stem.isidentifier():
                    count += 1
                    if count > _MOST:
                        return
                    yield (prefix if stem == "__init__" else f"{prefix}.{stem}"), os.path.join(folder, name)


def table_of(proposals: Iterable[Proposal], name: str = "learned names") -> str:
    """The source of a plugin that has these rules; what is not certain is a comment in it."""
    lines = [
        '"""Names that moved, as `brinery upgrade --learn` found them: look at each of them first."""',
        "",
        "from brinery import NameTable, hookimpl",
        "",
        "READ = {",
    ]
    for one in proposals:
        if len(one.places) == 1:
            lines.append(f"    {one.name!r}: {one.places[0]!r},")
        elif one.places:
            lines += [f"    # {one.name!r}: {place!r}," for place in one.places]
        else:
            lines.append(f"    # {one.name!r}: nothing of that name was found")
    lines += ["}", "", "", "@hookimpl", "def brinery_name_tables():"]
    lines += [f"    yield NameTable({name!r}, read=READ)", ""]
    return "\n".join(lines)
