"""CPython's own pickle tests, all of them, run against each engine.

They are the running interpreter's: ``test.pickletester`` holds the tests in abstract classes, and
``test.test_pickle`` and ``test.test_pickletools`` make cases of them, one for each implementation
in the standard library. The cases for the C implementation are subclassed here with an engine in its place.
"""

from __future__ import annotations

import _pickle
import pickle
import sys
import unittest
from collections.abc import Callable
from contextlib import chdir
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import ClassVar
from unittest import mock

import pytest
from engines import Wire, engines_under_test
from test import pickletester, test_pickle, test_pickletools
from test.support.os_helper import TESTFN

pytestmark = pytest.mark.filterwarnings("default")  # some tests use what their Python has deprecated

MODULES = (pickletester, test_pickle, test_pickletools)

#: The standard library's case -> the attributes that put an engine into it.
ADAPTED: dict[str, Callable[[SimpleNamespace], dict[str, object]]] = {
    "CPickleTests": lambda ours: {
        **{name: staticmethod(getattr(ours, name)) for name in ("dump", "dumps", "load", "loads")},
        "Pickler": ours.Pickler,
        "Unpickler": ours.Unpickler,
    },
    "CUnpicklerTests": lambda ours: {"unpickler": ours.Unpickler},
    "CPicklingErrorTests": lambda ours: {"pickler": ours.Pickler},
    "CPicklerTests": lambda ours: {"pickler": ours.Pickler, "unpickler": ours.Unpickler},
    "CPersPicklerTests": lambda ours: {"pickler": ours.Pickler, "unpickler": ours.Unpickler},
    "CIdPersPicklerTests": lambda ours: {"pickler": ours.Pickler, "unpickler": ours.Unpickler},
    "CDumpPickle_LoadPickle": lambda ours: {"pickler": _pickle.Pickler, "unpickler": ours.Unpickler},
    "DumpPickle_CLoadPickle": lambda ours: {"pickler": ours.Pickler, "unpickler": _pickle.Unpickler},
    "CPicklerUnpicklerObjectTests": lambda ours: {
        "pickler_class": ours.Pickler,
        "unpickler_class": ours.Unpickler,
    },
    "CDispatchTableTests": lambda ours: {"pickler_class": ours.Pickler},
    "CChainDispatchTableTests": lambda ours: {"pickler_class": ours.Pickler},
    "CPicklerHookTests": lambda ours: {
        "pickler_class": type("CustomPickler", (ours.Pickler, pickletester.AbstractCustomPicklerClass), {})
    },
    # These two call pickle.dumps and pickle.loads, which redirected() makes the engine's; one of
    # their tests asks for a pickler.
    "InMemoryPickleTests": lambda ours: {"pickler": ours.Pickler, "unpickler": ours.Unpickler},
    "OptimizedPickleTests": lambda ours: {"pickler": ours.Pickler, "unpickler": ours.Unpickler},
}

_OTHER_FLAVOUR = "the tests of the C case beside it, with what only the stdlib's Python pickler does"

#: The standard library's case -> why it says nothing about an engine.
NOT_ABOUT_ENGINES = {
    "PyPickleTests": _OTHER_FLAVOUR,
    "PyUnpicklerTests": _OTHER_FLAVOUR,
    "PyPicklingErrorTests": _OTHER_FLAVOUR,
    "PyPicklerTests": _OTHER_FLAVOUR,
    "PyPersPicklerTests": _OTHER_FLAVOUR,
    "PyIdPersPicklerTests": _OTHER_FLAVOUR,
    "PyPicklerUnpicklerObjectTests": _OTHER_FLAVOUR,
    "PyDispatchTableTests": _OTHER_FLAVOUR,
    "PyChainDispatchTableTests": _OTHER_FLAVOUR,
    "PyPicklerHookTests": _OTHER_FLAVOUR,
    "SizeofTests": "measures the structs of _pickle.c, byte by byte",
    "HeapTypesTests": "holds the types of _pickle.c immutable; brinery's classes are ordinary ones",
    "CompatPickleTests": "checks the tables of _compat_pickle, which brinery takes as they are",
    "GenopsTests": "tests pickletools.genops",
    "DisTests": "tests pickletools.dis",
    "MiscTestCase": "tests pickletools.__all__",
    "CommandLineTest": "tests the command lines of pickle and pickletools",
    "LazyImportTest": "tests what importing pickle imports",
}

_32_BITS = "only where a pointer has 32 bits"
_FROZENDICT = "where there is a frozendict; Python 3.14 has the tests and skips them"
_MEMORY = "takes 5 to 32 GiB of memory"

#: Every test that may be skipped, and why.
SKIPPED = {
    "test_negative_32b_binbytes": _32_BITS,
    "test_negative_32b_binunicode": _32_BITS,
    "test_negative_32b_binput": _32_BITS,
    "test_large_32b_binbytes8": _32_BITS,
    "test_large_32b_bytearray8": _32_BITS,
    "test_large_32b_binunicode8": _32_BITS,
    "test_huge_long_32b": _MEMORY,
    "test_huge_bytes_32b": _MEMORY,
    "test_huge_bytes_64b": _MEMORY,
    "test_huge_str_32b": _MEMORY,
    "test_huge_str_64b": _MEMORY,
    "test_buffers_numpy": "runs where numpy is installed; the other buffer tests need none",
    "test_float_format": "in its later versions, for each locale that the machine has not",
    "test_deep_nested_struct_frozendict": _FROZENDICT,
    "test_fast_save_enter_frozendict": _FROZENDICT,
    "test_wrong_newobj_ex_class": "the test itself says: only verified in the Python implementation",
}

#: Not in the test suites of all supported Pythons, but in those from that version on; and those that later
#: bugfix releases of a version may have.
SINCE = {
    "CPicklingErrorTests": (3, 13),
    "PyPicklingErrorTests": (3, 13),
    "HeapTypesTests": (3, 13),
    "GenopsTests": (3, 13),
    "DisTests": (3, 13),
    "CommandLineTest": (3, 14),
    "LazyImportTest": (3, 15),
    "test_wrong_newobj_ex_class": (3, 13),
    "test_deep_nested_struct_frozendict": (3, 15),
    "test_fast_save_enter_frozendict": (3, 15),
}


def stdlib_cases() -> dict[str, type[unittest.TestCase]]:
    """Every case about pickling in this interpreter's test suite."""
    return {
        name: case
        for module in MODULES
        for name, case in vars(module).items()
        if isinstance(case, type)
        and issubclass(case, unittest.TestCase)
        and case.__module__ == module.__name__
    }


def redirected(wire: Wire) -> SimpleNamespace:
    """The ``pickle`` module as the tests see it: what an engine has is the engine's, else the stdlib's."""
    names = ("dump", "dumps", "load", "loads", "Pickler", "Unpickler")
    return SimpleNamespace(**{**vars(pickle), **{name: getattr(wire, name) for name in names}})


class OnEngine:
    """What every adapted case gets: an engine behind the name ``pickle``, and a folder to litter."""

    ours: ClassVar[SimpleNamespace]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()  # type: ignore[misc]
        cls.enterClassContext(chdir(cls.enterClassContext(TemporaryDirectory())))
        # A test puts this relative path on sys.path, and import remembers where it led before.
        sys.path_importer_cache.pop(TESTFN, None)
        for module in MODULES:
            cls.enterClassContext(mock.patch.object(module, "pickle", cls.ours))


def adapted_cases(wire: Wire) -> dict[str, type[unittest.TestCase]]:
    ours = redirected(wire)
    return {
        f"{name}_{wire.name}": type(
            f"{name}_{wire.name}",
            (OnEngine, case),
            {"ours": ours, "__module__": __name__, **ADAPTED[name](ours)},
        )
        for name, case in stdlib_cases().items()
        if name in ADAPTED
    }


for _name in engines_under_test():
    globals().update(adapted_cases(Wire(_name)))


def in_this_python(names: set[str]) -> set[str]:
    return {name for name in names if sys.version_info >= SINCE.get(name, (3, 11))}


def test_every_case_of_the_standard_library_is_adapted_or_explained():
    assert not ADAPTED.keys() & NOT_ABOUT_ENGINES.keys()
    known = ADAPTED.keys() | NOT_ABOUT_ENGINES.keys()
    assert stdlib_cases().keys() <= known
    assert in_this_python(known) <= stdlib_cases().keys()


def test_no_test_of_an_abstract_class_is_left_out():
    adapted = [case for name, case in stdlib_cases().items() if name in ADAPTED]
    left_out = {
        f"{abstract.__name__}.{test}"
        for abstract in vars(pickletester).values()
        if isinstance(abstract, type) and abstract.__module__ == pickletester.__name__
        for test in vars(abstract)
        if test.startswith("test") and not any(callable(getattr(case, test, None)) for case in adapted)
    }
    assert not left_out


@pytest.mark.parametrize("engine", engines_under_test())
def test_every_adapted_case_keeps_all_tests_of_the_original(engine: str):
    load = unittest.TestLoader()
    for name, case in stdlib_cases().items():
        if name in ADAPTED:
            assert load.getTestCaseNames(globals()[f"{name}_{engine}"]) == load.getTestCaseNames(case)


def test_every_explained_skip_is_still_there():
    tests = {test for name, case in stdlib_cases().items() if name in ADAPTED for test in dir(case)}
    assert in_this_python(set(SKIPPED)) <= tests
