"""The memo of a Pickler: shared between its dumps, cleared, copied, handed on; and doing without (fast)."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from engines import Wire
from graphs import Plain

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def both(wire: Wire, use: Callable[[Any, io.BytesIO], object], protocol: int) -> tuple[bytes, bytes]:
    written = []
    for cls in (wire.Pickler, pickle.Pickler):
        file = io.BytesIO()
        use(cls(file, protocol), file)
        written.append(file.getvalue())
    return written[0], written[1]


def assert_as_c_pickle(wire: Wire, use: Callable[[Any, io.BytesIO], object]) -> None:
    for protocol in PROTOCOLS:
        ours, theirs = both(wire, use, protocol)
        assert ours == theirs, f"protocol {protocol}"


SHARED = ["shared", (1, "text"), {"key": b"value"}]


def test_dumps_of_one_pickler_share_the_memo(wire: Wire):
    def use(pickler: Any, file: io.BytesIO) -> None:
        for obj in (SHARED, SHARED, [SHARED, "text"], SHARED[1], Plain):
            pickler.dump(obj)

    assert_as_c_pickle(wire, use)


@pytest.mark.parametrize("clear", [lambda p: p.clear_memo(), lambda p: p.memo.clear()])
def test_a_cleared_memo_begins_anew(wire: Wire, clear: Callable[[Any], None]):
    def use(pickler: Any, file: io.BytesIO) -> None:
        pickler.dump(SHARED)
        clear(pickler)
        pickler.dump(SHARED)

    for protocol in PROTOCOLS:
        assert both(wire, use, protocol)[0] == pickle.dumps(SHARED, protocol) * 2


def test_its_copy_says_which_object_has_which_index(wire: Wire):
    pickler = wire.Pickler(io.BytesIO(), 4)
    pickler.dump(SHARED)
    theirs = pickle.Pickler(io.BytesIO(), 4)
    theirs.dump(SHARED)
    assert pickler.memo.copy() == theirs.memo.copy()
    assert pickler.memo.copy()[id(SHARED)] == (0, SHARED)


@pytest.mark.parametrize("handed", [lambda memo: memo, lambda memo: memo.copy()], ids=["proxy", "copy"])
def test_it_can_be_handed_to_another_pickler(wire: Wire, handed: Callable[[Any], Any]):
    for protocol in PROTOCOLS:
        written = []
        for cls in (wire.Pickler, pickle.Pickler):
            first, second = cls(io.BytesIO(), protocol), cls(file := io.BytesIO(), protocol)
            first.dump(SHARED)
            second.memo = handed(first.memo)
            assert second.memo.copy() == first.memo.copy()
            second.dump([SHARED, "new"])
            first.dump(["not in the other"])
            second.dump(SHARED)
            written.append(file.getvalue())
        assert written[0] == written[1]


@pytest.mark.parametrize("memo", [5, None, [], {1: 5}, {1: (1,)}, {1: ("x", 1)}, {1: [1, 2]}])
def test_anything_else_is_refused_and_the_memo_stays(wire: Wire, memo: object):
    for cls in (wire.Pickler, pickle.Pickler):
        pickler = cls(io.BytesIO())
        pickler.dump(SHARED)
        with pytest.raises(TypeError):
            pickler.memo = memo
        assert id(SHARED) in pickler.memo.copy()


def test_of_two_indices_for_one_object_the_last_counts(wire: Wire):
    def use(pickler: Any, file: io.BytesIO) -> None:
        pickler.memo = {1: (3, SHARED), 2: (7, "text"), 3: (5, SHARED)}
        pickler.dump(SHARED)

    assert_as_c_pickle(wire, use)


def test_it_pickles_as_its_copy(wire: Wire):
    pickler = wire.Pickler(io.BytesIO())
    pickler.dump(["text"])
    assert pickle.loads(pickle.dumps(pickler.memo)) == pickler.memo.copy()


def test_objects_live_as_long_as_their_index(wire: Wire):
    """Otherwise another object could get the address, and with it the index, of one that is gone."""
    file = io.BytesIO()
    pickler = wire.Pickler(file, 4)
    for number in range(100):
        pickler.dump([number])
    file.seek(0)
    unpickler = pickle.Unpickler(file)
    assert [unpickler.load() for _ in range(100)] == [[number] for number in range(100)]


def fast(obj: object) -> Callable[[Any, io.BytesIO], object]:
    def use(pickler: Any, file: io.BytesIO) -> None:
        pickler.fast = True
        pickler.dump(obj)
        pickler.dump(obj)

    return use


class Holder:
    def __init__(self, value: object) -> None:
        self.value = value


def test_fast_does_without_a_memo(wire: Wire):
    for obj in (SHARED, [SHARED, SHARED], Plain, [Holder(1), Holder], (1, (2, 3)), {"a": {"b": {}}}):
        assert_as_c_pickle(wire, fast(obj))


def test_fast_still_uses_what_was_memoized_before(wire: Wire):
    def use(pickler: Any, file: io.BytesIO) -> None:
        pickler.dump(SHARED)
        fast([SHARED, "text"])(pickler, file)

    assert_as_c_pickle(wire, use)


def cyclic_list() -> object:
    items: list[object] = []
    items.append(items)
    return items


def cyclic_tuple() -> object:
    items: list[object] = []
    items.append((items,))
    return items[0]


def cyclic_dict() -> object:
    mapping: dict[str, object] = {}
    mapping["self"] = [mapping]
    return mapping


def cyclic_instance() -> object:
    holder = Holder(None)
    holder.value = (holder,)
    return holder


@pytest.mark.parametrize("make", [cyclic_list, cyclic_tuple, cyclic_dict, cyclic_instance])
def test_fast_refuses_cycles(wire: Wire, make: Callable[[], object]):
    for protocol in PROTOCOLS:
        for cls in (wire.Pickler, pickle.Pickler):
            with pytest.raises(ValueError, match="fast mode: can't pickle cyclic objects"):
                fast(make())(cls(io.BytesIO(), protocol), io.BytesIO())


def test_fast_takes_depth_and_sharing(wire: Wire):
    deep: object = []
    for _ in range(200):
        deep = [deep, {"key": deep}] if isinstance(deep, list) and not deep else [deep]
    assert_as_c_pickle(wire, fast(deep))


def test_a_pickler_knows_nothing_of_those_that_are_gone(wire: Wire):
    """Objects lie where others lay before, and so may a memo."""
    held = [[number] for number in range(9)]  # what stays where it is
    for number in range(200):
        made = [held[number % 9], [number], {"key": (number, [])}, held[0]]
        written, expected = both(wire, lambda pickler, file, made=made: pickler.dump(made), 4)
        assert written == expected
        assert wire.dumps(made, 2) == pickle.dumps(made, 2)
