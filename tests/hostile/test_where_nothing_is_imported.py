"""Errors where an import cannot run are those of C pickle: what explains them must not replace them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest
from engines import Wire

from brinery import persistent_ids
from brinery.engine.advice import reading, writing

#: What fails, for `pickle` and `io`, with all that it needs imported before.
CASES = r"""
def cases(pickle, io):
    class Refuses:
        def __reduce__(self):
            return 5
    text = io.StringIO()
    deep = ()
    for _ in range(12_000):
        deep = [deep]
    return [
        lambda: pickle.loads(b"."),
        lambda: pickle.loads(b""),
        lambda: pickle.loads(b"\x80\x04X\x05"),
        lambda: pickle.loads(b"not a pickle at all"),
        lambda: pickle.loads(b"\x80\x04\x8c\x08builtins\x8c\x04nope\x93."),
        lambda: pickle.loads(b"NQ."),
        lambda: pickle.loads(b"S'\\xff'\n."),
        lambda: pickle.loads("text"),
        lambda: pickle.loads(b"N.", b"x"),
        lambda: pickle.load(3),
        lambda: pickle.load(io.BytesIO(b".")),
        lambda: pickle.Unpickler(3),
        lambda: pickle.Unpickler(io.BytesIO(b".")).load(),
        lambda: pickle.dump(1, 3),
        lambda: pickle.dump(1, text),
        lambda: pickle.Pickler(3),
        lambda: pickle.dumps([(x for x in "")]),
        lambda: pickle.dumps([lambda: 0]),
        lambda: pickle.dumps([Refuses()]),
        lambda: type(pickle.dumps(deep)) if pickle.__name__ == "brinery" else bytes,  # one has a limit
    ]

def outcomes(cases):
    found = []
    for case in cases:
        try:
            found.append(repr(case()))
        except BaseException as error:
            line = type(error).__mro__
            kinds = [kind.__name__ for kind in line if not kind.__module__.startswith("brinery")]
            kind = "AttributeError" if "AttributeError" in kinds else kinds[0]
            found.append((kind, str(error).partition(" at 0x")[0]))
    return found
"""

NO_DESCRIPTORS = """
import io, os, resource, sys
module = __import__(sys.argv[1])
module.loads(module.dumps([1]))
there = cases(module, io)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        os.open(os.devnull, os.O_RDONLY)
except OSError:
    pass
for line in outcomes(there):
    print(line)
"""

SHUTDOWN = """
import builtins, io, sys
module = __import__(sys.argv[1])
module.loads(module.dumps([1]))
class Late:
    there, outcomes, print, sys = cases(module, io), staticmethod(outcomes), staticmethod(print), sys
    def __del__(self):
        assert self.sys.meta_path is None
        for line in self.outcomes(self.there):
            self.print(line)
builtins.late = Late()
"""

FIRST_AT_SHUTDOWN = """
import builtins, sys
module = __import__(sys.argv[1])
class Late:
    dumps, loads, print, sys = module.dumps, module.loads, staticmethod(print), sys
    def __del__(self):
        assert self.sys.meta_path is None
        for protocol in range(6):
            data = self.dumps([1, {"a": 2.5}, "é", None], protocol) if ORDER else b"(lp0\\nI1\\na."
            self.print(data, self.loads(data))
builtins.late = Late()
"""


def _run(program: str, module: str, engine: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, module],
        env={**os.environ, "BRINERY_ENGINE": engine, "BRINERY_PLUGINS": "", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
def test_without_file_descriptors_errors_are_those_of_pickle(wire: Wire) -> None:
    there, here = (_run(CASES + NO_DESCRIPTORS, module, wire.name) for module in ("pickle", "brinery"))
    assert len(there) > 15
    assert here == there


def test_at_the_interpreters_shutdown_errors_are_those_of_pickle(wire: Wire) -> None:
    there, here = (_run(CASES + SHUTDOWN, module, wire.name) for module in ("pickle", "brinery"))
    assert len(there) > 15
    assert here == there


@pytest.mark.parametrize("dumps", [True, False])
def test_the_first_dump_and_load_at_the_interpreters_shutdown(wire: Wire, dumps: bool) -> None:
    program = FIRST_AT_SHUTDOWN.replace("ORDER", str(dumps))
    there, here = (_run(program, module, wire.name) for module in ("pickle", "brinery"))
    assert len(there) == 6
    assert here == there


class TestWhatExplainsIsBroken:
    def test_the_error_comes_through(self, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*arguments: object) -> None:
            raise ZeroDivisionError

        for module, names in (
            (reading, ("on_reading", "missing_global")),
            (writing, ("on_writing",)),
            (persistent_ids, ("unbound",)),
        ):
            for name in names:
                monkeypatch.setattr(module, name, broken)
        for data in (b".", b"NQ.", b"\x80\x04X\x05"):
            with pytest.raises(pickle.UnpicklingError):
                wire.loads(data)
        with pytest.raises(TypeError) as refused:
            wire.dumps([(x for x in "")])
        assert str(refused.value) == "cannot pickle 'generator' object"

    def test_a_class_whose_name_cannot_be_asked_for(self, wire: Wire) -> None:
        """What was being built is said by the names of classes, which a metaclass may refuse."""
        with pytest.raises(AttributeError, match="nope"):
            wire.loads(b"(c" + __name__.encode() + b"\nNameless\n(cbuiltins\nnope\n.")


class _Refusing(type):
    def __getattribute__(cls, name: str) -> object:
        if name == "__qualname__":
            raise ZeroDivisionError
        return super().__getattribute__(name)


class Nameless(metaclass=_Refusing):
    """A class that does not say its name."""
