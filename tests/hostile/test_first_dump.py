"""Code that comes in between while the first dump of a process composes the default profile."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from engines import Wire

#: A handler that pickles, at every line that the first dump or load runs, as a signal's would at one of them.
PROGRAM = """
import pickle, sys
import brinery
graph = [1, ("a", range(3)), KeyError, map]
found = []

def handler(frame, event, argument):
    sys.settrace(None)
    try:
        for protocol in range(6):
            found.append(brinery.dumps(graph, protocol) == pickle.dumps(graph, protocol))
            found.append(brinery.loads(pickle.dumps(graph, protocol)) == graph)
    except BaseException as exc:
        found.append(repr(exc))

class Every:
    def __init__(self, number): self.number = number
    def __call__(self, frame, event, argument):
        self.number -= 1
        if self.number == 0:
            handler(frame, event, argument)
        return self

sys.settrace(Every(int(sys.argv[1])))
FIRST
sys.settrace(None)
assert found and all(item is True for item in found), found
"""


@pytest.mark.parametrize("first", ["brinery.dumps([1])", "assert brinery.loads(b'K\\x01.') == 1"])
@pytest.mark.parametrize("line", [3, 40, 200, 1000, 3000])
def test_a_handler_that_pickles_in_the_middle_of_the_first_dump(wire: Wire, first: str, line: int):
    program = PROGRAM.replace("FIRST", first)
    done = subprocess.run(
        [sys.executable, "-c", program, str(line)],
        env={**os.environ, "BRINERY_ENGINE": wire.name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
