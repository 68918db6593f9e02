"""What every test may ask for: above all `wire`, which gives a test each engine in turn."""

from __future__ import annotations

import _compat_pickle
import os
from collections.abc import Iterator

import pytest

from brinery import engine
from brinery.plan import NameMap, ReadPlan, WritePlan

#: A second implementation joins every wire test by adding its name here.
ENGINES = ("python", "compiled")

PLAIN_WRITE = WritePlan(
    era_names=NameMap(_compat_pickle.REVERSE_NAME_MAPPING, _compat_pickle.REVERSE_IMPORT_MAPPING)
)
PLAIN_READ = ReadPlan(era_names=NameMap(_compat_pickle.NAME_MAPPING, _compat_pickle.IMPORT_MAPPING))


class Wire:
    """One engine with the plain plans: the standard module's classes and functions, and nothing of plugins."""

    def __init__(self, name: str) -> None:
        module = engine.get(name)
        self.name = name
        self.Pickler = type("Pickler", (module.Pickler,), {"_plan_source": staticmethod(lambda: PLAIN_WRITE)})
        self.Unpickler = type("Unpickler", (module.Unpickler,), {"_plan_source": staticmethod(lambda: PLAIN_READ)})
        dumper, loader = module.Dumper(lambda: PLAIN_WRITE), module.Loader(lambda: PLAIN_READ)
        self.dump, self.dumps, self.load, self.loads = dumper.dump, dumper.dumps, loader.load, loader.loads

    def __repr__(self) -> str:
        return f"<the {self.name} engine>"


def engines_under_test() -> tuple[str, ...]:
    """All engines, or the ones that BRINERY_TEST_ENGINES names. A missing engine is a failure, never a skip."""
    named = os.environ.get("BRINERY_TEST_ENGINES", "")
    return tuple(named.split(",")) if named else ENGINES


@pytest.fixture(params=engines_under_test(), scope="session")
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """Each engine in turn."""
    yield Wire(request.param)
