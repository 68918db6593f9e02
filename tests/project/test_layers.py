"""Imports point downwards only: an engine knows nothing of plugins, and nothing knows the command line."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import brinery

ROOT = Path(brinery.__file__).parent

#: From the bottom up; a package stands for all that is in it. A module imports from its own layer and below.
LAYERS = (
    (
        "version",
        "building",
        "lean_typing",
        "cpython",
        "forking",
        "interpreters",
        "locking",
        "refusals",
        "wording",
        "urls",
        "as_command",
        "said",
        "errors",
        "plan",
        "dotted",
        "lineage",
        "persistent_ids",
    ),
    ("stream",),
    ("engine",),
    ("records", "declarations", "old_shapes", "hookspecs", "persistence", "checking"),
    ("plugin_host",),
    ("profile", "recipes"),
    ("pickling",),
    ("python_pickling", "files", "survival", "upgrade"),
    ("",),
    ("testing",),
    ("cli", "__main__"),
)

#: Where pluggy is at home; everything else works without it.
PLUGGY = ("hookspecs", "plugin_host")


#: What a module imports only where it is asked for something that needs it.
ON_REQUEST = {"upgrade.running": {"distributed"}, "stream.columns": {"sqlalchemy"}}


def modules() -> list[str]:
    """All modules by their names under brinery; "" is the package itself."""
    paths = (path.relative_to(ROOT).with_suffix("").parts for path in ROOT.rglob("*.py"))
    return sorted(".".join(parts).removesuffix("__init__").rstrip(".") for parts in paths)


def path_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")) if module else ROOT
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def is_in(module: str, part: str) -> bool:
    return module == part or (part != "" and module.startswith(f"{part}."))


def layer_of(module: str) -> int:
    layers = [number for number, parts in enumerate(LAYERS) if any(is_in(module, part) for part in parts)]
    assert layers, f"brinery.{module} stands in no layer: give it one in this test"
    return layers[0]


def imported(module: str) -> Iterator[str]:
    """Everything that `module` imports, for types too, by full names."""
    for node in ast.walk(ast.parse(path_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"brinery.{module} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = inner.startswith("brinery.") and path_of(inner.removeprefix("brinery.")).exists()
                yield inner if is_module else str(node.module)


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_from_its_layer_and_below(module: str) -> None:
    upwards = [
        name
        for name in imported(module)
        if name == "brinery" or name.startswith("brinery.")
        if layer_of(name.removeprefix("brinery").lstrip(".")) > layer_of(module)
    ]
    assert upwards == []


@pytest.mark.parametrize("module", modules())
def test_a_module_needs_the_standard_library_only_and_the_plugin_host_pluggy(module: str) -> None:
    others = {name.partition(".")[0] for name in imported(module)} - sys.stdlib_module_names - {"brinery"}
    allowed = {"typing_extensions"} | ({"pluggy"} if any(is_in(module, room) for room in PLUGGY) else set())
    assert others <= allowed | ON_REQUEST.get(module, set())
