"""``brinery demo``: the main job, done before the user's eyes on an SQLite file of its own."""

from __future__ import annotations

import ast
import inspect
import pickle
import tempfile
import textwrap
from collections import deque
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from brinery.cli import dis
from brinery.cli.problems import Problem
from brinery.cpython import NOTES_FOR_LEVELS
from brinery.errors import located
from brinery.stream import Instruction, disassemble, references
from brinery.stream.globals import shorten
from brinery.wording import WIDTH, fold

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from brinery.cli.demo.shop import Customer

__all__ = ["HELP", "NAME", "SUMMARY", "arguments", "run"]

NAME = "demo"
SUMMARY = "show what brinery does, on one screen; --steps: with the code"
HELP = """\
Show on one screen what brinery is for: the bytes of pickle, how much faster on
this machine, an error that says where, and a reference to a database's row.

With --steps, go through it step by step, with the code of each: write a graph
whose customers live in a database, load it again with one query, write with a
plugin what pickle cannot, settle a conflict of two plugins, and read a pickle
of Python 2.7.

All files are made in a temporary directory and removed at the end. With --keep
they are made in DIR and stay there, to look at with `brinery dis` and `brinery
refs`: a database and a pickle; with --steps one more, and one of Python 2.7.

examples:
  brinery demo
  brinery demo --steps
  brinery demo --keep here && brinery refs here/orders.pickle"""

_JOURNAL = "python2-journal.pickle"
_FILES = ("shop.db", "orders.pickle", "label.pickle", _JOURNAL)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--steps", action="store_true", help="go through it step by step, with the code")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="make the files in DIR and leave them there")


def run(options: argparse.Namespace) -> None:
    """Show the screen, or go through all steps. Raises Problem where DIR cannot be used."""
    import brinery

    # Whatever is installed, the demonstration is the same.
    with _folder(options.keep) as folder, brinery.set_default_profile(brinery.Profile.plain()):
        if not options.steps:
            from brinery.cli.demo import screen

            screen.show(folder, _url(folder))
            if options.keep is not None:
                print(f"\nThe files are there to look at: brinery dis {folder / 'orders.pickle'}")
            return
        print(fold("", f"Everything happens in {folder}."))
        customers = _database(folder)
        data = _writing(folder, customers)
        _loading(folder, data)
        _plugin(folder)
        _conflict()
        _python2(folder)
    if options.keep is None:
        print(f"\nDone. {folder} is removed; --keep DIR would have kept it.")
    else:
        print(f"\nDone. Look at the files: brinery dis {folder / 'orders.pickle'}")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="brinery-demo-") as temporary:
            yield Path(temporary)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as failed:
        raise Problem(f"{keep} cannot be made: {failed.strerror}") from failed
    taken = [name for name in _FILES if (keep / name).exists()]
    if taken:
        raise Problem(f"{keep} already has {', '.join(taken)}; choose another directory, or remove them")
    yield keep


# The steps. Their code is in a module that imports sqlite3 and the plugin host, so it comes in late.


def _database(folder: Path) -> list[Customer]:
    from brinery.cli.demo import steps

    _title(1, "A thousand customers live in a database")
    _show(steps.save_customers)
    customers = steps.save_customers(folder / "shop.db")
    _say(f"shop.db has {(folder / 'shop.db').stat().st_size:,} bytes and {len(customers):,} rows.")
    return customers


def _writing(folder: Path, customers: list[Customer]) -> bytes:
    from brinery.cli.demo import steps

    _title(2, "Orders are written; in the place of a customer stands a reference")
    _show(steps.write_orders)
    orders, data = steps.write_orders(_url(folder), customers)
    (folder / "orders.pickle").write_bytes(data)
    found = references(data)
    plain = len(pickle.dumps(orders))
    _say(f"orders.pickle has {len(data):,} bytes; with the standard pickle it would have {plain:,}.")
    _say(
        f"It refers to {len(found.persistent_ids):,} customers {found.persistent_ids.total():,} times. "
        "This is the first, as brinery dis shows it:"
    )
    for instruction in _first_reference(data):
        print("   ", dis.line(instruction, WIDTH - 4))
    return data


def _first_reference(data: bytes) -> list[Instruction]:
    """The opcodes around the first persistent ID."""
    around: deque[Instruction] = deque(maxlen=5)
    instructions = disassemble(data)
    for instruction in instructions:
        around.append(instruction)
        if instruction.persistent_id:
            break
    return [*around, next(instructions)]


def _loading(folder: Path, data: bytes) -> None:
    from brinery.cli.demo import steps

    _title(3, "The database is the truth, and is asked once")
    _show(steps.rename_customer)
    _show(steps.load_orders)
    steps.rename_customer(folder / "shop.db")
    executed: list[str] = []
    orders = steps.load_orders(folder / "shop.db", data, executed)
    queries = [text for text in executed if text.startswith("SELECT")]
    customers = len({id(order.customer) for order in orders})
    _say(f"Queries for {len(orders):,} orders of {customers:,} customers: {len(queries)}")
    for query in queries:
        print("   ", shorten(query, WIDTH - 4))
    _say(f"Order 7 is of {orders[7].customer.name!r}, as the row says now.")
    _say(f"Orders 7 and 1007 share one customer object: {orders[7].customer is orders[1007].customer}.")


def _plugin(folder: Path) -> None:
    import brinery
    from brinery.cli.demo import plugins, steps

    _title(4, "What pickle cannot write, a plugin can")
    _show(steps.write_label)
    _say("Without plugins, the error says where it is:")
    _say_error(steps.write_label, brinery.Profile.plain())
    _say("This is a plugin. One that is installed is always there; this one is given to a profile:")
    print()
    _show(plugins.copy_view)
    _show(plugins.Views.brinery_reducers)
    _show(steps.use_plugin)
    data = steps.use_plugin()
    (folder / "label.pickle").write_bytes(data)
    label = pickle.loads(data)["orders"][0].label
    _say(f"label.pickle has {len(data)} bytes, and the standard pickle reads it:")
    print(f"    a {type(label).__name__} of {shorten(repr(bytes(label)), 40)}")


def _conflict() -> None:
    from brinery.cli.demo import steps

    _title(5, "Two plugins that disagree are an error, until somebody says who wins")
    _show(steps.use_both_plugins)
    _say_error(steps.use_both_plugins)
    _show(steps.choose_plugin)
    profile = steps.choose_plugin()
    _say("profile.explain(memoryview), as brinery explain shows it for the installed plugins:")
    print(textwrap.indent(str(profile.explain(memoryview)), "    "))
    _say(f"The order now takes {len(steps.write_label(profile))} bytes: the label is compressed.")


def _python2(folder: Path) -> None:
    from brinery.cli.demo import steps

    _title(6, "A pickle that Python 2.7 wrote")
    data = resources.files(__name__).joinpath(_JOURNAL).read_bytes()
    (folder / _JOURNAL).write_bytes(data)
    _say("It names " + ", ".join(str(name) for name in references(data).globals) + ".")
    _say("Its strings are UTF-8 and its dates are raw bytes, so the standard pickle cannot read it as UTF-8:")
    _say_error(lambda: pickle.loads(data, encoding="utf-8"))
    _show(steps.read_journal)
    for key, value in steps.read_journal(data).items():
        print(f"    {key:<9} {value!r}")


# Telling


def _title(number: int, text: str) -> None:
    print(f"\n{number}. {text}\n")


def _show(function: Callable[..., object]) -> None:
    """`function` as it stands in its file, without the docstring."""
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    docstring, body = definition.body[:2]
    lines = source.splitlines()
    shown = [*lines[: docstring.lineno - 1], *lines[body.lineno - 1 :]]
    print(textwrap.indent("\n".join(shown), "    | "), end="\n\n")


def _say(text: str) -> None:
    print(fold("  ", text))


def _say_error(function: Callable[..., object], *arguments: object) -> None:
    """Call what must fail, and show how."""
    try:
        function(*arguments)
    except Exception as error:
        notes = [*getattr(error, "__notes__", ())]
        if NOTES_FOR_LEVELS and (advice := located(error).pickle_advice):
            notes.append(advice)
        for i, line in enumerate([*str(error).splitlines(), *notes]):
            print(fold(f"    {type(error).__name__}: " if i == 0 else "      ", line.strip()))
        print()
        return
    raise AssertionError("this ought to have failed")


def _url(folder: Path) -> str:
    return f"sqlite:///{quote((folder / 'shop.db').absolute().as_posix())}"
