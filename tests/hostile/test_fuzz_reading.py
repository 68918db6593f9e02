"""Damaged pickles, a few of the million that `python tests/fuzz_reading.py` tries."""

from __future__ import annotations

import os

import fuzz_reading
import pytest
from engines import engines_under_test

#: BRINERY_FUZZ_INPUTS=1000000 tries that many.
INPUTS = int(os.environ.get("BRINERY_FUZZ_INPUTS", "3000"))


@pytest.mark.parametrize("name", engines_under_test())
def test_damaged_pickles_are_read_alike_or_refused_alike(name: str):
    found = list(fuzz_reading.problems(name, 0, INPUTS))
    assert not found, "\n".join(found)


def test_inputs_are_their_numbers():
    assert fuzz_reading.make_input(4711) == fuzz_reading.make_input(4711)
    assert len({fuzz_reading.make_input(number) for number in range(300)}) > 250
