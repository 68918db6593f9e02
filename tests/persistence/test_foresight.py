"""What a store foresees makes dumps faster, and changes nothing that anybody could see."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import BrineryError, NotStored, StoreError, StoreFault
from brinery.persistence import Foresight

from .recording import Recording
from .shop import Customer, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Bound

    Bind = Callable[..., Bound]


BY_ID = Foresight(("id",))


class Slotted:
    __slots__ = ("id",)

    def __init__(self, id: Any) -> None:
        self.id = id


class Logged:
    """Its reducer is code of the user's, which can tell when it ran."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def __reduce__(self) -> Any:
        self.log.append("reduced")
        return int, (7,)


class Telling:
    """A store of four lines that foresees; `answer` gives the key in the place of the attribute."""

    def __init__(self, foresight: Any = BY_ID, answer: Any = None) -> None:
        self.claims = (Customer, Slotted)
        self.foresight = foresight
        self.answer = answer or (lambda obj: obj.id)
        self.log: list[Any] = []

    def foresee(self, cls: type) -> Any:
        return self.foresight

    def persistent_id(self, obj: Any) -> Any:
        self.log.append(obj.id)
        return self.answer(obj)

    def persistent_load(self, key: Any) -> Any:
        return Customer(key)


class Silent(Telling):
    def foresee(self, cls: type) -> Any:
        return None


def graph() -> list[Any]:
    """More than a frame; strings that are keys too; objects that are met again."""
    customers: list[Any] = [Customer(n) for n in range(40)]
    for number, customer in enumerate(customers):
        customer.id = number * 1000 if number % 2 else f"customer {number}"
    rows: list[Any] = [{"n": n, "label": str(n), "of": customers[n % 40]} for n in range(10_000)]
    return [rows, [Slotted(n) for n in range(300)], "shop", "table", customers[4].id, customers]


def from_file(bound: Bound, obj: Any, protocol: int) -> bytes:
    file = io.BytesIO()
    bound.dump(obj, file, protocol)
    return file.getvalue()


FORESIGHTS = [
    (Foresight(("id",)), lambda obj: obj.id),
    (Foresight(("id",), "table"), lambda obj: ("table", obj.id)),
    (Foresight(("id", "id"), "table"), lambda obj: ("table", obj.id, obj.id)),
    (Foresight(("id", "id", "id", "id")), lambda obj: (obj.id,) * 4),
    (Foresight(("missing",)), lambda obj: obj.id),
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(("foresight", "answer"), FORESIGHTS)
def test_the_bytes_are_those_without(bind: Bind, foresight: Any, answer: Any, protocol: int) -> None:
    obj = graph()
    store, silent = Telling(foresight, answer), Silent(answer=answer)
    told, plain = bind(shop=store), bind(shop=silent)
    data = told.dumps(obj, protocol)
    assert data == from_file(told, obj, protocol) == plain.dumps(obj, protocol)
    assert len(store.log) == 2 * 340


@pytest.mark.parametrize(
    "answer",
    [
        lambda obj: obj.id + 1,
        lambda obj: ("table", obj.id),
        lambda obj: str(obj.id),
        lambda obj: None if obj.id == 3 else obj.id,
    ],
)
def test_another_answer_is_what_is_written(bind: Bind, answer: Any) -> None:
    log: list[Any] = []
    obj = [[Customer(n) for n in range(9)], Logged(log), Customer(10)]
    store = Telling(answer=answer)
    told, plain = bind(shop=store), bind(shop=Silent(answer=answer))
    expected = plain.dumps(obj)
    log.clear()
    for _ in range(3):
        assert told.dumps(obj) == expected
    assert log == ["reduced"] * 3
    assert store.log == [*range(9), 10] * 3


def test_text_that_is_equal_and_another_object_is_written_as_itself(bind: Bind) -> None:
    customer = Customer(1)
    customer.id = "key one"  # type: ignore[assignment]

    def answer(obj: Any) -> str:
        return "".join(["key", " one"])

    # Met again as itself, it must not be taken for what the store gave.
    obj = [customer, customer.id]
    assert bind(shop=Telling(answer=answer)).dumps(obj) == bind(shop=Silent(answer=answer)).dumps(obj)


def test_stores_are_asked_before_code_that_would_have_run_behind_them(bind: Bind) -> None:
    store = Telling()
    bind(shop=store).dumps([Customer(1), Logged(store.log), Customer(2), Logged(store.log), Customer(3)])
    assert store.log == [1, "reduced", 2, "reduced", 3]


@pytest.mark.parametrize("before", [True, False])
def test_a_refusal_says_where(bind: Bind, before: bool) -> None:
    def answer(obj: Any) -> Any:
        if obj.id == 5:
            raise NotStored("five is not")
        return obj.id

    log: list[Any] = []
    first: Any = Logged(log) if before else None
    obj = {"first": first, "all": [(Customer(n),) for n in range(9)], "last": Logged(log)}
    store = Telling(answer=answer)
    with pytest.raises(NotStored, match="five is not") as refused:
        bind(shop=store).dumps(obj)
    assert refused.value.pickle_path == "root['all'][5][0]"
    assert refused.value.__context__ is None
    assert log == ["reduced"] * before
    assert store.log == [0, 1, 2, 3, 4, 5]


def test_a_fault_keeps_its_cause(bind: Bind) -> None:
    with pytest.raises(StoreFault, match="failed in key_of") as failed:
        bind(shop=Telling(answer=lambda obj: 1 // 0)).dumps([Customer(1)])
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


class Foreseeing(Recording):
    claims = (Node,)

    def foresee(self, cls: type) -> Any:
        return Foresight(("id",))


def test_a_dump_is_a_transaction_as_ever(bind: Bind) -> None:
    obj = [Node(1), Customer(2), Node(3)]
    store = Foreseeing()
    bound = bind(nodes=store, shop=Telling())
    assert bound.dumps(obj) == from_file(bound, obj, pickle.DEFAULT_PROTOCOL)
    half = len(store.heard) // 2
    assert store.heard[:half] == ["begin_dump", ("key_of", 1), ("key_of", 3), "prepare", "commit"]


@pytest.mark.parametrize("step", ["begin_dump", "key_of", "prepare", "commit"])
def test_a_dump_that_fails_is_rolled_back(bind: Bind, step: str) -> None:
    error = NotStored("no")
    store = Foreseeing(fail={step: error})
    with pytest.raises(BrineryError) as failed:
        bind(nodes=store).dumps([Node(1)])
    assert error in (failed.value, failed.value.__cause__)
    assert store.heard.count("begin_dump") == 1
    assert store.heard.count("rollback") == (step != "begin_dump")
    assert not store.rows


def test_what_is_no_foresight_is_refused(bind: Bind) -> None:
    for wrong in ("id", ("id",), Foresight("id"), Foresight(()), Foresight(("id",), 7)):  # type: ignore[arg-type]
        with pytest.raises(StoreError, match="foresee"):
            bind(shop=Telling(wrong)).dumps([Customer(1)])


def test_a_fault_of_foresee_names_the_method(bind: Bind) -> None:
    class Failing(Telling):
        def foresee(self, cls: type) -> Any:
            raise ZeroDivisionError

    with pytest.raises(StoreFault, match="foresee"):
        bind(shop=Failing()).dumps([Customer(1)])


def test_objects_are_held_until_the_dump_is_over(bind: Bind) -> None:
    """An answer may drop what the graph held."""
    rows = [[Slotted(n)] for n in range(50)]

    def answer(obj: Any) -> Any:
        for row in rows:
            row.clear()
        return obj.id

    assert bind(shop=Telling(answer=answer)).loads(bind(shop=Telling()).dumps([])) == []
    data = bind(shop=Telling(answer=answer)).dumps(rows)
    assert data  # and nothing has crashed; what was cleared meanwhile may or may not be in it
