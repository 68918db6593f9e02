"""On a real Dask cluster, with workers that are processes of their own."""

import importlib.util
import subprocess
import sys
import textwrap

import pytest

# Not imported here: it registers reducers in copyreg for all exceptions, for the whole process.
if importlib.util.find_spec("distributed") is None:
    pytest.skip("needs distributed", allow_module_level=True)

BEGINNING = """
import threading
import traceback
import failing_tasks as tasks
from distributed import Client, LocalCluster

class OfTheProgram(Exception):
    def __init__(self, *, code):
        super().__init__(f"refused with {code}")
        self.code = code

def refuse_here(code):
    raise OfTheProgram(code=code)

def lock_here(code):
    exc = OfTheProgram(code=code)
    exc.lock = threading.Lock()
    raise exc

def told(client, task, *arguments):
    exc = client.submit(task, *arguments, retries=0, pure=False).exception(60)
    print(type(exc).__name__, exc, getattr(exc, "__notes__", ""), type(exc.__cause__).__name__, sep="|")
    return exc

OPTIONS = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
"""

TASKS = """
def all_of_them(client):
    exc = told(client, tasks.raise_a_lock, 0)
    assert type(exc) is tasks.HoldsALock, exc
    assert exc.lock.startswith("<unlocked"), exc.lock
    assert traceback.extract_tb(exc.__traceback__)[-1].name == "raise_a_lock"
    exc = told(client, tasks.raise_frozen, 0)
    assert type(exc) is tasks.Frozen
    assert (exc.order, exc.reason) == (0, "no stock")
    exc = told(client, tasks.raise_with_a_cause, 0)
    assert exc.__cause__.lock.startswith("<unlocked")
    exc = told(client, tasks.refuse, 7)  # Dask does it by itself
    assert exc.reason == "no stock"
    exc = told(client, refuse_here, 5)
    assert (type(exc), exc.code) == (OfTheProgram, 5)
    exc = told(client, lock_here, 5)
    assert exc.code == 5
    assert exc.lock.startswith("<unlocked")
    for kind in tasks.BUILT_IN:
        exc = client.submit(tasks.fail_by_itself, kind, pure=False).exception(60)
        try:
            tasks.fail_by_itself(kind)
        except Exception as here:
            assert (type(exc), str(exc), exc.args) == (type(here), str(here), here.args), kind
            for name in ("object", "start", "reason", "lineno", "text", "name", "errno", "filename"):
                assert kind == "no attribute" or getattr(exc, name, 0) == getattr(here, name, 0), (kind, name)
    returned = client.submit(tasks.return_a_lock, 0, pure=False).result(60)
    assert type(returned) is tasks.HoldsALock
"""

LINES = [
    "HoldsALock|busy|['lock could not be pickled; it was <unlocked",
    "Frozen|(0, 'no stock')||NoneType",
    "RuntimeError|outer||HoldsALock",
    "OrderRefused|order 7 was refused: no stock|['the warehouse was asked']|KeyError",
    "OfTheProgram|refused with 5||NoneType",
    "OfTheProgram|refused with 5|['lock could not be pickled",
]


def run(tmp_path, program, beginning=BEGINNING):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(beginning) + textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def check(said):
    assert len(said) == len(LINES), said
    for line, begins in zip(said, LINES, strict=True):
        assert line.startswith(begins), line


def test_a_line_in_the_program(tasks, tmp_path):
    """Also on a worker that comes later."""
    said = run(
        tmp_path,
        TASKS
        + """
if __name__ == "__main__":
    import brinery_exceptions.dask

    with LocalCluster(**OPTIONS) as cluster, Client(cluster) as client:
        client.register_plugin(brinery_exceptions.dask.SurvivingExceptions())
        all_of_them(client)
        before = set(client.scheduler_info()["workers"])
        cluster.scale(2)
        client.wait_for_workers(2, timeout=60)
        (new,) = set(client.scheduler_info()["workers"]) - before
        exc = client.submit(tasks.raise_frozen, 0, pure=False, workers=[new]).exception(60)
        assert type(exc) is tasks.Frozen
""",
    )
    check(said)


def test_a_preload(tasks, tmp_path):
    said = run(
        tmp_path,
        TASKS
        + """
if __name__ == "__main__":
    with LocalCluster(**OPTIONS, preload=["brinery_exceptions.dask"]) as cluster, Client(cluster) as client:
        all_of_them(client)
""",
    )
    check(said)


def test_without_it_dask_has_the_last_word(tasks, tmp_path):
    """What this is for."""
    said = run(
        tmp_path,
        """
if __name__ == "__main__":
    with LocalCluster(**OPTIONS) as cluster, Client(cluster) as client:
        for task in (tasks.raise_a_lock, tasks.raise_frozen, tasks.raise_with_a_cause, tasks.refuse):
            told(client, task, 7)
        told(client, refuse_here, 5)
""",
    )
    assert [line.partition("|")[0] for line in said] == [
        "Exception",
        "Exception",
        "Exception",
        "OrderRefused",
        "OfTheProgram",
    ]


@pytest.fixture
def installed_here(monkeypatch):
    """As on a worker, and undone afterwards."""
    from distributed.protocol import dask_deserialize, dask_serialize
    from tblib import pickling_support

    monkeypatch.setattr(pickling_support, "pickle_exception", pickling_support.pickle_exception)
    tables = [(dispatch._lookup, dict(dispatch._lookup)) for dispatch in (dask_serialize, dask_deserialize)]
    from brinery_exceptions import dask

    dask.install()
    yield dask
    for table, before in tables:
        table.clear()
        table.update(before)


def test_twice_is_once(installed_here):
    from tblib import pickling_support

    first = pickling_support.pickle_exception
    installed_here.install()
    assert pickling_support.pickle_exception is first


def test_an_argument_or_result_is_pickled_where_that_works(installed_here, tasks):
    from distributed.protocol import deserialize, serialize

    for exc, by in (
        (ValueError("text"), "pickle"),
        (tasks.HoldsALock("busy"), "pickle"),
        (tasks.OrderRefused(order=7, reason="none"), "dask"),
    ):
        header, frames = serialize(exc, serializers=["dask", "pickle"])
        assert header["serializer"] == by
        assert type(deserialize(header, frames)) is type(exc)


def test_what_cannot_be_read_is_a_report(installed_here, tasks):
    """A class that only the worker has."""
    from distributed.core import clean_exception, error_message

    try:
        tasks.raise_frozen(0)
    except tasks.Frozen as exc:
        message = error_message(exc)
    data = message["exception"].data.replace(b"Frozen", b"Thawed")
    _, exc, _ = clean_exception(data)
    assert type(exc).__name__ == "UnreadableException"
    assert "failing_tasks.Frozen" in str(exc) or "failing_tasks.Thawed" in str(exc)
