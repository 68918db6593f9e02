"""The engines under test, each as one object that stands where the ``pickle`` module would."""

from __future__ import annotations

import _compat_pickle
import os
import sys
import sysconfig

import pytest

from brinery import engine
from brinery.plan import NameMap, ReadPlan, WritePlan

#: A second implementation joins every wire test by adding its name here.
ENGINES = ("python", "compiled")

PLAIN_WRITE = WritePlan(
    era_names=NameMap(_compat_pickle.REVERSE_NAME_MAPPING, _compat_pickle.REVERSE_IMPORT_MAPPING)
)
PLAIN_READ = ReadPlan(era_names=NameMap(_compat_pickle.NAME_MAPPING, _compat_pickle.IMPORT_MAPPING))

#: Python 3.13 without the GIL keeps every class for good once a thread was started (CPython issue 124239).
where_classes_go = pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")) and sys.version_info < (3, 14),
    reason="this interpreter never lets go of a class",
)


class Wire:
    """One engine with the plain plans: the standard module's classes and functions, no plugins."""

    def __init__(self, name: str) -> None:
        module = engine.get(name)
        self.name = name
        self.Pickler = type("Pickler", (module.Pickler,), {"_plan_source": staticmethod(lambda: PLAIN_WRITE)})
        self.Unpickler = type(
            "Unpickler", (module.Unpickler,), {"_plan_source": staticmethod(lambda: PLAIN_READ)}
        )
        dumper, loader = module.Dumper(lambda: PLAIN_WRITE), module.Loader(lambda: PLAIN_READ)
        self.dump, self.dumps, self.load, self.loads = dumper.dump, dumper.dumps, loader.load, loader.loads

    def __repr__(self) -> str:
        return f"<the {self.name} engine>"


def engines_under_test() -> tuple[str, ...]:
    """All engines, or those that BRINERY_TEST_ENGINES names. A missing one is a failure, never a skip."""
    named = os.environ.get("BRINERY_TEST_ENGINES", "")
    return tuple(named.split(",")) if named else ENGINES
