"""NLTK: taggers by regular expressions that kept these otherwise, and stemmers without a mode."""

from __future__ import annotations

import re
from typing import Any

from brinery import Shape


def regexp_tagger_state(state: Any) -> Any:
    """A ``RegexpTagger`` had its expressions under another name, and once in one, with the tags apart."""
    if not isinstance(state, dict) or "_regexps" in state or "_regexs" not in state:
        return state
    from nltk.tag import RegexpTagger

    old = state["_regexs"]
    pairs = [(one.pattern, tag) for one, tag in old] if isinstance(old, list) else _apart(old, state["_map"])
    made = RegexpTagger(pairs)
    kept = {name: value for name, value in state.items() if name not in ("_regexs", "_map", "_size")}
    return {**kept, "_regexps": made._regexps}


def _apart(whole: re.Pattern[str], tags: dict[str, str]) -> list[tuple[str, str]]:
    """Of ``(?P<g0>first)|(?P<g1>second)`` the expressions, with their tags."""
    parts = re.split(r"(?:^|\)\|)\(\?P<(g\d+)>", whole.pattern)[1:]
    if not parts or parts[::2] != [f"g{i}" for i in range(len(tags))]:
        raise ValueError(f"the expressions of this RegexpTagger cannot be told apart: {whole.pattern[:80]!r}")
    patterns = [*parts[1:-1:2], parts[-1][:-1]]
    return [(pattern, tags[name]) for name, pattern in zip(parts[::2], patterns, strict=True)]


SHAPES = [
    Shape("nltk.tag.sequential:RegexpTagger", state="brinery_science.of_nltk:regexp_tagger_state"),
    # The only way of stemming that there was is called so since NLTK 3.2.
    Shape("nltk.stem.porter:PorterStemmer", defaults={"mode": "NLTK_EXTENSIONS"}),
]
