"""Stores are asked before anything is built, whatever comes first, and not at all without need."""

from __future__ import annotations

import pickle
import random
import sys
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import MissingReference, StoreError, UnpicklingError

from .recording import Recording
from .shop import Customer, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Bound

    Bind = Callable[..., Bound]

LOG: list[Any] = []
# What C pickle raises for bytes that were changed.
REFUSALS = (
    UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
    StoreError,
)


class Plain:
    def __init__(self, value: Any) -> None:
        self.value = value


class Built:
    """Whatever is done to it, it tells."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __setstate__(self, state: Any) -> None:
        LOG.append("built")
        self.__dict__.update(state)


class Ending:
    def __del__(self) -> None:
        LOG.append("ended")


class Called:
    def __reduce__(self) -> Any:
        return LOG.append, ("called",)


class Key:
    def __hash__(self) -> int:
        LOG.append("hashed")
        return 7


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    LOG.clear()
    yield
    LOG.clear()


def without(bound: Bound, obj: Any, store: Recording) -> bytes:
    data: bytes = bound.dumps(obj)
    store.rows.clear()
    LOG.clear()
    return data


BEFORE: list[Any] = [
    lambda: Plain(1),
    lambda: Built(1),
    lambda: Ending(),
    lambda: Called(),
    lambda: {Key(): 1},
    lambda: {1, "two", (3,)},
    lambda: b"data" * 100_000,
    lambda: ["x"] * 100_000,
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("number", range(len(BEFORE)))
def test_what_is_missing_is_decided_before_anything_is_built(bind: Bind, number: int, protocol: int) -> None:
    store = Recording()
    bound = bind(shop=store)
    data = bound.dumps([BEFORE[number](), Customer(1), [Customer(2)]], protocol)
    store.rows.clear()
    LOG.clear()
    with pytest.raises(MissingReference) as missing:
        bound.loads(data)
    ((_, first, places), (_, second, _)) = missing.value.references
    assert (first, second) == (1, 2)
    assert data[places[0]] in b"PQ"
    assert missing.value.pickle_offset == places[0]
    assert len(missing.value.__notes__) == 1
    assert LOG == []


def test_a_stream_without_references_asks_nobody(bind: Bind) -> None:
    store = Recording()
    bound = bind(shop=store)
    for make in BEFORE[:3]:
        bound.loads(bound.dumps([make(), "PQ", 0x50, 0x51]))
    assert store.heard == []


def test_what_is_missing_comes_before_a_class_that_is_not_there(
    bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("gone_module")
    cls = type("Gone", (), {"__module__": "gone_module"})
    module.Gone = cls  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gone_module", module)
    store = Recording()
    bound = bind(shop=store)
    obj = [cls(), Customer(1)]
    whole = bound.dumps(obj)
    lost = without(bound, obj, store)
    for part in ("module", "class"):
        if part == "module":
            monkeypatch.delitem(sys.modules, "gone_module")
        else:
            monkeypatch.setitem(sys.modules, "gone_module", ModuleType("gone_module"))
        store.rows[1] = Customer(1)
        with pytest.raises((ModuleNotFoundError, AttributeError)):
            bound.loads(whole)
        store.rows.clear()
        with pytest.raises(MissingReference):
            bound.loads(lost)


class Failing:
    def __setstate__(self, state: Any) -> None:
        raise ZeroDivisionError


def test_a_load_closes_what_it_began_however_it_ends(bind: Bind) -> None:
    store = Recording()
    bound = bind(shop=store)
    failing = Failing()
    failing.__dict__["value"] = 1
    for obj, error in (([Customer(1)], None), ([Customer(1), failing], ZeroDivisionError)):
        data = bound.dumps(obj)
        store.heard.clear()
        if error is None:
            bound.loads(data)
        else:
            with pytest.raises(error):
                bound.loads(data)
        assert store.heard == ["begin_load", ("fetch", [1]), "close"]


def keys(random: random.Random) -> Any:
    """A key of any kind, and of any length."""
    makers: list[Callable[[], Any]] = [
        lambda: random.randrange(-(2**70), 2**70),
        lambda: random.randrange(300),
        lambda: random.randrange(-70_000, 70_000),
        lambda: "k" * random.randrange(300),
        lambda: "ä\ud800" * random.randrange(3) + str(random.random()),
        lambda: bytes(random.randrange(300)),
        lambda: ("table", random.randrange(3)),
        lambda: ("table", ("nested", (1, 2, 3, 4, 5)), random.randrange(3)),
    ]
    return random.choice(makers)()


@pytest.mark.parametrize("seed", range(12))
def test_every_reference_is_asked_for_at_once_and_comes_back(bind: Bind, seed: int) -> None:
    rng = random.Random(seed)
    store = Recording()
    bound = bind(shop=store, table=Recording(people=()))
    customers = [Customer(key) for key in dict.fromkeys(keys(rng) for _ in range(200))]
    makers: list[Callable[[int], Any]] = [
        lambda number: rng.choice(customers),
        lambda number: Plain([number, "shop", "table", rng.choice(customers)]),
        lambda number: {"shop": number, "PQ" * 40: number / 7},
        lambda number: [rng.choice(customers).id],
        lambda number: (1.5, None, True, -number, 2**80),
    ]
    graph = [rng.choice(makers)(number) for number in range(3_000)]
    for protocol in range(2, 6):
        store.heard.clear()
        data = bound.dumps(graph, protocol)
        loaded = bound.loads(data)
        assert pickle.dumps(ids_of(loaded)) == pickle.dumps(ids_of(graph))
        fetched = [heard for heard in store.heard if heard[0] == "fetch"]
        assert len(fetched) == 1


def ids_of(graph: list[Any]) -> list[Any]:
    return [
        repr(part.id if isinstance(part, Customer) else part.value if isinstance(part, Plain) else part)
        if not isinstance(part, Plain)
        else repr([*part.value[:3], part.value[3].id])
        for part in graph
    ]


@pytest.mark.parametrize("seed", range(4))
def test_broken_streams_end_as_they_do_in_either_engine(bind: Bind, seed: int) -> None:
    """Where bytes are changed, nothing but errors of the format, or of what is missing, comes of it."""
    rng = random.Random(seed)
    store = Recording()
    bound = bind(shop=store)
    data = bound.dumps([Plain(n) if n % 3 else Customer(n) for n in range(40)] + [Node(1)])
    for _ in range(300):
        broken = bytearray(data)
        broken[rng.randrange(len(data))] = rng.randrange(256)
        with suppress(*REFUSALS):
            bound.loads(bytes(broken))
