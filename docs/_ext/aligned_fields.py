"""Docstrings here list fields in aligned columns, which read well as source; Sphinx gets them as definitions.

::

    name   what it is, and more
           about it
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_FIELD = re.compile(r"(?P<name>\w[\w, ]*?)  +(?P<text>\S.*)")


def as_definitions(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Rewrite `lines` in place: aligned fields after an empty line become a definition list."""
    rewritten: list[str] = []
    column = None  # where the text of the fields starts; None outside such a list
    for line in lines:
        match = _FIELD.fullmatch(line)
        starts = match is not None and (column is not None or not rewritten or not rewritten[-1].strip())
        if match is not None and starts and column in (None, match.start("text")):
            column = match.start("text")
            rewritten += [f"``{match['name']}``", f"    {match['text']}"]
        elif column is not None and line.startswith(" " * column):
            rewritten.append(" " * 4 + line.strip())
        else:
            column = None
            rewritten.append(line)
    lines[:] = rewritten


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", as_definitions)
    return {"parallel_read_safe": True}
