"""A Pickler that is dumping belongs to that dump: no second dump, no new beginning, no other thread."""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from acts import Acts
from engines import Wire

MEANWHILE: dict[str, Callable[[Any], object]] = {
    "dump": lambda pickler: pickler.dump([1]),
    "__init__": lambda pickler: pickler.__init__(io.BytesIO()),
    "__init__ with other options": lambda pickler: pickler.__init__(io.BytesIO(), 0, fix_imports=False),
}


@pytest.mark.parametrize("what", MEANWHILE)
@pytest.mark.parametrize(
    "where", ["a reducer", "persistent_id", "reducer_override", "write", "buffer_callback"]
)
def test_a_busy_pickler_refuses(wire: Wire, what: str, where: str):
    pickler: Any = None
    refused: list[BaseException] = []

    def act(*args: object) -> object:
        if not refused:
            try:
                MEANWHILE[what](pickler)
            except RuntimeError as exc:
                refused.append(exc)
        return NotImplemented if where == "reducer_override" else None

    class File(io.BytesIO):
        def write(self, data: Any) -> int:
            if where == "write":
                act()
            return super().write(data)

    hooks = {where: lambda self, obj: act()} if where in ("persistent_id", "reducer_override") else {}
    cls = type("Derived", (wire.Pickler,), hooks)
    file = File()
    pickler = cls(file, 5, buffer_callback=act if where == "buffer_callback" else None)
    graph = [Acts(act) if where == "a reducer" else Acts(int), pickle.PickleBuffer(b"data"), "text"]
    pickler.dump(graph)
    assert len(refused) == 1
    pickler.dump([graph[2]])
    file.seek(0)
    unpickler = pickle.Unpickler(file, buffers=[b"data"])
    assert unpickler.load() == [1, b"data", "text"]
    assert unpickler.load() == ["text"]


def test_its_memo_cannot_be_changed_meanwhile(wire: Wire):
    file = io.BytesIO()
    pickler = wire.Pickler(file)
    shared = ["shared"]

    def act() -> None:
        for change in (pickler.clear_memo, pickler.memo.clear, lambda: setattr(pickler, "memo", {})):
            with pytest.raises(RuntimeError):
                change()
        assert id(shared) in pickler.memo.copy()

    pickler.dump([shared, Acts(act), shared])
    loaded = pickle.loads(file.getvalue())
    assert loaded[0] is loaded[2]


def test_another_thread_is_refused(wire: Wire):
    inside, go_on = threading.Event(), threading.Event()
    file = io.BytesIO()
    pickler = wire.Pickler(file)

    def wait() -> None:
        inside.set()
        assert go_on.wait(30)

    thread = threading.Thread(target=pickler.dump, args=([Acts(wait), "first"],))
    thread.start()
    assert inside.wait(30)
    try:
        with pytest.raises(RuntimeError):
            pickler.dump("second")
        with pytest.raises(RuntimeError):
            pickler.__init__(io.BytesIO())
    finally:
        go_on.set()
        thread.join()
    assert pickle.loads(file.getvalue()) == [1, "first"]
    pickler.dump("third")


def test_after_an_error_it_is_free_again(wire: Wire):
    for exc in (LookupError, KeyboardInterrupt):
        file = io.BytesIO()
        pickler = wire.Pickler(file)

        def fail(exc: type[BaseException] = exc) -> None:
            raise exc

        with pytest.raises(exc):
            pickler.dump(Acts(fail))
        file.seek(0)
        file.truncate()
        pickler.dump("text")
        assert pickle.loads(file.getvalue()) == "text"


def test_another_pickler_and_the_functions_may_run_inside_a_dump(wire: Wire):
    inner: list[bytes] = []
    data = wire.dumps([Acts(lambda: inner.append(wire.dumps([1, [2]]))), "text"])
    assert pickle.loads(data) == [1, "text"]
    assert pickle.loads(inner[0]) == [1, [2]]


def test_the_functions_are_safe_from_many_threads(wire: Wire):
    graphs = [[number, {"key": [str(number)] * 10}] for number in range(8)]
    failures: list[object] = []

    def work(graph: object) -> None:
        for _ in range(200):
            data = wire.dumps(graph)
            if data != pickle.dumps(graph):
                failures.append(data)

    threads = [threading.Thread(target=work, args=(graph,)) for graph in graphs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_pickler_whose_init_was_never_called_says_so(wire: Wire):
    for base in (wire.Pickler, pickle.Pickler):

        class Forgetful(base):  # type: ignore[misc, valid-type]
            def __init__(self) -> None:
                pass

        for pickler in (Forgetful(), base.__new__(base)):
            with pytest.raises(pickle.PicklingError, match=r"__init__\(\) was not called"):
                pickler.dump(1)


def test_what_else_an_uninitialised_pickler_is_asked_is_an_error_too(wire: Wire):
    pickler = wire.Pickler.__new__(wire.Pickler)
    for ask in (pickler.clear_memo, lambda: pickler.memo.copy(), lambda: setattr(pickler, "memo", {})):
        with pytest.raises((pickle.PicklingError, RuntimeError)):
            ask()


def test_init_again_begins_anew(wire: Wire):
    first, second = io.BytesIO(), io.BytesIO()
    pickler = wire.Pickler(first, 4)
    shared = ["shared"]
    pickler.dump(shared)
    pickler.__init__(second, 2)
    pickler.dump(shared)
    assert second.getvalue() == pickle.dumps(shared, 2)


class Finalized:
    """Dumps with a Pickler when it goes; is written as something else, so that only the memo keeps it."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __reduce__(self) -> object:
        return int, ("1",)

    def __del__(self) -> None:
        self.act()


FORGETTING: dict[str, Callable[[Any], object]] = {
    "clear_memo": lambda pickler: pickler.clear_memo(),
    "memo.clear": lambda pickler: pickler.memo.clear(),
    "memo is set": lambda pickler: setattr(pickler, "memo", {}),
    "__init__": lambda pickler: pickler.__init__(io.BytesIO(), 4),
}


@pytest.mark.parametrize("what", FORGETTING)
def test_what_a_memo_kept_may_dump_when_it_goes(wire: Wire, what: str):
    pickler: Any = wire.Pickler(io.BytesIO(), 4)
    left = 0

    def act() -> None:
        nonlocal left
        if left:
            left -= 1
            pickler.dump([[bytearray(3), ["one"]] for _ in range(3)])

    for _ in range(5):
        left = 0
        pickler.dump([Finalized(act) for _ in range(20)])
        left = 20
        FORGETTING[what](pickler)
        left = 0
        if what != "__init__":
            # What was dumped meanwhile is in the memo, or forgotten with the rest; nothing is there by half.
            assert all(id(obj) == key for key, (_, obj) in pickler.memo.copy().items())
        file = io.BytesIO()
        pickler.__init__(file, 4)
        pickler.dump(["in order"])
        assert pickle.loads(file.getvalue()) == ["in order"]
