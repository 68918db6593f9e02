"""A process that forks while another of its threads is in the middle of something: the child must go on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from engines import Wire

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

#: A thread does FIRST. While it imports SLOW, in the middle of it, the process forks. The child does THEN.
PROGRAM = """
import os, pickle, signal, sys, threading, time
import brinery

reached = threading.Event()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == SLOW:
            reached.set()
            time.sleep(0.3)  # so that the fork falls into it

def refused(data):
    try:
        brinery.loads(data)
    except pickle.UnpicklingError as error:
        return str(error)

sys.meta_path.insert(0, Slow())
recipe = pickle.dumps(brinery.Profile([])) if "recipe" in sys.argv else b""
brinery.loads(b"N.") if SLOW.startswith("brinery.engine.") else None
thread = threading.Thread(target=lambda: FIRST)
thread.start()
assert reached.wait(20)
child = os.fork()
if child == 0:
    signal.alarm(15)
    THEN
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0, "the child did not come to its end"
thread.join()
THEN
"""

DUMPS = "assert brinery.dumps([1, map]) == pickle.dumps([1, map])"


def _run(wire: Wire, program: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        env={**os.environ, "BRINERY_ENGINE": wire.name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("slow", "first", "then"),
    [
        ("brinery.profile", "brinery.dumps([1])", DUMPS),
        ("brinery.profile", "brinery.loads(b'N.')", "assert brinery.loads(b'K\\x01.') == 1"),
        ("brinery.plugin_host.selection", "brinery.dumps([1])", DUMPS),
        ("brinery.engine.advice.reading", "refused(b'.')", "assert refused(b'.') == refused(b'.')"),
    ],
)
def test_a_child_goes_on_where_a_thread_was_in_the_middle(wire: Wire, slow: str, first: str, then: str):
    program = PROGRAM.replace("SLOW", repr(slow)).replace("FIRST", first).replace("THEN", then)
    _run(wire, program)


def test_a_child_makes_a_profile_that_a_thread_was_making(wire: Wire):
    program = """
import brinery.recipes, os, pickle, signal, threading
recipe = pickle.dumps(brinery.Profile([]))
reached, make = threading.Event(), brinery.recipes._make
def slow(recipe):
    reached.set()
    threading.Event().wait(0.3)  # so that the fork falls into it
    return make(recipe)
brinery.recipes._make = slow
thread = threading.Thread(target=pickle.loads, args=(recipe,))
thread.start()
assert reached.wait(20)
child = os.fork()
if child == 0:
    signal.alarm(15)
    pickle.loads(recipe).dumps([1])
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
thread.join()
"""
    _run(wire, program)


def test_what_forks_in_the_middle_goes_on_in_both(wire: Wire):
    program = """
import os, pickle, signal, sys
import brinery
forked = []
class Forks:
    def find_spec(self, name, path=None, target=None):
        if name == "brinery.plugin_host.selection" and not forked:
            forked.append(os.fork())
            if not forked[0]:
                signal.alarm(15)
sys.meta_path.insert(0, Forks())
assert brinery.dumps([1]) == pickle.dumps([1])
assert brinery.loads(pickle.dumps([1])) == [1]
if forked[0]:
    assert os.waitpid(forked[0], 0)[1] == 0
"""
    _run(wire, program)


def test_a_fork_does_not_wait_for_ever(wire: Wire):
    """For what composes may itself wait for what the forking thread is doing."""
    program = """
import brinery, brinery.forking, os, pickle, signal, threading
brinery.forking._PATIENCE = 0.05
reached, over = threading.Event(), threading.Event()
def hold():
    with brinery.forking.whole:
        reached.set()
        over.wait(20)
thread = threading.Thread(target=hold)
thread.start()
reached.wait(20)
child = os.fork()
if child == 0:
    signal.alarm(15)
    assert brinery.dumps([1]) == pickle.dumps([1])
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
over.set()
thread.join()
assert brinery.dumps([1]) == pickle.dumps([1])
"""
    _run(wire, program)
