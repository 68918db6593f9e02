"""The demonstration's first screen: what a newcomer came for, each shown by doing it, in 24 lines."""

from __future__ import annotations

import pickle
import textwrap
import threading
import time
from typing import TYPE_CHECKING

import brinery
from brinery.cli.demo import steps
from brinery.cpython import NOTES_FOR_LEVELS
from brinery.errors import located

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from brinery.cli.demo.shop import Order

__all__ = ["show"]

_ROUNDS = 9

_NEXT = """\
Next
    brinery demo --steps         how this works, step by step, with the code; and more
    brinery dis FILE             what is in a pickle of yours, without loading it
    brinery new-plugin NAME      teach it how a class is pickled that pickle cannot do"""


def show(folder: Path, url: str) -> None:
    """Print the screen; the database and the pickle are made in `folder`, whose database is at `url`."""
    customers = steps.save_customers(folder / "shop.db")
    orders, data = steps.write_orders(url, customers)
    (folder / "orders.pickle").write_bytes(data)
    _same_bytes(orders)
    _error()
    _reference(folder, orders, data)
    print(_NEXT)


def _same_bytes(orders: list[Order]) -> None:
    written = brinery.dumps(orders)
    same = "the same bytes" if written == pickle.dumps(orders) else "other bytes"
    print("1. A drop-in for pickle")
    print("    >>> import brinery as pickle")
    print(f"    >>> data = pickle.dumps(orders)     # {len(orders):,} objects with 1,000 customers")
    print(f"    {len(written):,} bytes, {same} as from Python's own pickle. On this machine, just now:")
    dumps = _ratio(lambda: pickle.dumps(orders), lambda: brinery.dumps(orders))
    loads = _ratio(lambda: pickle.loads(written), lambda: brinery.loads(written))
    print(f"    dumps {_times(dumps)}, loads {_times(loads)}\n")


def _error() -> None:
    jobs = {"jobs": [{"id": 1}, {"id": 2, "lock": threading.Lock()}]}
    print("2. An error that says where")
    print('    >>> pickle.dumps({"jobs": [{"id": 1}, {"id": 2, "lock": threading.Lock()}]})')
    try:
        pickle.dumps(jobs)
    except TypeError as error:
        print("    Python's own: TypeError:", error)
        levels = [note.removeprefix(_LEVEL) for note in getattr(error, "__notes__", ())]
        if levels:  # from Python 3.14 on, one note for each
            _note(_LEVEL + ", ".join(levels))
    try:
        brinery.dumps(jobs)
    except TypeError as error:
        # As a traceback shows it, notes beneath the text; but for those that it has from Python's own.
        print("    brinery:      TypeError:", error)
        for note in getattr(error, "__notes__", ()):
            if not note.startswith(_LEVEL):
                _note(note)
        if NOTES_FOR_LEVELS and (advice := located(error).pickle_advice):
            _note(advice)
    print()


_LEVEL = "when serializing "


def _note(text: str) -> None:
    print(textwrap.fill(text, 94, initial_indent=" " * 17, subsequent_indent=" " * 17))


def _reference(folder: Path, orders: list[Order], data: bytes) -> None:
    steps.rename_customer(folder / "shop.db")
    executed: list[str] = []
    loaded = steps.load_orders(folder / "shop.db", data, executed)
    queries = sum(text.startswith("SELECT") for text in executed)
    print("3. A reference to a row of a database, in the place of a copy")
    print('    >>> with brinery.Profile().bind(shop="sqlite:///shop.db") as shop:')
    print("    ...     data = shop.dumps(orders)")
    print(
        f"    {len(data):,} bytes, as each customer is a reference to its row. Loading them again asked the"
    )
    name = loaded[7].customer.name
    print(f"    database {_count(queries)}; customer 7, renamed there meanwhile, is loaded as {name!r}.\n")


def _count(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _ratio(theirs: Callable[[], object], ours: Callable[[], object]) -> float:
    """How many times as long `theirs` takes: in turns, by this thread's time, the shortest of each."""
    best = [float("inf"), float("inf")]
    for _ in range(_ROUNDS):
        for side, function in enumerate((theirs, ours)):
            started = time.thread_time()
            function()
            best[side] = min(best[side], time.thread_time() - started)
    return best[0] / max(best[1], 1e-9)


def _times(ratio: float) -> str:
    if ratio >= 1:
        return f"is {ratio:.1f} times as fast"
    return f"takes {1 / ratio:.1f} times as long"
