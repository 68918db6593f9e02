"""The page of ``brinery sizes --html``: one file, nothing from elsewhere, a map of boxes to click through."""

from __future__ import annotations

import html
import json
from pathlib import Path

__all__ = ["page"]

_TEMPLATE = Path(__file__).with_name("sizes.html")


def page(title: str, data: dict[str, object]) -> str:
    """The page of these sizes. What a stream says of itself is data in it, never markup or script."""
    text = json.dumps(data).replace("<", "\\u003c")
    before, _, rest = _TEMPLATE.read_text(encoding="utf-8").partition("DATA")
    return before.replace("TITLE", html.escape(title)) + text + rest
