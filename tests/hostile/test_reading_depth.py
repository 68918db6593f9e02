"""Depth costs memory, never the stack: a million levels, in a thread with a small one, built and torn down.

Python 3.13 itself needs more than that to tear down anything so deep, ``x = [x]`` included; there
the main thread does it.
"""

from __future__ import annotations

import pytest
from engines import Wire
from readings import run_child

DEEP = {
    "lists": 'b"]" * n + b"a" * (n - 1) + b"."',
    "lists, by a mark each": 'b"](" * n + b"e" * n + b"."',
    "tuples": 'b")" + b"\\x85" * n + b"."',
    "tuples, by a mark each": 'b"(" * n + b"t" * n + b"."',
    "dicts": 'b"}K\\x01" * n + b"N" + b"s" * n + b"."',
    "frozensets": 'b"(" * n + b"\\x91" * n + b"."',
    "marks": 'b"(" * n + b"0" * n + b"N."',
    "instances": (
        'b"ctypes\\nSimpleNamespace\\nq\\x000"'
        ' + b"h\\x00)\\x81}X\\x01\\x00\\x00\\x00x" * n + b"N" + b"sb" * n + b"."'
    ),
    "calls": 'b"cbuiltins\\nlist\\nq\\x000" + b"h\\x00" * n + b")" + b"\\x85R" * n + b"."',
}

IN_A_SMALL_THREAD = """
import sys, threading
n = 1_000_000
data = {stream}
problems = []
kept = []

def work():
    try:
        loaded = wire.loads(data)
        if sys.version_info >= (3, 13):
            kept.append(loaded)
        del loaded
    except BaseException as exc:
        problems.append(exc)

threading.stack_size(256 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
kept.clear()
print(problems or "fine")
"""


@pytest.mark.parametrize("name", DEEP)
def test_a_million_levels_load_and_go_in_a_thread_of_256_kib(wire: Wire, name: str):
    assert run_child(wire.name, IN_A_SMALL_THREAD.format(stream=DEEP[name])) == "fine"


def test_an_error_a_million_levels_deep_is_an_error(wire: Wire):
    program = IN_A_SMALL_THREAD.replace("{stream}", 'b"](" * n + b"h\\x63."')
    assert "UnpicklingError" in run_child(wire.name, program) or "ReadError" in run_child(wire.name, program)


def test_noload_walks_them_too(wire: Wire):
    program = IN_A_SMALL_THREAD.replace("{stream}", 'b"](" * n + b"e" * n + b"."').replace(
        "loaded = wire.loads(data)", "import io; loaded = wire.Unpickler(io.BytesIO(data)).noload()"
    )
    assert run_child(wire.name, program) == "fine"
