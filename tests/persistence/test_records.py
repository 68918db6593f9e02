"""What a store that keeps objects itself is made of: a whole store around "read many, write many"."""

from __future__ import annotations

import collections
import decimal
import hashlib
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from brinery.errors import MissingReference, NotCommitted, NotStored, StoreError
from brinery.persistence.records import (
    KeyValueStore,
    KnownObjects,
    decode,
    dependencies_first,
    encode,
    fetch_closure,
    same,
)

from .shop import Customer, Node, Plain, Point, Slotted, Unpicklable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .conftest import Bound

    Bind = Callable[..., Bound]


class Memory(KeyValueStore):
    """A dict of bytes."""

    def __init__(self, *claims: type, on_new: Any = "insert") -> None:
        super().__init__(claims, on_new=on_new)
        self.rows: dict[Any, bytes] = {}
        self.requests: list[str] = []

    def key_for(self, obj: Any, /) -> Any:
        return type(obj).__name__, obj.id

    def read(self, keys: Sequence[Any], /) -> Mapping[Any, bytes]:
        self.requests.append(f"read {len(keys)}")
        return {key: self.rows[key] for key in keys if key in self.rows}

    def write(self, items: Mapping[Any, bytes], /, *, replace: bool) -> Iterable[Any]:
        self.requests.append(f"write {len(items)}")
        taken = [] if replace else [key for key in items if key in self.rows]
        if not taken:
            self.rows.update(items)
        return taken


class ByContent(Memory):
    """Its keys are made of the content."""

    identity = "value"

    def key_for(self, obj: Any, /) -> Any:
        return hashlib.sha256(pickle.dumps(obj)).hexdigest()


class Deque(collections.deque):  # type: ignore[type-arg]
    id = 0


class Mapping_(dict):  # type: ignore[type-arg]
    id = 0


@pytest.mark.parametrize(
    "obj", [Customer(1, [1, {2}]), Slotted(1, "x"), Point(1, {"a": 1}), Plain(1, a=2)], ids=repr
)
def test_any_picklable_object_comes_back(bind: Bind, obj: Any) -> None:
    store = Memory(type(obj))
    bound = bind(kv=store)
    data = bound.dumps([obj])
    (loaded,) = bound.loads(data)
    assert loaded == obj
    assert loaded is not obj
    assert bound.dumps([loaded]) == data
    assert list(store.rows) == [(type(obj).__name__, 1)]


def test_items_and_pairs_and_states_come_back(bind: Bind) -> None:
    store = Memory(Deque, Mapping_)
    bound = bind(kv=store)
    deque, mapping = Deque([1, 2]), Mapping_(a=1)
    deque.id, mapping.id = 5, 6
    one, two = bound.loads(bound.dumps([deque, mapping]))
    assert (list(one), one.id, dict(two), two.id) == ([1, 2], 5, {"a": 1}, 6)


def test_requests_grow_with_levels_not_with_objects(bind: Bind) -> None:
    store = Memory(Customer, Node)
    bound = bind(kv=store)
    people = [Customer(number) for number in range(50)]
    nodes = [Node(number, [people[number % 50]]) for number in range(1000)]
    data = bound.dumps(nodes)
    assert store.requests == ["read 1050", "write 1050"]
    store.requests.clear()
    loaded = bound.loads(data)
    assert store.requests == ["read 1000", "read 50"]
    assert loaded == nodes
    assert loaded[0].next[0] is loaded[50].next[0]
    store.requests.clear()
    bound.dumps(loaded)
    assert store.requests == ["read 1050"]


def test_shared_objects_circles_and_long_chains(bind: Bind) -> None:
    store = Memory(Node)
    bound = bind(kv=store)
    first = last = Node(0)
    for number in range(1, 3000):
        last.next = Node(number)
        last = last.next
    last.next = first
    node = loaded = bound.loads(bound.dumps(first))
    for number in range(3000):
        assert node.id == number
        node = node.next
    assert node is loaded


def test_what_is_stored_otherwise_is_refused_and_saved_on_request(bind: Bind) -> None:
    store = Memory(Customer, Node)
    bound = bind(kv=store)
    bound.dumps(anna := Customer(1, "Anna"))
    anna.name = "Berta"
    with pytest.raises(NotStored, match="has changed since it was loaded or stored"):
        bound.dumps(Node(1, anna))
    with pytest.raises(NotStored, match="another object is stored there"):
        bound.dumps(Customer(1, "Carla"))
    with pytest.raises(NotStored, match="two objects of this dump have the key"):
        bound.dumps([Customer(2, "a"), Customer(2, "b")])
    assert list(store.rows) == [("Customer", 1)]
    store.save(anna)
    assert bound.loads(bound.dumps(anna)).name == "Berta"


def test_a_save_writes_what_it_is_given_and_what_is_new(bind: Bind) -> None:
    store, other = Memory(Customer, Node), Memory(Customer, Node)
    other.rows = store.rows
    about, home = Customer(1, "about, v1"), Node(1)
    home.next = about
    bind(kv=store).dumps(home)
    theirs = other.load_many([("Customer", 1)])["Customer", 1]
    theirs.name = "about, v2"
    other.save(theirs)
    kept = store.rows["Customer", 1]
    home.label = "changed"
    about.name = "changed, and not saved"
    store.save(home)
    assert store.rows["Customer", 1] == kept
    home.next = [about, Customer(2, "new")]
    store.save(home)
    assert store.rows["Customer", 1] == kept
    assert ("Customer", 2) in store.rows
    # What is given is written over what it was loaded from, and over nothing else.
    with pytest.raises(NotStored, match="was changed by another writer since this Customer was loaded"):
        store.save(home, about)
    assert store.rows["Customer", 1] == kept
    store.save(about, overwrite=True)
    assert other.load_many([("Customer", 1)])["Customer", 1].name == "changed, and not saved"
    about.name = "again"
    store.save(about)


def test_a_save_brings_nothing_back_that_was_deleted(bind: Bind) -> None:
    store = Memory(Customer, Node)
    home = Node(1, Customer(1))
    bind(kv=store).dumps(home)
    del store.rows["Customer", 1]
    for objects in ((home,), (home, home.next), (home.next,)):
        with pytest.raises(NotStored, match="is gone since this Customer was loaded or stored"):
            store.save(*objects)
    assert ("Customer", 1) not in store.rows
    store.save(home.next, overwrite=True)
    store.save(home)


def test_a_save_of_what_another_object_has_the_key_of_is_refused(bind: Bind) -> None:
    store = Memory(Customer, Node)
    bind(kv=store).dumps(Customer(1, "theirs"))
    before = dict(store.rows)
    for objects in ([Customer(1, "ours")], [Node(1, Customer(1, "ours"))], [Customer(2, "a"), Customer(2)]):
        with pytest.raises(NotStored, match=r"another object is stored|two objects of this dump"):
            store.save(*objects)
        assert store.rows == before
    store.save(Node(1, Customer(1, "theirs")))
    store.save(Customer(1, "ours"), overwrite=True)
    assert store.load_many([("Customer", 1)])["Customer", 1].name == "ours"


def test_a_writer_in_the_middle_of_a_save_is_found(bind: Bind) -> None:
    class Raced(Memory):
        late = False

        def exchange(self, items: Mapping[Any, bytes], seen: Mapping[Any, bytes], /) -> Iterable[Any]:
            self.rows[("Customer", 1)] = b"theirs"
            return super().exchange(items, seen)

    store = Raced(Customer)
    with pytest.raises(NotCommitted, match="holds something else by now"):
        store.save(Customer(1), Customer(2))
    assert store.rows == {("Customer", 1): b"theirs"}


def test_what_is_no_record_is_named(bind: Bind) -> None:
    store = Memory(Customer)
    bound = bind(kv=store)
    data = bound.dumps(Customer(1))
    for garbage in (b"", b"hello", b"theirs, and it is longer", b"\x00" * 8):
        store.rows["Customer", 1] = garbage
        for act in (
            lambda: bound.loads(data),
            lambda: bound.dumps(Customer(1)),
            lambda: store.save(Customer(1)),
        ):
            with pytest.raises(StoreError, match=r"under the key \('Customer', 1\) is no record of a store"):
                act()


def test_new_objects_are_refused_or_inserted_as_asked(bind: Bind) -> None:
    store = Memory(Customer, on_new="refuse")
    with pytest.raises(NotStored, match="there is nothing under the key"):
        bind(kv=store).dumps(Customer(1))
    with pytest.raises(StoreError, match="on_new='update'"):
        Memory(Customer, on_new="update")
    with pytest.raises(NotStored, match=r"Customer cannot be stored: .*cannot pickle this"):
        bind(kv=Memory(Customer)).dumps(Customer(1, Unpicklable()))


def test_another_writer_that_comes_first_is_not_overwritten(bind: Bind) -> None:
    class Raced(Memory):
        def write(self, items: Mapping[Any, bytes], /, *, replace: bool) -> Iterable[Any]:
            self.rows[("Customer", 1)] = b"theirs"
            return super().write(items, replace=replace)

    store = Raced(Customer)
    with pytest.raises(NotCommitted, match="holds something by now: another writer was there first"):
        bind(kv=store).dumps([Customer(1), Customer(2)])
    assert store.rows == {("Customer", 1): b"theirs"}


def test_a_record_that_refers_to_nothing_is_named(bind: Bind) -> None:
    store = Memory(Customer, Node)
    bound = bind(kv=store)
    data = bound.dumps(Node(1, Customer(7)))
    del store.rows["Customer", 7]
    with pytest.raises(MissingReference, match=r"the record \('Node', 1\) refers to \('Customer', 7\)"):
        bound.loads(data)


def test_what_two_records_would_share_is_refused(bind: Bind) -> None:
    shared = [1]
    with pytest.raises(NotStored, match="one list is part of"):
        bind(kv=Memory(Node)).dumps([Node(1, shared), Node(2, shared)])


def test_a_closure_is_read_level_by_level_and_no_further_than_asked() -> None:
    graph = {1: [2, 3], 2: [4], 3: [4, 9], 4: [1]}
    levels: list[list[Any]] = []

    def read(keys: list[Any]) -> dict[Any, list[int]]:
        levels.append(keys)
        return {key: graph[key] for key in keys if key in graph}

    records, missing = fetch_closure([1, 8], read, lambda record: record)
    assert levels == [[1, 8], [2, 3], [4, 9]]
    assert records == graph
    assert missing == {8: None, 9: 3}
    levels.clear()
    fetch_closure([1], read, lambda record: record, depth=1)
    assert levels == [[1], [2, 3]]
    order = list(dependencies_first(graph, lambda key: [to for to in graph[key] if to in graph]))
    assert order.index(4) < order.index(2) < order.index(1)


def test_keys_of_content_make_of_equal_objects_two(bind: Bind) -> None:
    store = ByContent(Node)
    bound = bind(memory=store)
    one, two = Node(1, ["x"]), Node(1, ["x"])
    data = bound.dumps([one, two, one])
    assert len(store.rows) == 1
    loaded = bound.loads(data)
    assert loaded == [one, two, one]
    assert loaded[0] is loaded[2]
    assert loaded[0] is not loaded[1]
    assert loaded[0].next is not loaded[1].next


def test_what_is_kept_by_content_is_kept_whole(bind: Bind) -> None:
    store = ByContent(Node)
    bound = bind(memory=store)
    equal = [Node(2), Node(2)]
    loaded = bound.loads(bound.dumps(Node(1, equal)))
    assert len(store.rows) == 1
    assert loaded.next == equal
    assert loaded.next[0] is not loaded.next[1]


@pytest.mark.parametrize(
    "graph",
    [
        lambda part: [Node(1, part), part],
        lambda part: [part, Node(1, part)],
        lambda part: [Node(1, part), Node(2, part)],
        lambda part: [Node(1, part), Node(1, part)],
    ],
)
def test_what_two_contents_share_is_refused(bind: Bind, graph: Callable[[Node], Any]) -> None:
    store = ByContent(Node)
    with pytest.raises(NotStored, match="come back as two"):
        bind(memory=store).dumps(graph(Node(5)))
    assert not store.rows


def test_values_refer_by_addresses() -> None:
    anna = Customer(7)
    data = encode([anna, 1, {"x": anna}], lambda obj: ("c", 7) if obj is anna else None)
    loaded = decode(data, lambda address: ["at", address])
    assert loaded == [["at", ("c", 7)], 1, {"x": ["at", ("c", 7)]}]
    assert loaded[0] is not None


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (decimal.Decimal("1.0"), decimal.Decimal("1.00"), False),
        ({1, 2, 3}, {3, 2, 1}, True),
        ([x := [1], x], [[1], [1]], False),
        (("a" * 3, "aaa"), (y := "aaa", y), True),
        (Customer(1, {"a", "b"}), Customer(1, {"b", "a"}), True),
        (Customer(1), Customer(2), False),
        (float("nan"), float("nan"), True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        (collections.OrderedDict(a=1), {"a": 1}, False),
    ],
    ids=repr,
)
def test_values_are_compared_by_what_is_written(one: Any, other: Any, alike: bool) -> None:
    assert same(encode(one, lambda _: None), encode(other, lambda _: None)) is alike


def test_deep_values_are_compared_without_recursion() -> None:
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep, "x"]
    data = encode(deep, lambda _: None)
    assert same(data, data[:])
    assert not same(data, encode([deep, 1], lambda _: None))


def test_what_cannot_be_known_weakly_is_held_a_while() -> None:
    known: KnownObjects[int] = KnownObjects()
    points = [Point(number, None) for number in range(10_001)]
    for number, point in enumerate(points):
        known.add(point, number)
    assert known.find(points[0]) is None
    assert known.find(points[-1]) == 10_000
    customer = Customer(1)
    known.add(customer, 1)
    assert known.find(customer) == 1
    del customer
    assert len(known) == 10_000
