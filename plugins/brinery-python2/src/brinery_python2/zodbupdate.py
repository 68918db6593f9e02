"""The entry points that packages ship for zodbupdate, the tool that mends ZODB's databases.

``zodbupdate`` names dicts of renamed classes, ``{"old.module Old": "new.module New"}``; ``zodbupdate.decode``
names dicts of attributes, ``{"module Class attribute": "utf-8"}``, or "binary" (the tool's documentation, on
PyPI).
"""

from __future__ import annotations

import warnings
from typing import Any

from brinery.errors import PluginWarning

__all__ = ["decoded", "renamed"]


def _dicts(group: str) -> list[dict[Any, Any]]:
    from importlib.metadata import entry_points  # takes the module email along

    found = []
    for entry in entry_points(group=group):
        try:
            loaded = entry.load()
        except Exception as failure:
            warnings.warn(
                f"the entry point {entry.name!r} of {group!r} ({entry.value}) cannot be loaded and is left "
                f"out: {type(failure).__name__}: {failure}",
                PluginWarning,
                stacklevel=2,
            )
            continue
        found.append(loaded)
    return found


def renamed() -> dict[str, str]:
    """The renamed classes, as a NameTable wants them."""
    names: dict[str, str] = {}
    for table in _dicts("zodbupdate"):
        for old, new in table.items():
            names[":".join(old.split(" ", 1))] = ":".join(new.split(" ", 1))
    return {old: new for old, new in names.items() if old.count(":") == new.count(":") == 1}


def decoded() -> dict[str, dict[str, str]]:
    """What attributes are, by class: "bytes" or an encoding. A class that was renamed is meant by its new
    name."""
    names = renamed()
    rules: dict[str, dict[str, str]] = {}
    for table in _dicts("zodbupdate.decode"):
        for key, text in table.items():
            module, cls, attribute = key.split(" ")
            target = names.get(f"{module}:{cls}", f"{module}:{cls}")
            rules.setdefault(target, {})[attribute] = "bytes" if text == "binary" else text
    return rules
