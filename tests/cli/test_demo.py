"""`brinery demo`: what it promises happens, and nothing stays behind that was not asked for."""

import contextlib
import io
import os
import pickle
import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

import brinery.cli.demo
from brinery.cli import COMMANDS, main
from brinery.stream import references

PACKAGE = Path(brinery.cli.demo.__file__).parent
GOLDEN = Path(__file__).parents[1] / "wire" / "python2" / "golden"


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run `brinery demo`, with its temporary files in a directory of ours; exit code and both outputs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    def call(*arguments):
        code = main(["demo", "--steps", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def out():
    """The output of one run."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        assert main(["demo", "--steps"]) == 0
    return output.getvalue()


@pytest.fixture(scope="module")
def screen():
    """The output of one run without arguments."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        assert main(["demo"]) == 0
    return output.getvalue()


class TestTheScreen:
    def test_it_is_one_screen(self, screen):
        assert len(screen.splitlines()) <= 24
        assert max(map(len, screen.splitlines())) <= 96

    @pytest.mark.parametrize(
        "line",
        [
            "bytes, the same bytes as from Python's own pickle",
            "Python's own: TypeError: cannot pickle '_thread.lock' object",
            "brinery:      TypeError: cannot pickle '_thread.lock' object\n"
            "                 "
            + (
                "root['jobs'][1]['lock'] is a lock:"
                if sys.version_info >= (3, 14)
                else "while pickling root['jobs'][1]['lock'] (an object of type _thread.lock)"
            ),
            "each customer is a reference to its row",
            "database once; customer 7, renamed there meanwhile, is loaded as 'Ada'",
            "brinery demo --steps",
        ],
    )
    def test_it_shows(self, screen, line):
        assert line in screen

    def test_it_says_how_fast_it_is_here(self, screen):
        told = re.findall(r"(dumps|loads) (?:is|takes) (\d+\.\d) times as (?:fast|long)", screen)
        assert [name for name, _ in told] == ["dumps", "loads"]
        assert all(float(ratio) >= 1 for _, ratio in told)

    def test_what_to_try_next_are_commands_that_there_are(self, screen):
        _, _, following = screen.partition("Next\n")
        commands = re.findall(r"^ +brinery ([\w-]+)", following, re.MULTILINE)
        assert commands
        assert set(commands) <= {command.NAME for command in COMMANDS}

    def test_keep_keeps_its_files(self, tmp_path, capsys):
        assert main(["demo", "--keep", str(tmp_path)]) == 0
        assert {path.name for path in tmp_path.iterdir()} >= {"shop.db", "orders.pickle"}
        assert f"brinery dis {tmp_path / 'orders.pickle'}" in capsys.readouterr().out

    def test_it_cleans_up(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        assert main(["demo"]) == 0
        assert list(tmp_path.iterdir()) == []


def test_it_goes_through_all_steps(out):
    assert [line[:2] for line in out.splitlines() if line[:1].isdigit()] == [
        "1.",
        "2.",
        "3.",
        "4.",
        "5.",
        "6.",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "shop.db has",
        "It refers to 1,000 customers 3,000 times",
        "persistent ID ('shop', ('customers', 0))",
        "Queries for 3,000 orders of 1,000 customers: 1\n",
        "Order 7 is of 'Ada'",
        "Orders 7 and 1007 share one customer object: True",
        "TypeError: cannot pickle",
        "a memoryview of b'fragile fragile",
        "PluginConflict: more than one plugin declares a reducer for builtins:memoryview",
        "* squeezing (given): reducer for builtins:memoryview",
        "    | def load_orders(",
        "UnicodeDecodeError: 'utf-8' codec can't decode",
        "'Café Zürich'",
        "datetime.datetime(2009, 5, 17, 8, 30)",
        "is removed; --keep DIR would have kept it.",
    ],
)
def test_it_shows(out, line):
    assert line in out


def test_the_code_it_shows_is_the_code_that_runs(out):
    shown = [line.removeprefix("    | ") for line in out.splitlines() if line.startswith("    | ")]
    source = {
        line.strip()
        for name in ("steps.py", "plugins.py")
        for line in (PACKAGE / name).read_text().splitlines()
    }
    assert len(shown) > 20
    assert {line.strip() for line in shown} <= source


def test_it_fits_into_100_columns(out):
    assert max(len(line) for line in out.splitlines() if "brinery-demo-" not in line) <= 100


def test_it_cleans_up(run, tmp_path):
    run()
    assert list(tmp_path.rglob("*")) == [tmp_path / "temporary"]


def test_it_cleans_up_after_a_failure_too(run, tmp_path, monkeypatch):
    def fail(folder):
        raise OSError("no space left")

    monkeypatch.setattr(brinery.cli.demo, "_python2", fail)
    code, _, err = run()
    assert code == 1
    assert "OSError: no space left" in err
    assert list(tmp_path.rglob("*")) == [tmp_path / "temporary"]


def test_keep_keeps_the_files(run, tmp_path):
    folder = tmp_path / "a folder" / "of mine"
    code, out, _ = run("--keep", folder)
    assert code == 0
    assert f"brinery dis {folder / 'orders.pickle'}" in out
    assert {path.name for path in folder.iterdir()} == {
        "shop.db",
        "orders.pickle",
        "label.pickle",
        "python2-journal.pickle",
    }
    assert references((folder / "orders.pickle").read_bytes()).persistent_ids.total() == 3000
    assert bytes(pickle.loads((folder / "label.pickle").read_bytes())["orders"][0].label[:7]) == b"fragile"
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        assert connection.execute("SELECT name FROM customers WHERE id IN (7, 8)").fetchall() == [
            ("Ada",),
            ("customer 8",),
        ]


def test_it_overwrites_nothing(run, tmp_path):
    (tmp_path / "orders.pickle").write_text("mine")
    code, _, err = run("--keep", tmp_path)
    assert code == 1
    assert err.startswith(f"brinery demo: {tmp_path} already has orders.pickle")
    assert (tmp_path / "orders.pickle").read_text() == "mine"


def test_a_directory_that_cannot_be_made_is_a_problem(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run("--keep", tmp_path / "file" / "folder")
    assert code == 1
    assert err.startswith("brinery demo: ")


def test_plugins_that_cannot_be_used_do_not_disturb_it():
    environment = {**os.environ, "BRINERY_PLUGINS": "not-installed", "PYTHONPATH": str(PACKAGE.parents[2])}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "brinery", "demo"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_pickle_of_python_2_is_one_of_the_golden_files():
    assert (PACKAGE / "python2-journal.pickle").read_bytes() == (GOLDEN / "journal.2.cPickle").read_bytes()
