"""Random graphs whose reducers and hooks change them meanwhile, and dump in turn: never a crash or a leak."""

from __future__ import annotations

import gc
import io
import pickle
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import pytest
from engines import PLAIN_WRITE

from brinery.engine.compiled import writing

SEEDS = range(150)
#: What a change under way, or an instance with slots below protocol 2, is refused with.
REFUSED = (RuntimeError, TypeError)
dumper = writing.Dumper(lambda: PLAIN_WRITE)


class Pickler(writing.Pickler):
    _plan_source = staticmethod(lambda: PLAIN_WRITE)


class Plain:
    pass


class Slotted:
    __slots__ = ("left", "right")


class Graph:
    """A random graph, and the code that changes it: the same for the same seed, whoever writes it."""

    def __init__(self, seed: int, dump: Callable[[object, int], object], protocol: int) -> None:
        self.random = random.Random(seed)
        self.act = random.Random(seed + 1)
        self.dump, self.protocol = dump, protocol
        self.made: list[Any] = []
        self.acted = 0
        self.root = self.grow(5)

    def grow(self, depth: int) -> Any:
        chance = self.random
        if self.made and chance.random() < 0.2:
            return chance.choice(self.made)
        kind = chance.randrange(12 if depth else 4)
        made: Any
        if kind < 4:
            return chance.choice(
                (None, True, 7, 1.5, 10**20, f"text {chance.random()}", b"bytes", date(2026, 1, 2))
            )
        if kind < 6:
            made = []
            self.made.append(made)
            made.extend(self.grow(depth - 1) for _ in range(chance.randrange(5)))
        elif kind == 6:
            made = {}
            self.made.append(made)
            made.update((f"{n} {chance.random()}", self.grow(depth - 1)) for n in range(chance.randrange(5)))
        elif kind == 7:
            made = tuple(self.grow(depth - 1) for _ in range(chance.randrange(5)))
        elif kind == 8:
            made = {f"{chance.random()}" for _ in range(chance.randrange(5))}
            self.made.append(made)
        elif kind == 9:
            made = Plain()
            self.made.append(made)
            for name in "abcd"[: chance.randrange(5)]:
                setattr(made, name, self.grow(depth - 1))
        elif kind == 10:
            made = Slotted()
            self.made.append(made)
            made.left, made.right = self.grow(depth - 1), datetime(2026, 1, 2)
        else:
            made = Acts(self)
        return made

    def change(self) -> object:
        """Change something that may be in the middle of being written; dump something of it meanwhile."""
        self.acted += 1
        if not self.made or self.acted > 200:
            return None
        target = self.act.choice(self.made)
        action = self.act.randrange(5)
        if action == 0:
            return target
        if action == 1:
            with suppress(*REFUSED):
                self.dump(target, self.protocol)
        elif isinstance(target, list):
            (target.clear, target.reverse, lambda: target.append([self.acted]))[action - 2]()
        elif isinstance(target, dict):
            (target.clear, lambda: target.update(new=self.acted), lambda: target.popitem() if target else 0)[
                action - 2
            ]()
        elif isinstance(target, set):
            (target.clear, lambda: target.add(str(self.acted)), lambda: target.pop() if target else 0)[
                action - 2
            ]()
        elif isinstance(target, Slotted):
            target.left = [self.acted]
        else:
            (target.__dict__.clear, lambda: setattr(target, "new", 1), lambda: setattr(target, "a", [1]))[
                action - 2
            ]()
        return [self.acted]


class Acts:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __reduce__(self) -> tuple[object, ...]:
        given = self.graph.change()
        return list, ((given, [f"fresh {self.graph.acted}"]),)


def outcome(dump: Callable[[object, int], object], seed: int, protocol: int) -> object:
    graph = Graph(seed, dump, protocol)
    try:
        return dump(graph.root, protocol)
    except REFUSED as error:
        return type(error)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_reducers_that_change_the_graph_have_the_effect_they_have_in_c_pickle(protocol: int):
    ends = set()
    for seed in SEEDS:
        ours, theirs = outcome(dumper.dumps, seed, protocol), outcome(pickle.dumps, seed, protocol)
        assert ours == theirs, f"seed {seed}"
        ends.add(type(ours))
    assert ends == {bytes, type}  # both happened: written, and refused for the change


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_persistent_id_that_changes_the_graph_does_too(protocol: int):
    def dump_with(base: type[pickle.Pickler]) -> Callable[[object, int], object]:
        def dump(obj: object, protocol: int) -> object:
            file = io.BytesIO()
            Changing(file, protocol).dump(obj)
            return file.getvalue()

        class Changing(base):  # type: ignore[misc,valid-type]
            def persistent_id(self, obj: object) -> object:
                calls[0] += 1
                if calls[0] % 7 == 0 and current:
                    current[0].change()
                return None

        return dump

    ends = set()
    for seed in SEEDS:
        results = []
        for base in (Pickler, pickle.Pickler):
            calls, current = [0], []
            dump = dump_with(base)  # type: ignore[arg-type]
            graph = Graph(seed, pickle.dumps, protocol)
            current.append(graph)
            try:
                results.append(dump(graph.root, protocol))
            except REFUSED as error:
                results.append(type(error))
        assert results[0] == results[1], f"seed {seed}"
        ends.add(type(results[0]))
    assert ends == {bytes, type}


def test_nothing_is_leaked_by_dumps_that_succeed_or_fail():
    def work() -> None:
        for seed in range(40):
            for protocol in (0, 2, 4, 5):
                outcome(dumper.dumps, seed, protocol)

    work()
    work()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(3):
        work()
    gc.collect()
    # The interpreter warms up by a hundred or so. One object leaked by each dump would be 480.
    assert sys.getallocatedblocks() - before < 400


def test_references_are_given_back():
    text, items, cls, made = "a text".upper(), [1, 2], Plain, Plain()
    made.text, made.items = text, items  # type: ignore[attr-defined]

    def counts() -> list[int]:
        gc.collect()
        return [sys.getrefcount(each) for each in (text, items, cls, made, made.__dict__, Acts, dumper)]

    graph = [text, items, made, made, (text, items), {text: made}, date(2026, 1, 2)]
    failing = [graph, sys._getframe()]
    pickler = Pickler(io.BytesIO(), 4)
    before = counts()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for _ in range(20):
            dumper.dumps(graph, protocol)
            dumper.dump(graph, io.BytesIO(), protocol)
            with pytest.raises(TypeError):
                dumper.dumps(failing, protocol)
    for _ in range(20):
        pickler.dump(graph)
        pickler.clear_memo()
        with pytest.raises(TypeError):
            pickler.dump(failing)
    assert counts() == before


def test_none_is_given_back():
    """It stands for what an object lacks in many places, and before Python 3.12 it is counted."""
    pickler = Pickler(io.BytesIO(), 4)
    graph = [None, (None, {None: None}), Plain(), date(2026, 1, 2), {1}, b"bytes"]
    before = sys.getrefcount(None)
    for _ in range(1000):
        pickler.dump(graph)
        pickler.clear_memo()
        dumper.dumps(graph)
    # The interpreter itself refers to it now and then.
    assert abs(sys.getrefcount(None) - before) < 100
