"""One Unpickler, one load at a time: entered again, shared by threads, or never initialized."""

from __future__ import annotations

import gc
import io
import pickle
import threading
import weakref

import pytest
from engines import Wire


class TestABusyUnpickler:
    @pytest.mark.parametrize("again", ["load", "noload", "__init__"])
    def test_refuses_to_be_entered_again(self, wire: Wire, again: str):
        class Reentrant(wire.Unpickler):
            def persistent_load(self, pid):
                arguments = (io.BytesIO(b"N."),) if again == "__init__" else ()
                with pytest.raises(RuntimeError):
                    getattr(self, again)(*arguments)
                return pid

        unpickler = Reentrant(io.BytesIO(b"(K\x01QK\x02Ql.K\x05."))
        assert unpickler.load() == [1, 2]
        assert unpickler.load() == 5

    def test_goes_on_undisturbed(self, wire: Wire):
        class Reentrant(wire.Unpickler):
            def persistent_load(self, pid):
                with pytest.raises(RuntimeError):
                    self.load()
                return pid

        assert Reentrant(io.BytesIO(b"](K\x01QK\x02Qe.")).load() == [1, 2]

    def test_is_free_again_after_an_error(self, wire: Wire):
        unpickler = wire.Unpickler(io.BytesIO(b"Pone\n.K\x01."))
        unpickler.persistent_load = {}.__getitem__
        with pytest.raises(KeyError):
            unpickler.load()
        unpickler.__init__(io.BytesIO(b"K\x02."))
        assert unpickler.load() == 2

    def test_refuses_a_second_thread(self, wire: Wire):
        entered, leave = threading.Event(), threading.Event()

        class Waiting(wire.Unpickler):
            def persistent_load(self, pid):
                entered.set()
                assert leave.wait(20)
                return pid

        unpickler = Waiting(io.BytesIO(b"K\x01Q.K\x02."))
        results = []
        thread = threading.Thread(target=lambda: results.append(unpickler.load()))
        thread.start()
        try:
            assert entered.wait(20)
            for action in (unpickler.load, unpickler.noload, lambda: unpickler.__init__(io.BytesIO(b"N."))):
                with pytest.raises(RuntimeError):
                    action()
        finally:
            leave.set()
            thread.join()
        assert results == [1]
        assert unpickler.load() == 2

    def test_other_unpicklers_may_load_meanwhile(self, wire: Wire):
        class Nested(wire.Unpickler):
            def persistent_load(self, pid):
                return wire.loads(b"](K\x07K\x08e.")

        assert Nested(io.BytesIO(b"](K\x01QK\x02e.")).load() == [[7, 8], 2]


class TestAnUninitializedUnpickler:
    @pytest.fixture
    def unpickler(self, wire: Wire):
        class Forgetful(wire.Unpickler):
            def __init__(self):
                pass

        return Forgetful()

    def test_raises_what_c_pickle_raises_and_a_runtime_error_too(self, unpickler):
        for action in (unpickler.load, unpickler.noload):
            with pytest.raises(pickle.UnpicklingError, match=r"__init__\(\) was not called"):
                action()
            with pytest.raises(RuntimeError):
                action()

    def test_has_no_memo_and_no_globals(self, unpickler):
        with pytest.raises((RuntimeError, AttributeError)):
            unpickler.memo.copy()
        with pytest.raises((RuntimeError, AttributeError)):
            unpickler.memo = {}
        with pytest.raises(RuntimeError):
            unpickler.find_class("builtins", "len")
        with pytest.raises(RuntimeError):
            unpickler.persistent_load(1)


class TestUserCodeThatMeddles:
    def test_a_list_that_an_object_under_construction_empties(self, wire: Wire):
        class Meddling(wire.Unpickler):
            def persistent_load(self, pid):
                pid.clear()
                return pid

        assert Meddling(io.BytesIO(b"](K\x01K\x02eq\x00Qh\x00(K\x03e\x86.")).load() == ([3], [3])

    def test_nothing_is_kept_alive_by_a_load(self, wire: Wire):
        class Thing:
            pass

        thing = Thing()
        gone = weakref.ref(thing)
        gc.collect()
        gc.disable()
        try:
            for stream in (b"K\x01Q.", b"](K\x01Qh\x63e."):
                unpickler = wire.Unpickler(io.BytesIO(stream))
                unpickler.persistent_load = lambda _, things=[thing]: things[0]
                try:
                    loaded = unpickler.load()
                except pickle.UnpicklingError:
                    loaded = None
                del loaded, unpickler
            del thing
            assert gone() is None
        finally:
            gc.enable()

    def test_an_unpickler_goes_when_it_is_dropped(self, wire: Wire):
        class Mine(wire.Unpickler):
            def persistent_load(self, pid):
                return pid

            def find_class(self, module, name):
                return super().find_class(module, name)

        gc.collect()
        gc.disable()
        try:
            unpickler = Mine(io.BytesIO(b"K\x01Q."))
            gone = weakref.ref(unpickler)
            unpickler.load()
            del unpickler
            assert gone() is None
        finally:
            gc.enable()

    def test_functions_are_safe_from_many_threads(self, wire: Wire):
        data = pickle.dumps([{"key": (i, str(i))} for i in range(300)])
        expected = pickle.loads(data)
        results: list[bool] = []

        def work():
            results.extend(wire.loads(data) == expected for _ in range(10))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [True] * 40


class Finalized:
    """Does something when it goes."""

    act: object = None

    def __del__(self) -> None:
        if Finalized.act is not None:
            Finalized.act()  # type: ignore[operator]


@pytest.mark.parametrize("what", ["memo.clear", "memo is set", "__init__"])
def test_what_a_memo_kept_may_load_when_it_goes(wire: Wire, what: str):
    one = pickle.dumps([Finalized() for _ in range(20)], 2)
    file = io.BytesIO(one + b"K\x05q\x07." * 100)
    unpickler = wire.Unpickler(file)
    loaded: list[object] = []

    def act() -> None:
        loaded.append(unpickler.load())
        unpickler.memo.copy()

    assert len(unpickler.load()) == 20
    Finalized.act = act
    try:
        if what == "memo.clear":
            unpickler.memo.clear()
        elif what == "memo is set":
            unpickler.memo = {1: "one"}
        else:
            unpickler.__init__(io.BytesIO(b"K\x05q\x07." * 100))
    finally:
        Finalized.act = None
    assert loaded == [5] * 20
    # What they put into the memo is there: it was replaced before they went.
    assert unpickler.memo.copy() == ({1: "one", 7: 5} if what == "memo is set" else {7: 5})


def test_a_load_that_begins_while_a_memo_goes_is_left_alone(wire: Wire):
    """In another thread, which is in the middle of it when the memo has been replaced."""
    entered, leave = threading.Event(), threading.Event()
    results: list[object] = []

    class Waiting(wire.Unpickler):
        def persistent_load(self, pid):
            entered.set()
            assert leave.wait(20)
            return pid

    unpickler = Waiting(io.BytesIO(pickle.dumps(Finalized(), 2) + b"(K\x01q\x00K\x02Qh\x00t."))
    thread = threading.Thread(target=lambda: results.append(unpickler.load()))

    def act() -> None:
        thread.start()
        assert entered.wait(20)

    unpickler.load()
    Finalized.act = act
    try:
        unpickler.memo = {0: "zero", 1: "one"}
    finally:
        Finalized.act = None
        leave.set()
        thread.join()
    assert results == [(1, 2, 1)]
    assert unpickler.memo.copy() == {0: 1, 1: "one"}
