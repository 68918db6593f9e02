"""User code in the middle of loads, a few of the inputs that `python tests/fuzz_user_code.py` tries."""

from __future__ import annotations

import os

import fuzz_user_code
import pytest
from engines import engines_under_test

#: BRINERY_FUZZ_LOADS=200000 tries that many.
LOADS = int(os.environ.get("BRINERY_FUZZ_LOADS", "1500"))


@pytest.mark.parametrize("name", engines_under_test())
def test_whatever_user_code_does_a_load_is_c_pickles_or_refused(name: str):
    found = list(fuzz_user_code.problems(name, 0, LOADS))
    assert not found, "\n".join(found)
