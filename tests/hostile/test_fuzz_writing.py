"""Graphs that meddle with their own dump, a few of the million that `python tests/fuzz_writing.py` tries."""

from __future__ import annotations

import os

import fuzz_writing
import pytest
from engines import engines_under_test

#: BRINERY_FUZZ_GRAPHS=1000000 tries that many.
GRAPHS = int(os.environ.get("BRINERY_FUZZ_GRAPHS", "1000"))


@pytest.mark.parametrize("name", engines_under_test())
def test_no_graph_that_changes_while_it_is_written_crashes_or_comes_out_unsound(name: str):
    found = list(fuzz_writing.problems(name, 0, GRAPHS))
    assert not found, "\n".join(found)
