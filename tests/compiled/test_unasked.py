"""Where the Python engine is used although nobody asked for it: said once, and not for good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brinery.engine import TIMES_SLOWER
from brinery.profile import _short

MISSING = """
import sys
sys.modules["brinery.engine.compiled"] = None
import brinery
"""

INTERPRETERS = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
made = interpreters.create()
interpreters.run_string(made, "import sys; sys.path[:] = %r" % sys.path)
interpreters.run_string(made, "import warnings; warnings.simplefilter('ignore')")
interpreters.run_string(made, "from brinery import engine, dumps, loads; assert loads(dumps([1])) == [1]")
interpreters.run_string(made, "assert engine.status().name == 'python', engine.status()")
interpreters.run_string(made, "assert 'main interpreter' in engine.status().reason")
from brinery import engine
print(engine.status().name)
"""


def run(program: str, wanted: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BRINERY_ENGINE": wanted, "PYTHONWARNINGS": "default", **variables}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )


def test_the_first_dump_says_why_how_much_slower_and_how_to_hear_no_more_of_it():
    done = run(
        MISSING + "brinery.dumps(1)\nbrinery.loads(brinery.dumps(2))\nbrinery.Profile.plain().dumps(3)"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("EngineWarning: ") == 1
    assert done.stderr.startswith("<string>:5: EngineWarning: brinery's engine in Python is in use: ")
    to_write, to_read = TIMES_SLOWER
    slower = (f"{to_write} times as long", f"{to_read} times to read")
    remedy = ("C compiler", "pip install --force-reinstall --no-binary brinery brinery")
    for words in ("cannot be imported", *slower, *remedy, "BRINERY_ENGINE=python"):
        assert words in done.stderr


@pytest.mark.parametrize("quoted", ["'{}'", "{}"])
def test_a_command_that_failed_is_not_said_in_full(quoted: str):
    command = quoted.format(["gcc", "-DX=\\", "-Dname='a'", "-o", "a b"])
    said = f"it was not built: private mode: Command {command} returned status 1."
    assert _short(said) == "it was not built: private mode: Command gcc … returned status 1"


def test_how_much_slower_it_is_is_said_alike_everywhere():
    root = Path(__file__).parents[2]
    to_write, to_read = TIMES_SLOWER
    said = f"{to_write} times as long to write and {to_read} times to read"
    for page in ("README.md", "docs/questions.md", "docs/explanation/compiled-engine.md"):
        assert said in " ".join((root / page).read_text(encoding="utf-8").split()), page


def test_a_load_says_it_too_and_importing_does_not():
    assert run(MISSING).stderr == ""
    assert run(MISSING + 'brinery.loads(b"N.")').stderr.count("EngineWarning: ") == 1


def test_the_line_silences_it():
    assert run(MISSING + "brinery.dumps(1)", wanted="python").stderr == ""


def test_where_the_compiled_engine_is_in_use_nothing_is_said():
    assert run("import brinery; brinery.dumps(1)").stderr == ""


WORKERS = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import brinery
made = interpreters.create()
interpreters.run_string(made, "import sys; sys.path[:] = %r" % sys.path)
interpreters.run_string(made, "import warnings, brinery; warnings.simplefilter('default')")
interpreters.run_string(made, FILTER)
interpreters.run_string(made, "from brinery import engine; assert brinery.loads(brinery.dumps([1])) == [1]")
interpreters.run_string(made, "assert engine.status().name == 'python', engine.status()")
from brinery import engine
assert brinery.loads(brinery.dumps([1])) == [1]
print(engine.status().name)
"""


@pytest.mark.parametrize("wanted", ["", "compiled"])
def test_another_interpreter_is_told_a_line_that_leaves_the_main_one_its_engine(wanted: str):
    done = run(f"FILTER = 'pass'\n{WORKERS}", wanted=wanted, BRINERY_PLUGINS="")
    assert (done.returncode, done.stdout.split()) == (0, ["compiled"]), done.stderr
    line = 'warnings.filterwarnings("ignore", category=brinery.errors.EngineWarning)'
    assert f"to hear no more of it: {line} here" in done.stderr
    silenced = run(f"FILTER = {line!r}\n{WORKERS}", wanted=wanted, BRINERY_PLUGINS="")
    assert silenced.returncode == 0, silenced.stderr
    assert "EngineWarning" not in silenced.stderr


def test_where_no_line_of_the_program_calls_none_of_brinerys_is_named():
    thread = "import _thread, time\n_thread.start_new_thread(brinery.dumps, (1,))\ntime.sleep(1)"
    done = run(MISSING + thread)
    assert done.stderr.count("EngineWarning: ") == 1
    assert done.stderr.startswith(("sys:", "<sys>:"))


def test_the_command_that_says_which_engine_is_used_does_not_warn_of_it():
    program = MISSING + "from brinery.cli import main\nsys.exit(main(['plugins']))"
    done = run(program, PYTHONWARNINGS="error")
    assert (done.returncode, done.stderr) == (0, "")
    assert "python engine" in done.stdout


def test_another_interpreter_that_came_first_does_not_take_the_engine_from_the_main_one():
    # No plugins, which import datetime: where two interpreters do, 3.12.1 frees something twice by itself.
    done = run(INTERPRETERS, BRINERY_PLUGINS="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["compiled"]
