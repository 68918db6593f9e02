"""The page of public names has all that brinery adds to pickle, and nothing that is internal."""

from __future__ import annotations

import importlib
import pickle
import re
from pathlib import Path

import brinery

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
API = (REFERENCE / "api.md").read_text(encoding="utf-8")
TARGETS = re.findall(r"auto(?:class|data|exception|function|module):: (\S+)", API)

#: Where public names live.
PUBLIC = (
    "brinery",
    "brinery.stream",
    "brinery.errors",
    "brinery.persistence",
    "brinery.testing",
    "brinery.upgrade",
)


def test_every_entry_is_a_public_name():
    for target in TARGETS:
        module, _, name = target.rpartition(".")
        if f"automodule:: {target}" not in API:
            assert module in PUBLIC or module.startswith("brinery.persistence."), target
            assert name in importlib.import_module(module).__all__, f"{target} is not in __all__"


def test_members_are_named_one_by_one():
    """A bare `:members:` of a class lists whatever happens to have a docstring."""
    bare = re.findall(r"autoclass:: (\S+)\n   :members:\n", API)
    assert not bare


def test_it_has_every_name_that_brinery_adds():
    pages = "".join(path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md"))
    own = {
        name
        for name in brinery.__all__
        if not name.startswith("_") and not hasattr(pickle, name) and name != "hookimpl"
    }
    missing = [
        name
        for name in sorted(own)
        if not re.search(rf"auto\w+:: brinery\.(\w+\.)*{name}$", pages, re.MULTILINE)
    ]
    automodules = [importlib.import_module(name) for name in re.findall(r"automodule:: (\S+)", API)]
    assert not [name for name in missing if not any(name in module.__all__ for module in automodules)]
