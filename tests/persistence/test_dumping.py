"""STOP is the commit record: whatever fails, no stream that loads refers to what was never stored."""

from __future__ import annotations

import io
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest

from brinery import Profile
from brinery.errors import CommitUncertain, NotCommitted, NotStored, StoreError, StoreFault
from brinery.files import dump_file
from brinery.persistence import PENDING, Dump

from .recording import Recording, RecordingDump
from .shop import Customer, Node, Unpicklable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Bound

    Bind = Callable[..., Bound]


class Nodes(Recording):
    claims = (Node,)


def graph() -> list[Any]:
    """More than a frame, with an object of each store at both ends."""
    return [Customer(1), Node(1), [str(number) for number in range(30_000)], Customer(2), Node(2)]


def dumping(bound: Any, way: str, file: Any, obj: Any) -> bytes | None:
    if way == "dumps":
        data: bytes = bound.dumps(obj)
        return data
    if way == "dump":
        bound.dump(obj, file)
    else:
        bound.Pickler(file).dump(obj)
    return None


class Ids(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        return pid


WAYS = ["dumps", "dump", "Pickler"]
STEPS = ["begin_dump", "key_of", "assign", "prepare", "commit"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("which", ["first", "second"])
def test_a_failure_at_any_step_leaves_every_store_as_it_was_and_no_stream(
    bind: Bind, way: str, step: str, which: str
) -> None:
    cause = NotCommitted("the disk is full") if step == "commit" else OSError("the disk is full")
    stores = {"first": Recording(), "second": Nodes(two_phase=True)}
    stores[which].fail[step] = cause
    bound, file = bind(**stores), io.BytesIO()
    new = [*graph(), Customer(None), Node(None)]
    two_phase_failed = step == "commit" and which == "second"
    with pytest.raises(CommitUncertain if two_phase_failed else StoreError) as caught:
        dumping(bound, way, file, new)
    if two_phase_failed:
        # The decision had fallen: what was prepared is to be committed by whoever recovers.
        assert caught.value.committed == ("first",)  # type: ignore[attr-defined]
        assert caught.value.unknown == ("second",)  # type: ignore[attr-defined]
    else:
        assert stores["first"].rows == stores["second"].rows == {}
        if step != "commit":
            assert isinstance(caught.value, StoreFault)
            assert (caught.value.store, caught.value.method) == (which, step)
            assert caught.value.__cause__ is cause
        for store in stores.values():
            begun = "begin_dump" in store.heard and "begin_dump" not in store.fail
            assert (store.heard[-1:] == ["rollback"]) == begun
    with pytest.raises(EOFError):
        Ids(io.BytesIO(file.getvalue())).load()


@pytest.mark.parametrize("way", WAYS)
def test_the_stores_commit_before_the_last_bytes_are_written(bind: Bind, way: str) -> None:
    seen: list[bytes] = []

    class Watching(Recording):
        def tell(self, what: str, *more: Any) -> None:
            super().tell(what, *more)
            if what in ("prepare", "commit"):
                seen.append(file.getvalue())

    file, store = io.BytesIO(), Watching()
    bound = bind(users=store, nodes=Nodes())
    data = dumping(bound, way, file, graph()) or file.getvalue()
    assert len(seen) == 2
    for before in seen:
        with pytest.raises(EOFError):
            Ids(io.BytesIO(before)).load()
    assert bound.loads(data)[:2] == [Customer(1), Node(1)]


def test_all_prepare_and_then_all_commit_those_with_one_phase_first(bind: Bind) -> None:
    told: list[Any] = []

    class Telling(Recording):
        def tell(self, what: str, *more: Any) -> None:
            if what in ("prepare", "commit"):
                told.append((self.name, what))

    first, second = Telling(two_phase=True), Telling()
    first.name, second.name = "two", "one"  # type: ignore[attr-defined]
    second.claims = (Node,)  # type: ignore[assignment]
    bind(a=first, b=second).dumps([Customer(1), Node(1)])
    assert told == [("two", "prepare"), ("one", "prepare"), ("one", "commit"), ("two", "commit")]


def test_what_is_not_known_is_said(bind: Bind) -> None:
    lost = ConnectionError("server closed the connection")
    store, other = Recording(fail={"commit": lost}), Nodes()
    with pytest.raises(CommitUncertain, match="Whether the store 'users' committed is not known") as caught:
        bind(users=store, nodes=other).dumps([Customer(1), Node(1)])
    assert (caught.value.committed, caught.value.failed, caught.value.unknown) == ((), ("nodes",), ("users",))
    assert caught.value.__cause__ is lost
    assert other.rows == {}


def test_where_one_of_two_stores_with_one_phase_had_committed_that_is_said(bind: Bind) -> None:
    one, two = Recording(), Nodes(fail={"commit": NotCommitted("full")})
    with pytest.raises(CommitUncertain, match="the store 'users' had committed") as caught:
        bind(users=one, nodes=two).dumps([Customer(1), Node(1)])
    assert (caught.value.committed, caught.value.failed, caught.value.unknown) == (("users",), ("nodes",), ())
    assert list(one.rows) == [1]
    assert two.rows == {}


def test_a_signal_within_a_commit_is_said_to_be_one(bind: Bind) -> None:
    store = Recording(fail={"commit": KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt) as caught:
        bind(users=store).dumps(Customer(1))
    assert "whether the store 'users' had committed by then is not known" in caught.value.__notes__
    assert store.heard[-1] == "rollback"


@pytest.mark.parametrize("way", ["dump", "Pickler"])
def test_where_the_file_fails_behind_the_commit_the_error_says_what_is_there(bind: Bind, way: str) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            if bytes(data).endswith(b"."):
                raise OSError("no space left")
            return super().write(data)

    store = Recording()
    with pytest.raises(OSError, match="no space left") as caught:
        dumping(bind(users=store), way, Full(), graph())
    assert "the store 'users' had committed by then" in caught.value.__notes__[-1]
    assert list(store.rows) == [1, 2]
    assert store.heard[-1] == "commit"


def test_an_object_that_cannot_be_pickled_rolls_back_what_was_begun(bind: Bind) -> None:
    store = Recording()
    with pytest.raises(TypeError, match="cannot pickle"):
        bind(users=store).dumps([Customer(1), Unpicklable()])
    assert store.heard == ["begin_dump", ("key_of", 1), "rollback"]


def test_a_rollback_that_fails_does_not_hide_why(bind: Bind) -> None:
    store = Recording(fail={"rollback": OSError("dead"), "prepare": OSError("refused")})
    with pytest.raises(StoreFault, match="refused"):
        bind(users=store).dumps(Customer(1))


def test_a_store_that_is_not_concerned_is_not_asked(bind: Bind) -> None:
    store = Recording()
    bind(users=store).dumps(graph()[2])
    assert store.heard == []


def test_each_dump_of_a_pickler_is_a_transaction(bind: Bind) -> None:
    store, file = Recording(), io.BytesIO()
    bound = bind(users=store)
    pickler = bound.Pickler(file)
    anna = Customer(1)
    pickler.dump(anna)
    store.fail["commit"] = NotCommitted("full")
    at = file.tell()
    with pytest.raises(NotCommitted):
        pickler.dump([anna, Customer(2)])
    store.fail.clear()
    file.seek(at)
    file.truncate()
    pickler.dump([anna, Customer(2)])
    assert list(store.rows) == [1, 2]
    file.seek(0)
    unpickler = bound.Unpickler(file)
    assert unpickler.load() is unpickler.load()[0]


def test_dump_file_leaves_the_old_file(tmp_path: Path) -> None:
    store = Recording()
    profile = Profile.plain().bind(users=store)
    dump_file([Customer(1)], tmp_path / "a", profile=profile)
    before = (tmp_path / "a").read_bytes()
    store.fail["prepare"] = OSError("full")
    with pytest.raises(StoreFault):
        dump_file([Customer(2)], tmp_path / "a", profile=profile)
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_dump_within_a_dump_commits_at_its_own_stop_and_the_outer_one_says_so(bind: Bind) -> None:
    store = Recording()
    bound = bind(users=store)
    inner: list[bytes] = []

    class Nested:
        def __reduce__(self) -> Any:
            inner.append(bound.dumps(Customer(7)))
            return bytes, (inner[-1],)

    bound.dumps([Customer(1), Nested(), Customer(2)])
    assert list(store.rows) == [7, 1, 2]
    store.rows.clear()
    with pytest.raises(TypeError) as caught:
        bound.dumps([Customer(1), Nested(), Unpicklable()])
    assert list(store.rows) == [7]
    assert bound.loads(inner[-1]) == Customer(7)
    assert "dumps within this one had committed to the store 'users'" in caught.value.__notes__[-1]


def test_dumps_in_threads_do_not_meet(bind: Bind) -> None:
    store = Recording()
    bound = bind(users=store)
    barrier = threading.Barrier(2)

    class Wait:
        def __reduce__(self) -> Any:
            barrier.wait(10)
            return str, ()

    failures: list[Exception] = []

    def work(obj: Any) -> None:
        try:
            bound.dumps(obj)
        except Exception as failure:
            failures.append(failure)

    threads = [
        threading.Thread(target=work, args=([Customer(1), Wait(), Customer(2)],)),
        threading.Thread(target=work, args=([Customer(3), Wait(), Unpicklable()],)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(store.rows) == [1, 2]
    assert [type(failure) for failure in failures] == [TypeError]
    assert not getattr(failures[0], "__notes__", [""])[-1].startswith("dumps within")


# keys that only the database can give


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "key", [5, 2**70, "a longer key " * 3, b"\0x", None, ("t", ("t", 7)), "größer"], ids=repr
)
@pytest.mark.parametrize("way", WAYS)
def test_a_pending_key_is_in_the_stream_once_it_is_known(
    bind: Bind, protocol: int, key: Any, way: str
) -> None:
    class Assigning(RecordingDump):
        def assign(self, objects: Any, /) -> Any:
            self.store.tell("assign", len(objects))
            self.staged.update({(key, obj.name): obj for obj in objects})
            return [(key, obj.name) for obj in objects]

    store = Recording()
    store.begin_dump = lambda context: Assigning(store)  # type: ignore[method-assign]
    bound, file = bind(users=store), io.BytesIO()
    new = Customer(None, "first")
    texts = [str(number) for number in range(20_000)]
    obj = [texts, Customer(1), new, texts[:], b"x" * 100_000, "y" * 100_000, {1: new}, Customer(None, "last")]
    if way == "dumps":
        data = bound.dumps(obj, protocol)
    elif way == "dump":
        bound.dump(obj, file, protocol)
        data = file.getvalue()
    else:
        bound.Pickler(file, protocol).dump(obj)
        data = file.getvalue()
    assert ("assign", 2) in store.heard
    loaded = bound.loads(data)
    assert loaded[:6] == [texts, Customer(1), new, texts, b"x" * 100_000, "y" * 100_000]
    assert loaded[2] is loaded[6][1] is new
    assert loaded[7].name == "last"
    assert bound.load(io.BytesIO(data))[7] is loaded[7]


def test_what_is_written_before_the_first_pending_key_goes_out_at_once(bind: Bind) -> None:
    sizes: list[int] = []

    class Watching(Recording):
        def tell(self, what: str, *more: Any) -> None:
            super().tell(what, *more)
            sizes.append(file.tell())

    file, texts = io.BytesIO(), [str(number) for number in range(30_000)]
    bind(users=Watching()).dump([texts, Customer(1), Customer(None), texts[:]], file)
    assert sizes[0] > 100_000
    assert sizes[0] == sizes[-1] < file.tell()


def test_reducers_run_once_and_buffers_are_given_once_where_keys_are_pending(bind: Bind) -> None:
    calls: list[int] = []

    class Counted:
        def __reduce__(self) -> Any:
            calls.append(1)
            return str, ()

    buffers: list[Any] = []
    store = Recording()
    bound = bind(users=store)
    buffer = pickle.PickleBuffer(b"data")
    data = bound.dumps([Counted(), Customer(None), buffer], 5, buffer_callback=buffers.append)
    assert (len(calls), len(buffers)) == (1, 1)
    loaded = bound.loads(data, buffers=buffers)
    assert (loaded[0], bytes(loaded[2])) == ("", b"data")


def test_keys_that_assign_does_not_give_are_refused(bind: Bind) -> None:
    class Short(RecordingDump):
        def assign(self, objects: Any, /) -> Any:
            return given

    given: Any = None
    store = Recording()
    store.begin_dump = lambda context: Short(store)  # type: ignore[method-assign]
    for keys, error, text in (
        ([], StoreError, "assign was given 1 objects, and gave"),
        (None, StoreError, "assign was given 1 objects, and gave None"),
        ([PENDING], NotStored, "has no key for an object of class Customer"),
        ([1.5], NotStored, "has no key for an object of class Customer, but 1.5"),
    ):
        given = keys
        with pytest.raises(error, match=text):
            bind(users=store).dumps(Customer(None))


def test_without_assign_nothing_may_be_pending(bind: Bind) -> None:
    class Never(Dump):
        def key_of(self, obj: Any, /) -> Any:
            return PENDING

    store = Recording()
    store.begin_dump = lambda context: Never()  # type: ignore[method-assign]
    with pytest.raises(StoreFault, match=r"assign.*key_of gave PENDING"):
        bind(users=store).dumps(Customer(1))


# what is not as the contract says


def test_what_begin_dump_gives_is_looked_at(bind: Bind) -> None:
    async def prepare(self: object) -> None: ...

    for part, text in (
        (object(), "begin_dump gave a object; .* brinery.persistence.Dump"),
        (type("Late", (RecordingDump,), {"prepare": prepare})(None), "prepare is asynchronous"),
        (type("Typo", (Dump,), {"key_of": len, "comit": print})(), "has comit: is commit meant?"),
        (
            type("Arity", (RecordingDump,), {"commit": lambda self, now: None})(None),
            "commit.* is called with no",
        ),
    ):
        store = Recording()
        store.begin_dump = lambda context, part=part: part  # type: ignore[method-assign,misc]
        with pytest.raises(StoreError, match=text):
            bind(users=store).dumps(Customer(1))


def test_one_store_under_two_names_is_one_transaction(bind: Bind) -> None:
    store = Recording()
    bind(a=store, b=store).dumps([Customer(1), Customer(2)])
    assert store.heard.count("commit") == store.heard.count("begin_dump") == 1


# options of one call


class WithOptions(Recording):
    options = ("session",)


def test_an_option_of_one_call_reaches_the_store_that_takes_it() -> None:
    store, other = WithOptions(), Nodes()
    with Profile.plain().bind(users=store, nodes=other) as bound:
        data = bound.dumps([Customer(1), Node(1)], session="s")
        assert store.context.options == {"session": "s"}
        assert other.context.options == {}
        bound.loads(data, session="t")
        assert store.context.options == {"session": "t"}
        bound.loads(data)
        assert store.context.options == {}
        file = io.BytesIO()
        bound.dump(Customer(1), file, 2, session="u")
        assert (store.context.options, store.context.protocol) == ({"session": "u"}, 2)
        file.seek(0)
        assert bound.load(file, session="v") == Customer(1)
        bound.using(session="w").Pickler(file).dump(Customer(1))
        assert store.context.options == {"session": "w"}
        with pytest.raises(TypeError, match="takes the option 'sesion'; there are: session"):
            bound.loads(data, sesion="t")


def test_without_a_store_that_takes_options_the_functions_are_the_engines_own() -> None:
    with Profile.plain().bind(nodes=Nodes()) as bound:
        assert type(bound.loads) is type(Profile.plain().loads)
        with pytest.raises(TypeError):
            bound.loads(b"N.", session=1)
        with pytest.raises(TypeError, match="no bound store takes the option 'session'; there are: none"):
            bound.using(session=1)


def test_a_store_is_told_its_name_and_whose_it_is(bind: Bind) -> None:
    store = Recording()
    bind(users=store).dumps(Customer(1), 3)
    assert (store.context.name, store.context.opened, store.context.protocol) == ("users", False, 3)
