"""A signal's handler raises while the first dump loads a plugin: that is no fault of the plugin's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from engines import Wire
from throwaway import Installation

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGUSR1")

#: The signal comes once, in the middle of the plugin's module or hook.
PLUGIN = """
import signal, sys
from brinery import Reducer, hookimpl

def greet(fraction):
    return str, ("hello",)

def interrupt():
    if not hasattr(sys, "interrupted"):
        sys.interrupted = True
        signal.raise_signal(signal.SIGUSR1)

IMPORTED

@hookimpl
def brinery_reducers():
    ASKED
    yield Reducer("fractions:Fraction", greet)
"""

PROGRAM = """
import functools, signal, sys, warnings
warnings.simplefilter("error")
import brinery, fractions

class TooSlow(RAISED): pass

def handler(*arguments):
    raise TooSlow("too slow")

class Handling:
    def method(self, number, frame):
        handler()
    __call__ = method

signal.signal(signal.SIGUSR1, HANDLER)
for _ in range(2):
    try:
        print(brinery.loads(brinery.dumps([fractions.Fraction(1, 2)])))
    except TooSlow as slow:
        print("slow", slow)
"""

HANDLERS = {
    "function": "handler",
    "method": "Handling().method",
    "callable": "Handling()",
    "partial": "functools.partial(handler, 1)",
    "lambda": "lambda number, frame: handler()",
}


def _installed(folder: Path, imported: str, asked: str) -> Installation:
    installation = Installation(folder)
    plugin = PLUGIN.replace("IMPORTED", imported).replace("ASKED", asked)
    installation.add("brinery-slow", "1.0", plugins={"slow": "slow_plugin"}, slow_plugin=plugin)
    return installation


WRAPS = "try: interrupt()\n    except Exception as e: raise ValueError('wrapped') from e"


@pytest.mark.parametrize("raised", ["Exception", "TimeoutError", "SystemExit", "ImportError"])
@pytest.mark.parametrize(
    ("imported", "asked"), [("interrupt()", "pass"), ("pass", "interrupt()"), ("pass", WRAPS)]
)
def test_it_is_raised_and_the_next_dump_has_the_plugin(
    tmp_path: Path, raised: str, imported: str, asked: str
) -> None:
    installation = _installed(tmp_path, imported, asked)
    code = PROGRAM.replace("RAISED", raised).replace("HANDLER", "handler")
    assert installation.out(code).splitlines() == ["slow too slow", "['hello']"]


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS.keys())
def test_handlers_of_every_kind_are_known(tmp_path: Path, handler: str) -> None:
    installation = _installed(tmp_path, "interrupt()", "pass")
    code = PROGRAM.replace("RAISED", "Exception").replace("HANDLER", handler)
    assert installation.out(code).splitlines() == ["slow too slow", "['hello']"]


def test_what_a_plugin_raises_itself_is_its_fault_all_the_same(tmp_path: Path) -> None:
    installation = _installed(tmp_path, "raise TimeoutError('of its own')", "pass")
    code = PROGRAM.replace("RAISED", "Exception").replace("HANDLER", "handler").replace('"error"', '"ignore"')
    assert installation.out(code).splitlines() == ["[Fraction(1, 2)]"] * 2


def test_a_timeout_while_folders_are_looked_at(tmp_path: Path, wire: Wire) -> None:
    """TimeoutError is an OSError, as what a folder that cannot be listed raises."""
    code = """
import os, signal, sys
import brinery
def handler(*arguments):
    raise TimeoutError("too slow")
signal.signal(signal.SIGUSR1, handler)
listdir = os.listdir
def slow(*arguments):
    os.listdir = listdir
    signal.raise_signal(signal.SIGUSR1)
os.listdir = slow
try:
    brinery.dumps(1)
except TimeoutError:
    print("slow")
print(brinery.dumps(1) == __import__("pickle").dumps(1))
"""
    assert Installation(tmp_path).out(code, BRINERY_ENGINE=wire.name).splitlines() == ["slow", "True"]
