"""What a dump touched is let go of: classes and rule tables too, whatever an engine remembers about them."""

from __future__ import annotations

import gc
import pickle
import sys
import weakref
from collections.abc import Callable
from functools import partial

import pytest
from engines import Wire, where_classes_go

from brinery import engine
from brinery.plan import TypeRule, WritePlan


def forms() -> dict[str, type]:
    """New classes, each written in a way of its own, whose methods refer to their class."""

    class Plain:
        def __init__(self) -> None:
            super().__init__()
            self.attribute = 1

    class Slots:
        __slots__ = ("__weakref__", "left")

        def __init__(self) -> None:
            super().__init__()
            self.left = 1

    class State:
        def __getstate__(self) -> object:
            super().__init__()
            return 1

        def __setstate__(self, state: object) -> None:
            super().__init__()

    class Reduces:
        def __reduce__(self) -> tuple[object, ...]:
            super().__init__()
            return Reduces, ()

    class ReducesEx:
        def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
            super().__init__()
            return ReducesEx, ()

    return {cls.__name__: cls for cls in (Plain, Slots, State, Reduces, ReducesEx)}


@where_classes_go
@pytest.mark.parametrize("name", forms())
def test_a_class_goes_when_its_last_user_does(wire: Wire, name: str):
    module = sys.modules[__name__]
    cls = forms()[name]
    cls.__qualname__ = name
    setattr(module, name, cls)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert type(wire.loads(wire.dumps([cls(), cls()], protocol))[0]) is cls
    delattr(module, name)
    gone = weakref.ref(cls)
    del cls
    gc.collect()
    assert gone() is None


def test_a_rule_table_goes_when_another_is_used(wire: Wire):
    class Table:
        def epoch(self) -> int:
            return 1

        def rule_for(self, cls: type) -> TypeRule:
            return TypeRule(None, (self.override,), None)

        def override(self, obj: object) -> object:
            return NotImplemented

    tables = [Table(), Table()]
    gone = weakref.ref(tables[0])
    for table, obj in zip(tables, (weakref.ref, 1), strict=True):
        dumper = engine.get(wire.name).Dumper(partial(WritePlan, rules=table))
        dumper.dumps(obj)
        del dumper, table
    del tables[0]
    gc.collect()
    assert gone() is None


class Refuses:
    def __reduce__(self) -> tuple[object, ...]:
        raise ValueError("not me")


@pytest.mark.parametrize("within", [lambda obj: obj, lambda obj: [obj], lambda obj: [[1], (2, {"of": obj})]])
def test_an_object_goes_after_the_dump_that_failed_of_it(wire: Wire, within: Callable[[object], object]):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        obj = Refuses()
        gone = weakref.ref(obj)
        with pytest.raises(ValueError, match="not me"):
            wire.dumps(within(obj), protocol)
        del obj
        gc.collect()
        assert gone() is None, f"protocol {protocol}"
