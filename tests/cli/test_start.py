"""What stands before every command: `brinery` alone, and an engine in the environment that nobody has."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from brinery.as_command import is_command
from brinery.cli import COMMANDS, main

SCRIPT = Path(sysconfig.get_path("scripts")) / ("brinery.exe" if os.name == "nt" else "brinery")


def test_alone_it_lists_the_commands_with_a_line_each(capsys):
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line.split(maxsplit=1) for line in err.splitlines()]
    said = {words[0]: words[1] for words in lines if len(words) == 2}
    assert [said[command.NAME] for command in COMMANDS] == [command.SUMMARY for command in COMMANDS]
    assert max(map(len, err.splitlines())) <= 80
    assert "exit codes:" in err


def run(*command, engine):
    return subprocess.run(
        command,
        env={**os.environ, "BRINERY_ENGINE": engine},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    "start", [[SCRIPT], [sys.executable, "-m", "brinery"], [sys.executable, "-mbrinery"]]
)
@pytest.mark.parametrize("arguments", [["--version"], [], ["--help"], ["plugins"], ["dis", "-"], ["demo"]])
def test_an_engine_that_there_is_not_is_one_line(start, arguments):
    if start == [SCRIPT] and not SCRIPT.exists():
        pytest.skip("brinery is not installed as a command here")
    done = run(*start, *arguments, engine="turbo")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line == (
        "brinery: BRINERY_ENGINE=turbo cannot be used: no engine is called 'turbo'; "
        "there are: compiled, python"
    )


def test_every_command_is_the_same(tmp_path):
    for command in COMMANDS:
        done = run(sys.executable, "-m", "brinery", command.NAME, "--help", engine="turbo")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), command.NAME


@pytest.mark.parametrize("module", ["brinery", "brinery.profile", "brinery.cli"])
def test_a_program_that_imports_it_gets_an_exception(module):
    program = f"try: import {module}\nexcept ValueError as wrong: print(wrong)"
    done = run(sys.executable, "-c", program, engine="turbo")
    assert done.stderr == ""
    assert done.stdout.startswith("BRINERY_ENGINE=turbo cannot be used: no engine is called 'turbo'")


@pytest.mark.parametrize(
    ("arguments", "original", "is_it"),
    [
        (["/usr/bin/brinery", "plugins"], ["python", "/usr/bin/brinery", "plugins"], True),
        (["brinery.exe"], [], True),
        (["brinery-script.py"], [], True),
        (["-m", "plugins"], ["python", "-X", "dev", "-m", "brinery", "plugins"], True),
        (["-m", "brinery"], ["python", "-m", "pytest", "brinery"], False),
        (["-m"], ["python", "-m", "brinery.stream"], False),
        (["program.py", "-m", "brinery"], ["python", "program.py", "-m", "brinery"], False),
        (["-c"], ["python", "-c", "import brinery"], False),
        ([""], ["python"], False),
        ([], [], False),
    ],
)
def test_what_is_the_command(arguments, original, is_it):
    assert is_command(arguments, original) is is_it
