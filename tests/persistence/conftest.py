"""`bind`: an engine with stores bound, for tests that write and read real streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from brinery import engine
from brinery.persistence.binding import bind as bind_plans
from brinery.plan import ReadPlan, WritePlan

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Wire


class Bound:
    """One engine whose plans have stores, and no plugins."""

    def __init__(self, name: str, stores: dict[str, Any], bare: Any, missing: Any) -> None:
        module = engine.get(name)
        write_plan, read_plan = bind_plans(WritePlan(), ReadPlan(), stores, bare=bare, missing=missing)
        self.Pickler: Any = type(
            "Pickler", (module.Pickler,), {"_plan_source": staticmethod(lambda: write_plan)}
        )
        self.Unpickler: Any = type(
            "Unpickler", (module.Unpickler,), {"_plan_source": staticmethod(lambda: read_plan)}
        )
        dumper, loader = module.Dumper(lambda: write_plan), module.Loader(lambda: read_plan)
        self.dump, self.dumps, self.load, self.loads = dumper.dump, dumper.dumps, loader.load, loader.loads


@pytest.fixture
def bind(wire: Wire) -> Callable[..., Bound]:
    """``bind(name=store, …, bare=…, missing=…)``: each engine in turn, with these stores."""

    def make(*, bare: Any = None, missing: Any = "raise", **stores: Any) -> Bound:
        return Bound(wire.name, stores, bare, missing)

    return make
