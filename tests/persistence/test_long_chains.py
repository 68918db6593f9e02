"""A chain of 100,000 rows, or records, each of which refers to the next: by levels, and without recursion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from brinery import Profile
from brinery.persistence.sqlite import SqliteStore, Table

from .shop import Node
from .test_records import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LENGTH = 100_000


def chain() -> Node:
    first = last = Node(0)
    for number in range(1, LENGTH):
        last.next = Node(number)
        last = last.next
    return first


def along(node: Node | None) -> Iterator[int]:
    while node is not None:
        yield node.id
        node = node.next


def unlink(node: Node | None) -> None:
    """Take it apart link by link: letting go of it as a whole is a recursion of the interpreter's."""
    while node is not None:
        node.next, node = None, node.next


@pytest.mark.parametrize("foreign_key", [True, False])
def test_a_chain_of_100_000_rows_is_written_and_read(tmp_path: Path, foreign_key: bool) -> None:
    table = Table("nodes", Node, references={"next": "nodes"} if foreign_key else {})
    with SqliteStore(tmp_path / "nodes.db", [table], on_new="insert") as store:
        bound = Profile.plain().bind(shop=store)
        first = chain()
        asked: list[str] = []
        store.set_trace_callback(asked.append)
        data = bound.dumps([first])
        # New rows are looked for and written in batches, however they hang together.
        assert len([text for text in asked if not text.startswith("INSERT")]) < 50
        assert store.count("nodes") == LENGTH
        del asked[:]
        (loaded,) = bound.loads(data)
        assert len(asked) <= LENGTH + 10  # a level is a query
        store.set_trace_callback(None)
        assert list(along(loaded)) == list(range(LENGTH))
        assert bound.dumps([loaded]) == data
        unlink(first)
        unlink(loaded)


def test_a_chain_of_100_000_records_is_written_and_read() -> None:
    store = Memory(Node)
    bound = Profile.plain().bind(kv=store)
    first = chain()
    data = bound.dumps([first])
    assert len(store.requests) == 2
    (loaded,) = bound.loads(data)
    assert list(along(loaded)) == list(range(LENGTH))
    assert bound.dumps([loaded]) == data
    unlink(first)
    unlink(loaded)
