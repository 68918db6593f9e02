"""`surviving` and `prepare`: exceptions through real pools, which pickle with the standard library."""

from __future__ import annotations

import abc
import asyncio
import concurrent.futures
import copy
import copyreg
import dataclasses
import functools
import gc
import importlib.util
import inspect
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import traceback
import weakref
import xmlrpc.client
from pathlib import Path

import pytest
from brinery_exceptions import prepare, surviving
from brinery_exceptions.rebuilding import UnreadableException

import brinery

# A library may have no release yet for a Python that is not out. Else it has to be there.
needed = pytest.importorskip if sys.version_info >= (3, 15) else importlib.util.find_spec
METHODS = [
    method for method in ("fork", "spawn", "forkserver") if method in multiprocessing.get_all_start_methods()
]


def caught(function, *args):
    try:
        function(*args)
    except Exception as exc:
        return exc
    raise AssertionError("it raised nothing")


def check_refused(exc, tasks):
    assert type(exc) is tasks.OrderRefused
    assert (exc.order, exc.reason) == (7, "no stock")
    assert str(exc) == "order 7 was refused: no stock"
    assert exc.__notes__ == ["the warehouse was asked"]


def functions_of(exc):
    return [frame.name for frame in traceback.extract_tb(exc.__traceback__)]


@pytest.mark.parametrize("method", METHODS)
class TestMultiprocessing:
    def test_a_pool(self, tasks, method):
        with multiprocessing.get_context(method).Pool(1) as pool:
            exc = caught(pool.apply_async(tasks.refuse_and_survive, [7]).get, 30)
            check_refused(exc, tasks)
            # The pool puts its own report in the place of the cause, with all of it as text.
            assert "KeyError: 'stock'" in str(exc.__cause__)
            assert repr(exc.__context__) == "KeyError('stock')"
            assert functions_of(exc)[-1] == "refuse"

    def test_a_function_that_is_wrapped_where_it_is_used(self, tasks, method):
        with multiprocessing.get_context(method).Pool(1) as pool:
            exc = caught(pool.map_async(surviving(tasks.refuse), [7]).get, 30)
            check_refused(exc, tasks)

    def test_all_kinds(self, tasks, method):
        with multiprocessing.get_context(method).Pool(1) as pool:
            exc = caught(pool.apply_async(tasks.call_a_server, [0]).get, 30)
            assert (type(exc), exc.errcode) == (xmlrpc.client.ProtocolError, 503)
            exc = caught(pool.apply_async(tasks.hold_a_lock, [0]).get, 30)
            assert (type(exc), str(exc)) == (tasks.HoldsALock, "busy")
            exc = caught(pool.apply_async(tasks.raise_a_local_class, [0]).get, 30)
            assert isinstance(exc, tasks.OrderRefused)
            assert type(exc).__name__ == "Local"
            # and the pool is alive
            assert pool.apply_async(abs, [-1]).get(30) == 1

    def test_those_whose_class_lets_nobody_set_a_cause(self, tasks, method):
        """Which is what pools do; the thread that reads results would end of it, or the worker."""
        with multiprocessing.get_context(method).Pool(1) as pool:
            for task, args in ((tasks.raise_frozen_and_survive, (7, "no stock")), (tasks.raise_eager, (7,))):
                exc = caught(pool.apply_async(task, (7,)).get, 60)
                assert exc.args == args
                assert type(exc).__name__ == ("Frozen" if len(args) == 2 else "Eager")
            assert isinstance(exc, tasks.Eager)
        with concurrent.futures.ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context(method)
        ) as executor:
            exc = executor.submit(tasks.raise_frozen_and_survive, 7).exception(60)
            assert isinstance(exc, tasks.Frozen)
            assert (exc.order, exc.reason) == (7, "no stock")
            assert type(executor.submit(tasks.raise_eager, 7).exception(60)).__name__ == "Eager"
            again = brinery.loads(brinery.dumps(pickle.loads(pickle.dumps(exc))))
            assert isinstance(again, tasks.Frozen)

    def test_those_that_want_something_of_who_derives_from_them(self, tasks, method):
        """The class that lets a pool set a cause is none of theirs: they are not told of it."""
        context = multiprocessing.get_context(method)
        with (
            context.Pool(1) as pool,
            concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor,
        ):
            for task, cls in ((tasks.raise_denied, tasks.Denied), (tasks.raise_guarded, tasks.Guarded)):
                for exc in (
                    caught(pool.apply_async(task, (7,)).get, 60),
                    executor.submit(task, 7).exception(60),
                ):
                    assert isinstance(exc, cls)
                    assert exc.order == 7
                    assert functions_of(exc)[-1] == task.__name__
            assert pool.apply_async(abs, [-1]).get(30) == executor.submit(abs, -1).result(30) == 1

    def test_those_that_no_pool_can_take_are_a_report(self, tasks, method):
        context = multiprocessing.get_context(method)
        with (
            context.Pool(1) as pool,
            concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor,
        ):
            for exc in (
                caught(pool.apply_async(tasks.raise_sealed, (7,)).get, 60),
                executor.submit(tasks.raise_sealed, 7).exception(60),
            ):
                assert type(exc) is UnreadableException
                assert "in raise_sealed" in str(exc)
                assert str(exc).endswith("failing_tasks.Sealed: 7")
                assert "no pool can take it: TypeError: nothing comes after Sealed" in exc.__notes__[0]
            for exc in (
                caught(pool.apply_async(tasks.raise_evasive, (7,)).get, 60),
                executor.submit(tasks.raise_evasive, 7).exception(60),
            ):
                assert type(exc).__name__ in ("Evasive", "UnreadableException")
            assert pool.apply_async(abs, [-1]).get(30) == executor.submit(abs, -1).result(30) == 1

    def test_an_executor(self, tasks, method):
        context = multiprocessing.get_context(method)
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
            exc = executor.submit(tasks.refuse_and_survive, 7).exception(30)
            check_refused(exc, tasks)
            assert functions_of(exc)[-1] == "refuse"
            assert executor.submit(abs, -1).result(30) == 1


def test_without_it_the_executor_breaks_and_the_pool_is_stuck(tasks):
    """What this is for: the standard library has the last word about it in a thread of its own."""
    with concurrent.futures.ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn")
    ) as executor:
        exc = executor.submit(tasks.refuse, 7).exception(30)
        assert isinstance(exc, concurrent.futures.BrokenExecutor)


def run(program, *arguments, timeout=120, **environment):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_dask(tasks):
    """Dask registers tblib's reducer for each class that it reports: `surviving` must not be in its way."""
    assert needed("distributed")
    out = run("""
        import failing_tasks as tasks
        from distributed import Client, LocalCluster

        if __name__ == "__main__":
            options = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
            with LocalCluster(**options) as cluster:
                with Client(cluster) as client:
                    for task in (tasks.refuse_and_survive, tasks.call_a_server, tasks.raise_a_local_class):
                        exc = client.submit(task, 7, retries=0, pure=False).exception(30)
                        print(type(exc).__name__, str(exc), vars(exc).get("reason"))
                    assert client.submit(abs, -1).result(30) == 1
    """)
    assert out.splitlines() == [
        "OrderRefused order 7 was refused: no stock no stock",
        "ProtocolError <ProtocolError for http://example.org: 503 unavailable> None",
        "Local order 3 was refused: local local",
    ]


CELERY_APP = """
from celery import Celery
import failing_tasks as tasks

app = Celery("app", broker="filesystem://", backend="file://{folder}/results")
app.conf.update(
    broker_transport_options={{
        "data_folder_in": "{folder}/queue",
        "data_folder_out": "{folder}/queue",
        "control_folder": "{folder}/control",
    }},
    task_serializer="pickle", result_serializer="pickle", accept_content=["pickle", "json"],
    worker_hijack_root_logger=False,
)
refuse = app.task(name="refuse")(tasks.refuse_and_survive)
local = app.task(name="local")(tasks.raise_a_local_class)
"""


def test_celery(tasks, tmp_path):
    """A worker with processes of its own, and a client that waits for the result."""
    assert needed("celery")
    for name in ("queue", "results", "control"):
        (tmp_path / name).mkdir()
    (tmp_path / "celery_app.py").write_text(CELERY_APP.format(folder=tmp_path))
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "-c", "1", "-P", "prefork"],
        env={**os.environ, "PYTHONPATH": path, "C_FORCE_ROOT": "1"},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        out = run(
            """
            import celery_app
            for task in (celery_app.refuse, celery_app.local):
                try:
                    task.delay(7).get(timeout=60)
                except Exception as exc:
                    print(type(exc).__name__, str(exc), vars(exc).get("reason"))
            """,
            PYTHONPATH=path,
        )
    finally:
        worker.terminate()
        worker.wait(30)
    assert out.splitlines() == [
        "OrderRefused order 7 was refused: no stock no stock",
        "Local order 3 was refused: local local",
    ]


class TestSurviving:
    def test_results_pass_through(self):
        assert surviving(divmod)(7, 3) == (2, 1)

    def test_it_looks_like_the_function(self, tasks):
        function = tasks.refuse_and_survive
        assert (function.__name__, function.__module__) == ("refuse_and_survive", "failing_tasks")
        assert pickle.loads(pickle.dumps(function)) is function
        assert pickle.loads(pickle.dumps(surviving(tasks.refuse))).__wrapped__ is tasks.refuse

    def test_methods(self, tasks):
        class Shop:
            @surviving
            def sell(self, order):
                tasks.refuse(order)

        exc = caught(Shop().sell, 7)
        check_refused(pickle.loads(pickle.dumps(exc)), tasks)

    def test_what_is_read_is_as_it_was_raised(self, tasks):
        exc = caught(tasks.refuse_and_survive, 7)
        exc.__traceback__ = None  # as concurrent.futures does before it pickles
        made = pickle.loads(pickle.dumps(exc))
        assert functions_of(made)[-1] == "refuse"

    def test_it_survives_a_second_hop(self, tasks):
        exc = caught(tasks.refuse_and_survive, 7)
        for _ in range(3):
            exc = pickle.loads(pickle.dumps(exc))
        check_refused(exc, tasks)

    def test_what_is_registered_for_its_class_does_not_come_before_it(self, tasks):
        """As tblib's reducer is, for all classes, wherever Dask is imported."""
        pickling_support = pytest.importorskip("tblib.pickling_support")
        pickling_support.install()
        pickling_support.install(tasks.HoldsALock)
        exc = caught(tasks.hold_a_lock, 0)
        for _ in range(2):
            exc = pickle.loads(pickle.dumps(exc))
            assert type(exc) is tasks.HoldsALock
            assert exc.lock.startswith("<unlocked")
        plain = pickle.loads(pickle.dumps(caught(tasks.refuse, 7)))  # others are as they were
        assert plain.reason == "no stock"
        registered = copyreg.dispatch_table[tasks.HoldsALock].registered
        assert registered is copyreg.dispatch_table[ValueError]

    def test_brinery_writes_it_too(self, tasks):
        import brinery

        exc = caught(tasks.refuse_and_survive, 7)
        made = brinery.loads(brinery.Profile(["exceptions"]).dumps(exc))
        check_refused(made, tasks)
        assert "__reduce_ex__" not in vars(made)


class TestOpening:
    """What a class does that lets nobody set the cause of its exceptions, which pools do."""

    def test_no_register_of_classes_has_another(self, tasks):
        exc = prepare(tasks.Denied(7))
        exc.__cause__ = KeyError(1)
        assert type(exc) is not tasks.Denied
        assert tasks.Coded.by_code == {4: tasks.Denied, 5: tasks.Guarded}

    def test_a_metaclass_is_not_told_either(self):
        made = []

        class Meta(abc.ABCMeta):
            def __new__(mcs, name, bases, namespace):
                made.append(name)
                return super().__new__(mcs, name, bases, namespace)

        @dataclasses.dataclass(frozen=True)
        class Refused(Exception, metaclass=Meta):
            order: int

        class Other(Exception):
            pass

        Refused.register(Other)
        exc = prepare(Refused(7))
        exc.__cause__ = KeyError(1)
        assert made == ["Refused"]
        assert isinstance(exc, Refused)
        assert issubclass(Other, Refused)
        assert not issubclass(Other, type(exc))

    def test_it_is_one_class_as_long_as_it_is_used_and_keeps_none(self):
        def make():
            @dataclasses.dataclass(frozen=True)
            class Refused(Exception):
                order: int

            one, other = prepare(Refused(1)), prepare(Refused(2))
            assert type(one) is type(other) is not Refused
            return weakref.ref(Refused), weakref.ref(type(one))

        classes = make()
        gc.collect()
        assert [cls() for cls in classes] == [None, None]

    def test_prepared_again_it_is_as_it_is_then(self, tasks):
        exc = prepare(tasks.Denied(7))
        exc.add_note("later")
        made = pickle.loads(pickle.dumps(prepare(exc)))
        assert (made.order, made.__notes__) == (7, ["later"])

    def test_what_cannot_be_opened_is_raised_as_a_report_with_its_traceback(self, tasks):
        exc = caught(tasks.raise_sealed, 7)
        assert functions_of(exc)[-1] == "raise_sealed"
        for _ in range(2):
            exc = pickle.loads(pickle.dumps(exc))
            assert type(exc) is UnreadableException
            assert str(exc).endswith("failing_tasks.Sealed: 7")


@pytest.mark.skipif(
    "fork" not in METHODS, reason="only a process that was forked has the classes of __main__"
)
def test_its_class_is_the_one_that_the_program_has():
    """Whatever else is installed: brinery-functions writes what is in __main__ by value."""
    out = run("""
        import concurrent.futures, multiprocessing
        from brinery_exceptions import surviving

        class Refused(Exception):
            def __init__(self, *, order):
                self.order = order

        @surviving
        def work(order):
            raise Refused(order=order)

        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
            print(type(executor.submit(work, 7).exception(30)) is Refused)
    """)
    assert out == "True\n"


class TestWhatRunsLater:
    """Coroutines and generators: their bodies run when they are awaited and iterated over."""

    def test_they_are_what_the_functions_are(self, tasks):
        assert inspect.iscoroutinefunction(tasks.refuse_async)
        assert inspect.isgeneratorfunction(tasks.refuse_third)
        assert inspect.isasyncgenfunction(tasks.refuse_third_async)
        assert inspect.iscoroutinefunction(surviving(functools.partial(tasks.refuse_async, 7)))
        assert str(inspect.signature(tasks.refuse_async)) == "(order)"
        assert not inspect.iscoroutinefunction(tasks.refuse_and_survive)
        assert pickle.loads(pickle.dumps(tasks.refuse_async)) is tasks.refuse_async

    def test_a_coroutine(self, tasks):
        exc = caught(tasks.await_it, 7)
        check_refused(pickle.loads(pickle.dumps(exc)), tasks)

    def test_a_coroutine_of_an_object_that_is_called(self, tasks):
        class Task:
            async def __call__(self):
                tasks.refuse(7)

        exc = caught(lambda: asyncio.run(surviving(Task())()))
        check_refused(pickle.loads(pickle.dumps(exc)), tasks)

    def test_a_coroutine_method_and_its_result(self):
        class Shop:
            @surviving
            async def sell(self, order):
                return order

        assert asyncio.run(Shop().sell(7)) == 7
        assert inspect.iscoroutinefunction(Shop().sell)

    def test_a_coroutine_in_a_pool(self, tasks):
        with multiprocessing.get_context(METHODS[0]).Pool(1) as pool:
            check_refused(caught(pool.apply_async(tasks.await_it, [7]).get, 30), tasks)

    def test_a_generator(self, tasks):
        generator = tasks.refuse_third(7)
        assert (next(generator), next(generator), generator.send("sent")) == (1, 2, "sent")
        assert generator.throw(ValueError("thrown")) == "thrown"
        check_refused(pickle.loads(pickle.dumps(caught(next, generator))), tasks)

    def test_an_asynchronous_generator(self, tasks):
        async def use():
            generator = tasks.refuse_third_async(7)
            assert (await anext(generator), await anext(generator)) == (1, 2)
            assert await generator.asend("sent") == "sent"
            assert await generator.athrow(ValueError("thrown")) == "thrown"
            await anext(generator)

        check_refused(pickle.loads(pickle.dumps(caught(asyncio.run, use()))), tasks)

    def test_asynchronous_generators_end_and_are_closed(self):
        ended = []

        @surviving
        async def count():
            try:
                yield 1
                yield 2
            finally:
                ended.append(True)

        async def use():
            assert [number async for number in count()] == [1, 2]
            generator = count()
            assert await anext(generator) == 1
            await generator.aclose()

        asyncio.run(use())
        assert ended == [True, True]


class TestMistakes:
    @pytest.mark.parametrize("wrong", [3, None, "work"])
    def test_what_is_no_function(self, wrong):
        with pytest.raises(TypeError, match="wants the function whose exceptions are to survive, not "):
            surviving(wrong)

    def test_above_classmethod(self):
        with pytest.raises(TypeError, match="write @classmethod above @surviving"):
            surviving(classmethod(lambda cls: None))

    @pytest.mark.parametrize("wrong", [3, None, "text", ValueError])
    def test_what_is_no_exception(self, wrong):
        with pytest.raises(TypeError, match=r"prepare\(\) wants an exception"):
            prepare(wrong)

    def test_a_class(self):
        assert surviving(complex)(1) == 1
        assert surviving(Path)("a") == Path("a")


class TestWhereEvenThatFails:
    def test_what_cannot_be_written_is_reported_as_text(self, tasks):
        exc = tasks.OrderRefused(order=7, reason="no stock")
        exc.extra = tasks.Fickle()
        prepare(exc)
        made = pickle.loads(pickle.dumps(exc))
        assert type(made) is UnreadableException
        assert "OrderRefused: order 7 was refused" in str(made)
        assert "could not be written: RuntimeError: not again" in made.__notes__[0]

    @pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
    def test_an_interruption_goes_through(self, tasks, interruption):
        """Whether Ctrl-C was pressed or a reduction raises it: it cannot be told apart."""

        class Interrupting:
            def __reduce__(self):
                raise interruption

        @surviving
        def work():
            exc = tasks.OrderRefused(order=7, reason="no stock")
            exc.extra = Interrupting()
            raise exc

        with pytest.raises(interruption) as caught_here:
            work()
        assert type(caught_here.value.__context__) is tasks.OrderRefused

    def test_a_copy_is_of_what_it_carries(self, tasks):
        exc = caught(tasks.refuse_and_survive, 7)
        exc.order = 8
        assert copy.copy(exc).order == pickle.loads(pickle.dumps(exc)).order == 7
        assert brinery.loads(brinery.dumps(exc)).order == 8
        assert copy.copy(prepare(exc)).order == 8

    def test_what_cannot_be_read_is_reported_as_text(self, tasks, monkeypatch):
        data = pickle.dumps(caught(tasks.refuse_and_survive, 7))
        monkeypatch.delitem(sys.modules, "failing_tasks")
        monkeypatch.setattr(
            sys, "path", [path for path in sys.path if path != str(Path(tasks.__file__).parent)]
        )
        made = pickle.loads(data)
        assert type(made) is UnreadableException
        assert "order 7 was refused: no stock" in str(made)
        assert "KeyError: 'stock'" in str(made)
        assert "ModuleNotFoundError" in made.__notes__[0]
