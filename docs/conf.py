"""Sphinx's settings. Build with ``sphinx-build -W docs docs/_build/html``: a warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import brinery

project = "brinery"
author = "the brinery authors"
copyright = author
version = release = brinery.__version__

extensions = ["aligned_fields", "myst_parser", "opcode_table", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
nitpicky = False  # annotations name types of the standard library, whose inventory is not fetched

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"brinery {release}"
