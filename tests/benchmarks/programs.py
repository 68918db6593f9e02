"""Whole programs with brinery in pickle's place, beside the same programs as they are.

Each program runs in two child processes, one of each kind, which take turns. In one of them the module
``pickle`` has brinery's functions and classes before anything else is imported: so the libraries subclass
and call these. A program whose library is not installed is left out, and named.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Callable
from time import thread_time
from typing import Any, NamedTuple

#: What is exchanged in the module pickle.
NAMES = ("dump", "dumps", "load", "loads", "Pickler", "Unpickler")

#: The standard library's time / brinery's, at least.
AT_LEAST = 1.0

Job = Callable[[], object]


class Program(NamedTuple):
    """What is run, by a function that prepares it: it returns the jobs by name."""

    library: str | None
    prepare: Callable[[], dict[str, Job]]


def pydantic_models() -> dict[str, Job]:
    import pickle

    from wide.with_pydantic import Customer

    models = [Customer(id=n, name=f"name {n}", city="Rome") for n in range(10_000)]
    stream = pickle.dumps(models)
    return {
        "pydantic: 10,000 models are written": lambda: pickle.dumps(models),
        "pydantic: 10,000 models are read": lambda: pickle.loads(stream),
    }


def cloud_functions() -> dict[str, Job]:
    import pickle

    import cloudpickle

    class Local:
        """A class that is pickled by value."""

        limit = 10

        def method(self, number: int) -> int:
            return min(number, self.limit)

        @classmethod
        def made(cls) -> Local:
            return cls()

    def function(number: int) -> Callable[[int], int]:
        return lambda other: number + other

    functions = [function(n) for n in range(200)]
    class_stream, stream = cloudpickle.dumps(Local), cloudpickle.dumps(functions)
    return {
        "cloudpickle: a class is written": lambda: cloudpickle.dumps(Local),
        "cloudpickle: a class is read": lambda: pickle.loads(class_stream),
        "cloudpickle: 200 functions are written": lambda: cloudpickle.dumps(functions),
        "cloudpickle: 200 functions are read": lambda: pickle.loads(stream),
    }


def dill_closures() -> dict[str, Job]:
    import dill

    def function(number: int) -> Callable[[int], int]:
        return lambda other: number + other

    stream = dill.dumps([function(n) for n in range(200)])
    return {"dill: 200 closures are read": lambda: dill.loads(stream)}


def zodb_commit() -> dict[str, Job]:
    import pickle
    import warnings

    warnings.simplefilter("ignore")
    import persistent
    import persistent.mapping
    import transaction
    import ZODB
    import ZODB._compat
    import ZODB.MappingStorage

    class Unpickler(pickle.Unpickler):
        find_global: Any = None

        def find_class(self, module: str, name: str) -> Any:
            found = self.find_global
            return super().find_class(module, name) if found is None else found(module, name)

    # ZODB has a pickle of its own; both sides are measured in its place.
    ZODB._compat.Pickler, ZODB._compat.Unpickler = pickle.Pickler, Unpickler
    database = ZODB.DB(ZODB.MappingStorage.MappingStorage())
    connection = database.open()
    root = connection.root()

    def commit() -> None:
        root["objects"] = made = persistent.mapping.PersistentMapping()
        for n in range(5000):
            made[n] = one = persistent.mapping.PersistentMapping()
            one["number"], one["text"] = n, f"text {n}"
        transaction.commit()

    commit()

    def read() -> None:
        connection.cacheMinimize()
        for one in root["objects"].values():
            one["number"]

    return {"ZODB: a commit of 5,000 objects": commit, "ZODB: 5,000 objects are read": read}


def torch_trainer() -> dict[str, Job]:
    import pickle

    import torch

    torch.set_num_threads(1)
    model = torch.nn.Sequential(
        *(torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU()) for _ in range(20))
    )
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(1, 8)).sum().backward()
    optimizer.step()
    trainer = {
        "model": model,
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "losses": [1 / (n + 1) for n in range(1000)],
        "config": {"rate": 0.001, "layers": [8] * 20},
    }

    def saved() -> bytes:
        file = io.BytesIO()
        torch.save(trainer, file, pickle_module=pickle)
        return file.getvalue()

    stream = saved()
    return {
        "torch: a trainer is saved": saved,
        "torch: a trainer is loaded": lambda: torch.load(
            io.BytesIO(stream), pickle_module=pickle, weights_only=False
        ),
    }


def shelf() -> dict[str, Job]:
    import shelve

    from wide.data import json_records

    records = {str(n): record for n, record in enumerate(json_records(500))}
    kept: dict[bytes, bytes] = {}
    shelve.Shelf(kept).update(records)
    return {
        "shelve: 500 records are written": lambda: shelve.Shelf({}).update(records),
        "shelve: 500 records are read": lambda: list(shelve.Shelf(kept).values()),
    }


def pipe() -> dict[str, Job]:
    import multiprocessing

    from wide.instances import order

    receiver, sender = multiprocessing.Pipe(False)
    messages = [order(n) for n in range(200)]

    def exchanged() -> None:
        for message in messages:
            sender.send(message)
            receiver.recv()

    return {"multiprocessing: 200 messages through a pipe": exchanged}


PROGRAMS = {
    "pydantic": Program("pydantic", pydantic_models),
    "cloudpickle": Program("cloudpickle", cloud_functions),
    "dill": Program("dill", dill_closures),
    "ZODB": Program("ZODB", zodb_commit),
    "torch": Program("torch", torch_trainer),
    "shelve": Program(None, shelf),
    "multiprocessing": Program(None, pipe),
}


def run(options: argparse.Namespace) -> None:
    from table import Table, seconds

    absent = [
        one.library for one in PROGRAMS.values() if one.library and not importlib.util.find_spec(one.library)
    ]
    if absent:
        print(f"Not installed, so not measured: {', '.join(absent)}")
    table = Table(
        "whole programs: with brinery in pickle's place, then as they are",
        ["", "brinery", "pickle", "ratio", "at least", ""],
        first_width=48,
    )
    for name, program in PROGRAMS.items():
        if program.library in absent or (options.rows and not any(part in name for part in options.rows)):
            continue
        for job, (ours, theirs) in measure(name, options.repeat).items():
            ratio = theirs / ours
            verdict = "met" if ratio >= AT_LEAST else "below"
            table.row([job, seconds(ours), seconds(theirs), f"{ratio:.2f}", f"{AT_LEAST:g}", verdict])


def measure(name: str, repeat: int) -> dict[str, tuple[float, float]]:
    """Each job's least time with brinery and with pickle; the two processes take turns."""
    children = [
        subprocess.Popen(
            [sys.executable, __file__, name, side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for side in ("brinery", "pickle")
    ]
    least: dict[str, list[float]] = {}
    try:
        for _ in range(repeat):
            for side, child in enumerate(children):
                print("once more", file=child.stdin, flush=True)  # type: ignore[arg-type]
                answer = child.stdout.readline()  # type: ignore[union-attr]
                if not answer:
                    raise RuntimeError(f"the program {name} has failed with {('brinery', 'pickle')[side]}")
                for job, time in json.loads(answer).items():
                    times = least.setdefault(job, [time, time])
                    times[side] = min(times[side], time)
    finally:
        for child in children:
            child.communicate()
    return {job: (ours, theirs) for job, (ours, theirs) in least.items()}


def child(name: str, side: str) -> None:
    """Answer each line with the seconds that each job took."""
    if side == "brinery":
        import pickle

        import brinery

        for one in NAMES:
            setattr(pickle, one, getattr(brinery, one))
    jobs = PROGRAMS[name].prepare()
    for job in jobs.values():
        job()
    gc.collect()
    gc.freeze()
    answers = sys.stdout
    for _ in sys.stdin:
        print(json.dumps({name: timed(job) for name, job in jobs.items()}), file=answers, flush=True)


def timed(job: Job) -> float:
    least = None
    for _ in range(3):
        gc.collect()
        start = thread_time()
        job()
        elapsed = thread_time() - start
        least = elapsed if least is None else min(least, elapsed)
    return least  # type: ignore[return-value]


if __name__ == "__main__":
    child(*sys.argv[1:])
